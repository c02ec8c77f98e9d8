"""The tree of a company's user groups, read in one query: who is below whom, in the order pages show them."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import select

from core.errors import NotFound
from core.groups.models import UserGroup
from core.permissions import Principal
from core.tenancy import TenantSession

INDENT = "\u2003"
"""What stands before a name for each level, where a tree is shown as a list of choices."""


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A group's place in the tree."""

    group_id: int
    name: str
    parent_id: int | None
    depth: int
    """0 for those without a parent, or for the group the reader's reach begins with."""
    has_children: bool


def subtree_ids(session: TenantSession, group_id: int) -> set[int]:
    """Return the ids of the group and of all below it; empty when the session's scope has no such group."""
    children: dict[int | None, list[int]] = defaultdict(list)
    known = set()
    for each_id, parent_id in session.execute(select(UserGroup.id, UserGroup.parent_id)):
        known.add(each_id)
        children[parent_id].append(each_id)
    if group_id not in known:
        return set()
    found: set[int] = set()
    waiting = [group_id]
    while waiting:
        each = waiting.pop()
        found.add(each)
        waiting += children.get(each, ())
    return found


def places(session: TenantSession, reach: int | None = None) -> Iterator[Place]:
    """Yield the groups from the top down, children after their parent, siblings by name; `reach` begins with that
    group in place of the whole tree.
    """
    children: dict[int | None, list[tuple[int, str]]] = defaultdict(list)
    parent_of: dict[int, int | None] = {}
    query = select(UserGroup.id, UserGroup.parent_id, UserGroup.name).order_by(UserGroup.name, UserGroup.id)
    for group_id, parent_id, name in session.execute(query):
        parent_of[group_id] = parent_id
        children[parent_id].append((group_id, name))
    if reach is None:
        waiting = [(group_id, name, 0) for group_id, name in reversed(children[None])]
    else:
        siblings = children[parent_of.get(reach)]
        waiting = [(group_id, name, 0) for group_id, name in siblings if group_id == reach]
    while waiting:
        group_id, name, depth = waiting.pop()
        below = children.get(group_id, ())
        yield Place(group_id, name, parent_of[group_id], depth, bool(below))
        waiting += [(child_id, child_name, depth + 1) for child_id, child_name in reversed(below)]


def options(session: TenantSession, reach: int | None) -> list[tuple[str, str]]:
    """Return the groups a reader may choose from: id as text, name indented by its level."""
    return [(str(place.group_id), INDENT * place.depth + place.name) for place in places(session, reach)]


def within_reach(session: TenantSession, actor: Principal, group_id: int | None) -> bool:
    """Return whether `actor` administers the group; None stands for "no group", which only those reach whose
    rights cover the whole company.
    """
    if actor.group_reach is None:
        return True
    return group_id is not None and group_id in subtree_ids(session, actor.group_reach)


def require_reach(session: TenantSession, actor: Principal, group_id: int | None) -> None:
    """Raise ``NotFound`` unless `actor` administers the group: another's group does not exist for them."""
    if not within_reach(session, actor, group_id):
        raise NotFound(kind="group", id=group_id)


def group_of(session: TenantSession, group_id: int) -> UserGroup:
    """Return the group in the session's scope. Raises ``NotFound``."""
    group = session.get(UserGroup, group_id)
    if group is None:
        raise NotFound(kind="group", id=group_id)
    return group
