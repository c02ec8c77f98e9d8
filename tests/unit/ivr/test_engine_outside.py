"""What the engine waits for outside a flow: recordings, requests, talks, other flows (CTI-I10, I12, I13)."""

from __future__ import annotations

import h11
import msgspec
import pytest

from ivr import engine
from ivr.messages import (
    Answered,
    AnswerFailure,
    CancelTimer,
    Enter,
    EnterFlow,
    FailureReason,
    Hangup,
    HungUp,
    Key,
    Method,
    Note,
    NoteKind,
    Play,
    Played,
    Record,
    Request,
    StartTimer,
    StopPlaying,
    TalkEnded,
    TargetKind,
    Transfer,
    TransferTarget,
)
from ivr.model import Flow, FlowVariable, Node, SoundPrompt
from ivr.nodes.assign import Assign, Assignment
from ivr.nodes.hangup import HangupNode
from ivr.nodes.http_request import BodyKind, HttpRequest, Pair, ResponseField
from ivr.nodes.other_flow import OtherFlow
from ivr.nodes.survey import Survey
from ivr.nodes.transfer import TransferNode
from ivr.nodes.voicemail import SHORTEST_MS, Voicemail
from ivr.places import MAX_FILLED
from tests.unit.ivr.caller import Caller
from tests.unit.ivr.flows import BYE, CHOOSE, HELLO, LATE, WRONG

V = [FlowVariable(name="v", initial="1"), FlowVariable(name="w")]
END = HangupNode(code="end", name="end")
OOPS = HangupNode(code="oops", name="oops", prompts=WRONG)


def call(*nodes: Node, **variables: str) -> Caller:
    flow = Flow(name="f", entry=nodes[0].code, nodes=[*nodes, END, OOPS], variables=V)
    return Caller(flow, **variables)


def sound(name: str) -> list[SoundPrompt]:
    return [SoundPrompt(name=name)]


# Voicemail (CTI-I10)


def test_a_message_is_recorded_after_a_beep() -> None:
    caller = call(Voicemail(code="mail", prompts=HELLO, max_s=60, silence_s=4))
    assert caller.feed(Enter()) == [Play(prompts=HELLO)]
    assert caller.feed(Played()) == [Play(prompts=sound("beep"))]
    assert caller.feed(Played()) == [
        Record(max_s=60, silence_s=4),
        StartTimer(name="t1", ms=60_000 + engine.RECORD_GRACE_MS),
    ]
    assert caller.feed(Played()) == [CancelTimer(name="t1"), Play(prompts=sound("voicemail-thanks"))]
    assert caller.feed(Played()) == [Hangup()]
    assert caller.path == [("mail", "", "hangup")]


def test_a_greeting_that_cannot_be_played_still_beeps_and_records() -> None:
    caller = call(Voicemail(code="mail", prompts=HELLO)).enter().listen(ok=False)
    assert caller.commands == [Play(prompts=sound("beep"))]
    assert caller.listen(ok=False).run.recording
    assert call(Voicemail(code="mail")).enter().heard == ["<voicemail-greeting>"]


def test_hash_ends_a_message_and_keys_before_the_beep_do_not() -> None:
    caller = call(Voicemail(code="mail", prompts=HELLO)).enter().press("#1").listen().listen()
    assert caller.run.recording
    caller.press("5#")
    assert caller.commands == [], "nobody ends a message before they could speak"
    caller.rest(SHORTEST_MS)
    assert caller.feed(Key("#")) == [
        StopPlaying(),
        CancelTimer(name="t1"),
        StartTimer(name="t2", ms=engine.RECORD_GRACE_MS),
    ]
    assert caller.listen().commands == [CancelTimer(name="t2"), Play(prompts=sound("voicemail-thanks"))]
    assert caller.path[0] == ("mail", "#15##", "")
    assert caller.listen().over


def test_a_hang_up_in_a_message_leaves_nothing_running() -> None:
    caller = call(Voicemail(code="mail")).enter().listen().listen()
    assert caller.feed(HungUp()) == [CancelTimer(name="t1")]
    assert caller.path == [("mail", "", "caller-hung-up")]


def test_a_recording_whose_end_is_lost_is_stopped_and_then_given_up() -> None:
    caller = call(Voicemail(code="mail")).enter().listen().listen().lose()
    assert caller.commands == [StopPlaying(), StartTimer(name="t2", ms=engine.RECORD_GRACE_MS)]
    assert caller.lose().commands == [Play(prompts=sound("voicemail-thanks"))]
    assert caller.listen().over


def test_a_recording_that_could_not_begin_takes_the_fallback() -> None:
    flow = Flow(entry="mail", fallback="oops", nodes=[Voicemail(code="mail"), OOPS])
    caller = Caller(flow).enter().listen().listen().listen(ok=False)
    assert caller.heard[-1] == "wrong"
    assert caller.path[0][2] == "failed:not-recorded"


# HTTP request (CTI-I12)

