"""One way to be the outside of a cell (callers and phones), whichever switch the cell has."""

from __future__ import annotations

from typing import Any, Protocol

from switchsim.control import Control
from tests.support.cell import Cell, wait_for
from tests.support.world import World, loudness

HEARD_DB = -45.0
"""A tone of the outside is louder than this where it is heard at all."""


class Outside(Protocol):
    """Callers of the carrier and phones of agents."""

    def call(self, number: str, caller: str) -> str:
        """Place a call; returns the caller's handle."""

    def press(self, caller: str, keys: str) -> None:
        """Press keys on the caller's phone, which waits until it is connected: nobody hears keys before that."""

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

    def answer(self, user: str, hz: int = 0) -> None:
        """Pick the ringing phone up; its voice is the tone `hz`, or that of all agents."""

    def put_down(self, user: str) -> None:
        """End (or refuse) whatever the phone has."""

    def trunk(self, code: str) -> tuple[str, int]:
        """Return host and port of a carrier; what it calls there rings until told otherwise."""

    def called(self, number: str) -> str:
        """Wait until an outside telephone rings for a call of ours; returns its handle."""

    def pick_up(self, called: str, *, as_agent: bool = False, hz: int = 0) -> None:
        """The called party answers; `as_agent`: it sounds like an agent's phone; else its tone may be `hz`."""

    def refuse(self, called: str, cause: str) -> None:
        """The called party, or the network, ends the call unanswered."""

    def announce(self, called: str) -> None:
        """The network plays early media."""

    def hears(self, who: str, *tones: int, silent: int = 0) -> None:
        """Wait until a telephone (a leg, or a phone's user) hears all `tones` (Hz) and not the tone `silent`.

        The simulator has no sound: it tells who is in a talk of three, and who of those left is connected.
        """

    def hang_up_all(self) -> None:
        """End every leg."""

    def describe(self) -> str:
        """Return what there is, for the report of a failed test."""

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
        wait_for(lambda: self._hears_keys(caller), 15, f"{caller} is not connected: {self.describe()}")
        self._control.request("dtmf", uuid=caller, digits=keys)

    def _hears_keys(self, caller: str) -> bool:
        legs = [leg for leg in self._legs() if leg["uuid"] == caller]
        return not legs or any(leg["answered"] or leg["call_state"] == "EARLY" for leg in legs)

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

    def answer(self, user: str, hz: int = 0) -> None:
        self.ringing(user)
        self._control.answer(user)

    def put_down(self, user: str) -> None:
        self._control.hangup(user)

    def trunk(self, code: str) -> tuple[str, int]:
        self._control.request("gateways", names=[code])
        self._control.behaviour("*", ring_after_s=0.05)
        return "127.0.0.1", 5060

    def called(self, number: str) -> str:
        def found() -> str:
            legs = self._control.request("list")["legs"]
            return next((leg["uuid"] for leg in legs if leg["to"] == number and leg["ringing"]), "")

        return wait_for(found, 15, f"{number} does not ring")

    def pick_up(self, called: str, *, as_agent: bool = False, hz: int = 0) -> None:
        assert self._control.answer(uuid=called) == 1

    def refuse(self, called: str, cause: str) -> None:
        self._control.hangup(uuid=called, cause=cause)

    def announce(self, called: str) -> None:
        self._control.request("early_media", uuid=called)

    def hears(self, who: str, *tones: int, silent: int = 0) -> None:
        if len(tones) > 1:
            wait_for(lambda: any(leg["heard_by"] == "both" for leg in self._legs()), 15, "no talk of three")
        elif tones and silent:
            wait_for(lambda: self._connected(who), 15, f"{who} is not connected: {self.describe()}")

    def _legs(self) -> list[dict[str, Any]]:
        legs: list[dict[str, Any]] = self._control.request("list")["legs"]
        return legs

    def _connected(self, who: str) -> bool:
        legs = self._legs()
        theirs = [leg for leg in legs if who in (leg["uuid"], leg["user"])]
        return any(leg["bridged_with"] for leg in theirs) and not any(leg["heard_by"] for leg in legs)

    def hang_up_all(self) -> None:
        wait_for(self._hung_up_all, 15, "legs begin again and again, or stay")

    def _hung_up_all(self) -> bool:
        """End the legs there are; say whether there were none: one may begin while others are ended."""
        legs = self._control.request("list")["legs"]
        for leg in legs:
            self._control.hangup(uuid=leg["uuid"])
        return not legs

    def describe(self) -> str:
        return str(self._control.request("list"))

    def stop(self) -> None:
        self._control.close()


