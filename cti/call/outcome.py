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
    Phase.FORWARDING: EndedIn.TRANSFERRED,
    Phase.FORWARDED: EndedIn.TRANSFERRED,
    Phase.CALLING: EndedIn.OFFER,
    Phase.DIALLING: EndedIn.CALLED,
    Phase.FAILED: EndedIn.CALLED,
    Phase.OUTSIDE: EndedIn.FLOW,
}

SWITCH_GONE = "SWITCH_RESTARTED"
"""Cause of legs that ended with the switch's process."""

NO_ANSWER = {
    "NO_ANSWER",
    "NO_USER_RESPONSE",
    "ALLOTTED_TIMEOUT",
    "RECOVERY_ON_TIMER_EXPIRE",
    "PROGRESS_TIMEOUT",
}
"""Causes of a leg nobody picked up."""
_REJECTED = {"CALL_REJECTED", "USER_BUSY", "NORMAL_CLEARING", "NORMAL_UNSPECIFIED"}
_WITHDRAWN = {"ORIGINATOR_CANCEL", "LOSE_RACE", "PICKED_OFF"}


def offer_result(cause: str) -> OfferResult:
    """Return how an offer ended whose leg ended with `cause` before anybody answered.

    Rejecting and not answering are the agent's doing and count as missed; everything else means that the endpoint
    could not be rung.
    """
    if cause in NO_ANSWER:
        return OfferResult.NO_ANSWER
    if cause in _REJECTED:
        return OfferResult.REJECTED
    if cause in _WITHDRAWN:
        return OfferResult.CALLER_GONE
    return OfferResult.UNREACHABLE


def ended_in(call: Call, cause: str = "") -> EndedIn:
    """Return where the call ended, also for a state saved before the hang-up was seen.

    The switch's record carries the last ``zj_state`` written while the leg lived, so its phase is the one the
    hang-up interrupted (CTI-C1). `cause` is that leg's own, if known: a dial that was cancelled ended at the agent.
    """
    if call.ended_in is not None:
        return call.ended_in
    if call.phase is Phase.DIALLING and cause in _WITHDRAWN:
        return EndedIn.AGENT
    if call.phase is Phase.OUTSIDE and call.outside is not None and call.outside.talk_ms:
        return EndedIn.TRANSFERRED
    if call.phase is Phase.OUTSIDE:
        return where(call)
    if call.phase is Phase.FLOW and call.left_message:
        return EndedIn.VOICEMAIL
    return _BY_PHASE.get(call.phase, EndedIn.ROUTE)


def where(call: Call) -> EndedIn:
    """Return where a call ended that was on its way to an outside number: a flow's, or an extension's own."""
    forwarded = call.outside is not None and bool(call.outside.extension_id)
    return EndedIn.EXTENSION if forwarded else EndedIn.FLOW


def was_missed(call: Call) -> bool:
    """Return whether the call was offered to an agent and never answered by one (CTI-C3)."""
    return not call.outbound and bool(call.offers) and not any(offer.answered_ms for offer in call.offers)
