"""The node that has a short message sent (CTI-I13)."""

from __future__ import annotations

import pytest

from core.sms import MAX_CHARACTERS, MAX_PER_CALL
from ivr import checks
from ivr.messages import Answered, AnswerFailure, NoteKind, SendSms
from ivr.model import Flow, FlowVariable
from ivr.nodes.hangup import HangupNode
from ivr.nodes.sms import Recipient, SmsNode
from ivr.problems import Severity
from ivr.trial import Do, TrialEvent
from tests.unit.ivr.caller import Caller, Status
from tests.unit.ivr.flows import BYE, HELLO, LATE
from tests.unit.ivr.test_trial import lines, play

MOBILE = "+8613800138000"


def flow(**fields: object) -> Flow:
    """A message, then a word, then a goodbye; failures lead to another goodbye."""
    values = {
        "code": "sms",
        "name": "SMS",
        "text": "Order {order}",
        "next": "bye",
        "failure": "bad",
        **fields,
    }
    return Flow(
        name="f",
        entry="sms",
        variables=[FlowVariable(name="order", initial="A-1"), FlowVariable(name="typed")],
        nodes=[
            SmsNode(**values),  # type: ignore[arg-type]
            HangupNode(code="bye", name="Bye", prompts=BYE),
            HangupNode(code="bad", name="Bad", prompts=LATE),
        ],
    )


def asked(caller: Caller) -> SendSms:
    (command,) = [each for each in caller.commands if isinstance(each, SendSms)]
    return command


def path(caller: Caller) -> list[tuple[str, str]]:
    return [(step.node, step.exit) for step in caller.run.path]


def test_a_message_is_asked_for_and_said_once_it_is_kept() -> None:
    caller = Caller(flow(prompts=HELLO), caller_number=MOBILE).enter()
    assert asked(caller) == SendSms(name="m1", number=MOBILE, text="Order A-1", node="sms")
    assert caller.heard == []
    caller.answer()
    assert [(note.kind, note.value, note.node) for note in caller.notes] == [(NoteKind.SMS, MOBILE, "sms")]
    assert caller.heard == ["hello"]
    caller.listen()
    assert path(caller) == [("sms", "next"), ("bye", "")]


def test_nothing_is_said_where_nothing_is_to_be_said() -> None:
    caller = Caller(flow(), caller_number=MOBILE).enter()
    caller.answer()
    assert path(caller) == [("sms", "next"), ("bye", "")]


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("anonymous", "invalid-number"),
        ("", "invalid-number"),
        ("+861065550000", "not-a-mobile"),
        ("10086", "not-a-mobile"),
        ("+16502530000", "foreign-number"),
    ],
)
def test_who_gets_no_message_takes_the_failure_exit(number: str, why: str) -> None:
    caller = Caller(flow(), caller_number=number).enter()
    assert not any(isinstance(each, SendSms) for each in caller.commands)
    assert path(caller)[0] == ("sms", f"failure:{why}")
    assert caller.notes == []


def test_without_a_failure_node_the_fallback_takes_the_caller() -> None:
    caller = Caller(flow(failure=""), caller_number="10086").enter()
    assert path(caller)[0] == ("sms", "failed:not-a-mobile")
    assert caller.run.status is Status.LEAVING


def test_a_typed_number_gets_it() -> None:
    typed = flow(to=Recipient.VARIABLE, variable="typed")
    caller = Caller(typed, caller_number="anonymous", typed="13912345678").enter()
    assert asked(caller).number == "+8613912345678"
    assert (
        Caller(typed, caller_number=MOBILE, typed="1391234").enter().run.path[0].exit
        == "failure:invalid-number"
    )


def test_what_a_caller_typed_stays_text() -> None:
    caller = Caller(flow(), caller_number=MOBILE, order="{caller_number}\x00\r\n<b>").enter()
    assert asked(caller).text == "Order {caller_number}\n<b>"


