"""A call's story as lines in order of time, for its page (CTI-C7). Pure."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping, Sequence

import msgspec

from admin_web.records.queries import WholeCall
from admin_web.records.why_words import why_words
from admin_web.records.words import ENDED_IN, OFFER_RESULTS
from admin_web.shell import duration
from core.clock import from_ms
from core.i18n import LazyText, lazy
from core.views import shown_keys, shown_number
from cti.call.holds import Hold
from cti.call.in_takeover import TAKEN_OVER
from cti.call.model import EndedIn, OfferResult, PathStep
from cti.records import three_way
from cti.records.models import CallRecord, Direction
from cti.records.notes import NoteShown
from ivr.messages import NoteKind
from ivr.path_words import exit_words, note_words


@dataclasses.dataclass(frozen=True, kw_only=True)
class Moment:
    """One line."""

    at: datetime.datetime
    text: LazyText
    colour: str = ""


def path_of(call: WholeCall) -> list[PathStep]:
    """Return the nodes the caller went through."""
    return msgspec.json.decode(call.record.path or "[]", type=list[PathStep])


def timeline(call: WholeCall, notes: Sequence[Moment] = ()) -> list[Moment]:
    """Return the call's moments, oldest first; `notes` are those of what the caller said by key."""
    record = call.record
    moments = [Moment(at=record.arrived_at, text=_beginning(record))]
    if record.refusal:
        moments.append(
            Moment(at=record.ended_at, text=lazy("Refused: %(reason)s.", reason=record.refusal), colour="red")
        )
    moments += [*_path(call), *_offers(call), *notes]
    if record.talk_at is not None:
        moments.append(
            Moment(
                at=record.talk_at,
                text=lazy("Talking with %(agent)s.", agent=record.agent_name or record.extension),
                colour="green",
            )
        )
    moments += [*_holds(record), *_three_way(record)]
    ordered = sorted([*moments, *_milestones(record)], key=lambda moment: moment.at)
    return [*ordered, _end(record)]


def holds_of(record: CallRecord) -> list[Hold]:
    """Return when the customer was on hold."""
    return msgspec.json.decode(record.holds, type=list[Hold])


def _holds(record: CallRecord) -> list[Moment]:
    found = []
    for hold in holds_of(record):
        length = round((hold.end_ms - hold.begin_ms) / 1000)
        found.append(Moment(at=from_ms(hold.begin_ms), text=lazy("Put on hold."), colour="amber"))
        text = lazy("No longer on hold, after %(length)s.", length=duration(length))
        found.append(Moment(at=from_ms(hold.end_ms), text=text))
    return found


def _three_way(record: CallRecord) -> list[Moment]:
    found = []
    for talk in three_way.decoded(record.conferences):
        length = round((talk.end_ms - talk.begin_ms) / 1000)
        who = talk.name or shown_number(talk.number)
        text = lazy("Three-way talk with %(who)s, for %(length)s.", who=who, length=duration(length))
        found.append(Moment(at=from_ms(talk.begin_ms), text=text, colour="green"))
    return found


def _milestones(record: CallRecord) -> list[Moment]:
    """Return when the customer's leg was answered and when the call came to stand in its queue."""
    found = []
    out = record.direction is Direction.OUT
    if record.answered_at is not None and not record.source_call_id:
        text = lazy("The called party answered.") if out else lazy("Answered.")
        found.append(Moment(at=record.answered_at, text=text))
    if record.queue_entered_at is not None:
        text = lazy("Waits in the queue %(queue)s.", queue=record.queue_name or record.queue_id)
        found.append(Moment(at=record.queue_entered_at, text=text, colour="blue"))
    return found


def _end(record: CallRecord) -> Moment:
    if record.ended_in is EndedIn.TRANSFERRED:
        text = lazy("Transferred to %(target)s.", target=record.ended_detail or "—")
        return Moment(at=record.ended_at, text=text, colour="blue")
    who = lazy("Hung up")
    if record.ended_by.startswith("recv_"):
        out = record.direction is Direction.OUT
        who = lazy("The called party hung up") if out else lazy("The caller hung up")
    elif record.ended_by.startswith("send_"):
        who = lazy("Hung up by us")
    text = lazy(
        "%(who)s (%(cause)s); ended in: %(place)s %(detail)s",
        who=who,
        cause=record.cause,
        place=ENDED_IN[record.ended_in],
        detail=record.ended_detail,
    )
    return Moment(at=record.ended_at, text=text, colour="red")


def _beginning(record: CallRecord) -> LazyText:
    caller, called = shown_number(record.caller), shown_number(record.called)
    if record.source_call_id:
        return lazy("Goes on after a transfer: %(note)s.", note=record.note)
    if record.direction is Direction.OUT:
        who = record.agent_name or record.extension
        return lazy(
            "%(agent)s dialled %(called)s, showing %(caller)s.", agent=who, called=called, caller=caller
        )
    return lazy("%(caller)s called %(called)s.", caller=caller, called=called)


def _path(call: WholeCall) -> list[Moment]:
    return [Moment(at=from_ms(step.at_ms), text=_step(step)) for step in path_of(call)]


def _step(step: PathStep) -> LazyText:
    """Return a node of the way with the keys it used up and how it was left (CTI-I15)."""
    name, keys = step.name or step.node, shown_keys(step.keys)
    by_key = step.exit == f"key:{step.keys[-1:]}"
    left = "" if by_key else exit_words(step.exit)
    if keys and left:
        return lazy("IVR node %(node)s, keys %(keys)s: %(exit)s", node=name, keys=keys, exit=left)
    if left:
        return lazy("IVR node %(node)s: %(exit)s", node=name, exit=left)
    if keys:
        return lazy("IVR node %(node)s, key %(keys)s", node=name, keys=keys)
    return lazy("IVR node %(node)s", node=name)


def note_moments(notes: Sequence[NoteShown], queues: Mapping[int, str]) -> list[Moment]:
    """Return what the caller said by key as moments; `queues` are names."""
    found = []
    for note in notes:
        callback = note.kind is NoteKind.CALLBACK
        number = callback or note.kind in (NoteKind.OUTSIDE, NoteKind.SMS)
        value = shown_number(note.value) if number else note.value
        words = note_words(note.kind, value, queues.get(note.queue_id, "") if callback else "")
        text = lazy("%(node)s: %(note)s", node=note.node_name, note=words)
        found.append(Moment(at=note.noted_at, text=text, colour="blue"))
    return found


def _offers(call: WholeCall) -> list[Moment]:
    lines = []
    for offer in call.offers:
        result = OFFER_RESULTS[offer.result]
        if call.record.direction is Direction.OUT:
            text = lazy("The telephone of %(agent)s rang: %(result)s.", agent=offer.agent_name, result=result)
        else:
            text = lazy("Offered to %(agent)s: %(result)s.", agent=offer.agent_name, result=result)
            if (why := why_words(offer.why)) is not None:
                text = lazy(
                    "Offered to %(agent)s (%(why)s): %(result)s.",
                    agent=offer.agent_name,
                    why=why,
                    result=result,
                )
        lines.append(
            Moment(
                at=offer.offered_at,
                text=text,
                colour="green" if offer.result is OfferResult.ANSWERED else "amber",
            )
        )
        if offer.cause == TAKEN_OVER and offer.ended_at is not None:
            text = lazy("A supervisor took the customer over from %(agent)s.", agent=offer.agent_name)
            lines.append(Moment(at=offer.ended_at, text=text, colour="blue"))
    return lines
