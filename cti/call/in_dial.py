"""A call an agent dialled: their own leg first, then the called party through the trunk. Pure.

The agent's leg runs the switch's own bridge to the called party: ringing and early media are heard, an answer connects,
and a hang-up of either side ends both, also while no controller lives. The call is over when both legs are.
"""

from __future__ import annotations

from cti.call import effects as fx
from cti.call import in_queue, inputs, steps
from cti.call.model import Call, EndedIn, OfferResult, Phase
from cti.call.outcome import SWITCH_GONE, offer_result
from cti.call.world import World

FAILED_TIMER = "failed"
FAILED_MS = 6_000
"""How long the agent's tone may take, and how long a called party's leg is awaited after the agent's is gone."""
RING_AGENT_S = 60
"""How long the agent's own endpoint rings."""
RING_TIMER = "ring"
RING_S = 60
"""How long the called party may ring before the call is given up, early media included."""
DIAL, TONE = "dial", "tone"
NOBODY = "NORMAL_UNSPECIFIED"


def dial_asked(call: Call, event: inputs.DialAsked, world: World) -> list[fx.Effect]:
    """The agent's own leg is on its way."""
    offer = event.offer
    call.phase, call.direction, call.offers = Phase.CALLING, "out", [offer]
    call.tenant_id, call.language = event.tenant_id, event.language
    call.called, call.caller_id, call.caller = event.called, event.caller_id, event.caller_id
    call.trunk_id, call.trunk_code = event.trunk_id, event.trunk_code
    call.dialled, call.shown = event.dialled, event.shown
    call.arrived_ms, call.extension_id = offer.offered_ms, offer.extension_id
    deadline_ms = offer.offered_ms + RING_AGENT_S * 1000
    return [
        steps.set_timer(call, in_queue.OFFER_TIMER, deadline_ms + in_queue.OFFER_GRACE_MS),
        fx.CallAgent(offer=offer, ring_s=RING_AGENT_S),
        steps.tell_agent(
            call,
            offer,
            "call.offered",
            queue_id=0,
            queue="",
            direction="out",
            own=True,
            caller=call.caller_id,
            called=call.called,
            route="",
            path=[],
            waited_ms=0,
            missed=0,
            deadline_ms=deadline_ms,
            auto_answer=True,
            endpoint=offer.endpoint,
        ),
    ]


def agent_answered(call: Call, event: inputs.AgentAnswered, world: World) -> list[fx.Effect]:
    """The agent listens: now the called party, once."""
    offer = call.offers[-1]
    if offer.leg_id != event.leg_id:
        return [fx.KillLeg(leg_id=event.leg_id, cause="LOSE_RACE")]
    call.phase, call.dialled_ms = Phase.DIALLING, event.at_ms
    call.agent_id, call.agent_leg = offer.agent_id, offer.leg_id
    steps.change_offer(call, offer.leg_id, result=OfferResult.ANSWERED, answered_ms=event.at_ms)
    step_id = steps.begin_step(call, DIAL, event.at_ms)
    return [
        *steps.drop_timer(call, in_queue.OFFER_TIMER),
        steps.set_timer(call, RING_TIMER, event.at_ms + RING_S * 1000 + in_queue.OFFER_GRACE_MS),
        fx.Dial(step_id=step_id, leg_id=offer.leg_id, ring_s=RING_S),
        steps.tell_agent(call, offer, "call.dialling", direction="out", called=call.called),
    ]


def agent_gone(call: Call, event: inputs.AgentGone, world: World) -> list[fx.Effect]:
    """The agent's own leg ended before anybody was reached."""
    offer = call.offers[-1]
    if event.leg_id != offer.leg_id or offer.ended_ms:
        return []
    answered = bool(offer.answered_ms)
    result = OfferResult.ANSWERED if answered else offer_result(event.cause)
    steps.change_offer(call, offer.leg_id, ended_ms=event.at_ms, cause=event.cause, result=result)
    call.agent_leg = ""
    unreachable = result is OfferResult.UNREACHABLE
    effects: list[fx.Effect] = [
        fx.AgentFreed(agent_id=offer.agent_id, token=offer.token, unreachable=unreachable)
    ]
    if call.phase is Phase.FAILED:
        over = steps.tell_agent(call, offer, "call.over", why="ended", cause=call.cause)
        return [*effects, over, *_end(call, event.at_ms)]
    call.ended_in = call.ended_in or (EndedIn.AGENT if answered else EndedIn.OFFER)
    call.cause = event.cause
    effects.append(steps.tell_agent(call, offer, "call.over", why="ended", cause=event.cause))
    if call.phase is Phase.CALLING:
        return effects + _end(call, event.at_ms)
    call.phase, call.step = Phase.FAILED, None
    # The switch cancels the called party's leg itself when the agent's ends; told too, none can stay behind.
    return [
        *effects,
        *steps.drop_timer(call, RING_TIMER),
        fx.HangupCustomer(cause="ORIGINATOR_CANCEL"),
        steps.set_timer(call, FAILED_TIMER, event.at_ms + FAILED_MS),
    ]


