"""A floor for transfers: two agents with a queue each, a line out, and what their tests do."""

from __future__ import annotations

import time
from typing import Any

from core.documents import DestinationKind, ExtensionDoc, QueueDoc, RouteDoc, TenantDoc, TrunkDoc
from tests.integration.cell.conftest import Stage
from tests.integration.cell.test_dial import trunk_is_ready
from tests.support.cell import NUMBER, TENANT, newest, wait_for
from tests.support.outside import RealOutside

TO, DIALLED = "+8613900139000", "13900139000"
SHOWN = "+861012345678"
TRUNK = 4
CALLER = "13800138000"


def open_floor(stage: Stage) -> Stage:
    """Return a cell whose calls reach agent 1 directly by queue 7; agent 2 serves queue 8; both may call out."""
    host, port = stage.outside.trunk("carrier1")
    made: dict[str, Any] = {"tenant_id": TENANT, "version": newest()}
    stage.cell.publish_now(
        TenantDoc(
            **made,
            id=TENANT,
            code="demo",
            name="Demo",
            active=True,
            caller_ids={SHOWN: 0},
            outbound_trunk_id=TRUNK,
        ),
        TrunkDoc(id=TRUNK, tenant_id=0, version=1, code="carrier1", host=host, port=port),
        RouteDoc(
            **made,
            id=5,
            code="main",
            number=NUMBER,
            concurrency=500,
            destination=DestinationKind.QUEUE,
            destination_id=7,
        ),
        QueueDoc(**made, id=7, code="sales", name="Sales", ring_timeout_s=20, extension_ids=(1,)),
        QueueDoc(**made, id=8, code="service", name="Service", ring_timeout_s=20, extension_ids=(2,)),
        *(
            ExtensionDoc(
                **made,
                id=n,
                number=f"80{n}",
                web_user=f"w80{n}",
                sip_user=f"s80{n}",
                outbound_allowed=True,
                account_ids=(n,),
            )
            for n in (1, 2)
        ),
    )
    wait_for(lambda: trunk_is_ready(stage), 20, stage.cell.tail("cti"))
    return stage


def to_talk(stage: Stage, phone: str) -> str:
    """Place a call that agent 1 answers; returns the caller."""
    caller = stage.outside.call(NUMBER, CALLER)
    stage.outside.answer(phone)
    stage.cell.wait_call("talking")
    stage.cell.wait_agent(1, "talking")
    time.sleep(0.3)
    return caller


def ask(stage: Stage, kind: str, **body: Any) -> dict[str, Any]:
    """Send agent 1's command about their leg."""
    leg_id = stage.cell.agent(1)["leg_id"]
    return stage.cell.command(kind, 1, account_id=1, leg_id=leg_id, **body)


def hear_each_other(stage: Stage, caller: str, phone: str) -> None:
    """The caller hears an agent, and that agent's phone hears the caller."""
    stage.outside.hears(caller, RealOutside.AGENT_HZ)
    stage.outside.hears(phone, RealOutside.CALLER_HZ)


def talks_with(stage: Stage, account: int) -> None:
    """Wait until the call talks with an agent."""
    wait_for(
        lambda: any(c.phase == "talking" and c.agent_id == account for c in stage.cell.calls()),
        15,
        f"agent {account} does not talk; {stage.cell.tail('cti')}",
    )


def consult(stage: Stage, to: dict[str, Any]) -> None:
    """Have agent 1 ask somebody."""
    assert ask(stage, "leg.consult", to=to)["ok"]


def asked_is(stage: Stage, state: str) -> None:
    """Wait until the one who is asked is in a state."""
    wait_for(
        lambda: any(c.consult is not None and c.consult.state == state for c in stage.cell.calls()),
        15,
        f"not {state}; {stage.cell.tail('cti')}",
    )


def in_consultation(stage: Stage) -> tuple[str, str, str]:
    """Have agent 1 talk with agent 2 while the caller hears music; returns caller and both phones."""
    first, second = stage.agent(1), stage.agent(2)
    caller = to_talk(stage, first)
    consult(stage, {"kind": "agent", "id": 2})
    stage.outside.answer(second, RealOutside.THIRD_HZ)
    asked_is(stage, "talking")
    stage.cell.wait_agent(2, "talking")
    return caller, first, second


def three_talk(stage: Stage, caller: str, agent: str, third: str) -> None:
    """Each of the three hears the other two."""
    stage.outside.hears(caller, RealOutside.AGENT_HZ, RealOutside.THIRD_HZ)
    stage.outside.hears(agent, RealOutside.CALLER_HZ, RealOutside.THIRD_HZ)
    stage.outside.hears(third, RealOutside.CALLER_HZ, RealOutside.AGENT_HZ)


def no_agent_is_heard_by(stage: Stage, caller: str) -> None:
    """The caller hears music, nobody's voice."""
    stage.outside.hears(caller, silent=RealOutside.AGENT_HZ)
