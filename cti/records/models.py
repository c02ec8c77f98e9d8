"""Tables of the records: one row a call, one a leg, one an offer, one a recorded segment.

Written by the shipper alone (`cti.records.service`). Lists are read for "one tenant, one month, newest first":
keyset pages over ``(tenant_id, arrived_at, id)`` and its variants, never by offset. Names of agents, queues and
extensions are those at the time of the call.
"""

from __future__ import annotations

import datetime
import enum

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import (
    Base,
    BigId,
    Code,
    Id,
    LongText,
    Name,
    Note,
    Phone,
    TenantOwned,
    Timestamps,
    reference,
)
from cti.call.model import EndedIn, LegKind, OfferResult, SegmentKind
from ivr.messages import NoteKind


class Direction(enum.StrEnum):
    """Who began the call."""

    IN = "in"
    OUT = "out"


class RecordState(enum.StrEnum):
    """How sure a record is."""

    PROVISIONAL = "provisional"
    """Closed from what the controller knew, because the switch's record did not come; a late one supersedes it."""
    FINAL = "final"
    """Made from the switch's own record."""


class CallRecord(TenantOwned, Timestamps, Base):
    """A call's record (CTI-C1, C2, C6). There is one per call id."""

    __tablename__ = "cti_call_record"
    __table_args__ = (
        UniqueConstraint("tenant_id", "call_id"),
        UniqueConstraint("tenant_id", "id"),
        Index(None, "tenant_id", "arrived_at", "id"),
        Index(None, "tenant_id", "agent_id", "arrived_at"),
        Index(None, "tenant_id", "queue_id", "arrived_at"),
        Index(None, "tenant_id", "caller", "arrived_at"),
        Index(None, "tenant_id", "called", "arrived_at"),
        Index(None, "tenant_id", "direction", "arrived_at", "id"),
        Index(None, "tenant_id", "missed", "arrived_at", "id"),
        Index(None, "tenant_id", "extension_id", "arrived_at"),
    )

    id: Mapped[Id]
    call_id: Mapped[str] = mapped_column(String(64))
    """Uuid of the first leg."""
    source_call_id: Mapped[str] = mapped_column(String(64), default="")
    """The record a transfer closed, which this one goes on from (CTI-C6); empty: the call came from outside."""
    state: Mapped[RecordState]
    direction: Mapped[Direction] = mapped_column(default=Direction.IN)
    route_id: Mapped[BigId] = mapped_column(default=0)
    """0: no route took it."""
    route_code: Mapped[Code] = mapped_column(default="")
    trunk_address: Mapped[str] = mapped_column(String(64), default="")
    """Signalling address it came from; of an outbound call the name of the trunk it took."""
    caller: Mapped[Phone] = mapped_column(default="")
    called: Mapped[Phone] = mapped_column(default="")
    caller_id: Mapped[Phone] = mapped_column(default="")
    """Number shown to the called party; outbound calls only."""
    region: Mapped[str] = mapped_column(String(64), default="")
    """Key of the region of the other party's number (`ivr.region`); empty: the number tells none."""
    arrived_at: Mapped[datetime.datetime]
    answered_at: Mapped[datetime.datetime | None]
    """When the customer's leg was answered (by the flow, usually)."""
    talk_at: Mapped[datetime.datetime | None]
    """When customer and agent were first connected."""
    queue_entered_at: Mapped[datetime.datetime | None]
    """When it came to stand in its (last) queue; an unanswered offer does not change it."""
    ended_at: Mapped[datetime.datetime]
    length_s: Mapped[int] = mapped_column(default=0)
    """From the moment the call came in; of an outbound call from the called party's answer."""
    wait_s: Mapped[int] = mapped_column(default=0)
    """From entering the queue to talking, or to the end."""
    service_level_s: Mapped[int] = mapped_column(default=0)
    """The queue's threshold (CTI-Q2) when the record was written."""
    talk_s: Mapped[int] = mapped_column(default=0)
    holds: Mapped[str] = mapped_column(String(2000), default="[]")
    """JSON list of `cti.call.holds.Hold`: when the customer was on hold."""
    hold_s: Mapped[int] = mapped_column(default=0)
    """How long, all in all; also in holds too many to be listed."""
    conferences: Mapped[str] = mapped_column(String(2000), default="[]")
    """JSON list of `cti.records.three_way.ThreeWay`: when customer, agent and somebody else talked together."""
    ended_in: Mapped[EndedIn]
    ended_detail: Mapped[str] = mapped_column(String(200), default="")
    """Name of the node, queue or agent it ended at."""
    cause: Mapped[Code] = mapped_column(default="")
    """The switch's hang-up cause."""
    ended_by: Mapped[Code] = mapped_column(default="")
    """Who said goodbye on the customer's leg (``sip_hangup_disposition``): ``recv_…`` the customer, ``send_…`` we."""
    refusal: Mapped[Code] = mapped_column(default="")
    agent_id: Mapped[BigId] = mapped_column(default=0)
    """Account that talked; 0: none."""
    agent_name: Mapped[Name] = mapped_column(default="")
    extension_id: Mapped[BigId] = mapped_column(default=0)
    extension: Mapped[str] = mapped_column(String(20), default="")
    last_agent_id: Mapped[BigId] = mapped_column(default=0)
    """Account it was offered to last, answered or not (CTI-C3); 0: nobody."""
    last_agent_name: Mapped[Name] = mapped_column(default="")
    last_extension_id: Mapped[BigId] = mapped_column(default=0)
    last_extension: Mapped[str] = mapped_column(String(20), default="")
    queue_id: Mapped[BigId] = mapped_column(default=0)
    queue_name: Mapped[Name] = mapped_column(default="")
    missed: Mapped[bool] = mapped_column(default=False)
    """Offered to an agent and never answered by one (CTI-C3)."""
    missed_count: Mapped[int] = mapped_column(default=0)
    note: Mapped[Note] = mapped_column(default="")
    path: Mapped[LongText] = mapped_column(default="[]")
    """JSON list of `cti.call.model.PathStep`: the nodes the caller went through, with keys."""
    segments: Mapped[LongText] = mapped_column(default="[]")
    """JSON list of `cti.call.model.Segment`: what was recorded, shipped or not yet."""
    cell: Mapped[Code] = mapped_column(default="")
    core_uuid: Mapped[str] = mapped_column(String(64), default="")
    """The life of the switch it was on."""
    demo: Mapped[bool] = mapped_column(default=False)


