"""Tables of user groups and of what is allotted in them."""

from __future__ import annotations

import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, BigId, BigIdType, Id, Name, Note, TenantOwned, Timestamps, reference, utc_now


class UserGroup(TenantOwned, Timestamps, Base):
    """A branch or department (ACC-7); groups form a tree without depth limit."""

    __tablename__ = "user_group"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        reference("parent_id", "user_group"),
        Index(None, "tenant_id", "parent_id"),
    )

    id: Mapped[Id]
    name: Mapped[Name]
    """Unique among the children of one parent; checked by the service, since roots have no parent."""
    parent_id: Mapped[int | None] = mapped_column(BigIdType)
    quota: Mapped[int] = mapped_column(default=0)
    """Messages allotted to the group; what its children and members have comes out of it."""
    tasks_need_review: Mapped[bool] = mapped_column(default=False)
    """审核: its members' tasks wait for approval; False is 信任."""


class QuotaEntry(TenantOwned, Base):
    """One change of a group's or an account's quota (充值). Never changed."""

    __tablename__ = "quota_entry"
    __table_args__ = (Index(None, "tenant_id", "id"),)

    id: Mapped[Id]
    at: Mapped[datetime.datetime] = mapped_column(default=utc_now)
    actor_id: Mapped[BigId]
    group_id: Mapped[int | None] = mapped_column(BigIdType)
    """The group that got it, or None."""
    account_id: Mapped[int | None] = mapped_column(BigIdType)
    """The account that got it, or None."""
    source_group_id: Mapped[int | None] = mapped_column(BigIdType)
    """The group it came out of; None is the company."""
    amount: Mapped[int]
    """Messages; negative takes back."""
    note: Mapped[Note] = mapped_column(default="")
