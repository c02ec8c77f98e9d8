"""Callers, phones and legs, without a socket and in fast time."""

from __future__ import annotations

import json
from pathlib import Path

import gevent
import pytest

from switchsim import originate
from switchsim.core import Options
from tests.unit.switchsim.simulated import simulated


def test_the_trunks_address_and_extra_variables_are_on_the_call() -> None:
    with simulated(Options(variables={"zj_cell": "cell7"})) as switch:
        uuid = switch.arrive(trunk="192.0.2.9")
        park = switch.until("CHANNEL_PARK")
        assert park.headers["Caller-Network-Addr"] == "192.0.2.9"
        assert park.headers["variable_zj_cell"] == "cell7"
        assert park.headers["variable_zj_call"] == uuid


def test_keys_are_pressed_after_the_answer_and_after_prompts() -> None:
    with simulated() as switch:
        uuid = switch.arrive(keys=[[1, "1"], {"prompt": 2, "after_s": 1, "digits": "2#"}])
        switch.pass_time(3)
        assert "DTMF" not in switch.names(uuid)
        switch.execute(uuid, "answer")
        assert switch.until("DTMF").headers["DTMF-Digit"] == "1"
        switch.execute(uuid, "playback", "silence_stream://2000", step="first")
        switch.until("CHANNEL_EXECUTE_COMPLETE", Application_UUID="first")
        assert switch.names(uuid).count("DTMF") == 1
        switch.execute(uuid, "playback", "silence_stream://9000", step="second")
        switch.until("DTMF", DTMF_Digit="2")
        switch.until("DTMF", DTMF_Digit="#")


def test_an_impatient_caller_leaves_and_a_served_one_stays() -> None:
    with simulated() as switch:
        leaving = switch.arrive(patience_s=3)
        staying = switch.arrive(patience_s=9, talk_s=20)
        assert (
            switch.until("CHANNEL_HANGUP", Unique_ID=leaving).headers["Hangup-Cause"] == "ORIGINATOR_CANCEL"
        )
        switch.ask("register", user="1000", behaviour={"answer_after_s": 0.1})
        switch.execute(staying, "answer")
        switch.api("originate {origination_uuid=agent}user/1000 &park()")
        switch.api(f"uuid_bridge {staying} agent")
        switch.until("CHANNEL_BRIDGE", Unique_ID=staying)
        switch.pass_time(10)
        assert "CHANNEL_HANGUP" not in switch.names(staying)
        assert switch.until("CHANNEL_HANGUP", Unique_ID=staying).headers["Hangup-Cause"] == "NORMAL_CLEARING"


def test_registering_again_takes_the_first_ones_place_and_it_expires() -> None:
    with simulated() as switch:
        first = switch.ask("register", user="1000", transport="udp")["contact"]
        second = switch.ask("register", user="1000", transport="ws", expires_s=5)["contact"]
        assert first.endswith("transport=udp")
        assert switch.api("sofia_contact 1000@switchsim.invalid") == f"sofia/agents/{second}"
        switch.until("CUSTOM", Event_Subclass="sofia::expire")
        assert switch.api("sofia_contact 1000@switchsim.invalid") == "error/user_not_registered"
        assert switch.api("show registrations as json") == '{"row_count": 0}\n'


def test_unregistering() -> None:
    with simulated() as switch:
        switch.ask("register", user="1000")
        assert switch.ask("unregister", user="1000") == {"ok": True, "was_registered": True}
        switch.until("CUSTOM", Event_Subclass="sofia::unregister")
        assert switch.ask("unregister", user="1000") == {"ok": True, "was_registered": False}


def test_a_phone_is_answered_and_hung_up_by_hand() -> None:
    with simulated() as switch:
        switch.ask("register", user="1000")
        job = gevent.spawn(switch.api, "originate {origination_uuid=agent}user/1000 &park()")
        switch.until("CHANNEL_PROGRESS", Unique_ID="agent")
        leg = switch.ask("list")["legs"][0]
        assert (leg["user"], leg["ringing"], leg["answered"]) == ("1000", True, False)
        assert switch.ask("answer", user="1000")["count"] == 1
        assert switch.ask("answer", user="1000")["count"] == 0
        assert job.get(timeout=2) == "+OK agent\n"
        switch.until("CHANNEL_PARK", Unique_ID="agent")
        assert switch.ask("dtmf", user="1000", digits="5")["count"] == 1
        switch.until("DTMF", DTMF_Digit="5")
        assert switch.ask("hangup", user="1000")["count"] == 1
        switch.until("CHANNEL_DESTROY", Unique_ID="agent")
        assert switch.ask("hangup", user="1000")["count"] == 0


def test_a_ringing_phone_refuses_by_hand_and_picks_up_when_the_switch_asks() -> None:
    with simulated() as switch:
        switch.ask("register", user="1000")
        job = gevent.spawn(switch.api, "originate {origination_uuid=a}user/1000 &park()")
        switch.until("CHANNEL_PROGRESS", Unique_ID="a")
        switch.ask("hangup", user="1000")
        assert job.get(timeout=2) == "-ERR CALL_REJECTED\n"
        job = gevent.spawn(switch.api, "originate {origination_uuid=b}user/1000 &park()")
        switch.until("CHANNEL_PROGRESS", Unique_ID="b")
        assert switch.api("uuid_phone_event b talk") == "+OK Success\n"
        assert job.get(timeout=2) == "+OK b\n"


