"""What must be right before a flow is published (CTI-I14)."""

from __future__ import annotations

import json

import msgspec
import pytest

from ivr import checks, model
from ivr.demo_flow import demo_flow_document
from ivr.messages import Method
from ivr.model import (
    Flow,
    FlowVariable,
    Node,
    SystemVariable,
    SystemVariablePrompt,
    TextPrompt,
    VariablePrompt,
    VoicePrompt,
)
from ivr.nodes.assign import Assign, Assignment
from ivr.nodes.base import ReferenceKind
from ivr.nodes.branch import Branch, Case, Operator
from ivr.nodes.callback import Callback
from ivr.nodes.collect import Collect
from ivr.nodes.consent import Consent
from ivr.nodes.hangup import HangupNode
from ivr.nodes.http_request import BodyKind, HttpRequest, Pair, ResponseField
from ivr.nodes.menu import Menu
from ivr.nodes.other_flow import OtherFlow
from ivr.nodes.playback import Playback
from ivr.nodes.region_check import RegionCheck, RegionRule
from ivr.nodes.survey import Survey
from ivr.nodes.time_check import Days, TimeCheck, TimeRule
from ivr.nodes.transfer import TransferKind, TransferNode
from ivr.nodes.voicemail import Voicemail
from tests.unit.ivr.flows import CHOOSE, HELLO, shop

END = HangupNode(code="end", name="end")


def found(flow: Flow, **options: object) -> set[tuple[str, str, str]]:
    return {(problem.id, problem.node, problem.field) for problem in checks.check(flow, **options)}  # type: ignore[arg-type]


def flow_of(*nodes: Node, **fields: object) -> Flow:
    values: dict[str, object] = {"name": "flow", "entry": nodes[0].code, "nodes": list(nodes), **fields}
    return Flow(**values)  # type: ignore[arg-type]


def test_good_flows_pass() -> None:
    assert checks.check(shop()) == []
    demo = model.decode(json.dumps(demo_flow_document(1, 2)))
    assert checks.check(demo) == []


def test_an_empty_draft_lacks_name_and_entry() -> None:
    assert found(Flow()) == {("no-name", "", "name"), ("no-entry", "", "entry")}


def test_dangling_jumps_name_node_and_field() -> None:
    menu = Menu(code="m", name="m", prompts=CHOOSE, keys={"1": "gone", "2": "end"}, failure="lost")
    flow = flow_of(menu, END, fallback="nowhere")
    assert found(flow) == {
        ("dangling-jump", "m", "keys.1"),
        ("dangling-jump", "m", "failure"),
        ("dangling-jump", "", "fallback"),
    }
    assert ("dangling-jump", "", "entry") in found(flow_of(END, entry="elsewhere"))


def test_a_jump_that_must_lead_somewhere() -> None:
    assert found(flow_of(Playback(code="a", name="a", prompts=HELLO))) == {("no-next-node", "a", "next")}


def test_unreachable_nodes_and_the_fallback_as_a_way_in() -> None:
    other = HangupNode(code="other", name="other")
    assert found(flow_of(END, other)) == {("unreachable", "other", "code")}
    assert found(flow_of(END, other, fallback="other")) == set()


def test_a_loop_that_does_not_wait_for_the_caller() -> None:
    a = Playback(code="a", name="a", prompts=HELLO, next="t")
    t = TransferNode(code="t", name="t", target_id=1, failure="a")
    assert found(flow_of(a, t)) == {("spinning", "t", "failure")}
    itself = Playback(code="a", name="a", prompts=HELLO, next="a")
    assert found(flow_of(itself)) == {("spinning", "a", "next")}


def test_a_loop_through_a_menu_waits() -> None:
    assert "spinning" not in {problem.id for problem in checks.check(shop(failure="hello"))}


def test_a_chain_of_a_thousand_nodes_is_checked_without_recursion() -> None:
    nodes: list[Node] = [
        Playback(code=f"n{i}", name="n", prompts=HELLO, next=f"n{i + 1}") for i in range(1000)
    ]
    flow = flow_of(*nodes, HangupNode(code="n1000", name="end"))
    assert checks.check(flow) == []


