"""Tables of the desk: break reasons, dispositions, a wrap-up for each call and account, work dealt with."""

from __future__ import annotations

import datetime
import enum

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, BigId, Id, LongText, Name, Note, Phone, TenantOwned, Timestamps, utc_now


class BreakState(enum.StrEnum):
    """States a company gives reasons for (DSK-1); the values are those of `cti.acd.agents.AgentState`."""

    BREAK = "break"
    AWAY = "away"


class BreakReason(TenantOwned, Timestamps, Base):
    """Why an agent takes no calls, in the company's own words. Its id is the ``reason`` of an agent's state."""

    __tablename__ = "desk_break_reason"
    __table_args__ = (UniqueConstraint("tenant_id", "id"), UniqueConstraint("tenant_id", "name"))

    id: Mapped[Id]
    name: Mapped[Name]
    state: Mapped[BreakState] = mapped_column(default=BreakState.BREAK)
    position: Mapped[int] = mapped_column(default=0)
    """Smaller stands further up."""
    active: Mapped[bool] = mapped_column(default=True)


class Disposition(TenantOwned, Timestamps, Base):
    """How a call ended for the business (DSK-9)."""

    __tablename__ = "desk_disposition"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "name"),
    )

    id: Mapped[Id]
    name: Mapped[Name]
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    needs_note: Mapped[bool] = mapped_column(default=False)
    """A wrap-up with it is saved with a note only."""
    digit: Mapped[str] = mapped_column(String(1), default="")
    """Key that chooses it in the form, 1 to 9; empty: none. Active dispositions have different ones."""


class CallWrapUp(TenantOwned, Timestamps, Base):
    """What an agent wrote down of a call (DSK-9): a draft from the first second, one for each call and account."""

    __tablename__ = "call_wrap_up"
    __table_args__ = (
        UniqueConstraint("tenant_id", "call_id", "account_id"),
        Index(None, "tenant_id", "account_id", "saved_at", "updated_at"),
        Index(None, "tenant_id", "account_id", "next_call_at"),
    )

    id: Mapped[Id]
    call_id: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[BigId]
    account_name: Mapped[Name] = mapped_column(default="")
    """As it was at the time."""
    number: Mapped[Phone] = mapped_column(default="")
    """The other party's number, as it is stored."""
    queue_id: Mapped[BigId] = mapped_column(default=0)
    disposition_id: Mapped[BigId] = mapped_column(default=0)
    """0: none chosen."""
    disposition: Mapped[Name] = mapped_column(default="")
    """Its name when it was chosen."""
    note: Mapped[LongText] = mapped_column(default="")
    next_call_at: Mapped[datetime.datetime | None]
    """When the agent means to call again: a reminder stands in the work list."""
    revision: Mapped[int] = mapped_column(default=0)
    """Grows with each change; a page that does not know the last one overwrites nothing."""
    saved_at: Mapped[datetime.datetime | None]
    """None: a draft."""


class WorkKind(enum.StrEnum):
    """What the work list is made of, besides wishes to be called back, which know who dealt with them."""

    MISSED = "missed"
    ABANDONED = "abandoned"
    VOICEMAIL = "voicemail"
    REMINDER = "reminder"


class WorkDone(TenantOwned, Base):
    """Somebody dealt with an entry of the work list."""

    __tablename__ = "desk_work_done"
    __table_args__ = (UniqueConstraint("tenant_id", "kind", "object_id"),)

    id: Mapped[Id]
    kind: Mapped[WorkKind]
    object_id: Mapped[BigId]
    """Of a missed or abandoned call its record, of a message its recording, of a reminder the wrap-up."""
    account_id: Mapped[BigId]
    account_name: Mapped[Name] = mapped_column(default="")
    remark: Mapped[Note] = mapped_column(default="")
    done_at: Mapped[datetime.datetime] = mapped_column(default=utc_now)


class ChatLine(TenantOwned, Base):
    """One line a supervisor wrote to an agent, or the agent answered (SUP-9): each pair of them has one thread."""

    __tablename__ = "desk_chat_line"
    __table_args__ = (
        Index(None, "tenant_id", "agent_id", "supervisor_id", "id"),
        Index(None, "tenant_id", "supervisor_id", "read_at"),
        Index(None, "tenant_id", "agent_id", "read_at"),
        Index(None, "sent_at"),
    )

    id: Mapped[Id]
    supervisor_id: Mapped[BigId]
    agent_id: Mapped[BigId]
    by_agent: Mapped[bool]
    """Whether the agent wrote it; else the supervisor."""
    text: Mapped[LongText]
    sent_at: Mapped[datetime.datetime]
    read_at: Mapped[datetime.datetime | None]
    """When the other one saw it."""
