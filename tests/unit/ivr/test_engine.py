"""The engine and the nodes playback, menu, transfer and hang-up (CTI-I5, I6, I7, I16)."""

from __future__ import annotations

import msgspec
import pytest

from ivr import engine
from ivr.messages import (
    CancelTimer,
    Enter,
    FailureReason,
    Hangup,
    HungUp,
    Key,
    Play,
    Played,
    StartTimer,
    StopPlaying,
    TargetKind,
    TimerFired,
    Transfer,
    TransferFailed,
    TransferTarget,
)
from ivr.model import Flow, FlowVariable, SoundPrompt
from ivr.nodes.asking import BURST_MS
from ivr.nodes.base import TypeAhead
from ivr.nodes.hangup import HangupCause, HangupNode
from ivr.nodes.menu import Menu
from ivr.nodes.playback import Playback
from ivr.nodes.transfer import TransferKind, TransferNode
from tests.unit.ivr.caller import Caller
from tests.unit.ivr.flows import BYE, CHOOSE, HELLO, LATE, WRONG, shop

QUEUE = Transfer(target=TransferTarget(kind=TargetKind.QUEUE, id=7), failure="menu")


def test_the_straight_way() -> None:
    caller = Caller(shop())
    assert caller.feed(Enter()) == [Play(prompts=HELLO)]
    assert caller.feed(Played()) == [Play(prompts=CHOOSE, interruptible=True)]
    assert caller.feed(Played()) == [StartTimer(name="t1", ms=5000)]
    assert caller.feed(Key("1")) == [CancelTimer(name="t1"), QUEUE]
    assert caller.path == [("hello", "", "next"), ("menu", "1", "key:1"), ("queue", "", "transfer")]


def test_a_key_interrupts_the_menu_at_once() -> None:
    caller = Caller(shop()).enter().listen()
    assert caller.feed(Key("1")) == [StopPlaying()]
    assert caller.feed(Played()) == [QUEUE]


def test_keys_pressed_ahead_skip_the_menu() -> None:
    caller = Caller(shop()).press("1").enter().press("9")
    assert caller.heard == ["hello"]
    assert caller.feed(Played()) == [QUEUE]
    assert caller.run.keys == "9"


def test_a_menu_that_flushes_forgets_keys_pressed_before_it() -> None:
    caller = Caller(shop(type_ahead=TypeAhead.FLUSH)).enter().press("1").listen()
    assert caller.heard == ["hello", "choose"]
    assert caller.press("1").listen().commands == [QUEUE]


def test_keys_between_two_prompts_count() -> None:
    caller = Caller(shop()).enter().listen().press("9").press("1").listen()
    assert caller.commands == [QUEUE]
    assert [step[1:] for step in caller.path[1:3]] == [("9", "key:9"), ("1", "key:1")]


def test_star_and_hash() -> None:
    caller = Caller(shop()).enter().listen().press("*").listen()
    assert caller.heard == ["hello", "choose", "hello"]
    caller = Caller(shop(keys={"#": "queue"})).enter().listen().press("#").listen()
    assert caller.commands == [QUEUE]


def test_an_invalid_key_is_corrected_and_the_menu_repeated() -> None:
    caller = Caller(shop()).enter().listen().press("5").listen().listen()
    assert caller.heard == ["hello", "choose", "wrong", "choose"]


def test_one_counter_for_invalid_keys_and_time_outs() -> None:
    caller = Caller(shop()).enter().listen()
    caller.press("5").listen().listen().listen().wait().listen()
    assert caller.heard == ["hello", "choose", "wrong", "choose", "late", "choose"]
    caller.listen().wait()
    assert caller.heard[-1] == "bye"
    assert caller.path[1] == ("menu", "5", "failure:timeout")
    assert caller.listen().commands == [Hangup()]


def test_the_time_out_starts_when_the_prompt_ended() -> None:
    caller = Caller(shop(timeout_s=9)).enter().listen()
    assert caller.run.timer == ""
    assert caller.listen().timer_ms == 9000


@pytest.mark.parametrize("burst", ["5" * 30, "0#" * 15])
def test_a_burst_of_wrong_keys_is_one_mistake(burst: str) -> None:
    caller = Caller(shop()).enter().listen().press(burst).listen()
    assert caller.heard == ["hello", "choose", "wrong"]
    caller.listen()
    assert caller.heard[-1] == "choose"
    assert caller.press("1").listen().commands == [QUEUE]


