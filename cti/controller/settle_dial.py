"""Calls agents dialled that are no conversation yet, made to agree with the switch (decision 2).

Their state rides on the agent's leg, and on the called party's from its creation; the newer one counts. What is not
known to have been dialled is given up, never dialled again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import msgspec
import structlog

from core.clock import now_ms
from cti.call import inputs
from cti.call.model import Call, Consult, ConsultState, Offer, Phase
from cti.call.outcome import ended_in
from cti.controller.board import Board
from cti.controller.facts import Facts
from cti.controller.switch_events import step_done
from cti.esl import answers
from cti.esl.events import Event

log = structlog.get_logger(__name__)

UNCONNECTED = (Phase.CALLING, Phase.DIALLING, Phase.FAILED)
LEG_LOST = "NORMAL_TEMPORARY_FAILURE"
NEVER_DIALLED = "NORMAL_TEMPORARY_FAILURE"
NOBODY = "NORMAL_CLEARING"
Dumps = dict[str, Event | None]


def newest_states(dumps: Mapping[str, Event | None], read: Callable[[Event], Call | None]) -> dict[str, Call]:
    """Return the newest state of each outbound call that any of the legs carries."""
    found: dict[str, Call] = {}
    for event in dumps.values():
        call = read(event) if event is not None and event.zj_state else None
        if call is not None and call.outbound and (call.id not in found or found[call.id].rev < call.rev):
            found[call.id] = call
    return found


class DialSettler:
    """Settles one such call at a time; `dump` asks the switch for a leg."""

    def __init__(self, board: Board, facts: Facts, dump: Callable[[str], Event | None]) -> None:
        self._board = board
        self._facts = facts
        self._dump = dump

    def legs(self, call: Call, dumps: Dumps) -> tuple[Event | None, Event | None]:
        """Return the agent's and the called party's leg; absence is proved by asking, since the switch's list lags."""
        both = []
        for leg_id in (call.offers[-1].leg_id, call.id):
            if dumps.get(leg_id) is None:
                dumps[leg_id] = self._dump(leg_id)
            both.append(dumps[leg_id])
        return both[0], both[1]

    def over_unseen(self, call: Call, core_uuid: str) -> None:
        """Both legs ended while nobody looked: leave a fact, which a record of the called party's leg supersedes."""
        copy = msgspec.structs.replace(call, ended_ms=now_ms(), cause=call.cause or LEG_LOST)
        copy.ended_in = ended_in(copy)
        if call.dialled_ms:
            self._facts.ended_without_record(copy, core_uuid)
        else:
            self._facts.undialled(copy, core_uuid)
        self._board.limits.release(call.id)

    def missed(self, call: Call, agent: Event | None, customer: Event | None) -> list[inputs.Input]:
        """Return what happened to the call while nobody looked."""
        at_ms = now_ms()
        offer = call.offers[-1]
        result: list[inputs.Input] = []
        if call.phase is Phase.DIALLING:
            result += self._dialling(call, agent, customer, at_ms)
        elif call.phase is Phase.CALLING and agent is not None and agent.answer_state == "answered":
            self._board.events.agent_answered(offer.leg_id, at_ms)
        elif call.step is not None and agent is not None and answers.step_ended(agent, call.step.id):
            result.append(inputs.StepDone(at_ms=at_ms, step_id=call.step.id))
        if agent is None:
            result.append(_gone(offer, at_ms))
        return result

    @staticmethod
    def _dialling(call: Call, agent: Event | None, customer: Event | None, at_ms: int) -> list[inputs.Input]:
        if customer is not None:
            answered = customer.answer_state == "answered"
            return [inputs.CustomerAnswered(at_ms=at_ms)] if answered else []
        if agent is None or call.step is None:
            return []
        if answers.step_ended(agent, call.step.id):
            return [dataclasses.replace(step_done(agent, call.step.id), at_ms=at_ms)]
        if agent.get("variable_current_application") == "bridge":
            return []  # the leg is about to be, or has just ended: its application will tell
        log.warning("dial_given_up", call_id=call.id)
        return [inputs.StepDone(at_ms=at_ms, step_id=call.step.id, ok=False, cause=NEVER_DIALLED)]


