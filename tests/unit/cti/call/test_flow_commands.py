"""What flows ask of a call beyond prompts and queues (CTI-I10, CTI-I12, CTI-I13)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from core.documents import DestinationKind
from cti.call import effects as fx
from cti.call import in_flow, inputs
from cti.call.in_flow import awaited_request
from cti.call.model import Call, EndedIn, KeyedNote, Phase, SegmentKind
from cti.call.outcome import ended_in
from ivr import messages
from ivr import model as flow_model
from ivr.messages import Answered, AnswerFailure, NoteKind
from ivr.run import MAX_FLOW_CHANGES
from tests.unit.cti.call.driver import LEG_ID, Driven, FixedWorld, of_type

TEXT = [{"kind": "text", "text": "hello"}]


def flow(*nodes: dict[str, Any], entry: str = "menu", variables: tuple[str, ...] = ()) -> flow_model.Flow:
    """Return a flow of these nodes and a last one, ``bye``."""
    document = {
        "name": "t",
        "entry": entry,
        "variables": [{"name": name} for name in variables],
        "nodes": [*nodes, {"type": "hangup", "code": "bye", "name": "Bye"}],
    }
    return flow_model.decode(msgspec.json.encode(document))


def menu(**keys: str) -> dict[str, Any]:
    """Return a menu; ``k1="x"`` leads to x."""
    return {
        "type": "menu",
        "code": "menu",
        "name": "Menu",
        "prompts": TEXT,
        "keys": {name[1:]: target for name, target in keys.items()},
        "timeout_s": 5,
        "attempts": 3,
        "failure": "bye",
    }


def begun(*flows: flow_model.Flow) -> Driven:
    """Return a call that hears the first of the flows 3, 4, 5…"""
    world = FixedWorld()
    world.flows = dict(enumerate(flows, start=3))
    call = Driven(world)
    call.arrive(DestinationKind.FLOW, 3)
    call.step_done()
    return call


def key(call: Driven, digit: str) -> list[fx.Effect]:
    """Press a key and let a prompt it stops end."""
    asked = call.give(inputs.KeyPressed(at_ms=call.now_ms, digit=digit))
    return [*asked, *call.step_done()] if of_type(asked, fx.StopPlaying) else asked


def heard(call: Driven, until: type) -> list[fx.Effect]:
    """Let what plays end until an effect of a kind comes."""
    for _ in range(10):
        asked = call.step_done()
        if of_type(asked, until):
            return asked
    raise AssertionError(f"no {until.__name__}")


def path(call: Driven) -> list[tuple[int, str, str]]:
    """Return flow, node and exit of each step."""
    return [(step.flow_id, step.node, step.exit) for step in call.call.path]


# --- messages --------------------------------------------------------------------------------------------------


def recording() -> Driven:
    """Return a call that records a message."""
    call = begun(
        flow({"type": "voicemail", "code": "mail", "name": "Mail", "max_s": 60, "silence_s": 4}, entry="mail")
    )
    heard(call, fx.RecordMessage)
    return call


def test_a_message_is_recorded_after_the_beep_into_a_segment_of_its_own_cti_i10() -> None:
    call = recording()
    (asked,) = of_type(call.asked, fx.RecordMessage)
    assert call.call.step is not None
    assert asked == fx.RecordMessage(
        step_id=call.call.step.id, name=f"1/{call.call.id}-1.wav", max_s=60, silence_s=4
    )
    assert [(s.kind, s.ended_ms) for s in call.call.segments] == [(SegmentKind.VOICEMAIL, 0)]
    call.later(7_000).step_done()
    assert call.call.segments[0].ended_ms - call.call.segments[0].started_ms == 7_000
    assert not of_type(call.asked, fx.StopRecording), "the application closed its file"
    assert of_type(call.step_done(), fx.HangupCustomer)
    call.hang_up()
    assert call.call.ended_in is EndedIn.VOICEMAIL


def test_the_hash_key_ends_a_message() -> None:
    call = recording()
    assert of_type(key(call, "5"), fx.StopPlaying) == []
    call.later(1_000)
    asked = call.give(inputs.KeyPressed(at_ms=call.now_ms, digit="#"))
    assert asked[0] == fx.StopPlaying()


def test_a_hang_up_keeps_the_message() -> None:
    call = recording()
    interrupted = call.call
    call.later(3_000).hang_up()
    assert call.call.ended_in is EndedIn.VOICEMAIL
    assert call.call.segments[0].ended_ms - call.call.segments[0].started_ms == 3_000
    assert ended_in(interrupted) is EndedIn.VOICEMAIL, "also when the controller never saw the end"


def test_a_message_that_cannot_be_recorded_does_not_end_in_silence() -> None:
    call = recording()
    assert of_type(call.step_done(ok=False), fx.PlayPrompts)


# --- requests --------------------------------------------------------------------------------------------------


def asking() -> Driven:
    """Return a call whose flow waits for an answer."""
    node = {
        "type": "http",
        "code": "ask",
        "name": "Ask",
        "method": "GET",
        "url": "https://crm.example.cn/order",
        "timeout_s": 3,
        "fields": [{"variable": "state", "path": "order.state"}],
        "next": "said",
        "failure": "bye",
    }
    said = {
        "type": "playback",
        "code": "said",
        "name": "Said",
        "prompts": [{"kind": "variable", "name": "state"}],
        "next": "bye",
    }
    return begun(flow(node, said, entry="ask", variables=("state",)))


def answer(call: Driven, **fields: Any) -> list[fx.Effect]:
    """The request ends."""
    return call.give(inputs.RequestAnswered(at_ms=call.now_ms, answer=Answered(name="r1", **fields)))


def test_a_request_goes_out_once_and_its_answer_leads_on_cti_i12() -> None:
    call = asking()
    (made,) = of_type(call.asked, fx.MakeRequest)
    assert (made.request.url, made.key) == ("https://crm.example.cn/order", f"{call.call.id}-r1")
    assert awaited_request(call.call) == "r1"
    asked = answer(call, ok=True, status=200, variables={"state": "sent"})
    asked += call.step_done() if of_type(asked, fx.StopPlaying) else []
    assert call.call.run is not None
    assert call.call.run["variables"]["state"] == "sent"
    assert of_type(asked, fx.PlayPrompts)
    assert awaited_request(call.call) == ""


def test_a_lost_answer_takes_the_failure_exit() -> None:
    call = asking()
    answer(call, ok=False, reason=AnswerFailure.LOST)
    assert path(call)[0] == (3, "ask", "failure:lost")


@pytest.mark.parametrize("phase", ["queue", "over"])
def test_an_answer_that_comes_too_late_means_nothing(phase: str) -> None:
    call = Driven(FixedWorld())
    call.arrive()
    if phase == "over":
        call.hang_up()
    assert answer(call, ok=True) == []


# --- other flows -----------------------------------------------------------------------------------------------


def to_flow(code: str, flow_id: int) -> dict[str, Any]:
    """Return a node that goes on in another flow."""
    return {"type": "flow", "code": code, "name": code, "flow_id": flow_id}


def test_another_flow_and_back_again_stay_in_order_on_the_path_cti_i13() -> None:
    first = flow(menu(k1="other"), to_flow("other", 4))
    second = flow(menu(k1="back"), to_flow("back", 3))
    call = begun(first, second)
    key(call, "1")
    assert call.call.flow_id == 4
    key(call, "1")
    key(call, "1")
    assert path(call) == [
        (3, "menu", "key:1"),
        (3, "other", "flow"),
        (4, "menu", "key:1"),
        (4, "back", "flow"),
        (3, "menu", "key:1"),
        (3, "other", "flow"),
        (4, "menu", ""),
    ]
    assert call.call.flow_changes == 3


def test_values_of_the_same_name_are_carried_over_and_names_go_on_counting() -> None:
    assign = {
        "type": "assign",
        "code": "set",
        "name": "Set",
        "assignments": [{"name": "number", "value": "42"}, {"name": "own", "value": "x"}],
        "next": "other",
    }
    call = begun(
        flow(menu(k1="set"), assign, to_flow("other", 4), variables=("number", "own")),
        flow(menu(k1="bye"), variables=("number",)),
    )
    before = call.call.run
    key(call, "1")
    after = call.call.run
    assert before is not None
    assert after is not None
    assert after["variables"]["number"] == "42"
    assert "own" not in after["variables"]
    assert after["variables"]["caller_number"] == "+8613800138000"
    assert after.get("timers", 0) >= before.get("timers", 0)


def test_flows_that_name_each_other_end_with_an_apology() -> None:
    call = begun(flow(to_flow("on", 4), entry="on"), flow(to_flow("on", 3), entry="on"))
    assert call.call.flow_changes == MAX_FLOW_CHANGES + 1
    assert (call.call.phase, call.call.ended_detail) == (Phase.LEAVING, "too-many-flows")
    assert of_type(call.asked, fx.PlaySystem)[0].name == "system-busy"
    assert len(call.call.path) == MAX_FLOW_CHANGES + 1


def test_a_flow_that_is_gone_is_no_dead_end() -> None:
    call = begun(flow(to_flow("on", 99), entry="on"))
    assert of_type(call.asked, fx.PlaySystem)[0].name == "unavailable"
    assert call.call.ended_detail == "flow-missing"


def test_all_flows_of_a_call_together_enter_no_more_nodes_than_one_may() -> None:
    word = {"type": "playback", "code": "word", "name": "Word", "prompts": TEXT, "next": "word"}
    call = begun(flow(menu(k1="other"), to_flow("other", 4)), flow(word, entry="word"))
    key(call, "1")
    for _ in range(300):
        if call.call.phase is not Phase.FLOW or call.call.step is None:
            break
        call.step_done()
    assert len(call.call.path) == 200
    assert of_type(call.asked, fx.HangupCustomer)


# --- notes -----------------------------------------------------------------------------------------------------


def test_who_does_not_consent_is_not_recorded_cti_i13() -> None:
    consent = {
        "type": "consent",
        "code": "may",
        "name": "May we",
        "yes_key": "1",
        "no_key": "2",
        "yes": "sales",
        "no": "sales",
    }
    sales = {"type": "transfer", "code": "sales", "name": "Sales", "to": "queue", "target_id": 7}
    for digit, recorded in (("1", True), ("2", False)):
        call = begun(flow(consent, sales, entry="may"))
        key(call, digit)
        assert [(n.kind, n.value, n.node, n.flow_id) for n in call.call.notes] == [
            (NoteKind.CONSENT, "yes" if recorded else "no", "may", 3)
        ]
        call.match()
        call.answer()
        asked = call.bridged()
        assert bool(of_type(asked, fx.StartRecording)) is recorded
        talking = next(event for event in of_type(asked, fx.Publish) if event.type == "call.talking")
        assert talking.data["recording"] is recorded


def test_a_wish_to_be_called_back_is_noted_with_its_queue() -> None:
    node = {"type": "callback", "code": "back", "name": "Back", "queue_id": 7}
    call = begun(flow(node, entry="back"))
    key(call, "1")
    (note,) = call.call.notes
    assert (note.kind, note.value, note.queue_id) == (NoteKind.CALLBACK, "+8613800138000", 7)


def test_who_asks_twice_for_the_same_call_back_is_called_once() -> None:
    again = {"type": "callback", "code": "again", "name": "Again", "queue_id": 7}
    other = {**again, "code": "other", "queue_id": 8, "next": ""}
    first = {**again, "code": "back", "next": "again"}
    call = begun(flow(first, {**again, "next": "other"}, other, entry="back"))
    key(call, "1")
    for _ in range(2):
        heard(call, fx.PlayPrompts)
        key(call, "1")
    assert [(note.node, note.queue_id) for note in call.call.notes] == [("back", 7), ("other", 8)]


# --- after a talk ----------------------------------------------------------------------------------------------

SURVEY = {"type": "survey", "code": "score", "name": "Score", "prompts": TEXT, "keys": ["1", "5"]}


def in_talk(**transfer: str) -> Driven:
    """Return a call that talks, and whose flow asks for a score afterwards."""
    sales = {
        "type": "transfer",
        "code": "sales",
        "name": "Sales",
        "to": "queue",
        "target_id": 7,
        "after_talk": "score",
        **transfer,
    }
    call = begun(flow(sales, SURVEY, entry="sales"))
    call.match()
    call.later(2_000).answer()
    call.bridged()
    return call


def parked(call: Driven) -> list[fx.Effect]:
    """The customer's leg left the bridge."""
    return call.give(inputs.Parked(at_ms=call.now_ms))


