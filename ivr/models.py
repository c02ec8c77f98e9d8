"""Tables of the IVR: flows, their versions and what they use, calendars."""

from __future__ import annotations

import datetime
import enum

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import (
    Base,
    BigId,
    BigIdType,
    Code,
    Id,
    LongText,
    Name,
    Note,
    TenantOwned,
    Timestamps,
    reference,
    utc_now,
)


class FlowVersionState(enum.StrEnum):
    """A flow has at most one draft; a published version never changes again."""

    DRAFT = "draft"
    PUBLISHED = "published"


class Flow(TenantOwned, Timestamps, Base):
    """An IVR flow (语音导航); what it does is in its versions."""

    __tablename__ = "ivr_flow"
    __table_args__ = (
        UniqueConstraint("tenant_id", "code"),
        UniqueConstraint("tenant_id", "id"),
        reference("updated_by", "account"),
    )

    id: Mapped[Id]
    code: Mapped[Code]
    name: Mapped[Name]
    published_version: Mapped[int] = mapped_column(default=0)
    """The version new calls start on; 0 is none."""
    revision: Mapped[int] = mapped_column(default=0)
    """Grows whenever what an editor shows changes, so that two people cannot overwrite each other."""
    updated_by: Mapped[int | None] = mapped_column(BigIdType)


class FlowVersion(TenantOwned, Timestamps, Base):
    """One version of a flow."""

    __tablename__ = "ivr_flow_version"
    __table_args__ = (
        UniqueConstraint("flow_id", "version"),
        reference("flow_id", "ivr_flow", on_delete="CASCADE"),
        reference("created_by", "account"),
        reference("published_by", "account"),
        reference("saved_by", "account"),
    )

    id: Mapped[Id]
    flow_id: Mapped[BigId]
    version: Mapped[int]
    """1, 2, 3 … within the flow."""
    state: Mapped[FlowVersionState] = mapped_column(default=FlowVersionState.DRAFT)
    body: Mapped[LongText]
    """The flow document of `ivr.model`, as JSON."""
    created_by: Mapped[int | None] = mapped_column(BigIdType)
    saved_by: Mapped[int | None] = mapped_column(BigIdType)
    """Who saved it last; when, is ``updated_at`` while it is a draft."""
    note: Mapped[Note] = mapped_column(default="")
    """What whoever published it says is new."""
    published_at: Mapped[datetime.datetime | None]
    published_by: Mapped[int | None] = mapped_column(BigIdType)

    def publish(self, flow: Flow, account_id: int | None) -> None:
        """Make this draft the version new calls of `flow` start on."""
        self.state = FlowVersionState.PUBLISHED
        self.published_at = utc_now()
        self.published_by = account_id
        flow.published_version = self.version


class FlowUse(TenantOwned, Base):
    """A version of a flow uses something from outside it; kept beside the version's body by `ivr.service`, so that
    "who uses this?" is one look-up.
    """

    __tablename__ = "ivr_flow_use"
    __table_args__ = (
        UniqueConstraint("flow_id", "version", "kind", "used_id"),
        reference("flow_id", "ivr_flow", on_delete="CASCADE"),
        Index(None, "tenant_id", "kind", "used_id"),
    )

    id: Mapped[Id]
    flow_id: Mapped[BigId]
    version: Mapped[int]
    kind: Mapped[str] = mapped_column(String(32))
    """A value of `ivr.nodes.base.ReferenceKind`."""
    used_id: Mapped[BigId]


class Calendar(TenantOwned, Timestamps, Base):
    """A company's named calendar (CTI-I8): which days count as working days."""

    __tablename__ = "ivr_calendar"
    __table_args__ = (UniqueConstraint("tenant_id", "name"), UniqueConstraint("tenant_id", "id"))

    id: Mapped[Id]
    name: Mapped[Name]
    china: Mapped[bool] = mapped_column(default=True)
    """Whether China's public holidays and make-up working days apply; else weekends are off."""
    days: Mapped[LongText] = mapped_column(default="[]")
    """JSON list of `ivr.company_calendars.OwnDay`: days that are decided by the company itself."""
