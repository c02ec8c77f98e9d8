"""Nodes that decide without the caller: time, region, branch, set variables (CTI-I8, I9, I13)."""

from __future__ import annotations

import datetime
import tracemalloc

import pytest

from ivr.calendar import Calendar
from ivr.messages import Enter
from ivr.model import Flow, FlowVariable, Node
from ivr.nodes.assign import Assign, Assignment
from ivr.nodes.branch import Branch, Case, Operator
from ivr.nodes.hangup import HangupNode
from ivr.nodes.region_check import RegionCheck, RegionRule
from ivr.nodes.time_check import Days, TimeCheck, TimeRule
from ivr.surroundings import Surroundings
from tests.unit.ivr.caller import Caller

BEIJING = datetime.timezone(datetime.timedelta(hours=8))
NOWHERE = Surroundings()
WEEK = [1, 2, 3, 4, 5, 6, 7]


def went(
    node: Node, now: str = "2026-11-21T10:00", surroundings: Surroundings = NOWHERE, **variables: str
) -> str:
    """Return how `node` is left at a local time of Beijing."""
    moment = datetime.datetime.fromisoformat(now).replace(tzinfo=BEIJING)
    flow = Flow(
        entry=node.code,
        nodes=[node, HangupNode(code="end")],
        variables=[FlowVariable(name="v"), FlowVariable(name="w")],
    )
    caller = Caller(flow, surroundings=surroundings, now_ms=int(moment.timestamp() * 1000), **variables)
    caller.feed(Enter())
    return caller.run.path[0].exit


def rule(start: str, end: str, weekdays: list[int] = WEEK, **fields: object) -> TimeCheck:
    made = TimeRule(start=start, end=end, weekdays=weekdays, target="end", **fields)  # type: ignore[arg-type]
    return TimeCheck(code="t", rules=[made], otherwise="end")


# 2026-11-21 is a Saturday.
@pytest.mark.parametrize(
    ("start", "end", "weekdays", "now", "fits"),
    [
        ("09:00", "18:00", [6], "2026-11-21T09:00", True),
        ("09:00", "18:00", [6], "2026-11-21T08:59:59", False),
        ("09:00", "18:00", [6], "2026-11-21T17:59:59", True),
        ("09:00", "18:00", [6], "2026-11-21T18:00", False),
        ("09:00", "18:00", [5], "2026-11-21T10:00", False),
        ("22:00", "06:00", [6], "2026-11-21T23:00", True),
        ("22:00", "06:00", [6], "2026-11-22T05:59", True),  # Sunday morning belongs to Saturday's start
        ("22:00", "06:00", [6], "2026-11-22T06:00", False),
        ("22:00", "06:00", [6], "2026-11-21T05:00", False),  # Saturday morning belongs to Friday's start
        ("22:00", "06:00", [7], "2026-11-22T05:00", False),
        ("22:00", "06:00", [7], "2026-11-23T05:00", True),  # over the week's end
        ("00:00", "00:00", [6], "2026-11-21T00:00", True),
        ("00:00", "00:00", [6], "2026-11-21T23:59", True),
        ("00:00", "00:00", [6], "2026-11-22T00:00", False),
        ("09:00", "09:00", [6], "2026-11-22T08:00", True),
        ("09:00", "09:00", [6], "2026-11-21T08:00", False),
        ("20:00", "24:00", [6], "2026-11-21T23:59", True),
        ("20:00", "24:00", [6], "2026-11-22T00:00", False),
        ("9:00", "18:00", [6], "2026-11-21T10:00", False),  # a draft's nonsense never fits
        ("09:00", "25:00", [6], "2026-11-21T10:00", False),
        ("09:00", "18:00", [], "2026-11-21T10:00", False),
    ],
)
def test_times_and_weekdays(start: str, end: str, weekdays: list[int], now: str, fits: bool) -> None:
    assert went(rule(start, end, weekdays), now) == ("rule:1" if fits else "otherwise")


def test_the_first_rule_that_fits_counts() -> None:
    rules = [
        TimeRule(start="12:00", end="13:00", target="end"),
        TimeRule(start="09:00", end="18:00", target="end"),
        TimeRule(start="00:00", end="00:00", target="end"),
    ]
    node = TimeCheck(code="t", rules=rules, otherwise="end")
    exits = [went(node, f"2026-11-21T{hour}:30") for hour in ("12", "10", "20")]
    assert exits == ["rule:1", "rule:2", "rule:3"]


def test_holidays_and_make_up_days_go_before_the_weekday() -> None:
    office = rule("09:00", "18:00", days=Days.WORKING, calendar="cn")
    days = {
        "2026-02-14": True,
        "2026-02-17": False,
        "2026-02-18": False,
        "2026-02-24": True,
        "2026-02-28": True,
        "2026-03-01": False,
    }
    assert {day: went(office, f"{day}T10:00") == "rule:1" for day in days} == days
    closed = rule("00:00", "00:00", days=Days.OFF, calendar="cn")
    assert went(closed, "2026-10-01T10:00") == "rule:1"


def test_the_calendars_day_is_that_of_the_start_too() -> None:
    night = rule("22:00", "06:00", days=Days.OFF, calendar="cn")
    assert went(night, "2026-10-08T03:00") == "rule:1"  # began on 7 October, a holiday
    assert went(night, "2026-10-01T03:00") == "otherwise"  # began on 30 September