class CallLeg(TenantOwned, Base):
    """One leg of a call, as the switch saw it."""

    __tablename__ = "cti_call_leg"
    __table_args__ = (UniqueConstraint("leg_uuid"), Index(None, "tenant_id", "call_id"))

    id: Mapped[Id]
    leg_uuid: Mapped[str] = mapped_column(String(64))
    call_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[LegKind]
    direction: Mapped[Direction]
    """As the switch sees it: ``in`` came to it, ``out`` was originated by it."""
    provisional: Mapped[bool] = mapped_column(default=False)
    """Known from the controller only."""
    started_at: Mapped[datetime.datetime]
    answered_at: Mapped[datetime.datetime | None]
    ended_at: Mapped[datetime.datetime]
    cause: Mapped[Code] = mapped_column(default="")
    ended_by: Mapped[Code] = mapped_column(default="")
    """``sip_hangup_disposition``: who said goodbye."""
    from_number: Mapped[Phone] = mapped_column(default="")
    to_number: Mapped[Phone] = mapped_column(default="")
    agent_id: Mapped[BigId] = mapped_column(default=0)
    extension: Mapped[str] = mapped_column(String(20), default="")
    sip_call_id: Mapped[str] = mapped_column(String(200), default="")
    network_address: Mapped[str] = mapped_column(String(64), default="")
    user_agent: Mapped[str] = mapped_column(String(200), default="")
    codec: Mapped[str] = mapped_column(String(32), default="")
    quality: Mapped[LongText] = mapped_column(default="{}")
    """JSON of what the switch received: ``mos``, ``packets``, ``flaws`` (`cti.records.cdr.Quality`)."""
    core_uuid: Mapped[str] = mapped_column(String(64), default="")


class CallOffer(TenantOwned, Base):
    """One attempt to reach one agent, answered or not (decision 4: a row of our own, leg or no leg)."""

    __tablename__ = "cti_call_offer"
    __table_args__ = (
        UniqueConstraint("record_id", "leg_uuid"),
        reference("record_id", "cti_call_record", on_delete="CASCADE"),
        Index(None, "tenant_id", "agent_id", "offered_at"),
    )

    id: Mapped[Id]
    record_id: Mapped[BigId]
    position: Mapped[int]
    """1 is the first attempt."""
    leg_uuid: Mapped[str] = mapped_column(String(64))
    agent_id: Mapped[BigId]
    agent_name: Mapped[Name] = mapped_column(default="")
    extension_id: Mapped[BigId]
    queue_id: Mapped[BigId]
    endpoint: Mapped[Code] = mapped_column(default="")
    offered_at: Mapped[datetime.datetime]
    answered_at: Mapped[datetime.datetime | None]
    ended_at: Mapped[datetime.datetime | None]
    result: Mapped[OfferResult]
    cause: Mapped[Code] = mapped_column(default="")
    why: Mapped[str] = mapped_column(String(64), default="")
    """Why this agent (`cti.acd.dispatch.Why.as_text`); empty where nobody chose."""


