"""A queue that rings all (CTI-Q2): several agents ring for one caller, the first who answers gets them. Pure.

Each offer is one of its own, with its own claim, leg and token, so whatever holds for one offer holds for each of
several: missed, declined, lost. That one caller never gets two agents is the call's own doing: its inputs are taken one
after the other, and an answer counts only while the call is being offered.
"""

from __future__ import annotations

from core.documents import DispatchRule
from cti.acd.dispatch import AT_ONCE
from cti.call import effects as fx
from cti.call import steps
from cti.call.model import Call, Offer, OfferResult, Phase

ELSEWHERE_CAUSE = "LOSE_RACE"
"""Ends a leg whose call another agent answered: the switch tells the telephone ``SIP;cause=200``, no missed call."""


def may_join(call: Call, queue_id: int, agent_id: int) -> bool:
    """Return whether an agent who became free is rung too: all are being rung for the call, few enough, and it was
    not offered to this one since it entered the queue, so that who declined is not rung again at once.
    """
    ringing = steps.ringing(call)
    if call.phase is not Phase.OFFERING or call.queue_id != queue_id or not 0 < len(ringing) < AT_ONCE:
        return False
    if any(offer.why is None or offer.why.rule != DispatchRule.RING_ALL for offer in ringing):
        return False
    return all(
        offer.agent_id != agent_id or offer.queue_id != queue_id or offer.offered_ms < call.queue_entered_ms
        for offer in call.offers
    )


def answered(call: Call, winner: Offer, now_ms: int) -> list[fx.Effect]:
    """One of those who ring answered: the others stop at once and have missed nothing. The one who answered is the
    call's last offer from here on, as ever.
    """
    result: list[fx.Effect] = []
    for offer in steps.ringing(call):
        if offer.leg_id != winner.leg_id:
            elsewhere = OfferResult.ELSEWHERE
            steps.change_offer(call, offer.leg_id, result=elsewhere, ended_ms=now_ms, cause=ELSEWHERE_CAUSE)
            result += withdrawn(call, offer, elsewhere.value, ELSEWHERE_CAUSE, ELSEWHERE_CAUSE)
    call.offers = [
        *(offer for offer in call.offers if offer.leg_id != winner.leg_id),
        *(offer for offer in call.offers if offer.leg_id == winner.leg_id),
    ]
    return result


def withdrawn(call: Call, offer: Offer, why: str, cause: str, leg_cause: str) -> list[fx.Effect]:
    """Return what stops an offer that rings: the leg's end, a free agent, a card that closes."""
    return [
        fx.WithdrawOffer(leg_id=offer.leg_id, agent_id=offer.agent_id, token=offer.token, cause=leg_cause),
        steps.tell_agent(call, offer, "call.over", why=why, cause=cause),
    ]