ASK = HttpRequest(
    code="ask",
    url="https://crm.example/{caller_number}?v={v}",
    headers=[Pair(name="X-Key", value="k {v}")],
    fields=[ResponseField(variable="v", path="data.name")],
    next="say",
    failure="oops",
)
SAY = Assign(code="say", assignments=[Assignment(name="w", value="<{v}>")], next="end")


def test_a_request_goes_out_with_its_places_filled() -> None:
    caller = call(ASK, SAY, caller_number="+86138 &/")
    assert caller.feed(Enter()) == [
        Request(
            name="r1",
            method=Method.GET,
            url="https://crm.example/%2B86138%20%26%2F?v=1",
            headers={"X-Key": "k 1"},
            timeout_s=5,
            fields={"v": "data.name"},
        ),
        StartTimer(name="t1", ms=5000 + engine.REQUEST_GRACE_MS),
        StartTimer(name="t2", ms=1000),
    ]
    caller.answer(v="Li", w="not asked for", caller_number="neither")
    assert caller.run.variables == {"v": "Li", "w": "<Li>", "caller_number": "+86138 &/"}
    assert caller.path[:2] == [("ask", "", "next"), ("say", "", "next")]
    assert caller.over


def test_what_a_caller_typed_forges_no_header() -> None:
    nasty = "a\r\nX-Evil: 1\x00汉"
    headers = [Pair(name="X-V", value="{v}"), Pair(name="Host", value="evil"), Pair(name="A\r\nB", value="")]
    node = HttpRequest(
        code="ask",
        method=Method.POST,
        url="http://x.example/",
        headers=headers,
        body_kind=BodyKind.JSON,
        body=[Pair(name="q", value='{v}"')],
        next="end",
    )
    request = Caller(Flow(entry="ask", nodes=[node], variables=V), v=nasty).enter().request
    assert request.headers == {"X-V": "a%0D%0AX-Evil: 1%00%E6%B1%89"}
    assert request.body == '{"q":"a\\r\\nX-Evil: 1\\u0000汉\\""}'
    assert request.content_type == "application/json"


def test_a_header_has_no_spaces_around_it_and_an_empty_one_is_left_out() -> None:
    given = {"Authorization": "Bearer {gone}", "X-A": " {v} b ", "X-B": "{gone}", "X-C": "  ", "X-D": "\t{v}"}
    headers = [Pair(name=name, value=value) for name, value in given.items()]
    headers += [Pair(name="User-Agent", value="x"), Pair(name="Accept-Encoding", value="br")]
    node = HttpRequest(code="ask", url="http://x.example/", headers=headers, next="end")
    request = Caller(Flow(entry="ask", nodes=[node], variables=V), v=" 1 ").enter().request
    assert request.headers == {"Authorization": "Bearer", "X-A": "1  b", "X-D": "%09 1"}
    for name, value in request.headers.items():
        h11.Request(method="GET", target="/", headers=[("Host", "x.example"), (name, value)])


def test_a_requests_values_have_a_size_together() -> None:
    pairs = [Pair(name=f"n{number}", value="{v}" * 600) for number in range(30)]
    node = HttpRequest(
        code="ask", method=Method.POST, url="http://x.example/?q=" + "{v}" * 600, headers=pairs,
        body_kind=BodyKind.JSON, body=pairs, next="end",
    )  # fmt: skip
    request = Caller(Flow(entry="ask", nodes=[node], variables=V), v="x" * 200).enter().request
    assert len(request.url) == MAX_FILLED
    assert sum(len(value) for value in request.headers.values()) == MAX_FILLED
    assert sum(len(value) for value in msgspec.json.decode(request.body).values()) == MAX_FILLED


def test_a_form_is_encoded() -> None:
    node = HttpRequest(
        code="ask", method=Method.POST, url="http://x.example/", body_kind=BodyKind.FORM,
        body=[Pair(name="a b", value="{v}&c=2")], next="end",
    )  # fmt: skip
    request = Caller(Flow(entry="ask", nodes=[node], variables=V), v="汉=").enter().request
    assert (request.body, request.content_type) == (
        "a+b=%E6%B1%89%3D%26c%3D2",
        "application/x-www-form-urlencoded",
    )


@pytest.mark.parametrize("reason", [reason for reason in AnswerFailure if reason])
def test_each_failure_is_told_apart(reason: AnswerFailure) -> None:
    caller = call(ASK, SAY).enter().answer(ok=False, reason=reason)
    assert caller.path[0] == ("ask", "", f"failure:{reason}")
    assert caller.heard == ["wrong"]


def test_a_lost_answer_counts_as_a_failure() -> None:
    caller = call(ASK, SAY).enter().lose()
    assert caller.path[0] == ("ask", "", "failure:lost")
    assert caller.feed(Answered(name="r1", ok=True)) == []


def test_an_answer_to_another_request_is_ignored() -> None:
    caller = call(ASK, SAY).enter()
    assert caller.feed(Answered(name="r2", ok=True)) == []
    assert caller.feed(Answered(name="", ok=True)) == []
    assert caller.run.request == "r1"


