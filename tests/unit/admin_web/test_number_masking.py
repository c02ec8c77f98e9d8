"""Every page, answer, file and stream as an account that may not see telephone numbers in full, and as one that may
(ACC-14).
"""

from __future__ import annotations

import dataclasses
import datetime
import io
import json
import re
import zipfile
from collections.abc import Iterator

import msgspec
import pytest
from sqlalchemy import select

from admin_web.accounts_transfer import importing
from admin_web.api.models import ApiCall
from admin_web.api.scopes import ApiScope
from admin_web.webhooks import deliveries
from admin_web.webhooks.models import WebhookDelivery, WebhookEndpoint
from core import accounts, audit, bus, phone
from core.clock import to_ms
from core.database import utc_now
from core.groups.models import UserGroup
from core.jobs.models import BackgroundJob
from core.models import Account, AuditEntry, Role
from core.number_masking import masked, masked_keys, masked_number, masked_text
from core.outbox import service as outbox
from core.outbox.kinds import EventKind
from core.permissions import COMPANY, Permission, encode
from core.views import View
from crm.models import Customer
from cti.call.model import EndedIn, PathStep, SegmentKind
from cti.models import CallerRule, CallerRuleKind, Extension
from cti.records.models import Callback, CallLeg, CallNote, CallRecord, Direction, Recording
from ivr.messages import NoteKind
from sms.models import SmsMessage, SmsSource
from tests.unit.admin_web.api.support import program
from tests.unit.admin_web.api.world import CALL, add_record, put_call, sign_in_agent
from tests.unit.admin_web.conftest import PASSWORD, World
from tests.unit.admin_web.test_accounts_transfer import upload, work

OUTBOUND = "0b8f4e0c-5d0d-4b5c-9a55-1f0f6a2d7c12"
LIVE = "0b8f4e0c-5d0d-4b5c-9a55-1f0f6a2d7c13"
NUMBERS = {
    "caller": "+8613811110001",
    "called": "+8613811110002",
    "leg": "+8613811110003",
    "customer": "+8613811110004",
    "landline": "+861088880010",
    "rule": "+8613811110005",
    "mobile": "+8613811110006",
    "bound": "+8613811110007",
    "ringing": "+8613811110008",
    "delivered": "+8613811110009",
    "offered": "+8613811110011",
    "before": "+8613811110012",
    "noted": "+8613811110013",
    "wished": "+8613811110014",
    "texted": "+8613811110018",
    "told": "+8613811110019",
    "sent": "+8613811110020",
    "dialled": "+8613811110021",
}
TYPED = ("13811110015#", "1381111001613811110017")
"""What the caller typed in the flow: a number, and two in a row."""
BEGINNING = "+861381111*"
"""A rule for many callers: tells seven digits, of which four are hidden."""


def secret_of(stored: str) -> str:
    """Return the digits no answer may hold in a row: eight, the hidden four among them, in whatever form."""
    return stored[-8:]


@dataclasses.dataclass
class Filled:
    """A company with a number in every place there is, seen by one account."""

    world: World
    login: str
    ids: dict[str, int]
    position: str
    """Of the live stream, before its events."""


def fill(world: World, *, full: bool) -> Filled:
    """Give company ``one`` an account with every right but, unless `full`, the numbers', and a number everywhere."""
    tenant, ids = world.ids["one"]["tenants"], dict(world.ids["one"])
    rights = COMPANY if full else COMPANY - {Permission.NUMBERS_FULL}
    with world.parts.database.transaction(tenant) as session:
        role = Role(code="reader", name="Reader", permissions=encode(rights))
        session.add(role)
        session.flush()
        reader = accounts.create_account(session, login="reader", name="Reader", role=role, password=PASSWORD)
        reader.mobile = NUMBERS["mobile"]
        audit.record(session, None, "accounts.edit", reader, {"mobile": [NUMBERS["before"], reader.mobile]})
        session.get_one(Extension, ids["extensions"]).bound_number = NUMBERS["bound"]
        rows = [
            CallerRule(kind=CallerRuleKind.BLOCK, pattern=NUMBERS["rule"]),
            CallerRule(kind=CallerRuleKind.BLOCK, pattern=BEGINNING),
            Customer(name="Wu", phone=NUMBERS["customer"]),
            Customer(name="Xu", phone=NUMBERS["landline"]),
        ]
        session.add_all(rows)
        session.flush()
        for row in rows[:3]:
            audit.record(session, None, "routes.caller-rule-add", row)
        dialled = ApiCall(call_id="dialled", account_id=reader.id, number=NUMBERS["dialled"])
        session.add(dialled)
        session.flush()
        audit.record(session, None, "calls.dial", dialled)
        ids |= {"accounts": reader.id, "caller_rules": rows[0].id, "customers": rows[2].id}
        ids["roles"] = role.id
        ids["groups"] = session.scalars(select(UserGroup.id)).first() or 0
        session.commit()
    own = World(world.app, world.parts, {**world.ids, "one": ids})
    _calls(own)
    return Filled(own, "reader", own.ids["one"], _happenings(own))


