"""What `cti.esl` says and expects, tried on a real FreeSWITCH.

Every leg is a SIP call of the switch to itself, so that each leg has a phone's end to listen and speak at; who hears
whom is proved by tones.
"""

from __future__ import annotations

import uuid as uuids
import wave
from pathlib import Path
from typing import Any

import gevent
import gevent.socket
import numpy as np
import pytest

from cti.call.model import MAX_STATE
from cti.esl import answers, commands
from cti.esl.client import Status
from cti.esl.commands import Loopback, Originate, Playback, PlayMusic, Silence, SipAddress, SipContact, Tone
from cti.esl.greenswitch_compat import InboundESL
from tests.support import clock

pytestmark = pytest.mark.freeswitch

HOSTILE = [
    *(
        "plain",
        "a,b=c;d|e",
        "it's 'q' \"dq\" \\ back\\slash \\n \\s \\'",
        "^^:x:y",
        "@@ @ [x] (y) <z>",
        "  both  ",
    ),
    *(
        "unload mod_event_socket reload",
        ":_: x :_:",
        "中文 é 😀",
        "origination_nested_vars=true",
        "$x $",
        "a\\",
        "'",
    ),
    *("''", "\\'", "$\\", "&park()", "%[a=b]x", "undef", "x" * 20_000),
]


def new() -> str:
    return str(uuids.uuid4())


class Call:
    """A leg of ours and the phone's end of it, both parked."""

    def __init__(self, line: Any, sip_port: int, **variables: str) -> None:
        self.line = line
        self.leg = new()
        target = SipAddress(profile="agents", number="1000", host=f"127.0.0.1:{sip_port}")
        before = len(line.events)
        leg = Originate(uuid=self.leg, target=target, timeout_s=10, codec="PCMU", variables=variables)
        assert line.client.bgapi(commands.originate(leg)).wait(15).ok
        line.heard("CHANNEL_PARK", self.leg)
        self.phone: str = line.until(
            lambda: next(
                (e.uuid for e in line.events[before:] if e.name == "CHANNEL_PARK" and e.uuid != self.leg),
                None,
            )
        )

    def sound(self, hz: int) -> None:
        """Have the phone's end sound a tone."""
        app = commands.execute_only(self.phone, Playback((Tone(hz, 600_000),)), "tone")
        assert self.line.client.send(app).ok

    def hears(self, folder: Path) -> set[int]:
        """Return which of the tones the phone's end hears."""
        path = str(folder / f"{new()}.wav")
        send = self.line.client.send
        assert send(commands.set_variables(self.phone, {"RECORD_READ_ONLY": "true"})).ok
        gevent.sleep(0.3)
        assert send(commands.record_start(self.phone, path)).ok
        gevent.sleep(0.8)
        assert send(commands.record_stop(self.phone, path)).ok
        self.line.heard("RECORD_STOP", self.phone, record_path=path)
        return tones(path)


def tones(path: str) -> set[int]:
    with wave.open(path) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).astype(float)
        rate = file.getframerate()
    assert len(samples) > rate // 4
    strength = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) * 4 / len(samples)
    at = np.fft.rfftfreq(len(samples), 1 / rate)
    return {hz for hz in (440, 1000, 1500) if strength[(at > hz - 15) & (at < hz + 15)].max() > 1000}


@pytest.fixture
def sip_port(switch: Path) -> int:
    text = (switch / "conf" / "freeswitch.xml").read_text()
    return int(text.split('name="sip-port" value="')[1].split('"')[0])


@pytest.fixture
def bridged(line, sip_port):
    """A customer's and an agent's leg, bridged, with a tone at each phone."""
    customer = Call(line, sip_port, hangup_after_bridge="true", playback_terminators="none")
    agent = Call(line, sip_port, hangup_after_bridge="false", park_after_bridge="true")
    customer.sound(440)
    agent.sound(1000)
    assert line.client.send(commands.bridge(customer.leg, agent.leg)).ok
    line.heard("CHANNEL_BRIDGE", customer.leg)
    yield customer, agent
    for leg in (customer.leg, agent.leg):
        line.client.post(commands.kill(leg))


def value_of(line: Any, leg: str, name: str) -> str:
    dumped = answers.dump(line.client.send(commands.dump(leg)).text)
    assert dumped is not None
    return dumped.get(f"variable_{name}")


