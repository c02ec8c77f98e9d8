"""A command that no longer fits its call is refused, never passed over in silence (docs/contracts.md: wrong-state)."""

from __future__ import annotations

import pytest

from cti.call import effects as fx
from cti.call import inputs
from cti.call.machine import TABLE
from cti.call.model import Call, ConsultState, Offer, Phase, TransferKind, TransferTarget
from tests.unit.cti.call.driver import CALL_ID, LEG_ID, FixedWorld, of_type
from tests.unit.cti.call.test_consult import asking
from tests.unit.cti.call.test_machine import talking

AT = 1_700_000_000_000
TO = TransferTarget(kind=TransferKind.AGENT, id=43, extension_id=10)
ASKED = Offer(
    leg_id="asked", agent_id=43, extension_id=10, queue_id=0, endpoint="web", token="asked", offered_ms=AT
)
COMMANDS: tuple[inputs.Input, ...] = (
    inputs.HoldAsked(at_ms=AT, hold=True),
    inputs.TransferAsked(at_ms=AT, leg_id=LEG_ID, to=TO),
    inputs.ConsultAsked(at_ms=AT, leg_id=LEG_ID, to=TO, offer=ASKED),
    inputs.ConsultCancelAsked(at_ms=AT, leg_id=LEG_ID),
    inputs.TransferCompleteAsked(at_ms=AT, leg_id=LEG_ID),
    inputs.JoinAsked(at_ms=AT, leg_id=LEG_ID),
    inputs.MoveAsked(at_ms=AT, queue_id=7),
)
DOES: dict[type[inputs.Input], Phase] = {inputs.MoveAsked: Phase.WAITING}
"""Where a command can be done at all; all others in a talk."""


def is_refused(effects: list[fx.Effect]) -> bool:
    """Return whether whoever asked is told that it was too late."""
    return bool(of_type(effects, fx.TooLate))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.ARRIVED])
def test_where_a_command_cannot_be_done_it_says_so(command: inputs.Input, phase: Phase) -> None:
    """Also a command whose phase fits, in a call that has nothing of what it needs: no agent, nobody who is asked."""
    handler = TABLE[(phase, type(command))]
    call = Call(id=CALL_ID, tenant_id=1, phase=phase)
    effects = handler(call, command, FixedWorld())
    if DOES.get(type(command)) is phase:
        assert not is_refused(effects)
    else:
        assert is_refused(effects)
        assert call == Call(id=CALL_ID, tenant_id=1, phase=phase), "what is refused changes nothing"


def test_what_was_taken_for_it_is_given_back() -> None:
    call = talking()
    call.agent_gone("NORMAL_CLEARING")
    asked = call.give(COMMANDS[2])
    assert asked == [fx.TooLate(), fx.AgentFreed(agent_id=43, token="asked")]


@pytest.mark.parametrize("command", COMMANDS[:3], ids=lambda command: type(command).__name__)
def test_in_a_talk_it_is_done(command: inputs.Input) -> None:
    assert not is_refused(talking().give(command))


@pytest.mark.parametrize("command", COMMANDS[3:6], ids=lambda command: type(command).__name__)
def test_while_somebody_is_asked_it_is_done(command: inputs.Input) -> None:
    call = asking()
    assert call.call.consult is not None
    assert call.call.consult.state is ConsultState.TALKING
    assert not is_refused(call.give(command))


@pytest.mark.parametrize("command", COMMANDS[4:6], ids=lambda command: type(command).__name__)
def test_before_who_is_asked_answers_it_is_not(command: inputs.Input) -> None:
    call = asking()
    assert call.call.consult is not None
    call.call.consult.state = ConsultState.DIALLING
    assert is_refused(call.give(command))


def test_of_the_leg_of_a_talk_before_it_is_refused() -> None:
    call = talking()
    old = inputs.TransferAsked(at_ms=call.now_ms, leg_id="a leg of before", to=TO)
    assert is_refused(call.give(old))
    assert call.call.phase is Phase.TALKING


def test_what_is_so_already_is_no_refusal() -> None:
    """Commands are safe to repeat: a hold of who is on hold, an end of what is over."""
    call = talking()
    hold = inputs.HoldAsked(at_ms=call.now_ms, hold=True)
    call.give(hold)
    assert call.give(hold) == []
    call.hang_up()
    assert call.give(inputs.HangupAsked(at_ms=call.now_ms, by=42, leg_id=LEG_ID)) == []
