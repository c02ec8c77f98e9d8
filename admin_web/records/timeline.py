"""A call's story as lines in order of time, for its page (CTI-C7). Pure."""

from __future__ import annotations

import dataclasses
import datetime

import msgspec

from admin_web.records.queries import WholeCall
from core import phone
from core.clock import from_ms
from core.i18n import LazyText, lazy
from cti.call.model import EndedIn, LegKind, OfferResult, PathStep

ENDED_IN: dict[EndedIn, LazyText] = {
    EndedIn.ROUTE: lazy("Route"),
    EndedIn.FLOW: lazy("IVR flow"),
    EndedIn.QUEUE: lazy("Queue"),
    EndedIn.OFFER: lazy("While ringing"),
    EndedIn.AGENT: lazy("Agent"),
    EndedIn.EXTENSION: lazy("Extension"),
    EndedIn.VOICEMAIL: lazy("Voicemail"),
    EndedIn.TRANSFERRED: lazy("Transferred"),
    EndedIn.SWITCH: lazy("Switch"),
}

OFFER_RESULTS: dict[OfferResult, LazyText] = {
    OfferResult.RINGING: lazy("rang"),
    OfferResult.ANSWERED: lazy("answered"),
    OfferResult.NO_ANSWER: lazy("did not answer"),
    OfferResult.REJECTED: lazy("rejected"),
    OfferResult.UNREACHABLE: lazy("could not be reached"),
    OfferResult.CALLER_GONE: lazy("rang until the caller hung up"),
    OfferResult.LOST: lazy("was lost"),
}

LEG_KINDS: dict[LegKind, LazyText] = {
    LegKind.CUSTOMER: lazy("Customer"),
    LegKind.AGENT: lazy("Agent"),
    LegKind.CONSULT: lazy("Consultation"),
    LegKind.SUPERVISOR: lazy("Supervisor"),
    LegKind.TIE: lazy("Tie line"),
    LegKind.PROBE: lazy("Probe"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Moment:
    """One line."""

    at: datetime.datetime
    text: LazyText
    colour: str = ""


def path_of(call: WholeCall) -> list[PathStep]:
    """Return the nodes the caller went through."""
    return msgspec.json.decode(call.record.path or "[]", type=list[PathStep])


def timeline(call: WholeCall) -> list[Moment]:
    """Return the call's moments, oldest first."""
    record = call.record
    caller, called = phone.display(record.caller), phone.display(record.called)
    moments = [
        Moment(at=record.arrived_at, text=lazy("%(caller)s called %(called)s.", caller=caller, called=called))
    ]
    if record.refusal:
        moments.append(
            Moment(at=record.ended_at, text=lazy("Refused: %(reason)s.", reason=record.refusal), colour="red")
        )
    moments += _path(call) + _offers(call)
    if record.talk_at is not None:
        moments.append(
            Moment(
                at=record.talk_at,
                text=lazy("Talking with %(agent)s.", agent=record.agent_name or record.extension),
                colour="green",
            )
        )
    end = lazy(
        "Hung up (%(cause)s); ended in: %(place)s %(detail)s",
        cause=record.cause,
        place=ENDED_IN[record.ended_in],
        detail=record.ended_detail,
    )
    ordered = sorted(moments, key=lambda moment: moment.at)
    return [*ordered, Moment(at=record.ended_at, text=end, colour="red")]


def _path(call: WholeCall) -> list[Moment]:
    lines = []
    for step in path_of(call):
        name = step.name or step.node
        text = (
            lazy("IVR node %(node)s, key %(keys)s", node=name, keys=step.keys)
            if step.keys
            else lazy("IVR node %(node)s", node=name)
        )
        lines.append(Moment(at=from_ms(step.at_ms), text=text))
    return lines


def _offers(call: WholeCall) -> list[Moment]:
    lines = []
    for offer in call.offers:
        text = lazy(
            "Offered to %(agent)s: %(result)s.", agent=offer.agent_name, result=OFFER_RESULTS[offer.result]
        )
        lines.append(
            Moment(
                at=offer.offered_at,
                text=text,
                colour="green" if offer.result is OfferResult.ANSWERED else "amber",
            )
        )
    return lines