def customer_gone(call: Call, event: inputs.CustomerGone, world: World) -> list[fx.Effect]:
    """The called party's leg ended unanswered: busy, no answer, refused, no such number."""
    if event.cause == SWITCH_GONE:
        return _switch_gone(call, event)
    call.leg_ended = call.phase is not Phase.CALLING
    if call.phase is Phase.CALLING:
        return []  # nobody was called yet
    if call.phase is Phase.FAILED:
        return _end(call, event.at_ms) if call.offers[-1].ended_ms else []
    return _not_reached(call, event.cause, event.at_ms)


def step_done(call: Call, event: inputs.StepDone, world: World) -> list[fx.Effect]:
    """The dial ended without a conversation, also when the called party's leg never came to be; or the tone ended."""
    if call.step is None or event.step_id != call.step.id:
        return []
    what, call.step = call.step.what, None
    if what == DIAL:
        return _not_reached(call, event.cause or NOBODY, event.at_ms)
    return [fx.KillLeg(leg_id=call.offers[-1].leg_id, cause="NORMAL_CLEARING")]


def timer_due(call: Call, event: inputs.TimerDue, world: World) -> list[fx.Effect]:
    """The agent's endpoint rang too long, or a leg's end was never told."""
    if event.name == in_queue.OFFER_TIMER and call.phase is Phase.CALLING:
        return [fx.KillLeg(leg_id=call.offers[-1].leg_id, cause="NO_ANSWER")]
    if event.name == RING_TIMER and call.phase is Phase.DIALLING:
        # The switch did not give up by itself, or its word was lost: the end of the agent's leg ends both.
        call.ended_in = EndedIn.CALLED
        return [fx.HangupCustomer(cause="NO_ANSWER"), fx.KillLeg(leg_id=call.agent_leg, cause="NO_ANSWER")]
    if event.name != FAILED_TIMER or call.phase is not Phase.FAILED:
        return []
    if call.offers[-1].ended_ms:
        return _end(call, event.at_ms)
    return [
        fx.KillLeg(leg_id=call.offers[-1].leg_id, cause="NORMAL_CLEARING"),
        steps.set_timer(call, FAILED_TIMER, event.at_ms + FAILED_MS),
    ]


def hangup_asked(call: Call, event: inputs.HangupAsked, world: World) -> list[fx.Effect]:
    """The agent gives up: the end of their leg ends the dialling."""
    if event.leg_id != call.offers[-1].leg_id:
        return []
    return [fx.KillLeg(leg_id=event.leg_id, cause="ORIGINATOR_CANCEL")]


def agent_lost(call: Call, event: inputs.AgentLost, world: World) -> list[fx.Effect]:
    """The agent's endpoint vanished while dialling."""
    return [fx.KillLeg(leg_id=event.leg_id, cause="DESTINATION_OUT_OF_ORDER")]


def _not_reached(call: Call, cause: str, now_ms: int) -> list[fx.Effect]:
    offer = call.offers[-1]
    call.phase, call.cause, call.ended_in = Phase.FAILED, cause, EndedIn.CALLED
    return [
        *steps.drop_timer(call, RING_TIMER),
        steps.tell_agent(call, offer, "call.failed", direction="out", called=call.called, cause=cause),
        fx.PlayTone(step_id=steps.begin_step(call, TONE, now_ms), leg_id=offer.leg_id),
        steps.set_timer(call, FAILED_TIMER, now_ms + FAILED_MS),
    ]


def _switch_gone(call: Call, event: inputs.CustomerGone) -> list[fx.Effect]:
    """Every leg is gone with the switch, and the fact is written already."""
    offer = call.offers[-1]
    effects: list[fx.Effect] = []
    if not offer.ended_ms:
        steps.change_offer(call, offer.leg_id, ended_ms=event.at_ms, cause=event.cause)
        effects = [
            fx.AgentFreed(agent_id=offer.agent_id, token=offer.token),
            steps.tell_agent(call, offer, "call.over", why="ended", cause=event.cause),
        ]
    call.cause, call.ended_in, call.leg_ended = event.cause, EndedIn.SWITCH, True
    return effects + _end(call, event.at_ms)


def _end(call: Call, now_ms: int) -> list[fx.Effect]:
    call.phase, call.ended_ms, call.step = Phase.ENDED, now_ms, None
    note: list[fx.Effect] = [] if call.leg_ended else [fx.NoteUndialled()]
    return [
        *steps.drop_all_timers(call),
        fx.LeaveTrunk(trunk_id=call.trunk_id),
        *note,
        fx.Finished(),
    ]
