"""One way to be the outside of a cell (callers and phones), whichever switch the cell has."""

from __future__ import annotations

from typing import Protocol

from switchsim.control import Control
from tests.support.cell import Cell, wait_for
from tests.support.world import World


class Outside(Protocol):
    """Callers of the carrier and phones of agents."""

    def call(self, number: str, caller: str) -> str:
        """Place a call; returns the caller's handle."""

    def press(self, caller: str, keys: str) -> None:
        """Press keys on the caller's phone."""

    def alive(self, caller: str) -> bool:
        """Return whether the caller's leg is up."""

    def hang_up(self, caller: str) -> None:
        """The caller hangs up."""

    def register(self, user: str) -> None:
        """Register a phone."""

    def vanish(self, user: str) -> None:
        """Unregister a phone."""

    def ringing(self, user: str) -> None:
        """Wait until the phone rings."""

    def answer(self, user: str) -> None:
        """Pick the ringing phone up."""

    def put_down(self, user: str) -> None:
        """End (or refuse) whatever the phone has."""

    def hang_up_all(self) -> None:
        """End every leg."""

    def stop(self) -> None:
        """Put everything away."""


class SimulatedOutside:
    """The simulator's own callers and phones."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._control = self._connect()

    def _connect(self) -> Control:
        return Control(port=self._cell.settings.simulator_control_port)

    def reconnect(self) -> None:
        """Connect again after the simulator was started anew."""
        self._control.close()
        self._control = wait_for(self._try, 10)

    def _try(self) -> Control | None:
        try:
            return self._connect()
        except OSError:
            return None

    def call(self, number: str, caller: str) -> str:
        return self._control.call(number, caller)

    def press(self, caller: str, keys: str) -> None:
        self._control.request("dtmf", uuid=caller, digits=keys)

    def alive(self, caller: str) -> bool:
        return any(leg["uuid"] == caller for leg in self._control.request("list")["legs"])

    def hang_up(self, caller: str) -> None:
        self._control.hangup(uuid=caller)

    def register(self, user: str) -> None:
        self._control.register(user)

    def vanish(self, user: str) -> None:
        self._control.unregister(user)

    def ringing(self, user: str) -> None:
        wait_for(
            lambda: any(
                leg["user"] == user and leg["ringing"] for leg in self._control.request("list")["legs"]
            ),
            15,
            f"{user} does not ring",
        )

    def answer(self, user: str) -> None:
        self.ringing(user)
        self._control.answer(user)

    def put_down(self, user: str) -> None:
        self._control.hangup(user)

    def hang_up_all(self) -> None:
        for leg in self._control.request("list")["legs"]:
            self._control.hangup(uuid=leg["uuid"])

    def stop(self) -> None:
        self._control.close()


class RealOutside:
    """A second FreeSWITCH."""

    CALLER_HZ = 400
    AGENT_HZ = 900

    def __init__(self, cell: Cell, users: tuple[str, ...]) -> None:
        self.world = World(cell, users)
        self.phones: dict[str, str] = {}

    def call(self, number: str, caller: str) -> str:
        leg = self.world.call(number, caller, self.CALLER_HZ)
        wait_for(lambda: self.world.alive(leg), 10, "the call does not start")
        return leg

    def press(self, caller: str, keys: str) -> None:
        self.world.press(caller, keys)

    def alive(self, caller: str) -> bool:
        return self.world.alive(caller)

    def hang_up(self, caller: str) -> None:
        self.world.hang_up(caller)

    def register(self, user: str) -> None:
        self.world.register(user)

    def vanish(self, user: str) -> None:
        self.world.unregister(user)

    def ringing(self, user: str) -> None:
        self.phones[user] = self.world.ringing(user)

    def answer(self, user: str) -> None:
        self.phones[user] = self.world.answer(user, self.AGENT_HZ)

    def put_down(self, user: str) -> None:
        leg = self.phones.pop(user, "")
        self.world.hang_up(leg, "CALL_REJECTED" if leg and not self._answered(leg) else "NORMAL_CLEARING")

    def _answered(self, leg: str) -> bool:
        return any(row["uuid"] == leg and row["callstate"] == "ACTIVE" for row in self.world.legs())

    def hang_up_all(self) -> None:
        self.world.api("hupall")

    def stop(self) -> None:
        self.world.stop()
