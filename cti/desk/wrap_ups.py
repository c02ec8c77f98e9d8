"""Reading what agents wrote down of a call."""

from __future__ import annotations

from sqlalchemy import select

from core.database import TenantSession
from cti.desk.models import CallWrapUp


def saved_of(session: TenantSession, call_id: str) -> list[CallWrapUp]:
    """Return the saved wrap-ups of a call, oldest first; drafts are their author's."""
    query = select(CallWrapUp).where(CallWrapUp.call_id == call_id, CallWrapUp.saved_at.is_not(None))
    return list(session.scalars(query.order_by(CallWrapUp.saved_at, CallWrapUp.id)))
