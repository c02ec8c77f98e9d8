"""The work list (DSK-7, DSK-9): who sees what, and who dealt with it."""

from __future__ import annotations

import datetime
from typing import Any

from core.clock import to_ms
from core.database import utc_now
from cti.call.model import EndedIn, OfferResult, SegmentKind
from cti.desk.models import CallWrapUp
from cti.models import QueueMember
from cti.records.models import Callback, CallOffer, CallRecord, Direction, Recording, RecordState
from tests.unit.agent_desktop.conftest import World

NOW = utc_now()


def ago(hours: float) -> datetime.datetime:
    return NOW - datetime.timedelta(hours=hours)


def record(world: World, call_id: str, hours: float, **changes: Any) -> int:
    row = CallRecord(
        **{
            "call_id": call_id,
            "state": RecordState.FINAL,
            "caller": "+8613800138000",
            "called": "4008001000",
            "arrived_at": ago(hours),
            "ended_at": ago(hours),
            "ended_in": EndedIn.QUEUE,
            "queue_id": world.ids["sales"],
            "queue_name": "Sales",
            **changes,
        }
    )
    with world.parts.database.transaction(world.ids["one"]) as session:
        session.add(row)
        session.flush()
        found = row.id
        session.commit()
    return found


def add(world: World, *rows: Any) -> None:
    with world.parts.database.transaction(world.ids["one"]) as session:
        session.add_all(rows)
        session.commit()


def entries(world: World, login: str = "anna") -> list[dict[str, Any]]:
    answer = world.client(login).get("/desk/api/work")
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.get_json()["entries"]
    return found


def join_queue(world: World) -> None:
    add(world, QueueMember(queue_id=world.ids["sales"], extension_id=world.ids["8001"]))


def message(world: World, call_id: str, hours: float) -> None:
    add(
        world,
        Recording(
            call_id=call_id,
            segment=1,
            kind=SegmentKind.VOICEMAIL,
            started_at=ago(hours),
            length_ms=5000,
            key="k",
            bytes=1,
            sha256="",
            channels=1,
            created_at=NOW,
        ),
    )


def test_dsk_7_an_agent_sees_what_was_offered_and_what_came_by_the_own_queues(world: World) -> None:
    missed = record(world, "offered", 3, missed=True, queue_id=0, queue_name="", caller="+8613900000001")
    add(
        world,
        CallOffer(
            record_id=missed,
            position=1,
            leg_uuid="x",
            agent_id=world.ids["anna"],
            extension_id=world.ids["8001"],
            queue_id=0,
            offered_at=ago(3),
            result=OfferResult.NO_ANSWER,
        ),
    )
    record(world, "abandoned", 2)
    record(world, "spoke", 1, caller="+8613900000002", agent_id=world.ids["bert"], talk_at=ago(1))
    record(world, "old", 24 * 8)
    assert [each["call_id"] for each in entries(world)] == ["offered"]
    assert [each["call_id"] for each in entries(world, "carl")] == ["abandoned", "offered"], "carl sees all"
    join_queue(world)
    found = entries(world)
    assert [(each["kind"], each["call_id"]) for each in found] == [
        ("abandoned", "abandoned"),
        ("missed", "offered"),
    ]
    assert (found[0]["name"], found[0]["queue"]) == ("Chen", "Sales")


def test_a_call_a_colleague_dialled_and_handed_over_is_lost_work_at_the_customers_number(
    world: World,
) -> None:
    join_queue(world)
    numbers = {"caller": "4008001000", "called": "+8613800138000", "direction": Direction.OUT}
    record(world, "out", 3, agent_id=world.ids["bert"], talk_at=ago(3), queue_id=0, **numbers)
    record(world, "out-2", 2, source_call_id="out", **numbers)
    record(world, "unreached", 1, agent_id=world.ids["bert"], queue_id=0, **numbers)
    (found,) = entries(world)
    assert (found["call_id"], found["number"], found["name"]) == ("out-2", "+8613800138000", "Chen")


def test_one_caller_is_one_entry(world: World) -> None:
    join_queue(world)
    record(world, "left", 2, ended_in=EndedIn.FLOW)
    message(world, "left", 2)
    record(world, "asked", 3, missed=True)
    add(
        world,
        Callback(
            call_id="asked", position=1, number="+8613800138001", queue_id=world.ids["sales"], asked_at=ago(3)
        ),
    )
    assert [each["kind"] for each in entries(world)] == ["voicemail", "callback"]