def _calls(world: World) -> None:
    now = utc_now() - datetime.timedelta(minutes=1)
    typed = [
        PathStep(
            flow_id=1,
            version=1,
            node=f"n{number}",
            name="Number",
            at_ms=to_ms(now),
            keys=each,
            exit=exit_name,
        )
        for number, (each, exit_name) in enumerate(zip(TYPED, ("next", ""), strict=True))
    ]
    path = msgspec.json.encode(
        [*typed, PathStep(flow_id=1, version=1, node="m", name="Menu", keys="2")]
    ).decode()
    times = {"arrived_at": now, "answered_at": now, "talk_at": now, "ended_at": now}
    add_record(world, CALL, caller=NUMBERS["caller"], path=path, **times)
    add_record(
        world, OUTBOUND, direction=Direction.OUT, caller="+861065550000", caller_id="+861065550000",
        called=NUMBERS["called"], ended_in=EndedIn.CALLED, **times,
    )  # fmt: skip
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        for leg in session.scalars(select(CallLeg)):
            leg.from_number = NUMBERS["leg"]
        record = session.scalars(select(CallRecord).where(CallRecord.call_id == CALL)).one()
        wish = Callback(
            call_id=CALL, position=1, number=NUMBERS["wished"], caller=NUMBERS["caller"], asked_at=now
        )
        session.add(wish)
        session.add(
            CallNote(
                record_id=record.id, call_id=CALL, position=1, kind=NoteKind.CALLBACK, value=NUMBERS["noted"],
                node="back", node_name="Call back", noted_at=now,
            )
        )  # fmt: skip
        session.add(
            CallNote(
                record_id=record.id, call_id=CALL, position=2, kind=NoteKind.SMS, value=NUMBERS["sent"],
                node="text", node_name="Text", noted_at=now,
            )
        )  # fmt: skip
        session.add(
            SmsMessage(
                key="k", mobile=NUMBERS["texted"], text=f"You typed {NUMBERS['told'][3:]}", parts=1,
                source=SmsSource.FLOW, call_id=CALL, asked_at=now, queued_at=now,
            )
        )  # fmt: skip
        session.add(
            Recording(
                call_id=CALL, segment=9, kind=SegmentKind.VOICEMAIL, started_at=now, length_ms=900, key="gone",
                bytes=1, sha256="0", channels=1, created_at=now,
            )
        )  # fmt: skip
        audit.record(session, None, "records.callback-done", wish, {})
        session.commit()
    sign_in_agent(world, call_id=LIVE)
    put_call(
        world.parts.redis, world, id=LIVE, direction="in", caller=NUMBERS["ringing"], called="+861065550000",
        path=typed, keys=TYPED[0],
    )  # fmt: skip


