"""A stage: one switch, real or simulated, with a caller, a phone and a driver, and its events as comparable stories."""

from __future__ import annotations

import abc
import array
import itertools
import math
import re
import subprocess
import sys
import wave
from collections.abc import Iterable
from pathlib import Path

from switchsim.control import Control
from tests.conformance.switch import real
from tests.conformance.switch.driver import Driver, Event
from tests.support import clock

SIMULATOR_PORT = 19202
SIMULATOR_CONTROL_PORT = 19203
COMPARED = (
    "CHANNEL_CREATE CHANNEL_ORIGINATE CHANNEL_STATE CHANNEL_CALLSTATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA "
    "CHANNEL_ANSWER CHANNEL_PARK CHANNEL_UNPARK CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_BRIDGE "
    "CHANNEL_UNBRIDGE CHANNEL_HOLD CHANNEL_UNHOLD DTMF PLAYBACK_START PLAYBACK_STOP RECORD_START RECORD_STOP "
    "CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY BACKGROUND_JOB HEARTBEAT CUSTOM sofia::register "
    "sofia::unregister"
)
_TOLD = {
    "Application": "app",
    "Application-Data": "data",
    "Application-Response": "response",
    "Application-UUID": "step",
    "DTMF-Digit": "key",
    "Playback-File-Path": "file",
    "Playback-Status": "status",
    "Record-File-Path": "file",
    "Hangup-Cause": "cause",
    "Bridge-A-Unique-ID": "a",
    "Bridge-B-Unique-ID": "b",
    "Other-Leg-Unique-ID": "other",
    "Other-Type": "is",
}
_PASSED = ("HIBERNATE", "RESET", "SOFT_EXECUTE", "CONSUME_MEDIA")
"""States a leg passes so quickly that whether the switch tells of them is chance."""
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_numbers = itertools.count(1)


