"""Words for what records say: where a call ended, how an offer ended, what a leg is for."""

from __future__ import annotations

from core.i18n import LazyText, lazy
from cti.call.model import EndedIn, LegKind, OfferResult

ENDED_IN: dict[EndedIn, LazyText] = {
    EndedIn.ROUTE: lazy("Route"),
    EndedIn.FLOW: lazy("IVR flow"),
    EndedIn.QUEUE: lazy("Queue"),
    EndedIn.OFFER: lazy("While ringing"),
    EndedIn.AGENT: lazy("Agent"),
    EndedIn.CALLED: lazy("Called party"),
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
    OfferResult.ELSEWHERE: lazy("rang until somebody else answered"),
    OfferResult.LOST: lazy("was lost"),
}

LEG_KINDS: dict[LegKind, LazyText] = {
    LegKind.CUSTOMER: lazy("Customer"),
    LegKind.AGENT: lazy("Agent"),
    LegKind.CONSULT: lazy("Consultation"),
    LegKind.OUTSIDE: lazy("Outside number"),
    LegKind.SUPERVISOR: lazy("Supervisor"),
    LegKind.TIE: lazy("Tie line"),
    LegKind.PROBE: lazy("Probe"),
}
