"""What an account may do: permissions by module and action, sets of them by role, and the check.

A permission's value is ``<module>.<action>``; the tree (:func:`tree`) is what a role's form shows.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable

import msgspec

from core.errors import Forbidden
from core.i18n import LazyText, lazy
from core.models import Account, BuiltInRole, Role
from core.tenancy import Scope


class Permission(enum.StrEnum):
    """Everything that can be allowed."""

    ROUTES_VIEW = "routes.view"
    ROUTES_EDIT = "routes.edit"
    ROUTES_OPEN = "routes.open"
    FLOWS_VIEW = "flows.view"
    FLOWS_EDIT = "flows.edit"
    VOICES_VIEW = "voices.view"
    VOICES_EDIT = "voices.edit"
    VOICES_REVIEW = "voices.review"
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
    SMS_VIEW = "sms.view"
    DESK_USE = "desk.use"
    SUPERVISE_VIEW = "supervise.view"
    SUPERVISE_ACT = "supervise.act"
    SUPERVISE_CHAT = "supervise.chat"
    NUMBERS_FULL = "numbers.full"
    ACCOUNTS_VIEW = "accounts.view"
    ACCOUNTS_EDIT = "accounts.edit"
    ACCOUNTS_DELETE = "accounts.delete"
    ROLES_VIEW = "roles.view"
    ROLES_EDIT = "roles.edit"
    GROUPS_VIEW = "groups.view"
    GROUPS_EDIT = "groups.edit"
    ANNOUNCEMENTS_EDIT = "announcements.edit"
    ACCESS_VIEW = "access.view"
    ACCESS_EDIT = "access.edit"
    API_VIEW = "api.view"
    API_EDIT = "api.edit"
    AUDIT_VIEW = "audit.view"
    DEMO_CALL = "demo.call"
    TENANTS_VIEW = "tenants.view"
    TENANTS_EDIT = "tenants.edit"
    TRUNKS_VIEW = "trunks.view"
    TRUNKS_EDIT = "trunks.edit"
    SYSTEM_VIEW = "system.view"
    SYSTEM_EDIT = "system.edit"

    @property
    def module(self) -> str:
        """The first half of the name."""
        return self.value.partition(".")[0]

    @property
    def action(self) -> str:
        """The second half of the name."""
        return self.value.partition(".")[2]


_NAMES = frozenset(each.value for each in Permission)

MODULES: dict[str, LazyText] = {
    "routes": lazy("Inbound routes"),
    "flows": lazy("IVR flows"),
    "voices": lazy("Voices"),
    "queues": lazy("Queues"),
    "extensions": lazy("Extensions"),
    "customers": lazy("Customers"),
    "records": lazy("Call records"),
    "recordings": lazy("Recordings"),
    "sms": lazy("Short messages"),
    "desk": lazy("Agent desktop"),
    "supervise": lazy("Supervision"),
    "numbers": lazy("Phone numbers"),
    "accounts": lazy("Accounts"),
    "roles": lazy("Roles"),
    "groups": lazy("User groups"),
    "announcements": lazy("Announcements"),
    "access": lazy("Access control"),
    "api": lazy("Programming interface"),
    "audit": lazy("Log"),
    "demo": lazy("Test calls"),
    "tenants": lazy("Companies"),
    "trunks": lazy("Numbers and trunks"),
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
    "chat": lazy("Write to agents"),
    "call": lazy("Place"),
    "full": lazy("See in full"),
    "review": lazy("Review"),
}

_OPERATOR_ONLY = frozenset(
    {
        Permission.ROUTES_OPEN,
        Permission.EXTENSIONS_OPEN,
        Permission.VOICES_REVIEW,
        Permission.TENANTS_VIEW,
        Permission.TENANTS_EDIT,
        Permission.TRUNKS_VIEW,
        Permission.TRUNKS_EDIT,
        Permission.SYSTEM_VIEW,
        Permission.SYSTEM_EDIT,
    }
)
_AGENT = frozenset(
    {
        Permission.DESK_USE,
        Permission.CUSTOMERS_VIEW,
        Permission.CUSTOMERS_EDIT,
        Permission.RECORDS_OWN,
        Permission.RECORDINGS_PLAY,
        Permission.NUMBERS_FULL,
    }
)
_SUPERVISOR = _AGENT | {
    Permission.SUPERVISE_VIEW,
    Permission.SUPERVISE_ACT,
    Permission.SUPERVISE_CHAT,
    Permission.RECORDS_VIEW,
    Permission.RECORDINGS_DOWNLOAD,
    Permission.QUEUES_VIEW,
    Permission.EXTENSIONS_VIEW,
    Permission.ACCOUNTS_VIEW,
    Permission.GROUPS_VIEW,
    Permission.ANNOUNCEMENTS_EDIT,
}

COMPANY: frozenset[Permission] = frozenset(Permission) - _OPERATOR_ONLY
"""Everything an account of a company may be given. CTI-R3 and CTI-E1 keep opening routes and extensions with
the operator.
"""

PLATFORM: frozenset[Permission] = frozenset(Permission) - {
    Permission.DESK_USE,
    Permission.SUPERVISE_ACT,
    Permission.SUPERVISE_CHAT,
}
"""Everything an account of the operator's own company may be given."""