class Recording(TenantOwned, Base):
    """A closed segment of a call's recording, in the file store (`core.store`)."""

    __tablename__ = "cti_recording"
    __table_args__ = (
        UniqueConstraint("tenant_id", "call_id", "segment"),
        Index(None, "tenant_id", "kind", "started_at", "id"),
    )

    id: Mapped[Id]
    call_id: Mapped[str] = mapped_column(String(64))
    segment: Mapped[int]
    """1 is the first; a new one begins after each takeover."""
    kind: Mapped[SegmentKind] = mapped_column(default=SegmentKind.TALK)
    agent_id: Mapped[BigId] = mapped_column(default=0)
    started_at: Mapped[datetime.datetime]
    length_ms: Mapped[int]
    key: Mapped[str] = mapped_column(String(200))
    peaks_key: Mapped[str] = mapped_column(String(200), default="")
    """JSON for the player: ``{"length_ms", "channels": [[peak, …], …]}``, peaks from 0 to 1."""
    bytes: Mapped[BigId]
    sha256: Mapped[str] = mapped_column(String(64))
    channels: Mapped[int]
    """2: the customer left, the agent right; of a message 1."""
    created_at: Mapped[datetime.datetime]
    heard_at: Mapped[datetime.datetime | None]
    """Of a message: when somebody first listened to it."""
    heard_by: Mapped[BigId] = mapped_column(default=0)
    """Account that did; 0: nobody."""


class CallNote(TenantOwned, Base):
    """What a caller said by key that goes on the record (CTI-I13): a score, a consent, a wish to be called back."""

    __tablename__ = "cti_call_note"
    __table_args__ = (
        UniqueConstraint("record_id", "position"),
        reference("record_id", "cti_call_record", on_delete="CASCADE"),
        Index(None, "tenant_id", "call_id"),
        Index(None, "tenant_id", "kind", "noted_at"),
    )

    id: Mapped[Id]
    record_id: Mapped[BigId]
    call_id: Mapped[str] = mapped_column(String(64))
    position: Mapped[int]
    """1 is the first of the call."""
    kind: Mapped[NoteKind]
    value: Mapped[str] = mapped_column(String(200))
    """Of a survey the score's key, of a consent ``yes`` or ``no``, of a callback and a short message the number."""
    flow_id: Mapped[BigId] = mapped_column(default=0)
    node: Mapped[Code] = mapped_column(default="")
    node_name: Mapped[Name] = mapped_column(default="")
    """Name of the node at the time of the call."""
    queue_id: Mapped[BigId] = mapped_column(default=0)
    """Of a callback: whose agents call back; else the queue the caller had been in, 0 for none."""
    agent_id: Mapped[BigId] = mapped_column(default=0)
    """Account that had talked with the caller by then; 0: none."""
    noted_at: Mapped[datetime.datetime]


class CallbackState(enum.StrEnum):
    """What became of a wish to be called back."""

    OPEN = "open"
    DONE = "done"


class Callback(TenantOwned, Base):
    """A caller wants to be called back (CTI-I13). Outlives the call's record."""

    __tablename__ = "cti_callback"
    __table_args__ = (
        UniqueConstraint("tenant_id", "call_id", "position"),
        Index(None, "tenant_id", "state", "asked_at", "id"),
        Index(None, "tenant_id", "queue_id", "state", "asked_at"),
    )

    id: Mapped[Id]
    call_id: Mapped[str] = mapped_column(String(64))
    position: Mapped[int]
    """That of the call's note."""
    number: Mapped[Phone]
    caller: Mapped[Phone] = mapped_column(default="")
    """Number the call came from."""
    queue_id: Mapped[BigId] = mapped_column(default=0)
    asked_at: Mapped[datetime.datetime]
    state: Mapped[CallbackState] = mapped_column(default=CallbackState.OPEN)
    done_by: Mapped[BigId] = mapped_column(default=0)
    """Account that called back, or said that nobody need; 0: none yet."""
    done_at: Mapped[datetime.datetime | None]
    remark: Mapped[Note] = mapped_column(default="")


class AgentStateSpan(TenantOwned, Base):
    """How long an agent stood in one state, written when it ended (`cti.records.states`)."""

    __tablename__ = "cti_agent_state_span"
    __table_args__ = (
        UniqueConstraint("tenant_id", "account_id", "began_at"),
        Index(None, "tenant_id", "began_at"),
    )

    id: Mapped[Id]
    account_id: Mapped[BigId]
    account_name: Mapped[Name] = mapped_column(default="")
    state: Mapped[Code] = mapped_column(String(32))
    """Value of `cti.acd.agents.AgentState`."""
    reason: Mapped[Code] = mapped_column(default="")
    began_at: Mapped[datetime.datetime]
    ended_at: Mapped[datetime.datetime]
