from __future__ import annotations

import sys
from typing import Any

import gevent
import gevent.event
import pytest

from cti.esl import client as esl
from cti.esl import commands
from cti.esl.client import Reply, State, Status

fake: Any = sys.modules["esl_fake_switch"]
LEG = "0a1ea09c-e93d-4331-8b7c-410ab00887d8"
OTHER = "6d9a7cb2-1111-4222-8333-444455556666"


def park(uuid: str, **headers: str) -> bytes:
    return fake.event(Event_Name="CHANNEL_PARK", Unique_ID=uuid, **headers)


def job_of(switch: Any) -> str:
    return switch.commands.told[-1].rpartition("Job-UUID: ")[2]


def job_ended(uuid: str, text: str) -> bytes:
    body = f'{{"Event-Name":"BACKGROUND_JOB","Job-UUID":"{uuid}","_body":"{text}"}}'
    return fake.frame(body.encode(), "text/event-json")


def test_two_connections_events_on_one_and_commands_on_the_other(switch, make_line):
    line = make_line()
    assert line.log == [("up", fake.CORE)]
    assert line.client.connected
    assert line.client.core_uuid == fake.CORE
    assert switch.events.told == [
        "auth secret",
        "event json HEARTBEAT BACKGROUND_JOB CHANNEL_PARK",
        "event json CUSTOM sofia::register",
    ]
    assert line.client.send(commands.exists(LEG)) == Reply(status=Status.OK, text="+OK")
    assert switch.commands.told[-1] == f"api uuid_exists {LEG}"


def test_events_come_in_order_and_only_those_asked_for(switch, make_line):
    line = make_line()
    other = fake.event(Event_Name="HEARTBEAT")
    custom = fake.event(Event_Name="CUSTOM", Event_Subclass="sofia::register")
    data = b"".join(park(str(n)) + other for n in range(500)) + custom
    for at in range(0, len(data), 777):
        switch.events.send(data[at : at + 777])
    line.until(lambda: len(line.of("event")) == 501)
    assert [event.uuid for event in line.of("event")[:500]] == [str(n) for n in range(500)]
    assert line.of("event")[-1].subclass == "sofia::register"
    assert line.client.statistics.events == 1001


def test_what_is_said_before_the_handler_of_up_returned_comes_after_it(switch, make_line):
    line = make_line(up=False)
    gate = gevent.event.Event()

    def on_up(_: str) -> None:
        assert line.client.send(commands.show_channels()).ok
        gate.wait()

    line.on_up = on_up
    line.until(lambda: line.of("up"))
    switch.events.send(park("early"))
    line.until(lambda: line.client.backlog == 1)
    assert line.of("event") == []
    gate.set()
    line.until(lambda: line.of("event"))


def test_each_of_many_senders_gets_its_own_reply(switch, make_line):
    line = make_line()
    switch.rule = lambda command: (
        fake.answer(command.rpartition(" ")[2]) if "getvar" in command else switch.usual(command)
    )
    senders = [gevent.spawn(line.client.send, commands.get_variable(LEG, f"v{n}")) for n in range(200)]
    gevent.joinall(senders, timeout=5)
    assert [sender.value.text for sender in senders] == [f"v{n}" for n in range(200)]


def test_a_reply_that_comes_too_late_is_nobody_elses(switch, make_line):
    line = make_line()
    switch.rule = lambda command: None
    with pytest.raises(esl.ReplyTimeout):
        line.client.send(commands.get_variable(LEG, "late"), timeout_s=0.02)
    second = gevent.spawn(line.client.send, commands.get_variable(LEG, "second"))
    switch.until(lambda: switch.commands.told[-1].endswith("second"))
    switch.commands.send(fake.answer("to the late one"))
    switch.commands.send(fake.answer("to the second"))
    assert second.get(timeout=2).text == "to the second"


