"""User groups (ACC-7): made, renamed, moved, deleted, set to review or trust. Reading the tree is in
`core.groups.tree`, handing out messages in `core.groups.quotas`; what other parts need of both is named here too.
"""

from __future__ import annotations

from sqlalchemy import select, update

from core import audit
from core.errors import CallerFault, Conflict, Forbidden, NotFound
from core.groups.models import UserGroup
from core.groups.quotas import (
    available,
    lock_account,
    move_quota,
    recharge_account,
    recharge_group,
    release_account,
)
from core.groups.tree import group_of, options, places, require_reach, subtree_ids, within_reach
from core.i18n import lazy
from core.models import Account, Tenant
from core.permissions import Principal
from core.plain_text import require_plain
from core.tenancy import TenantSession

__all__ = [
    "available",
    "create_group",
    "delete_group",
    "group_of",
    "move_account",
    "move_group",
    "options",
    "places",
    "recharge_account",
    "recharge_group",
    "release_account",
    "rename_group",
    "require_reach",
    "set_review",
    "subtree_ids",
    "task_needs_review",
    "within_reach",
]

MAX_GROUPS = 20_000
"""Groups of one company: the page draws them all."""
NAMED = 5
"""How many of what keeps a group from being deleted are named."""


class GroupNameError(CallerFault):
    """A group needs a name of at most 100 characters."""

    id = "group-name"
    status = 422
    sentence = lazy("A group needs a name of at most 100 characters.")


class GroupNameTakenError(Conflict):
    """A sibling has the name."""

    id = "group-name-taken"
    sentence = lazy("There is a group %(name)s at this place already.")


class TooManyGroupsError(Conflict):
    """The company has as many groups as it may."""

    id = "too-many-groups"
    sentence = lazy("A company has at most %(maximum)s groups.")


class GroupCycleError(Conflict):
    """A group cannot be below itself."""

    id = "group-cycle"
    sentence = lazy("%(name)s cannot be put below itself.")


class GroupInUseError(Conflict):
    """A group with members or children is not deleted."""

    id = "group-in-use"
    sentence = lazy(
        "%(name)s still has %(count)s members or groups below it, so it cannot be deleted: %(which)s."
    )


class OwnGroupError(Forbidden):
    """Who administers a group cannot move or delete it, nor free it from review."""

    id = "own-group"
    sentence = lazy("Only somebody above can do this to the group you administer.")


def create_group(session: TenantSession, actor: Principal, name: str, parent_id: int | None) -> UserGroup:
    """Add a group below `parent_id` (None: at the top) and return it. The caller commits.

    Raises :class:`GroupNameError`, :class:`GroupNameTakenError`, :class:`TooManyGroupsError`, ``NotFound``.
    """
    require_reach(session, actor, parent_id)
    groups = _lock_tree(session, parent_id)
    if len(groups) >= MAX_GROUPS:
        raise TooManyGroupsError(maximum=MAX_GROUPS)
    group = UserGroup(name=_checked_name(groups, name, parent_id), parent_id=parent_id)
    session.add(group)
    audit.record(session, actor, "groups.create", group)
    return group


def rename_group(session: TenantSession, actor: Principal, group: UserGroup, name: str) -> None:
    """Give `group` another name, unique among its siblings. The caller commits."""
    require_reach(session, actor, group.id)
    groups = _lock_tree(session, group.id)
    group.name = _checked_name(groups, name, group.parent_id, apart_from=group.id)
    if changes := audit.changes_of(group):
        audit.record(session, actor, "groups.edit", group, changes)


def move_group(session: TenantSession, actor: Principal, group: UserGroup, parent_id: int | None) -> None:
    """Put `group`, with all below it and its quota, below `parent_id`. The caller commits.

    Raises :class:`GroupCycleError`, :class:`GroupNameTakenError`, :class:`OwnGroupError`, ``NotFound``.
    """
    require_reach(session, actor, group.id)
    if actor.group_reach == group.id and parent_id != group.parent_id:
        raise OwnGroupError()
    groups = _lock_tree(session, group.id, parent_id)
    if group.parent_id == parent_id:
        return
    require_reach(session, actor, parent_id)
    if parent_id in subtree_ids(session, group.id):
        raise GroupCycleError(name=group.name)
    _checked_name(groups, group.name, parent_id, apart_from=group.id)
    note = lazy("Moved with the group %(name)s", name=group.name)
    move_quota(session, actor, group.quota, out_of=group.parent_id, into=parent_id, note=note)
    group.parent_id = parent_id
    audit.record(session, actor, "groups.move", group, audit.changes_of(group))


