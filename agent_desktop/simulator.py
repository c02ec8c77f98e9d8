"""The simulated phone: buttons that drive a phone of the simulator through its control interface (docs/contracts.md).

Only an installation whose switch is the simulator has one; the phone is the signed-in agent's own, never another's.
"""

from __future__ import annotations

import json
import socket
from typing import Any, Final

from agent_desktop import errors
from core.settings import SwitchKind
from cti.acd.agents import Agent

HOST: Final = "127.0.0.1"
TIMEOUT_S: Final = 3.0
MAX_ANSWER_BYTES: Final = 1_000_000

ACTIONS: Final = frozenset({"register", "unregister", "answer", "hangup", "dtmf"})


class SimulatedPhone:
    """The phone of `agent` at the simulator whose control interface listens on `port`."""

    def __init__(self, switch_kind: str, port: int, agent: Agent) -> None:
        if switch_kind != SwitchKind.SWITCHSIM.value:
            raise errors.NotSimulatedError()
        self._port = port
        self._agent = agent

    def press(self, action: str, leg_id: str, digits: str) -> dict[str, Any]:
        """Do one of :data:`ACTIONS`; all but the first two are about the leg `leg_id`, which must be the agent's.

        Raises ``BadFieldError``, ``NoSuchLegError``, and ``SimulatorAwayError`` when the simulator is not there.
        """
        if action not in ACTIONS:
            raise errors.BadFieldError(field="action")
        request: dict[str, Any] = {"do": action, "user": self._agent.user}
        if action not in {"register", "unregister"}:
            if not leg_id or leg_id != self._agent.leg_id:
                raise errors.NoSuchLegError()
            request["uuid"] = leg_id
        if action == "dtmf":
            if not digits or not set(digits) <= set("0123456789*#"):
                raise errors.BadFieldError(field="digits")
            request["digits"] = digits
        answer = ask(self._port, request)
        if not answer.get("ok", False):
            raise errors.CommandFailedError(reason=str(answer.get("error", "unknown"))[:200])
        return {}


def ask(port: int, request: dict[str, Any]) -> dict[str, Any]:
    """Send one request to the simulator's control interface and return its answer.

    Raises ``SimulatorAwayError`` when it does not answer within :data:`TIMEOUT_S`, or with something else than JSON.
    """
    try:
        with (
            socket.create_connection((HOST, port), timeout=TIMEOUT_S) as connection,
            connection.makefile("rb") as answers,
        ):
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = answers.readline(MAX_ANSWER_BYTES)
        answer = json.loads(line)
    except (OSError, ValueError) as error:
        raise errors.SimulatorAwayError() from error
    if not isinstance(answer, dict):
        raise errors.SimulatorAwayError()
    return answer