def test_several_commands_are_one_reply_the_first_failure(switch, make_line):
    line = make_line()
    switch.rule = lambda command: (
        fake.answer("-ERR " + command.split()[1]) if "sched_transfer" in command else switch.usual(command)
    )
    reply = line.client.send(commands.arm_fallback(LEG, 8))
    assert reply == Reply(status=Status.ERROR, text="-ERR sched_transfer")
    assert reply.error == "sched_transfer"
    assert line.client.send(commands.execute(LEG, commands.Answer(), "s1")).text == "+OK"
    with pytest.raises(esl.CommandRefused):
        reply.expect()


@pytest.mark.parametrize(
    "text", ["-ERR NO_ANSWER", "-USAGE: <uuid>", "INVALID COMMAND!\n", "-ERR x Command not found!\n"]
)
def test_refusals_are_no_exceptions(switch, make_line, text):
    line = make_line()
    switch.rule = lambda command: fake.answer(text)
    reply = line.client.send(commands.status())
    assert (reply.status, reply.text) == (Status.ERROR, text.rstrip("\n"))


def test_post_does_not_wait_and_tells_afterwards(switch, make_line):
    line = make_line()
    told: list[Reply] = []
    for _ in range(50):
        line.client.post(commands.kill(LEG), told.append)
    assert told == []
    line.until(lambda: len(told) == 50)
    assert {reply.status for reply in told} == {Status.OK}


def test_a_reply_handler_with_a_bug_ends_nothing(switch, make_line):
    line = make_line()
    line.client.post(commands.kill(LEG), lambda reply: 1 / 0)
    assert line.client.send(commands.kill(LEG)).ok


def test_nothing_is_sent_without_a_connection(switch, make_line):
    line = make_line()
    line.client.stop()
    line.until(lambda: line.of("down"))
    with pytest.raises(esl.NotConnected):
        line.client.send(commands.status())
    told: list[Reply] = []
    line.client.post(commands.status(), told.append)
    job = line.client.bgapi(commands.status(), told.append)
    assert [reply.status for reply in told] == [Status.NOT_SENT, Status.NOT_SENT]
    assert job.wait(0).status is Status.NOT_SENT
    assert line.client.state is State.STOPPED


@pytest.mark.parametrize("which", ["events", "commands"])
def test_a_cut_of_either_is_told_and_healed_and_what_was_in_flight_is_unknown(switch, make_line, which):
    line = make_line()
    switch.rule = lambda command: None if command == "api status" else switch.usual(command)
    sender = gevent.spawn(line.client.send, commands.status())
    told: list[Reply] = []
    line.client.post(commands.status(), told.append)
    switch.until(lambda: switch.commands.told[-1] == "api status")
    getattr(switch, which).close()
    line.until(lambda: len(line.of("up")) == 2)
    assert [kind for kind, _ in line.log] == ["up", "down", "up"]
    with pytest.raises(esl.ConnectionLost):
        sender.get(timeout=1)
    assert [reply.status for reply in told] == [Status.UNKNOWN]
    assert line.client.statistics.losses == 1
    assert line.client.send(commands.kill(LEG)).ok


def test_a_wrong_password_is_told_apart(switch, make_line):
    switch.password = "another"
    line = make_line(up=False)
    line.until(lambda: line.client.state is State.REFUSED)
    assert "refused the password" in line.client.last_failure
    switch.password = "secret"
    line.until(lambda: line.of("up"))
    assert line.log == [("up", fake.CORE)]


def test_an_address_the_switch_does_not_admit_is_told_apart(switch, make_line):
    switch.greeting = fake.frame(b"Access Denied, go away.\n", "text/rude-rejection")
    line = make_line(up=False)
    line.until(lambda: line.client.state is State.REFUSED)
    assert "does not admit our address" in line.client.last_failure


def test_a_peer_that_does_not_greet_does_not_hang_us(switch, make_line):
    switch.greeting = None
    line = make_line(up=False, connect_timeout_s=0.02)
    line.until(lambda: line.client.last_failure)
    assert "did not greet" in line.client.last_failure
    switch.greeting = b"SSH-2.0-x" * 10_000
    line.until(lambda: "no event socket" in line.client.last_failure)


def test_nobody_listening_is_tried_again_until_somebody_is(make_line, switch):
    switch.stop()
    line = make_line(up=False)
    line.until(lambda: "no event socket" in line.client.last_failure)
    assert line.client.state in {State.WAITING, State.CONNECTING}
    assert line.log == []


