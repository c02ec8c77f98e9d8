"""Quotas (充值, ACC-7): whole messages handed down the tree, a group's out of its parent's, a member's out of its
group's, a root group's and an ungrouped account's out of the company.

What a group has and has not handed on is free. Amounts are checked and taken while the group's row is locked (on
SQLite the transaction holds the database's write lock), so that two recharges at once never hand out more than
there is. Rows are locked in the order of their ids, groups before accounts. Every change leaves a
:class:`~core.groups.models.QuotaEntry`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import func, select

from core import audit
from core.errors import CallerFault, Conflict, Forbidden
from core.groups.models import QuotaEntry, UserGroup
from core.groups.tree import group_of, require_reach
from core.i18n import LazyText, lazy
from core.models import Account, BuiltInRole
from core.permissions import Principal
from core.tenancy import TenantSession

MAX_AMOUNT = 1_000_000_000
"""Messages in one recharge, and in one group or account, at most."""


class InvalidAmountError(CallerFault):
    """An amount is zero or beyond what can be counted."""

    id = "invalid-amount"
    status = 422
    sentence = lazy("Enter a whole number of messages, not zero and at most %(maximum)s either way.")


class NotEnoughError(Conflict):
    """The group it should come out of has not that many left."""

    id = "not-enough-quota"
    sentence = lazy("%(name)s has only %(free)s messages left to hand out.")


class StillInUseError(Conflict):
    """More is to be taken back than is unused."""

    id = "quota-in-use"
    sentence = lazy(
        "At most %(free)s messages can be taken back from %(name)s: the others are used or handed on."
    )


class NotYoursToGiveError(Forbidden):
    """The quota would come out of something the actor does not administer."""

    id = "quota-not-yours"
    sentence = lazy("Only who administers the group above, or the whole company, can change this quota.")


def parse_amount(text: str) -> int:
    """Return the amount somebody typed: ``5000``, ``+5000`` or ``-20``. Raises :class:`InvalidAmountError`."""
    if not re.fullmatch(r"[+-]?[0-9]{1,10}", text.strip()):
        raise InvalidAmountError(field="amount", maximum=MAX_AMOUNT)
    return int(text)


def available(session: TenantSession, group_id: int) -> int:
    """Return how many messages the group has and has not handed on. Raises ``NotFound``."""
    group = group_of(session, group_id)
    return group.quota - allotted(session, [group_id]).get(group_id, 0)


def allotted(session: TenantSession, group_ids: Iterable[int] | None = None) -> dict[int, int]:
    """Return what groups (None: all) handed on to children and members, by group id, in two queries."""
    children = select(UserGroup.parent_id, func.sum(UserGroup.quota)).where(UserGroup.parent_id.is_not(None))
    members = select(Account.group_id, func.sum(Account.message_quota)).where(Account.group_id.is_not(None))
    if group_ids is not None:
        wanted = list(group_ids)
        children = children.where(UserGroup.parent_id.in_(wanted))
        members = members.where(Account.group_id.in_(wanted))
    total: dict[int, int] = {}
    for query in (children.group_by(UserGroup.parent_id), members.group_by(Account.group_id)):
        for group_id, amount in session.execute(query):
            if group_id is not None:
                total[group_id] = total.get(group_id, 0) + int(amount)
    return total


def recharge_account(
    session: TenantSession, actor: Principal, account: Account, amount: int, note: str = ""
) -> QuotaEntry:
    """Give `account` messages out of its group's quota, or with a negative `amount` take unused ones back.

    An account without a group gets them out of the company. Raises :class:`InvalidAmountError`,
    :class:`NotEnoughError`, :class:`StillInUseError`, :class:`NotYoursToGiveError`, ``NotFound`` (beyond the
    actor's reach). The caller commits.
    """
    _check_amount(amount)
    require_reach(session, actor, account.group_id)
    if account.group_id is None:
        _require_company(actor)
    source = lock_groups(session, [account.group_id]).get(account.group_id) if account.group_id else None
    lock_account(session, account)
    if account.group_id != (source.id if source else None):
        raise Conflict()
    if source is not None and amount > 0:
        _check_free(session, source, amount)
    unused = account.message_quota - account.message_used
    if amount < 0 and -amount > unused:
        raise StillInUseError(name=account.name, free=max(unused, 0))
    before = account.message_quota
    account.message_quota = _sum(before, amount)
    audit.record(
        session, actor, "accounts.recharge", account, {"message_quota": [before, account.message_quota]}
    )
    return _enter(session, actor, account, source.id if source else None, amount, note)


def recharge_group(
    session: TenantSession, actor: Principal, group: UserGroup, amount: int, note: str = ""
) -> QuotaEntry:
    """Give `group` messages out of its parent's quota (a root group: the company's), or take back free ones.

    Who administers `group` because it is the top of their own reach cannot recharge it. Errors as
    :func:`recharge_account`. The caller commits.
    """
    _check_amount(amount)
    require_reach(session, actor, group.id)
    if actor.group_reach == group.id:
        raise NotYoursToGiveError()
    if group.parent_id is None:
        _require_company(actor)
    parent_id = group.parent_id
    locked = lock_groups(session, [group.id] + ([parent_id] if parent_id else []))
    group = locked[group.id]
    if group.parent_id != parent_id:
        raise Conflict()
    if parent_id is not None and amount > 0:
        _check_free(session, locked[parent_id], amount)
    if amount < 0:
        free = group.quota - allotted(session, [group.id]).get(group.id, 0)
        if -amount > free:
            raise StillInUseError(name=group.name, free=max(free, 0))
    before = group.quota
    group.quota = _sum(before, amount)
    audit.record(session, actor, "groups.recharge", group, {"quota": [before, group.quota]})
    return _enter(session, actor, group, parent_id, amount, note)


def release_account(session: TenantSession, actor: Principal | None, account: Account) -> int:
    """Give back what `account` has not used (it is being deleted) and return how much that was."""
    if account.group_id is not None:
        lock_groups(session, [account.group_id])
    lock_account(session, account)
    unused = max(0, account.message_quota - account.message_used)
    if unused:
        account.message_quota -= unused
        _enter(session, actor, account, account.group_id, -unused, str(lazy("Account deleted")))
    return unused


def move_quota(
    session: TenantSession,
    actor: Principal | None,
    amount: int,
    *,
    out_of: int | None,
    into: int | None,
    note: LazyText,
) -> None:
    """Move `amount` messages with what is being moved from below the group `out_of` to below `into`.

    Every group above the old place gives up `amount`, every one above the new place gets it, up to the first that is
    above both: so what each group has free stays as it was. None is the company.
    """
    if not amount or out_of == into:
        return
    old, new = _upwards(session, out_of), _upwards(session, into)
    changes = {each: -amount for each in old if each not in new}
    changes |= {each: amount for each in new if each not in old}
    locked = lock_groups(session, changes)
    for group_id, change in changes.items():
        group = locked[group_id]
        group.quota = _sum(group.quota, change)
        _enter(session, actor, group, group.parent_id, change, str(note))


def lock_groups(session: TenantSession, group_ids: Iterable[int | None]) -> dict[int, UserGroup]:
    """Return the groups as they are now, locked until the transaction ends, by id. Raises ``NotFound``."""
    wanted = {each for each in group_ids if each is not None}
    query = select(UserGroup).where(UserGroup.id.in_(wanted)).order_by(UserGroup.id).with_for_update()
    session.flush()
    found = {group.id: group for group in session.scalars(query.execution_options(populate_existing=True))}
    for each in wanted - found.keys():
        group_of(session, each)
    return found


def lock_account(session: TenantSession, account: Account) -> None:
    """Read `account` as it is now and keep it locked until the transaction ends; groups are locked before."""
    session.flush()
    session.refresh(account, with_for_update=True)


def _upwards(session: TenantSession, group_id: int | None) -> list[int]:
    if group_id is None:
        return []
    parents = {row[0]: row[1] for row in session.execute(select(UserGroup.id, UserGroup.parent_id))}
    path: list[int] = []
    each: int | None = group_id
    while each is not None and each not in path:
        path.append(each)
        each = parents.get(each)
    return path


def _check_free(session: TenantSession, source: UserGroup, amount: int) -> None:
    free = source.quota - allotted(session, [source.id]).get(source.id, 0)
    if amount > free:
        raise NotEnoughError(name=source.name, free=max(free, 0))


def _check_amount(amount: int) -> None:
    if amount == 0 or abs(amount) > MAX_AMOUNT:
        raise InvalidAmountError(field="amount", maximum=MAX_AMOUNT)


def _sum(before: int, amount: int) -> int:
    if before + amount > MAX_AMOUNT:
        raise InvalidAmountError(field="amount", maximum=MAX_AMOUNT - before)
    return before + amount


def gives_for_company(actor: Principal) -> bool:
    """Return whether `actor` hands out the company's own messages: its administrator and the operator do."""
    gives = actor.is_operator or actor.built_in_role is BuiltInRole.TENANT_ADMIN
    return gives and actor.group_reach is None


def _require_company(actor: Principal) -> None:
    if not gives_for_company(actor):
        raise NotYoursToGiveError()


def _enter(
    session: TenantSession,
    actor: Principal | None,
    target: UserGroup | Account,
    source_group_id: int | None,
    amount: int,
    note: str,
) -> QuotaEntry:
    entry = QuotaEntry(
        tenant_id=target.tenant_id,
        actor_id=actor.account_id if actor else 0,
        group_id=target.id if isinstance(target, UserGroup) else None,
        account_id=target.id if isinstance(target, Account) else None,
        source_group_id=source_group_id,
        amount=amount,
        note=note.strip()[:500],
    )
    session.add(entry)
    session.flush()
    return entry
