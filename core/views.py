"""The base of every view of every folder: who may, then what, then the answer (house style 13).

A view is a class with an `access`: a permission, several of which one is enough, or a word for who needs none.
The application refuses to start with a route that lacks one. What the process has (database, Redis, settings) comes
from :func:`parts`; the request's session is scoped to the signed-in account's tenant.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import enum
from collections.abc import Iterator
from typing import Any, ClassVar, Final, cast

import redis as redis_py
from flask import Flask, current_app, g, has_app_context, request
from flask.typing import ResponseReturnValue
from flask.views import MethodView

from core import phone
from core.crypto import Vault
from core.database import ALL_TENANTS, Database, Scope, TenantSession
from core.errors import Forbidden
from core.flask_db import FlaskDatabase
from core.number_masking import masked_keys, masked_number
from core.password_reset import PasswordReset
from core.permissions import Permission, Principal
from core.sessions import SessionOverError, Sessions, SignInUnfinishedError
from core.settings import Settings
from core.throttle import Throttle


class Open(enum.Enum):
    """Access without a permission."""

    PUBLIC = "public"
    """Anybody, signed in or not."""
    SIGNED_IN = "signed-in"
    """Whoever is signed in, whatever their role."""
    MACHINE = "machine"
    """A program on this host; the view checks its secret and address itself."""
    KEY = "key"
    """A program with an API key, which the view checks itself; a session's cookie opens nothing there."""


Access = Permission | tuple[Permission, ...] | Open

_reader: Final[contextvars.ContextVar[Principal | None]] = contextvars.ContextVar("reader", default=None)


@dataclasses.dataclass(kw_only=True)
class Parts:
    """What a web process is made of, wired in its composition root."""

    settings: Settings
    database: Database
    db: FlaskDatabase
    redis: redis_py.Redis
    sessions: Sessions
    vault: Vault
    throttle: Throttle
    password_reset: PasswordReset


def install(app: Flask, made: Parts) -> None:
    """Give `app` its parts."""
    app.extensions["zongji"] = made


def parts() -> Parts:
    """Return the parts of the application that serves this request."""
    return cast(Parts, current_app.extensions["zongji"])


def principal_or_none() -> Principal | None:
    """Return who is signed in, or None."""
    return cast("Principal | None", g.get("principal"))


def current_principal() -> Principal:
    """Return who is signed in. Raises ``SessionOverError`` (401) when nobody is."""
    principal = principal_or_none()
    if principal is None:
        raise cast("SessionOverError | None", g.get("session_error")) or SessionOverError()
    return principal


def unfinished_or_none() -> SignInUnfinishedError | None:
    """Return the sign-in under way in this browser; whoever it is of is nobody to every other page."""
    return cast("SignInUnfinishedError | None", g.get("unfinished"))


def scope_of_request() -> Scope | None:
    """Return the scope the request's database session gets: the account's tenant, or what its view asked for."""
    if "scope" in g:
        return cast(Scope, g.scope)
    principal = principal_or_none()
    return None if principal is None else principal.scope


def session() -> TenantSession:
    """Return the request's database session; it rolls back unless committed."""
    return cast(TenantSession, parts().db.session())


def may(access: Access) -> bool:
    """Return whether the signed-in account (if any) has `access`."""
    if access in (Open.PUBLIC, Open.MACHINE, Open.KEY):
        return True
    principal = principal_or_none()
    if principal is None:
        return False
    if access is Open.SIGNED_IN:
        return True
    wanted = access if isinstance(access, tuple) else (access,)
    return any(principal.may(each) for each in wanted)


def sees_full_numbers() -> bool:
    """Return whether numbers are shown in full to whoever asks (ACC-14): the signed-in account, or whom a job works
    for (:func:`reading_as`); nobody sees none.
    """
    principal = _reader.get() or (principal_or_none() if has_app_context() else None)
    return principal is not None and principal.may(Permission.NUMBERS_FULL)


@contextlib.contextmanager
def reading_as(principal: Principal) -> Iterator[None]:
    """Have numbers shown, and looked for, as `principal` may: for work outside requests."""
    token = _reader.set(principal)
    try:
        yield
    finally:
        _reader.reset(token)


def shown_number(stored: str) -> str:
    """Return a stored number as people read it, masked where the signed-in account may not see it in full."""
    return phone.display(stored) if sees_full_numbers() else phone.mask(stored)


def visible_number(stored: str) -> str:
    """Return a number for a page's script: as it is stored, or masked where the account may not see it in full."""
    return stored if sees_full_numbers() else masked_number(stored)


def shown_keys(keys: str) -> str:
    """Return the keys a caller pressed; those that may be a number only to who may see numbers in full (ACC-14)."""
    return keys if sees_full_numbers() else masked_keys(keys)


class View(MethodView):
    """Authorises, then calls ``get``, ``post`` …, which validate, call one service and render.

    `access` may be overridden per method in `method_access` (``{"POST": Permission.ROUTES_EDIT}``).
    `all_tenants` lets an operator's view read every tenant; others are refused.
    """

    access: ClassVar[Access]
    method_access: ClassVar[dict[str, Access]] = {}
    all_tenants: ClassVar[bool] = False
    init_every_request = True

    def dispatch_request(self, **arguments: Any) -> ResponseReturnValue:
        """Serve the request. Raises ``SessionOverError`` (401) or ``Forbidden`` (403) before anything is read."""
        self.authorise()
        if self.all_tenants:
            g.scope = ALL_TENANTS
        return super().dispatch_request(**arguments)

    def authorise(self) -> None:
        """Check the account against the method's access."""
        method = "GET" if request.method == "HEAD" else request.method
        access = self.method_access.get(method, self.access)
        if access in (Open.PUBLIC, Open.MACHINE, Open.KEY):
            return
        principal = current_principal()
        if not may(access) or (self.all_tenants and not principal.is_operator):
            raise Forbidden(permissions=_names(access))


def _names(access: Access) -> list[str]:
    if isinstance(access, Open):
        return [access.value]
    return [each.value for each in (access if isinstance(access, tuple) else (access,))]


class UnclassifiedRouteError(Exception):
    """A route has no declared access; a bug found at start-up. The text names the routes."""


def check_classified(app: Flask) -> None:
    """Raise :class:`UnclassifiedRouteError` unless every route of `app` is a :class:`View` with an access."""
    wrong = []
    for rule in app.url_map.iter_rules():
        function = app.view_functions[rule.endpoint]
        if rule.endpoint == "static":
            continue
        view_class = getattr(function, "view_class", None)
        if not (
            isinstance(view_class, type) and issubclass(view_class, View) and hasattr(view_class, "access")
        ):
            wrong.append(f"{rule.endpoint} ({rule.rule})")
    if wrong:
        raise UnclassifiedRouteError(f"these routes declare no access: {', '.join(sorted(wrong))}")