def test_codes_and_names() -> None:
    nodes = [HangupNode(code="a", name="a"), HangupNode(code="a", name=" "), HangupNode(code="a b", name="x")]
    assert found(flow_of(*nodes, fallback="a b")) == {
        ("duplicate-code", "a", "code"),
        ("no-node-name", "a", "name"),
        ("bad-code", "a b", "code"),
    }


def test_variables() -> None:
    names = ["good_1", "bad name", "caller_number", "good_1"]
    flow = flow_of(END, variables=[FlowVariable(name=name) for name in names])
    assert found(flow) == {
        ("bad-variable-name", "", "variables.1.name"),
        ("reserved-name", "", "variables.2.name"),
        ("duplicate-variable", "", "variables.3.name"),
    }


def test_prompts() -> None:
    prompts = [
        TextPrompt(text=" … "),
        VoicePrompt(),
        VariablePrompt(name="unknown"),
        SystemVariablePrompt(name=SystemVariable.DATE),
        TextPrompt(text="ok", language="fr"),
    ]
    assert found(flow_of(Playback(code="a", name="a", prompts=prompts, next="end"), END)) == {
        ("no-text", "a", "prompts.0.text"),
        ("no-voice", "a", "prompts.1.voice_id"),
        ("unknown-variable", "a", "prompts.2.name"),
        ("unknown-language", "a", "prompts.4.language"),
    }


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (
            Playback(code="a", name="a", repeat=0, prompts=[], next="end"),
            {("out-of-range", "repeat"), ("no-prompt", "prompts")},
        ),
        (
            Menu(code="a", name="a", timeout_s=0, attempts=99, failure="end"),
            {("out-of-range", "timeout_s"), ("out-of-range", "attempts"), ("no-prompt", "prompts"), ("no-key", "keys")},
        ),
        (Menu(code="a", name="a", prompts=CHOOSE, keys={"11": "end"}, failure="end"), {("not-a-key", "keys.11")}),
        (TransferNode(code="a", name="a", failure="end"), {("no-target", "target_id")}),
        (
            TransferNode(code="a", name="a", to=TransferKind.VARIABLE, variable="gone", failure="end"),
            {("unknown-variable", "variable")},
        ),
        (
            TransferNode(code="a", name="a", to=TransferKind.VARIABLE, failure="end", after_talk="gone"),
            {("no-variable", "variable"), ("dangling-jump", "after_talk")},
        ),
        (TimeCheck(code="a", name="a", otherwise="end"), {("no-rule", "rules")}),
        (
            TimeCheck(
                code="a",
                name="a",
                rules=[
                    TimeRule(start="24:00", end="9:00", weekdays=[], days=Days.WORKING),
                    TimeRule(weekdays=[8], calendar="gone", target="end"),
                ],
                otherwise="end",
            ),
            {
                ("bad-start", "rules.0.start"), ("bad-end", "rules.0.end"), ("bad-weekdays", "rules.0.weekdays"),
                ("bad-calendar", "rules.0.calendar"), ("no-next-node", "rules.0.target"),
                ("bad-weekdays", "rules.1.weekdays"), ("bad-calendar", "rules.1.calendar"),
                ("calendar-unused", "rules.1.days"),
            },
        ),
        (
            RegionCheck(
                code="a", name="a", rules=[RegionRule(), RegionRule(regions=["广东", "深圳"], target="end")],
                otherwise="end",
            ),
            {
                ("no-region", "rules.0.regions"), ("no-next-node", "rules.0.target"),
                ("no-such-region", "rules.1.regions"),
            },
        ),
        (
            Collect(
                code="a", name="a", variable="caller_number", minimum=5, maximum=4, terminator="0", attempts=0,
                first_timeout_s=99, digit_timeout_s=0, pattern="(", next="end",
            ),
            {
                ("unknown-variable", "variable"), ("out-of-range", "maximum"), ("bad-terminator", "terminator"),
                ("out-of-range", "attempts"), ("out-of-range", "first_timeout_s"),
                ("out-of-range", "digit_timeout_s"), ("bad-pattern", "pattern"),
            },
        ),
        (Collect(code="a", name="a", next="end"), {("no-variable", "variable")}),
        (
            Branch(
                code="a",
                name="a",
                cases=[
                    Case(operator=Operator.GREATER, value="ten", target="end"),
                    Case(variable="v", operator=Operator.MATCHES, value=r"(a)\1", target="end"),
                    Case(variable="caller_number", operator=Operator.EMPTY, target="end"),
                ],
                otherwise="end",
            ),
            {
                ("no-variable", "cases.0.variable"), ("not-a-number", "cases.0.value"),
                ("bad-pattern", "cases.1.value"),
            },
        ),
        (Branch(code="a", name="a", otherwise="end"), {("no-case", "cases")}),
        (Assign(code="a", name="a", next="end"), {("no-assignment", "assignments")}),
        (
            Assign(
                code="a", name="a", assignments=[Assignment(name="date", value="{v}{caller_number}{gone}")],
                next="end",
            ),
            {("unknown-variable", "assignments.0.name"), ("unknown-variable", "assignments.0.value")},
        ),
        (
            Assign(
                code="a", name="a", next="end",
                assignments=[Assignment(name="v", value="x" * 2000), Assignment(name="v", value="x" * 2001)],
            ),
            {("too-long", "assignments.1.value")},
        ),
        (
            HttpRequest(
                code="a", name="a", method=Method.POST, url="https://x.example/" + "x" * 2000,
                headers=[Pair(name="X-A", value="x" * 2001)], body_kind=BodyKind.FORM,
                body=[Pair(name="b", value="x" * 2000), Pair(name="c", value="x" * 2001), Pair(name="d" * 2001)],
                next="end",
            ),
            {
                ("bad-url", "url"), ("too-long", "headers.0.value"), ("too-long", "body.1.value"),
                ("too-long", "body.2.name"),
            },
        ),
        (
            HttpRequest(
                code="a",
                name="a",
                method=Method.POST,
                url="https://{v}.example/",
                headers=[Pair(name="X-A"), Pair(name="x-a"), Pair(name="Content-Length"), Pair(name="a b"), Pair()],
                body=[Pair(name="x")],
                timeout_s=16,
                fields=[ResponseField(variable="v", path="a..b"), ResponseField(variable="date", path="a")],
                next="end",
            ),
            {
                ("bad-url", "url"), ("bad-name", "headers.1.name"), ("bad-name", "headers.2.name"),
                ("bad-name", "headers.3.name"), ("bad-name", "headers.4.name"), ("no-body-kind", "body_kind"),
                ("out-of-range", "timeout_s"), ("bad-path", "fields.0.path"),
                ("unknown-variable", "fields.1.variable"),
            },
        ),
        (
            HttpRequest(
                code="a",
                name="a",
                method=Method.POST,
                url="https://x.example/{gone}",
                headers=[Pair(name="X-A", value="{gone}")],
                body_kind=BodyKind.JSON,
                body=[Pair(name="x", value="{gone}"), Pair(name="x")],
                next="end",
            ),
            {
                ("unknown-variable", "url"), ("unknown-variable", "headers.0.value"),
                ("unknown-variable", "body.0.value"), ("bad-name", "body.1.name"),
            },
        ),
        (
            Survey(code="a", name="a", keys=[], variable="gone", next="end"),
            {("no-score", "keys"), ("unknown-variable", "variable")},
        ),
        (Survey(code="a", name="a", keys=["1", "0"], next="end"), {("no-score", "keys")}),
        (
            Consent(code="a", name="a", yes_key="1", no_key="1", yes="end"),
            {("same-key", "no_key"), ("no-next-node", "no")},
        ),
        (Consent(code="a", name="a", yes_key="", yes="end", no="end"), {("not-a-key", "yes_key")}),
        (
            Callback(code="a", name="a", timeout_s=0, next="end"),
            {("no-queue", "queue_id"), ("out-of-range", "timeout_s")},
        ),
    ],
)  # fmt: skip
def test_each_node_checks_itself(node: Node, expected: set[tuple[str, str]]) -> None:
    assert found(flow_of(node, END, variables=[FlowVariable(name="v")])) == {
        (id_, "a", field) for id_, field in expected
    }


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (
            Voicemail(code="a", name="a", max_s=4, silence_s=1),
            {("out-of-range", "max_s"), ("out-of-range", "silence_s")},
        ),
        (Voicemail(code="a", name="a", silence_s=0), set()),
        (OtherFlow(code="a", name="a"), {("no-flow", "flow_id")}),
    ],
)
def test_nodes_nothing_comes_after(node: Node, expected: set[tuple[str, str]]) -> None:
    assert found(flow_of(node)) == {(id_, "a", field) for id_, field in expected}


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "ftp://example.com", "http://", "http://[", "http://a:99999/", "http://u:p@a/",
        "http://a b/",
        "http://a/\r\nX: y", "http://{v}/", "http://a:{v}/", "{v}://a/", "http://a@{v}/", "http://" + "a" * 2000,
    ],
)  # fmt: skip
def test_addresses_that_are_none_or_that_a_caller_could_choose(url: str) -> None:
    node = HttpRequest(code="a", name="a", url=url, next="end")
    assert ("bad-url", "a", "url") in found(flow_of(node, END, variables=[FlowVariable(name="v")]))


