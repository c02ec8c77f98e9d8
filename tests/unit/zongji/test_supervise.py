"""What is run, how it is kept running, and what its lines look like."""

from __future__ import annotations

import configparser
import io
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Settings, SettingsError, load
from zongji.processes import pace, ports
from zongji.processes.console import Prefixer, serve
from zongji.processes.redis import configuration as redis_configuration
from zongji.processes.run import AlreadyRunningError, take_lock
from zongji.processes.supervise import PROCFILE, Process, configuration, needed, read_procfile
from zongji.processes.switch import running_freeswitch, sessions


def _settings(folder: Path, **values: str) -> Settings:
    return load({"ZONGJI_HOME": str(folder), **{f"ZONGJI_{k.upper()}": v for k, v in values.items()}})


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name, wherever pytest's own folders are."""
    with tempfile.TemporaryDirectory(prefix="zj-") as folder:
        yield Path(folder)


def test_the_procfile_names_every_process() -> None:
    processes = read_procfile(PROCFILE.read_text())
    assert [process.name for process in processes] == [
        "redis",
        "shipper",
        "scheduler",
        "switch",
        "cti",
        "web",
    ]
    assert all(process.command[:3] == ("python", "-m", "zongji.processes") for process in processes)


def test_a_line_that_is_no_process_is_refused() -> None:
    assert read_procfile("# a comment\n\nweb: x 'a b'\n") == [Process("web", ("x", "a b"))]
    with pytest.raises(ValueError, match="Procfile"):
        read_procfile("web\n")


def test_what_somebody_else_runs_is_left_out(tmp_path: Path) -> None:
    processes = read_procfile(PROCFILE.read_text())
    settings = _settings(tmp_path, redis_url="redis://r", switch="external")
    assert [process.name for process in needed(settings, processes)] == ["shipper", "scheduler", "cti", "web"]


def test_the_configuration_restarts_everything_for_ever(short_path: Path) -> None:
    settings = _settings(short_path / "100% zongji")
    text = configuration(settings, [Process("web", ("python", "-m", "x"))], is_root=True)
    parsed = configparser.RawConfigParser()
    parsed.read_string(text)
    program = parsed["program:web"]
    assert (program["autorestart"], program["startsecs"]) == ("true", "0")
    assert "100%% zongji" in parsed["supervisord"]["logfile"]
    assert parsed["supervisord"]["user"] == "root"


@pytest.mark.parametrize("name", ["x" * 120, "a ;b"])
def test_a_home_nothing_can_run_in_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError):
        configuration(_settings(tmp_path / name), [], is_root=False)


def test_redis_keeps_everything_and_listens_to_nobody_else(tmp_path: Path) -> None:
    lines = redis_configuration(_settings(tmp_path)).splitlines()
    assert {"port 0", "appendonly yes", "maxmemory-policy noeviction", "unixsocketperm 700"} <= set(lines)


def test_one_run_holds_a_home(tmp_path: Path) -> None:
    handle = take_lock(_settings(tmp_path))
    with pytest.raises(AlreadyRunningError, match=str(os.getpid())):
        take_lock(_settings(tmp_path))
    os.close(handle)
    os.close(take_lock(_settings(tmp_path)))


def test_a_taken_port_is_named_with_its_setting(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        port = ports.Port(host="127.0.0.1", number=number, setting="web_port", use="the web interface")
        (sentence,) = ports.problems([port])
    assert sentence == f"TCP port {number} (the web interface, ZONGJI_WEB_PORT) is taken by another program."
    assert ports.problems([port]) == []


def test_a_running_switchs_ports_are_not_asked_for(tmp_path: Path) -> None:
    settings = _settings(tmp_path, switch="switchsim")
    alone = {port.setting for port in ports.wanted(settings, switch_runs=False)}
    beside = {port.setting for port in ports.wanted(settings, switch_runs=True)}
    assert alone - beside == {"switch_port", "simulator_control_port"}


def test_only_a_process_that_ends_at_once_is_held_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    settings = _settings(tmp_path)
    pace.pace(settings, "web")
    assert slept == []
    pace.pace(settings, "web")
    assert slept == [pace.RESTART_PAUSE_S]
    mark = tmp_path / "run" / "web.started"
    os.utime(mark, (mark.stat().st_mtime - 10,) * 2)
    pace.pace(settings, "web")
    pace.pace(settings, "cti")
    assert len(slept) == 1


def test_lines_are_whole_and_carry_their_process() -> None:
    prefixer = Prefixer()
    assert prefixer.feed("web", b"one\ntw") == [b"web     | one\n"]
    assert prefixer.feed("cti", b"x\n") == [b"cti     | x\n"]
    assert prefixer.feed("web", b"o\r\nthree") == [b"web     | two\n"]
    assert prefixer.finish("web") == [b"web     | three\n"]
    assert len(prefixer.feed("web", b"y" * 100_000)) == 1


def test_the_listener_speaks_the_supervisors_protocol() -> None:
    def message(event: str, body: str) -> bytes:
        # The length counts characters (`supervisor.process.Subprocess._eventEnvelope`), what is sent is UTF-8.
        return f"ver:3.0 eventname:{event} len:{len(body)}\n{body}".encode()

    head = "processname:web groupname:web "
    source = message("PROCESS_LOG_STDOUT", head + "pid:1 channel:stdout\n总机 hello\nwor")
    source += message("PROCESS_STATE_EXITED", head + "from_state:RUNNING expected:0 pid:1")
    answers, screen = io.BytesIO(), io.BytesIO()
    serve(io.TextIOWrapper(io.BytesIO(source), encoding="utf-8", newline="\n"), answers, screen)
    assert answers.getvalue() == b"READY\nRESULT 2\nOKREADY\nRESULT 2\nOKREADY\n"
    assert screen.getvalue().splitlines() == [
        "web     | 总机 hello".encode(), b"web     | wor", b"web     | (ended; it is started again)",
    ]  # fmt: skip


def test_no_freeswitch_of_this_home_runs(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    assert running_freeswitch(settings) == 0
    file = tmp_path / "switch" / "run" / "freeswitch.pid"
    file.parent.mkdir(parents=True)
    # A number that another program has by now is not ours.
    file.write_text(str(os.getpid()))
    assert running_freeswitch(settings) == 0


def test_legs_are_counted_from_the_switchs_status() -> None:
    status = "UP 0 years\n12 session(s) since startup\n3 session(s) - peak 4, last 5min 4\n"
    assert sessions(status) == 3
    assert sessions("something else") == 0
