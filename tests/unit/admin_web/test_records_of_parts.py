"""Sounds, messages and legs of a transferred call are shown with the part they belong to (CTI-C4, C6, I10, SUP-8)."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any

import pytest
from sqlalchemy import event, select

from admin_web.api.scopes import ApiScope
from core.clock import to_ms
from core.models import Account
from core.permissions import Permission
from core.store import FileStore
from cti.call.model import EndedIn, LegKind, OfferResult, SegmentKind
from cti.desk.models import CallWrapUp
from cti.records.models import CallLeg, CallOffer, CallRecord, Direction, Recording
from ivr.models import Flow
from tests.unit.admin_web.api.support import program
from tests.unit.admin_web.conftest import World
from tests.unit.admin_web.test_records import AT, HTMX, MONTH, add, last_job, worker
from tests.unit.admin_web.test_supervised_queues import Floor

DAYS = {"from": "2026-10-01", "to": "2026-10-31"}
LATER = AT + datetime.timedelta(seconds=60)
END = AT + datetime.timedelta(seconds=100)
BOTH = {1: b"RIFFtalk", 2: b"RIFFleft"}


def sound(world: World, call_id: str, segment: int, at: datetime.datetime, **values: Any) -> None:
    """Store a segment of a call."""
    data = BOTH[segment]
    key = f"recordings/{call_id}-{segment}.wav"
    kept: dict[str, Any] = {"length_ms": 5000, "bytes": len(data), "sha256": "0" * 64, "channels": 2} | values
    keep(world, Recording(call_id=call_id, segment=segment, started_at=at, key=key, created_at=at, **kept))
    FileStore(world.parts.settings.store_dir).put(key, [data])


def keep(world: World, *rows: Any) -> None:
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        session.add_all(rows)
        session.commit()


def transferred(
    floor: Floor, call_id: str, *, listed: bool = True, left_at: datetime.datetime | None = None
) -> None:
    """A talk with the seller, a transfer to Support where nobody was, and a message there: two parts."""
    world = floor.world

    def segments(number: int, at: datetime.datetime) -> str:
        name = f"{floor.tenant}/{call_id}-{number}.wav"
        return (
            json.dumps([{"name": name, "started_ms": to_ms(at)}], separators=(",", ":")) if listed else "[]"
        )

    def path(flow_id: int, node: str, at: datetime.datetime) -> str:
        step = {"flow_id": flow_id, "version": 1, "node": node, "name": node, "at_ms": to_ms(at)}
        return json.dumps([step], separators=(",", ":"))

    flow = world.ids["one"]["flows"]
    left_at = left_at or LATER + datetime.timedelta(seconds=20)
    sold: dict[str, Any] = {
        "queue_id": floor.sales,
        "queue_name": "Sales",
        "agent_id": floor.seller,
        "talk_at": AT,
    }
    add(
        world, call_id, **sold, ended_in=EndedIn.TRANSFERRED, ended_at=LATER, segments=segments(1, AT),
        path=path(flow, "Greeting", AT - datetime.timedelta(seconds=5)),
    )  # fmt: skip
    add(
        world, f"{call_id}-2", source_call_id=call_id, queue_id=floor.support, queue_name="Support",
        arrived_at=LATER, ended_at=END, ended_in=EndedIn.VOICEMAIL, segments=segments(2, left_at),
        path=path(flow + 1, "Nobody there", LATER + datetime.timedelta(seconds=10)),
    )  # fmt: skip
    sound(world, call_id, 1, AT + datetime.timedelta(seconds=1), agent_id=floor.seller)
    sound(world, call_id, 2, left_at, kind=SegmentKind.VOICEMAIL, channels=1)


def heard(floor: Floor, call_id: str) -> bool:
    with floor.world.parts.database.transaction(floor.tenant, read_only=True) as session:
        found = select(Recording).where(Recording.call_id == call_id, Recording.segment == 2)
        return session.scalars(found).one().heard_at is not None


@pytest.fixture
def floor(world: World) -> Floor:
    """Two queues, a supervisor of each."""
    return Floor(world)


def test_a_message_left_after_a_transfer_is_the_next_queues_cti_c6_sup_8(floor: Floor) -> None:
    transferred(floor, "t")
    texts = {
        login: floor.world.client("one", login)
        .get("/left-messages", query_string=DAYS)
        .get_data(as_text=True)
        for login in ("of-sales", "of-support", "tenant_admin")
    }
    assert "/records/calls/t/recordings/2" not in texts["of-sales"]
    for login in ("of-support", "tenant_admin"):
        assert "/records/calls/t/recordings/2" in texts[login], login
        assert 'href="/records/calls/t-2"' in texts[login], "the part's own page is opened"
        assert "Nobody there" in texts[login], "left in the part's node"


def test_a_message_of_a_later_part_is_played_from_the_list_and_then_heard_cti_i10(floor: Floor) -> None:
    transferred(floor, "t")
    client = floor.world.client("one", "of-support")
    page = client.get("/left-messages", query_string=DAYS).get_data(as_text=True)
    played, downloaded = re.findall(r'(?:data-audio|download href)="([^"]+)"', page)
    assert not heard(floor, "t")
    assert client.get(played).data == BOTH[2]
    assert heard(floor, "t")
    assert client.get(downloaded).data == BOTH[2]
    assert client.get("/records/calls/t-2/recordings/2").data == BOTH[2], "and by the part's id"
    state = client.get("/left-messages", query_string={**DAYS, "state": "new"}).get_data(as_text=True)
    assert "recordings/2" not in state


def test_a_segment_is_found_by_the_whole_calls_id_by_whoever_sees_its_part_sup_8(floor: Floor) -> None:
    transferred(floor, "t")
    world = floor.world
    statuses = {
        login: [
            world.client("one", login).get(f"/records/calls/{address}").status_code
            for address in ("t/recordings/1", "t/recordings/2", "t-2/recordings/1", "t-2/recordings/2")
        ]
        for login in ("tenant_admin", "of-sales", "of-support")
    }
    assert statuses == {
        "tenant_admin": [200, 200, 404, 200],
        "of-sales": [200, 404, 404, 404],
        "of-support": [404, 200, 404, 200],
    }
    stranger = world.client("two", "tenant_admin")
    assert {stranger.get(f"/records/calls/t/recordings/{number}").status_code for number in (1, 2)} == {404}


def test_the_interface_gives_segments_of_all_parts_by_the_id_webhooks_carry(floor: Floor) -> None:
    transferred(floor, "t")
    found = {}
    reads = (ApiScope.RECORDS_READ, ApiScope.RECORDINGS_READ)
    asking = {
        login: program(floor.world, reads, login=login)
        for login in ("tenant_admin", "of-sales", "of-support")
    }
    asking["stranger"] = program(floor.world, reads, company="two")
    for who, get in asking.items():
        answers = [get.get(f"/call-records/t/recordings/{number}") for number in (1, 2)]
        found[who] = [answer.data if answer.status_code == 200 else answer.status_code for answer in answers]
    assert found == {
        "tenant_admin": [BOTH[1], BOTH[2]],
        "of-sales": [BOTH[1], 404],
        "of-support": [404, BOTH[2]],
        "stranger": [404, 404],
    }
    refused = asking["of-sales"].get("/call-records/t/recordings/2").get_data(as_text=True)
    assert "t-2" not in refused, "nor is it said which part has it"
    lists = {}
    for who, get in asking.items():
        answers = [get.get(f"/call-records/{call_id}/recordings") for call_id in ("t", "t-2")]
        lists[who] = [
            [each["segment"] for each in answer.get_json()["items"]]
            if answer.status_code == 200
            else answer.status_code
            for answer in answers
        ]
    assert lists == {
        "tenant_admin": [[1, 2], [2]],
        "of-sales": [[1], 404],
        "of-support": [[2], [2]],
        "stranger": [404, 404],
    }


def test_the_interface_lists_of_other_parts_what_an_agent_may_hear(floor: Floor) -> None:
    """Who talked in one part, or was only offered another, lists by the whole call's id what the pages give them."""
    world = floor.world
    transferred(floor, "t")
    add(
        world, "o", agent_id=floor.helper, talk_at=AT, ended_in=EndedIn.TRANSFERRED, ended_at=LATER,
        segments='[{"name":"1/o-1.wav","started_ms":1}]',
    )  # fmt: skip
    add(
        world, "o-2", source_call_id="o", agent_id=floor.helper, arrived_at=LATER, offered=[floor.seller],
        segments='[{"name":"1/o-2.wav","started_ms":1}]',
    )  # fmt: skip
    sound(world, "o", 1, AT, agent_id=floor.helper)
    sound(world, "o", 2, LATER, agent_id=floor.helper)
    lists = {}
    for login, account in (("seller", floor.seller), ("helper", floor.helper)):
        with world.parts.database.transaction(floor.tenant) as session:
            row = session.get_one(Account, account)
            row.apply_role = False
            rights = (Permission.RECORDS_OWN, Permission.RECORDINGS_DOWNLOAD, Permission.API_EDIT)
            row.permissions = json.dumps([each.value for each in rights])
            session.commit()
        get = program(world, (ApiScope.RECORDINGS_READ,), login=login)
        answers = [get.get(f"/call-records/{call_id}/recordings") for call_id in ("t", "o", "o-2")]
        lists[login] = [
            [each["segment"] for each in answer.get_json()["items"]]
            if answer.status_code == 200
            else answer.status_code
            for answer in answers
        ]
    assert lists == {"seller": [[1], 404, []], "helper": [404, [1, 2], [2]]}