def test_a_circle_of_nodes_that_only_decide_spins() -> None:
    check = RegionCheck(code="a", name="a", rules=[RegionRule(regions=["北京"], target="b")], otherwise="end")
    ask = HttpRequest(code="b", name="b", url="http://x.example/", next="a")
    assert found(flow_of(check, ask, END)) == {("spinning", "b", "next")}
    collect = Collect(code="b", name="b", variable="v", next="a")
    assert found(flow_of(check, collect, END, variables=[FlowVariable(name="v")])) == set()


def test_where_a_variable_is_used() -> None:
    flow = flow_of(
        Collect(code="c", name="c", variable="v", next="p"),
        Playback(code="p", name="p", prompts=[*HELLO, VariablePrompt(name="v")], next="h"),
        HttpRequest(code="h", name="h", url="http://x.example/{v}?{w}", next="end"),
        END,
        variables=[FlowVariable(name="v"), FlowVariable(name="w"), FlowVariable(name="unused")],
    )
    assert checks.variable_users(flow, "v") == [("c", "variable"), ("p", "prompts.1.name"), ("h", "url")]
    assert checks.variable_users(flow, "unused") == []


def test_bounds_of_variables() -> None:
    variables = [FlowVariable(name=f"v{i}", initial="x" * (201 if i == 0 else 200)) for i in range(101)]
    assert found(flow_of(END, variables=variables)) == {
        ("too-many", "", "variables"),
        ("too-long", "", "variables.0.initial"),
    }


