"""Flows for tests, and hypothesis' ways to make any."""

from __future__ import annotations

from hypothesis import strategies as st

from ivr.messages import (
    Answered,
    AnswerFailure,
    AnyEvent,
    Enter,
    FailureReason,
    HungUp,
    Key,
    Method,
    Played,
    TalkEnded,
    TimerFired,
    TransferFailed,
)
from ivr.model import Flow, FlowVariable, Node, TextPrompt
from ivr.nodes import NODE_TYPES
from ivr.nodes.assign import Assignment
from ivr.nodes.base import TypeAhead
from ivr.nodes.branch import Case, Operator
from ivr.nodes.hangup import HangupNode
from ivr.nodes.http_request import BodyKind, Pair, ResponseField
from ivr.nodes.menu import MENU_KEYS, Menu
from ivr.nodes.playback import Playback
from ivr.nodes.region_check import RegionRule
from ivr.nodes.sms import Recipient
from ivr.nodes.time_check import Days, TimeRule
from ivr.nodes.transfer import TransferKind, TransferNode
from tests.unit.ivr.any_node import any_node

HELLO = [TextPrompt(text="hello")]
CHOOSE = [TextPrompt(text="choose")]
WRONG = [TextPrompt(text="wrong")]
LATE = [TextPrompt(text="late")]
BYE = [TextPrompt(text="bye")]


def shop(**menu: object) -> Flow:
    """A greeting, a menu, a queue and a goodbye."""
    values: dict[str, object] = {
        "code": "menu",
        "name": "menu",
        "prompts": CHOOSE,
        "keys": {"1": "queue", "*": "hello", "9": "menu"},
        "invalid_prompts": WRONG,
        "timeout_prompts": LATE,
        "failure": "bye",
        **menu,
    }
    return Flow(
        name="shop",
        entry="hello",
        nodes=[
            Playback(code="hello", name="hello", prompts=HELLO, next="menu"),
            Menu(**values),  # type: ignore[arg-type]
            TransferNode(code="queue", name="queue", target_id=7, failure_prompts=LATE, failure="menu"),
            HangupNode(code="bye", name="bye", prompts=BYE),
        ],
    )


CODES = [f"n{index}" for index in range(8)]
VARIABLES = [FlowVariable(name="v", initial="1"), FlowVariable(name="w")]
_prompts = st.sampled_from([HELLO, CHOOSE, [*HELLO, *CHOOSE]])
_maybe_prompts = st.sampled_from([[], WRONG])
_key = st.sampled_from(MENU_KEYS)
_name = st.sampled_from(["v", "w"])
_any_name = st.sampled_from(["v", "w", "caller_number", "called_number"])
_text = st.sampled_from(["", "x", "{v}", "{caller_number}{w}", "12"])
_seconds = st.integers(1, 9)
Codes = st.SearchStrategy[str]

_ASKS = {
    "prompts": _prompts,
    "timeout_s": _seconds,
    "attempts": st.integers(1, 3),
}


def _rules(cls: type, targets: Codes, **fields: st.SearchStrategy[object]) -> st.SearchStrategy[list[object]]:
    return st.lists(st.builds(cls, target=targets, **fields), min_size=1, max_size=3)


def _case(targets: Codes) -> st.SearchStrategy[Case]:
    return st.one_of(
        st.builds(
            Case,
            variable=_any_name,
            operator=st.sampled_from([o for o in Operator if o not in {Operator.GREATER, Operator.LESS}]),
            value=st.sampled_from(["1", "x", "[0-9]+"]),
            target=targets,
        ),
        st.builds(
            Case,
            variable=_any_name,
            operator=st.sampled_from([Operator.GREATER, Operator.LESS]),
            value=st.sampled_from(["1", "-2.5"]),
            target=targets,
        ),
    )


