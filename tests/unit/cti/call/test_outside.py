"""A flow puts its caller through to an outside number (CTI-I7, CTI-E5)."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.call import effects as fx
from cti.call import in_outside, inputs
from cti.call.model import EndedIn, Outside, Phase
from cti.call.outcome import ended_in
from ivr.messages import FailureReason, NoteKind
from tests.unit.cti.call.driver import Driven, of_type
from tests.unit.cti.call.test_flow_commands import TEXT, begun, flow, key, path

OUT = "33333333-3333-4333-8333-333333333333"
NUMBER = "+8613900139000"
TO = Outside(
    leg_id=OUT,
    number=NUMBER,
    caller_id="+861012345678",
    trunk_id=4,
    trunk_code="carrier1",
    dialled="13900139000",
    shown="01012345678",
)


def asked(**node: object) -> Driven:
    """Return a call whose flow asked for the number the caller typed."""
    document = flow(
        {
            "type": "collect",
            "code": "type",
            "name": "Type",
            "prompts": TEXT,
            "variable": "number",
            "minimum": 1,
            "maximum": 1,
            "next": "out",
            "failure": "bye",
        },
        {
            "type": "transfer",
            "code": "out",
            "name": "Out",
            "to": "variable",
            "variable": "number",
            "allow_outside": True,
            "failure": "other",
            **node,
        },
        {"type": "voicemail", "code": "other", "name": "Other", "prompts": TEXT},
        {"type": "survey", "code": "score", "name": "Score", "prompts": TEXT, "keys": ["1"]},
        entry="type",
        variables=("number",),
    )
    call = begun(document)
    key(call, "7")
    return call


def dialling(**node: object) -> Driven:
    """Return a call whose number is being dialled."""
    call = asked(**node)
    call.give(inputs.WayOut(at_ms=call.now_ms, to=TO, background=()))
    return call


def talking(**node: object) -> Driven:
    """Return a call that talks with the number."""
    call = dialling(**node)
    call.later(5_000).bridged(OUT)
    return call


def failed_with(call: Driven) -> str:
    """Return how the transfer node was left."""
    return next(exit_ for _, node, exit_ in path(call) if node == "out")


def not_reached(call: Driven, cause: str) -> list[fx.Effect]:
    """End the dial without a talk, as the switch tells it."""
    call.agent_gone(cause, OUT)
    assert call.call.step is not None
    return call.give(inputs.StepDone(at_ms=call.now_ms, step_id=call.call.step.id, cause=cause))


def heard_out(call: Driven) -> None:
    """Let the node's words on the failure end."""
    if call.call.step is not None:
        call.step_done()


def test_a_typed_number_is_asked_for_with_the_flows_share() -> None:
    call = asked(outside_limit=3)
    (way,) = of_type(call.asked, fx.FindWayOut)
    assert (way.number, way.flow_id, way.allowed) == ("7", 3, 3)
    assert call.call.phase is Phase.OUTSIDE


def test_without_the_nodes_permission_no_number_is_called() -> None:
    call = asked(allow_outside=False)
    assert not of_type(call.asked, fx.FindWayOut)
    heard_out(call)
    assert failed_with(call) == "failure:not_found"


def test_the_whole_way_and_the_number_hangs_up() -> None:
    call = dialling()
    (dial,) = of_type(call.asked, fx.DialOutside)
    assert call.call.step is not None
    assert dial.step_id == call.call.step.id
    assert dial.to == TO
    asked_ = call.later(5_000).bridged(OUT)
    assert of_type(asked_, fx.OutsideTalks)
    assert of_type(asked_, fx.StartRecording)
    assert call.bridged(OUT) == [], "told twice"
    over = call.later(60_000).agent_gone("NORMAL_CLEARING", OUT)
    assert of_type(over, fx.LeaveOutside)
    assert of_type(over, fx.StopRecording)
    assert call.call.phase is Phase.LEAVING
    call.hang_up()
    assert call.call.ended_in is EndedIn.TRANSFERRED
    assert [(note.kind, note.value, note.node) for note in call.call.notes] == [
        (NoteKind.OUTSIDE, NUMBER, "out")
    ]
    assert [s.ended_ms - s.started_ms for s in call.call.segments] == [60_000]
    assert failed_with(call) == "transfer"


def test_the_caller_hangs_up_in_the_talk_or_before() -> None:
    for call, where in ((talking(), EndedIn.TRANSFERRED), (dialling(), EndedIn.FLOW)):
        state = msgspec.json.decode(msgspec.json.encode(call.call), type=type(call.call))
        assert ended_in(state) is where, "also when the controller never saw the end"
        gone = call.hang_up()
        assert of_type(gone, fx.KillLeg)
        assert of_type(gone, fx.LeaveOutside)
        assert call.call.ended_in is where
        assert all(segment.ended_ms for segment in call.call.segments)


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("USER_BUSY", "busy"),
        ("NO_ANSWER", "no_answer"),
        ("ALLOTTED_TIMEOUT", "no_answer"),
        ("CALL_REJECTED", "declined"),
        ("UNALLOCATED_NUMBER", "unreachable"),
        ("", "unreachable"),
    ],
)
def test_who_is_not_reached_leads_to_the_failure_exit_and_is_told_apart(cause: str, reason: str) -> None:
    call = dialling()
    left = not_reached(call, cause)
    assert of_type(left, fx.LeaveOutside)
    heard_out(call)
    assert failed_with(call) == f"failure:{reason}"
    assert call.call.phase is Phase.FLOW
    assert call.call.timers == [] or all(t.name.startswith("flow:") for t in call.call.timers)


