"""Tables of announcements (ACC-9)."""

from __future__ import annotations

import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, BigId, Id, LongText, TenantOwned, Timestamps, reference


class Announcement(TenantOwned, Timestamps, Base):
    """Something the company tells its accounts; shown at the top of their pages until they have read it."""

    __tablename__ = "announcement"
    __table_args__ = (UniqueConstraint("tenant_id", "id"), Index(None, "tenant_id", "everybody"))

    id: Mapped[Id]
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[LongText]
    """Plain text; line ends are kept."""
    everybody: Mapped[bool] = mapped_column(default=False)
    """For all accounts, later ones too."""
    author_id: Mapped[BigId]


class AnnouncementTarget(TenantOwned, Base):
    """An account an announcement is for, and when it was read; for one to everybody the row comes with the
    reading.
    """

    __tablename__ = "announcement_target"
    __table_args__ = (
        UniqueConstraint("announcement_id", "account_id"),
        reference("announcement_id", "announcement", on_delete="CASCADE"),
        reference("account_id", "account"),
        Index(None, "tenant_id", "account_id", "read_at"),
    )

    id: Mapped[Id]
    announcement_id: Mapped[BigId]
    account_id: Mapped[BigId]
    read_at: Mapped[datetime.datetime | None]
