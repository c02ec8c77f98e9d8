"""Work done in the background: imports, exports, anything with progress (ux.md: long work can be left)."""

from __future__ import annotations

import datetime
import enum

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, BigId, Id, LongText, TenantOwned, utc_now


class JobState(enum.StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BackgroundJob(TenantOwned, Base):
    """One job. A worker claims it, renews its lease while it works, and another takes it over when it died."""

    __tablename__ = "background_job"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        Index(None, "tenant_id", "account_id", "id"),
        Index(None, "state", "id"),
    )

    id: Mapped[Id]
    account_id: Mapped[BigId]
    """Who asked; only they and administrators see it."""
    kind: Mapped[str] = mapped_column(String(48))
    """Such as ``accounts.export``; says what does the work."""
    title: Mapped[str] = mapped_column(String(200))
    state: Mapped[JobState] = mapped_column(default=JobState.QUEUED)
    parameters: Mapped[LongText] = mapped_column(default="{}")
    """JSON object; what the work needs, no secrets."""
    progress: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    """What `progress` goes up to; 0: not known yet."""
    result: Mapped[LongText] = mapped_column(default="{}")
    """JSON object: counts, refused rows with reasons."""
    file_key: Mapped[str] = mapped_column(String(200), default="")
    """Key in the store of the file it made, or empty."""
    file_name: Mapped[str] = mapped_column(String(200), default="")
    input_key: Mapped[str] = mapped_column(String(200), default="")
    """Key in the store of the file it reads, or empty."""
    error: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime.datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime.datetime | None]
    ended_at: Mapped[datetime.datetime | None]
    lease_until: Mapped[datetime.datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    """Counts who worked on it; the number a worker got is its right to write, and never comes again."""
    deaths: Mapped[int] = mapped_column(default=0)
    """Workers that vanished over it since it was queued; too many fail it."""
    file_expires_at: Mapped[datetime.datetime | None]
    """When the file it made is removed."""
    file_once: Mapped[bool] = mapped_column(default=False)
    """The file holds secrets: it is removed when it was downloaded."""
