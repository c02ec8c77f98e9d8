"""Tables of telephony: routes, queues, extensions, endpoints, trunks. Records are in `cti.records.models`."""

from __future__ import annotations

import enum

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, BigId, Code, Id, Name, Note, Phone, TenantOwned, Timestamps, reference
from core.documents import DestinationKind


class CallerRuleKind(enum.StrEnum):
    """What happens to a caller on the list (CTI-R6)."""

    BLOCK = "block"
    VIP = "vip"


class EndpointKind(enum.StrEnum):
    """What an agent answers on; each has a SIP user of its own, so that they do not evict each other."""

    WEB = "web"
    SIP = "sip"


class PopTime(enum.StrEnum):
    """When the customer's page opens."""

    RING = "ring"
    ANSWER = "answer"


class Trunk(Timestamps, Base):
    """A carrier's connection. The operator's, not a tenant's."""

    __tablename__ = "cti_trunk"

    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)
    address: Mapped[str] = mapped_column(String(64), unique=True)
    """Signalling address calls come from."""
    enabled: Mapped[bool] = mapped_column(default=True)
    concurrency: Mapped[int] = mapped_column(default=0)
    """Calls at once, at most; 0 is no limit."""
    note: Mapped[Note] = mapped_column(default="")


class InboundRoute(TenantOwned, Timestamps, Base):
    """Where calls to a number, or from a trunk, go (CTI-R1, R2). Number and trunk are the operator's to
    change.
    """

    __tablename__ = "cti_inbound_route"
    __table_args__ = (UniqueConstraint("tenant_id", "code"), UniqueConstraint("tenant_id", "id"))

    id: Mapped[Id]
    code: Mapped[Code]
    number: Mapped[str | None] = mapped_column(String(32), unique=True)
    """Called number as `core.phone` stores it; None for a route by trunk. One tenant has it,
    platform-wide.
    """
    trunk_address: Mapped[str | None] = mapped_column(String(64), unique=True)
    enabled: Mapped[bool] = mapped_column(default=True)
    concurrency: Mapped[int] = mapped_column(default=30)
    """Calls at once, at most; 0 refuses all."""
    refusal_cause: Mapped[str] = mapped_column(String(48), default="USER_BUSY")
    destination: Mapped[DestinationKind] = mapped_column(default=DestinationKind.FLOW)
    destination_id: Mapped[BigId] = mapped_column(default=0)
    """Id of the flow, queue or extension; checked by the service, since the table differs by kind."""
    priority: Mapped[int] = mapped_column(default=50)
    note: Mapped[Note] = mapped_column(default="")


class CallerRule(TenantOwned, Timestamps, Base):
    """A caller that is refused, or served first (CTI-R6)."""

    __tablename__ = "cti_caller_rule"
    __table_args__ = (UniqueConstraint("tenant_id", "kind", "pattern"),)

    id: Mapped[Id]
    kind: Mapped[CallerRuleKind]
    pattern: Mapped[Phone]
    """E.164 or short number, or the beginning of one followed by ``*``."""
    priority: Mapped[int] = mapped_column(default=90)
    """For VIPs: what their calls get at least, 0 to 99."""
    note: Mapped[Note] = mapped_column(default="")


class Queue(TenantOwned, Timestamps, Base):
    """A queue's settings (CTI-Q2, the first-call subset). Limits are the manual's."""

    __tablename__ = "cti_queue"
    __table_args__ = (UniqueConstraint("tenant_id", "code"), UniqueConstraint("tenant_id", "id"))

    id: Mapped[Id]
    code: Mapped[Code]
    name: Mapped[Name]
    max_waiting: Mapped[int] = mapped_column(default=100)
    """0 to 999; 0: nobody waits."""
    music: Mapped[Code] = mapped_column(default="default")
    timeout_s: Mapped[int] = mapped_column(default=60)
    """1 to 999."""
    ring_timeout_s: Mapped[int] = mapped_column(default=60)
    """1 to 999."""
    wrap_up_s: Mapped[int] = mapped_column(default=0)
    auto_answer: Mapped[bool] = mapped_column(default=False)
    record: Mapped[bool] = mapped_column(default=True)
    service_level_s: Mapped[int] = mapped_column(default=20)


class Extension(TenantOwned, Timestamps, Base):
    """An extension (分机) agents sign in on (CTI-E1, E2)."""

    __tablename__ = "cti_extension"
    __table_args__ = (UniqueConstraint("tenant_id", "number"), UniqueConstraint("tenant_id", "id"))

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(String(20))
    bound_number: Mapped[Phone] = mapped_column(default="")
    """Landline or mobile of the extension; empty is none."""
    forward_when_offline: Mapped[bool] = mapped_column(default=False)
    caller_id: Mapped[Phone] = mapped_column(default="")
    outbound_allowed: Mapped[bool] = mapped_column(default=False)
    pop_on: Mapped[PopTime] = mapped_column(default=PopTime.RING)


class QueueMember(TenantOwned, Base):
    """An extension takes a queue's calls (CTI-Q3)."""

    __tablename__ = "cti_queue_member"
    __table_args__ = (
        UniqueConstraint("queue_id", "extension_id"),
        reference("queue_id", "cti_queue", on_delete="CASCADE"),
        reference("extension_id", "cti_extension", on_delete="CASCADE"),
    )

    id: Mapped[Id]
    queue_id: Mapped[BigId]
    extension_id: Mapped[BigId]


class ExtensionAccount(TenantOwned, Base):
    """An account may sign in on an extension; on one only (CTI-E2)."""

    __tablename__ = "cti_extension_account"
    __table_args__ = (
        UniqueConstraint("account_id"),
        reference("extension_id", "cti_extension", on_delete="CASCADE"),
        reference("account_id", "account"),
    )

    id: Mapped[Id]
    extension_id: Mapped[BigId]
    account_id: Mapped[BigId]


class SipEndpoint(TenantOwned, Timestamps, Base):
    """A SIP user of an extension. The switch's directory is served from ``a1_hash``."""

    __tablename__ = "cti_sip_endpoint"
    __table_args__ = (
        UniqueConstraint("extension_id", "kind"),
        reference("extension_id", "cti_extension", on_delete="CASCADE"),
    )

    id: Mapped[Id]
    extension_id: Mapped[BigId]
    kind: Mapped[EndpointKind]
    user: Mapped[Code] = mapped_column(unique=True)
    """Unique over all tenants."""
    password_encrypted: Mapped[str] = mapped_column(String(255))
    """By `core.crypto`; shown to whoever may set up the phone."""
    a1_hash: Mapped[str] = mapped_column(String(32))
    """MD5 of ``user:domain:password`` (RFC 2617's HA1), what digest authentication needs."""