def test_a_message_left_after_a_transfer_is_work_of_the_queue_it_was_left_in_dsk_7(world: World) -> None:
    support = {"queue_id": world.ids["sales"] + 1, "queue_name": "Support"}
    record(world, "t", 2, ended_in=EndedIn.TRANSFERRED, agent_id=world.ids["bert"], talk_at=ago(2), **support)
    record(world, "t-2", 1.9, source_call_id="t", ended_in=EndedIn.VOICEMAIL)
    message(world, "t", 1.8)
    record(world, "u", 2, ended_in=EndedIn.TRANSFERRED, agent_id=world.ids["bert"], talk_at=ago(2))
    record(world, "u-2", 1.9, source_call_id="u", ended_in=EndedIn.VOICEMAIL, **support)
    message(world, "u", 1.7)
    join_queue(world)
    (shown,) = entries(world)
    assert (shown["kind"], shown["call_id"], shown["queue"]) == ("voicemail", "t-2", "Sales")
    queues = {each["call_id"]: each["queue"] for each in entries(world, "carl")}
    assert queues == {"t-2": "Sales", "u-2": "Support"}, "carl sees all"
    client = world.client("anna")
    assert client.post(f"/desk/api/work/voicemail/{shown['id']}/done", json={}).status_code == 200
    assert client.post(f"/desk/api/work/voicemail/{shown['id'] + 1}/done", json={}).status_code == 404


def test_a_mark_says_who_dealt_with_it_and_can_be_taken_back(world: World) -> None:
    join_queue(world)
    entry_id = record(world, "abandoned", 2)
    client = world.client("anna")
    assert client.post(f"/desk/api/work/abandoned/{entry_id}/done", json={}).status_code == 200
    client.post(f"/desk/api/work/abandoned/{entry_id}/done", json={})
    (shown,) = entries(world, "bert")
    assert (shown["done_by"], shown["by_call"]) == ("Anna", False)
    client.post(f"/desk/api/work/abandoned/{entry_id}/open", json={})
    assert entries(world)[0]["done_ms"] == 0
    assert client.post(f"/desk/api/work/missed/{entry_id}/done", json={}).status_code == 404
    assert client.post("/desk/api/work/voicemail/999/done", json={}).status_code == 404


def test_a_conversation_afterwards_settles_an_entry_one_before_does_not(world: World) -> None:
    join_queue(world)
    record(world, "abandoned", 2)
    spoke = {"agent_id": world.ids["bert"], "agent_name": "Bert"}
    record(world, "before", 4, talk_at=ago(4), **spoke)
    assert entries(world)[0]["done_ms"] == 0
    called = {"direction": Direction.OUT, "caller": "4008001000", "called": "+8613800138000"}
    record(world, "after", 1, talk_at=ago(1), **spoke, **called)
    (shown,) = entries(world)
    assert (shown["done_by"], shown["by_call"], shown["done_ms"]) == ("Bert", True, to_ms(ago(1)))


def test_a_callback_is_called_and_marked_here_as_on_its_own_page(world: World) -> None:
    join_queue(world)
    add(
        world,
        Callback(
            call_id="asked", position=1, number="+8613800138001", queue_id=world.ids["sales"], asked_at=ago(3)
        ),
    )
    entry_id = entries(world)[0]["id"]
    world.controller.rule = lambda command: {"ok": True, "call_id": "c"}
    client = world.client("anna")
    assert client.post(f"/desk/api/work/callback/{entry_id}/call", json={"key": "k1"}).status_code == 200
    assert world.controller.commands[-1].body["to"] == "+8613800138001"
    client.post(f"/desk/api/work/callback/{entry_id}/done", json={"remark": "bought"})
    (shown,) = entries(world)
    assert (shown["done_by"], shown["text"]) == ("Anna", "bought")
    world.client("bert").post(f"/desk/api/work/callback/{entry_id}/done", json={})
    (again,) = entries(world)
    assert (again["done_by"], again["text"]) == ("Anna", "bought"), (
        "who was first stays, with what they wrote"
    )


def test_dsk_9_a_reminder_is_its_owners_and_first(world: World) -> None:
    join_queue(world)
    record(world, "abandoned", 2)
    due = NOW + datetime.timedelta(hours=1)
    add(
        world,
        CallWrapUp(
            call_id="c", account_id=world.ids["anna"], number="+8613800138009", note="Quote", next_call_at=due
        ),
    )
    first = entries(world)[0]
    assert (first["kind"], first["text"], first["due_ms"]) == ("reminder", "Quote", to_ms(due))
    assert [each["kind"] for each in entries(world, "bert")] == ["abandoned"]
    client = world.client("bert")
    assert client.post(f"/desk/api/work/reminder/{first['id']}/done", json={}).status_code == 404