def test_outside_numbers_by_gateway_and_by_address() -> None:
    with simulated(Options(gateways=frozenset({"telco"}))) as switch:
        switch.ask("behaviour", user="110", behaviour={"reject_cause": "user_busy"})
        switch.ask("behaviour", user="*", behaviour={"answer_after_s": 1, "talk_s": 5})
        assert switch.api("originate sofia/gateway/other/13800138000 &park()") == "-ERR INVALID_GATEWAY\n"
        assert switch.api("originate sofia/gateway/telco/110 &park()") == "-ERR USER_BUSY\n"
        assert (
            switch.api("originate {origination_uuid=out}sofia/carrier/sip:139@192.0.2.1 &park()")
            == "+OK out\n"
        )
        switch.until("CHANNEL_HANGUP_COMPLETE", Unique_ID="out")


def test_loopback_into_an_unknown_context_fails() -> None:
    with simulated() as switch:
        assert switch.api("originate loopback/1/nowhere &park()") == "-ERR NO_ROUTE_DESTINATION\n"


def test_originate_refuses_rubbish() -> None:
    assert originate.parse("") == []
    assert originate.parse("only-one") == []
    with simulated() as switch:
        assert switch.api("originate {originate_timeout=soon}error/user_busy &park()") == "-ERR USER_BUSY\n"


def test_a_leg_whose_partner_of_a_coming_bridge_dies_is_not_left_waiting() -> None:
    with simulated() as switch:
        uuid = switch.arrive()
        switch.execute(uuid, "answer")
        switch.until("CHANNEL_ANSWER")
        switch.ask("register", user="1000", behaviour={"answer_after_s": 0.1})
        switch.api("originate {origination_uuid=agent}user/1000 &park()")
        assert switch.api(f"uuid_bridge {uuid} agent") == "+OK agent\n"
        switch.api("uuid_kill agent")
        switch.until("CHANNEL_DESTROY", Unique_ID=uuid)
        assert "CHANNEL_BRIDGE" not in switch.names(uuid)


def test_two_unanswered_legs_cannot_be_bridged() -> None:
    with simulated() as switch:
        first, second = switch.arrive(), switch.arrive()
        assert switch.api(f"uuid_bridge {first} {second}") == "-ERR Invalid uuid\n"


def test_a_call_nobody_adopts_is_told_so_and_let_go() -> None:
    with simulated(Options(fallback_after_s=3)) as switch:
        uuid = str(switch.ask("call", to="1", **{"from": "2"})["uuid"])
        ended = switch.until("CHANNEL_HANGUP_COMPLETE", Unique_ID=uuid)
        assert ended.headers["Hangup-Cause"] == "NORMAL_TEMPORARY_FAILURE"
        assert ended.headers["variable_zj_fallback"] == "true"
        assert "CHANNEL_ANSWER" not in switch.names(uuid)


def test_the_uuid_is_free_again_and_the_record_is_there(tmp_path: Path) -> None:
    with simulated(Options(cdr_dir=tmp_path / "cdr")) as switch:
        uuid = switch.arrive(uuid="11111111-1111-4111-8111-111111111111")
        assert switch.ask("call", to="1", uuid=uuid, **{"from": "2"})["ok"] is False
        switch.api(f"uuid_setvar {uuid} note 50% & more: 总机")
        switch.api(f"uuid_kill {uuid} USER_BUSY")
        switch.until("CHANNEL_DESTROY", Unique_ID=uuid)
        text = (tmp_path / "cdr" / f"{uuid}.cdr.json").read_text()
        variables = json.loads(text)["variables"]
        assert variables["note"] == "50%25%20%26%20more%3A%20%E6%80%BB%E6%9C%BA"
        assert (variables["hangup_cause"], variables["hangup_cause_q850"]) == ("USER_BUSY", "17")
        assert switch.arrive(uuid=uuid) == uuid


def test_a_bug_in_an_application_ends_the_call_and_not_the_switch(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from switchsim.applications import APPLICATIONS, Application

    def fail(_session: object, _argument: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(APPLICATIONS, "fail", Application(fail))
    with simulated() as switch:
        uuid = switch.arrive()
        switch.execute(uuid, "fail")
        assert switch.until("CHANNEL_HANGUP_COMPLETE", Unique_ID=uuid).headers["Hangup-Cause"] == "CRASH"
        assert switch.api(f"uuid_exists {uuid}") == "false"
    assert "ZeroDivisionError" in capfd.readouterr().err


@pytest.mark.parametrize(
    "request_line",
    [
        b"",
        b"nonsense",
        b"[]",
        b'{"do": "fly"}',
        b'{"do": "call"}',
        b'{"do": "call", "to": "1", "from": "2", "keys": [1]}',
        b'{"do": "call", "to": "1", "from": "2", "patience_s": "long"}',
        b'{"do": "register", "user": "1", "behaviour": {"fly": 1}}',
        b'{"do": "answer"}',
        b"\xff\xfe",
    ],
)
def test_bad_requests_are_refused_with_a_reason(request_line: bytes) -> None:
    from switchsim import control_server

    with simulated() as switch:
        answer = control_server.answer(switch.core, request_line)
        assert answer["ok"] is False
        assert answer["error"]


def test_hundreds_of_calls_at_once() -> None:
    with simulated(speed=1) as switch:
        uuids = [str(switch.ask("call", to="1", **{"from": "2"})["uuid"]) for _ in range(300)]
        switch.until("CHANNEL_PARK", Unique_ID=uuids[-1])
        for uuid in uuids:
            switch.execute(uuid, "playback", "local_stream://moh")
        switch.until("PLAYBACK_START", Unique_ID=uuids[-1])
        assert switch.ask("stats")["legs"] == 300
        for uuid in uuids:
            switch.api(f"uuid_kill {uuid}")
        switch.until("CHANNEL_DESTROY", Unique_ID=uuids[-1])
        assert switch.ask("stats")["legs"] == 0
        assert sum(event.name == "CHANNEL_DESTROY" for event in switch.events) == 300