def test_a_companys_own_calendar() -> None:
    surroundings = Surroundings(
        calendars={"3": Calendar(china=False, days={"2026-11-23": False, "2026-11-21": True})}
    )
    office = rule("09:00", "18:00", days=Days.WORKING, calendar="3")
    days = ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"]
    assert [went(office, f"{day}T10:00", surroundings) == "rule:1" for day in days] == [
        True,
        True,
        False,
        False,
    ]
    assert went(office, "2026-11-21T10:00") == "otherwise"  # deleted meanwhile: the weekday


def test_the_clock_is_the_companys() -> None:
    tokyo = Surroundings(timezone="Asia/Tokyo")
    assert went(rule("11:00", "12:00"), "2026-11-21T10:30", tokyo) == "rule:1"
    for nonsense in ("", "Mars/Olympus", "../../etc/passwd", "\x00"):
        assert Surroundings(timezone=nonsense).local_time(0).hour == 8


SHENZHEN, GUANGZHOU, BEIJING_NUMBER = "+8675512345678", "+862012345678", "+8613800138000"


def test_regions() -> None:
    rules = [
        RegionRule(regions=["广东/深圳", "北京"], target="end"),
        RegionRule(regions=["广东"], target="end"),
    ]
    node = RegionCheck(code="r", rules=rules, otherwise="end")
    callers = [SHENZHEN, GUANGZHOU, BEIJING_NUMBER, "+8613912345678", "anonymous", "10086", "+16502530000"]
    assert [went(node, caller_number=caller) for caller in callers] == [
        "rule:1", "rule:2", "rule:1", "otherwise", "otherwise", "otherwise", "otherwise",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "value", "true_for", "false_for"),
    [
        (Operator.EQUALS, "12", ["12"], ["", "1", "012", "12 "]),
        (Operator.NOT_EQUALS, "12", ["", "13"], ["12"]),
        (Operator.CONTAINS, "投诉", ["我要投诉"], ["", "咨询"]),
        (Operator.STARTS, "138", ["13800"], ["0138", ""]),
        (Operator.GREATER, "9", ["10", "9.01", " 100 "], ["9", "8", "", "x", "1e3", "NaN", "１０"]),
        (Operator.LESS, "-2.5", ["-3", "-2.51"], ["-2.5", "0", "Infinity", ""]),
        (Operator.MATCHES, "[0-9]{4}", ["1234"], ["123", "12345", ""]),
        (Operator.MATCHES, "(", [], ["(", ""]),
        (Operator.MATCHES, "(a+)+", ["a" * 200], ["a" * 199 + "b"]),
        (Operator.EMPTY, "", ["", "  "], ["0"]),
    ],
)
def test_branches(operator: Operator, value: str, true_for: list[str], false_for: list[str]) -> None:
    node = Branch(
        code="b", cases=[Case(variable="v", operator=operator, value=value, target="end")], otherwise="end"
    )
    assert {each: went(node, v=each) for each in true_for} == dict.fromkeys(true_for, "case:1")
    assert {each: went(node, v=each) for each in false_for} == dict.fromkeys(false_for, "otherwise")


def test_a_branch_on_a_system_variable_and_on_one_that_is_not_there() -> None:
    cases = [
        Case(variable="gone", operator=Operator.EQUALS, value="x", target="end"),
        Case(variable="caller_number", operator=Operator.STARTS, value="+86755", target="end"),
    ]
    assert went(Branch(code="b", cases=cases, otherwise="end"), caller_number=SHENZHEN) == "case:2"


def test_date_and_time_are_those_of_the_companys_clock() -> None:
    cases = [
        Case(variable="date", operator=Operator.EQUALS, value="2026-11-21", target="end"),
        Case(variable="time", operator=Operator.EQUALS, value="00:30", target="end"),
    ]
    node = Branch(code="b", cases=cases, otherwise="end")
    assert went(node, "2026-11-21T10:00") == "case:1"
    assert went(node, "2026-11-22T00:30") == "case:2"
    assert went(node, "2026-11-21T23:30", Surroundings(timezone="Asia/Tokyo")) == "case:2"


def test_values_that_name_one_another_do_not_grow() -> None:
    texts = ["abcdefghij" * 20, "{v}" * 600, "{v}" * 600, "{v}{v}{v}"]
    node = Assign(code="a", assignments=[Assignment(name="v", value=text) for text in texts], next="end")
    flow = Flow(entry="a", nodes=[node, HangupNode(code="end")], variables=[FlowVariable(name="v")])
    tracemalloc.start()
    try:
        caller = Caller(flow).enter()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caller.run.variables["v"] == "abcdefghij" * 20
    assert peak < 2_000_000


def test_variables_are_set_one_after_the_other() -> None:
    assignments = [
        Assignment(name="v", value="{caller_number}!"),
        Assignment(name="w", value="{v} {gone}{not a place} {w}"),
        Assignment(name="call_id", value="no flow's own"),
    ]
    node = Assign(code="a", assignments=assignments, next="end")
    flow = Flow(
        entry="a",
        nodes=[node, HangupNode(code="end")],
        variables=[FlowVariable(name="v"), FlowVariable(name="w")],
    )
    caller = Caller(flow, caller_number="{w}", call_id="c").enter()
    assert caller.run.variables == {
        "caller_number": "{w}",
        "call_id": "c",
        "v": "{w}!",
        "w": "{w}! {not a place} ",
    }
