"""The sockets: bad input, slow readers, stopping and being killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent import socket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchsim.core import Options
from switchsim.server import Simulator


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    """A running simulator in this process, on free ports."""
    server = Simulator(password="pw", options=Options(cdr_dir=tmp_path / "cdr"))
    server.start()
    yield server
    server.kill()


def connect(simulator: Simulator) -> socket.socket:
    """Return an authenticated connection."""
    sock = socket.create_connection(("127.0.0.1", simulator.port), timeout=2)
    sock.sendall(b"auth pw\n\n")
    read_until(sock, b"accepted\n\n")
    return sock


def read_until(sock: socket.socket, end: bytes) -> bytes:
    """Read until `end` was read. Raises `TimeoutError`."""
    data = b""
    while end not in data:
        chunk = sock.recv(65536)
        if not chunk:
            raise ConnectionError(data)
        data += chunk
    return data


def test_a_command_may_come_one_byte_at_a_time_and_with_carriage_returns(simulator: Simulator) -> None:
    sock = connect(simulator)
    for byte in b"\n\r\napi echo hi\r\n\r\n":
        sock.sendall(bytes([byte]))
    assert read_until(sock, b"hi").endswith(b"\n\nhi")
    sock.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_no_bytes_harm_the_switch(simulator: Simulator, rubbish: bytes) -> None:
    sock = connect(simulator)
    sock.sendall(rubbish + b"\n\n")
    sock.close()
    other = connect(simulator)
    other.sendall(b"api echo alive\n\n")
    assert b"alive" in read_until(other, b"alive")
    other.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(
        [
            *(
                "originate",
                "uuid_record",
                "sched_transfer",
                "uuid_setvar_multi",
                "show",
                "sofia",
                "expand",
                "hash",
            ),
            *("uuid_kill", "uuid_transfer", "uuid_hold", "eval", "sofia_contact", "msleep", "global_setvar"),
        ]
    ),
    st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="9"), max_size=60),
)
def test_no_argument_harms_the_switch(simulator: Simulator, name: str, argument: str) -> None:
    sock = connect(simulator)
    sock.sendall(f"api {name} {argument}\n\n".encode())
    assert read_until(sock, b"Content-Length:")
    sock.close()


def test_stopping_hangs_up_writes_records_and_tells(simulator: Simulator, tmp_path: Path) -> None:
    sock = connect(simulator)
    sock.sendall(b"event json CHANNEL_PARK CHANNEL_HANGUP_COMPLETE SHUTDOWN\n\n")
    control = socket.create_connection(("127.0.0.1", simulator.control_port), timeout=2)
    control.sendall(b'{"do": "call", "to": "1", "from": "2"}\n')
    uuid = json.loads(read_until(control, b"\n"))["uuid"]
    read_until(sock, b"CHANNEL_PARK")
    gevent.spawn(simulator.stop)
    told = read_until(sock, b"CHANNEL_HANGUP_COMPLETE")
    assert b'"SHUTDOWN"' in told
    assert b"SYSTEM_SHUTDOWN" in told
    gevent.sleep(0.2)
    assert (tmp_path / "cdr" / f"{uuid}.cdr.json").exists()
    control.close()
    sock.close()


def test_being_killed_leaves_no_record_and_a_new_start_is_a_new_switch(
    simulator: Simulator, tmp_path: Path
) -> None:
    sock = connect(simulator)
    sock.sendall(b"event json CHANNEL_PARK\n\n")
    control = socket.create_connection(("127.0.0.1", simulator.control_port), timeout=2)
    control.sendall(b'{"do": "call", "to": "1", "from": "2"}\n')
    read_until(sock, b"CHANNEL_PARK")
    before = simulator.core.uuid
    simulator.kill()
    with pytest.raises(ConnectionError):
        read_until(sock, b"CHANNEL_HANGUP")
    assert not list(tmp_path.glob("cdr/*"))
    simulator.start()
    assert simulator.core.uuid != before
    assert not simulator.core.sessions
    control.close()
    sock.close()


def test_a_client_that_does_not_read_holds_nobody_up(simulator: Simulator) -> None:
    deaf = connect(simulator)
    deaf.sendall(b"event json ALL\n\n")
    busy = connect(simulator)
    for number in range(3000):
        busy.sendall(b"api echo %d\n\n" % number)
    assert read_until(busy, b"2999").endswith(b"2999")
    deaf.close()
    busy.close()
