"""Buttons that switch a row on or off: each says what it sets, and sets that, on a page from before too."""

from __future__ import annotations

from typing import Any

from admin_web.resource import Action
from admin_web.resources.saving import publish, store
from core.database import TenantSession
from core.i18n import LazyText, lazy
from core.permissions import Permission, Principal


def on_and_off(permission: Permission, log_as: str, *, on: LazyText, off: LazyText) -> tuple[Action, Action]:
    """Return the two actions of rows with `enabled` and `code`, of which a row shows the one that changes it. `on` and
    `off` are what is said afterwards, with ``%(code)s``; the log's line is `log_as`.
    """

    def switched(enabled: bool, said: LazyText) -> Any:
        def run(session: TenantSession, actor: Principal, row: Any) -> LazyText:
            store(session, actor, log_as, row, {"enabled": enabled})
            publish(session, row)
            return said.filled(code=row.code)

        return run

    return (
        Action(
            name="enable",
            label=lazy("Enable"),
            icon="circle-check",
            permission=permission,
            run=switched(True, on),
            shown=lambda row: not row.enabled,
        ),
        Action(
            name="disable",
            label=lazy("Disable"),
            icon="ban",
            permission=permission,
            run=switched(False, off),
            shown=lambda row: row.enabled,
        ),
    )
