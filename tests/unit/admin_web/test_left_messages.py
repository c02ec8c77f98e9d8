"""Messages callers left, and wishes to be called back (CTI-I10, I13)."""

from __future__ import annotations

import datetime
import html
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from sqlalchemy import event, select

from admin_web.records import filters, queries
from admin_web.records.filters import ListKind
from core import phone
from core.database import utc_now
from core.models import Account, AuditEntry, BuiltInRole
from core.store import FileStore
from cti.call.model import EndedIn, PathStep, SegmentKind
from cti.models import ExtensionAccount, QueueMember
from cti.records.models import (
    Callback,
    CallbackState,
    CallNote,
    CallRecord,
    Direction,
    Recording,
    RecordState,
)
from ivr.messages import NoteKind
from ivr.models import Flow
from tests.unit.admin_web.conftest import World

HTMX = {"HX-Request": "true"}
CALLER = "+8613911112222"


def leave(world: World, call_id: str, company: str = "one", **values: Any) -> None:
    """Write a call that left a message, an hour ago."""
    ids, at = world.ids[company], values.pop("at", utc_now() - datetime.timedelta(hours=1))
    path = [
        PathStep(flow_id=ids["flows"], version=1, node="menu", name="Menu", at_ms=_ms(at) - 9000, keys="2"),
        PathStep(flow_id=ids["flows"], version=1, node="box", name="After hours", at_ms=_ms(at) - 4000),
    ]
    with world.parts.database.transaction(ids["tenants"]) as session:
        session.add(
            CallRecord(
                call_id=call_id,
                state=RecordState.FINAL,
                direction=Direction.IN,
                caller=values.pop("caller", CALLER),
                called="+861065550000",
                arrived_at=at,
                ended_at=at,
                ended_in=EndedIn.VOICEMAIL,
                path=msgspec.json.encode(path).decode(),
            )
        )
        session.add(
            Recording(
                call_id=call_id,
                segment=1,
                kind=SegmentKind.VOICEMAIL,
                started_at=at,
                length_ms=7000,
                key=f"recordings/{call_id}.wav",
                bytes=8,
                sha256="0" * 64,
                channels=1,
                created_at=at,
                **values,
            )
        )
        session.commit()
    FileStore(world.parts.settings.store_dir).put(f"recordings/{call_id}.wav", [b"RIFFdata"])


def _ms(at: datetime.datetime) -> int:
    return int(at.timestamp() * 1000)


def recording(world: World, call_id: str) -> Recording:
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        return session.scalars(select(Recording).where(Recording.call_id == call_id)).one()


def wish(world: World, company: str = "one") -> Callback:
    with world.parts.database.transaction(world.ids[company]["tenants"], read_only=True) as session:
        return session.get_one(Callback, world.ids[company]["left_messages"])


def test_cti_i10_a_message_stands_in_the_list_until_it_was_heard(world: World) -> None:
    leave(world, "m-1")
    leave(world, "m-2", company="two", caller="+8613700000000")
    client = world.client("one", "tenant_admin")
    page = client.get("/left-messages").get_data(as_text=True)
    for text in (phone.display(CALLER), "After hours", "Welcome", "/records/calls/m-1/recordings/1"):
        assert text in page
    assert "m-2" not in page, "another company's"
    assert "m-1" in client.get("/left-messages?state=new").get_data(as_text=True)
    assert "m-1" not in client.get("/left-messages?state=heard").get_data(as_text=True)
    assert recording(world, "m-1").heard_at is None
    assert client.get("/records/calls/m-1/recordings/1").data == b"RIFFdata"
    heard = recording(world, "m-1")
    assert heard.heard_at is not None
    supervisor = world.client("one", "supervisor")
    supervisor.get("/records/calls/m-1/recordings/1")
    assert recording(world, "m-1").heard_at == heard.heard_at, "who heard it first stays"
    assert "tenant_admin" in client.get("/left-messages?state=heard").get_data(as_text=True)
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        lines = [f"{each.module}.{each.action}" for each in session.scalars(select(AuditEntry))]
    assert lines.count("recordings.play") == 2


def test_a_part_of_it_or_a_talk_is_not_hearing_a_message(world: World) -> None:
    leave(world, "m-1")
    client = world.client("one", "tenant_admin")
    with client.get("/records/calls/m-1/recordings/1", headers={"Range": "bytes=4-"}) as part:
        assert (part.status_code, part.data) == (206, b"data")
    with client.head("/records/calls/m-1/recordings/1") as looked_at:
        assert looked_at.status_code == 200
    assert recording(world, "m-1").heard_at is None


