"""A voice recorded by telephone (CTI-V4): rung, asked, recorded and handed over once, whoever dies in between.

On the simulator and on a real FreeSWITCH, where the telephone speaks a tone and what is kept holds that tone.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core import keys
from core.documents import ExtensionDoc
from cti.takes.model import Shown, TakeFact
from tests.integration.cell.conftest import Stage
from tests.support.cell import NUMBER, TENANT, wait_for
from tests.support.outside import HEARD_DB, RealOutside
from tests.support.world import loudness

PHONE = "s801"
ELSEWHERE = 90


class Taking:
    """Somebody who records by the SIP phone of the first extension."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.cell = stage, stage.cell
        self.id = str(uuid.uuid4())

    def ask(self, **more: Any) -> dict[str, Any]:
        body = {"account_id": 3, "extension_id": 1, "endpoint": "sip", "name": "Welcome", **more}
        return self.cell.command("voice.record", 3, take_id=self.id, **body)

    def begin(self) -> None:
        """Have the telephone ring, and pick it up."""
        result = self.ask()
        assert result["ok"], result
        self.wait("calling")
        self.stage.outside.answer(PHONE)

    def shown(self) -> Shown | None:
        value = self.cell.redis.get(keys.take(TENANT, self.id))
        return msgspec.json.decode(value, type=Shown) if value else None

    def wait(self, state: str, end: str | None = None) -> None:
        """Wait until pages are told so."""

        def so() -> bool:
            shown = self.shown()
            return shown is not None and shown.state == state and (end is None or shown.end == end)

        wait_for(so, 30, f"not {state} but {self.shown()}: {self.cell.tail('cti')}")

    def press(self, keys_: str) -> None:
        outside = self.stage.outside
        leg = outside.phones[PHONE] if isinstance(outside, RealOutside) else self.id
        outside.press(leg, keys_)

    def speak(self) -> None:
        """Say something, a second of it at least as far as there is sound."""
        self.wait("recording")
        wait_for(lambda: any(map(self._long, self.sounds())), 20, "nothing is written")

    def _long(self, path: Path) -> bool:
        """The simulator writes a sound when it has ended; until then it has an age."""
        try:
            there = path.stat()
        except FileNotFoundError:
            return False
        if isinstance(self.stage.outside, RealOutside):
            return there.st_size > 20_000
        return time.time() - there.st_mtime > 1.2

    def sounds(self) -> list[Path]:
        return sorted(self.cell.settings.takes_dir.glob(f"{self.id}-*.wav"))

    def fact(self) -> TakeFact | None:
        path = self.cell.settings.takes_dir / f"{self.id}.json"
        return msgspec.json.decode(path.read_bytes(), type=TakeFact) if path.exists() else None


@pytest.fixture
def taking(stage: Stage) -> Taking:
    stage.outside.register(PHONE)
    return Taking(stage)


def test_spoken_listened_to_recorded_anew_and_kept(taking: Taking) -> None:
    taking.begin()
    taking.wait("asking")
    taking.press("1")  # who knows what to do need not hear it
    taking.speak()
    taking.press("#")
    taking.wait("menu")
    taking.press("1")
    taking.wait("listening")
    taking.press("2")
    taking.speak()
    taking.press("#")
    taking.wait("menu")
    taking.press("3")
    taking.wait("over", "kept")
    taking.cell.wait_no_legs()
    fact = taking.fact()
    assert fact is not None
    assert (fact.tenant_id, fact.account_id, fact.name, fact.voice_id) == (TENANT, 3, "Welcome", 0)
    assert [path.name for path in taking.sounds()] == [fact.file]
    if isinstance(taking.stage.outside, RealOutside):
        sound = taking.sounds()[0]
        assert loudness(sound, RealOutside.AGENT_HZ) > HEARD_DB + 20
        assert loudness(sound, RealOutside.CALLER_HZ) < HEARD_DB
    assert taking.cell.calls() == []