def _happenings(world: World) -> str:
    """Make a webhook with a delivery, an event for the live pages, an export; return the position before the event."""
    ids, parts = world.ids["one"], world.parts
    client = world.client("one", "tenant_admin")
    form = {"name": "CRM", "kinds": ["call.ended"], "enabled": "1", "url": "https://crm.example.com/hook"}
    assert client.post("/webhooks/new", data=form).status_code == 200
    with parts.database.transaction(ids["tenants"]) as session:
        outbox.say(session, EventKind.CALL_ENDED, {"caller": NUMBERS["delivered"]})
        session.commit()
    deliveries.fan_out(parts.database, utc_now())
    with parts.database.transaction(ids["tenants"], read_only=True) as session:
        ids["webhooks"] = session.scalars(select(WebhookEndpoint.id)).one()
        ids["deliveries"] = session.scalars(select(WebhookDelivery.id)).one()
    before = bus.publish_live(parts.redis, ids["tenants"], ["admin"], "system.switch", {"connected": True})
    bus.publish_live(
        parts.redis, ids["tenants"], ["admin"], "call.offered",
        {"call_id": LIVE, "caller": NUMBERS["offered"], "called": "+861065550000", "path": []},
    )  # fmt: skip
    reader = world.client("one", "reader")
    assert reader.post("/accounts/export", data={}).status_code == 303
    work(world)
    with parts.database.transaction(ids["tenants"], read_only=True) as session:
        ids["jobs"] = session.scalars(select(BackgroundJob.id)).one()
    return before.decode()


LISTS = (
    "/customers?phone=1111", "/customers?phone=13811110004", "/caller-rules?q=1111", "/accounts?q=1111",
    "/accounts?q=13811110006", "/log?object=1111", "/log?object=13811110005", "/records/inbound?number=13811110001",
    "/left-messages?number=1111", "/left-messages/callbacks?number=1111", "/left-messages/callbacks?number=13811110014",
    "/short-messages?number=1111", "/short-messages?number=13811110018",
    f"/desk/api/customer?call={CALL}", f"/desk/api/customer?call={OUTBOUND}", f"/desk/api/customer?call={LIVE}",
)  # fmt: skip
"""Searches and questions beside the plain addresses."""


def addresses(filled: Filled, *, api: bool) -> Iterator[str]:
    """Yield each GET route's address with what the company has."""
    ids = filled.ids
    for rule in filled.world.app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.endpoint in ("static", "live.stream", "live.platform_stream"):
            continue
        view_class: type[View] = filled.world.app.view_functions[rule.endpoint].view_class
        if view_class.all_tenants or rule.rule.startswith("/api/v1/") is not api:
            continue
        kind = rule.rule.removeprefix("/api/v1").strip("/").split("/")[0].replace("-", "_")
        values = {"row_id": ids.get(kind, 1), "segment": 1, "flow_id": ids["flows"], "job_id": ids["jobs"]}
        values |= {"delivery_id": ids["deliveries"], "account_id": ids["accounts"], "announcement_id": 1}
        values |= {
            "extension_id": ids["extensions"],
            "queue_id": ids["queues"],
            "kind": kind,
            "version": 1,
            "other": 1,
        }
        for call_id in (CALL, OUTBOUND) if "call_id" in rule.arguments else ("",):
            address = re.sub(r"<\w+:", "<", rule.rule)
            for name, value in {**values, "call_id": call_id}.items():
                address = address.replace(f"<{name}>", str(value))
            yield address


def text_of(data: bytes) -> str:
    """Return an answer's text; a workbook's with everything in it."""
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            data = b"\n".join(book.read(name) for name in book.namelist())
    return data.decode("utf-8", "replace")


def walk(filled: Filled) -> dict[str, str]:
    """Return the text of each address that answered, by address."""
    client, found = filled.world.client("one", filled.login), {}
    for address in addresses(filled, api=False):
        for headers in ({}, {"HX-Request": "true", "HX-Target": "zj-list"}):
            answer = client.get(address, headers=headers)
            assert answer.status_code < 500 or address == "/healthz", address
            if answer.status_code == 200:
                found[f"{address} {sorted(headers)}"] = text_of(answer.get_data())
    for address in LISTS:
        answer = client.get(address)
        assert answer.status_code == 200, address
        typed = address.rpartition("=")[2]  # stands in the filter's field and in the page's own address again
        found[address] = re.sub(rf'(=|value="){typed}\b', "", text_of(answer.get_data()))
    ask = program(filled.world, login=filled.login)
    for address in addresses(filled, api=True):
        answer = ask.get(address.removeprefix("/api/v1"))
        if answer.status_code == 200:
            found[address] = text_of(answer.get_data())
    found["/live/stream"] = stream(filled)
    return found


