"""Tables of the programming interface (ACC-13): keys, and answers kept for repeated requests."""

from __future__ import annotations

import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import (
    Base,
    BigId,
    Id,
    LongText,
    Name,
    Phone,
    TenantOwned,
    Timestamps,
    reference,
    utc_now,
)


class ApiKey(TenantOwned, Timestamps, Base):
    """A key of a company's program. The key is shown once; its hash is kept."""

    __tablename__ = "api_key"
    __table_args__ = (UniqueConstraint("tenant_id", "id"), reference("account_id", "account"))

    id: Mapped[Id]
    name: Mapped[Name]
    prefix: Mapped[str] = mapped_column(String(16))
    """The first letters, to tell keys apart."""
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[LongText] = mapped_column(default="[]")
    """JSON list of scopes."""
    enabled: Mapped[bool] = mapped_column(default=True)
    per_minute: Mapped[int] = mapped_column(default=600)
    """Requests in a minute, at most."""
    account_id: Mapped[BigId]
    """Who made it; the key works while that account is enabled."""
    expires_at: Mapped[datetime.datetime | None]
    last_used_at: Mapped[datetime.datetime | None]
    last_used_ip: Mapped[str] = mapped_column(String(45), default="")


class IdempotentAnswer(TenantOwned, Base):
    """The answer to a request with an idempotency key, given again when it is repeated; kept for a day."""

    __tablename__ = "api_idempotent_answer"
    __table_args__ = (
        UniqueConstraint("api_key_id", "key"),
        reference("api_key_id", "api_key", on_delete="CASCADE"),
        Index(None, "created_at"),
    )

    id: Mapped[Id]
    api_key_id: Mapped[BigId]
    key: Mapped[str] = mapped_column(String(128))
    request_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of method, path and body: another request under the same key is refused."""
    status: Mapped[int] = mapped_column(default=0)
    """0 while the first request is under way."""
    body: Mapped[LongText] = mapped_column(default="")
    created_at: Mapped[datetime.datetime] = mapped_column(default=utc_now)


class ApiCall(TenantOwned, Base):
    """A call a program asked for (click-to-call), and what the program calls it."""

    __tablename__ = "api_call"
    __table_args__ = (UniqueConstraint("tenant_id", "call_id"), reference("account_id", "account"))

    id: Mapped[Id]
    call_id: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[BigId]
    """The agent it was placed for."""
    number: Mapped[Phone]
    reference: Mapped[str] = mapped_column(String(100), default="")
    """The program's own name for it; shown with the call's record."""
    created_at: Mapped[datetime.datetime] = mapped_column(default=utc_now)