def test_a_flow_has_a_bounded_number_of_patterns() -> None:
    """A call may meet all of them on one key, while the other calls of the cell wait."""
    cases = [
        Case(variable="caller_number", operator=Operator.MATCHES, value=f"a{i}", target="end")
        for i in range(50)
    ]
    nodes: list[Node] = [Branch(code="a", name="a", cases=cases, otherwise="b")]
    nodes.append(Collect(code="b", name="b", variable="v", pattern="1.*", next="end"))
    flow = flow_of(*nodes, END, variables=[FlowVariable(name="v")])
    assert found(flow) == {("too-many", "b", "pattern")}


def test_calendars_and_flows_are_references() -> None:
    rules = [TimeRule(days=Days.OFF, calendar=calendar, target="f") for calendar in ("cn", "3")]
    flow = flow_of(
        TimeCheck(code="t", name="t", rules=rules, otherwise="k"),
        OtherFlow(code="f", name="f", flow_id=5),
        Callback(code="k", name="k", queue_id=7),
    )
    assert {(node, r.kind, r.id, r.field) for node, r in checks.references(flow)} == {
        ("t", ReferenceKind.CALENDAR, 3, "rules.1.calendar"),
        ("f", ReferenceKind.FLOW, 5, "flow_id"),
        ("k", ReferenceKind.QUEUE, 7, "queue_id"),
    }
    known = {ReferenceKind.CALENDAR: {4}, ReferenceKind.FLOW: {6}, ReferenceKind.QUEUE: set[int]()}
    assert {id_ for id_, _, _ in found(flow, known=known)} == {
        "unknown-calendar",
        "unknown-flow",
        "unknown-queue",
    }