def stream(filled: Filled) -> str:
    """Return what a page that opens late gets of the events it missed."""
    answer = filled.world.client("one", filled.login).get(f"/live/stream?after={filled.position}")
    parts = iter(answer.response)
    assert next(parts).startswith(b":")
    text = next(parts).decode()
    answer.close()
    return text


WALKED = (
    "/customers []", "/caller-rules []", "/accounts []", "/log []", "/records/inbound []", "/records/outbound []",
    "/short-messages []", "/left-messages []", "/left-messages/callbacks []",
    "/live/snapshot []", "/desk/api/state []", "/desk/api/today []", "/demo []",
    "/api/v1/call-records", "/api/v1/live/calls",
    "/api/v1/accounts", "/api/v1/extensions", f"/records/calls/{CALL} []", f"/records/calls/{OUTBOUND} []",
    f"/api/v1/call-records/{CALL}", "/live/stream",
)  # fmt: skip


def test_acc_14_no_answer_holds_a_number_the_account_may_not_see(world: World) -> None:
    filled = fill(world, full=False)
    answers = walk(filled)
    assert set(WALKED) <= set(answers)
    assert len(answers) > 80
    for address, text in answers.items():
        for place, stored in NUMBERS.items():
            assert secret_of(stored) not in text, f"{address} shows the number of {place}"
        for hidden in ("11110015", "11110016", "11110017"):
            assert hidden not in text, f"{address} shows a number the caller typed"
    for address in (f"/records/calls/{CALL} []", f"/api/v1/call-records/{CALL}"):
        assert answers[address].count("1…") >= len(TYPED), f"{address} does not meet the keys"
    steps = json.loads(answers[f"/api/v1/call-records/{CALL}"])["path"]
    assert [step["keys"] for step in steps] == ["1…", "1…", "2"]
    whole = "\n".join(answers.values())
    for place, stored in NUMBERS.items():
        assert phone.mask(stored) in whole, f"{place} is nowhere: the walk would not have met it"
    for parts in (each for each in LISTS if each.endswith("=1111")):
        assert "****" not in answers[parts], f"{parts} finds rows by a part of their number"
    for number in ("phone=13811110004", "object=13811110005", "q=13811110006"):
        found = next(text for address, text in answers.items() if address.endswith(number))
        assert "****" in found, f"{number}: the whole number finds its row"


def test_acc_14_with_the_right_every_number_is_shown(world: World) -> None:
    answers = walk(fill(world, full=True))
    whole = "\n".join(answers.values())
    for place, stored in NUMBERS.items():
        assert secret_of(stored) in whole, place
    for address in (f"/records/calls/{CALL} []", f"/api/v1/call-records/{CALL}"):
        assert all(typed in answers[address] for typed in TYPED), address
    assert not re.search(r"138\*{4}\d{4}", whole)
    for address in LISTS:
        assert any(secret_of(stored) in answers[address] for stored in NUMBERS.values()), address


def test_acc_14_forms_saved_by_who_sees_them_masked_leave_the_numbers(world: World) -> None:
    filled = fill(world, full=False)
    client, ids = filled.world.client("one", "reader"), filled.ids
    forged = {"name": "Wu Li", "phone": "138****0004", "company": "Li"}
    assert client.post(f"/customers/{ids['customers']}", data=forged).status_code == 303
    rule = {"kind": CallerRuleKind.VIP.value, "pattern": "13900000000", "priority": "95"}
    assert client.post(f"/caller-rules/{ids['caller_rules']}", data=rule).status_code == 303
    form = {
        "name": "Reader Two",
        "code": "",
        "role": str(ids["roles"]),
        "group": "",
        "apply_role": "1",
        "supervises": "all",
        "mobile": "13900000000",
    }
    assert client.post(f"/accounts/{ids['accounts']}", data=form).status_code == 303
    with filled.world.parts.database.transaction(ids["tenants"], read_only=True) as session:
        customer = session.get_one(Customer, ids["customers"])
        assert (customer.name, customer.phone) == ("Wu Li", NUMBERS["customer"])
        kept = session.get_one(CallerRule, ids["caller_rules"])
        assert (kept.kind, kept.pattern) == (CallerRuleKind.VIP, NUMBERS["rule"])
        account = session.get_one(Account, ids["accounts"])
        assert (account.name, account.mobile) == ("Reader Two", NUMBERS["mobile"])
        lines = session.scalars(select(AuditEntry).where(AuditEntry.account_id == account.id)).all()
        assert all("mobile" not in line.changes and "pattern" not in line.changes for line in lines)


