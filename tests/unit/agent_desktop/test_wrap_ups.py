"""The wrap-up form (DSK-9), break reasons (DSK-1), what opens for a call (DSK-6), the own extension (DSK-8)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from core import documents, keys
from core.clock import now_ms
from core.models import AuditEntry
from cti.acd.agents import AgentState
from cti.call.model import Consult, ConsultState, Offer, TransferKind, TransferTarget
from cti.desk import pop
from cti.desk.models import BreakReason, BreakState, CallWrapUp, Disposition
from cti.models import Extension, PopTime, Queue
from tests.unit.agent_desktop.conftest import World
from tests.unit.agent_desktop.test_state import LEG, add_record, put_call


def add(world: World, *rows: Any, company: str = "one") -> list[int]:
    with world.parts.database.transaction(world.ids[company]) as session:
        session.add_all(rows)
        session.flush()
        ids = [row.id for row in rows]
        session.commit()
    return ids


def post(world: World, path: str, login: str = "anna", **body: Any) -> tuple[int, dict[str, Any]]:
    answer = world.client(login).post(f"/desk/api/{path}", json=body)
    return answer.status_code, answer.get_json()


def test_dsk_1_a_reason_is_the_companys_own_for_its_state(world: World) -> None:
    lunch, trip, old = add(
        world,
        BreakReason(name="Lunch"),
        BreakReason(name="Errand", state=BreakState.AWAY),
        BreakReason(name="Old", active=False),
    )
    (other,) = add(world, BreakReason(name="Theirs"), company="two")
    assert post(world, "set-state", state="break", reason=str(lunch))[0] == 200
    for state, reason in (
        ("away", lunch),
        ("break", trip),
        ("break", old),
        ("break", other),
        ("ready", lunch),
    ):
        assert post(world, "set-state", state=state, reason=str(reason))[0] == 422, (state, reason)
    assert [command.body["reason"] for command in world.controller.commands] == [str(lunch)]
    shown = world.client("anna").get("/desk/api/state").get_json()["words"]["reasons"]
    assert [(each["name"], each["state"]) for each in shown] == [("Lunch", "break"), ("Errand", "away")]


def talking(world: World) -> None:
    world.sign_in_agent(state=AgentState.TALKING, token="t", leg_id=LEG, call_id="call-1")
    put_call(world)


def test_a_call_of_a_moment_has_its_form_though_its_record_is_not_written_yet(world: World) -> None:
    talking(world)
    redis, tenant = world.parts.redis, world.ids["one"]
    redis.rename(keys.call(tenant, "call-1"), keys.ended_call(tenant, "call-1"))
    assert post(world, "wrap-ups/keep", "bert", call_id="call-1", revision=0)[0] == 404, "not offered to Bert"
    status, row = post(world, "wrap-ups/keep", call_id="call-1", revision=0, note="Hung up")
    assert (status, row["number"]) == (200, "+8613800138000")


def test_dsk_9_a_draft_is_kept_from_the_first_second_and_another_page_has_it(world: World) -> None:
    talking(world)
    status, row = post(world, "wrap-ups/keep", call_id="call-1", revision=0, note="wants a quote")
    assert (status, row["revision"], row["number"]) == (200, 1, "+8613800138000")
    drafts = world.client("anna").get("/desk/api/wrap-ups").get_json()["drafts"]
    assert [(each["call_id"], each["note"]) for each in drafts] == [("call-1", "wants a quote")]
    assert world.client("bert").get("/desk/api/wrap-ups").get_json() == {"drafts": []}
    status, refused = post(world, "wrap-ups/keep", call_id="call-1", revision=0, note="older page")
    assert (status, refused["error"]) == (409, "wrap-up-changed")
    assert refused["detail"]["now"]["note"] == "wants a quote"
    assert post(world, "wrap-ups/keep", "bert", call_id="call-1", revision=0)[0] == 404, "not offered to Bert"
    post(world, "wrap-ups/discard", call_id="call-1")
    assert world.client("anna").get("/desk/api/wrap-ups").get_json() == {"drafts": []}


def test_dsk_9_what_a_disposition_asks_for(world: World) -> None:
    talking(world)
    sold, lost = add(world, Disposition(name="Sold", digit="1"), Disposition(name="Lost", needs_note=True))
    form: dict[str, Any] = {"call_id": "call-1", "revision": 0}
    assert post(world, "wrap-ups/save", **form)[1]["error"] == "no-disposition"
    status, refused = post(world, "wrap-ups/save", **form, disposition_id=lost, note="  ")
    assert (status, refused["error"], refused["detail"]["disposition"]) == (422, "note-needed", "Lost")
    past = post(world, "wrap-ups/save", **form, disposition_id=sold, next_call_ms=now_ms() - 1000)
    assert past[1]["error"] == "next-call-past"
    assert post(world, "wrap-ups/save", **form, disposition_id=10**9)[0] == 422
    status, row = post(world, "wrap-ups/save", **form, disposition_id=lost, note="Too dear")
    assert (status, row["saved"]) == (200, True)
    assert world.client("anna").get("/desk/api/wrap-ups").get_json() == {"drafts": []}
    assert post(world, "wrap-ups/keep", **{**form, "revision": 1})[1]["error"] == "wrap-up-saved"
    changed = post(world, "wrap-ups/save", **{**form, "revision": 1}, disposition_id=sold)
    assert changed[0] == 200
    with world.parts.database.transaction(world.ids["one"], read_only=True) as session:
        (kept,) = session.scalars(select(CallWrapUp))
        assert (kept.disposition, kept.account_name) == ("Sold", "Anna")
        logged = session.scalars(
            select(AuditEntry).where(AuditEntry.module == "desk").order_by(AuditEntry.id)
        )
        lines = [(each.action, each.object_name, each.changes) for each in logged]
    assert [line[:2] for line in lines] == [("wrap-up", "call-1"), ("wrap-up-edit", "call-1")]
    assert "Too dear" in lines[0][2]


def test_a_wrap_up_after_the_call_is_over_is_of_ones_own_record(world: World) -> None:
    add_record(world, "past", "anna")
    assert post(world, "wrap-ups/save", call_id="past", revision=0, note="late")[0] == 200
    assert post(world, "wrap-ups/save", call_id="never", revision=0, note="late")[0] == 404


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "ftp://crm.example.com",
        "//crm.example.com",
        "https://{caller}.example.com/",
        "https://user@crm.example.com/",
        "https://crm.example.com/?x={password}",
        "https://crm.example.com/?x={caller",
        "https://crm.example.com/ ?x",
        "https://[::1/",
        'https://crm.example.com/"x',
    ],
)
def test_dsk_6_what_is_no_page(address: str) -> None:
    assert not pop.is_address(address)


def test_dsk_6_values_stay_within_their_place() -> None:
    template = "https://crm.example.com/find?phone={caller}&q={queue}#{call_id}"
    assert pop.is_address(template)
    filled = pop.filled(template, {"caller": "+86 1&x=2", "queue": "售前", "call_id": "a/b"})
    assert filled == "https://crm.example.com/find?phone=%2B86%201%26x%3D2&q=%E5%94%AE%E5%89%8D#a%2Fb"


def test_dsk_6_the_queue_goes_before_the_extension(world: World) -> None:
    talking(world)
    client = world.client("anna")
    assert client.get("/desk/api/pop?call=call-1").get_json() == {"at": "ring", "url": ""}
    with world.parts.database.transaction(world.ids["one"]) as session:
        extension = session.get_one(Extension, world.ids["8001"])
        extension.pop_on, extension.pop_url = PopTime.ANSWER, "https://a.example/{extension}"
        session.commit()
    assert client.get("/desk/api/pop?call=call-1").get_json() == {
        "at": "answer",
        "url": "https://a.example/8001",
    }
    with world.parts.database.transaction(world.ids["one"]) as session:
        queue = session.get_one(Queue, world.ids["sales"])
        queue.pop_on, queue.pop_url = PopTime.RING, "https://b.example/{caller}/{queue}/{agent}"
        session.commit()
    found = client.get("/desk/api/pop?call=call-1").get_json()
    assert found == {"at": "ring", "url": "https://b.example/%2B8613800138000/Sales/anna"}
    assert client.get("/desk/api/pop?call=other").status_code == 404
    assert world.client("bert").get("/desk/api/pop?call=call-1").status_code == 409


def test_dsk_8_an_agent_sets_the_own_extension_and_no_more(world: World) -> None:
    form = {"bound_number": "021 6000 1000", "forward_when_offline": True, "pop_on": "answer"}
    status, shown = post(world, "extension", **form, press_to_take=True, outbound_allowed=True)
    assert (status, shown["bound_number"], shown["pop_on"]) == (200, "+862160001000", "answer")
    document = documents.decode(
        world.parts.redis.hget(documents.HASH, f"extension:{world.ids['8001']}")  # type: ignore[arg-type]
    )
    assert isinstance(document, documents.ExtensionDoc)
    assert (document.bound_number, document.forward_when_offline) == ("+862160001000", True)
    assert not document.outbound_allowed
    assert post(world, "extension", **{**form, "bound_number": "+8621****1000"})[1] == shown, (
        "masked: it stays"
    )
    assert post(world, "extension", **{**form, "bound_number": "never"})[0] in (400, 422)
    assert world.client("carl").get("/desk/api/extension").status_code == 404


def test_dsk_3_who_is_asked_about_a_customer_sees_who_it_is(world: World) -> None:
    world.sign_in_agent("bert", state=AgentState.TALKING, token="asked", leg_id="asked", call_id="call-1")
    put_call(world)
    bert = world.client("bert")
    assert bert.get("/desk/api/pop?call=call-1").status_code == 404, "nobody asks yet"
    asked = Offer(
        leg_id="asked",
        agent_id=world.ids["bert"],
        extension_id=world.ids["8001"],
        queue_id=0,
        endpoint="web",
        token="asked",
        offered_ms=60_000,
    )
    to = TransferTarget(kind=TransferKind.AGENT, id=world.ids["bert"], extension_id=world.ids["8001"])
    put_call(world, consult=Consult(to=to, leg_id="asked", offer=asked, state=ConsultState.TALKING))
    assert bert.get("/desk/api/pop?call=call-1").get_json() == {"at": "ring", "url": ""}
    assert bert.get("/desk/api/customer?call=call-1").status_code == 200