def test_messages_are_found_by_number_and_day(world: World) -> None:
    leave(world, "m-1")
    leave(world, "m-old", caller="+8613800000001", at=utc_now() - datetime.timedelta(days=40))
    client = world.client("one", "tenant_admin")
    assert "m-old" not in client.get("/left-messages?number=1111").get_data(as_text=True)
    leave(world, "m-office", caller="+861065551234")
    for written in ("010-65551234", "010 6555 1234", "65551234"):
        found = client.get("/left-messages", query_string={"number": written}).get_data(as_text=True)
        assert ("m-office" in found, "m-1" in found) == (True, False), f"{written}, as the list shows it"
    week = (utc_now() - datetime.timedelta(days=7)).strftime("%Y-%m-%d")
    assert "m-old" not in client.get(f"/left-messages?from={week}").get_data(as_text=True)
    older = client.get(f"/left-messages?to={week}").get_data(as_text=True)
    assert "m-old" in older
    assert "m-1/" not in older
    huge = "9" * 25
    odds = ("from=x", "to=9999-12-31", "before=x_y", "state=x", "number=%00", f"queue_id={huge}")
    for odd in (*odds, f"flow_id={huge}", "flow_id=-1"):
        assert client.get(f"/left-messages?{odd}").status_code == 200, odd
        assert client.get(f"/left-messages/callbacks?{odd}").status_code == 200, odd


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("from=2026-02-02", "2026-02-02 00:00", "2026-02-28 23:59"),
        ("to=2026-02-11", "2026-02-01 00:00", "2026-02-11 23:59"),
        ("from=2026-02-03&to=2026-02-04", "2026-02-03 00:00", "2026-02-04 23:59"),
    ],
)
def test_cti_c5_an_export_of_messages_is_of_the_month_looked_at_and_of_the_flow(
    world: World, typed: str, first: str, last: str
) -> None:
    leave(world, "m-1", at=datetime.datetime(2026, 2, 3, 20, tzinfo=datetime.UTC))
    flow_id = world.ids["one"]["flows"]
    client = world.client("one", "tenant_admin")
    page = client.get(f"/left-messages?{typed}&flow_id={flow_id}").get_data(as_text=True)
    (address,) = re.findall(r'"(/records/export/messages\?[^"]*)"', page)
    asked = parse_qs(urlsplit(html.unescape(address)).query)
    assert (asked["from"], asked["to"], asked["flow_id"]) == ([first], [last], [str(flow_id)])
    drawer = client.get(html.unescape(address)).get_data(as_text=True)
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        assert session.get_one(Flow, flow_id).name in drawer
        month = {"from": "2026-02-01 00:00", "to": "2026-02-28 23:59"}
        for wanted, count in ((str(flow_id), 1), (str(flow_id + 1), 0)):
            found = filters.parse(ListKind.MESSAGES, {**month, "flow_id": wanted}, "UTC")
            assert queries.count(session, found) == count


def test_messages_and_wishes_are_found_by_flow(world: World) -> None:
    leave(world, "m-1")
    flow_id = world.ids["one"]["flows"]
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        row = session.get_one(Callback, world.ids["one"]["left_messages"])
        record = session.scalars(select(CallRecord).where(CallRecord.call_id == "m-1")).one()
        note = CallNote(
            record_id=record.id,
            call_id=row.call_id,
            position=row.position,
            kind=NoteKind.CALLBACK,
            value=row.number,
            flow_id=flow_id,
            noted_at=row.asked_at,
        )
        session.add(note)
        session.commit()
    client = world.client("one", "tenant_admin")
    for address, text in (("/left-messages", "m-1"), ("/left-messages/callbacks", "zj-callback-")):
        assert 'name="flow_id"' in client.get(address).get_data(as_text=True)
        assert text in client.get(f"{address}?flow_id={flow_id}").get_data(as_text=True)
        assert text not in client.get(f"{address}?flow_id={flow_id}0").get_data(as_text=True)
        assert text not in client.get(f"{address}?flow_id={flow_id + 1}").get_data(as_text=True)


