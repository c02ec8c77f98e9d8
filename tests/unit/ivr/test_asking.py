"""Nodes that ask: digits, survey, consent, callback (CTI-I11, I13)."""

from __future__ import annotations

import pytest

from ivr.messages import Hangup, Note, NoteKind, Play, StartTimer, StopPlaying
from ivr.model import Flow, FlowVariable, Node
from ivr.nodes.base import TypeAhead
from ivr.nodes.callback import Callback
from ivr.nodes.collect import Collect
from ivr.nodes.consent import Consent
from ivr.nodes.digits import TAIL_MS
from ivr.nodes.hangup import HangupNode
from ivr.nodes.playback import Playback
from ivr.nodes.survey import Survey
from ivr.run import SPARE_MS
from tests.unit.ivr.caller import Caller
from tests.unit.ivr.flows import CHOOSE, HELLO, LATE, WRONG


def call(node: Node, **variables: str) -> Caller:
    nodes = [node, HangupNode(code="ok"), HangupNode(code="bad")]
    return Caller(Flow(entry=node.code, nodes=nodes, variables=[FlowVariable(name="v")]), **variables)


def collect(**fields: object) -> Caller:
    values: dict[str, object] = {
        "code": "c", "prompts": CHOOSE, "variable": "v", "minimum": 2, "maximum": 4, "next": "ok", "failure": "bad",
        "invalid_prompts": WRONG, "timeout_prompts": LATE, "first_timeout_s": 7, "digit_timeout_s": 3,
        **fields,
    }  # fmt: skip
    return call(Collect(**values))  # type: ignore[arg-type]


def test_digits_end_with_the_terminator() -> None:
    caller = collect().enter().listen()
    assert caller.timer_ms == 7000
    caller.press("12")
    assert caller.timer_ms == 3000
    caller.press("#")
    assert caller.run.variables["v"] == "12"
    assert caller.path[0] == ("c", "12#", "next")


def test_digits_end_with_the_last_of_them_or_a_pause() -> None:
    caller = collect().enter().listen().press("1234")
    assert (caller.run.variables["v"], caller.over) == ("1234", True)
    caller = collect().enter().listen().press("123").wait()
    assert (caller.run.variables["v"], caller.over) == ("123", True)


def test_the_first_key_stops_the_prompt_and_the_ones_while_it_stops_count() -> None:
    caller = collect().enter().press("1")
    assert caller.commands == [StopPlaying()]
    caller.press("2#").listen()
    assert caller.path[0] == ("c", "12#", "next")
    assert caller.heard == ["choose"]


def test_digits_typed_ahead_count() -> None:
    caller = collect().press("12#").enter()
    assert (caller.run.variables["v"], caller.heard) == ("12", [])
    caller = collect().press("1").enter()
    assert caller.commands == [StartTimer(name="t1", ms=3000)]
    assert caller.press("2#").over
    caller = collect(type_ahead=TypeAhead.FLUSH).press("12#").enter()
    assert caller.heard == ["choose"]


def test_the_terminator_right_after_a_full_entry_belongs_to_it() -> None:
    caller = collect().press("1234#9").enter()
    assert caller.path[0] == ("c", "1234#", "next")
    assert caller.run.keys == "9"
    assert collect(terminator="").press("1234#").enter().run.keys == "#"


def test_the_terminator_that_comes_after_the_last_digit_is_no_key_of_the_next_node() -> None:
    nodes = [
        Collect(code="a", variable="v", maximum=4, next="b", prompts=CHOOSE),
        Collect(code="b", variable="w", maximum=4, next="ok", prompts=CHOOSE, attempts=1),
        HangupNode(code="ok"),
    ]
    variables = [FlowVariable(name="v"), FlowVariable(name="w")]

    def second() -> Caller:
        return Caller(Flow(entry="a", nodes=nodes, variables=variables)).enter().listen().press("1234")

    caller = second().press("#")
    assert (caller.run.node, caller.run.keys, caller.run.spare) == ("b", "", "")
    caller.listen().press("56#")
    assert (caller.run.variables["v"], caller.run.variables["w"]) == ("1234", "56")
    other_key_first = second().listen().press("5").press("#")
    assert other_key_first.run.variables["w"] == "5"
    late = second().listen()
    late.now_ms += SPARE_MS
    assert late.press("#").path[1] == ("b", "#", "failed:invalid"), "by then it is an answer"