def _gone(offer: Offer, at_ms: int) -> inputs.AgentGone:
    return inputs.AgentGone(at_ms=at_ms, leg_id=offer.leg_id, cause=LEG_LOST)


def missed_outside(
    call: Call, customer: Event, dump: Callable[[str], Event | None], at_ms: int
) -> list[inputs.Input]:
    """Return what happened to a customer's way to an outside number while nobody looked; it is never dialled again."""
    outside = call.transfers[-1].to.outside
    if outside is None:
        return []
    leg = dump(outside.leg_id)
    if call.phase is Phase.FORWARDED:
        gone = inputs.AgentGone(at_ms=at_ms, leg_id=outside.leg_id, cause=LEG_LOST)
        return [] if leg is not None else [gone]
    if leg is not None:
        answered = leg.answer_state == "answered"
        return [inputs.OutsideAnswered(at_ms=at_ms, leg_id=outside.leg_id)] if answered else []
    if call.step is None:
        return []
    if answers.step_ended(customer, call.step.id):
        cause = customer.get("variable_originate_failed_cause")
        return [inputs.StepDone(at_ms=at_ms, step_id=call.step.id, cause=cause)]
    if customer.get("variable_current_application") == "bridge":
        return []
    log.warning("forward_given_up", call_id=call.id)
    return [inputs.StepDone(at_ms=at_ms, step_id=call.step.id, ok=False, cause=NEVER_DIALLED)]


def missed_conference(call: Call, customer: Event, asked: Event | None, at_ms: int) -> list[inputs.Input]:
    """Return what happened while nobody looked to a three-way talk whose agent's leg is no more."""
    assert call.consult is not None
    agent = inputs.AgentGone(at_ms=at_ms, leg_id=call.agent_leg, cause=LEG_LOST)
    leg_id = call.consult.leg_id
    if asked is None:
        return [inputs.AgentGone(at_ms=at_ms, leg_id=leg_id, cause=LEG_LOST), agent]
    if is_bridged(customer, asked):
        return [agent, inputs.Bridged(at_ms=at_ms, leg_id=leg_id)]
    return [agent, inputs.BridgeMissing(at_ms=at_ms)]


def is_bridged(customer: Event, agent: Event) -> bool:
    """Return whether the dumps of two legs show them in a bridge: one of the two exchanges media, the other waits."""
    return "CS_EXCHANGE_MEDIA" in (customer.get("Channel-State"), agent.get("Channel-State"))


def missed_consult(
    call: Call, consult: Consult, agent: Event, dump: Callable[[str], Event | None], at_ms: int
) -> list[inputs.Input]:
    """Return what happened while nobody looked to the one an agent asks; never called again by us."""
    if consult.state is ConsultState.PARTING:
        return [inputs.AgentParked(at_ms=at_ms, leg_id=call.agent_leg)]
    leg = dump(consult.leg_id)
    if leg is None and consult.state is ConsultState.CONFERENCE:
        gone = inputs.AgentGone(at_ms=at_ms, leg_id=consult.leg_id, cause=LEG_LOST)
        return [gone, inputs.StepDone(at_ms=at_ms, step_id=consult.step_id)]
    if leg is not None:
        taken = leg.get("variable_zj_press") != "true" or is_bridged(agent, leg)
        answered = leg.answer_state == "answered" and taken and consult.state is ConsultState.DIALLING
        return [inputs.OutsideAnswered(at_ms=at_ms, leg_id=consult.leg_id)] if answered else []
    if not answers.step_ended(agent, consult.step_id):
        if agent.get("variable_current_application") == "bridge" and consult.state is ConsultState.DIALLING:
            return []
        log.warning("consult_given_up", call_id=call.id)
    cause = agent.get("variable_originate_failed_cause") if not consult.answered_ms else ""
    return [inputs.StepDone(at_ms=at_ms, step_id=consult.step_id, cause=cause or NOBODY)]
