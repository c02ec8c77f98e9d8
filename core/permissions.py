"""What an account may do: permissions by module and action, sets of them by role, and the check.

A permission's value is ``<module>.<action>``; the tree (:func:`tree`) is what a role's form shows.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable

from core.errors import Forbidden
from core.i18n import LazyText, lazy
from core.models import Role
from core.tenancy import Scope


class Permission(enum.StrEnum):
    """Everything that can be allowed."""

    ROUTES_VIEW = "routes.view"
    ROUTES_EDIT = "routes.edit"
    ROUTES_OPEN = "routes.open"
    FLOWS_VIEW = "flows.view"
    FLOWS_EDIT = "flows.edit"
    QUEUES_VIEW = "queues.view"
    QUEUES_EDIT = "queues.edit"
    EXTENSIONS_VIEW = "extensions.view"
    EXTENSIONS_EDIT = "extensions.edit"
    EXTENSIONS_OPEN = "extensions.open"
    CUSTOMERS_VIEW = "customers.view"
    CUSTOMERS_EDIT = "customers.edit"
    CUSTOMERS_DELETE = "customers.delete"
    RECORDS_OWN = "records.own"
    RECORDS_VIEW = "records.view"
    RECORDINGS_PLAY = "recordings.play"
    RECORDINGS_DOWNLOAD = "recordings.download"
    DESK_USE = "desk.use"
    SUPERVISE_VIEW = "supervise.view"
    SUPERVISE_ACT = "supervise.act"
    ACCOUNTS_VIEW = "accounts.view"
    ACCOUNTS_EDIT = "accounts.edit"
    AUDIT_VIEW = "audit.view"
    DEMO_CALL = "demo.call"
    TENANTS_VIEW = "tenants.view"
    TENANTS_EDIT = "tenants.edit"
    SYSTEM_VIEW = "system.view"

    @property
    def module(self) -> str:
        """The first half of the name."""
        return self.value.partition(".")[0]

    @property
    def action(self) -> str:
        """The second half of the name."""
        return self.value.partition(".")[2]


MODULES: dict[str, LazyText] = {
    "routes": lazy("Inbound routes"),
    "flows": lazy("IVR flows"),
    "queues": lazy("Queues"),
    "extensions": lazy("Extensions"),
    "customers": lazy("Customers"),
    "records": lazy("Call records"),
    "recordings": lazy("Recordings"),
    "desk": lazy("Agent desktop"),
    "supervise": lazy("Supervision"),
    "accounts": lazy("Accounts"),
    "audit": lazy("Log"),
    "demo": lazy("Test calls"),
    "tenants": lazy("Companies"),
    "system": lazy("System"),
}
"""Modules in the order menus and forms show them."""

ACTIONS: dict[str, LazyText] = {
    "view": lazy("View"),
    "edit": lazy("Create and edit"),
    "open": lazy("Open and close"),
    "delete": lazy("Delete"),
    "own": lazy("View one's own"),
    "play": lazy("Play"),
    "download": lazy("Download"),
    "use": lazy("Use"),
    "act": lazy("Take action"),
    "call": lazy("Place"),
}

_OPERATOR_ONLY = frozenset(
    {
        Permission.ROUTES_OPEN,
        Permission.EXTENSIONS_OPEN,
        Permission.TENANTS_VIEW,
        Permission.TENANTS_EDIT,
        Permission.SYSTEM_VIEW,
    }
)
_AGENT = frozenset(
    {
        Permission.DESK_USE,
        Permission.CUSTOMERS_VIEW,
        Permission.CUSTOMERS_EDIT,
        Permission.RECORDS_OWN,
        Permission.RECORDINGS_PLAY,
    }
)
_SUPERVISOR = _AGENT | {
    Permission.SUPERVISE_VIEW,
    Permission.SUPERVISE_ACT,
    Permission.RECORDS_VIEW,
    Permission.RECORDINGS_DOWNLOAD,
    Permission.QUEUES_VIEW,
    Permission.EXTENSIONS_VIEW,
    Permission.ACCOUNTS_VIEW,
}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.AGENT: _AGENT,
    Role.SUPERVISOR: _SUPERVISOR,
    Role.TENANT_ADMIN: frozenset(Permission) - _OPERATOR_ONLY,
    Role.OPERATOR: frozenset(Permission) - {Permission.DESK_USE, Permission.SUPERVISE_ACT},
}
"""What the built-in roles may do (ACC-6). CTI-R3 and CTI-E1 keep opening routes and extensions with the
operator.
"""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Who asks: a signed-in account as views and services get it."""

    account_id: int
    tenant_id: int
    tenant_code: str
    tenant_name: str
    login: str
    name: str
    role: Role
    permissions: frozenset[Permission]
    language: str
    timezone: str
    session_id: int
    ip: str = ""

    @property
    def is_operator(self) -> bool:
        """Whether this is the platform's staff."""
        return self.role is Role.OPERATOR

    @property
    def scope(self) -> Scope:
        """Scope of the session its requests use; an operator's page that looks across tenants says so
        itself.
        """
        return self.tenant_id

    def may(self, permission: Permission) -> bool:
        """Return whether `permission` is given."""
        return permission in self.permissions


def permissions_of(role: Role) -> frozenset[Permission]:
    """Return what `role` may do."""
    return ROLE_PERMISSIONS[role]


def require(principal: Principal, *permissions: Permission) -> None:
    """Raise :class:`core.errors.Forbidden` unless `principal` has all `permissions`."""
    missing = [permission.value for permission in permissions if not principal.may(permission)]
    if missing:
        raise Forbidden(permissions=missing)


def tree(permissions: Iterable[Permission] = Permission) -> dict[str, list[Permission]]:
    """Return `permissions` grouped by module, in the order of :data:`MODULES`."""
    given = list(permissions)
    grouped = {module: [each for each in given if each.module == module] for module in MODULES}
    return {module: members for module, members in grouped.items() if members}