def test_what_is_used_must_exist() -> None:
    voice = Playback(code="v", name="v", prompts=[VoicePrompt(voice_id=3)], next="t")
    flow = flow_of(voice, TransferNode(code="t", name="t", target_id=7, failure="end"), END)
    assert {(node, r.kind, r.id) for node, r in checks.references(flow)} == {
        ("v", ReferenceKind.VOICE, 3),
        ("t", ReferenceKind.QUEUE, 7),
    }
    assert found(flow, known={ReferenceKind.QUEUE: {7}, ReferenceKind.VOICE: {3}}) == set()
    assert found(flow, known={ReferenceKind.QUEUE: {8}, ReferenceKind.VOICE: set()}) == {
        ("unknown-queue", "t", "target_id"),
        ("unknown-voice", "v", "prompts.0"),
    }


def test_a_problem_is_a_value_and_a_sentence() -> None:
    problem = checks.check(flow_of(END, fallback="nowhere"))[0]
    assert msgspec.json.decode(msgspec.json.encode(problem), type=type(problem)) == problem
    assert problem.sentence("en") == "This leads to the node nowhere, which does not exist."


def severities(flow: Flow) -> set[tuple[str, str, str]]:
    return {(problem.id, problem.field, problem.severity.value) for problem in checks.check(flow)}


def test_a_comparison_with_nothing_that_is_always_true_is_none() -> None:
    cases = [
        Case(variable="caller_number", operator=operator, target="end")
        for operator in (Operator.CONTAINS, Operator.STARTS, Operator.EQUALS, Operator.EMPTY)
    ]
    flow = flow_of(Branch(code="b", name="b", cases=cases, otherwise="end"), END)
    assert severities(flow) == {("no-value", f"cases.{index}.value", "error") for index in (0, 1)}


@pytest.mark.parametrize(
    ("text", "found"), [("号" * 2000, set()), ("8" * 500 + " " + "8" * 500, {"too-long"})]
)
def test_a_text_that_is_too_long_once_its_numbers_are_written_out_is_told(text: str, found: set[str]) -> None:
    """It would be replaced by the word that it is not available, for every caller."""
    flow = flow_of(Playback(code="a", name="a", prompts=[TextPrompt(text=text)], next="end"), END)
    assert {problem.id for problem in checks.errors(flow)} == found


def test_a_place_in_a_spoken_text_is_told() -> None:
    said = [TextPrompt(text="{order} {caller_number} {whatever}")]
    node = Playback(code="a", name="a", prompts=said, next="end")
    flow = msgspec.structs.replace(flow_of(node, END), variables=[FlowVariable(name="order")])
    problems = checks.check(flow)
    assert [problem.params["name"] for problem in problems] == ["order", "caller_number"]
    assert "{order}" in problems[0].sentence("en")
    assert severities(flow) == {("place-in-text", "prompts.0.text", "warning")}


def test_a_calendar_without_effect_is_told() -> None:
    rule = TimeRule(calendar="cn", target="end")
    flow = flow_of(TimeCheck(code="t", name="t", rules=[rule], otherwise="end"), END)
    assert severities(flow) == {("calendar-unused", "rules.0.days", "warning")}
