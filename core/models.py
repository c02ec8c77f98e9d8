"""Tables of the platform itself: tenants, roles, accounts, sessions, the log, and the versions of published
documents. Groups, announcements, access ranges, the outbox and jobs have packages of their own.
"""

from __future__ import annotations

import datetime
import enum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, event
from sqlalchemy.orm import Mapped, ORMExecuteState, mapped_column

from core.database import (
    Base,
    BigId,
    BigIdType,
    Code,
    Id,
    LongText,
    Name,
    Note,
    Phone,
    TenantOwned,
    TenantRoot,
    TenantSession,
    Timestamps,
    reference,
    utc_now,
)
from core.tables import LONG_TEXT


class TenantState(enum.StrEnum):
    """Whether a tenant may work; only an active one's accounts can sign in and its calls are routed."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class BuiltInRole(enum.StrEnum):
    """Roles every company has (ACC-6); what each may do is in `core.permissions`, so that an upgrade's new
    permissions reach them.
    """

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
    max_calls: Mapped[int] = mapped_column(default=0)
    """Calls up at once over all its routes and people, at most; 0 is no limit."""
    calls_per_second: Mapped[int] = mapped_column(default=0)
    """New outbound calls in a second, at most; 0 is no limit."""
    outbound_trunk_id: Mapped[int | None] = mapped_column(BigIdType)
    """Trunk (`cti.models.Trunk`) of calls whose caller ID belongs to none; None: no calls to the outside."""
    outbound_countries: Mapped[str] = mapped_column(String(200), default="CN")
    """ISO 3166 codes, comma-separated, that may be called (CTI-E5)."""
    premium_allowed: Mapped[bool] = mapped_column(default=False)
    """Whether premium-rate numbers may be called (CTI-E5)."""
    voices_need_review: Mapped[bool] = mapped_column(default=True)
    """Whether the operator hears a voice before flows can use it (CTI-V2)."""
    state_note: Mapped[Note] = mapped_column(default="")
    """Why it is suspended or closed, for the operator."""
    state_changed_at: Mapped[datetime.datetime | None]


class Role(TenantOwned, Timestamps, Base):
    """What a kind of account may do (ACC-6). Rows of built-in roles are made with their tenant and never
    change.
    """

    __tablename__ = "role"
    __table_args__ = (UniqueConstraint("tenant_id", "code"), UniqueConstraint("tenant_id", "id"))

    id: Mapped[Id]
    code: Mapped[Code]
    name: Mapped[Name]
    """Empty for built-in roles, whose name is translated."""
    built_in: Mapped[BuiltInRole | None]
    permissions: Mapped[LongText] = mapped_column(default="[]")
    """JSON list of `core.permissions.Permission` values; without meaning for built-in roles."""


class Account(TenantOwned, Timestamps, Base):
    """One person's login inside a tenant (子账号)."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("tenant_id", "login"),
        UniqueConstraint("tenant_id", "code"),
        UniqueConstraint("tenant_id", "id"),
        reference("role_id", "role"),
        reference("group_id", "user_group"),
        Index(None, "tenant_id", "group_id"),
        Index(None, "tenant_id", "deleted_at", "id"),
    )

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(String(32))
    """编号: the company's own number for the account; a running number when none is given."""
    login: Mapped[Code]
    """Lower case; never changes, and stays reserved after deletion."""
    name: Mapped[Name]
    employee_number: Mapped[str] = mapped_column(String(20), default="")
    """工号: digits a caller hears announced."""
    role_id: Mapped[int | None] = mapped_column(BigIdType)
    apply_role: Mapped[bool] = mapped_column(default=True)
    """True: may do what its role may (ACC-5); False: what `permissions` says."""
    permissions: Mapped[LongText] = mapped_column(default="[]")
    """JSON list of `core.permissions.Permission` values, used when `apply_role` is False."""
    supervised_queues: Mapped[str | None] = mapped_column(LONG_TEXT)
    """JSON list of the ids of the queues it supervises, in order; None: all (SUP-8). Without meaning for accounts that
    may not supervise; ids of deleted queues may stay, no other queue ever gets them.
    """
    group_id: Mapped[int | None] = mapped_column(BigIdType)
    is_group_admin: Mapped[bool] = mapped_column(default=False)
    """Administers the accounts of its group and those below, whatever its role (ACC-8)."""
    tasks_need_review: Mapped[bool] = mapped_column(default=False)
    """审核: its tasks wait for approval; False is 信任 (ACC-7)."""
    message_quota: Mapped[int] = mapped_column(default=0)
    """Messages it may send, taken out of its group's quota."""
    message_used: Mapped[int] = mapped_column(default=0)
    mobile: Mapped[Phone] = mapped_column(default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    wecom_id: Mapped[Code] = mapped_column(default="")
    dingtalk_id: Mapped[Code] = mapped_column(default="")
    welink_id: Mapped[Code] = mapped_column(default="")
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
    must_change_password: Mapped[bool] = mapped_column(default=False)
    """Somebody else chose the password; the next sign-in begins with a new one."""
    totp_secret_encrypted: Mapped[str] = mapped_column(String(255), default="")
    """Base32 secret of the second factor, by `core.crypto`; empty: none."""
    totp_confirmed_at: Mapped[datetime.datetime | None]
    """When the first code was right; the second factor is asked for from then on."""
    totp_last_step: Mapped[int] = mapped_column(BigIdType, default=0)
    """Time step of the last code that was taken; an older or the same one is refused (RFC 6238 §5.2)."""
    recovery_hashes: Mapped[LongText] = mapped_column(default="[]")
    """JSON list of SHA-256 of unused recovery codes."""
    deleted_at: Mapped[datetime.datetime | None]


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
    second_factor: Mapped[bool] = mapped_column(default=False)
    """Whether a second factor was given."""


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


@event.listens_for(TenantSession, "do_orm_execute")
def _refuse_bulk_change(state: ORMExecuteState) -> None:
    mapper = state.bind_mapper if state.is_update or state.is_delete else None
    if mapper is not None and mapper.class_ is AuditEntry:
        raise PermissionError("the log is never changed")
