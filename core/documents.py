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


class DispatchRule(enum.StrEnum):
    """Which of a queue's idle agents is offered the next call (CTI-Q2)."""

    LONGEST_IDLE = "longest_idle"
    ROUND_ROBIN = "round_robin"
    FEWEST_CALLS = "fewest_calls"
    """Of today."""
    RANDOM = "random"
    SKILLS = "skills"
    """The highest skill level first; what a caller asks for relaxes with the wait."""
    RING_ALL = "ring_all"
    """All of them at once, up to ten; who answers first gets the call."""


class OverflowKind(enum.StrEnum):
    """Where a queue sends a caller it cannot serve."""

    NONE = ""
    """A word and the end; when nobody is signed in, callers wait all the same."""
    HANGUP = "hangup"
    QUEUE = "queue"
    EXTENSION = "extension"
    FLOW = "flow"


class Overflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A queue's way out (CTI-Q2)."""

    kind: OverflowKind = OverflowKind.NONE
    id: int = 0
    """Of the queue, extension or flow."""


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
    max_calls: int = 0
    """Calls up at once, at most; 0 is no limit."""
    calls_per_second: int = 0
    """New outbound calls in a second, at most; 0 is no limit."""
    caller_ids: dict[str, int] = {}
    """Numbers that may be shown, to the id of the trunk their calls take (0: `outbound_trunk_id`)."""
    outbound_trunk_id: int = 0
    """Trunk of calls whose caller ID names none; 0: no calls to the outside."""
    outbound_countries: tuple[str, ...] = ("CN",)
    """ISO 3166 codes that may be called."""
    premium_allowed: bool = False


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
    """A queue's settings (CTI-Q2) and its members (CTI-Q3)."""

    code: str
    name: str
    max_waiting: int = 100
    music: str = "default"
    """Name of the music: ``default``, or ``voice:`` and the id of an approved voice."""
    timeout_s: int = 60
    """Longest wait; it never cuts an offer that is ringing."""
    ring_timeout_s: int = 60
    wrap_up_s: int = 0
    auto_answer: bool = False
    record: bool = True
    service_level_s: int = 20
    extension_ids: tuple[int, ...] = ()
    levels: dict[int, int] = {}
    """Skill level, 1 to 9, of members that have another than 5, by extension id."""
    rule: DispatchRule = DispatchRule.LONGEST_IDLE
    last_agent_first: bool = False
    """Who talked with this caller last goes before the rule, when idle."""
    skill_level: int = 1
    """With ``skills``: the level a caller asks for at first; 1 is no demand."""
    skill_step_s: int = 0
    """After each such time of waiting one level less is asked; 0: never less."""
    closed_states: tuple[str, ...] = ("not_ready", "break", "away", "wrap_up")
    """Agents' states (`cti.acd.agents.AgentState`) in which no calls of this queue come."""
    open_reasons: tuple[str, ...] = ()
    """The company's own break reasons (ids) with which its calls come all the same; with the others none do."""
    announcement: str = ""
    """Text spoken to those who wait."""
    announcement_voice_id: int = 0
    """Approved voice played before it; 0: none."""
    announce_every_s: int = 0
    """Seconds from one announcement to the next, 0 to 60; 0: none."""
    announce_position: bool = False
    announce_wait: bool = False
    """Whether the place in the queue and the expected wait are told with it."""
    overflow_full: Overflow = Overflow()
    overflow_timeout: Overflow = Overflow()
    overflow_nobody: Overflow = Overflow()
    """When nobody is signed in who takes this queue's calls."""
    callback_key: str = ""
    """Key with which who waits asks to be called back and hangs up; empty: not offered."""
    announce_agent: bool = False
    """The agent's employee number is told to the caller before the two are connected."""
    missed_limit: int = 0
    """Calls of this queue missed in a row after which an agent stands as away; 0: after the first they stand as not
    responding.
    """

    @property
    def answers_by_itself(self) -> bool:
        """Whether agents' browsers take calls of this queue without ringing; never where several ring for one."""
        return self.auto_answer and self.rule is not DispatchRule.RING_ALL


class ExtensionDoc(Document, frozen=True, kw_only=True, tag="extension"):
    """An extension and its endpoints (CTI-E1, E2)."""

    number: str
    web_user: str
    """Globally unique SIP user of the web softphone."""
    sip_user: str
    """Globally unique SIP user of the SIP phone."""
    bound_number: str = ""
    """Landline or mobile of the extension (E.164); empty: none."""
    forward_when_offline: bool = False
    press_to_take: bool = False
    """Who picks the bound number up presses 1 to take the call."""
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


class TrunkDoc(Document, frozen=True, kw_only=True, tag="trunk"):
    """A carrier's connection (ACC-3), a gateway of the switch. It is the platform's: ``tenant_id`` is 0."""

    code: str
    """Name of the gateway."""
    register: bool = False
    host: str = ""
    port: int = 5060
    transport: typing.Literal["udp", "tcp", "tls"] = "udp"
    networks: tuple[str, ...] = ()
    """Networks its calls come from."""
    username: str = ""
    password_encrypted: str = ""
    """By `core.crypto`."""
    realm: str = ""
    expires_s: int = 600
    codecs: tuple[str, ...] = ("PCMA", "PCMU")
    number_format: typing.Literal["e164-plus", "e164", "national"] = "national"
    prefix: str = ""
    concurrency: int = 0
    """Calls at once, in and out, at most; 0 is no limit."""
    calls_per_second: int = 0
    """New calls out in a second, at most; 0 is no limit."""
    enabled: bool = True


class FlowDoc(Document, frozen=True, kw_only=True, tag="flow"):
    """One published version of an IVR flow; ``version`` is the flow's published version.

    Calls in progress finish on the version they started on: `cti` keeps the flow a call uses in memory.
    """

    name: str
    body: msgspec.Raw
    """The flow document of `ivr.model`, as JSON."""


class VoiceDoc(Document, frozen=True, kw_only=True, tag="voice"):
    """An approved voice of the library (CTI-V2): what calls may play."""

    name: str
    file_key: str
    """Key in the file store; another one whenever the sound changes."""
    digest: str
    """SHA-256 of the file, hexadecimal."""
    seconds: float


SPEECH_ID = 1
"""Id of the one `SpeechDoc`, and of its row."""


class SpeechDoc(Document, frozen=True, kw_only=True, tag="speech"):
    """The speech service over HTTP (CTI-I17), at most one. It is the platform's: ``tenant_id`` is 0. The fields are
    those of `ivr.voices.models.SpeechService`.
    """

    shape: typing.Literal["openai", "template"]
    url: str
    key_encrypted: str = ""
    """By `core.crypto`."""
    model: str = ""
    voice_zh: str = ""
    voice_en: str = ""
    method: str = "POST"
    headers: str = ""
    body: str = ""
    timeout_s: int = 10


class CalendarDoc(Document, frozen=True, kw_only=True, tag="calendar"):
    """A company's named calendar (CTI-I8); flows name it by its id."""

    name: str
    china: bool = True
    """Whether China's public holidays and make-up working days count on days not in `days`."""
    days: dict[str, bool] = {}
    """ISO date to whether it is a working day."""


AnyDocument = (
    TenantDoc
    | RouteDoc
    | QueueDoc
    | ExtensionDoc
    | AccountDoc
    | TrunkDoc
    | FlowDoc
    | VoiceDoc
    | SpeechDoc
    | CalendarDoc
)

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
