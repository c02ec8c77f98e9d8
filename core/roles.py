"""Roles (ACC-6): their names, and how a company makes its own. Built-in ones are only looked at and copied."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import Integer, cast, func, select, update

from core import account_rules, audit
from core.errors import CallerFault, Conflict, Forbidden, NotFound
from core.i18n import LazyText, lazy
from core.models import Account, BuiltInRole, Role
from core.permissions import (
    SUPERVISION,
    OutsideQueuesError,
    Permission,
    Principal,
    encode,
    grantable,
    of_role,
    require_covers,
)
from core.plain_text import require_plain
from core.tenancy import TenantSession

BUILT_IN_NAMES: dict[BuiltInRole, LazyText] = {
    BuiltInRole.TENANT_ADMIN: lazy("Administrator"),
    BuiltInRole.SUPERVISOR: lazy("Supervisor"),
    BuiltInRole.AGENT: lazy("Agent"),
    BuiltInRole.OPERATOR: lazy("Operator"),
}
_CODE = re.compile(r"[^\s\x00-\x1f\x7f]{1,32}")
NAMED = 5
"""How many of a role's accounts are named when it cannot be deleted."""


class BuiltInRoleError(Forbidden):
    """Built-in roles never change."""

    id = "built-in-role"
    sentence = lazy("A built-in role cannot be changed or deleted. Copy it and change the copy.")


class RoleUsedError(Conflict):
    """A role somebody has is not deleted (003 §5.2.3)."""

    id = "role-used"
    sentence = lazy("%(name)s cannot be deleted: %(count)s accounts have it (%(which)s).")


class RoleNameError(CallerFault):
    """A role needs a name."""

    id = "role-name"
    status = 422
    sentence = lazy("Enter a name of at most 100 characters.")


class RoleCodeError(CallerFault):
    """A code has spaces or is too long."""

    id = "role-code"
    status = 422
    sentence = lazy("A code has at most 32 characters and no spaces.")


class RoleTakenError(Conflict):
    """Another role of the company has the name or code."""

    id = "role-taken"
    sentence = lazy("There is a role %(name)s already.")


class OwnRoleError(CallerFault):
    """One cannot change what the own role allows."""

    id = "own-role"
    status = 409
    sentence = lazy("This is your own role; somebody else has to change what it allows.")


def name_of(role: Role | None) -> str:
    """Return a role's name in the reader's language; empty for none."""
    if role is None:
        return ""
    return str(BUILT_IN_NAMES[role.built_in]) if role.built_in is not None else role.name


def save_role(
    session: TenantSession,
    actor: Principal,
    role: Role | None,
    *,
    code: str,
    name: str,
    permissions: Iterable[Permission],
) -> Role:
    """Make a role (None) or change one, and return it. Without a `code` it gets the next number. The caller commits
    and tells the sessions.

    Raises :class:`BuiltInRoleError`, :class:`RoleNameError`, :class:`RoleTakenError`, :class:`OwnRoleError`,
    ``TooMuchGivenError`` for rights `actor` lacks, whether they come or go, and ``LastManagerError``.
    """
    wanted = frozenset(permissions) & grantable(is_operator=actor.is_operator)
    managed = role is not None and Permission.ACCOUNTS_EDIT in of_role(role, is_operator=actor.is_operator)
    if role is not None:
        _require_changeable(session, actor, role, wanted)
    require_covers(actor, wanted)
    before: frozenset[Permission] = (
        frozenset() if role is None else of_role(role, is_operator=actor.is_operator)
    )
    if actor.queues is not None and not SUPERVISION.isdisjoint(wanted - before):
        raise OutsideQueuesError()  # whoever has the role may supervise all queues
    name, code = name.strip(), code.strip()
    if not 0 < len(name) <= 100:
        raise RoleNameError(field="name")
    require_plain("name", name)
    account_rules.lock_standing(
        session, actor.tenant_id
    )  # so that of two with one name the second sees the first
    _check_code(session, role, code)
    _check_name(session, role, name)
    row = role or Role(code="", name="", built_in=None)
    row.code, row.name = code or row.code or _next_code(session), name
    row.permissions = encode(wanted)
    session.add(row)
    changes = audit.changes_of(row)
    session.flush()
    if changes:
        audit.record(session, actor, "roles.create" if role is None else "roles.edit", row, changes)
    if managed and Permission.ACCOUNTS_EDIT not in wanted:
        account_rules.require_a_manager(session, actor.tenant_id)
    return row


def delete_role(session: TenantSession, actor: Principal, role: Role) -> None:
    """Delete a role nobody has; deleted accounts lose it. The caller commits.

    Raises :class:`RoleUsedError`, which names accounts, :class:`BuiltInRoleError`, ``TooMuchGivenError``.
    """
    _require_own(role)
    require_covers(actor, of_role(role, is_operator=actor.is_operator))
    # Whoever gives it to an account at this moment holds its row until that is done, and then counts.
    if session.scalar(select(Role.id).where(Role.id == role.id).with_for_update()) is None:
        raise NotFound(kind="role", id=role.id)
    account_rules.lock_standing(session, actor.tenant_id)
    users = select(Account.login).where(Account.role_id == role.id, Account.deleted_at.is_(None))
    count = session.scalar(select(func.count()).select_from(users.subquery())) or 0
    if count:
        which = ", ".join(session.scalars(users.order_by(Account.login).limit(NAMED)))
        raise RoleUsedError(name=role.name, count=count, which=which + (" …" if count > NAMED else ""))
    session.execute(update(Account).where(Account.role_id == role.id).values(role_id=None))
    audit.record(session, actor, "roles.delete", role, {})
    session.delete(role)
    session.flush()


def _require_own(role: Role) -> None:
    if role.built_in is not None:
        raise BuiltInRoleError()


def _require_changeable(
    session: TenantSession, actor: Principal, role: Role, wanted: frozenset[Permission]
) -> None:
    _require_own(role)
    present = of_role(role, is_operator=actor.is_operator)
    require_covers(actor, present)
    own = session.get_one(Account, actor.account_id)
    if own.role_id == role.id and own.apply_role and wanted != present:
        raise OwnRoleError()


def _check_code(session: TenantSession, role: Role | None, code: str) -> None:
    if not code:
        return
    if not _CODE.fullmatch(code):
        raise RoleCodeError(field="code")
    taken = session.scalar(select(Role.id).where(Role.code == code))
    if taken is not None and taken != getattr(role, "id", None):
        raise RoleTakenError(field="code", name=code)


def _check_name(session: TenantSession, role: Role | None, name: str) -> None:
    taken = session.scalar(select(Role.id).where(Role.name == name))
    if taken is not None and taken != getattr(role, "id", None):
        raise RoleTakenError(field="name", name=name)


def _next_code(session: TenantSession) -> str:
    """Return the next running number; built-in roles have words for codes."""
    highest = session.scalar(select(func.max(cast(Role.code, Integer))).where(func.length(Role.code) <= 9))
    return str((highest or 0) + 1)
