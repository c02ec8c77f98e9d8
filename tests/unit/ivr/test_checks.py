"""What must be right before a flow is published (CTI-I14)."""

from __future__ import annotations

import json

import msgspec
import pytest

from ivr import checks, model
from ivr.demo_flow import demo_flow_document
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
from ivr.nodes.base import ReferenceKind
from ivr.nodes.hangup import HangupNode
from ivr.nodes.menu import Menu
from ivr.nodes.playback import Playback
from ivr.nodes.transfer import TransferKind, TransferNode
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
            TransferNode(code="a", name="a", to=TransferKind.VARIABLE, variable="v", failure="end"),
            {("unknown-variable", "variable")},
        ),
    ],
)  # fmt: skip
def test_each_node_checks_itself(node: Node, expected: set[tuple[str, str]]) -> None:
    assert found(flow_of(node, END)) == {(id_, "a", field) for id_, field in expected}


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