def _node(tag: str, code: str, after: Codes, ahead: Codes, anywhere: Codes) -> st.SearchStrategy[Node]:
    """A node that passes its own checks. `after` is where it leads at least, `ahead` a node after it, `anywhere`
    where it may lead once the caller was waited for.
    """
    fields: dict[str, st.SearchStrategy[object]]
    match tag:
        case "menu":
            keys = st.dictionaries(_key, anywhere, min_size=1, max_size=4)
            fields = {**_ASKS, "keys": keys, "invalid_prompts": _maybe_prompts, "failure": after}
            fields["timeout_prompts"] = _maybe_prompts
        case "playback":
            fields = {"prompts": _prompts, "repeat": st.integers(1, 3), "interruptible": st.booleans()}
            fields |= {"next": after, "failure": st.one_of(st.just(""), ahead)}
        case "transfer":
            kinds = [TransferKind.QUEUE, TransferKind.EXTENSION, TransferKind.VARIABLE]
            fields = {"to": st.sampled_from(kinds), "target_id": st.integers(1, 9), "variable": _any_name}
            fields |= {"failure_prompts": _maybe_prompts, "failure": after}
            fields["after_talk"] = st.one_of(st.just(""), anywhere)
        case "time":
            time_of_day = st.sampled_from(["00:00", "08:30", "12:00", "23:59"])
            days = st.lists(st.integers(1, 7), min_size=1, unique=True)
            kinds = st.sampled_from(list(Days))
            rules = _rules(
                TimeRule,
                ahead,
                start=time_of_day,
                end=time_of_day,
                weekdays=days,
                days=kinds,
                calendar=st.just("cn"),
            )
            fields = {"rules": rules, "otherwise": after}
        case "region":
            regions = st.lists(st.sampled_from(["广东", "广东/深圳", "北京"]), min_size=1)
            fields = {"rules": _rules(RegionRule, ahead, regions=regions), "otherwise": after}
        case "branch":
            fields = {"cases": st.lists(_case(ahead), min_size=1, max_size=3), "otherwise": after}
        case "assign":
            assignment = st.builds(Assignment, name=_name, value=_text)
            fields = {"assignments": st.lists(assignment, min_size=1, max_size=3), "next": after}
        case "collect":
            fields = {
                "prompts": _maybe_prompts,
                "variable": _name,
                "minimum": st.integers(1, 3),
                "maximum": st.integers(3, 8),
                "terminator": st.sampled_from(["#", "*", ""]),
                "first_timeout_s": _seconds,
                "digit_timeout_s": _seconds,
                "attempts": st.integers(1, 3),
                "pattern": st.sampled_from(["", "1.*", "[0-9*]+"]),
                "next": anywhere,
                "failure": after,
            }
        case "http":
            pairs = st.lists(st.builds(Pair, name=st.just("X-Key"), value=_text), max_size=1)
            fields = {
                "method": st.sampled_from(list(Method)),
                "url": st.sampled_from(["http://example.com/{v}?q={caller_number}", "https://example.com"]),
                "headers": pairs,
                "body_kind": st.sampled_from([BodyKind.FORM, BodyKind.JSON]),
                "body": pairs,
                "fields": st.lists(st.builds(ResponseField, variable=_name, path=st.just("a.b")), max_size=2),
                "background": _maybe_prompts,
                "next": after,
                "failure": st.one_of(st.just(""), ahead),
            }
        case "survey":
            fields = {
                **_ASKS,
                "variable": st.one_of(st.just(""), _name),
                "thanks": _maybe_prompts,
                "next": after,
            }
        case "consent":
            fields = {**_ASKS, "yes": after, "no": anywhere, "failure": st.one_of(st.just(""), anywhere)}
        case "callback":
            fields = {**_ASKS, "queue_id": st.integers(1, 9), "next": after, "failure": anywhere}
        case "voicemail":
            fields = {
                "prompts": _maybe_prompts,
                "max_s": st.integers(5, 600),
                "silence_s": st.sampled_from([0, 2]),
            }
        case "sms":
            fields = {
                "to": st.sampled_from(list(Recipient)),
                "variable": _any_name,
                "text": st.sampled_from(["x", "{v}", "Code {w} for {caller_number}", "号" * 80]),
                "prompts": _maybe_prompts,
                "next": after,
                "failure": st.one_of(st.just(""), ahead),
            }
        case "flow":
            fields = {"flow_id": st.integers(1, 9)}
        case "hangup":
            fields = {"prompts": _maybe_prompts}
        case _:
            raise AssertionError(f"say here how to make a {tag}")
    ahead_kind = st.sampled_from(list(TypeAhead))
    cls = NODE_TYPES[tag]
    return st.builds(cls, code=st.just(code), name=st.just(code), type_ahead=ahead_kind, **fields)


LAST = ("hangup", "voicemail", "flow")
"""Types nothing comes after."""


@st.composite
def publishable(draw: st.DrawFn) -> Flow:
    """A flow that passes the checks, of nodes of all types: each leads to the one after it, those that wait for the
    caller also anywhere.
    """
    codes = CODES[: draw(st.integers(2, len(CODES)))]
    nodes: list[Node] = []
    for index, code in enumerate(codes[:-1]):
        tag = draw(st.sampled_from(sorted(NODE_TYPES.keys() - set(LAST))))
        later = st.sampled_from(codes[index + 1 :])
        nodes.append(draw(_node(tag, code, st.just(codes[index + 1]), later, st.sampled_from(codes))))
    nowhere = st.just("")
    nodes.append(draw(_node(draw(st.sampled_from(LAST)), codes[-1], nowhere, nowhere, nowhere)))
    fallback = draw(st.sampled_from(["", *codes]))
    return Flow(
        name="any", entry=codes[0], fallback=fallback, variables=VARIABLES, nodes=draw(st.permutations(nodes))
    )


def broken() -> st.SearchStrategy[Flow]:
    """A flow as a draft may be: jumps to nowhere and in circles, doubled codes, senseless values."""
    code = st.sampled_from(CODES[:4])
    target = st.sampled_from(["", "nowhere", *CODES[:4]])
    variables = st.sampled_from([[], VARIABLES])
    nodes = st.lists(code.flatmap(any_node), max_size=6)
    return st.builds(Flow, entry=target, fallback=target, variables=variables, nodes=nodes)


def answers(names: st.SearchStrategy[str]) -> st.SearchStrategy[Answered]:
    """An answer to the request of one of these names."""
    return st.builds(
        Answered,
        name=names,
        ok=st.booleans(),
        variables=st.dictionaries(
            st.sampled_from(["v", "w", "x", "caller_number"]), st.text(max_size=300), max_size=3
        ),
        reason=st.sampled_from(list(AnswerFailure)),
    )


def events() -> st.SearchStrategy[AnyEvent]:
    """Any event, also one that does not fit."""
    return st.one_of(
        st.just(Enter()),
        st.builds(Key, digit=st.one_of(_key, st.sampled_from("ABCDd"), st.text(max_size=3))),
        st.builds(Played, ok=st.booleans()),
        st.builds(TimerFired, name=st.sampled_from(["", "t1", "t2", "t3", "t99", "other"])),
        st.builds(TransferFailed, reason=st.sampled_from(list(FailureReason))),
        answers(st.sampled_from(["", "r1", "r2", "r9", "m1", "m2", "other"])),
        st.just(TalkEnded()),
        st.just(HungUp()),
    )