def test_messages_are_filtered_and_exported_by_the_part_they_were_left_in_cti_c5(floor: Floor) -> None:
    transferred(floor, "t")
    world = floor.world
    with world.parts.database.transaction(floor.tenant) as session:
        second = Flow(code="support", name="Support flow")
        session.add(second)
        session.flush()
        flow, then = world.ids["one"]["flows"], second.id
        row = session.scalars(select(CallRecord).where(CallRecord.call_id == "t-2")).one()
        row.path = row.path.replace(f'"flow_id":{flow + 1},', f'"flow_id":{then},')
        session.commit()
    client = world.client("one", "tenant_admin")
    for flow_id, shown in ((flow, False), (then, True)):
        query = {**DAYS, "flow_id": flow_id}
        page = client.get("/left-messages", query_string=query).get_data(as_text=True)
        assert ("recordings/2" in page) is shown
        assert ("Support flow</td>" in page or "Support flow <span" in page) is shown
    for login, done in (("of-sales", False), ("of-support", True)):
        world.client("one", login).post("/records/export/messages/recordings", data=MONTH)
        assert worker(world).step()
        assert (last_job(world).state.value == "done") is done, login


@pytest.mark.parametrize(
    ("left_at", "part"),
    [
        (LATER + datetime.timedelta(seconds=20), "t-2"),
        (LATER - datetime.timedelta(seconds=1), "t"),
        (AT - datetime.timedelta(seconds=3), "t"),
    ],
)
def test_a_segment_no_part_lists_belongs_to_the_part_of_its_time(
    floor: Floor, left_at: datetime.datetime, part: str
) -> None:
    transferred(floor, "t", listed=False, left_at=left_at)
    client = floor.world.client("one", "tenant_admin")
    page = client.get("/left-messages", query_string=DAYS).get_data(as_text=True)
    assert f'href="/records/calls/{part}"' in page
    assert client.get("/records/calls/t/recordings/2").data == BOTH[2]
    assert f"/records/calls/{part}/recordings/2" in client.get(f"/records/calls/{part}").get_data(
        as_text=True
    )