def test_hostile_values_are_what_they_were_on_the_leg(line):
    leg = new()
    values = {f"h{n}": value for n, value in enumerate(HOSTILE)}
    dialled = Originate(
        uuid=leg,
        target=Loopback(number="1", context="park"),
        timeout_s=10,
        variables=values,
        caller_number="+8613800138000",
    )
    assert line.client.bgapi(commands.originate(dialled)).wait(15).ok
    for way in ("originate", "setvar"):
        dumped = answers.dump(line.client.send(commands.dump(leg)).text)
        assert {name: dumped.get(f"variable_{name}") for name in values} == values, way
        got = line.client.send(commands.get_variable(leg, "h2"))
        assert answers.variable(got.text) == values["h2"]
        assert line.client.send(commands.set_variables(leg, dict.fromkeys(values, ""))).ok
        assert value_of(line, leg, "h1") == ""
        assert line.client.send(commands.set_variables(leg, values)).ok
    assert line.client.send(commands.status()).ok
    assert line.client.send(commands.kill(leg)).ok
    line.heard("CHANNEL_HANGUP_COMPLETE", leg)
    assert not answers.exists(line.client.send(commands.exists(leg)).text)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("张三, 'o' ; x=y | @", "张三, 'o' ; x=y | ＠"),
        ('"a" <sip:evil@h>\r\nVia: x', "'a' ＜sip：evil＠h＞ Via： x"),
        ("{a=b}${c}\\", "｛a=b｝＄｛c｝＼"),
        ("ARRAY::a|:b", "ARRAY：：a|：b"),
    ],
)
def test_hostile_names_of_callers_arrive_at_the_phone_as_they_may_be_shown(line, sip_port, name, shown):
    leg, before = new(), len(line.events)
    target = SipAddress(profile="agents", number="1000", host=f"127.0.0.1:{sip_port}")
    dialled = Originate(uuid=leg, target=target, timeout_s=10, caller_name=name, caller_number="4001")
    assert line.client.bgapi(commands.originate(dialled)).wait(15).ok
    heard = line.until(
        lambda: next((e for e in line.events[before:] if e.name == "CHANNEL_PARK" and e.uuid != leg), None)
    )
    assert heard.get("Caller-Caller-ID-Name") == shown
    sent = heard.get("variable_sip_full_from")
    assert sent.startswith(f'"{shown}" <sip:4001@127.0.0.1')
    assert heard.caller_number == "4001"
    line.client.send(commands.kill(leg))


def ended(line, leg: str, step: str) -> bool:
    """Return whether the leg says that a step ended."""
    event = answers.dump(line.client.send(commands.dump(leg)).text)
    assert event is not None
    return answers.step_ended(event, step)


def test_only_completions_of_our_steps_are_sent_where_that_is_asked(make_line, sip_port):
    line = make_line(step_prefix="z")
    call = Call(line, sip_port)
    wire = commands.execute(call.leg, Playback((Silence(50),)), "other")
    assert line.client.send(wire + commands.execute(call.leg, Playback((Silence(50),)), "z1")).ok
    line.heard("CHANNEL_EXECUTE_COMPLETE", call.leg, application_uuid="z1")
    line.client.send(commands.kill(call.leg))
    line.heard("CHANNEL_HANGUP_COMPLETE", call.leg)
    found = {e.application_uuid for e in line.events if e.name.startswith("CHANNEL_EXECUTE_COMPLETE")}
    assert found == {"z1"}


def test_a_step_is_told_when_it_runs_and_ends_and_noted_on_the_leg(line, sip_port):
    call = Call(line, sip_port)
    send = line.client.send
    assert send(commands.execute(call.leg, Playback((Silence(300), Tone(440, 100))), "s1")).ok
    assert send(commands.execute(call.leg, Playback((Silence(60_000),)), "s2")).ok
    line.heard("CHANNEL_EXECUTE", call.leg, application_uuid="s1")
    done = line.heard("CHANNEL_EXECUTE_COMPLETE", call.leg, application_uuid="s1")
    assert (done.application, done.application_response) == ("playback", "FILE PLAYED")
    line.heard("CHANNEL_EXECUTE", call.leg, application_uuid="s2")
    assert not ended(line, call.leg, "s2")
    assert send(commands.break_(call.leg)).ok
    line.heard("CHANNEL_EXECUTE_COMPLETE", call.leg, application_uuid="s2")
    line.until(lambda: ended(line, call.leg, "s2"))
    assert not ended(line, call.leg, "s1")  # only of the last step the leg can tell
    assert send(commands.execute(call.leg, commands.Sleep(50), "s3")).ok
    line.until(lambda: ended(line, call.leg, "s3"))
    line.client.send(commands.kill(call.leg))


