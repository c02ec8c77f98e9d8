"""Published documents: the configuration a live call needs, as versioned values in Redis.

`web` publishes after its database transaction committed, the shipper's publisher repeats whatever is missing,
and `cti` keeps all of them in memory with a last good copy on the cell's disk: no database is on a call's
path (architecture, decision 5). A document is small, typed and complete; an id is the database's primary key.
"""

from __future__ import annotations

import enum
import typing

import msgspec

HASH = "zj:docs"
"""Redis hash: field ``<kind>:<id>``, value the document as JSON."""

VERSIONS = "zj:docs:versions"
"""Redis hash beside it: field to the document's version, so that comparing costs little."""

CHANGES = "zj:docs:changes"
"""Redis stream, trimmed to some thousands: each entry has ``field``, the hash field that was set or
deleted.
"""


class DestinationKind(enum.StrEnum):
    """Where a route or a transfer sends a call."""

    FLOW = "flow"
    QUEUE = "queue"
    EXTENSION = "extension"


class Document(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What all documents have."""

    id: int
    tenant_id: int
    version: int
    """Grows with each publication of this document; an older one never replaces a newer one."""


class TenantDoc(Document, frozen=True, kw_only=True, tag="tenant"):
    """A tenant; ``id == tenant_id``."""

    code: str
    name: str
    active: bool
    language: str = "zh"
    timezone: str = "Asia/Shanghai"
    blocked_callers: tuple[str, ...] = ()
    """Callers refused before routing (CTI-R6): E.164, or a prefix ending in ``*``."""
    vip_callers: dict[str, int] = {}
    """Caller (as above) to the priority its calls get at least."""


class RouteDoc(Document, frozen=True, kw_only=True, tag="route"):
    """An inbound route (CTI-R1, R2, R4)."""

    code: str
    number: str = ""
    """Called number (E.164, or a short number as dialled); empty when the route is by trunk address."""
    trunk_address: str = ""
    """Signalling address of the trunk, for routes by address."""
    enabled: bool = True
    concurrency: int = 0
    """Calls at once, at most; 0 refuses all."""
    refusal_cause: str = "USER_BUSY"
    """Hang-up cause over the limit: ``USER_BUSY`` (486) or ``NORMAL_TEMPORARY_FAILURE`` (503)."""
    destination: DestinationKind = DestinationKind.FLOW
    destination_id: int = 0
    priority: int = 50
    """0 to 99, larger is served first."""


class QueueDoc(Document, frozen=True, kw_only=True, tag="queue"):
    """A queue's settings (CTI-Q2; the first-call subset)."""

    code: str
    name: str
    max_waiting: int = 100
    music: str = "default"
    """Name of the music: ``default`` or the key of an approved voice."""
    timeout_s: int = 60
    """Longest wait; it never cuts an offer that is ringing."""
    ring_timeout_s: int = 60
    wrap_up_s: int = 0
    auto_answer: bool = False
    record: bool = True
    service_level_s: int = 20
    extension_ids: tuple[int, ...] = ()


class ExtensionDoc(Document, frozen=True, kw_only=True, tag="extension"):
    """An extension and its endpoints (CTI-E1, E2)."""

    number: str
    web_user: str
    """Globally unique SIP user of the web softphone."""
    sip_user: str
    """Globally unique SIP user of the SIP phone."""
    bound_number: str = ""
    forward_when_offline: bool = False
    caller_id: str = ""
    outbound_allowed: bool = False
    account_ids: tuple[int, ...] = ()
    """Accounts that may sign in here."""
    pop_on: typing.Literal["ring", "answer"] = "ring"


class AccountDoc(Document, frozen=True, kw_only=True, tag="account"):
    """What calls need to know of an account."""

    login: str
    name: str
    employee_number: str = ""
    enabled: bool = True


class FlowDoc(Document, frozen=True, kw_only=True, tag="flow"):
    """One published version of an IVR flow; ``version`` is the flow's published version.

    Calls in progress finish on the version they started on: `cti` keeps the flow a call uses in memory.
    """

    name: str
    body: msgspec.Raw
    """The flow document of `ivr.model`, as JSON."""


AnyDocument = TenantDoc | RouteDoc | QueueDoc | ExtensionDoc | AccountDoc | FlowDoc

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyDocument)


def field_of(document: AnyDocument) -> str:
    """Return the hash field of `document`, such as ``route:12``."""
    return f"{kind_of(type(document))}:{document.id}"


def kind_of(cls: type[Document]) -> str:
    """Return the kind's name as it stands in the hash field."""
    return str(cls.__struct_config__.tag)


def encode(document: AnyDocument) -> bytes:
    """Return the document as JSON."""
    return _encoder.encode(document)


def decode(data: bytes) -> AnyDocument:
    """Return the document in `data`. Raises ``msgspec.DecodeError`` on anything else."""
    return _decoder.decode(data)