def test_keys_pressed_in_a_transfer_that_fails_are_for_what_follows_as_in_a_trial() -> None:
    sales = {
        "type": "transfer",
        "code": "sales",
        "name": "Sales",
        "to": "queue",
        "target_id": 7,
        "failure": "menu",
    }
    call = begun(flow(sales, menu(k1="bye"), entry="sales"))
    call.give(inputs.KeyPressed(at_ms=call.now_ms, digit="1"))
    call.later(60_000).timer("queue")
    assert path(call) == [(3, "sales", "failure:timeout"), (3, "menu", "key:1"), (3, "bye", "hangup")]


def test_keys_pressed_before_a_talk_are_no_answer_to_what_is_asked_after_it() -> None:
    sales = {
        "type": "transfer", "code": "sales", "name": "Sales", "to": "queue", "target_id": 7, "after_talk": "on",
    }  # fmt: skip
    on = {"type": "flow", "code": "on", "name": "On", "flow_id": 4}
    call = begun(flow(sales, on, entry="sales"), flow(SURVEY, entry="score"))
    call.give(inputs.KeyPressed(at_ms=call.now_ms, digit="1"))
    call.match()
    call.later(2_000).answer()
    call.bridged()
    call.agent_gone("NORMAL_CLEARING")
    parked(call)
    assert call.call.notes == []
    assert path(call)[-1] == (4, "score", "")


