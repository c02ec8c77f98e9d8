"""Who may change which account: nobody gives rights they do not have, changes somebody with more, leaves their
group, changes their own standing, or leaves the company without anybody who can put it right (ACC-5, ACC-8).

An operator's page that changes another company's accounts is let through by its own right on companies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Select, and_, or_, select

from core.errors import CallerFault, Conflict, NotFound
from core.groups.quotas import lock_groups
from core.groups.tree import subtree_ids
from core.i18n import lazy
from core.models import Account, Role, Tenant
from core.permissions import (
    GROUP_ADMIN,
    OutsideQueuesError,
    Permission,
    Principal,
    TooMuchGivenError,
    covers_queues,
    label,
    of_role,
    own_of_account,
    queues_of,
    reach_of,
    require,
    require_covers,
)
from core.tenancy import TenantSession


class OwnAccountError(CallerFault):
    """One cannot switch oneself off."""

    id = "own-account"
    status = 409
    sentence = lazy("You cannot disable the account you are signed in with.")


class OwnStandingError(CallerFault):
    """One cannot change what one may do oneself, nor delete oneself."""

    id = "own-standing"
    status = 409
    sentence = lazy("Somebody else has to do this to your own account.")


class GroupAdminStandsError(Conflict):
    """A group's administrator is neither disabled nor deleted nor moved out of all groups (ACC-8)."""

    id = "group-admin-stands"
    sentence = lazy("%(login)s administers a group. Take that away first.")


class LastManagerError(Conflict):
    """Without this account nobody could edit accounts any more."""

    id = "last-manager"
    sentence = lazy("This would leave nobody in the company who can edit accounts.")


class OutsideGroupError(CallerFault):
    """A group's administrator chooses among the own group and those below."""

    id = "outside-group"
    status = 422
    sentence = lazy("Choose your own group or one below it.")


def reach(session: TenantSession, actor: Principal) -> set[int] | None:
    """Return the ids of the groups whose accounts `actor` administers, or None for the whole company."""
    return None if actor.group_reach is None else subtree_ids(session, actor.group_reach)


def in_reach(session: TenantSession, actor: Principal, query: Select[Any]) -> Select[Any]:
    """Return `query` on accounts narrowed to those `actor` may look at in the list of accounts."""
    groups = reach(session, actor)
    return query if groups is None else query.where(Account.group_id.in_(groups))


def is_operators(session: TenantSession, account: Account) -> bool:
    """Return whether the account is one of the platform's own company."""
    return session.get_one(Tenant, account.tenant_id).is_operator


def role_of(session: TenantSession, account: Account) -> Role | None:
    """Return the account's role, if it has one."""
    return None if account.role_id is None else session.get_one(Role, account.role_id)


def require_over(session: TenantSession, actor: Principal, account: Account) -> None:
    """Raise unless `actor` may change `account` as it is now: it is in reach and has no right `actor` lacks.

    Raises ``NotFound`` for an account out of reach, ``TooMuchGivenError`` for one that has more rights,
    ``OutsideQueuesError`` for one that supervises queues `actor` does not.
    """
    if account.tenant_id != actor.tenant_id:
        require(actor, Permission.TENANTS_EDIT)
        return
    groups = reach(session, actor)
    if groups is not None and account.group_id not in groups:
        raise NotFound(kind="account", id=account.id)
    own = own_of_account(account, role_of(session, account), is_operator=actor.is_operator)
    require_covers(actor, own)
    if not covers_queues(actor, own, queues_of(account)):
        raise OutsideQueuesError()
    if account.is_group_admin and (missing := GROUP_ADMIN - actor.permissions):
        raise TooMuchGivenError(permissions=", ".join(str(label(each)) for each in sorted(missing)))


def require_not_self(actor: Principal | None, account: Account) -> None:
    """Raise :class:`OwnStandingError` when `actor` is the account."""
    if actor is not None and actor.account_id == account.id:
        raise OwnStandingError()


def require_group(session: TenantSession, actor: Principal, group_id: int | None) -> None:
    """Raise :class:`OutsideGroupError` unless `actor` may put accounts into the group."""
    groups = reach(session, actor)
    if groups is not None and group_id not in groups:
        raise OutsideGroupError(field="group")


def is_manager(session: TenantSession, account: Account) -> bool:
    """Return whether the account can sign in and edit every account of its company."""
    if not account.enabled or account.deleted_at is not None:
        return False
    role, operator = role_of(session, account), is_operators(session, account)
    own = own_of_account(account, role, is_operator=operator)
    return Permission.ACCOUNTS_EDIT in own and reach_of(account, role, is_operator=operator) is None


def lock_standing(session: TenantSession, tenant_id: int, group_id: int | None = None) -> None:
    """Let nobody else take standing away in this company until the transaction ends.

    Locks the tenant's row, after the account's group where quota may go back to it: the order of `core.groups`.
    """
    if group_id is not None:
        lock_groups(session, [group_id])
    session.execute(select(Tenant.id).where(Tenant.id == tenant_id).with_for_update())


def require_a_manager(session: TenantSession, tenant_id: int) -> None:
    """Raise :class:`LastManagerError` unless somebody of the company could still edit accounts."""
    session.flush()
    operator = session.get_one(Tenant, tenant_id).is_operator
    roles = [
        role.id
        for role in session.scalars(select(Role).where(Role.tenant_id == tenant_id))
        if Permission.ACCOUNTS_EDIT in of_role(role, is_operator=operator)
    ]
    named = Account.permissions.contains(f'"{Permission.ACCOUNTS_EDIT.value}"', autoescape=True)
    found = session.scalar(
        select(Account.id)
        .where(
            Account.tenant_id == tenant_id,
            Account.enabled.is_(True),
            Account.deleted_at.is_(None),
            or_(
                and_(Account.apply_role.is_(True), Account.role_id.in_(roles)),
                and_(Account.apply_role.is_(False), named),
            ),
        )
        .limit(1)
    )
    if found is None:
        raise LastManagerError()


@contextmanager
def changing(session: TenantSession, actor: Principal | None, account: Account) -> Iterator[None]:
    """Guard a change of `account`'s standing: `actor` must be above it before and after, and somebody must be
    left who can edit accounts. An `actor` of None is the platform, which may do everything.
    """
    if actor is None:
        yield
        return
    require_over(session, actor, account)
    managed = is_manager(session, account)
    if managed:
        lock_standing(session, account.tenant_id, account.group_id)
    yield
    session.flush()
    if account.deleted_at is None:
        require_over(session, actor, account)
    if managed and not is_manager(session, account):
        require_a_manager(session, account.tenant_id)
