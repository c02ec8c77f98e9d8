"""What a desk starts from: the snapshot, the credentials, the customer's card, the day."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from core import bus, keys
from core.clock import now_ms
from core.database import utc_now
from cti.acd.agents import AgentState
from cti.call import model
from cti.call.model import (
    Call,
    Consult,
    ConsultState,
    EndedIn,
    Offer,
    OfferResult,
    PathStep,
    Phase,
    Segment,
    TransferKind,
    TransferTarget,
)
from cti.controller.agents import as_event
from cti.records.models import CallOffer, CallRecord, Direction, RecordState
from tests.unit.agent_desktop.conftest import World, web_password

LEG = "leg-1"


def state(world: World, login: str = "anna") -> dict[str, Any]:
    answer = world.client(login).get("/desk/api/state")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


def put_call(world: World, **changes: Any) -> None:
    offer = Offer(
        leg_id=LEG,
        agent_id=world.ids["anna"],
        extension_id=world.ids["8001"],
        queue_id=world.ids["sales"],
        endpoint="web",
        token="t",
        offered_ms=50_000,
    )
    call = Call(
        id="call-1",
        tenant_id=world.ids["one"],
        phase=Phase.OFFERING,
        caller="+8613800138000",
        called="4008001000",
        route_code="main",
        queue_entered_ms=20_000,
        missed=2,
        path=[PathStep(flow_id=1, version=1, node="menu", name="Main menu")],
        offers=[offer],
    )
    for name, value in changes.items():
        setattr(call, name, value)
    world.parts.redis.set(keys.call(world.ids["one"], "call-1"), model.encode(call))


def test_a_signed_out_agent_sees_where_to_sign_in(world: World) -> None:
    found = state(world)
    assert found["agent"] is None
    assert found["call"] is None
    assert found["me"]["login"] == "anna"
    choice = {
        "id": world.ids["8001"],
        "number": "8001",
        "holder": "",
        "landline": False,
        "press_to_take": False,
    }
    assert found["extensions"] == [choice]


def test_an_extension_somebody_else_holds_names_them(world: World) -> None:
    world.sign_in_agent("bert")
    assert [each["holder"] for each in state(world)["extensions"]] == ["Bert"]
    assert [each["holder"] for each in state(world, "bert")["extensions"]] == [""]


def test_an_account_without_extension_has_no_choice(world: World) -> None:
    assert state(world, "carl")["extensions"] == []


def test_the_position_is_that_of_the_newest_event(world: World) -> None:
    assert state(world)["position"] == "0-0"
    event_id = bus.publish_live(world.parts.redis, world.ids["one"], ["admin"], "queue.changed", {})
    assert state(world)["position"] == event_id.decode()


def test_what_comes_after_the_call_is_told_with_its_reason(world: World) -> None:
    """In the snapshot as in the event: a desk shows the company's own word for the break that was chosen."""
    agent = world.sign_in_agent(state=AgentState.TALKING, token="t", next_state="break", next_reason="7")
    found = state(world)["agent"]
    assert (found["next_state"], found["next_reason"]) == ("break", "7")
    assert found == as_event(agent)


def test_a_ringing_offer_is_in_the_snapshot(world: World) -> None:
    world.sign_in_agent(state=AgentState.RINGING, token="t", leg_id=LEG, call_id="call-1")
    put_call(world)
    call = state(world)["call"]
    assert call["stage"] == "ringing"
    assert (call["leg_id"], call["queue"], call["path"]) == (LEG, "Sales", ["Main menu"])
    assert (call["own"], call["route"]) == (False, "main")
    assert (call["waited_ms"], call["missed"]) == (30_000, 2)
    assert call["deadline_ms"] == 50_000 + 25_000