def test_steps_wait_for_each_other_and_a_missing_file_is_told(line, sip_port):
    call = Call(line, sip_port)
    wire = commands.execute(call.leg, Playback((Tone(440, 200),), 2), "a") + commands.execute(
        call.leg, Playback(("/nowhere/x.wav",)), "b"
    )
    wire += commands.execute(call.leg, PlayMusic("/nowhere/y.wav"), "c")
    wire += commands.execute(call.leg, commands.SetVariables({"q1": 'a;b, c=d "e" |', "q2": "^^:x 中"}), "d")
    assert line.client.send(wire).ok
    line.heard("CHANNEL_EXECUTE_COMPLETE", call.leg, application_uuid="d")
    order = [
        (e.name, e.application_uuid)
        for e in line.events
        if e.uuid == call.leg and len(e.application_uuid) == 1
    ]
    assert order == [(n, s) for s in "abcd" for n in ("CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE")]
    ended = {
        e.application_uuid: e.application_response
        for e in line.events
        if e.name == "CHANNEL_EXECUTE_COMPLETE"
    }
    assert (ended["a"], ended["b"], ended["c"]) == ("FILE PLAYED", "FILE NOT FOUND", "FILE NOT FOUND")
    assert value_of(line, call.leg, "q1") == 'a;b, c=d "e" |'
    assert value_of(line, call.leg, "q2") == "^^:x 中"
    line.client.send(commands.kill(call.leg))


def test_hold_gives_music_to_the_customer_and_silence_to_the_agent_and_back(line, switch, bridged):
    customer, agent = bridged
    folder = switch / "recordings"
    send = line.client.send
    assert (customer.hears(folder), agent.hears(folder)) == ({1000}, {440})
    path = str(folder / f"{new()}.wav")
    assert send(commands.set_variables(customer.leg, {"RECORD_STEREO": "true"})).ok
    assert send(commands.record_start(customer.leg, path)).ok
    assert send(commands.hold(customer.leg)).ok
    line.until(lambda: [e.uuid for e in line.events if e.name == "CHANNEL_PARK"].count(customer.leg) == 2)
    assert send(commands.execute(customer.leg, Playback((Tone(1500, 600_000),)), "hold")).ok
    line.heard("CHANNEL_EXECUTE", customer.leg, application_uuid="hold")
    assert (customer.hears(folder), agent.hears(folder)) == ({1500}, set())
    assert send(commands.unhold(customer.leg, agent.leg)).ok
    line.until(lambda: [e.uuid for e in line.events if e.name == "CHANNEL_BRIDGE"].count(customer.leg) == 2)
    assert (customer.hears(folder), agent.hears(folder)) == ({1000}, {440})
    assert send(commands.record_stop(customer.leg, path)).ok
    stopped = line.heard("RECORD_STOP", customer.leg, record_path=path)
    started = line.heard("RECORD_START", customer.leg, record_path=path)
    with wave.open(path) as file:
        assert file.getnchannels() == 2
        recorded_s = file.getnframes() / file.getframerate()
    assert recorded_s == pytest.approx((stopped.timestamp_us - started.timestamp_us) / 1e6, abs=0.5)
    assert [e.record_path for e in line.events if e.name == "RECORD_STOP"].count(path) == 1


def test_mute_silences_one_way(line, switch, bridged):
    customer, agent = bridged
    folder = switch / "recordings"
    assert line.client.send(commands.mute(agent.leg)).ok
    assert (customer.hears(folder), agent.hears(folder)) == (set(), {440})
    assert line.client.send(commands.unmute(agent.leg)).ok
    assert customer.hears(folder) == {1000}


def test_keys_reach_the_far_end_and_the_customer_goes_when_the_agent_does(line, bridged):
    customer, agent = bridged
    assert line.client.send(commands.send_dtmf(customer.leg, "12#")).ok
    line.heard("DTMF", customer.phone, digit="#")
    assert [e.digit for e in line.events if e.name == "DTMF" and e.uuid == customer.phone] == ["1", "2", "#"]
    assert line.client.send(commands.kill(agent.phone)).ok
    assert line.heard("CHANNEL_HANGUP_COMPLETE", customer.leg).hangup_cause == "NORMAL_CLEARING"


