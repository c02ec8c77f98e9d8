"""Announcements (ACC-9): written for some accounts or everybody, shown to each until it has read them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Select, and_, delete, exists, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from core import audit
from core.announcements.models import Announcement, AnnouncementTarget
from core.errors import CallerFault, NotFound
from core.i18n import lazy
from core.models import Account
from core.permissions import Principal
from core.plain_text import HiddenSignsError, require_plain
from core.tables import utc_now
from core.tenancy import TenantSession

MAX_TITLE = 200
MAX_BODY = 20_000
MAX_TARGETS = 900
"""Accounts named one by one (a form has at most 1,000 parts); more is everybody."""
SHOWN = 5
"""Unread announcements shown at once, newest first; the others come when these are read."""

_CHUNK = 500


class AnnouncementError(CallerFault):
    """A part of an announcement cannot be used; `field` names it and `reason` says why."""

    id = "announcement-refused"
    status = 422
    sentence = lazy("%(reason)s")


def save(
    session: TenantSession,
    actor: Principal,
    announcement: Announcement | None,
    *,
    title: str,
    body: str,
    everybody: bool,
    account_ids: Collection[int],
) -> Announcement:
    """Write a new announcement (None) or change one, and return it. The caller commits.

    Who has read it keeps having read it, unless title or body changed: then it is shown to all of them again.
    Raises :class:`AnnouncementError`.
    """
    title, body = title.strip(), body.strip()
    _check(title, body, everybody, account_ids)
    targets = set() if everybody else _known(session, account_ids)
    if announcement is None:
        announcement = Announcement(author_id=actor.account_id)
        action = "announcements.create"
    else:
        action = "announcements.edit"
    rewritten = (announcement.title, announcement.body) != (title, body)
    announcement.title, announcement.body, announcement.everybody = title, body, everybody
    session.add(announcement)
    changes = audit.changes_of(announcement)
    session.flush()
    changes |= _set_targets(session, announcement, targets, rewritten=rewritten)
    if changes:
        audit.record(session, actor, action, announcement, changes)
    return announcement


def remove(session: TenantSession, actor: Principal, announcement: Announcement) -> None:
    """Delete `announcement`; it goes from every page. The caller commits."""
    audit.record(session, actor, "announcements.delete", announcement, {})
    session.delete(announcement)
    session.flush()


def of_id(session: TenantSession, announcement_id: int) -> Announcement:
    """Return the announcement in the session's scope. Raises ``NotFound``."""
    found = session.get(Announcement, announcement_id)
    if found is None:
        raise NotFound(kind="announcement", id=announcement_id)
    return found


def unread(session: TenantSession, account_id: int) -> Sequence[Announcement]:
    """Return what the account has not read yet, newest first, at most :data:`SHOWN`; one query."""
    return session.scalars(
        _for_account(account_id, read=False).order_by(Announcement.id.desc()).limit(SHOWN)
    ).all()


def mark_read(session: TenantSession, account_id: int, announcement_id: int) -> None:
    """Note that the account has read it; doing so twice is the same as once. The caller commits.

    Raises ``NotFound`` when it is not for this account.
    """
    if session.scalar(_for_account(account_id).where(Announcement.id == announcement_id)) is None:
        raise NotFound(kind="announcement", id=announcement_id)
    target = session.scalar(
        select(AnnouncementTarget).where(
            AnnouncementTarget.announcement_id == announcement_id,
            AnnouncementTarget.account_id == account_id,
        )
    )
    if target is None:
        target = AnnouncementTarget(announcement_id=announcement_id, account_id=account_id, read_at=utc_now())
        try:
            with session.begin_nested():
                session.add(target)
        except IntegrityError:  # another tab was quicker
            return
    elif target.read_at is None:
        target.read_at = utc_now()


def target_ids(session: TenantSession, announcement: Announcement) -> list[int]:
    """Return the accounts it names one by one."""
    if announcement.everybody:
        return []
    query = select(AnnouncementTarget.account_id).where(AnnouncementTarget.announcement_id == announcement.id)
    return sorted(session.scalars(query))