def test_a_refused_entry_of_full_length_has_its_terminator_too() -> None:
    caller = collect(pattern="9+", attempts=2).enter().listen().press("1234")
    assert caller.heard[-1] == "wrong"
    caller.press("#").listen().press("9999").listen()
    assert (caller.run.variables["v"], caller.run.spare) == ("9999", "#")


def test_too_few_digits_are_invalid_and_too_long_a_pause_is_a_time_out() -> None:
    caller = collect().enter().listen().press("1#")
    assert caller.heard[-1] == "wrong"
    caller.listen().listen().press("1").wait()
    assert caller.heard[-1] == "late"
    caller.listen().listen().wait()
    assert caller.path[0] == ("c", "1#1", "failure:timeout")


def test_a_new_entry_begins_while_being_corrected() -> None:
    caller = collect().enter().listen().press("1#").rest(TAIL_MS).press("34").listen().press("#")
    assert caller.run.variables["v"] == "34"
    assert caller.heard == ["choose", "wrong"]


def test_keys_that_follow_a_refused_entry_without_a_pause_do_not_cut_off_the_word_about_it() -> None:
    caller = collect(pattern="9+", attempts=2).enter().listen().press("12345678")
    assert (caller.heard, caller.run.playing, caller.run.keys) == (["choose", "wrong"], True, "")
    caller.rest(TAIL_MS).press("99").listen().press("99")
    assert caller.run.variables["v"] == "9999"


@pytest.mark.parametrize("burst", ["#" * 30, "*" * 30])
def test_a_burst_of_wrong_keys_is_one_mistake(burst: str) -> None:
    caller = collect(attempts=2).press(burst).enter()
    assert caller.heard == ["wrong"]
    assert caller.run.keys == ""
    assert caller.listen().heard == ["wrong", "choose"]


def test_star_and_hash_inside_an_entry() -> None:
    assert collect().press("1*2#").enter().heard == ["wrong"]
    assert collect(pattern="[0-9*]+").press("1*2#").enter().run.variables["v"] == "1*2"
    assert collect(terminator="*").press("12*").enter().run.variables["v"] == "12"
    assert collect(terminator="", pattern="[0-9#]+").press("1#23").enter().run.variables["v"] == "1#23"
    assert collect(terminator="*").press("1#2*").enter().heard == ["wrong"]


def test_a_pattern_judges_the_whole_entry() -> None:
    assert collect(pattern="1[0-9]+").press("123#").enter().over
    assert collect(pattern="1[0-9]+").press("0123").enter().heard == ["wrong"]
    assert collect(pattern="1").press("12#").enter().heard == ["wrong"]
    assert collect(pattern="(").press("12#").enter().heard == ["wrong"]


def test_the_platforms_own_words_where_there_are_none() -> None:
    caller = (
        collect(prompts=[], invalid_prompts=[], timeout_prompts=[])
        .enter()
        .listen()
        .press("1#")
        .listen()
        .listen()
    )
    caller.wait()
    assert caller.heard == ["<collect-ask>", "<collect-invalid>", "<collect-ask>", "<no-key>"]


def test_without_a_failure_node_the_flows_fallback_takes_over() -> None:
    node = Collect(code="c", variable="v", attempts=1, next="ok")
    flow = Flow(
        entry="c",
        fallback="f",
        nodes=[node, Playback(code="f", prompts=HELLO, next="ok"), HangupNode(code="ok")],
    )
    caller = Caller(flow).enter().listen().wait()
    assert caller.heard[-1] == "hello"
    assert caller.path[0][2] == "failed:timeout"


# Survey