def test_an_empty_or_too_long_text_is_not_sent() -> None:
    assert (
        Caller(flow(text="{order}"), caller_number=MOBILE, order=" ").enter().run.path[0].exit
        == "failure:no-text"
    )
    long = flow(text="x" * (MAX_CHARACTERS - 2) + "{order}")
    assert Caller(long, caller_number=MOBILE).enter().run.path[0].exit == "failure:text-too-long"
    assert len(asked(Caller(long, caller_number=MOBILE, order="12").enter()).text) == MAX_CHARACTERS


@pytest.mark.parametrize("reason", [AnswerFailure.NOT_LEFT, AnswerFailure.LOST])
def test_a_message_that_is_not_kept_takes_the_failure_exit(reason: AnswerFailure) -> None:
    caller = Caller(flow(prompts=HELLO), caller_number=MOBILE).enter()
    caller.answer(ok=False, reason=reason)
    assert path(caller)[0] == ("sms", f"failure:{reason.value}")
    assert caller.notes == []


def test_an_answer_that_never_comes_is_given_up() -> None:
    caller = Caller(flow(), caller_number=MOBILE).enter()
    caller.lose()
    assert path(caller)[0] == ("sms", "failure:lost")
    caller.feed(Answered(name="m1", ok=True))
    assert caller.notes == [], "an answer that comes late means nothing"


def test_keys_meanwhile_wait_for_what_follows() -> None:
    caller = Caller(flow(prompts=HELLO), caller_number=MOBILE).enter()
    caller.press("12")
    caller.answer()
    caller.press("3")
    assert caller.heard == ["hello"]
    assert caller.run.keys == "123"


def test_a_call_causes_so_many_messages_and_no_more() -> None:
    nodes = [
        SmsNode(code=f"s{index}", name="SMS", text="x", next=f"s{index + 1}", failure="bad")
        for index in range(MAX_PER_CALL + 1)
    ]
    bad = HangupNode(code="bad", name="Bad", prompts=LATE)
    end = HangupNode(code=f"s{MAX_PER_CALL + 1}", name="Bye", prompts=BYE)
    caller = Caller(Flow(name="f", entry="s0", nodes=[*nodes, bad, end]), caller_number=MOBILE).enter()
    for number in range(1, MAX_PER_CALL + 1):
        assert asked(caller).name == f"m{number}"
        caller.answer()
    assert path(caller)[-2:] == [(f"s{MAX_PER_CALL}", "failure:too-many"), ("bad", "")]
    assert len(caller.notes) == MAX_PER_CALL


def test_trying_it_shows_the_message_cti_i15() -> None:
    tried = play(flow(prompts=HELLO), TrialEvent(do=Do.PLAYED), caller=MOBILE)
    assert ("sms", "sms", "SMS to 13800138000 (1 part):\nOrder A-1") in lines(tried)
    assert ("says", "sms", "hello") in lines(tried)
    assert [(step.node, step.exit) for step in tried.path] == [("sms", "next"), ("bye", "")]
    refused = play(flow(), caller="+861065550000")
    assert ("goes", "bad", "failed: no mobile number → Hang up") in lines(refused)


def problems(**fields: object) -> set[tuple[str, str, Severity]]:
    return {
        (each.id, each.field, each.severity) for each in checks.check(flow(**fields)) if each.node == "sms"
    }


def test_its_own_checks() -> None:
    assert problems() == set()
    assert problems(text=" ") == {("no-text", "text", Severity.ERROR)}
    assert problems(text="{gone}") == {("unknown-variable", "text", Severity.ERROR)}
    assert problems(text="您" * 71) == {("several-parts", "text", Severity.WARNING)}
    assert problems(text="您" * 500 + "{order}") == {("several-parts", "text", Severity.WARNING)}
    assert problems(text="您" * 501) == {("too-long", "text", Severity.ERROR)}
    assert problems(text="您" * 5000) == {("too-long", "text", Severity.ERROR)}
    assert problems(to=Recipient.VARIABLE) == {("no-variable", "variable", Severity.ERROR)}


def test_a_circle_of_messages_is_found() -> None:
    assert ("spinning", "failure", Severity.ERROR) in problems(failure="sms")
    assert ("spinning", "next", Severity.ERROR) in problems(next="sms", prompts=HELLO)
