"""Tables of the platform itself: tenants, accounts, sessions, the log, and the versions of published
documents.
"""

from __future__ import annotations

import datetime
import enum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, event
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
    TenantRoot,
    Timestamps,
    reference,
    utc_now,
)


class TenantState(enum.StrEnum):
    """Whether a tenant may work; only an active one's accounts can sign in and its calls are routed."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Role(enum.StrEnum):
    """Built-in roles (ACC-6); what each may do is in `core.permissions`."""

    TENANT_ADMIN = "tenant_admin"
    SUPERVISOR = "supervisor"
    AGENT = "agent"
    OPERATOR = "operator"


class Tenant(TenantRoot, Timestamps, Base):
    """A company (企业), or the operator's own (``is_operator``)."""

    __tablename__ = "tenant"

    code: Mapped[Code] = mapped_column(unique=True)
    """What people type as their company when they sign in; lower case."""
    name: Mapped[Name]
    state: Mapped[TenantState] = mapped_column(default=TenantState.ACTIVE)
    language: Mapped[str] = mapped_column(String(8), default="zh")
    timezone: Mapped[str] = mapped_column(String(64), default="Asia/Shanghai")
    is_operator: Mapped[bool] = mapped_column(default=False)


class Account(TenantOwned, Timestamps, Base):
    """One person's login inside a tenant (子账号)."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("tenant_id", "login"), UniqueConstraint("tenant_id", "id"))

    id: Mapped[Id]
    login: Mapped[Code]
    """Lower case; never changes."""
    name: Mapped[Name]
    employee_number: Mapped[str] = mapped_column(String(20), default="")
    """工号: digits a caller hears announced."""
    role: Mapped[Role]
    password_hash: Mapped[str] = mapped_column(String(255))
    enabled: Mapped[bool] = mapped_column(default=True)
    language: Mapped[str] = mapped_column(String(8), default="")
    """Empty: the tenant's."""
    password_changed_at: Mapped[datetime.datetime] = mapped_column(default=utc_now)
    failed_count: Mapped[int] = mapped_column(default=0)
    """Wrong passwords in a row."""
    locked_until: Mapped[datetime.datetime | None]
    session_epoch: Mapped[int] = mapped_column(default=0)
    """Sessions begun under another number are over: raised by a new password, disabling, and sign-out
    everywhere.
    """
    last_sign_in_at: Mapped[datetime.datetime | None]


class WebSession(TenantOwned, Base):
    """A signed-in browser. The cookie holds a random token; only its hash is stored."""

    __tablename__ = "web_session"
    __table_args__ = (
        reference("account_id", "account"),
        Index(None, "account_id", "ended_at"),
    )

    id: Mapped[Id]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the token, hexadecimal."""
    account_id: Mapped[BigId]
    epoch: Mapped[int]
    created_at: Mapped[datetime.datetime] = mapped_column(default=utc_now)
    last_seen_at: Mapped[datetime.datetime] = mapped_column(default=utc_now)
    """Last activity of the person, written at most once a minute; pushed events are no activity."""
    ip: Mapped[str] = mapped_column(String(45), default="")
    user_agent: Mapped[str] = mapped_column(String(255), default="")
    ended_at: Mapped[datetime.datetime | None]
    ended_why: Mapped[str] = mapped_column(String(32), default="")
    """``sign-out``, ``idle``, ``replaced`` or ``revoked``."""


class AuditEntry(TenantOwned, Base):
    """One line of the log (ACC-10): who did what to which object. Never changed, never deleted."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index(None, "tenant_id", "at", "id"),
        Index(None, "tenant_id", "object_kind", "object_id"),
    )

    id: Mapped[Id]
    at: Mapped[datetime.datetime] = mapped_column(default=utc_now)
    account_id: Mapped[int | None] = mapped_column(BigIdType, ForeignKey("account.id"))
    """Who; None is the platform itself. An operator's entry in a tenant's log names an account of another
    tenant.
    """
    account_name: Mapped[Name] = mapped_column(default="")
    """The name at that time."""
    ip: Mapped[str] = mapped_column(String(45), default="")
    module: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(48))
    object_kind: Mapped[str] = mapped_column(String(48), default="")
    object_id: Mapped[int | None] = mapped_column(BigIdType)
    object_name: Mapped[str] = mapped_column(String(200), default="")
    changes: Mapped[LongText] = mapped_column(default="{}")
    """JSON: field to ``[before, after]``; secrets are named, never shown."""


class DocumentVersion(Base):
    """How often a published document changed (`core.documents`); deleted ones stay, so that none comes
    back.
    """

    __tablename__ = "document_version"

    field: Mapped[str] = mapped_column(String(64), primary_key=True)
    """``<kind>:<id>``."""
    version: Mapped[int]
    deleted: Mapped[bool] = mapped_column(default=False)


@event.listens_for(AuditEntry, "before_update")
@event.listens_for(AuditEntry, "before_delete")
def _refuse_change(mapper: Any, connection: Any, target: AuditEntry) -> None:
    raise PermissionError("the log is never changed")