def test_a_segment_belongs_to_the_part_that_lists_it_whatever_its_files_time_says(floor: Floor) -> None:
    transferred(floor, "t", left_at=LATER - datetime.timedelta(milliseconds=300))
    for login, status in (("of-support", 200), ("of-sales", 404)):
        answer = floor.world.client("one", login).get("/records/calls/t/recordings/2")
        assert answer.status_code == status, login


def test_among_many_parts_a_segment_is_its_own_ones_only(floor: Floor) -> None:
    world = floor.world
    for number in range(1, 13):
        at = AT + datetime.timedelta(seconds=10 * number)
        name = f"{floor.tenant}/m-{number}.wav"
        last: dict[str, Any] = {} if number == 12 else {"ended_in": EndedIn.TRANSFERRED}
        add(
            world, "m" if number == 1 else f"m-{number}", source_call_id="" if number == 1 else "m",
            arrived_at=at, segments=json.dumps([{"name": name, "started_ms": to_ms(at)}], separators=(",", ":")),
            **last,
        )  # fmt: skip
        BOTH.setdefault(number, b"RIFF%d" % number)
        sound(world, "m", number, at)
    client = world.client("one", "tenant_admin")
    shown = {}
    for number in (1, 2, 11, 12):
        page = client.get(f"/records/calls/{'m' if number == 1 else f'm-{number}'}").get_data(as_text=True)
        shown[number] = set(re.findall(r'data-audio="[^"]*/recordings/(\d+)"', page))
        assert len(set(re.findall(r'href="/records/calls/(m[-0-9]*)"', page))) == 11, "the other parts"
    assert shown == {1: {"1"}, 2: {"2"}, 11: {"11"}, 12: {"12"}}