def test_acc_14_a_new_customer_can_be_given_a_number(world: World) -> None:
    filled = fill(world, full=False)
    client = filled.world.client("one", "reader")
    assert client.post("/customers/new", data={"name": "Ma", "phone": "13911112222"}).status_code == 303
    assert "139****2222" in client.get("/customers").get_data(as_text=True)


def test_acc_14_a_masked_export_can_be_imported_again(world: World) -> None:
    filled = fill(world, full=False)
    client = filled.world.client("one", "reader")
    rows = "登录名,姓名,手机号码\nreader,Reader Three,138****0006\n"
    upload(client, rows, update="1")
    work(filled.world)
    with filled.world.parts.database.transaction(filled.ids["tenants"], read_only=True) as session:
        job = session.scalars(select(BackgroundJob).order_by(BackgroundJob.id.desc())).first()
        assert job is not None
        assert '"updated":1' in job.result, job.result


def test_acc_14_a_call_that_is_not_ones_own_names_nobody(world: World) -> None:
    filled = fill(world, full=False)
    with filled.world.parts.database.transaction(filled.ids["tenants"]) as session:
        other = accounts.create_account(
            session, login="other", name="Other", role=None, password=PASSWORD, apply_role=False
        )
        other.permissions = encode([Permission.DESK_USE, Permission.CUSTOMERS_VIEW, Permission.RECORDS_OWN])
        session.commit()
    client = filled.world.client("one", "other")
    for call_id in (CALL, OUTBOUND, LIVE, "none"):
        answer = client.get(f"/desk/api/customer?call={call_id}")
        assert answer.status_code == 404, call_id


def test_acc_14_a_program_searches_by_the_whole_number_alone(world: World) -> None:
    filled = fill(world, full=False)
    ask = program(filled.world, [ApiScope.RECORDS_READ], login="reader")
    found = ask.get("/call-records?from=2026-11-01T00:00:00Z&number=%2B8613811110001").get_json()["items"]
    assert [each["caller"] for each in found] == ["138****0001"]


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("+8613811110001", "138****0001"),
        ("+861088880010", "010-****0010"),
        ("+16502530000", "+1 65*-***-0000"),
        ("10086", "10086"),
        ("8001", "8001"),
        ("", ""),
        (phone.WITHHELD, phone.WITHHELD),
        ("138****0001", "138****0001"),
        ("+44*", "+44*"),
    ],
)
def test_acc_14_a_stored_number_masked(stored: str, shown: str) -> None:
    assert masked_number(stored) == shown


@pytest.mark.parametrize(
    ("keys", "shown"),
    [("", ""), ("2", "2"), ("123456#", "123456#"), ("1234567", "1…"), ("*13811110001#", "*…")],
)
def test_acc_14_keys_that_may_be_a_number_masked(keys: str, shown: str) -> None:
    assert masked_keys(keys) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("您的号码是13811110001。", "您的号码是138****0001。"),
        ("call +8613811110001", "call +861******0001"),
        ("138 1111-0001", "138 ****-0001"),
        ("13811110001 13811110002", "138******** *******0002"),
        ("code 123456, room 12", "code 123456, room 12"),
        ("", ""),
    ],
)
def test_acc_14_numbers_in_a_text_are_masked(text: str, shown: str) -> None:
    assert masked_text(text) == shown


def test_acc_14_numbers_are_masked_at_any_depth() -> None:
    found = masked({"calls": [{"caller": "+8613811110001", "id": "13811110001", "n": 3}], "phone": None})
    assert found == {"calls": [{"caller": "138****0001", "id": "13811110001", "n": 3}], "phone": None}


def test_acc_14_importing_knows_a_mask_of_the_same_number_only() -> None:
    assert importing.is_mask_of("138****0006", "+8613811110006")
    assert not importing.is_mask_of("138****0007", "+8613811110006")
    assert not importing.is_mask_of("13811110006", "+8613811110006")
