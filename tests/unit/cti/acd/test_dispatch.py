"""Scores, terms and reasons as functions (CTI-Q2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.documents import DispatchRule, QueueDoc
from cti.acd import agents as rules
from cti.acd.agents import Agent, AgentState, Place
from cti.acd.dispatch import (
    BAND,
    MAX_BANDS,
    Terms,
    Why,
    asked_level,
    next_relaxation,
    place_in,
    score,
    terms_of,
    why,
)
from cti.acd.waiting_words import told

NOW = 1_900_000_000_000


def agent(**changes: object) -> Agent:
    values: dict[str, object] = {
        "tenant_id": 1, "account_id": 11, "name": "Wang", "extension_id": 21, "extension": "801",
        "endpoint": "web", "user": "w801", "state": AgentState.READY, "since_ms": NOW, "registered": True,
        "queue_ids": (7,), **changes,
    }  # fmt: skip
    return Agent(**values)  # type: ignore[arg-type]


@given(calls=st.integers(0, 10_000), level=st.integers(1, 9), rule=st.sampled_from(list(DispatchRule)))
def test_scores_are_exact_in_doubles(calls: int, level: int, rule: DispatchRule) -> None:
    worst = agent(calls_today=calls, since_ms=BAND - 1, offered_ms=BAND - 1)
    found = score(worst, Place(queue_id=7, rule=rule, level=level))
    assert 0 <= found < 2**53
    assert MAX_BANDS * BAND + BAND < 2**53


@given(level=st.integers(1, 9), step_s=st.integers(0, 60), waited_s=st.integers(0, 900))
def test_a_demand_relaxes_step_by_step_to_the_lowest(level: int, step_s: int, waited_s: int) -> None:
    terms = Terms(rule=DispatchRule.SKILLS, level=level, step_ms=step_s * 1000)
    now = NOW + waited_s * 1000
    asked = asked_level(terms, NOW, now)
    assert 1 <= asked <= level
    due = next_relaxation(terms, NOW, now)
    if asked == 1 or not step_s:
        assert due == 0
        assert asked in (1, level)
        return
    assert now < due <= now + step_s * 1000
    assert asked_level(terms, NOW, due - 1) == asked
    assert asked_level(terms, NOW, due) == asked - 1


def test_only_the_rule_for_skills_asks_for_a_level() -> None:
    values = {
        "id": 7,
        "tenant_id": 1,
        "version": 1,
        "code": "q",
        "name": "Q",
        "skill_level": 8,
        "skill_step_s": 5,
    }
    assert terms_of(QueueDoc(**values)).level == 1  # type: ignore[arg-type]
    skilled = QueueDoc(**values, rule=DispatchRule.SKILLS, levels={21: 9}, extension_ids=(21, 22))  # type: ignore[arg-type]
    assert terms_of(skilled) == Terms(rule=DispatchRule.SKILLS, level=8, step_ms=5000)
    assert (place_in(skilled, 21).level, place_in(skilled, 22).level) == (9, 5)
    assert terms_of(None) == Terms()


@pytest.mark.parametrize(
    ("by", "by_score", "value"),
    [
        ("longest_idle", NOW - 90_000, 90),
        ("round_robin", NOW - 5_000, 5),
        ("round_robin", 0, 0),
        ("fewest_calls", 3 * BAND + NOW, 3),
        ("skills", 2 * BAND + NOW, 7),
        ("random", NOW, 0),
        ("last_agent", NOW, 0),
    ],
)
def test_a_reason_tells_what_the_rule_looked_at(by: str, by_score: int, value: int) -> None:
    found = why(Terms(level=4), by=by, candidates=3, score=by_score, entered_ms=NOW, now_ms=NOW)
    assert (found.rule, found.candidates, found.value) == (by, 3, value)
    assert Why.from_text(found.as_text()) == found
    assert Why.from_text("") is Why.from_text("a/b/c/d") is None


def test_calls_of_the_day_are_counted_once_and_end_with_it() -> None:
    late = 1_900_000_000_000
    taken = rules.claimed(agent(), token="t", leg_id="l", call_id="c", now_ms=late)
    talking = rules.talks(taken, late)
    assert rules.talks(talking, late + 5).calls_today == talking.calls_today == 1
    assert rules.new_day(talking, late) == talking
    assert rules.new_day(talking, late + 86_400_000).calls_today == 0
    assert rules.day_of(1_700_000_000_000, "Asia/Shanghai") == "2023-11-15"
    assert rules.day_of(1_700_000_000_000, "nowhere") == "2023-11-14"


def test_so_many_misses_in_a_row_make_an_agent_away() -> None:
    """CTI-Q4: until then they go on being ready; without a limit the first makes them not responding."""
    here = agent()
    for n in (1, 2):
        after = rules.freed(
            rules.claimed(here, token="t", leg_id="l", call_id="c", now_ms=NOW),
            now_ms=NOW, missed=True, missed_limit=3,
        )  # fmt: skip
        assert after is not None
        assert (after.state, after.missed_in_a_row, after.token) == (AgentState.READY, n, "")
        assert not rules.available(after), "others come before them for the caller they missed"
        here = rules.rested(after)
        assert rules.available(here)
    after = rules.freed(
        rules.claimed(here, token="t", leg_id="l", call_id="c", now_ms=NOW),
        now_ms=NOW, missed=True, missed_limit=3,
    )  # fmt: skip
    assert after is not None
    assert (after.state, after.missed_in_a_row) == (AgentState.AWAY, 3)
    assert not rules.available(after)


@pytest.mark.parametrize("language", ["zh", "en", "fr"])
def test_who_waits_is_told_only_what_is_known(language: str) -> None:
    assert told(language) == ()
    words = [each.text for each in told(language, position=3, wait_s=130, callback_key="#")]
    assert len(words) == 3
    assert "2" in words[0]
    assert "2" in words[1]
    assert "#" not in words[2]
    assert {each.language for each in told(language, position=1, wait_s=5)} == {
        "en" if language == "en" else "zh"
    }
    assert told("en", position=1)[0].text == "You are next in line."
    assert told("en", position=2)[0].text == "There is 1 caller before you."
    assert told("en", wait_s=20)[0].text == "The expected wait is less than 1 minute."