def test_a_right_key_leads_on_while_being_corrected() -> None:
    caller = Caller(shop()).enter().listen().press("5").listen().press("61")
    assert caller.commands == [StopPlaying()]
    assert caller.listen().commands == [QUEUE]
    assert caller.path[1] == ("menu", "561", "key:1")


def test_a_burst_of_wrong_keys_is_one_mistake_also_where_nothing_is_said_about_it() -> None:
    menu = Menu(code="m", prompts=HELLO, keys={"1": "m"}, attempts=3, failure="bye")
    caller = Caller(Flow(entry="m", nodes=[menu, HangupNode(code="bye")])).enter()
    for _ in range(2):
        caller.press("5" * 30).listen().press("55")
        assert caller.run.node == "m"
        assert caller.run.playing
        caller.rest(BURST_MS)
    assert caller.press("5").listen().over


def test_a_right_key_right_after_a_wrong_one_counts() -> None:
    caller = Caller(shop()).enter().listen().press("51").listen()
    assert caller.commands == [QUEUE]
    assert caller.heard == ["hello", "choose"]


def test_thirty_right_keys_all_count() -> None:
    caller = Caller(shop(keys={"9": "menu", "1": "queue"})).press("9" * 30 + "1").enter().listen()
    assert caller.commands == [QUEUE]
    assert len(caller.path) == 1 + 31 + 1


def test_keys_beyond_the_buffer_and_no_keys_are_dropped() -> None:
    caller = Caller(shop()).press("1" * 100)
    assert caller.run.keys == "1" * engine.MAX_TYPE_AHEAD
    caller = Caller(shop())
    for digit in ("", "12", "x", "１", "\n", "é"):
        caller.feed(Key(digit=digit))
    assert caller.run.keys == ""
    assert caller.press("d").run.keys == "D"


def test_late_and_foreign_timers_are_ignored() -> None:
    caller = Caller(shop()).enter().listen().listen().press("9")
    assert caller.feed(TimerFired(name="t1")) == []
    caller.listen()
    assert caller.run.timer == "t2"
    assert caller.feed(TimerFired(name="t1")) == []
    assert caller.feed(TimerFired(name="")) == []
    assert caller.wait().heard[-1] == "late"


def test_a_played_nobody_waits_for_is_ignored() -> None:
    caller = Caller(shop()).enter().listen().listen()
    assert caller.feed(Played()) == []
    assert caller.feed(Played(ok=False)) == []
    assert caller.run.timer == "t1"


def test_playback_repeats() -> None:
    flow = Flow(
        entry="a", nodes=[Playback(code="a", prompts=HELLO, repeat=3, next="b"), HangupNode(code="b")]
    )
    caller = Caller(flow)
    assert caller.feed(Enter()) == [Play(prompts=HELLO, loops=3)]
    assert caller.feed(Played()) == [Hangup()]


def test_an_interruptible_playback_is_skipped_and_the_key_stays() -> None:
    flow = shop()
    nodes = [msgspec.structs.replace(flow.nodes[0], interruptible=True), *flow.nodes[1:]]  # type: ignore[call-arg]
    caller = Caller(msgspec.structs.replace(flow, nodes=nodes)).enter().press("1")
    assert caller.commands == [StopPlaying()]
    assert caller.listen().commands == [QUEUE]


@pytest.mark.parametrize("reason", list(FailureReason))
def test_a_failed_transfer_is_told_and_leaves_by_its_exit(reason: FailureReason) -> None:
    caller = Caller(shop()).press("1").enter().listen().fail(reason)
    assert caller.commands == [Play(prompts=LATE)]
    caller.listen()
    assert caller.path[2] == ("queue", "", f"failure:{reason}")
    assert caller.heard[-1] == "choose"


def test_keys_pressed_while_away_count_afterwards() -> None:
    caller = Caller(shop()).press("1").enter().listen().press("9").fail().listen()
    assert caller.path[3] == ("menu", "9", "key:9")


