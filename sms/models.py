"""The outbox of short messages: each is a row before anybody tries to send it, and the row says what became of it."""

from __future__ import annotations

import datetime
import enum

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, BigId, Code, Id, LongText, Name, Phone, TenantOwned


class SmsSource(enum.StrEnum):
    """What asked for a message."""

    FLOW = "flow"


class SmsState(enum.StrEnum):
    """Where a message stands. What is in none of the first two stays as it is."""

    WAITING = "waiting"
    HANDING_OVER = "handing_over"
    """A scheduler has it; until ``next_at``."""
    HANDED_OVER = "handed_over"
    """The message service took it."""
    NOT_SENT = "not_sent"
    """There was no message service to hand it to."""
    REFUSED = "refused"
    """It was never to be sent: `reason` says why."""
    FAILED = "failed"
    """The message service refused it, or could not be reached for too long."""
    UNKNOWN = "unknown"
    """The process that handed it over died meanwhile: it may have been taken, and is not handed over again."""


class SmsMessage(TenantOwned, Base):
    """One short message."""

    __tablename__ = "sms_message"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key"),
        Index(None, "tenant_id", "id"),
        Index(None, "tenant_id", "state", "id"),
        Index(None, "tenant_id", "mobile", "queued_at"),
        Index(None, "tenant_id", "asked_at"),
        Index(None, "tenant_id", "call_id"),
        Index(None, "state", "next_at"),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(200))
    """What makes it one of a kind: handed in again it is the same message."""
    mobile: Mapped[Phone]
    text: Mapped[LongText]
    parts: Mapped[int]
    source: Mapped[SmsSource]
    call_id: Mapped[str] = mapped_column(String(64), default="")
    flow_id: Mapped[BigId] = mapped_column(default=0)
    node: Mapped[Code] = mapped_column(default="")
    node_name: Mapped[Name] = mapped_column(default="")
    """Name of the node at the time of the call."""
    state: Mapped[SmsState] = mapped_column(default=SmsState.WAITING)
    reason: Mapped[str] = mapped_column(String(64), default="")
    """Identity of what is wrong (`sms.words`); empty: nothing."""
    attempts: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime.datetime]
    """When the call asked for it."""
    queued_at: Mapped[datetime.datetime]
    """When it came here."""
    next_at: Mapped[datetime.datetime | None]
    """When it is due, or when the attempt under way counts as lost; None: nothing is to be done any more."""
    ended_at: Mapped[datetime.datetime | None]
    """When it came to the state it stays in."""
