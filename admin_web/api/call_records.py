"""Call records of the programming interface: at most one month at a time, newest first; each with its story."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from sqlalchemy import Select, or_, select, true, tuple_

from admin_web.api import paging
from admin_web.api.errors import InvalidRequestError
from admin_web.api.models import ApiCall
from admin_web.api.numbers import shown
from admin_web.api.problems import FieldProblem
from admin_web.api.schemas import All, Id, Moment, Page, PageQuery, PhoneNumber
from admin_web.api.scopes import ApiScope
from admin_web.api.view import ApiView, Operation
from admin_web.api.words import N_
from admin_web.records import queries
from admin_web.records.timeline import path_of, timeline
from admin_web.records.views import limits, own_only
from admin_web.resource import pairs
from core import phone
from core.clock import from_ms
from core.database import TenantSession, utc_now
from core.i18n import gettext, lazy
from core.views import current_principal, session, shown_keys
from cti.call.model import EndedIn, LegKind, OfferResult
from cti.records.models import CallLeg, CallOffer, CallRecord, Direction, Recording, RecordState
from cti.records.reach import newest

CALL_ID = r"[0-9A-Za-z-]{1,64}"
CallId = Annotated[
    str,
    Meta(description=N_("Id of the call"), examples=["0b8f4e0c-5d0d-4b5c-9a55-1f0f6a2d7c11"]),
]
Seconds = Annotated[int, Meta(ge=0, description=N_("Seconds"), examples=[42])]
Text = Annotated[str, Meta(description=N_("Empty: none"))]


class RecordOut(Struct, frozen=True, kw_only=True):
    """A call's record."""

    call_id: CallId
    source_call_id: Annotated[
        str,
        Meta(description=N_("Of a part after a transfer: the whole call's id; empty: the call's first part")),
    ]
    state: Annotated[
        RecordState, Meta(description=N_("provisional: the switch's own record has not come yet"))
    ]
    direction: Direction
    caller: PhoneNumber
    called: PhoneNumber
    arrived_at: Moment
    answered_at: Moment | None
    talk_at: Moment | None
    ended_at: Moment
    length_s: Seconds
    wait_s: Seconds
    talk_s: Seconds
    ended_in: Annotated[EndedIn, Meta(description=N_("Where the call ended"))]
    ended_detail: Text
    cause: Annotated[str, Meta(description=N_("The switch's hang-up cause"), examples=["NORMAL_CLEARING"])]
    refusal: Annotated[str, Meta(description=N_("Why it was refused; empty: it was not"))]
    route_id: int | None
    queue_id: int | None
    queue: Text
    account_id: Annotated[int | None, Meta(description=N_("Agent who talked; null: nobody"))]
    agent: Text
    extension: Text
    missed: Annotated[bool, Meta(description=N_("Offered to an agent and answered by none"))]
    reference: Annotated[str, Meta(description=N_("What the program that asked for the call named it"))]


class LegOut(Struct, frozen=True, kw_only=True):
    """One leg, as the switch saw it."""

    leg_id: str
    kind: LegKind
    direction: Direction
    started_at: Moment
    answered_at: Moment | None
    ended_at: Moment
    cause: str
    from_number: PhoneNumber
    to_number: PhoneNumber
    account_id: int | None
    extension: str


class OfferOut(Struct, frozen=True, kw_only=True):
    """One attempt to reach one agent."""

    position: int
    leg_id: str
    account_id: int
    agent: str
    queue_id: int | None
    offered_at: Moment
    answered_at: Moment | None
    ended_at: Moment | None
    result: OfferResult
    cause: str


class StepOut(Struct, frozen=True, kw_only=True):
    """One node of a flow the caller went through."""

    flow_id: int
    node: str
    name: str
    at: Moment
    keys: str
    exit: str


class StoryLine(Struct, frozen=True, kw_only=True):
    """One line of the call's story, for people."""

    at: Moment
    text: str


class RecordWhole(RecordOut, frozen=True, kw_only=True):
    """A record with everything that belongs to it."""

    legs: list[LegOut]
    offers: list[OfferOut]
    path: list[StepOut]
    story: list[StoryLine]


class RecordingOut(Struct, frozen=True, kw_only=True):
    """A recorded segment: WAV; with two channels the customer is left, the agent right."""

    segment: Annotated[int, Meta(description=N_("1 is the first"), examples=[1])]
    started_at: Moment
    length_ms: int
    bytes: int
    channels: int
    sha256: str
    account_id: int | None


