"""The base of every view of every folder: who may, then what, then the answer (house style 13).

A view is a class with an `access`: a permission, several of which one is enough, or a word for who needs none.
The application refuses to start with a route that lacks one. What the process has (database, Redis, settings) comes
from :func:`parts`; the request's session is scoped to the signed-in account's tenant.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, ClassVar, cast

import redis as redis_py
from flask import Flask, current_app, g, request
from flask.typing import ResponseReturnValue
from flask.views import MethodView

from core.crypto import Vault
from core.database import ALL_TENANTS, Database, Scope, TenantSession
from core.errors import Forbidden
from core.flask_db import FlaskDatabase
from core.permissions import Permission, Principal
from core.sessions import SessionOverError, Sessions
from core.settings import Settings


class Open(enum.Enum):
    """Access without a permission."""

    PUBLIC = "public"
    """Anybody, signed in or not."""
    SIGNED_IN = "signed-in"
    """Whoever is signed in, whatever their role."""
    MACHINE = "machine"
    """A program on this host; the view checks its secret and address itself."""


Access = Permission | tuple[Permission, ...] | Open


@dataclasses.dataclass(kw_only=True)
class Parts:
    """What a web process is made of, wired in its composition root."""

    settings: Settings
    database: Database
    db: FlaskDatabase
    redis: redis_py.Redis
    sessions: Sessions
    vault: Vault


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
    if access is Open.PUBLIC or access is Open.MACHINE:
        return True
    principal = principal_or_none()
    if principal is None:
        return False
    if access is Open.SIGNED_IN:
        return True
    wanted = access if isinstance(access, tuple) else (access,)
    return any(principal.may(each) for each in wanted)


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
        if access is Open.PUBLIC or access is Open.MACHINE:
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