def test_the_fallback_comes_when_it_is_not_renewed_and_only_once(line, sip_port):
    call = Call(line, sip_port)
    send = line.client.send
    assert send(commands.arm_fallback(call.leg, 1)).ok
    assert send(commands.disarm_fallback(call.leg)).text == "+OK Deleted: 1"
    assert send(commands.arm_fallback(call.leg, 60)).ok
    assert send(commands.arm_fallback(call.leg, 1)).ok
    line.until(lambda: value_of(line, call.leg, "zj_fell_back") == "yes")
    assert send(commands.disarm_fallback(call.leg)).text == "+OK Deleted: 0"
    send(commands.kill(call.leg))


@pytest.mark.parametrize(
    ("target", "cause"),
    [
        (Loopback(number="1", context="ring"), "NO_ANSWER"),
        (SipContact(profile="nowhere", uri="sip:1@127.0.0.1:9"), "INVALID_PROFILE"),
        (commands.Gateway(name="nowhere", number="1"), "INVALID_GATEWAY"),
    ],
)
def test_a_leg_that_is_not_answered_is_a_failed_job_with_its_cause(line, target, cause):
    reply = line.client.bgapi(commands.originate(Originate(uuid=new(), target=target, timeout_s=1))).wait(10)
    assert (reply.status, reply.error) == (Status.ERROR, cause)


def test_a_uuid_that_lives_is_refused_to_another_leg(line, sip_port):
    call = Call(line, sip_port)
    target = SipAddress(profile="agents", number="1000", host=f"127.0.0.1:{sip_port}")
    again = Originate(uuid=call.leg, target=target, timeout_s=5)
    assert line.client.bgapi(commands.originate(again)).wait(10).status is Status.ERROR
    assert answers.exists(line.client.send(commands.exists(call.leg)).text)
    other = Originate(uuid=call.leg, target=Loopback(number="1", context="park"), timeout_s=5)
    made = answers.originated(line.client.bgapi(commands.originate(other)).wait(10).text)
    assert made not in {"", call.leg}  # a loopback leg is dialled all the same, under another uuid
    for leg in (call.leg, made):
        assert line.client.send(commands.kill(leg)).ok


def test_what_is_asked_of_no_leg_is_refused(line):
    send, leg = line.client.send, new()
    for wire in (
        commands.execute(leg, commands.Answer(), "x"),
        commands.kill(leg),
        commands.bridge(leg, new()),
        commands.set_variables(leg, {"a": "b"}),
        commands.hold(leg),
        commands.mute(leg),
        commands.arm_fallback(leg, 5),
        commands.break_(leg),
        commands.record_start(leg, "/tmp/x.wav"),
    ):
        assert send(wire).status is Status.ERROR
    assert answers.dump(send(commands.dump(leg)).text) is None


def test_channels_are_listed_with_whom_they_talk_to(line, bridged):
    customer, agent = bridged

    def listed() -> dict[str, answers.Channel] | None:
        rows = {one.uuid: one for one in answers.channels(line.client.send(commands.show_channels()).text)}
        return rows if {customer.leg, agent.leg, customer.phone} <= rows.keys() else None

    rows = line.until(listed)
    assert rows[customer.leg].direction == "outbound"
    assert rows[customer.leg].callstate == "ACTIVE"