@pytest.mark.parametrize("order", ["hang-up told first", "park told first"])
def test_the_agent_hangs_up_and_the_caller_is_asked_cti_i13(order: str) -> None:
    call = in_talk()
    call.later(30_000)
    if order == "hang-up told first":
        freed = call.agent_gone("NORMAL_CLEARING")
        assert call.call.phase is Phase.TALKING
        asked = parked(call)
    else:
        assert not of_type(parked(call), fx.Bridge)
        freed = asked = call.agent_gone("NORMAL_CLEARING")
    assert of_type(freed, fx.AgentFreed)
    assert not of_type(call.asked, fx.HangupCustomer)
    assert of_type(asked, fx.PlayPrompts)
    assert (call.call.phase, call.call.agent_leg) == (Phase.FLOW, "")
    key(call, "5")
    (note,) = call.call.notes
    assert (note.kind, note.value, note.agent_id, note.queue_id) == (NoteKind.SURVEY, "5", 42, 7)
    assert of_type(heard(call, fx.HangupCustomer), fx.HangupCustomer)
    call.hang_up()
    assert call.call.ended_in is EndedIn.FLOW
    assert call.call.talk_ended_ms - call.call.talk_started_ms == 30_000
    assert path(call) == [(3, "sales", "after-talk"), (3, "score", "hangup")]