def test_a_call_that_is_up_is_in_the_snapshot(world: World) -> None:
    world.sign_in_agent(state=AgentState.TALKING, token="t", leg_id=LEG, call_id="call-1")
    segment = Segment(name="1/call-1-1.wav", started_ms=60_000, agent_id=world.ids["anna"])
    put_call(world, phase=Phase.TALKING, talk_started_ms=60_000, held=True, segments=[segment])
    call = state(world)["call"]
    assert (call["stage"], call["started_ms"], call["held"], call["recording"]) == (
        "talking",
        60_000,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("phase", "own"), [(Phase.CALLING, True), (Phase.DIALLING, True), (Phase.OFFERING, False)]
)
def test_a_dialled_call_that_is_handed_over_is_not_answered_by_itself(
    world: World, phase: Phase, own: bool
) -> None:
    world.sign_in_agent(state=AgentState.RINGING, token="t", leg_id=LEG, call_id="call-1")
    put_call(world, phase=phase, direction="out")
    call = state(world)["call"]
    assert (call["direction"], call["own"], call["auto_answer"]) == ("out", own, own)


def test_who_is_asked_sees_their_own_talk(world: World) -> None:
    offer = Offer(
        leg_id="leg-2",
        agent_id=world.ids["bert"],
        extension_id=world.ids["8001"],
        queue_id=0,
        endpoint="web",
        token="t",
        offered_ms=80_000,
    )
    to = TransferTarget(kind=TransferKind.AGENT, id=world.ids["bert"])
    asked = Consult(to=to, leg_id="leg-2", offer=offer, state=ConsultState.TALKING, answered_ms=85_000)
    segment = Segment(name="1/call-1-1.wav", started_ms=60_000, agent_id=world.ids["anna"])
    talk = {"phase": Phase.TALKING, "talk_started_ms": 60_000, "segments": [segment]}
    put_call(world, consult=asked, agent_id=world.ids["anna"], **talk)
    world.sign_in_agent("bert", state=AgentState.TALKING, token="t", leg_id="leg-2", call_id="call-1")
    call = state(world, "bert")["call"]
    assert (call["started_ms"], call["recording"], call["asked_by"]) == (85_000, False, "Anna")


def test_a_claim_whose_call_is_gone_shows_no_call(world: World) -> None:
    world.sign_in_agent(state=AgentState.RINGING, token="t", leg_id=LEG, call_id="call-1")
    assert state(world)["call"] is None


@pytest.mark.parametrize(
    ("said", "age_ms", "connected"), [("1", 0, True), ("1", 60_000, False), ("0", 0, False)]
)
def test_a_silent_controller_is_no_connection(world: World, said: str, age_ms: int, connected: bool) -> None:
    facts = {"switch": "freeswitch", "connected": said, "heartbeat_ms": now_ms() - age_ms}
    world.parts.redis.hset(keys.cell(world.parts.settings.cell), mapping=facts)
    assert state(world)["switch"] == {"kind": "freeswitch", "connected": connected}


def test_credentials_are_for_the_one_who_is_signed_in_with_the_browser(world: World) -> None:
    anna, bert = world.client("anna"), world.client("bert")
    assert anna.get("/desk/api/credentials").get_json()["error"] == "not-signed-in"
    world.sign_in_agent("anna")
    found = anna.get("/desk/api/credentials").get_json()
    assert found["password"] == web_password(world)
    assert found["domain"] == world.parts.settings.sip_domain
    assert bert.get("/desk/api/credentials").status_code == 409

    world.sign_in_agent("anna", endpoint="sip")
    assert anna.get("/desk/api/credentials").get_json()["error"] == "no-web-phone"


def test_the_phones_address_follows_the_pages(world: World) -> None:
    world.sign_in_agent("anna")
    client = world.client("anna")
    port = world.parts.settings.sip_ws_port
    assert client.get("/desk/api/credentials").get_json()["url"] == f"ws://localhost:{port}"


def test_a_simulated_phone_only_on_the_simulator(world: World) -> None:
    world.sign_in_agent("anna")
    world.parts.redis.hset(keys.cell(world.parts.settings.cell), "switch", "freeswitch")
    answer = world.client("anna").post("/desk/api/simulator/register", json={})
    assert answer.get_json()["error"] == "not-simulated"


