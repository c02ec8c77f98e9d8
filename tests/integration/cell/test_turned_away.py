"""Callers whom nobody can take hear so at once, not the music that had just begun (CTI-I7, CTI-I16)."""

from __future__ import annotations

from typing import Any

import pytest

from core.documents import DestinationKind, QueueDoc, RouteDoc
from tests.integration.cell.conftest import Stage
from tests.integration.cell.test_calls import CALLER, last_record
from tests.support.cell import TENANT, wait_for

FULL, NOBODY = "4008003000", "4008004000"


@pytest.mark.parametrize("number", [FULL, NOBODY], ids=["full-queue", "nobody-on-the-extension"])
def test_music_that_has_just_begun_gives_way_to_the_farewell(stage: Stage, number: str) -> None:
    made: dict[str, Any] = {"tenant_id": TENANT, "version": 1}
    some = {"concurrency": 9}
    stage.cell.publish_now(
        QueueDoc(**made, id=8, code="full", name="Full", max_waiting=1),
        RouteDoc(
            **made,
            **some,
            id=8,
            code="full",
            number=FULL,
            destination=DestinationKind.QUEUE,
            destination_id=8,
        ),
        RouteDoc(
            **made,
            **some,
            id=9,
            code="direct",
            number=NOBODY,
            destination=DestinationKind.EXTENSION,
            destination_id=3,
        ),
    )
    first = ""
    if number == FULL:
        first = stage.outside.call(FULL, "13900139000")
        stage.cell.wait_call("waiting")
    caller = stage.outside.call(number, CALLER)
    wait_for(lambda: any(call.phase == "leaving" for call in stage.cell.calls()), 5, "no farewell")
    wait_for(lambda: not stage.outside.alive(caller), 12, "the music goes on")
    assert last_record(stage, "customer")["hangup_cause"] == "NORMAL_CLEARING"
    if first:
        assert stage.outside.alive(first)
        stage.outside.hang_up(first)
    stage.cell.wait_no_calls()