class RecordQuery(
    PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from", "until": "to"}
):
    """Filters of the list."""

    since: (
        Annotated[
            datetime.datetime,
            Meta(tz=True, description=N_("Calls that arrived at this instant or later; default: this month")),
        ]
        | UnsetType
    ) = UNSET
    until: (
        Annotated[
            datetime.datetime,
            Meta(
                tz=True,
                description=N_("Calls that arrived before this instant; at most 31 days after `from`"),
            ),
        ]
        | UnsetType
    ) = UNSET
    number: (
        Annotated[str, Meta(min_length=1, max_length=32, description=N_("Caller or called party, exactly"))]
        | UnsetType
    ) = UNSET
    direction: Direction | UnsetType = UNSET
    route_id: Id | UnsetType = UNSET
    queue_id: Id | UnsetType = UNSET
    account_id: Id | UnsetType = UNSET
    ended_in: EndedIn | UnsetType = UNSET
    missed: Annotated[bool, Meta(description=N_("Missed calls only"))] = False


def _range(query: RecordQuery) -> tuple[datetime.datetime, datetime.datetime]:
    """Return the instants asked for; without any, this month in the company's zone."""
    begin, end = queries.this_month(utc_now(), current_principal().timezone)
    problem = ""
    try:
        if query.since is not UNSET:
            begin = query.since.astimezone(datetime.UTC)
            end = begin + queries.LONGEST
        if query.until is not UNSET:
            end = query.until.astimezone(datetime.UTC)
            begin = begin if query.since is not UNSET else end - queries.LONGEST
    except OverflowError:
        problem = gettext("This is no time of this world.")
    if not problem and (end <= begin or end - begin > queries.LONGEST):
        problem = gettext("It must lie after `from`, by at most 31 days.")
    if problem:
        raise InvalidRequestError(errors=[FieldProblem(field="to", code="invalid", reason=problem)])
    return begin, end


def _asked(query: RecordQuery) -> Select[Any]:
    begin, end = _range(query)
    wanted = select(CallRecord).where(CallRecord.arrived_at >= begin, CallRecord.arrived_at < end)
    own = own_only()
    agent = own or (query.account_id if query.account_id is not UNSET else 0)
    for column, value in (
        (CallRecord.agent_id, agent or UNSET),
        (CallRecord.route_id, query.route_id),
        (CallRecord.queue_id, query.queue_id),
        (CallRecord.direction, query.direction),
        (CallRecord.ended_in, query.ended_in),
    ):
        if value is not UNSET:
            wanted = wanted.where(column == value)
    if own and query.account_id is not UNSET and query.account_id != own:
        wanted = wanted.where(CallRecord.id < 0)
    if query.number is not UNSET:
        number = _stored(query.number)
        wanted = wanted.where(or_(CallRecord.caller == number, CallRecord.called == number))
    if query.missed:
        wanted = wanted.where(CallRecord.missed == true())
    if query.cursor:
        after = paging.decode(query.cursor, paging.TimePosition)
        # Said twice: MariaDB finds no beginning in an index from a comparison of rows.
        wanted = wanted.where(
            CallRecord.arrived_at <= after.at,
            tuple_(CallRecord.arrived_at, CallRecord.id) < (after.at, after.id),
        )
    return newest(wanted, limits(), query.limit + 1)


def _stored(text: str) -> str:
    try:
        return phone.parse(text).stored
    except phone.InvalidNumberError:
        return text


def _references(db: TenantSession, call_ids: Sequence[str]) -> dict[str, str]:
    query = select(ApiCall.call_id, ApiCall.reference).where(ApiCall.call_id.in_(call_ids))
    return pairs(db, query)


def _values(row: CallRecord, reference: str) -> dict[str, Any]:
    return {
        "call_id": row.call_id,
        "source_call_id": row.source_call_id,
        "state": row.state,
        "direction": row.direction,
        "caller": shown(row.caller),
        "called": shown(row.called),
        "arrived_at": row.arrived_at,
        "answered_at": row.answered_at,
        "talk_at": row.talk_at,
        "ended_at": row.ended_at,
        "length_s": max(0, row.length_s),
        "wait_s": max(0, row.wait_s),
        "talk_s": max(0, row.talk_s),
        "ended_in": row.ended_in,
        "ended_detail": row.ended_detail,
        "cause": row.cause,
        "refusal": row.refusal,
        "route_id": row.route_id or None,
        "queue_id": row.queue_id or None,
        "queue": row.queue_name,
        "account_id": row.agent_id or None,
        "agent": row.agent_name,
        "extension": row.extension,
        "missed": row.missed,
        "reference": reference,
    }