def test_a_slow_answer_is_bridged_and_keys_wait_for_the_nodes_after() -> None:
    caller = call(ASK, SAY).enter().press("7").wait()
    assert caller.heard == ["<one-moment>"]
    assert caller.listen().timer_ms == 4000
    caller.wait()
    assert caller.heard == ["<one-moment>"] * 2
    caller.answer(v="x")
    assert caller.commands[-1] == StopPlaying()
    caller.listen()
    assert caller.over
    assert caller.run.keys == "7"


def test_a_companys_own_background_plays_at_once_and_again() -> None:
    node = HttpRequest(code="ask", url="http://x.example/", background=CHOOSE, next="end")
    caller = call(node).enter()
    assert caller.commands[-1] == Play(prompts=CHOOSE)
    caller.listen().wait()
    assert caller.heard == ["choose", "choose"]


def test_a_prompt_that_is_lost_while_an_answer_decides_waits_for_its_end() -> None:
    caller = call(
        HttpRequest(code="ask", url="http://x.example/", background=CHOOSE, next="end", failure="oops")
    )
    caller.enter().answer()
    assert caller.run.status is engine.Status.STOPPING
    assert caller.timers == set()
    assert caller.listen().over


# After a talk (CTI-I13)


def test_after_a_talk_the_caller_is_asked() -> None:
    transfer = TransferNode(code="t", target_id=7, after_talk="survey", failure="oops")
    caller = call(transfer, Survey(code="survey", prompts=HELLO, variable="v", thanks=LATE))
    target = TransferTarget(kind=TargetKind.QUEUE, id=7)
    assert caller.feed(Enter()) == [Transfer(target=target, failure="oops", after_talk="survey")]
    assert caller.talk().commands == [Play(prompts=HELLO, interruptible=True)]
    assert caller.press("5").listen().heard[-1] == "late"
    assert caller.notes == [Note(kind=NoteKind.SURVEY, value="5", node="survey")]
    assert caller.run.variables["v"] == "5"
    assert caller.listen().commands == [Hangup()]
    assert caller.path == [("t", "", "after-talk"), ("survey", "5", "hangup")]


def test_keys_of_a_talk_are_no_scores() -> None:
    transfer = TransferNode(code="t", target_id=7, after_talk="survey")
    caller = call(transfer, Survey(code="survey")).enter().press("3").talk()
    assert (caller.notes, caller.heard) == ([], ["<survey-ask>"])


def test_a_talk_that_ended_without_a_way_on_ends_the_call() -> None:
    assert call(TransferNode(code="t", target_id=7)).enter().talk().commands == [Hangup()]


def test_a_talk_ends_only_where_one_was() -> None:
    caller = call(Survey(code="survey")).enter()
    assert caller.feed(TalkEnded()) == []
    caller = call(TransferNode(code="t", target_id=7, after_talk="end", failure="oops")).enter()
    caller.fail(FailureReason.BUSY)
    assert caller.feed(TalkEnded()) == []


# Another flow (CTI-I13)


def test_another_flow_takes_the_call() -> None:
    caller = call(OtherFlow(code="go", flow_id=9))
    assert caller.feed(Enter()) == [EnterFlow(flow_id=9)]
    assert caller.over
    assert caller.path == [("go", "", "flow")]
    assert call(OtherFlow(code="go")).enter().path == [("go", "", "failed:no-flow")]


def test_values_of_the_flow_before_are_carried_over_by_name() -> None:
    flow = Flow(entry="end", nodes=[END], variables=V)
    run = engine.start(flow, language="zh", variables={"v": "9", "other": "x", "call_id": "c"}, now_ms=0)
    assert run.variables == {"v": "9", "w": "", "call_id": "c"}


# Bounds


def test_values_are_bounded() -> None:
    variables = [FlowVariable(name=f"v{i}") for i in range(100)]
    assignments = [Assignment(name=f"v{i}", value="汉" * 5000) for i in range(50)]
    flow = Flow(
        entry="a", nodes=[Assign(code="a", assignments=assignments, next="end"), END], variables=variables
    )
    caller = Caller(flow, call_id="c" * 500, v0="\ud800").enter()
    assert len(caller.run.variables["call_id"]) == 200
    assert len(caller.run.variables["v1"]) == 200
    own = sum(len(value) for name, value in caller.run.variables.items() if name != "call_id")
    assert own == engine.MAX_VALUES


def test_a_node_that_wants_nothing_is_left_through_the_fallback() -> None:
    """A node whose state says that it is done, as only a broken program leaves it."""
    flow = Flow(entry="s", fallback="oops", nodes=[Survey(code="s"), OOPS])
    caller = Caller(flow).enter()
    run = msgspec.structs.replace(caller.run, playing=True, state={"phase": "listening"})
    run, commands = engine.advance(flow, run, Played(), 0)
    assert commands == [Play(prompts=WRONG)]
    assert run.path[0].exit == "failed:stuck"


def test_goodbye_is_said_where_there_is_one() -> None:
    caller = call(HangupNode(code="bye", prompts=BYE)).enter()
    assert caller.listen().commands == [Hangup()]
