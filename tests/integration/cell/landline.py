"""What tests of agents on a landline share: a trunk, a company that may call by it, a number bound to extension 1."""

from __future__ import annotations

from typing import Any

import msgspec

from core import keys
from core.documents import DestinationKind, ExtensionDoc, RouteDoc, TenantDoc, TrunkDoc
from cti.controller.trunks import Standing, TrunkState
from tests.integration.cell.conftest import Stage
from tests.support.cell import NUMBER, TENANT, newest, wait_for

CALLER = "13800138000"
BOUND, RINGS = "+8613912345678", "13912345678"
SHOWN, SHOWN_NATIONAL = "+861012345678", "01012345678"
DIRECT = "4008001001"
TRUNK = 4


def extension(n: int = 1, **changes: Any) -> ExtensionDoc:
    """Return an extension as the tests have it, with `changes`."""
    return ExtensionDoc(
        **{
            "id": n,
            "tenant_id": TENANT,
            "version": newest(),
            "number": f"80{n}",
            "web_user": f"w80{n}",
            "sip_user": f"s80{n}",
            "account_ids": (n,),
            "outbound_allowed": True,
            "bound_number": BOUND if n == 1 else "",
            **changes,
        }
    )


def company(**changes: Any) -> TenantDoc:
    """Return the company, which may call out by the trunk."""
    values: dict[str, Any] = {
        "id": TENANT,
        "tenant_id": TENANT,
        "version": newest(),
        "code": "demo",
        "name": "Demo",
        "active": True,
        "caller_ids": {SHOWN: 0},
        "outbound_trunk_id": TRUNK,
    }
    return TenantDoc(**{**values, **changes})


def open_line(stage: Stage) -> Stage:
    """Give a cell a trunk, and a landline bound to extension 1."""
    host, port = stage.outside.trunk("carrier1")
    stage.cell.publish_now(
        company(),
        TrunkDoc(id=TRUNK, tenant_id=0, version=newest(), code="carrier1", host=host, port=port),
        RouteDoc(
            id=6,
            tenant_id=TENANT,
            version=newest(),
            code="direct",
            number=DIRECT,
            concurrency=10,
            destination=DestinationKind.EXTENSION,
            destination_id=1,
        ),
        *(extension(n) for n in (1, 2, 3)),
    )

    def ready() -> bool:
        data = stage.cell.redis.hget(keys.trunks(stage.cell.settings.cell), TRUNK)
        return data is not None and msgspec.json.decode(data, type=Standing).state is TrunkState.READY

    wait_for(ready, 20, stage.cell.tail("cti"))
    return stage


def queued(stage: Stage) -> str:
    """Place a call and press through to the queue; returns the caller."""
    caller = stage.outside.call(NUMBER, CALLER)
    stage.cell.wait_call("flow")
    stage.outside.press(caller, "1")
    return caller


def trunk_places(stage: Stage) -> int:
    """Return how many legs go out by the trunk, as the limits count."""
    return int(stage.cell.redis.hlen(keys.trunk_calls(TRUNK, "out")))


def to_talk(stage: Stage) -> tuple[str, str]:
    """Have a queue's caller talk with agent 1 on the landline; returns caller and landline."""
    stage.cell.sign_in(1, endpoint="landline")
    caller = queued(stage)
    phone = stage.outside.called(RINGS)
    stage.outside.pick_up(phone, as_agent=True)
    stage.cell.wait_agent(1, "talking")
    return caller, phone


def press_until_taken(stage: Stage, phone: str) -> None:
    """Press the key on a landline that was picked up, as people do: once what is asked of them is heard."""

    def taken() -> bool:
        stage.outside.press(phone, "1")
        return stage.cell.agent(1).get("state") == "talking"

    wait_for(taken, 20, "the key does not take the call")
