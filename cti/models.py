"""Tables of telephony: routes, queues, extensions, endpoints, trunks. Records are in `cti.records.models`."""

from __future__ import annotations

import enum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import (
    Base,
    BigId,
    BigIdType,
    Code,
    Id,
    Name,
    Note,
    Phone,
    TenantOwned,
    Timestamps,
    reference,
)
from core.documents import DestinationKind, DispatchRule


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


class TrunkKind(enum.StrEnum):
    """How the carrier knows us."""

    ADDRESS = "address"
    """By our address."""
    REGISTRATION = "registration"
    """By a registration with user and password."""


class NumberFormat(enum.StrEnum):
    """How a called number is written to the carrier."""

    E164_PLUS = "e164-plus"
    E164 = "e164"
    NATIONAL = "national"
    """With the trunk prefix of the country, international ones with 00."""


class Trunk(Timestamps, Base):
    """A carrier's connection (ACC-3): a gateway of the switch. The operator's, not a tenant's."""

    __tablename__ = "cti_trunk"

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    """Name of the gateway in the switch: lower-case letters, digits, dash."""
    name: Mapped[Name]
    kind: Mapped[TrunkKind] = mapped_column(default=TrunkKind.ADDRESS)
    host: Mapped[str] = mapped_column(String(253))
    """Name or address calls are sent to."""
    port: Mapped[int] = mapped_column(default=5060)
    transport: Mapped[str] = mapped_column(String(8), default="udp")
    """``udp``, ``tcp`` or ``tls``."""
    networks: Mapped[str] = mapped_column(String(500), default="")
    """Comma-separated addresses or networks its calls come from."""
    username: Mapped[str] = mapped_column(String(100), default="")
    password_encrypted: Mapped[str] = mapped_column(String(255), default="")
    realm: Mapped[str] = mapped_column(String(253), default="")
    """Empty: the host."""
    expires_s: Mapped[int] = mapped_column(default=600)
    codecs: Mapped[str] = mapped_column(String(100), default="PCMA,PCMU")
    number_format: Mapped[NumberFormat] = mapped_column(default=NumberFormat.NATIONAL)
    prefix: Mapped[str] = mapped_column(String(16), default="")
    """Digits before every called number."""
    concurrency: Mapped[int] = mapped_column(default=0)
    """Calls at once, in and out, at most; 0 is no limit."""
    calls_per_second: Mapped[int] = mapped_column(default=0)
    """New calls out in a second, at most; 0 is no limit."""
    enabled: Mapped[bool] = mapped_column(default=True)
    note: Mapped[Note] = mapped_column(default="")


class TenantNumber(TenantOwned, Timestamps, Base):
    """A number the operator gave a company: it may be called on it, show it, or both."""

    __tablename__ = "cti_tenant_number"
    __table_args__ = (UniqueConstraint("tenant_id", "id"),)

    id: Mapped[Id]
    number: Mapped[Phone] = mapped_column(unique=True)
    """One tenant has it, platform-wide."""
    trunk_id: Mapped[int | None] = mapped_column(BigIdType, ForeignKey("cti_trunk.id"))
    """Trunk of calls that show it; None: the company's default."""
    inbound: Mapped[bool] = mapped_column(default=True)
    """May be the number of a route."""
    caller_id: Mapped[bool] = mapped_column(default=True)
    """May be shown to the called party (外显)."""
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
    """A queue's settings (CTI-Q2). Limits are the manual's; what each means is told at `core.documents.QueueDoc`."""

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
    rule: Mapped[DispatchRule] = mapped_column(default=DispatchRule.LONGEST_IDLE)
    last_agent_first: Mapped[bool] = mapped_column(default=False)
    skill_level: Mapped[int] = mapped_column(default=1)
    """1 to 9."""
    skill_step_s: Mapped[int] = mapped_column(default=0)
    closed_states: Mapped[str] = mapped_column(String(100), default="not_ready,break,away,wrap_up")
    """Comma-separated."""
    open_reasons: Mapped[str] = mapped_column(String(2000), default="")
    """Ids of own break reasons with which its calls come all the same; comma-separated."""
    announcement: Mapped[str] = mapped_column(String(500), default="")
    announcement_voice_id: Mapped[BigId] = mapped_column(default=0)
    announce_every_s: Mapped[int] = mapped_column(default=0)
    """0 to 60; 0: none."""
    announce_position: Mapped[bool] = mapped_column(default=False)
    announce_wait: Mapped[bool] = mapped_column(default=False)
    overflow_full: Mapped[str] = mapped_column(String(32), default="")
    """Empty, ``hangup``, or kind and id as in ``queue:7`` (likewise the two others)."""
    overflow_timeout: Mapped[str] = mapped_column(String(32), default="")
    overflow_nobody: Mapped[str] = mapped_column(String(32), default="")
    callback_key: Mapped[str] = mapped_column(String(1), default="")
    announce_agent: Mapped[bool] = mapped_column(default=False)
    missed_limit: Mapped[int] = mapped_column(default=0)
    pop_on: Mapped[PopTime | None]
    """None: as the extension says."""
    pop_url: Mapped[str] = mapped_column(String(500), default="")
    """Page of another system that opens for a call (DSK-6); empty: as the extension says."""


class Extension(TenantOwned, Timestamps, Base):
    """An extension (分机) agents sign in on (CTI-E1, E2)."""

    __tablename__ = "cti_extension"
    __table_args__ = (UniqueConstraint("tenant_id", "number"), UniqueConstraint("tenant_id", "id"))

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(String(20))
    bound_number: Mapped[Phone] = mapped_column(default="")
    """Landline or mobile of the extension; empty is none."""
    forward_when_offline: Mapped[bool] = mapped_column(default=False)
    press_to_take: Mapped[bool] = mapped_column(default=False)
    """Who picks the bound number up presses 1 to take the call: neither a mailbox nor an announcement can."""
    caller_id: Mapped[Phone] = mapped_column(default="")
    outbound_allowed: Mapped[bool] = mapped_column(default=False)
    pop_on: Mapped[PopTime] = mapped_column(default=PopTime.RING)
    pop_url: Mapped[str] = mapped_column(String(500), default="")
    """Page of another system that opens for a call, with variables (DSK-6); empty: the built-in card."""


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
    level: Mapped[int] = mapped_column(default=5)
    """Skill level, 1 to 9."""


class QueueThreshold(TenantOwned, Timestamps, Base):
    """From when on a queue needs a look (amber), and is in trouble (red), to its supervisors (SUP-9). 0 is never."""

    __tablename__ = "cti_queue_threshold"
    __table_args__ = (UniqueConstraint("queue_id"), reference("queue_id", "cti_queue", on_delete="CASCADE"))

    id: Mapped[Id]
    queue_id: Mapped[BigId]
    wait_amber_s: Mapped[int] = mapped_column(default=0)
    """Longest wait."""
    wait_red_s: Mapped[int] = mapped_column(default=0)
    waiting_amber: Mapped[int] = mapped_column(default=0)
    """Calls that wait."""
    waiting_red: Mapped[int] = mapped_column(default=0)
    level_amber: Mapped[int] = mapped_column(default=0)
    """Service level of today in per cent; below it."""
    level_red: Mapped[int] = mapped_column(default=0)


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
