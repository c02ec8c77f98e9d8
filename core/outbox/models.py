"""The transactional outbox: what happened, written with the change itself, told to others afterwards."""

from __future__ import annotations

import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, Id, LongText, TenantOwned, utc_now


class OutboxEvent(TenantOwned, Base):
    """One thing that happened. Consumers see it at least once, in the order of ids of one tenant."""

    __tablename__ = "outbox_event"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "key"),
        Index(None, "done_at", "id"),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(100))
    """What makes the event one of a kind, so that saying it twice writes it once."""
    at: Mapped[datetime.datetime] = mapped_column(default=utc_now)
    kind: Mapped[str] = mapped_column(String(64))
    """Such as ``call.ended``."""
    body: Mapped[LongText]
    """JSON object."""
    done_at: Mapped[datetime.datetime | None]
    """When every consumer had it."""


class OutboxInterest(TenantOwned, Base):
    """A kind of event some consumer wants of a tenant; what nobody wants is not written."""

    __tablename__ = "outbox_interest"
    __table_args__ = (UniqueConstraint("tenant_id", "consumer", "kind"), Index(None, "kind", "tenant_id"))

    id: Mapped[Id]
    consumer: Mapped[str] = mapped_column(String(32))
    """Such as ``webhooks``."""
    kind: Mapped[str] = mapped_column(String(64))
    since: Mapped[datetime.datetime] = mapped_column(default=utc_now)
    """What happened before is not told."""