def test_transfer_to_what_a_variable_names() -> None:
    node = TransferNode(code="a", to=TransferKind.VARIABLE, variable="agent", failure="b")
    flow = Flow(entry="a", variables=[FlowVariable(name="agent")], nodes=[node, HangupNode(code="b")])
    target = TransferTarget(kind=TargetKind.VALUE, value="8001")
    assert Caller(flow, agent=" 8001 ").feed(Enter()) == [Transfer(target=target, failure="b")]
    caller = Caller(flow).enter()
    assert caller.path[0] == ("a", "", "failure:not_found")
    assert caller.commands == [Hangup()]


def test_hang_up_says_goodbye_with_a_cause() -> None:
    node = HangupNode(code="a", prompts=BYE, cause=HangupCause.USER_BUSY)
    caller = Caller(Flow(entry="a", nodes=[node]))
    assert caller.feed(Enter()) == [Play(prompts=BYE)]
    assert caller.feed(Played(ok=False)) == [Hangup(cause="USER_BUSY")]
    assert caller.path == [("a", "", "hangup")]


APOLOGY = Play(prompts=[SoundPrompt(name="system-busy")])


@pytest.mark.parametrize("flow", [Flow(), Flow(entry="nowhere"), Flow(entry="a", nodes=[Playback(code="a")])])
def test_a_dead_end_is_an_apology_and_a_hang_up(flow: Flow) -> None:
    caller = Caller(flow)
    assert caller.feed(Enter()) == [APOLOGY]
    assert caller.feed(Key("1")) == []
    assert caller.feed(Played(ok=False)) == [Hangup()]
    assert caller.over


def test_a_failing_node_takes_its_exit_then_the_flows_fallback_then_the_apology() -> None:
    lost = Playback(code="lost", prompts=HELLO, next="lost")
    flow = Flow(
        entry="lost", fallback="menu", nodes=[lost, Menu(code="menu", prompts=CHOOSE, failure="lost")]
    )
    caller = Caller(flow).enter().listen(ok=False)
    assert caller.path[0] == ("lost", "", "failed:play-failed")
    assert caller.commands == [Play(prompts=CHOOSE, interruptible=True)]
    caller.listen(ok=False)
    assert caller.path[1] == ("menu", "", "failure:play-failed")
    assert caller.listen(ok=False).commands == [APOLOGY]
    assert caller.listen().commands == [Hangup()]


def test_a_flow_that_spins_is_stopped() -> None:
    nodes = [Playback(code="a", next="b"), Playback(code="b", next="a")]
    caller = Caller(Flow(entry="a", nodes=nodes))
    assert caller.feed(Enter()) == [APOLOGY]
    assert caller.run.path[-1].exit == "failed:too-many-steps"
    assert len(caller.run.path) == engine.MAX_STEPS


def test_a_caller_who_goes_round_and_round_is_let_go() -> None:
    caller = Caller(shop()).enter().listen()
    while not caller.over and len(caller.run.path) <= engine.MAX_STEPS:
        if caller.run.status is engine.Status.LEAVING:
            caller.listen()
        else:
            caller.press("9").listen()
    assert caller.over
    assert caller.run.path[-1].exit == "failed:too-many-steps"


@pytest.mark.parametrize("keys", ["", "9", "1"])
def test_hanging_up_at_any_moment_ends_the_run(keys: str) -> None:
    caller = Caller(shop()).enter().listen().press(keys)
    caller.feed(HungUp())
    assert caller.over
    assert caller.path[-1][2] in {"caller-hung-up"}
    assert caller.feed(Played()) == []
    assert caller.feed(TransferFailed(FailureReason.BUSY)) == []


def test_hanging_up_cancels_the_timer() -> None:
    caller = Caller(shop()).enter().listen().listen()
    assert caller.feed(HungUp()) == [CancelTimer(name="t1")]


def test_a_node_state_nobody_can_read_is_a_failure_not_a_crash() -> None:
    caller = Caller(shop()).enter().listen()
    caller.run = msgspec.structs.replace(caller.run, state={"phase": "dancing"})
    caller.press("1").listen()
    assert caller.commands == [APOLOGY]


def test_a_prompt_list_may_be_empty() -> None:
    caller = Caller(shop(invalid_prompts=[], timeout_prompts=[])).enter().listen().press("5").listen()
    assert caller.heard == ["hello", "choose", "choose"]
    assert caller.listen().wait().heard[-1] == "choose"
    assert WRONG[0].text not in caller.heard