def test_a_survey_that_is_not_answered_ends_without_a_note() -> None:
    caller = call(Survey(code="s", attempts=2)).enter().listen().press("9").listen().listen().wait()
    assert caller.notes == []
    assert caller.commands == [Hangup()]
    assert caller.heard == ["<survey-ask>", "<invalid-key>", "<survey-ask>"]


def test_a_score_is_noted_once_whatever_is_pressed_after_it() -> None:
    caller = call(Survey(code="s", next="ok")).enter().press("45").listen().press("1").listen()
    assert caller.notes == [Note(kind=NoteKind.SURVEY, value="4", node="s")]
    assert caller.path[0] == ("s", "4", "next")
    assert caller.run.keys == "51"


# Consent

CONSENT = Consent(code="c", yes="ok", no="bad")


@pytest.mark.parametrize(("key", "value", "target"), [("1", "yes", "ok"), ("2", "no", "bad")])
def test_consent(key: str, value: str, target: str) -> None:
    caller = call(CONSENT).enter().listen().press(key)
    assert caller.notes == [Note(kind=NoteKind.CONSENT, value=value, node="c")]
    assert caller.path == [("c", key, value), (target, "", "hangup")]


def test_silence_is_no_consent() -> None:
    caller = call(CONSENT).enter().listen().wait().listen().listen().wait()
    assert caller.notes == [Note(kind=NoteKind.CONSENT, value="no", node="c")]
    assert caller.path == [("c", "", "failure:timeout"), ("bad", "", "hangup")]
    caller = call(CONSENT).enter().listen(ok=False)
    assert caller.notes == [Note(kind=NoteKind.CONSENT, value="no", node="c")]


# Callback

CALLBACK = Callback(code="c", queue_id=7, prompts=CHOOSE, number_prompts=HELLO, thanks=LATE, failure="bad")
MOBILE = "+8613800138000"


def test_a_callback_on_the_callers_own_number() -> None:
    caller = call(CALLBACK, caller_number=MOBILE).enter().press("1").listen()
    assert caller.notes == [Note(kind=NoteKind.CALLBACK, value=MOBILE, node="c", queue_id=7)]
    assert caller.commands == [Play(prompts=LATE)]
    assert caller.press("1").listen().commands == [Hangup()]
    assert len(caller.notes) == 1


def test_a_callback_on_another_number() -> None:
    caller = call(CALLBACK, caller_number=MOBILE).enter().listen().press("2")
    assert caller.heard == ["choose", "hello"]
    caller.press("075512345678#").listen()
    assert [note.value for note in caller.notes] == ["+8675512345678"]
    assert caller.heard[-1] == "late"


def test_a_caller_who_knows_the_way_types_everything_ahead() -> None:
    caller = call(CALLBACK, caller_number=MOBILE).press("213912345678#").enter()
    assert [note.value for note in caller.notes] == ["+8613912345678"]
    assert caller.path[0][1] == "213912345678#"
    assert caller.heard == ["late"]


@pytest.mark.parametrize("withheld", ["", "anonymous", "10086"])
def test_a_caller_without_a_number_is_asked_for_one(withheld: str) -> None:
    caller = call(CALLBACK, caller_number=withheld).enter()
    assert caller.heard == ["hello"]
    caller.listen().press("13800138000").wait()
    assert [note.value for note in caller.notes] == [MOBILE]
    caller.press("9").listen()
    assert caller.over


@pytest.mark.parametrize("typed", ["10086#", "12345678901234#", "110#", "1*80013800#", "#"])
def test_what_is_no_number_to_call_back_is_refused(typed: str) -> None:
    caller = call(CALLBACK).enter().listen().press(typed)
    assert caller.heard == ["hello", "<collect-invalid>"]
    assert caller.notes == []


def test_a_callback_given_up_takes_the_failure_exit() -> None:
    caller = call(CALLBACK, caller_number=MOBILE).enter()
    for _ in range(2):
        caller.listen().wait().listen()
    caller.listen().wait()
    assert caller.path == [("c", "", "failure:timeout"), ("bad", "", "hangup")]