class RealOutside:
    """A second FreeSWITCH."""

    CALLER_HZ = 400
    AGENT_HZ = 900
    NETWORK_HZ = 700
    THIRD_HZ = 1500
    """Of whoever an agent asks, where it matters who is heard."""

    def __init__(self, cell: Cell, users: tuple[str, ...]) -> None:
        self.world = World(cell, users)
        self.phones: dict[str, str] = {}

    def call(self, number: str, caller: str) -> str:
        leg = self.world.call(number, caller, self.CALLER_HZ)
        wait_for(lambda: self.world.alive(leg) or self.world.ended(leg), 10, "the call does not start")
        return leg

    def press(self, caller: str, keys: str) -> None:
        wait_for(lambda: self._hears_keys(caller), 15, f"{caller} is not connected")
        self.world.press(caller, keys)

    def _hears_keys(self, caller: str) -> bool:
        states = [row["callstate"] for row in self.world.legs() if row["uuid"] == caller]
        return not self.world.alive(caller) or any(state in ("ACTIVE", "EARLY", "HELD") for state in states)

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

    def answer(self, user: str, hz: int = 0) -> None:
        self.phones[user] = self.world.answer(user, hz or self.AGENT_HZ)

    def put_down(self, user: str) -> None:
        leg = self.phones.pop(user, "")
        self.world.hang_up(leg, "CALL_REJECTED" if leg and not self._answered(leg) else "NORMAL_CLEARING")

    def _answered(self, leg: str) -> bool:
        return any(row["uuid"] == leg and row["callstate"] == "ACTIVE" for row in self.world.legs())

    def trunk(self, code: str) -> tuple[str, int]:
        return "127.0.0.1", self.world.sip

    def called(self, number: str) -> str:
        return self.world.ringing(number)

    def pick_up(self, called: str, *, as_agent: bool = False, hz: int = 0) -> None:
        self.world.pick_up(called, self.AGENT_HZ if as_agent else hz or self.CALLER_HZ)

    def refuse(self, called: str, cause: str) -> None:
        self.world.hang_up(called, cause)

    def announce(self, called: str) -> None:
        self.world.announce(called, self.NETWORK_HZ)

    def hears(self, who: str, *tones: int, silent: int = 0) -> None:
        leg = self.phones.get(who, who)
        levels: dict[int, float] = {}

        def so() -> bool:
            path = self.world.listen(leg, 1.0)
            levels.update({hz: loudness(path, hz) for hz in (*tones, silent) if hz})
            return all(levels[hz] > HEARD_DB for hz in tones) and (not silent or levels[silent] < HEARD_DB)

        try:
            wait_for(so, 15)
        except AssertionError:
            raise AssertionError(f"{who} hears {levels} (Hz: dB), not {tones} without {silent}") from None

    def hang_up_all(self) -> None:
        wait_for(self._hung_up_all, 15, "legs begin again and again, or stay")

    def _hung_up_all(self) -> bool:
        self.world.api("hupall")
        return not self.world.legs()

    def describe(self) -> str:
        shown = [
            self.world.api(command, check=False) for command in ("show channels", "sofia status gateway")
        ]
        console = (self.world.folder / "console").read_text(errors="replace")[-4000:]
        return "\n".join([*shown, "--- console", console])

    def stop(self) -> None:
        self.world.stop()