def test_the_desk_ends_only_the_agents_leg_when_the_caller_is_asked_something() -> None:
    call = in_talk()
    hangup = inputs.HangupAsked(at_ms=call.now_ms, by=42, leg_id=LEG_ID)
    assert call.give(hangup) == [fx.KillLeg(leg_id=LEG_ID, cause="NORMAL_CLEARING")]


def test_a_lost_browser_is_no_end_of_the_talk() -> None:
    call = in_talk()
    call.give(inputs.AgentLost(at_ms=call.now_ms, leg_id=LEG_ID))
    call.agent_gone("DESTINATION_OUT_OF_ORDER")
    asked = parked(call)
    assert call.call.phase is Phase.WAITING
    assert of_type(asked, fx.PlayMusic)


def test_an_agent_who_hangs_up_while_holding_leaves_the_caller_to_the_flow() -> None:
    call = in_talk()
    call.give(inputs.HoldAsked(at_ms=call.now_ms, hold=True))
    parked(call)
    asked = call.agent_gone("NORMAL_CLEARING")
    assert asked.index(fx.StopPlaying()) < asked.index(of_type(asked, fx.PlayPrompts)[0])
    assert call.call.phase is Phase.FLOW


def test_a_park_that_is_never_told_is_not_waited_for() -> None:
    call = in_talk()
    call.agent_gone("NORMAL_CLEARING")
    asked = call.later(3_000).timer("leaving")
    assert of_type(asked, fx.PlayPrompts)


