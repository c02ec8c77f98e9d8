"""A company is suspended or closed with calls up: the operator's choice is what happens (ACC-3)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from core.documents import TenantDoc
from cti.call.model import Call, from_variables
from cti.routing import PAUSED_CAUSE
from tests.integration.cell import test_dial
from tests.integration.cell.conftest import Stage
from tests.integration.cell.test_calls import to_menu, to_talk
from tests.integration.cell.test_dial import DIALLED, line  # noqa: F401 (a fixture)
from tests.support import clock
from tests.support.cell import NUMBER, TENANT, newest, wait_for
from tests.support.outside import RealOutside

CALLER = "13700137000"


@pytest.fixture
def company(line: Stage) -> Iterator[Stage]:  # noqa: F811
    """A cell whose company is active again afterwards."""
    before = line.cell.published("tenant", TENANT)
    assert isinstance(before, TenantDoc)
    for path in line.cell.settings.cdr_dir.glob("*.json"):
        path.unlink()
    yield line
    line.outside.hang_up_all()
    line.cell.publish_now(msgspec.structs.replace(before, version=newest()))


def suspend(stage: Stage) -> None:
    """Do what the web does at the commit, whether the company is suspended or closed."""
    tenant = stage.cell.published("tenant", TENANT)
    stage.cell.publish_now(msgspec.structs.replace(tenant, active=False, version=newest()))


def end_calls(stage: Stage) -> int:
    """Do what the box "End its calls now" does; returns how many there were."""
    result = stage.cell.command("tenant.end_calls")
    assert result["ok"], result
    return int(result["ended"])


def stories(stage: Stage) -> list[tuple[str, Call]]:
    """Return cause and story of each record of a customer's leg."""
    told: list[dict[str, Any]] = [each["variables"] for each in stage.cell.records()]
    return [
        (each["hangup_cause"], from_variables(unquote(each["zj_state"]), unquote(each.get("zj_more", ""))))
        for each in told
        if each.get("zj_leg") == "customer"
    ]


def signed_out(stage: Stage) -> None:
    """Wait until the agent is nobody's any more."""
    wait_for(lambda: not stage.cell.agent(1), 15, f"{stage.cell.agent(1)} {stage.cell.tail('cti')}")


def test_a_number_of_a_suspended_company_is_refused_at_once(company: Stage) -> None:
    suspend(company)
    began = clock.now_s()
    company.outside.call(NUMBER, CALLER)
    (refused,) = wait_for(lambda: stories(company), 5, "no record")
    assert clock.now_s() - began < 3, "call, refusal and record"
    cause, story = refused
    assert (cause, story.refusal, story.tenant_id) == (PAUSED_CAUSE, "tenant-suspended", TENANT)
    assert not story.answered_ms, "nobody is charged for it"
    company.cell.wait_no_calls(1)


def test_calls_may_go_on_and_then_the_agents_are_out(company: Stage) -> None:
    phone = company.agent(1)
    caller = to_talk(company, phone)
    suspend(company)
    time.sleep(1.5)
    assert company.outside.alive(caller)
    assert [call.phase for call in company.cell.calls()] == ["talking"]
    assert test_dial.dial(company)["error"] in ("not-ready", "outbound-not-allowed")
    company.outside.call(NUMBER, CALLER)
    wait_for(lambda: [s for _, s in stories(company) if s.refusal == "tenant-suspended"], 5, "not refused")
    assert company.outside.alive(caller), "the other is refused, this one goes on"
    company.outside.hang_up(caller)
    company.cell.wait_no_calls()
    signed_out(company)
    company.cell.wait_no_legs()
    assert [cause for cause, story in stories(company) if not story.refusal] == ["NORMAL_CLEARING"]


@pytest.mark.parametrize("phase", ["menu", "waiting", "ringing", "talking", "held"])
def test_ended_calls_hear_a_word_first(company: Stage, phase: str) -> None:
    phone = company.agent(1)
    if phase == "waiting":
        company.cell.set_state(1, "away")
    caller = to_talk(company, phone) if phase in ("talking", "held") else to_menu(company)
    if phase in ("waiting", "ringing"):
        company.outside.press(caller, "1")
        company.cell.wait_call("waiting" if phase == "waiting" else "offering")
    if phase == "ringing":
        company.outside.ringing(phone)
    if phase == "held":
        assert company.cell.command("leg.hold", 1, account_id=1)["ok"]
        wait_for(lambda: any(c.held and c.step for c in company.cell.calls()), 5, "no music")
    suspend(company)
    assert end_calls(company) == 1
    said = wait_for(
        lambda: [c for c in company.cell.calls() if c.phase == "leaving" and c.step],
        5,
        company.cell.tail("cti"),
    )
    assert said[0].step.what == "farewell"
    if isinstance(company.outside, RealOutside):
        assert company.outside.alive(caller), "it is told before it is let go"
    company.cell.wait_no_calls(20)
    wait_for(lambda: not company.outside.alive(caller), 5, "the caller is left on the line")
    signed_out(company)
    company.cell.wait_no_legs()
    ((cause, story),) = stories(company)
    assert (cause, story.ended_detail) == ("NORMAL_CLEARING", "company-stopped")
    assert all(segment.ended_ms for segment in story.segments)


@pytest.mark.parametrize("phase", ["calling", "dialling", "talking"])
def test_an_outbound_call_is_ended_in_each_phase(company: Stage, phase: str) -> None:
    phone = company.agent(1)
    called = ""
    if phase == "calling":
        call_id = test_dial.begin(company)
        company.outside.ringing(phone)
    elif phase == "dialling":
        call_id, called = test_dial.to_ringing(company, phone)
    else:
        call_id, called = test_dial.to_talk(company, phone)
    suspend(company)
    assert end_calls(company) == 1
    company.cell.wait_no_calls(20)
    signed_out(company)
    company.cell.wait_no_legs()
    if called:
        assert not company.outside.alive(called)
    records = test_dial.customer_records(company, call_id)
    facts = list(company.cell.settings.facts_dir.glob("*.json"))
    if phase == "calling":
        assert not records, "nobody was called"
        assert test_dial.fact(company, call_id)["call"]["ended_detail"] == "company-stopped"
    else:
        assert (len(records), facts) == (1, []), "one record, the switch's own"
        ((cause, story),) = stories(company)
        assert (cause if phase == "dialling" else story.ended_detail) == (
            "MANAGER_REQUEST" if phase == "dialling" else "company-stopped"
        )
    if isinstance(company.outside, RealOutside):
        legs = company.outside.world.legs
        wait_for(lambda: all(row["dest"] != DIALLED for row in legs()), 5, "the outside rings on")
