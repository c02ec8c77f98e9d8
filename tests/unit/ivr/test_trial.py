"""Trying a flow without a phone (CTI-I15)."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr import model, trial
from ivr.calendar import Calendar
from ivr.nodes.base import Node, ReferenceKind
from ivr.run import MAX_FLOW_CHANGES
from ivr.surroundings import Surroundings
from ivr.trial import Do, Followed, Kind, Trial, TrialEvent, TrialRefused, TrialSetting, Waiting
from tests.unit.ivr.any_node import any_node

MONDAY_MS = 1_798_419_600_000
"""2026-12-28 09:00 in China."""
SOUNDS = {"system-busy": {"en": "Sorry, busy.", "zh": "抱歉"}}


def flow(**fields: object) -> model.Flow:
    """Return a flow from its document."""
    return msgspec.convert(fields, model.Flow)


def text(said: str) -> dict[str, object]:
    return {"kind": "text", "text": said}


def menu(**fields: object) -> dict[str, object]:
    return {
        "type": "menu",
        "code": "menu",
        "name": "Main menu",
        "prompts": [text("1 for sales")],
        "keys": {"1": "sales"},
        "failure": "bye",
        "timeout_s": 5,
        **fields,
    }


BYE = {"type": "hangup", "code": "bye", "name": "Goodbye", "prompts": [text("Goodbye")]}
SALES = {
    "type": "transfer",
    "code": "sales",
    "name": "To sales",
    "to": "queue",
    "target_id": 7,
    "failure": "menu",
}


def play(document: model.Flow, *events: TrialEvent, reader: str = "en", **setting: object) -> Trial:
    values = {
        "language": "en",
        "reader": reader,
        "now_ms": MONDAY_MS,
        "surroundings": Surroundings(),
        "names": {(ReferenceKind.QUEUE, 7): "Sales queue"},
        "sounds": SOUNDS,
        **setting,
    }
    return trial.try_flow(document, events, TrialSetting(**values), lambda: True)  # type: ignore[arg-type]


def do(what: Do, **fields: object) -> TrialEvent:
    return TrialEvent(do=what, **fields)  # type: ignore[arg-type]


def lines(tried: Trial) -> list[tuple[str, str, str]]:
    return [(line.kind.value, line.node, line.text) for line in tried.transcript]


SHOP = flow(entry="menu", nodes=[menu(), SALES, BYE])


def test_cti_i15_a_key_leads_to_a_queue_and_back() -> None:
    began = play(SHOP)
    assert lines(began) == [("goes", "menu", "Menu"), ("says", "menu", "1 for sales")]
    assert (began.state.waiting, began.state.node, began.error) == (Waiting.PROMPT, "menu", "")
    heard = play(SHOP, do(Do.PLAYED))
    assert (heard.state.waiting, heard.state.seconds) == (Waiting.KEY, 5)
    assert lines(heard)[-1] == ("waits", "menu", "Waits 5 seconds for a key")
    away = play(SHOP, do(Do.PLAYED), do(Do.KEY, digit="1"))
    assert away.state.waiting is Waiting.TRANSFER
    assert lines(away)[-3:] == [
        ("key", "menu", "The caller presses 1"),
        ("goes", "sales", "key 1 → Transfer"),
        ("transfer", "sales", "Is transferred to the queue Sales queue"),
    ]
    back = play(SHOP, do(Do.PLAYED), do(Do.KEY, digit="1"), do(Do.TRANSFER, result="no_answer"))
    assert ("transfer", "sales", "Nobody answers: no answer") in lines(back)
    assert [(step.node, step.keys, step.exit) for step in back.path] == [
        ("menu", "1", "key:1"),
        ("sales", "", "failure:no_answer"),
        ("menu", "", ""),
    ]


def test_a_key_interrupts_a_prompt_as_in_a_call() -> None:
    tried = play(SHOP, do(Do.KEY, digit="1"))
    assert tried.state.node == "sales"
    assert tried.state.waiting is Waiting.TRANSFER


def test_time_passes_when_it_is_said_to_and_attempts_run_out() -> None:
    silence = [do(Do.PLAYED), do(Do.TIMER)]
    tried = play(SHOP, *itertools.chain(*[silence] * 3))
    assert tried.state.node == "bye"
    assert tried.path[0].exit == "failure:timeout"
    over = play(SHOP, *itertools.chain(*[silence] * 3), do(Do.PLAYED))
    assert over.state.waiting is Waiting.OVER
    assert lines(over)[-1] == ("ends", "bye", "The call is hung up")
    assert play(SHOP, do(Do.TIMER)).state == play(SHOP).state, "nothing is waited for while a prompt plays"


def test_the_agent_hangs_up_first() -> None:
    surveyed = flow(entry="sales", nodes=[{**SALES, "after_talk": "bye", "failure": ""}, BYE])
    talking = play(surveyed, do(Do.TRANSFER))
    assert talking.state.talking
    assert lines(talking)[-1][2] == "An agent answers; they talk"
    assert play(surveyed, do(Do.TRANSFER), do(Do.TRANSFER, result="busy")).state == talking.state
    asked = play(surveyed, do(Do.TRANSFER), do(Do.TALK_ENDED))
    assert (asked.state.node, asked.state.waiting) == ("bye", Waiting.PROMPT)
    plain = play(SHOP, do(Do.KEY, digit="1"), do(Do.TRANSFER), do(Do.TALK_ENDED))
    assert plain.state.waiting is Waiting.OVER


def test_a_broken_draft_says_what_is_wrong() -> None:
    empty = play(model.Flow(), do(Do.PLAYED))
    assert "cannot enter" in empty.error
    assert ("says", "", "Sorry, busy.") in lines(empty)
    assert empty.state.waiting is Waiting.OVER
    dangling = play(flow(entry="menu", nodes=[menu(keys={"1": "gone"})]), do(Do.KEY, digit="1"))
    assert dangling.error == "Main menu: could not go on: the node it leads to does not exist."
    assert dangling.state.waiting is Waiting.PROMPT
    in_chinese = play(model.Flow(), reader="zh")
    assert in_chinese.error != empty.error


def test_cti_i8_the_time_given_drives_time_checks_and_calendars() -> None:
    rule = {
        "start": "09:00",
        "end": "18:00",
        "weekdays": [1, 2, 3, 4, 5],
        "calendar": "3",
        "days": "working",
        "target": "menu",
    }
    check = {"type": "time", "code": "hours", "name": "Hours", "rules": [rule], "otherwise": "bye"}
    hours = flow(entry="hours", nodes=[check, menu(), SALES, BYE])

    def node(now_ms: int, **days: bool) -> str:
        dates = {name.replace("d", "").replace("_", "-"): works for name, works in days.items()}
        around = Surroundings(calendars={"3": Calendar(china=False, days=dates)})
        return play(hours, now_ms=now_ms, surroundings=around).state.node

    assert node(MONDAY_MS) == "menu"
    assert node(MONDAY_MS, d2026_12_28=False) == "bye"
    assert node(MONDAY_MS + 10 * 3_600_000) == "bye"


def test_cti_i9_the_caller_given_drives_the_region() -> None:
    rule = {"regions": ["广东"], "target": "menu"}
    check = {"type": "region", "code": "where", "name": "Where", "rules": [rule], "otherwise": "bye"}
    where = flow(entry="where", nodes=[check, menu(), SALES, BYE])
    assert play(where, caller="+8675588881234").state.node == "menu"
    assert play(where, caller="+861065551234").state.node == "bye"


def test_cti_i12_a_request_is_answered_by_who_tries() -> None:
    ask = {
        "type": "http",
        "code": "ask",
        "name": "Balance",
        "method": "GET",
        "url": "https://shop.example/balance?n={caller_number}",
        "fields": [{"variable": "balance", "path": "$.amount"}],
        "timeout_s": 5,
        "next": "tell",
        "failure": "bye",
    }
    tell = {
        "type": "playback",
        "code": "tell",
        "name": "Tell",
        "prompts": [text("You have"), {"kind": "variable", "name": "balance", "reading": "number"}],
        "next": "bye",
    }
    node = msgspec.convert({"nodes": [ask]}, model.Flow).nodes[0]
    asking = flow(entry="ask", variables=[{"name": "balance"}], nodes=[node, tell, BYE])
    waiting = play(asking, caller="+8613800138000")
    assert waiting.state.waiting is Waiting.REQUEST
    shown = next(line.text for line in waiting.transcript if line.kind is Kind.REQUEST)
    assert shown.startswith("GET https://shop.example/balance?n=%2B8613800138000")
    known = play(asking, do(Do.ANSWER, variables={"balance": "12"}))
    assert ("says", "tell", "You have twelve") in lines(known)
    assert known.state.variables["balance"] == "12"
    unknown = play(asking, do(Do.ANSWER, ok=False))
    assert unknown.state.node == "bye"


def test_cti_i10_a_message_is_recorded() -> None:
    box = {"type": "voicemail", "code": "box", "name": "Message", "prompts": [text("Speak")], "max_s": 60}
    tried = play(flow(entry="box", nodes=[box]), *[do(Do.PLAYED)] * 2)
    assert tried.state.waiting is Waiting.RECORD
    assert tried.state.seconds == 60
    after = play(flow(entry="box", nodes=[box]), *[do(Do.PLAYED)] * 2, do(Do.RECORDED))
    assert after.state.waiting is Waiting.PROMPT
    assert play(flow(entry="box", nodes=[box]), do(Do.HANG_UP)).state.waiting is Waiting.OVER


def test_cti_i13_notes_are_told() -> None:
    survey = {"type": "survey", "code": "s", "name": "Survey", "prompts": [text("1 to 5")], "next": "bye"}
    tried = play(flow(entry="s", nodes=[survey, BYE]), do(Do.KEY, digit="5"))
    assert ("note", "s", "Satisfaction: 5") in lines(tried)
    both = flow(
        entry="s", nodes=[{**survey, "thanks": []}, {**survey, "code": "bye", "name": "Again", "next": ""}]
    )
    twice = [
        each[:2] for each in lines(play(both, do(Do.KEY, digit="5"), do(Do.PLAYED), do(Do.KEY, digit="4")))
    ]
    assert twice.index(("note", "s")) < twice.index(("goes", "bye")) < twice.index(("note", "bye"))


def test_too_much_is_refused() -> None:
    with pytest.raises(TrialRefused):
        play(SHOP, *[do(Do.TIMER)] * 501)
    setting = TrialSetting(language="en", reader="en", now_ms=0, surroundings=Surroundings(), sounds=SOUNDS)
    with pytest.raises(TrialRefused):
        trial.try_flow(SHOP, [do(Do.PLAYED)], setting, lambda: False)


def test_a_draft_whose_values_grow_is_tried_in_little_memory() -> None:
    values = ["{x}" * 600, "{x}" * 600, "{x}{x}{x}"]
    grow = {
        "type": "assign",
        "code": "grow",
        "assignments": [{"name": "x", "value": value} for value in values],
        "next": "ask",
    }
    pairs = [{"name": f"n{number}", "value": "{x}" * 600} for number in range(30)]
    ask = {
        "type": "http", "code": "ask", "method": "POST", "url": "https://x.example/" + "{x}" * 600,
        "headers": pairs, "body_kind": "json", "body": pairs, "timeout_s": 5, "next": "bye",
    }  # fmt: skip
    document = flow(
        entry="grow", variables=[{"name": "x", "initial": "x" * 200}],
        nodes=msgspec.convert({"nodes": [grow, ask, BYE]}, model.Flow).nodes,
    )  # fmt: skip
    tracemalloc.start()
    try:
        tried = play(document)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert tried.state.waiting is Waiting.REQUEST
    assert tried.state.variables["x"] == "x" * 200
    assert peak < 5_000_000


def test_a_long_text_is_cut() -> None:
    tried = play(flow(entry="bye", nodes=[{**BYE, "prompts": [text("x" * 100_000)] * 50}]))
    assert max(len(line.text) for line in tried.transcript) < 3000


@pytest.mark.parametrize("reader", ["zh", "en"])
def test_every_line_has_words(reader: str) -> None:
    tried = play(SHOP, do(Do.KEY, digit="1"), do(Do.TRANSFER, result="full"), do(Do.HANG_UP), reader=reader)
    assert all(line.text for line in tried.transcript)
    assert {line.kind for line in tried.transcript} >= {Kind.GOES, Kind.KEY, Kind.TRANSFER, Kind.ENDS}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(any_node("a") | any_node("b") | any_node("n1"), max_size=4),
    st.lists(
        st.builds(
            TrialEvent,
            do=st.sampled_from(Do),
            digit=st.sampled_from(["1", "#", "x", ""]),
            result=st.sampled_from(["answered", "busy", "nonsense"]),
            ok=st.booleans(),
        ),
        max_size=12,
    ),
)
def test_any_draft_can_be_tried(nodes: list[Node], events: list[TrialEvent]) -> None:
    broken = model.Flow(entry="a", fallback="b", nodes=nodes)
    for reader in ("zh", "en"):
        tried = play(broken, *events, reader=reader)
        assert msgspec.json.encode(tried)
        assert all(line.text for line in tried.transcript if line.kind is not Kind.GOES)


# --- another flow -------------------------------------------------------------------------------------------------


def follow(**flows: model.Flow) -> Callable[[int], Followed | None]:
    """Return what gives the flows `f2`, `f3`…"""
    found = {int(name[1:]): Followed(flow=document) for name, document in flows.items()}
    return found.get


def onward(flow_id: int) -> dict[str, object]:
    """Return a node that leads to a flow."""
    return {"type": "flow", "code": "on", "name": "On", "flow_id": flow_id}


def test_the_trial_goes_on_in_another_flow_and_says_which() -> None:
    first = flow(entry="on", nodes=[onward(2)])
    second = flow(entry="menu", nodes=[menu(), SALES, BYE])
    tried = play(first, do(Do.PLAYED), do(Do.KEY, digit="1"), follow=follow(f2=second), flow_id=1)
    assert [(step.flow_id, step.node, step.exit) for step in tried.path] == [
        (0, "on", "flow"),
        (2, "menu", "key:1"),
        (2, "sales", "transfer"),
    ]
    assert tried.state.flow_id == 2
    assert tried.state.waiting is Waiting.TRANSFER
    assert {line.flow_id for line in tried.transcript} == {0, 2}


def test_who_comes_back_comes_back_to_what_is_tried() -> None:
    first = flow(entry="menu", nodes=[menu(keys={"1": "on"}), onward(2), BYE])
    back = flow(entry="on", nodes=[onward(1)])
    tried = play(first, do(Do.PLAYED), do(Do.KEY, digit="1"), follow=follow(f2=back), flow_id=1)
    assert [step.flow_id for step in tried.path] == [0, 0, 2, 0]
    assert tried.state.flow_id == 0


def test_flows_that_lead_round_end_as_they_do_for_callers() -> None:
    first, second = flow(entry="on", nodes=[onward(2)]), flow(entry="on", nodes=[onward(1)])
    tried = play(first, follow=follow(f2=second), flow_id=1)
    assert tried.state.waiting is Waiting.OVER
    assert len(tried.path) == MAX_FLOW_CHANGES + 1
    assert tried.transcript[-1].kind is Kind.ENDS
    assert "apology" in tried.transcript[-1].text


def test_a_flow_that_calls_cannot_enter_ends_the_trial() -> None:
    tried = play(flow(entry="on", nodes=[onward(3)]), flow_id=1)
    assert tried.state.waiting is Waiting.OVER
    assert "not published" in tried.transcript[-1].text


def test_the_key_that_closes_a_full_entry_is_no_key_of_the_next_flow_either() -> None:
    collect = {"type": "collect", "code": "c", "name": "C", "variable": "v", "maximum": 2, "next": "on"}
    first = flow(entry="c", variables=[{"name": "v"}], nodes=[collect, onward(2)])
    second = flow(entry="menu", nodes=[menu(keys={"#": "bye"}), BYE])
    keys = [do(Do.KEY, digit=digit) for digit in "12#"]
    tried = play(first, *keys, follow=follow(f2=second), flow_id=1)
    assert (tried.state.node, tried.state.keys) == ("menu", "")


def test_keys_tried_one_after_the_other_are_no_burst() -> None:
    tried = play(flow(entry="menu", nodes=[menu(attempts=3), BYE]), *[do(Do.KEY, digit="9")] * 3)
    assert tried.path[0].exit == "failure:invalid"
