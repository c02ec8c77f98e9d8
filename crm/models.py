"""Tables of the customer relations part."""

from __future__ import annotations

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, BigIdType, Id, Name, Note, Phone, TenantOwned, Timestamps, reference


class Customer(TenantOwned, Timestamps, Base):
    """A customer: one row per number (CRM-1)."""

    __tablename__ = "crm_customer"
    __table_args__ = (
        UniqueConstraint("tenant_id", "phone"),
        reference("created_by", "account"),
        reference("updated_by", "account"),
    )

    id: Mapped[Id]
    name: Mapped[Name]
    phone: Mapped[Phone]
    """As `core.phone` stores numbers: E.164."""
    company: Mapped[Name] = mapped_column(default="")
    note: Mapped[Note] = mapped_column(default="")
    created_by: Mapped[int | None] = mapped_column(BigIdType)
    updated_by: Mapped[int | None] = mapped_column(BigIdType)
