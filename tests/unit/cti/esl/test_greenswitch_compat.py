"""Each of greenswitch 0.0.19's faults is one test here, beside what must have stayed the same."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

import gevent
import gevent.event
import gevent.socket
import greenswitch
import pytest
from greenswitch.esl import ESLProtocol

from cti.esl.greenswitch_compat import InboundESL, NotConnectedError

fake: Any = sys.modules["esl_fake_switch"]


@pytest.fixture
def esl(switch: Any) -> Iterator[InboundESL]:
    connection = InboundESL("127.0.0.1", switch.port, "secret", timeout=2)
    connection.connect()
    yield connection
    connection.stop()


def peer(switch: Any) -> Any:
    return switch.peers[-1]


def heard(connection: InboundESL, name: str = "*") -> tuple[list[Any], Any]:
    """Register a handler that keeps events, and return them with a way to wait for a number of them."""
    events: list[Any] = []
    news = gevent.event.Event()
    connection.register_handle(name, lambda event: (events.append(event), news.set()))

    def until(number: int) -> None:
        with gevent.Timeout(3, AssertionError(f"{len(events)} of {number} events came")):
            while len(events) < number:
                news.clear()
                news.wait(0.005)

    return events, until


def plain(body: str | bytes) -> bytes:
    return fake.frame(body.encode() if isinstance(body, str) else body, "text/event-plain")


# --- what stayed ----------------------------------------------------------------------------------------------------


def test_it_is_greenswitchs_class_with_all_its_names():
    assert issubclass(InboundESL, greenswitch.InboundESL)
    public = {name for name, _ in inspect.getmembers(greenswitch.InboundESL) if not name.startswith("_")}
    assert public <= set(dir(InboundESL))
    for name in ("connect", "register_handle", "unregister_handle", "process_events", "stop", "authenticate"):
        theirs = inspect.signature(getattr(ESLProtocol, name, None) or getattr(greenswitch.InboundESL, name))
        assert list(inspect.signature(getattr(InboundESL, name)).parameters) == list(theirs.parameters)


def test_commands_and_replies(switch, esl):
    reply = esl.send("api status")
    assert (reply.data, reply.headers["Content-Type"]) == ("+OK", "api/response")
    assert esl.send("event plain ALL").headers["Reply-Text"] == "+OK"
    assert peer(switch).told == ["auth secret", "api status", "event plain ALL"]


def test_as_a_context_manager(switch):
    with InboundESL("127.0.0.1", switch.port, "secret") as connection:
        assert connection.connected
    assert not connection.connected
    assert peer(switch).told[-1] == "exit"


def test_handlers_by_name_subclass_star_log_and_disconnect(switch, esl):
    seen = {name: heard(esl, name) for name in ("HEARTBEAT", "sofia::register", "*", "log", "DISCONNECT")}
    peer(switch).send(
        plain("Event-Name: HEARTBEAT\n\n")
        + plain("Event-Name: CUSTOM\nEvent-Subclass: sofia%3A%3Aregister\n\n")
        + plain("Event-Name: OTHER\n\n")
        + fake.frame(b"a line", "log/data")
        + fake.frame(b"bye", "text/disconnect-notice")
    )
    for _, until in seen.values():
        until(1)
    assert seen["*"][0][0].headers["Event-Name"] == "OTHER"
    assert seen["log"][0][0].data == "a line"
    assert all(len(events) == 1 for events, _ in seen.values())


def test_before_and_after_handle_and_unregistering(switch, esl):
    order: list[str] = []
    esl.before_handle = lambda event: order.append("before")
    esl.after_handle = lambda event: order.append("after")
    _events, until = heard(esl, "X")
    handler = esl.event_handlers["X"][0]
    esl.register_handle("X", handler)
    peer(switch).send(plain("Event-Name: X\n\n"))
    until(1)
    assert order[0] == "before"
    esl.unregister_handle("X", handler)
    with pytest.raises(ValueError):
        esl.unregister_handle("X", handler)


def test_a_wrong_password_is_a_value_error(switch):
    with pytest.raises(ValueError, match="Invalid password"):
        InboundESL("127.0.0.1", switch.port, "wrong", timeout=2).connect()


def test_not_connected_is_an_error():
    with pytest.raises(NotConnectedError):
        InboundESL("127.0.0.1", 1, "x").send("api status")


# --- what was wrong -------------------------------------------------------------------------------------------------


def test_a_percent_encoded_newline_forges_no_header(switch, esl):
    events, until = heard(esl)
    peer(switch).send(plain("Caller-Name: x%0AUnique-ID: victim\nUnique-ID: real\nEvent-Name: X\n\n"))
    until(1)
    assert events[0].headers["Unique-ID"] == "real"
    assert events[0].headers["Caller-Name"] == "x\nUnique-ID: victim"


def test_a_jobs_body_is_not_read_as_headers(switch, esl):
    events, until = heard(esl)
    body = b"Unique-ID: victim\nEvent-Name: FORGED\n"
    head = b"Event-Name: BACKGROUND_JOB\nJob-UUID: j\nContent-Length: %d\n\n" % len(body)
    peer(switch).send(plain(head + body))
    until(1)
    assert events[0].headers["Event-Name"] == "BACKGROUND_JOB"
    assert "Unique-ID" not in events[0].headers
    assert events[0].data == body.decode()


def test_a_json_event_and_one_that_is_no_utf_8_are_events(switch, esl):
    events, until = heard(esl)
    peer(switch).send(fake.event(Event_Name="A", Unique_ID="u") + plain(b"Event-Name: B\nX: \xff%fe\n\n"))
    peer(switch).send(fake.frame(b"{not json", "text/event-json") + plain("Event-Name: C\n\n"))
    until(3)
    assert [event.headers["Event-Name"] for event in events] == ["A", "B", "C"]
    assert events[1].headers["X"] == "\ufffd\ufffd"
    assert esl.connected


def test_a_reply_has_a_time_out(switch, esl):
    switch.rule = lambda command: None
    with pytest.raises(NotConnectedError, match="No reply"):
        esl.send("api status", timeout=0.02)


def test_connecting_does_not_hang_past_its_time_out(switch):
    switch.greeting = None
    with pytest.raises(NotConnectedError):
        InboundESL("127.0.0.1", switch.port, "secret", timeout=0.05).connect()
    switch.greeting = fake.frame(b"go away", "text/rude-rejection")
    with pytest.raises(NotConnectedError):
        InboundESL("127.0.0.1", switch.port, "secret", timeout=1).connect()


def test_waiting_senders_are_told_when_the_peer_closes(switch, esl):
    switch.rule = lambda command: None
    senders = [gevent.spawn(esl.send, "api status") for _ in range(3)]
    switch.until(lambda: peer(switch).told.count("api status") == 3)
    peer(switch).close()
    for sender in senders:
        with pytest.raises(NotConnectedError, match="ended before"):
            sender.get(timeout=2)
    assert not esl.connected


def test_the_same_object_connects_again(switch, esl):
    peer(switch).close()
    with gevent.Timeout(2):
        while esl.connected:
            gevent.sleep(0)
    esl.connect()
    assert esl.send("api status").data == "+OK"
    with pytest.raises(NotConnectedError, match="Already"):
        esl.connect()


def test_a_large_command_is_sent_whole(switch, esl):
    text = "api " + "x" * 3_000_000
    assert esl.send(text).data == "+OK"
    assert peer(switch).told[-1] == text


def test_senders_at_once_get_their_own_replies(switch, esl):
    switch.rule = lambda command: (
        fake.answer(command.partition(" ")[2]) if command != "exit" else switch.usual(command)
    )
    senders = [gevent.spawn(esl.send, f"api {n}") for n in range(100)]
    gevent.joinall(senders, timeout=3)
    assert [sender.value.data for sender in senders] == [str(n) for n in range(100)]


def test_a_late_reply_is_not_the_next_ones(switch, esl):
    switch.rule = lambda command: None if "first" in command else fake.answer("late") + fake.answer("own")
    with pytest.raises(NotConnectedError):
        esl.send("api first", timeout=0.02)
    assert esl.send("api second").data == "own"
    switch.rule = switch.usual


@pytest.mark.parametrize("text", ["api a\n\napi shutdown", "api a\rb", "api \0", "", "\n"])
def test_a_newline_is_no_second_command(switch, esl, text):
    with pytest.raises(ValueError):
        esl.send(text)
    assert "api shutdown" not in peer(switch).told


def test_a_slow_handler_does_not_hold_back_reading_nor_take_all_memory(switch):
    connection = InboundESL("127.0.0.1", switch.port, "secret", timeout=2, max_backlog=50)
    connection.connect()
    gate = gevent.event.Event()
    connection.register_handle("*", lambda event: gate.wait())
    peer(switch).send(plain("Event-Name: X\n\n") * 20)
    assert connection.send("api status").data == "+OK"
    assert connection.backlog == 19
    peer(switch).send(plain("Event-Name: X\n\n") * 100)
    with gevent.Timeout(2):
        while connection.connected:
            gevent.sleep(0)
    assert connection.backlog <= 50
    gate.set()
    connection.stop()


def test_stop_from_a_handler_returns(switch, esl):
    stopped = gevent.event.Event()
    esl.register_handle("X", lambda event: (esl.stop(), stopped.set()))
    peer(switch).send(plain("Event-Name: X\n\n"))
    assert stopped.wait(2)
    assert not esl.connected


def test_a_handler_with_a_bug_stops_no_other_event(switch, esl):
    _events, until = heard(esl, "Y")
    esl.register_handle("X", lambda event: 1 / 0)
    peer(switch).send(plain("Event-Name: X\n\n") + plain("Event-Name: Y\n\n"))
    until(1)


def test_a_body_cut_off_by_the_end_does_not_loop(switch, esl):
    peer(switch).send(b"Content-Length: 50\nContent-Type: text/event-plain\n\nhalf")
    peer(switch).sock.shutdown(gevent.socket.SHUT_WR)
    with gevent.Timeout(2):
        while esl.connected:
            gevent.sleep(0)
    with pytest.raises(NotConnectedError):
        esl.send("api status")
