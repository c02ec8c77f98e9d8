"""Flows for tests, and hypothesis' ways to make any."""

from __future__ import annotations

from hypothesis import strategies as st

from ivr.messages import (
    AnyEvent,
    Enter,
    FailureReason,
    HungUp,
    Key,
    Played,
    TimerFired,
    TransferFailed,
)
from ivr.model import Flow, Node, TextPrompt
from ivr.nodes.base import TypeAhead
from ivr.nodes.hangup import HangupNode
from ivr.nodes.menu import MENU_KEYS, Menu
from ivr.nodes.playback import Playback
from ivr.nodes.transfer import TransferKind, TransferNode

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


CODES = [f"n{index}" for index in range(7)]
_prompts = st.sampled_from([HELLO, CHOOSE, [*HELLO, *CHOOSE]])
_maybe_prompts = st.sampled_from([[], WRONG])
_ahead = st.sampled_from(list(TypeAhead))
_key = st.sampled_from(MENU_KEYS)


def _menu(
    code: str, targets: st.SearchStrategy[str], failure: st.SearchStrategy[str]
) -> st.SearchStrategy[Node]:
    return st.builds(
        Menu,
        code=st.just(code),
        name=st.just(code),
        type_ahead=_ahead,
        prompts=_prompts,
        keys=st.dictionaries(_key, targets, min_size=1, max_size=4),
        timeout_s=st.integers(1, 9),
        attempts=st.integers(1, 3),
        invalid_prompts=_maybe_prompts,
        timeout_prompts=_maybe_prompts,
        failure=failure,
    )


def _playback(
    code: str, next_: st.SearchStrategy[str], failure: st.SearchStrategy[str]
) -> st.SearchStrategy[Node]:
    return st.builds(
        Playback,
        code=st.just(code),
        name=st.just(code),
        type_ahead=_ahead,
        prompts=_prompts,
        repeat=st.integers(1, 3),
        interruptible=st.booleans(),
        next=next_,
        failure=failure,
    )


def _transfer(code: str, failure: st.SearchStrategy[str]) -> st.SearchStrategy[Node]:
    return st.builds(
        TransferNode,
        code=st.just(code),
        name=st.just(code),
        to=st.sampled_from([TransferKind.QUEUE, TransferKind.EXTENSION]),
        target_id=st.integers(1, 9),
        failure_prompts=_maybe_prompts,
        failure=failure,
    )


@st.composite
def publishable(draw: st.DrawFn) -> Flow:
    """A flow that passes the checks: each node leads to the one after it, menus also anywhere."""
    codes = CODES[: draw(st.integers(2, len(CODES)))]
    kinds = [draw(st.sampled_from(["menu", "playback", "transfer"])) for _ in codes[:-1]]
    menus = [code for code, kind in zip(codes, kinds, strict=False) if kind == "menu"]
    nodes: list[Node] = []
    for index, kind in enumerate(kinds):
        following = st.just(codes[index + 1])
        if kind == "menu":
            nodes.append(draw(_menu(codes[index], st.sampled_from(codes), following)))
        elif kind == "playback":
            nodes.append(draw(_playback(codes[index], following, st.sampled_from(["", *menus]))))
        else:
            nodes.append(draw(_transfer(codes[index], following)))
    nodes.append(HangupNode(code=codes[-1], name="end", prompts=draw(_maybe_prompts)))
    fallback = draw(st.sampled_from(["", *codes]))
    return Flow(name="any", entry=codes[0], fallback=fallback, nodes=draw(st.permutations(nodes)))


def broken() -> st.SearchStrategy[Flow]:
    """A flow as a draft may be: jumps to nowhere and in circles, doubled codes, senseless numbers."""
    code = st.sampled_from(CODES[:4])
    target = st.sampled_from(["", "nowhere", *CODES[:4]])
    node: st.SearchStrategy[Node] = code.flatmap(
        lambda name: st.one_of(
            _menu(name, target, target),
            _playback(name, target, target),
            st.builds(Playback, code=st.just(name), repeat=st.integers(), next=target, failure=target),
            st.builds(
                Menu, code=st.just(name), timeout_s=st.integers(), attempts=st.integers(), failure=target
            ),
            st.builds(
                TransferNode,
                code=st.just(name),
                to=st.sampled_from(list(TransferKind)),
                variable=st.sampled_from(["", "unset", "caller_number"]),
                failure=target,
            ),
            st.builds(HangupNode, code=st.just(name)),
        )
    )
    return st.builds(Flow, entry=target, fallback=target, nodes=st.lists(node, max_size=6))


def events() -> st.SearchStrategy[AnyEvent]:
    """Any event, also one that does not fit."""
    return st.one_of(
        st.just(Enter()),
        st.builds(Key, digit=st.one_of(_key, st.sampled_from("ABCDd"), st.text(max_size=3))),
        st.builds(Played, ok=st.booleans()),
        st.builds(TimerFired, name=st.sampled_from(["", "t1", "t2", "t3", "t99", "other"])),
        st.builds(TransferFailed, reason=st.sampled_from(list(FailureReason))),
        st.just(HungUp()),
    )
