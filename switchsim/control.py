"""A thin client of the simulator's control interface. Plain sockets: usable in any process, gevent or not."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any


class ControlError(Exception):
    """The simulator refused a request; the text says why."""


class Control:
    """One connection to the control interface. Methods wait for the answer; they raise `ControlError` or `OSError`."""

    def __init__(self, port: int, host: str = "127.0.0.1", timeout_s: float = 5) -> None:
        self._socket = socket.create_connection((host, port), timeout_s)
        self._reader = self._socket.makefile("rb")

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()
        self._socket.close()

    def __enter__(self) -> Control:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def request(self, do: str, **fields: Any) -> dict[str, Any]:
        """Send one request and return its answer without ``ok``; fields that are None are left out."""
        message = {"do": do, **{name: value for name, value in fields.items() if value is not None}}
        self._socket.sendall(json.dumps(message).encode() + b"\n")
        line = self._reader.readline()
        if not line:
            raise ConnectionError("the simulator closed the connection")
        answer: dict[str, Any] = json.loads(line)
        if not answer.pop("ok"):
            raise ControlError(answer.get("error", ""))
        return answer

    def call(
        self,
        to: str,
        from_: str,
        *,
        trunk: str | None = None,
        keys: Sequence[Any] = (),
        hangup_after_s: float | None = None,
        patience_s: float | None = None,
        talk_s: float | None = None,
        uuid: str | None = None,
    ) -> str:
        """Place a call (see docs/switchsim.md for the fields); return its leg's uuid."""
        answer = self.request(
            "call",
            to=to,
            trunk=trunk,
            keys=list(keys),
            hangup_after_s=hangup_after_s,
            patience_s=patience_s,
            talk_s=talk_s,
            uuid=uuid,
            **{"from": from_},
        )
        return str(answer["uuid"])

    def register(self, user: str, **fields: Any) -> str:
        """Register a phone; return its contact."""
        return str(self.request("register", user=user, **fields)["contact"])

    def unregister(self, user: str) -> bool:
        """Unregister a phone; say whether it was registered."""
        return bool(self.request("unregister", user=user)["was_registered"])

    def registrar(self, gateway: str, status: int, phrase: str = "") -> None:
        """Set what a carrier says to a gateway's next registrations."""
        self.request("registrar", gateway=gateway, status=status, phrase=phrase)

    def behaviour(self, user: str, **behaviour: Any) -> None:
        """Set what a phone or an outside number does when called."""
        self.request("behaviour", user=user, behaviour=behaviour)

    def answer(self, user: str | None = None, *, uuid: str | None = None) -> int:
        """Pick up; return how many legs that answered."""
        return int(self.request("answer", user=user, uuid=uuid)["count"])

    def hangup(self, user: str | None = None, *, uuid: str | None = None, cause: str | None = None) -> int:
        """Hang up (or refuse, while it rings); return how many legs that ended."""
        return int(self.request("hangup", user=user, uuid=uuid, cause=cause)["count"])

    def dtmf(self, digits: str, user: str | None = None, *, uuid: str | None = None) -> int:
        """Press keys at the far end of a leg; return how many legs got them."""
        return int(self.request("dtmf", digits=digits, user=user, uuid=uuid)["count"])

    def list(self) -> dict[str, Any]:
        """Return ``{"legs": […], "phones": […]}``."""
        return self.request("list")

    def stats(self) -> dict[str, Any]:
        """Return counters."""
        return self.request("stats")