def test_messages_of_ordinary_and_transferred_calls_are_one_query(floor: Floor) -> None:
    statements: list[str] = []
    engine = floor.world.parts.database.engine
    event.listen(engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    counts = []
    for number in range(3):
        transferred(floor, f"t{number}")
        client = floor.world.client("one", "of-support")
        statements.clear()
        client.get("/left-messages", query_string=DAYS, headers=HTMX)
        counts.append(
            len([text for text in statements if "cti_recording" in text or "cti_call_record" in text])
        )
    assert counts == [1, 1, 1]


def test_who_was_only_offered_a_call_does_not_hear_the_colleague_who_talked(floor: Floor) -> None:
    world = floor.world
    add(world, "rang", agent_id=floor.helper, talk_at=AT, offered=[floor.seller])
    sound(world, "rang", 1, AT, agent_id=floor.helper)
    sound(world, "rang", 2, LATER, agent_id=0, kind=SegmentKind.VOICEMAIL, channels=1)
    found = {}
    for login, account in (("seller", floor.seller), ("helper", floor.helper)):
        with world.parts.database.transaction(floor.tenant) as session:
            row = session.get_one(Account, account)
            row.apply_role = False
            rights = (Permission.RECORDS_OWN, Permission.RECORDINGS_PLAY)
            row.permissions = json.dumps([each.value for each in rights])
            session.commit()
        client = world.client("one", login)
        page = client.get("/records/calls/rang").get_data(as_text=True)
        shown = set(re.findall(r'data-audio="[^"]*/recordings/(\d+)"', page))
        statuses = [client.get(f"/records/calls/rang/recordings/{n}").status_code for n in (1, 2)]
        found[login] = (shown, statuses)
    assert found == {"seller": ({"2"}, [404, 200]), "helper": ({"1", "2"}, [200, 200])}


def test_who_talked_in_one_part_hears_and_sees_that_part_alone(floor: Floor) -> None:
    """The other agents' talks, legs, parts and wrap-ups of a transferred call are theirs."""
    world = floor.world
    first: dict[str, Any] = {
        "agent_id": floor.seller,
        "talk_at": AT,
        "ended_in": EndedIn.TRANSFERRED,
        "ended_at": LATER,
    }
    listed = '[{"name":"1/t-%d.wav","started_ms":1}]'
    one = add(world, "t", segments=listed % 1, queue_id=floor.sales, **first)
    two = add(
        world, "t-2", segments=listed % 2, source_call_id="t", arrived_at=LATER, agent_id=floor.helper,
        queue_id=floor.support, talk_at=LATER,
    )  # fmt: skip
    sound(world, "t", 1, AT, agent_id=floor.seller)
    sound(world, "t", 2, LATER, agent_id=floor.helper)
    leg = {"call_id": "t", "direction": Direction.OUT, "started_at": AT, "ended_at": END}
    keep(
        world,
        CallLeg(leg_uuid="t", kind=LegKind.CUSTOMER, from_number="13900139000", **leg),
        CallLeg(leg_uuid="leg-1", kind=LegKind.AGENT, to_number="8001", agent_id=floor.seller, **leg),
        CallLeg(leg_uuid="leg-2", kind=LegKind.AGENT, to_number="8002", agent_id=floor.helper, **leg),
        *(
            CallOffer(
                record_id=record_id, position=1, leg_uuid=f"leg-{number}", agent_id=agent, extension_id=1,
                queue_id=1, offered_at=AT, answered_at=AT, result=OfferResult.ANSWERED,
            )
            for number, record_id, agent in ((1, one, floor.seller), (2, two, floor.helper))
        ),
        *(
            CallWrapUp(call_id="t", account_id=agent, account_name=name, number="+86", note=name, saved_at=AT)
            for agent, name in ((floor.seller, "by the seller"), (floor.helper, "by the helper"))
        ),
    )  # fmt: skip
    reads = (ApiScope.RECORDS_READ,)
    for login, legs in (
        ("of-sales", {"t", "leg-1"}),
        ("tenant_admin", {"t", "leg-1", "leg-2"}),
    ):
        found = program(world, reads, login=login).get("/call-records/t").get_json()["legs"]
        assert {each["leg_id"] for each in found} == legs, login
    client = world.client("one", "seller")
    page = client.get("/records/calls/t").get_data(as_text=True)
    assert "by the seller" in page
    assert "by the helper" not in page
    assert "8002" not in page
    assert "t-2" not in page, "a part of somebody else's"
    assert client.get("/records/calls/t-2").status_code == 404
    admin = world.client("one", "tenant_admin").get("/records/calls/t").get_data(as_text=True)
    assert "t-2" in admin
    assert "8002" in admin


def test_of_a_call_offered_to_them_they_see_no_colleagues_wrap_up(floor: Floor) -> None:
    world = floor.world
    add(world, "rang", agent_id=floor.helper, talk_at=AT, offered=[floor.seller])
    keep(
        world,
        CallWrapUp(
            call_id="rang", account_id=floor.helper, account_name="helper", number="+86", note="Wants money back",
            saved_at=AT,
        ),
    )  # fmt: skip
    for login, shown in (("seller", False), ("helper", True), ("tenant_admin", True)):
        page = world.client("one", login).get("/records/calls/rang").get_data(as_text=True)
        assert ("Wants money back" in page) is shown, login