def test_legs_apart_though_the_agent_lives_are_connected_again() -> None:
    call = in_talk()
    parked(call)
    assert call.later(1_000).timer("apart") == [fx.Bridge(leg_id=LEG_ID)]


def test_a_customer_who_hangs_up_first_is_asked_nothing() -> None:
    call = in_talk()
    call.hang_up()
    assert call.call.ended_in is EndedIn.AGENT
    assert not call.call.notes


def test_without_anything_to_ask_the_end_is_as_before() -> None:
    call = in_talk(after_talk="")
    call.agent_gone("NORMAL_CLEARING")
    assert call.call.phase is Phase.LEAVING


def test_a_company_that_stops_lets_nobody_be_asked() -> None:
    call = in_talk()
    call.give(inputs.EndAsked(at_ms=call.now_ms))
    call.agent_gone("MANAGER_REQUEST")
    assert of_type(parked(call), fx.PlaySystem)[0].name == "unavailable"


def test_who_talked_is_known_to_the_flow_afterwards() -> None:
    call = in_talk()
    call.agent_gone("NORMAL_CLEARING")
    parked(call)
    assert call.call.run is not None
    values = call.call.run["variables"]
    assert (values["last_agent"], values["date"], values["time"]) == ("8001", "2023-11-15", "06:13")
    assert values["caller_region"]


@pytest.mark.parametrize("others", [NoteKind.SURVEY, NoteKind.CALLBACK])
def test_a_no_to_being_recorded_outlives_any_number_of_notes_cti_i13(others: NoteKind) -> None:
    call = Call(id="c", notes=[note(NoteKind.CONSENT, "yes"), note(NoteKind.CONSENT, "no")])
    for score in range(2 * in_flow.MAX_NOTES):
        in_flow._note(call, messages.Note(kind=others, value=str(score), node="n"), 1)
    assert call.refuses_recording
    assert len(call.notes) == in_flow.MAX_NOTES
    assert call.notes[-1].value == str(2 * in_flow.MAX_NOTES - 1)


def test_a_wish_to_be_called_back_is_not_lost_to_scores_cti_i13() -> None:
    call = Call(id="c")
    in_flow._note(call, messages.Note(kind=NoteKind.CALLBACK, value="+8613800138000", node="n"), 1)
    for _ in range(2 * in_flow.MAX_NOTES):
        in_flow._note(call, messages.Note(kind=NoteKind.SURVEY, value="5", node="n"), 1)
    assert [each.value for each in call.notes if each.kind is NoteKind.CALLBACK] == ["+8613800138000"]


def note(kind: NoteKind, value: str) -> KeyedNote:
    """Return a note of a call."""
    return KeyedNote(kind=kind, value=value, at_ms=1, flow_id=1, node="n")


def test_a_value_that_names_no_extension_and_no_queue_leads_to_the_failure_exit() -> None:
    by_value = {
        "type": "transfer", "code": "to", "name": "To", "to": "variable", "variable": "who", "failure": "bye",
    }  # fmt: skip
    told = {
        "type": "assign",
        "code": "set",
        "name": "Set",
        "assignments": [{"name": "who", "value": "13811110001"}],
    }
    call = begun(flow({**told, "next": "to"}, by_value, entry="set", variables=("who",)))
    assert call.call.run["variables"]["who"] == "13811110001"
    assert path(call)[:2] == [(3, "set", "next"), (3, "to", "failure:not_found")]