GROUP_ADMIN = frozenset(
    {
        Permission.ACCOUNTS_VIEW,
        Permission.ACCOUNTS_EDIT,
        Permission.ACCOUNTS_DELETE,
        Permission.GROUPS_VIEW,
        Permission.GROUPS_EDIT,
    }
)
"""What administering a group brings with it, within that group and those below (ACC-8)."""

ROLE_PERMISSIONS: dict[BuiltInRole, frozenset[Permission]] = {
    BuiltInRole.AGENT: _AGENT,
    BuiltInRole.SUPERVISOR: _SUPERVISOR,
    BuiltInRole.TENANT_ADMIN: COMPANY,
    BuiltInRole.OPERATOR: PLATFORM,
}
"""What the built-in roles may do (ACC-6)."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Who asks: a signed-in account as views and services get it."""

    account_id: int
    tenant_id: int
    tenant_code: str
    tenant_name: str
    login: str
    name: str
    role_name: str
    """The role's own name; empty for a built-in one and for none."""
    built_in_role: BuiltInRole | None
    permissions: frozenset[Permission]
    language: str
    timezone: str
    session_id: int
    is_operator: bool = False
    """Whether this is the platform's staff: an account of the operator's own company."""
    ip: str = ""
    queues: frozenset[int] | None = None
    """Queues whose calls, callers and agents are all it may supervise (SUP-8); None: all of the company."""
    group_reach: int | None = None
    """Group whose accounts, with those below, are all it may administer; None: its rights on accounts and
    groups reach the whole company.
    """

    @property
    def scope(self) -> Scope:
        """Scope of the session its requests use; an operator's page that looks across tenants says so
        itself.
        """
        return self.tenant_id

    def may(self, permission: Permission) -> bool:
        """Return whether `permission` is given."""
        return permission in self.permissions

    def supervises(self, queue_ids: Iterable[int]) -> bool:
        """Return whether one of `queue_ids` is a queue it supervises; it needs the right to supervise besides."""
        return self.queues is None or not self.queues.isdisjoint(queue_ids)


def grantable(*, is_operator: bool) -> frozenset[Permission]:
    """Return what accounts and roles of a company, or of the operator, can be given at all."""
    return PLATFORM if is_operator else COMPANY


def decode(stored: str) -> frozenset[Permission]:
    """Return the permissions of a stored JSON list; names an older or newer version had are left out."""
    return frozenset(
        Permission(name) for name in msgspec.json.decode(stored, type=list[str]) if name in _NAMES
    )


def encode(permissions: Iterable[Permission]) -> str:
    """Return `permissions` as they are stored: a JSON list in the order of their declaration."""
    given = set(permissions)
    return msgspec.json.encode([each.value for each in Permission if each in given]).decode()


def of_role(role: Role | None, *, is_operator: bool) -> frozenset[Permission]:
    """Return what `role` allows; no role allows nothing."""
    if role is None:
        return frozenset()
    given = ROLE_PERMISSIONS[role.built_in] if role.built_in is not None else decode(role.permissions)
    return given & grantable(is_operator=is_operator)