def test_a_simulated_phone_drives_the_agents_own_leg_only(world: World) -> None:
    world.sign_in_agent("anna", state=AgentState.RINGING, token="t", leg_id=LEG, call_id="call-1")
    world.parts.redis.hset(keys.cell(world.parts.settings.cell), "switch", "switchsim")
    answer = world.client("anna").post("/desk/api/simulator/answer", json={"leg_id": "leg-of-another"})
    assert answer.get_json()["error"] == "no-such-leg"


def test_a_known_caller_has_a_card_and_an_unknown_one_too(world: World) -> None:
    client = world.client("anna")
    known = client.get("/desk/api/customer?number=13800138000").get_json()
    assert (known["known"], known["name"], known["number"]) == (True, "Chen", "+8613800138000")
    assert known["region"] == "北京"
    abroad = client.get("/desk/api/customer", query_string={"number": "+442079460123"}).get_json()
    assert abroad["region"] == ""
    assert [field["value"] for field in known["fields"]] == ["Acme"]
    for number in ("+8613900139000", "anonymous", "", "';--"):
        assert client.get("/desk/api/customer", query_string={"number": number}).get_json()["known"] is False


def add_record(
    world: World, call_id: str, agent: str, *, hours_ago: float = 0, talk_s: int = 30, **changes: Any
) -> None:
    arrived = utc_now() - datetime.timedelta(hours=hours_ago)
    with world.parts.database.transaction(world.ids["one"]) as session:
        record = CallRecord(
            call_id=call_id,
            state=RecordState.FINAL,
            caller="+8613800138000",
            called="4008001000",
            arrived_at=arrived,
            talk_at=arrived,
            ended_at=arrived,
            talk_s=talk_s,
            ended_in=EndedIn.AGENT,
            agent_id=world.ids[agent],
            queue_name="Sales",
            **changes,
        )
        session.add(record)
        session.flush()
        session.add(
            CallOffer(
                record_id=record.id,
                position=1,
                leg_uuid=f"{call_id}-leg",
                agent_id=world.ids["bert"],
                extension_id=world.ids["8001"],
                queue_id=world.ids["sales"],
                offered_at=arrived,
                result=OfferResult.NO_ANSWER,
            )
        )
        session.commit()


def test_the_day_counts_ones_own_calls_since_midnight(world: World) -> None:
    add_record(world, "a", "anna")
    add_record(world, "b", "bert")
    add_record(world, "old", "anna", hours_ago=30)
    mine = world.client("anna").get("/desk/api/today").get_json()
    assert (mine["answered"], mine["missed"], mine["talk_s"]) == (1, 0, 30)
    assert (mine["out"], mine["average_s"]) == (0, 30)
    assert [(each["call_id"], each["name"]) for each in mine["records"]] == [("a", "Chen")]
    assert world.client("bert").get("/desk/api/today").get_json()["missed"] == 2


def test_the_day_counts_a_call_handed_over_as_dialled_once_and_no_own_leg_as_missed(world: World) -> None:
    add_record(world, "out", "anna", direction=Direction.OUT)
    add_record(world, "out-2", "bert", direction=Direction.OUT, source_call_id="out")
    anna, bert = (world.client(login).get("/desk/api/today").get_json() for login in ("anna", "bert"))
    assert (anna["answered"], anna["out"]) == (0, 1)
    assert (bert["answered"], bert["out"]) == (1, 0)
    assert bert["missed"] == 1, "of what came: not of legs of calls that were dialled"


def test_earlier_calls_are_ones_own_unless_the_role_says_more(world: World) -> None:
    add_record(world, "a", "anna")
    add_record(world, "b", "bert")

    def earlier(login: str) -> list[str]:
        card = world.client(login).get("/desk/api/customer?number=13800138000").get_json()
        return sorted(each["call_id"] for each in card["recent"])

    assert earlier("anna") == ["a"]
    assert earlier("carl") == ["a", "b"]


def test_the_page_is_whole_when_opened_and_a_part_when_swapped(world: World) -> None:
    client = world.client("anna")
    whole = client.get("/desk").get_data(as_text=True)
    part = client.get("/desk", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "<html" in whole
    assert 'id="zj-phone"' in whole
    assert "<html" not in part
    assert 'id="zj-desk"' in whole
    assert 'id="zj-desk"' in part