def test_a_silent_switch_is_declared_dead(switch, make_line):
    line = make_line(heartbeat_s=0.02, dead_after_s=0.06)
    switch.rule = lambda command: None
    switch.until(lambda: switch.events.told[-1] == "api global_getvar core_uuid")
    line.until(lambda: line.of("down"))
    assert "nothing heard" in line.of("down")[0]


def test_questions_keep_a_quiet_line_alive(switch, make_line):
    line = make_line(heartbeat_s=0.01, dead_after_s=0.5)
    switch.until(lambda: switch.commands.told.count("api global_getvar core_uuid") > 4)
    assert line.of("down") == []


def test_a_job_ends_in_its_place_among_the_events(switch, make_line):
    line = make_line()
    job = line.client.bgapi(commands.status(), lambda reply: line.log.append(("job", reply.text)))
    switch.until(lambda: switch.commands.told[-1].startswith("bgapi status"))
    assert job_of(switch) == job.uuid
    assert job.result is None
    switch.events.send(park("1") + job_ended(job.uuid, "+OK done") + park("2") + job_ended("unknown", "x"))
    line.until(lambda: len(line.of("event")) == 2)
    assert [kind for kind, _ in line.log] == ["up", "event", "job", "event"]
    assert job.wait(1) == Reply(status=Status.OK, text="+OK done")
    assert line.client.jobs == 0


def test_a_failed_job_is_seen(switch, make_line):
    line = make_line()
    job = line.client.bgapi(commands.status())
    switch.until(lambda: switch.commands.told[-1].startswith("bgapi status"))
    switch.events.send(job_ended(job.uuid, "-ERR USER_BUSY\\n"))
    assert job.wait(2).error == "USER_BUSY"
    assert line.client.statistics.failed_jobs == 1
    switch.rule = lambda command: fake.reply("-ERR permission denied")
    assert line.client.bgapi(commands.status()).wait(2).error == "permission denied"


def test_a_job_that_never_ends_and_one_cut_off_are_unknown(switch, make_line):
    line = make_line(job_timeout_s=0.02, heartbeat_s=0.02)
    assert line.client.bgapi(commands.status()).wait(2).status is Status.UNKNOWN
    line = make_line()
    job = line.client.bgapi(commands.status())
    with pytest.raises(esl.ReplyTimeout):
        job.wait(0.01)
    switch.events.close()
    assert job.wait(2).status is Status.UNKNOWN


def test_a_handler_that_waits_does_not_stop_reading(switch, make_line):
    line = make_line()
    gate = gevent.event.Event()
    line.on_event = lambda event: gate.wait()
    switch.events.send(b"".join(park(str(n)) for n in range(300)))
    line.until(lambda: line.client.backlog == 299)
    assert line.client.send(commands.kill(LEG)).ok
    gate.set()
    line.until(lambda: len(line.of("event")) == 300)
    assert line.client.statistics.max_backlog >= 299


def test_a_handler_that_never_returns_costs_the_connection_and_not_all_memory(switch, make_line):
    line = make_line(max_backlog=100)
    gate = gevent.event.Event()
    line.on_event = lambda event: gate.wait()
    switch.events.send(b"".join(park(str(n)) for n in range(300)))
    line.until(lambda: "events waiting" in line.client.last_failure)
    assert line.client.statistics.dropped > 100
    gate.set()
    line.until(lambda: len(line.of("up")) == 2)
    assert [kind for kind, _ in line.log if kind != "event"] == ["up", "down", "up"]


def test_a_handler_with_a_bug_ends_nothing_and_is_counted(switch, make_line):
    line = make_line()
    line.on_event = lambda event: 1 / int(event.uuid)
    switch.events.send(park("0") + park("1"))
    line.until(lambda: len(line.of("event")) == 2)
    assert line.client.statistics.handler_errors == 1
    assert line.client.connected


