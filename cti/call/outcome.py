"""Where and why a call ended, derived from its last state. Pure: the controller and the shipper use the same rule."""

from __future__ import annotations

from cti.call.model import Call, EndedIn, OfferResult, Phase

_BY_PHASE = {
    Phase.ARRIVED: EndedIn.ROUTE,
    Phase.FLOW: EndedIn.FLOW,
    Phase.WAITING: EndedIn.QUEUE,
    Phase.OFFERING: EndedIn.OFFER,
    Phase.CONNECTING: EndedIn.OFFER,
    Phase.TALKING: EndedIn.AGENT,
}

_NO_ANSWER = {
    "NO_ANSWER",
    "NO_USER_RESPONSE",
    "ALLOTTED_TIMEOUT",
    "RECOVERY_ON_TIMER_EXPIRE",
    "PROGRESS_TIMEOUT",
}
_REJECTED = {"CALL_REJECTED", "USER_BUSY", "NORMAL_CLEARING", "NORMAL_UNSPECIFIED"}
_WITHDRAWN = {"ORIGINATOR_CANCEL", "LOSE_RACE", "PICKED_OFF"}


def offer_result(cause: str) -> OfferResult:
    """Return how an offer ended whose leg ended with `cause` before anybody answered.

    Rejecting and not answering are the agent's doing and count as missed; everything else means that the endpoint
    could not be rung.
    """
    if cause in _NO_ANSWER:
        return OfferResult.NO_ANSWER
    if cause in _REJECTED:
        return OfferResult.REJECTED
    if cause in _WITHDRAWN:
        return OfferResult.CALLER_GONE
    return OfferResult.UNREACHABLE


def ended_in(call: Call) -> EndedIn:
    """Return where the call ended, also for a state saved before the hang-up was seen.

    The switch's record carries the last ``zj_state`` written while the leg lived, so its phase is the one the
    hang-up interrupted (CTI-C1).
    """
    if call.ended_in is not None:
        return call.ended_in
    return _BY_PHASE.get(call.phase, EndedIn.ROUTE)


def was_missed(call: Call) -> bool:
    """Return whether the call was offered to an agent and never answered by one (CTI-C3)."""
    return bool(call.offers) and not any(offer.answered_ms for offer in call.offers)
