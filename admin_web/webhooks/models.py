"""Tables of webhooks (ACC-13): where to tell, and what was told."""

from __future__ import annotations

import datetime
import enum

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import (
    Base,
    BigId,
    Id,
    LongText,
    Name,
    TenantOwned,
    Timestamps,
    reference,
    utc_now,
)


class DeliveryState(enum.StrEnum):
    """Where a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookEndpoint(TenantOwned, Timestamps, Base):
    """An address of the company's that is told what happens."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (UniqueConstraint("tenant_id", "id"), reference("account_id", "account"))

    id: Mapped[Id]
    account_id: Mapped[BigId]
    """Who answers for it: made it, changed its address or kinds last, or enabled it. Nothing is sent that they may not
    see, and their right to see numbers in full is the endpoint's.
    """
    name: Mapped[Name]
    url: Mapped[str] = mapped_column(String(500))
    secret_encrypted: Mapped[str] = mapped_column(String(255))
    """What deliveries are signed with, by `core.crypto`."""
    old_secret_encrypted: Mapped[str] = mapped_column(String(255), default="")
    """The secret before, or empty; signs besides the new one until `old_secret_until`."""
    old_secret_until: Mapped[datetime.datetime | None]
    kinds: Mapped[LongText] = mapped_column(default="[]")
    """JSON list of event kinds."""
    enabled: Mapped[bool] = mapped_column(default=True)
    disabled_why: Mapped[str] = mapped_column(String(32), default="")
    """``gone`` (it answered 410), ``failing`` or ``unseen`` (who answers for it may not see what it tells) when the
    platform switched it off; empty when a person did.
    """
    failing_since: Mapped[datetime.datetime | None]
    """When the failures began that have not ended yet."""


class WebhookDelivery(TenantOwned, Base):
    """One event for one endpoint, with its attempts."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id"),
        reference("endpoint_id", "webhook_endpoint", on_delete="CASCADE"),
        reference("event_id", "outbox_event"),
        Index(None, "state", "next_at", "endpoint_id"),
        Index(None, "endpoint_id", "state", "next_at"),
        Index(None, "tenant_id", "endpoint_id", "id"),
        Index(None, "tenant_id", "event_id"),
    )

    id: Mapped[Id]
    endpoint_id: Mapped[BigId]
    event_id: Mapped[BigId]
    state: Mapped[DeliveryState] = mapped_column(default=DeliveryState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    """Counts attempts begun; the number an attempt got is its right to write how it ended."""
    next_at: Mapped[datetime.datetime]
    """When the next attempt is due; while one is under way, when it counts as lost."""
    created_at: Mapped[datetime.datetime] = mapped_column(default=utc_now)
    attempted_at: Mapped[datetime.datetime | None]
    """When the last attempt began."""
    last_status: Mapped[int] = mapped_column(default=0)
    """HTTP status of the last attempt; 0: none came."""
    last_error: Mapped[str] = mapped_column(String(200), default="")
    delivered_at: Mapped[datetime.datetime | None]