def of_account(account: Account, role: Role | None, *, is_operator: bool) -> frozenset[Permission]:
    """Return what `account` with `role` may do (ACC-5): its role's permissions, or its own where the role's are
    not applied; a group's administrator has :data:`GROUP_ADMIN` besides.
    """
    given = own_of_account(account, role, is_operator=is_operator)
    return given | GROUP_ADMIN if account.is_group_admin else given


def own_of_account(account: Account, role: Role | None, *, is_operator: bool) -> frozenset[Permission]:
    """Return what `account` may do without what administering a group brings: these rights have no borders
    inside the company.
    """
    if account.apply_role:
        return of_role(role, is_operator=is_operator)
    return decode(account.permissions) & grantable(is_operator=is_operator)


def queues_of(account: Account) -> frozenset[int] | None:
    """Return the queues `account` supervises where it may supervise at all; None: all of its company."""
    stored = account.supervised_queues
    return None if stored is None else frozenset(msgspec.json.decode(stored, type=list[int]))


def encode_queues(queue_ids: Iterable[int] | None) -> str | None:
    """Return :func:`queues_of`'s ids as they are stored."""
    return None if queue_ids is None else msgspec.json.encode(sorted(queue_ids)).decode()


def reach_of(account: Account, role: Role | None, *, is_operator: bool) -> int | None:
    """Return the group an administrator's rights on accounts end at, or None for the whole company.

    Who may edit accounts by role or own permissions reaches everybody; a group's administrator the group.
    """
    if not account.is_group_admin or account.group_id is None:
        return None
    own = own_of_account(account, role, is_operator=is_operator)
    return None if Permission.ACCOUNTS_EDIT in own else account.group_id


def giveable(principal: Principal) -> frozenset[Permission]:
    """Return what `principal` may give to others: its own rights, less those it has inside its group only."""
    return principal.permissions - GROUP_ADMIN if principal.group_reach is not None else principal.permissions


class TooMuchGivenError(Forbidden):
    """Nobody gives rights they do not have, nor changes an account that has more."""

    id = "too-much-given"
    sentence = lazy("You cannot give or change rights you do not have yourself: %(permissions)s.")


SUPERVISION = frozenset({Permission.SUPERVISE_VIEW, Permission.SUPERVISE_ACT, Permission.SUPERVISE_CHAT})
"""Rights that end at the queues an account supervises."""


class OutsideQueuesError(Forbidden):
    """Who supervises some queues gives nobody the supervision of others."""

    id = "outside-queues"
    sentence = lazy("You supervise some queues only, and cannot give or change the supervision of others.")


def covers_queues(
    principal: Principal, permissions: Iterable[Permission], queues: frozenset[int] | None
) -> bool:
    """Return whether `principal` supervises all that somebody with `permissions` and `queues` does."""
    if principal.queues is None or SUPERVISION.isdisjoint(permissions):
        return True
    return queues is not None and queues <= principal.queues


def require_covers(principal: Principal, permissions: Iterable[Permission]) -> None:
    """Raise :class:`TooMuchGivenError` unless `principal` may give all `permissions` (:func:`giveable`)."""
    missing = set(permissions) - giveable(principal)
    if missing:
        raise TooMuchGivenError(
            permissions=", ".join(str(label(each)) for each in Permission if each in missing)
        )


def require(principal: Principal, *permissions: Permission) -> None:
    """Raise :class:`core.errors.Forbidden` unless `principal` has all `permissions`."""
    missing = [permission.value for permission in permissions if not principal.may(permission)]
    if missing:
        raise Forbidden(permissions=missing)


def label(permission: Permission) -> LazyText:
    """Return a permission's name for people, such as "Accounts: Delete"."""
    return lazy(
        "%(module)s: %(action)s", module=MODULES[permission.module], action=ACTIONS[permission.action]
    )


def tree(permissions: Iterable[Permission] = Permission) -> dict[str, list[Permission]]:
    """Return `permissions` grouped by module, in the order of :data:`MODULES`."""
    given = list(permissions)
    grouped = {module: [each for each in given if each.module == module] for module in MODULES}
    return {module: members for module, members in grouped.items() if members}
