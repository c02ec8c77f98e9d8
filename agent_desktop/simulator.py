"""The simulated phone: buttons that drive a phone of the simulator through its control interface (docs/contracts.md).

Only an installation whose switch is the simulator has one; the phone is the signed-in agent's own, never another's.
"""

from __future__ import annotations

from typing import Any, Final

from agent_desktop import errors
from core.errors import BadFieldError
from core.settings import Settings, SwitchKind
from cti import refusals
from cti.acd.agents import Agent
from switchsim.control import Control, ControlError

TIMEOUT_S: Final = 3.0
EXPIRES_S: Final = 90
"""A browser that is gone stops renewing (every 20 s), and its phone vanishes, as a real one does."""
PROFILE: Final = "agents"
"""The profile agents' phones register with (`freeswitch_conf`)."""
ACTIONS: Final = frozenset({"register", "unregister", "answer", "hangup", "dtmf"})


class SimulatedPhone:
    """The phone of `agent` at this installation's simulator."""

    def __init__(self, switch_kind: str, settings: Settings, agent: Agent) -> None:
        if switch_kind != SwitchKind.SWITCHSIM.value:
            raise errors.NotSimulatedError()
        self._settings = settings
        self._agent = agent

    def press(self, action: str, leg_id: str, digits: str) -> dict[str, Any]:
        """Do one of :data:`ACTIONS`; all but the first two are about the leg `leg_id`, which must be the agent's.

        Raises ``BadFieldError``, ``NoSuchLegError``, and ``SimulatorAwayError`` when the simulator is not there.
        """
        if action not in ACTIONS:
            raise BadFieldError(field="action")
        about_leg = action not in {"register", "unregister"}
        if about_leg and (not leg_id or leg_id != self._agent.leg_id):
            raise errors.NoSuchLegError()
        if action == "dtmf" and not (digits and set(digits) <= set("0123456789*#")):
            raise BadFieldError(field="digits")
        try:
            with Control(self._settings.simulator_control_port, timeout_s=TIMEOUT_S) as control:
                reached = self._do(control, action, leg_id, digits)
        except ControlError as error:
            raise refusals.CommandFailedError(reason=str(error)[:200]) from error
        except (OSError, ValueError) as error:
            raise errors.SimulatorAwayError() from error
        if about_leg and not reached:
            raise errors.NoSuchLegError()
        return {}

    def _do(self, control: Control, action: str, leg_id: str, digits: str) -> int:
        """Return how many legs it reached."""
        user = self._agent.user
        match action:
            case "register":
                control.register(user, domain=self._settings.sip_domain, profile=PROFILE, expires_s=EXPIRES_S)
            case "unregister":
                control.unregister(user)
            case "answer":
                return control.answer(uuid=leg_id)
            case "hangup":
                return control.hangup(uuid=leg_id)
            case _:
                return control.dtmf(digits, uuid=leg_id)
        return 0