def move_account(
    session: TenantSession, actor: Principal | None, account: Account, group_id: int | None
) -> None:
    """Put `account` into a group (None: into none); its quota goes with it, so that every group keeps what it has
    free. The caller writes the log's line and commits.

    Raises ``NotFound`` for a group beyond the actor's reach or the company.
    """
    if account.group_id == group_id:
        return
    if actor is not None:
        require_reach(session, actor, account.group_id)
        require_reach(session, actor, group_id)
    if group_id is not None:
        group_of(session, group_id)
    had = account.message_quota
    if had:
        _lock_tree(session)
    lock_account(session, account)
    if account.message_quota and not had:
        raise Conflict()
    note = lazy("Moved with the account %(name)s", name=account.login)
    move_quota(session, actor, account.message_quota, out_of=account.group_id, into=group_id, note=note)
    account.group_id = group_id
    session.flush()


def delete_group(session: TenantSession, actor: Principal, group: UserGroup) -> None:
    """Delete an empty group; its quota returns to where it came from, deleted accounts move up. The caller commits.

    Raises :class:`GroupInUseError`, which names what is in it, and :class:`OwnGroupError`.
    """
    require_reach(session, actor, group.id)
    if actor.group_reach == group.id:
        raise OwnGroupError()
    groups = _lock_tree(session, group.id)
    inside = sorted(each.name for each in groups.values() if each.parent_id == group.id)
    inside += session.scalars(
        select(Account.name)
        .where(Account.group_id == group.id, Account.deleted_at.is_(None))
        .order_by(Account.name)
    ).all()
    if inside:
        which = ", ".join(inside[:NAMED]) + (" …" if len(inside) > NAMED else "")
        raise GroupInUseError(name=group.name, count=len(inside), which=which)
    # Deleted members keep what they used; it then counts against the group above, out of which it came.
    session.execute(
        update(Account)
        .where(Account.group_id == group.id)
        .values(group_id=group.parent_id, is_group_admin=False)
    )
    audit.record(session, actor, "groups.delete", group, {})
    session.delete(group)
    session.flush()


def set_review(session: TenantSession, actor: Principal, group: UserGroup, needed: bool) -> None:
    """Set whether tasks of the group's members wait for approval (审核) or not (信任). The caller commits."""
    require_reach(session, actor, group.id)
    if actor.group_reach == group.id:
        raise OwnGroupError()
    group.tasks_need_review = needed
    if changes := audit.changes_of(group):
        audit.record(session, actor, "groups.review", group, changes)


def task_needs_review(session: TenantSession, account: Account) -> bool:
    """Return whether a task of `account` needs approval: it or its group is set to review (ACC-7)."""
    if account.tasks_need_review or account.group_id is None:
        return account.tasks_need_review
    return bool(session.scalar(select(UserGroup.tasks_need_review).where(UserGroup.id == account.group_id)))


def _lock_tree(session: TenantSession, *needed: int | None) -> dict[int, UserGroup]:
    """Return all groups of the scope, so that two changes of the tree's shape follow each other: their rows are locked,
    and the tenant's, which stands for the place above the root groups. Groups come first, as in `core.groups.quotas`,
    whose entries touch the tenant's row last.

    Raises ``NotFound`` when one of those `needed` is gone by now.
    """
    assert isinstance(session.scope, int), "the tree belongs to one tenant"
    session.flush()
    ids = session.scalars(select(UserGroup.id)).all()
    each = select(UserGroup).order_by(UserGroup.id).execution_options(populate_existing=True)
    session.scalars(each.where(UserGroup.id.in_(ids)).with_for_update()).all()
    session.execute(select(Tenant.id).where(Tenant.id == session.scope).with_for_update())
    # Only now nobody adds or removes one: what came or went while this change waited counts.
    groups = {group.id: group for group in session.scalars(each)}
    for group_id in needed:
        if group_id is not None and group_id not in groups:
            raise NotFound(kind="group", id=group_id)
    return groups


def _checked_name(
    groups: dict[int, UserGroup], name: str, parent_id: int | None, *, apart_from: int = 0
) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= 100:
        raise GroupNameError(field="name")
    require_plain("name", name)
    for each in groups.values():
        if each.parent_id == parent_id and each.name == name and each.id != apart_from:
            raise GroupNameTakenError(field="name", name=name)
    return name
