"""Saying that an entry of the work list is dealt with: whoever was first stays, however near another came."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.exc import IntegrityError

from core.database import TenantSession, utc_now
from core.permissions import Principal
from cti.desk.models import WorkDone, WorkKind


def mark_of(session: TenantSession, kind: WorkKind, object_id: int) -> WorkDone | None:
    """Return who dealt with an entry, if anybody did."""
    return session.scalar(select(WorkDone).where(WorkDone.kind == kind, WorkDone.object_id == object_id))


def mark(
    session: TenantSession, principal: Principal, kind: WorkKind, object_id: int, remark: str
) -> tuple[WorkDone, bool]:
    """Return the entry's mark, and whether it is a new one of the account's; another's stays as it is."""
    found = mark_of(session, kind, object_id)
    if found is not None:
        return found, False
    made = WorkDone(
        kind=kind,
        object_id=object_id,
        account_id=principal.account_id,
        account_name=principal.name[:100],
        remark=remark,
        done_at=utc_now(),
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:  # somebody did it between our look and our mark
        found = mark_of(session, kind, object_id)
        if found is None:
            raise
        return found, False
    return made, True


def unmark(session: TenantSession, found: WorkDone) -> bool:
    """Take a mark back; return False if somebody else just did."""
    gone = cast(CursorResult[Any], session.execute(delete(WorkDone).where(WorkDone.id == found.id)))
    return gone.rowcount == 1