class Sounds:
    """Sound files of known length: `short` a third of a second, `long` five seconds; `missing` does not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.short = self._tone("short", 0.3)
        self.long = self._tone("long", 5)
        self.missing = str(folder / "missing.wav")

    def _tone(self, name: str, seconds: float) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.wav"
        samples = (int(8000 * math.sin(2 * math.pi * 440 * i / 8000)) for i in range(int(8000 * seconds)))
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(array.array("h", samples).tobytes())
        return str(path)


class Stage(abc.ABC):
    """What a scenario plays on. Legs are known by the roles a scenario gives them."""

    def __init__(self, base: Path, port: int) -> None:
        self.base = base
        self.port = port
        self.sounds = Sounds(base / "sounds")
        self.driver = Driver(port, real.PASSWORD, COMPARED)
        self.roles: dict[str, str] = {}
        self._begun: dict[str, int] = {}

    @property
    def cdr_dir(self) -> Path:
        """Where the switch writes its records."""
        return self.base / "cdr"

    @abc.abstractmethod
    def _place_call(self, number: str) -> None:
        """Have a call to `number` come in by the carrier's profile."""

    @abc.abstractmethod
    def press(self, digits: str) -> None:
        """The caller presses keys."""

    @abc.abstractmethod
    def caller_hangs_up(self) -> None:
        """The caller hangs up."""

    @abc.abstractmethod
    def phone_does(self, what: str) -> None:
        """Have the phone ``answer`` (after 0.15 s), ``ring`` without end, be ``busy`` or ``reject`` (after 0.3 s)."""

    @abc.abstractmethod
    def phone_hangs_up(self) -> None:
        """The phone hangs up."""

    @abc.abstractmethod
    def unregister_phone(self) -> None:
        """The phone unregisters."""

    @abc.abstractmethod
    def register_phone(self) -> None:
        """The phone registers, if it is not, and is registered when this returns."""

    @property
    def contact(self) -> str:
        """Dial string of the registered phone."""
        return self.driver.api("sofia_contact agents/1000@" + real.DOMAIN)

    def call(self, role: str = "customer", *, keep_fallback: bool = False) -> str:
        """Have a call come in; return its leg's uuid once it is parked."""
        seen = len(self.driver.events)
        number = f"9{next(_numbers):04d}"
        self._place_call(number)

        def parked(event: Event) -> bool:
            return event["Event-Name"] == "CHANNEL_PARK" and event.get("Caller-Destination-Number") == number

        uuid = self.driver.wait(parked, after=seen)["Unique-ID"]
        self.roles[uuid] = role
        self.roles[number] = "NUMBER"
        if not keep_fallback:
            self.driver.api(f"sched_del {uuid}")
        return uuid

    def answered_call(self, role: str = "customer") -> str:
        """Have a call come in and answer it."""
        uuid = self.call(role)
        self.driver.execute(uuid, "answer", step="answered")
        self.driver.wait_for("CHANNEL_EXECUTE_COMPLETE", uuid, Application="answer")
        self.begin_story(uuid)
        return uuid

    def agent(self, role: str = "agent", *, whole_story: bool = False, **variables: str) -> str:
        """Call the phone, which answers; return the parked leg's uuid."""
        self.phone_does("answer")
        uuid = self.new_uuid(role)
        result = self.driver.api(f"originate {self.dial(uuid, **variables)} &park()")
        assert result == f"+OK {uuid}\n", result
        self.driver.wait_for("CHANNEL_PARK", uuid)
        if not whole_story:
            self.begin_story(uuid)
        return uuid

    def dial(self, uuid: str, target: str = "", **variables: str) -> str:
        """Return a dial string for the phone (or `target`) with a uuid of our own."""
        block = {
            "origination_uuid": uuid,
            "ignore_early_media": "true",
            "originate_timeout": "5",
            **variables,
        }
        pairs = ",".join(f"{name}={value}" for name, value in block.items())
        return f"{{{pairs}}}{target or self.contact}"

    def new_uuid(self, role: str) -> str:
        """Return a fresh uuid and give it a role."""
        uuid = self.driver.api("create_uuid").strip()
        self.roles[uuid] = role
        return uuid

    def gone(self, uuid: str, timeout_s: float = 6) -> Event:
        """Wait until a leg is gone; return its CHANNEL_HANGUP_COMPLETE."""
        event = self.driver.wait_for("CHANNEL_HANGUP_COMPLETE", uuid, timeout_s)
        self.driver.wait_for("CHANNEL_DESTROY", uuid, timeout_s)
        return event

    def record_of(self, uuid: str) -> Path:
        """Return the path of a leg's record."""
        return self.cdr_dir / f"{uuid}.cdr.json"

    def clear(self) -> None:
        """End all legs and forget what was seen."""
        self.driver.api("hupall NORMAL_CLEARING")
        deadline = clock.now_s() + 10
        while self.driver.api("status").partition(" session(s) - peak")[0].rpartition("\n")[2] != "0":
            if clock.now_s() > deadline:
                raise AssertionError("legs do not end")
            self.driver.pump(0.05)
        self.driver.settle(0.1)
        self.driver.events.clear()
        self.roles.clear()
        self._begun.clear()

    def close(self) -> None:
        """Leave the switch."""
        self.driver.close()

    # --- stories ------------------------------------------------------------------------------------------------

    def story(self, role: str) -> list[str]:
        """Return the events of a role's leg so far, without what differs between any two runs."""
        uuid = next(uuid for uuid, name in self.roles.items() if name == role)
        own = [
            event
            for event in self.driver.events[self._begun.get(uuid, 0) :]
            if event.get("Unique-ID") == uuid
        ]
        return [self._line(event) for event in own if not _passed(event)]

    def begin_story(self, uuid: str) -> None:
        """Leave what happened to a leg so far out of its story: another scenario tells it."""
        self.driver.settle(0.05)
        self._begun[uuid] = len(self.driver.events)

    def stories(self, roles: Iterable[str]) -> dict[str, list[str]]:
        """Return the stories of several roles, once nothing more happens."""
        self.driver.settle(0.12)
        return {role: self.story(role) for role in roles}

    def _line(self, event: Event) -> str:
        states = (
            event["Channel-State"].removeprefix("CS_"),
            event["Channel-Call-State"],
            event["Answer-State"],
        )
        told = [f"{short}={self._plain(event[name])}" for name, short in _TOLD.items() if event.get(name)]
        return " ".join([event["Event-Name"].removeprefix("CHANNEL_"), "/".join(states), *told])

    def plain(self, text: str) -> str:
        """Return `text` with uuids as roles and folders without their place."""
        return self._plain(text)

    def _plain(self, text: str) -> str:
        for known, role in self.roles.items():
            text = text.replace(known, f"<{role}>")
        text = text.replace(str(self.base), "BASE")
        return _UUID.sub("<uuid>", text)


