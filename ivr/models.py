"""Tables of the IVR: flows and their versions."""

from __future__ import annotations

import datetime
import enum

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import (
    Base,
    BigId,
    BigIdType,
    Code,
    Id,
    LongText,
    Name,
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
    updated_by: Mapped[int | None] = mapped_column(BigIdType)


class FlowVersion(TenantOwned, Timestamps, Base):
    """One version of a flow."""

    __tablename__ = "ivr_flow_version"
    __table_args__ = (
        UniqueConstraint("flow_id", "version"),
        reference("flow_id", "ivr_flow", on_delete="CASCADE"),
        reference("created_by", "account"),
        reference("published_by", "account"),
    )

    id: Mapped[Id]
    flow_id: Mapped[BigId]
    version: Mapped[int]
    """1, 2, 3 … within the flow."""
    state: Mapped[FlowVersionState] = mapped_column(default=FlowVersionState.DRAFT)
    body: Mapped[LongText]
    """The flow document of `ivr.model`, as JSON."""
    created_by: Mapped[int | None] = mapped_column(BigIdType)
    published_at: Mapped[datetime.datetime | None]
    published_by: Mapped[int | None] = mapped_column(BigIdType)

    def publish(self, flow: Flow, account_id: int | None) -> None:
        """Make this draft the version new calls of `flow` start on."""
        self.state = FlowVersionState.PUBLISHED
        self.published_at = utc_now()
        self.published_by = account_id
        flow.published_version = self.version
