from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import gevent
import gevent.event
import pytest

from cti.esl.client import SwitchClient


def _beside(name: str) -> ModuleType:
    """Load a module of this folder; the tests' folders are no packages."""
    full = f"esl_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


fake_switch = _beside("fake_switch")
switch_syntax = _beside("switch_syntax")


@pytest.fixture
def switch() -> Iterator[Any]:
    """A fake switch; what the client runs in the background is ended after it."""
    one = fake_switch.FakeSwitch()
    yield one
    one.stop()


class Line:
    """A client with what its callbacks were told."""

    def __init__(self, port: int, **options: Any) -> None:
        self.log: list[tuple[str, Any]] = []
        self.on_event: Any = None
        self.on_up: Any = None
        self._news = gevent.event.Event()
        settings: dict[str, Any] = {
            "events": ["CHANNEL_PARK", "sofia::register"],
            "backoff_s": 0.002,
            "max_backoff_s": 0.02,
            "reply_timeout_s": 2.0,
            "connect_timeout_s": 2.0,
        }
        self.client = SwitchClient(
            "127.0.0.1",
            port,
            "secret",
            on_event=lambda event: self._note("event", event, self.on_event),
            on_up=lambda core: self._note("up", core, self.on_up),
            on_down=lambda reason: self._note("down", reason, None),
            **(settings | options),
        )

    def _note(self, kind: str, what: Any, then: Any) -> None:
        self.log.append((kind, what))
        self._news.set()
        if then is not None:
            then(what)

    def of(self, kind: str) -> list[Any]:
        """What came of one kind."""
        return [what for one, what in self.log if one == kind]

    def until(self, condition: Any, timeout_s: float = 5.0) -> None:
        """Wait until `condition()` is true."""
        with gevent.Timeout(timeout_s, AssertionError(f"waited in vain; told {self.log}")):
            while not condition():
                self._news.clear()
                self._news.wait(0.005)


@pytest.fixture
def make_line(switch: Any) -> Iterator[Any]:
    """Make clients of the fake switch; they are stopped at the end."""
    lines: list[Line] = []

    def make(*, up: bool = True, **options: Any) -> Line:
        line = Line(switch.port, **options)
        lines.append(line)
        line.client.start()
        if up:
            line.until(lambda: line.of("up"))
        return line

    yield make
    for line in lines:
        line.client.stop()
        line.until(lambda line=line: line.client.state.value == "stopped")