def test_a_controller_killed_in_the_middle_is_followed_by_one_that_goes_on(taking: Taking) -> None:
    taking.begin()
    taking.wait("asking")
    taking.press("#")
    taking.speak()
    taking.cell.restart("cti")
    taking.cell.wait_connected()
    taking.press("#")
    taking.wait("menu")
    taking.cell.restart("cti")
    taking.cell.wait_connected()
    taking.press("2")
    taking.speak()
    taking.stage.outside.put_down(PHONE)  # who hangs up while they speak has ended the recording
    taking.wait("over", "kept")
    taking.cell.wait_no_legs()
    fact = taking.fact()
    assert fact is not None
    assert [path.name for path in taking.sounds()] == [fact.file] == [f"{taking.id}-2.wav"]


@pytest.mark.parametrize("shared_stage", ["switchsim"], indirect=True)
class TestSimulated:
    """What sound is not needed for."""

    def test_nobody_answers_and_nothing_is_left(self, taking: Taking) -> None:
        assert taking.ask()["ok"]
        taking.stage.outside.ringing(PHONE)
        taking.stage.outside.put_down(PHONE)
        taking.wait("over", "refused")
        assert (taking.sounds(), taking.fact()) == ([], None)

    def test_hanging_up_before_it_is_kept_leaves_nothing(self, taking: Taking) -> None:
        taking.begin()
        taking.wait("asking")
        taking.press("#")
        taking.speak()
        taking.press("#")
        taking.wait("menu")
        taking.stage.outside.put_down(PHONE)
        taking.wait("over", "hung-up")
        assert (taking.sounds(), taking.fact()) == ([], None)

    def test_asked_twice_it_rings_once_and_a_second_take_is_refused(self, taking: Taking) -> None:
        assert taking.ask()["ok"]
        assert taking.ask()["ok"]
        other = Taking(taking.stage)
        assert other.ask()["error"] == "phone-busy"
        taking.stage.outside.ringing(PHONE)
        assert len(taking.cell.switch_legs()) <= 1
        assert taking.cell.command("voice.stop", 3, take_id=taking.id)["ok"]
        taking.wait("over", "stopped")

    def test_what_is_refused(self, taking: Taking) -> None:
        cell = taking.cell
        other = ExtensionDoc(
            id=ELSEWHERE, tenant_id=2, version=1, number="801", web_user="w2", sip_user=PHONE, account_ids=()
        )
        cell.publish_now(other)
        assert taking.ask(extension_id=ELSEWHERE)["error"] == "no-such-extension"
        assert taking.ask(extension_id=3)["error"] == "phone-away"
        assert taking.ask(endpoint="web")["error"] == "phone-away"
        assert cell.command("voice.stop", 3, take_id=taking.id)["error"] == "no-such-take"
        phones = cell.command("voice.phones", 1, account_id=1)["phones"]
        assert phones == [{"extension_id": 1, "number": "801", "endpoint": "sip", "own": True}]
        assert taking.shown() is None

    def test_who_records_gets_no_queue_call_and_who_talks_is_not_rung(self, taking: Taking) -> None:
        stage, cell = taking.stage, taking.cell
        cell.sign_in(1, endpoint="sip")
        taking.begin()
        cell.wait_agent(1, "reserved")
        caller = stage.outside.call(NUMBER, "13800138000")
        cell.wait_call("flow")
        stage.outside.press(caller, "1")
        cell.wait_call("waiting")
        taking.wait("asking")
        assert cell.command("voice.stop", 3, take_id=taking.id)["ok"]
        taking.wait("over", "stopped")
        stage.outside.answer(PHONE)  # the caller who waited is next
        cell.wait_agent(1, "talking")
        assert Taking(stage).ask()["error"] == "phone-busy"

    def test_a_take_that_ends_while_no_controller_looks_is_closed(self, taking: Taking) -> None:
        taking.begin()
        taking.wait("asking")
        taking.press("#")
        taking.speak()
        taking.cell.kill("cti")
        taking.stage.outside.put_down(PHONE)
        taking.cell.start("cti")
        taking.cell.wait_connected()
        taking.wait("over", "lost")
        assert (taking.sounds(), taking.fact()) == ([], None)