def test_messages_are_pages_by_key_with_a_fixed_number_of_queries(world: World) -> None:
    begin = utc_now() - datetime.timedelta(hours=5)
    for number in range(45):
        leave(world, f"m-{number:02}", at=begin + datetime.timedelta(minutes=number // 2))
    client, statements = world.client("one", "tenant_admin"), []
    event.listen(world.parts.database.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    page, seen = client.get("/left-messages").get_data(as_text=True), []
    assert len([text for text in statements if "FROM cti_recording" in text or "FROM ivr_flow" in text]) == 3
    for _ in range(3):
        seen += [n for n in range(45) if f"/m-{n:02}/recordings/1/peaks" in page]
        following = [part for part in page.split('"') if part.startswith("/left-messages?before=")]
        page = client.get(following[-1].replace("&amp;", "&")).get_data(as_text=True) if following else ""
    assert sorted(seen) == list(range(45))


def test_cti_i13_a_wish_to_be_called_back_is_done_and_reopened(world: World) -> None:
    client, row_id = world.client("one", "tenant_admin"), world.ids["one"]["left_messages"]
    page = client.get("/left-messages/callbacks?state=open").get_data(as_text=True)
    assert phone.display("+8613800138000") in page
    assert f'data-dial="{wish(world).number}"' in page
    address = f"/left-messages/callbacks/{row_id}"
    assert 'name="remark"' in client.get(f"{address}/done", headers=HTMX).get_data(as_text=True)
    long = client.post(f"{address}/done", data={"remark": "x" * 501}, headers=HTMX)
    assert long.status_code == 422
    done = client.post(f"{address}/done", data={"remark": "Wants an offer"}, headers=HTMX)
    assert "zj:changed" in done.headers["HX-Trigger"]
    row = wish(world)
    assert (row.state, row.remark, row.done_at is not None) == (CallbackState.DONE, "Wants an offer", True)
    page = client.get("/left-messages/callbacks").get_data(as_text=True)
    assert "Wants an offer" in page
    assert "tenant_admin" in page
    assert "Wants an offer" not in client.get("/left-messages/callbacks?state=open").get_data(as_text=True)
    assert client.post(f"{address}/reopen", headers=HTMX).status_code == 200
    assert wish(world).state is CallbackState.OPEN
    assert client.post(f"{address}/reopen", headers=HTMX).status_code == 409
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [f"{each.module}.{each.action}" for each in entries[-2:]] == [
        "records.callback-done",
        "records.callback-reopen",
    ]


@pytest.mark.parametrize("member", [False, True])
def test_an_agent_sees_the_wishes_of_their_own_queues(world: World, member: bool) -> None:
    ids = world.ids["one"]
    with world.parts.database.transaction(ids["tenants"]) as session:
        agent = session.scalars(select(Account).where(Account.login == BuiltInRole.AGENT.value)).one()
        session.get_one(Callback, ids["left_messages"]).queue_id = ids["queues"]
        session.add(ExtensionAccount(extension_id=ids["extensions"], account_id=agent.id))
        if member:
            session.add(QueueMember(queue_id=ids["queues"], extension_id=ids["extensions"]))
        session.commit()
    client = world.client("one", BuiltInRole.AGENT.value)
    assert client.get("/left-messages").location.endswith("/left-messages/callbacks")
    page = client.get("/left-messages/callbacks").get_data(as_text=True)
    assert (phone.display("+8613800138000") in page) is member
    answer = client.post(f"/left-messages/callbacks/{ids['left_messages']}/done", headers=HTMX)
    assert answer.status_code == (200 if member else 404)


def test_cti_i15_a_calls_page_tells_its_way_its_keys_and_what_the_caller_said(world: World) -> None:
    leave(world, "m-1")
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        record = session.scalars(select(CallRecord).where(CallRecord.call_id == "m-1")).one()
        steps = json.loads(record.path)
        steps[0]["exit"], steps[1]["exit"] = "key:2", "caller-hung-up"
        record.path = json.dumps(steps)
        said = ((NoteKind.SURVEY, "4"), (NoteKind.CONSENT, "no"), (NoteKind.CALLBACK, CALLER))
        for position, (kind, value) in enumerate(said, start=1):
            session.add(
                CallNote(
                    record_id=record.id,
                    call_id="m-1",
                    position=position,
                    kind=kind,
                    value=value,
                    node="n",
                    node_name="Asked",
                    queue_id=world.ids["one"]["queues"],
                    noted_at=record.arrived_at,
                )
            )
        session.commit()
    client = world.client("one", "tenant_admin")
    client.set_cookie("zj_language", "en")
    page = client.get("/records/calls/m-1").get_data(as_text=True)
    for text in (
        "IVR node Menu, key 2",
        "IVR node After hours: hung up",
        "Asked: Satisfaction: 4",
        "Asked: Does not agree to be recorded",
        f"Asked: Wants to be called back at {phone.display(CALLER)} by Sales",
    ):
        assert text in page, text
