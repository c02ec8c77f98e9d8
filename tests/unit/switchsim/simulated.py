"""A simulated switch without sockets, its time running fast, and its events in a list."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import gevent

from switchsim import control_server
from switchsim.clock import Clock
from switchsim.commands import run_api
from switchsim.core import Core, Options
from switchsim.wire import Event

SPEED = 40


class Simulated:
    """A core and what it told."""

    def __init__(self, options: Options | None = None, speed: float = SPEED) -> None:
        self.core = Core(options or Options(), Clock(speed))
        self.events: list[Event] = []
        self.core.listeners[self] = (lambda _name, _subclass: True, self.events.append)

    def api(self, text: str) -> str:
        """Run an API command."""
        name, _blank, argument = text.partition(" ")
        return run_api(self.core, name, argument)

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Make a request of the control interface."""
        import json

        return control_server.answer(self.core, json.dumps({"do": do, **fields}).encode())

    def execute(self, uuid: str, app: str, argument: str = "", step: str = "") -> None:
        """Send an event-locked application."""
        message = {"call-command": "execute", "execute-app-name": app, "event-lock": "true"}
        if argument:
            message["execute-app-arg"] = argument
        if step:
            message["event-uuid"] = step
        self.core.sessions[uuid].send(message)

    def until(self, name: str, **headers: str) -> Event:
        """Wait (for at most two real seconds) for an event; raise `AssertionError` when it does not come."""
        wanted = {key.replace("_", "-"): value for key, value in headers.items()}
        with gevent.Timeout(2, AssertionError(f"no {name} {wanted}; seen: {[e.name for e in self.events]}")):
            seen = 0
            while True:
                while seen < len(self.events):
                    event = self.events[seen]
                    seen += 1
                    if event.name == name and all(
                        event.headers.get(key) == value for key, value in wanted.items()
                    ):
                        return event
                gevent.sleep(0.001)

    def arrive(self, **plan: Any) -> str:
        """Have a call come in; return its uuid once it is parked and its fallback disarmed."""
        answer = self.ask("call", **{"to": "95500", "from": "13800138000", **plan})
        assert answer["ok"], answer
        uuid = str(answer["uuid"])
        self.until("CHANNEL_PARK", Unique_ID=uuid)
        self.api(f"sched_del {uuid}")
        return uuid

    def pass_time(self, seconds: float) -> None:
        """Let simulated seconds pass."""
        self.core.clock.sleep(seconds)

    def names(self, uuid: str) -> list[str]:
        """Return the names of a leg's events so far."""
        return [event.name for event in self.events if event.headers.get("Unique-ID") == uuid]


@contextlib.contextmanager
def simulated(options: Options | None = None, speed: float = SPEED) -> Iterator[Simulated]:
    """A simulated switch for one test."""
    switch = Simulated(options, speed)
    try:
        yield switch
    finally:
        switch.core.stop()