@pytest.mark.parametrize("reason", [FailureReason.NOT_ALLOWED, FailureReason.FULL, FailureReason.UNREACHABLE])
def test_a_refusal_leads_to_the_failure_exit_and_dials_nothing(reason: FailureReason) -> None:
    call = asked()
    call.give(inputs.NoWayOut(at_ms=call.now_ms, reason=reason))
    heard_out(call)
    assert failed_with(call) == f"failure:{reason}"
    assert not of_type(call.asked, fx.DialOutside)
    assert not call.call.notes


def test_ringing_too_long_ends_though_the_switch_says_nothing() -> None:
    call = dialling()
    assert of_type(call.later(48_000).timer(in_outside.RING_TIMER), fx.KillLeg)
    call.later(3_000).timer(in_outside.RING_TIMER)
    heard_out(call)
    assert failed_with(call) == "failure:no_answer"


def test_after_the_talk_the_flow_goes_on_once_the_leg_has_parked() -> None:
    call = talking(after_talk="score")
    call.agent_gone("NORMAL_CLEARING", OUT)
    assert call.call.phase is Phase.OUTSIDE
    asked_ = call.give(inputs.Parked(at_ms=call.now_ms))
    assert of_type(asked_, fx.PlayPrompts)
    assert call.call.phase is Phase.FLOW
    assert path(call)[-1][1] == "score"
    assert call.hang_up()
    assert call.call.phase is Phase.ENDED


def test_a_lost_park_is_waited_for_no_longer_than_three_seconds() -> None:
    call = talking(after_talk="score")
    call.agent_gone("NORMAL_CLEARING", OUT)
    assert of_type(call.later(3_000).timer("leaving"), fx.PlayPrompts)


def test_the_operator_ends_it() -> None:
    call = talking()
    asked_ = call.give(inputs.EndAsked(at_ms=call.now_ms))
    assert of_type(asked_, fx.DetachCustomer)
    assert of_type(asked_, fx.KillLeg)
    call.agent_gone("MANAGER_REQUEST", OUT)
    assert of_type(call.give(inputs.Parked(at_ms=call.now_ms)), fx.PlaySystem)
    assert (call.call.ended_in, call.call.ended_detail) == (EndedIn.TRANSFERRED, "company-stopped")
    ringing = dialling()
    ringing.give(inputs.EndAsked(at_ms=ringing.now_ms))
    assert of_type(not_reached(ringing, "MANAGER_REQUEST"), fx.PlaySystem)


def test_who_does_not_consent_is_not_recorded() -> None:
    call = dialling()
    call.call.notes = [
        msgspec.structs.replace(call.call.notes[0], kind=NoteKind.CONSENT, value="no"),
        *call.call.notes,
    ]
    assert not of_type(call.bridged(OUT), fx.StartRecording)


MOVES = ("way", "refuse", "bridge", "gone", "step", "park", "leaving", "ring", "stop", "key", "time")


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(MOVES), max_size=12), st.booleans())
def test_whatever_happens_nobody_is_stuck(moves: list[str], after_talk: bool) -> None:
    call = asked(after_talk="score" if after_talk else "")
    for move in moves:
        at_ms = call.now_ms
        events: dict[str, inputs.Input] = {
            "bridge": inputs.Bridged(at_ms=at_ms, leg_id=OUT),
            "gone": inputs.AgentGone(at_ms=at_ms, leg_id=OUT, cause="NO_ANSWER"),
            "park": inputs.Parked(at_ms=at_ms),
            "leaving": inputs.TimerDue(at_ms=at_ms, name="leaving"),
            "ring": inputs.TimerDue(at_ms=at_ms, name=in_outside.RING_TIMER),
            "stop": inputs.EndAsked(at_ms=at_ms),
            "key": inputs.KeyPressed(at_ms=at_ms, digit="1"),
        }
        waits = call.call.phase is Phase.OUTSIDE and call.call.outside is None
        if move == "way" and waits:
            call.give(inputs.WayOut(at_ms=at_ms, to=TO, background=()))
        elif move == "refuse" and waits:
            call.give(inputs.NoWayOut(at_ms=at_ms, reason=FailureReason.FULL))
        elif move == "step" and call.call.step is not None:
            call.step_done()
        elif move == "time":
            call.later(30_000)
        elif move in events and not waits:
            call.give(events[move])
        outside = call.call.outside
        if call.call.phase is Phase.OUTSIDE and outside is not None and not (outside.talk_ms or waits):
            assert any(timer.name == in_outside.RING_TIMER for timer in call.call.timers), (
                "it may ring for ever"
            )
    call.hang_up()
    assert call.call.phase is Phase.ENDED
    assert call.call.timers == []
    assert all(segment.ended_ms for segment in call.call.segments)
    assert len(of_type(call.asked, fx.DialOutside)) <= 1
    if call.call.outside is not None:
        assert of_type(call.asked, fx.LeaveOutside), "its places are never given back"
