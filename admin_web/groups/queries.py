"""What the pages of groups show, in a number of queries that does not grow with the groups."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Collection, Sequence

from sqlalchemy import func, or_, select

from core.database import TenantSession
from core.groups import quotas, tree
from core.groups.models import QuotaEntry, UserGroup
from core.groups.tree import Place
from core.i18n import gettext
from core.models import Account

PAGE_ROWS = 50
UNNAMED = "—"
"""Stands for a group above those the reader administers."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownGroup:
    """A row of the tree."""

    place: Place
    members: int
    quota: int
    allotted: int
    needs_review: bool
    own: bool
    """The top of the reader's own reach: renamed only."""

    @property
    def free(self) -> int:
        """Messages not handed on."""
        return self.quota - self.allotted


def shown_tree(session: TenantSession, reach: int | None) -> list[ShownGroup]:
    """Return the tree as far as the reader reaches, top down, in five queries."""
    rows = {
        row.id: row
        for row in session.execute(select(UserGroup.id, UserGroup.quota, UserGroup.tasks_need_review))
    }
    members = {
        row[0]: row[1]
        for row in session.execute(
            select(Account.group_id, func.count())
            .where(Account.group_id.is_not(None), Account.deleted_at.is_(None))
            .group_by(Account.group_id)
        )
    }
    handed_on = quotas.allotted(session)
    return [
        ShownGroup(
            place=place,
            members=members.get(place.group_id, 0),
            quota=rows[place.group_id].quota,
            allotted=handed_on.get(place.group_id, 0),
            needs_review=rows[place.group_id].tasks_need_review,
            own=place.group_id == reach,
        )
        for place in tree.places(session, reach)
        if place.group_id in rows
    ]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownEntry:
    """A line of the history."""

    id: int
    at: datetime.datetime
    actor: str
    source: str
    target: str
    amount: int
    note: str


def history(
    session: TenantSession, reach: int | None, group_id: int, before: int
) -> tuple[list[ShownEntry], int]:
    """Return a page of changes of quota, newest first, and the next page's `before` (0: none); of one group and its
    members, or (0) of all within reach.
    """
    query = select(QuotaEntry).order_by(QuotaEntry.id.desc()).limit(PAGE_ROWS + 1)
    reached = None if reach is None else tree.subtree_ids(session, reach)
    if group_id or reached is not None:
        groups = {group_id} if group_id else reached or set()
        members = select(Account.id).where(Account.group_id.in_(groups))
        query = query.where(or_(QuotaEntry.group_id.in_(groups), QuotaEntry.account_id.in_(members)))
    if before:
        query = query.where(QuotaEntry.id < before)
    entries = session.scalars(query).all()
    page = entries[:PAGE_ROWS]
    return _named(session, page, reached), page[-1].id if len(entries) > PAGE_ROWS else 0


def _named(
    session: TenantSession, entries: Sequence[QuotaEntry], reached: Collection[int] | None
) -> list[ShownEntry]:
    """Return the lines; groups that are not among those `reached` (None: all are) have no name."""
    groups = {each for entry in entries for each in (entry.group_id, entry.source_group_id)}
    people = {each for entry in entries for each in (entry.account_id, entry.actor_id)}
    group_names = {
        row[0]: row[1]
        for row in session.execute(select(UserGroup.id, UserGroup.name).where(UserGroup.id.in_(groups)))
    }
    if reached is not None:
        group_names = {each: name if each in reached else UNNAMED for each, name in group_names.items()}
    people_names = {
        row[0]: f"{row[1]} ({row[2]})"
        for row in session.execute(
            select(Account.id, Account.name, Account.login).where(Account.id.in_(people))
        )
    }
    gone = gettext("deleted group")
    return [
        ShownEntry(
            id=entry.id,
            at=entry.at,
            actor=people_names.get(entry.actor_id, gettext("Operator")),
            source=gettext("Company")
            if entry.source_group_id is None
            else group_names.get(entry.source_group_id, gone),
            target=group_names.get(entry.group_id, gone)
            if entry.group_id is not None
            else people_names.get(entry.account_id or 0, ""),
            amount=entry.amount,
            note=entry.note,
        )
        for entry in entries
    ]