def test_an_event_that_is_no_json_is_counted_and_one_not_utf_8_is_read(switch, make_line):
    line = make_line()
    bad = fake.frame(b'{"Event-Name":', "text/event-json")
    odd = fake.frame(b'{"Event-Name":"CHANNEL_PARK","Unique-ID":"\xff"}', "text/event-json")
    switch.events.send(bad + odd)
    line.until(lambda: line.of("event"))
    assert line.of("event")[0].uuid == "\ufffd"
    assert line.client.statistics.undecodable == 1


@pytest.mark.parametrize(
    "data", [b"Content-Length: x\n\n", b"Content-Type: command/reply\nReply-Text: +OK\n\n", b"x" * 70_000]
)
def test_a_peer_that_speaks_nonsense_is_left_and_tried_again(switch, make_line, data):
    line = make_line()
    switch.commands.send(data)
    line.until(lambda: len(line.of("up")) == 2)
    assert line.client.send(commands.kill(LEG)).ok


def test_the_end_in_the_middle_of_a_body_is_an_end(switch, make_line):
    line = make_line()
    switch.events.send(b"Content-Length: 100\nContent-Type: text/event-json\n\n{half")
    switch.events.sock.shutdown(gevent.socket.SHUT_WR)
    line.until(lambda: len(line.of("up")) == 2)
    assert "within a frame" in line.of("down")[0]


def test_a_switch_that_says_good_bye_is_left_at_once(switch, make_line):
    line = make_line()
    switch.events.send(b"Content-Type: text/disconnect-notice\nContent-Length: 4\n\nbye\n")
    line.until(lambda: line.of("down"))
    assert line.of("down") == ["the switch said good-bye"]


def test_large_commands_are_sent_whole_to_a_slow_reader(switch, make_line):
    line = make_line()
    value = "x" * 60_000
    told: list[Reply] = []
    for n in range(40):
        line.client.post(commands.set_variables(LEG, {"a": value, "n": str(n)}), told.append)
    line.until(lambda: len(told) == 40)
    assert [command.count("x") for command in switch.commands.told if "setvar" in command] == [60_000] * 40


def test_the_events_connection_is_kept_awake_by_empty_lines(switch, make_line):
    make_line(keep_awake=True)
    switch.until(lambda: switch.events.received.endswith(b"\n" * 5))


def test_stop_may_be_called_from_a_handler_and_start_again_after(switch, make_line):
    line = make_line()
    line.on_event = lambda event: line.client.stop()
    switch.events.send(park("1"))
    line.until(lambda: line.of("down"))
    assert line.of("down") == ["the client was stopped"]
    line.until(lambda: line.client.state is State.STOPPED)
    line.client.start()
    line.until(lambda: len(line.of("up")) == 2)
    with pytest.raises(RuntimeError):
        line.client.start()


def test_attempts_are_spread_and_grow_to_a_bound(switch, make_line, monkeypatch):
    pauses: list[float] = []
    real = gevent.sleep
    monkeypatch.setattr(esl.gevent, "sleep", lambda seconds=0: (pauses.append(seconds), real(0))[1])
    switch.stop()
    line = make_line(up=False, backoff_s=0.1, max_backoff_s=10.0)
    line.until(lambda: len(pauses) > 20)
    line.client.stop()
    waits = [pause for pause in pauses if pause]
    assert 0.1 <= waits[0] <= 0.2
    assert all(5.0 <= pause <= 10.0 for pause in waits[8:])
    assert len(set(waits[8:])) > 5


@pytest.mark.parametrize(
    ("password", "names"), [("", ["A_B"]), ("x\nexit", ["A_B"]), ("x", ["a b"]), ("x", ["x::y z"])]
)
def test_a_password_or_name_that_cannot_be_said_is_refused_at_once(password, names):
    with pytest.raises(commands.UnsafeValue):
        esl.SwitchClient("127.0.0.1", 1, password, events=names, on_event=print)


def test_the_lag_is_the_age_of_the_oldest_command_without_a_reply(switch, make_line):
    line = make_line()
    assert line.client.lag_s == 0
    switch.rule = lambda command: None
    line.client.post(commands.status())
    switch.until(lambda: line.client.lag_s > 0.05)
    switch.rule = switch.usual
    switch.commands.send(switch.usual("api status") or b"")
    switch.until(lambda: line.client.lag_s == 0)
