"""What happened to calls that are up while no controller looked, as the inputs that would have told it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.clock import now_ms
from cti.call import in_conference, in_queue, inputs, steps
from cti.call.model import Call, Phase, Step
from cti.controller import way_out
from cti.controller.board import Board
from cti.controller.settle_dial import (
    LEG_LOST,
    is_bridged,
    missed_conference,
    missed_consult,
    missed_outside,
)
from cti.esl import answers
from cti.esl.events import Event


class MissedInputs:
    """Looks at the switch's dumps of legs; `dump` asks it for one, `adopt` notes a leg that is not known."""

    def __init__(
        self, board: Board, dump: Callable[[str], Event | None], adopt: Callable[[str, Event], None]
    ) -> None:
        self._board = board
        self._dump = dump
        self._adopt = adopt

    def of(self, call: Call, event: Event, dumps: Mapping[str, Event | None]) -> list[inputs.Input]:
        """Return what happened to a live call while nobody looked: by its leg's dump `event`, and by those of all."""
        at_ms = now_ms()
        result: list[inputs.Input] = []
        if call.step is not None and _has_ended(call.step, event):
            result.append(inputs.StepDone(at_ms=at_ms, step_id=call.step.id))
        result += [
            inputs.StepDone(at_ms=at_ms, step_id=step_id)
            for step_id in steps.being_stopped(call)
            if not answers.step_runs(event, step_id)
        ]
        offer = next((o for o in reversed(call.offers) if not o.ended_ms), None)
        if call.phase is Phase.ARRIVED:
            arrived = inputs.Arrived(
                at_ms=call.arrived_ms or at_ms,
                caller=event.caller_number,
                called=event.destination_number,
                trunk_address=event.network_addr,
            )
            result.append(arrived)
        elif call.phase is Phase.WAITING:
            result.append(inputs.TimerDue(at_ms=at_ms, name=in_queue.RETRY_TIMER))
        elif call.phase in (Phase.FORWARDING, Phase.FORWARDED):
            result = missed_outside(call, event, self._dump, at_ms)
        elif call.phase is Phase.OUTSIDE:
            result = way_out.missed(call, event, self._dump, at_ms)
        elif call.phase is Phase.TALKING and not call.agent_leg:
            result.append(
                inputs.Parked(at_ms=at_ms)
            )  # out of the bridge, which only the agent's leg kept it in
        elif call.phase is Phase.OFFERING:
            for each in steps.ringing(call):
                result += self._with_agent(call, each.leg_id, event, dumps.get(each.leg_id), at_ms)
        elif offer is not None and call.phase in (Phase.CONNECTING, Phase.TALKING):
            result += self._with_agent(call, offer.leg_id, event, dumps.get(offer.leg_id), at_ms)
        return result

    def _with_agent(
        self, call: Call, leg_id: str, event: Event, leg: Event | None, at_ms: int
    ) -> list[inputs.Input]:
        if leg is None:
            # Absence is proved by asking for this very leg: the switch's list lags.
            leg = self._dump(leg_id)
        if leg is None and call.consult is not None and in_conference.is_on(call):
            return missed_conference(call, event, self._dump(call.consult.leg_id), at_ms)
        if leg is None:
            self._board.reach.leave(leg_id)  # what one to a landline held
            gone = inputs.AgentGone(at_ms=at_ms, leg_id=leg_id, cause=LEG_LOST)
            stays = call.phase is Phase.TALKING and call.after_talk
            return [gone, inputs.Parked(at_ms=at_ms)] if stays else [gone]
        self._adopt(leg_id, leg)
        if call.consult is not None:
            return missed_consult(call, call.consult, leg, self._dump, at_ms)
        if call.phase is Phase.OFFERING:
            if leg.answer_state == "answered":
                self._board.events.agent_answered(leg_id, at_ms)
            return []
        if is_bridged(event, leg):
            return [inputs.Bridged(at_ms=at_ms, leg_id=leg_id)] if call.phase is Phase.CONNECTING else []
        return [inputs.BridgeMissing(at_ms=at_ms)]


def _has_ended(step: Step, leg: Event) -> bool:
    answered = step.what == "answer" and leg.answer_state == "answered"
    return answered or answers.step_ended(leg, step.id)
