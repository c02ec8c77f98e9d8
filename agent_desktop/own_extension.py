"""The settings of the extension an account signs in on, as far as agents change them themselves (DSK-8)."""

from __future__ import annotations

import dataclasses
from typing import Any

import redis as redis_py
from sqlalchemy import select

from core import audit, phone
from core.database import TenantSession
from core.errors import BadFieldError, NotFound
from core.permissions import Principal
from core.views import visible_number
from cti import bound_numbers, publishing
from cti.models import Extension, ExtensionAccount, PopTime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Form:
    """What was sent; ``bound_number`` None: it was shown masked and stays."""

    bound_number: str | None
    forward_when_offline: bool
    press_to_take: bool | None
    """None: not sent, and stays."""
    pop_on: PopTime


class NoExtensionError(NotFound):
    """The account may sign in on no extension."""

    id = "no-extension"


def settings_of(session: TenantSession, principal: Principal) -> dict[str, Any]:
    """Return the own extension's settings. Raises :class:`NoExtensionError`."""
    row = _own(session, principal)
    return {
        "number": row.number,
        "bound_number": visible_number(row.bound_number) if row.bound_number else "",
        "forward_when_offline": row.forward_when_offline,
        "press_to_take": row.press_to_take,
        "pop_on": row.pop_on.value,
    }


def change(session: TenantSession, redis: redis_py.Redis, principal: Principal, form: Form) -> None:
    """Change them; calls know it after the commit. Raises :class:`NoExtensionError`, ``InvalidNumberError``,
    ``NumberRefusedError``.
    """
    row = _own(session, principal)
    if form.bound_number is not None:
        number = phone.parse(form.bound_number).stored if form.bound_number else ""
        if number != row.bound_number:
            bound_numbers.require_usable(session, row.tenant_id, number)
        row.bound_number = number
    row.forward_when_offline = form.forward_when_offline
    if form.press_to_take is not None:
        row.press_to_take = form.press_to_take
    row.pop_on = form.pop_on
    changes = audit.changes_of(row)
    if not changes:
        return
    session.flush()
    audit.record(session, principal, "extensions.own-edit", row, changes)
    publishing.publish(session, redis, row)


def form_of(body: dict[str, Any]) -> Form:
    """Return the form in a request's body. Raises ``BadFieldError``."""
    number, forward, pop_on = (body.get(name) for name in ("bound_number", "forward_when_offline", "pop_on"))
    if not isinstance(number, str) or len(number) > 32:
        raise BadFieldError(field="bound_number")
    if not isinstance(forward, bool):
        raise BadFieldError(field="forward_when_offline")
    press = body.get("press_to_take")
    if press is not None and not isinstance(press, bool):
        raise BadFieldError(field="press_to_take")
    if pop_on not in set(PopTime):
        raise BadFieldError(field="pop_on")
    return Form(
        bound_number=None if "*" in number else number.strip(),
        forward_when_offline=forward,
        press_to_take=press,
        pop_on=PopTime(pop_on),
    )


def _own(session: TenantSession, principal: Principal) -> Extension:
    """Return the one extension the account may sign in on (CTI-E2)."""
    row = session.scalar(
        select(Extension)
        .join(ExtensionAccount, ExtensionAccount.extension_id == Extension.id)
        .where(ExtensionAccount.account_id == principal.account_id)
    )
    if row is None:
        raise NoExtensionError()
    return row