def _leg(row: CallLeg) -> LegOut:
    return LegOut(
        leg_id=row.leg_uuid,
        kind=row.kind,
        direction=row.direction,
        started_at=row.started_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        cause=row.cause,
        from_number=shown(row.from_number),
        to_number=shown(row.to_number),
        account_id=row.agent_id or None,
        extension=row.extension,
    )


def _offer(row: CallOffer) -> OfferOut:
    return OfferOut(
        position=row.position,
        leg_id=row.leg_uuid,
        account_id=row.agent_id,
        agent=row.agent_name,
        queue_id=row.queue_id or None,
        offered_at=row.offered_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        result=row.result,
        cause=row.cause,
    )


def _story(call: queries.WholeCall) -> list[StoryLine]:
    """Return the call's story; where numbers are named, as far as the key may see them."""
    return [StoryLine(at=moment.at, text=str(moment.text)) for moment in timeline(call)]


class RecordList(ApiView):
    """The list."""

    rule = "/call-records"
    tag = lazy("Call records")
    operations = {
        "GET": Operation(
            id="listCallRecords",
            summary=lazy("List call records"),
            description=lazy(
                "Newest first, at most 31 days at a time. A call's record appears within seconds of its end."
            ),
            scope=ApiScope.RECORDS_READ,
            query=RecordQuery,
            answer=Page[RecordOut],
        )
    }

    def get(self, query: RecordQuery) -> Page[RecordOut]:
        """Return a page of it."""
        db = session()
        rows = list(db.scalars(_asked(query)))
        more, rows = len(rows) > query.limit, rows[: query.limit]
        names = _references(db, [row.call_id for row in rows])
        after = paging.encode(paging.TimePosition(rows[-1].arrived_at, rows[-1].id)) if more else None
        return Page(items=[RecordOut(**_values(row, names.get(row.call_id, ""))) for row in rows], next=after)


class RecordOne(ApiView):
    """One call."""

    rule = "/call-records/<call:call_id>"
    tag = lazy("Call records")
    operations = {
        "GET": Operation(
            id="getCallRecord",
            summary=lazy("Get a call's record with legs, offers and story"),
            scope=ApiScope.RECORDS_READ,
            answer=RecordWhole,
        )
    }

    def get(self, call_id: str) -> RecordWhole:
        """Return it."""
        db = session()
        call = queries.whole_call(db, call_id, own_of=own_only(), limits=limits())
        return RecordWhole(
            **_values(call.record, _references(db, [call_id]).get(call_id, "")),
            legs=[_leg(row) for row in call.legs],
            offers=[_offer(row) for row in call.offers],
            path=[
                StepOut(
                    flow_id=step.flow_id,
                    node=step.node,
                    name=step.name,
                    at=from_ms(step.at_ms),
                    keys=shown_keys(step.keys),
                    exit=step.exit,
                )
                for step in path_of(call)
            ],
            story=_story(call),
        )


class RecordingList(ApiView):
    """What was recorded of a call."""

    rule = "/call-records/<call:call_id>/recordings"
    tag = lazy("Recordings")
    operations = {
        "GET": Operation(
            id="listRecordings",
            summary=lazy("List a call's recordings"),
            description=lazy(
                "By the whole call's id those of all parts the key may read, by a later part's id that part's."
            ),
            scope=ApiScope.RECORDINGS_READ,
            answer=All[RecordingOut],
        )
    }

    def get(self, call_id: str) -> All[RecordingOut]:
        """Return the segments."""
        rows = queries.recordings_of(session(), call_id, own_of=own_only(), limits=limits())
        return All(items=[_recording(row) for row in rows])


def _recording(row: Recording) -> RecordingOut:
    names = [each.name for each in msgspec.structs.fields(RecordingOut) if each.name != "account_id"]
    values = {name: getattr(row, name) for name in names}
    return RecordingOut(**values, account_id=row.agent_id or None)