def register(sip_port: int, user: str, call_id: str, expires: int = 600) -> bytes:
    """Send one REGISTER and return the answer."""
    with gevent.socket.socket(gevent.socket.AF_INET, gevent.socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        port = sock.getsockname()[1]
        message = (
            f"REGISTER sip:test.invalid SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{new()}\r\n"
            f"From: <sip:{user}@test.invalid>;tag={new()}\r\nTo: <sip:{user}@test.invalid>\r\nCall-ID: {call_id}\r\n"
            f"CSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:{user}@127.0.0.1:{port};x=1>\r\n"
            f"Expires: {expires}\r\nContent-Length: 0\r\n\r\n"
        )
        sock.sendto(message.encode(), ("127.0.0.1", sip_port))
        while True:
            answer: bytes = sock.recv(4000)
            if not answer.startswith(b"SIP/2.0 100"):
                return answer


def test_a_registration_is_told_listed_and_dialled_and_a_call_id_forges_none(line, sip_port):
    hostile = "x</call-id><user>victim@test.invalid</user>"
    assert register(sip_port, "w1", hostile).startswith(b"SIP/2.0 200")
    told = line.heard("sofia::register")
    assert (told.profile, told.from_user) == ("agents", "w1")
    send = line.client.send
    listed = line.until(lambda: answers.registrations(send(commands.registrations()).text, "agents"))
    assert [(one.user, one.domain) for one in listed] == [("w1", "test.invalid")]
    (contact,) = answers.contacts(send(commands.contact("agents", "w1", "test.invalid")).text)
    assert contact.profile == "agents"
    assert contact.uri.startswith("sip:w1@127.0.0.1:")
    for target in (contact, listed[0].target()):
        leg = Originate(uuid=new(), target=target, timeout_s=1)
        assert line.client.bgapi(commands.originate(leg)).wait(10).status is Status.ERROR
    assert answers.contacts(send(commands.contact("agents", "w2", "test.invalid")).text) == []
    assert register(sip_port, "w1", hostile, expires=0).startswith(b"SIP/2.0 200")
    line.heard("sofia::unregister")


def test_directory_and_profiles_take_their_commands(line):
    send = line.client.send
    assert send(commands.flush_directory("w1", "test.invalid")).text.startswith("+OK cleared")
    assert send(commands.rescan_profile("agents")).text.endswith("+OK scan complete")
    assert send(commands.reload_xml()).ok
    assert len(send(commands.core_uuid()).text) == 36


def test_a_line_kept_awake_by_empty_lines_works_like_any_other(make_line, sip_port):
    line = make_line(keep_awake=True)
    call = Call(line, sip_port)
    for n in range(20):
        app = commands.SetVariables({"n": str(n)})
        assert line.client.send(commands.execute_only(call.leg, app, f"s{n}")).ok
        line.heard("CHANNEL_EXECUTE_COMPLETE", call.leg, application_uuid=f"s{n}")
    line.client.send(commands.kill(call.leg))
    assert line.downs == []


def test_a_cut_line_comes_back_and_says_which_switch_it_is(line):
    line.client.post(commands.leave())
    line.until(lambda: len(line.ups) == 2)
    assert line.ups[0] == line.ups[1]
    assert len(line.downs) == 1
    assert line.client.send(commands.status()).ok


def test_a_wrong_password_is_told_apart(switch, line):
    connection = InboundESL("127.0.0.1", line.port, "wrong", timeout=5)
    with pytest.raises(ValueError, match="Invalid password"):
        connection.connect()


def test_greenswitchs_interface_on_the_real_one(line):
    with InboundESL("127.0.0.1", line.port, line.password) as connection:
        events: list[Any] = []
        connection.register_handle("BACKGROUND_JOB", events.append)
        assert connection.send("event plain BACKGROUND_JOB").headers["Reply-Text"].startswith("+OK")
        job = connection.send("bgapi status").headers["Job-UUID"]
        with gevent.Timeout(5):
            while not events:
                gevent.sleep(0.01)
        assert events[0].headers["Job-UUID"] == job
        assert events[0].data.startswith("UP ")


def test_a_message_is_recorded_and_its_end_can_be_seen_on_the_leg(line, sip_port, tmp_path):
    folder = tmp_path / "with a blank"
    folder.mkdir()
    call = Call(line, sip_port)
    line.client.send(commands.set_variables(call.leg, {"playback_terminators": "none"}))
    app = commands.Record(path=str(folder / "message.wav"), max_s=30)
    assert line.client.send(commands.execute(call.leg, app, "z1")).ok
    line.heard("RECORD_START", call.leg)
    assert not answers.step_ended(answers.dump(line.client.send(commands.dump(call.leg)).text), "z1")
    gevent.sleep(0.5)
    line.client.send(commands.break_(call.leg))
    line.heard("CHANNEL_EXECUTE_COMPLETE", call.leg, application_uuid="z1")
    line.until(lambda: answers.step_ended(answers.dump(line.client.send(commands.dump(call.leg)).text), "z1"))
    assert (folder / "message.wav").is_file(), "a silent caller leaves an empty one"
    line.client.send(commands.kill(call.leg))


def test_the_longest_state_is_written_in_one_piece(line, sip_port):
    """Times what the switch takes to read it: it holds up this call's commands only."""
    call = Call(line, sip_port)
    letters = "".join(chr(ord("A") + n * 7 % 26) for n in range(MAX_STATE))
    begun = clock.now_s()
    assert line.client.send(commands.set_variables(call.leg, {"zj_state": letters, "zj_tenant": "1"})).ok
    took_s = clock.now_s() - begun
    event = answers.dump(line.client.send(commands.dump(call.leg)).text)
    assert event is not None
    assert event.zj_state == letters
    assert took_s < 2.0, took_s
    line.client.send(commands.kill(call.leg))