def readers(session: TenantSession, announcements: Sequence[Announcement]) -> Mapping[int, tuple[int, int]]:
    """Return for each announcement's id how many have read it, and how many it is for; two queries."""
    counted = session.execute(
        select(
            AnnouncementTarget.announcement_id,
            func.count(AnnouncementTarget.read_at),
            func.count(),
        )
        .where(AnnouncementTarget.announcement_id.in_([each.id for each in announcements]))
        .group_by(AnnouncementTarget.announcement_id)
    )
    rows = {row[0]: (row[1], row[2]) for row in counted}
    people = (
        session.scalar(select(func.count()).select_from(Account).where(Account.deleted_at.is_(None))) or 0
    )
    return {
        each.id: (rows.get(each.id, (0, 0))[0], people if each.everybody else rows.get(each.id, (0, 0))[1])
        for each in announcements
    }


def _check(title: str, body: str, everybody: bool, account_ids: Collection[int]) -> None:
    if not title:
        raise AnnouncementError(field="title", reason=lazy("This field is needed."))
    if len(title) > MAX_TITLE:
        raise AnnouncementError(
            field="title", reason=lazy("At most %(maximum)s characters.", maximum=MAX_TITLE)
        )
    try:
        require_plain("title", title)
    except HiddenSignsError as error:
        raise AnnouncementError(field="title", reason=error.sentence) from None
    if not body:
        raise AnnouncementError(field="body", reason=lazy("This field is needed."))
    if len(body) > MAX_BODY:
        raise AnnouncementError(
            field="body", reason=lazy("At most %(maximum)s characters.", maximum=MAX_BODY)
        )
    if not everybody and not account_ids:
        raise AnnouncementError(field="targets", reason=lazy("Choose at least one account, or everybody."))
    if len(account_ids) > MAX_TARGETS:
        raise AnnouncementError(
            field="targets",
            reason=lazy("At most %(maximum)s accounts; choose everybody instead.", maximum=MAX_TARGETS),
        )


def _known(session: TenantSession, account_ids: Collection[int]) -> set[int]:
    """Return `account_ids`, all of which are accounts of the company."""
    wanted = sorted(set(account_ids))
    found: set[int] = set()
    for start in range(0, len(wanted), _CHUNK):
        found.update(
            session.scalars(select(Account.id).where(Account.id.in_(wanted[start : start + _CHUNK])))
        )
    if len(found) != len(wanted):
        raise AnnouncementError(field="targets", reason=lazy("Choose from the list."))
    return found


def _set_targets(
    session: TenantSession, announcement: Announcement, targets: set[int], *, rewritten: bool
) -> dict[str, list[object]]:
    """Make the rows say `targets`, and return what changed of them for the log."""
    rows = {
        row.account_id: row
        for row in session.scalars(
            select(AnnouncementTarget).where(AnnouncementTarget.announcement_id == announcement.id)
        )
    }
    gone = set(rows) - targets if not announcement.everybody else set()
    if rewritten:
        for row in rows.values():
            row.read_at = None
    for start in range(0, len(gone), _CHUNK):
        ids = sorted(gone)[start : start + _CHUNK]
        session.execute(
            delete(AnnouncementTarget).where(
                AnnouncementTarget.announcement_id == announcement.id, AnnouncementTarget.account_id.in_(ids)
            )
        )
    fresh = sorted(targets - set(rows))
    if fresh:
        owner = announcement.tenant_id
        session.execute(
            insert(AnnouncementTarget),
            [
                {"tenant_id": owner, "announcement_id": announcement.id, "account_id": each, "read_at": None}
                for each in fresh
            ],
        )
    return {"targets": [len(rows), len(targets)]} if gone or fresh else {}


def _for_account(account_id: int, *, read: bool | None = None) -> Select[Announcement]:
    """Return the query of what is for the account; `read` False leaves out what it has read."""
    mine = and_(
        AnnouncementTarget.announcement_id == Announcement.id, AnnouncementTarget.account_id == account_id
    )
    named = exists().where(mine)
    done = exists().where(mine, AnnouncementTarget.read_at.is_not(None))
    query = select(Announcement).where(or_(Announcement.everybody.is_(True), named))
    return query.where(~done) if read is False else query
