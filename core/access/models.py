"""Tables of what guards the door: allowed networks and codes for a forgotten password."""

from __future__ import annotations

import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, BigId, Id, Name, TenantOwned, Timestamps, reference, utc_now


class AccessRange(TenantOwned, Timestamps, Base):
    """A network a company's people and programs may come from (ACC-11); none at all means anywhere."""

    __tablename__ = "access_range"
    __table_args__ = (UniqueConstraint("tenant_id", "network"),)

    id: Mapped[Id]
    name: Mapped[Name]
    network: Mapped[str] = mapped_column(String(64))
    """IPv4 or IPv6 network in its shortest written form, such as ``192.0.2.0/24``."""


class ResetCode(TenantOwned, Base):
    """A code sent to somebody who forgot the password (ACC-2)."""

    __tablename__ = "reset_code"
    __table_args__ = (
        reference("account_id", "account"),
        Index(None, "tenant_id", "account_id", "created_at"),
    )

    id: Mapped[Id]
    account_id: Mapped[BigId]
    browser_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the random value in the cookie of the browser that asked for it, the only one it works in."""
    code_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of that random value and the code together: six digits alone could be found by trying."""
    created_at: Mapped[datetime.datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime.datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime.datetime | None]