def _passed(event: Event) -> bool:
    return event["Event-Name"] == "CHANNEL_STATE" and event["Channel-State"].removeprefix("CS_") in _PASSED


class RealStage(Stage):
    """A real FreeSWITCH, which also plays the outside world."""

    def __init__(self, base: Path, prefix: Path) -> None:
        Sounds(base / "sounds")
        self._switch = real.RealSwitch(base, prefix)
        self._switch.start()
        super().__init__(base, real.EVENT_SOCKET_PORT)
        self._caller = ""
        self.register_phone()

    def unregister_phone(self) -> None:
        self.driver.api("sofia profile outside unregister 1000")

    def register_phone(self) -> None:
        deadline = clock.now_s() + 20
        while "error" in self.contact:
            self.driver.api("sofia profile outside register 1000")
            self.driver.settle(0.4)
            if clock.now_s() > deadline:
                raise RuntimeError("the phone did not register")

    def _place_call(self, number: str) -> None:
        self._caller = self.driver.api("create_uuid").strip()
        caller = f"{{origination_uuid={self._caller},origination_caller_id_number=13800138000}}"
        target = f"sofia/outside/{number}@127.0.0.1:{real.CARRIER_PORT}"
        speech = f"&endless_playback({self.sounds.long})"
        self.driver.commands.command(f"bgapi originate {caller}{target} {speech}")

    def press(self, digits: str) -> None:
        self.driver.api(f"uuid_send_dtmf {self._caller} {digits}@800")

    def caller_hangs_up(self) -> None:
        self.driver.api(f"uuid_kill {self._caller}")

    def phone_does(self, what: str) -> None:
        self.driver.api(f"global_setvar phone_does={what}")

    def phone_hangs_up(self) -> None:
        phone = [
            event["Unique-ID"]
            for event in self.driver.events
            if event["Event-Name"] == "CHANNEL_CREATE"
            and event["Call-Direction"] == "inbound"
            and "/outside/" in event["Channel-Name"]
        ]
        self.driver.api(f"uuid_kill {phone[-1]}")

    def close(self) -> None:
        super().close()
        self._switch.stop()


class SimulatedStage(Stage):
    """The simulator as a program of its own."""

    _BEHAVIOURS = {
        "answer": {"answer_after_s": 0.15},
        "ring": {},
        "busy": {"reject_cause": "USER_BUSY", "reject_after_s": 0.0},
        "reject": {"reject_cause": "CALL_REJECTED", "reject_after_s": 0.3},
    }

    def __init__(self, base: Path) -> None:
        sounds = Sounds(base / "sounds")
        ports = ["--port", str(SIMULATOR_PORT), "--control-port", str(SIMULATOR_CONTROL_PORT)]
        fallback = ["--fallback-after", str(real.FALLBACK_AFTER_S), "--fallback-sound", sounds.short]
        folders = ["--cdr-dir", str(base / "cdr"), "--domain", real.DOMAIN]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "switchsim", "--password", real.PASSWORD, *ports, *fallback, *folders],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        if b"event socket on" not in self._process.stdout.readline():
            raise RuntimeError("the simulator did not start")
        super().__init__(base, SIMULATOR_PORT)
        self.control = Control(SIMULATOR_CONTROL_PORT)
        self.register_phone()
        self._caller = ""

    def _place_call(self, number: str) -> None:
        self._caller = self.control.call(number, "13800138000")

    def press(self, digits: str) -> None:
        self.control.dtmf(digits, uuid=self._caller)

    def caller_hangs_up(self) -> None:
        self.control.hangup(uuid=self._caller)

    def phone_does(self, what: str) -> None:
        self.control.behaviour("1000", **self._BEHAVIOURS[what])

    def phone_hangs_up(self) -> None:
        self.control.hangup("1000")

    def unregister_phone(self) -> None:
        self.control.unregister("1000")

    def register_phone(self) -> None:
        self.control.register("1000")

    def close(self) -> None:
        self.control.close()
        super().close()
        self._process.terminate()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.wait(10)
