"""Trunks on a real switch, with a second FreeSWITCH as the carrier (ACC-3)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from urllib.parse import unquote

import msgspec
import pytest

from core import documents as docs
from core import keys
from core.crypto import Vault
from cti.call.model import from_variables
from cti.controller.trunks import Standing, TrunkState
from tests.support.carrier import DOMAIN, FREESWITCH, Carrier
from tests.support.cell import NUMBER, Cell, freeswitch_missing, running_cell, wait_for

pytestmark = [
    pytest.mark.freeswitch,
    pytest.mark.skipif(bool(freeswitch_missing()), reason=freeswitch_missing()),
]

USER, RIGHT, WRONG = "021688", "right-pass!<>&'", "wrong-pass"


class Stage:
    """A cell whose carriers are its trunks alone, and a carrier."""

    def __init__(self, cell: Cell, carrier: Carrier) -> None:
        self.cell = cell
        self.carrier = carrier
        self._version = 1

    def trunk(self, password: str = RIGHT, **changes: object) -> docs.TrunkDoc:
        """Publish the trunk as the operator's form does."""
        self._version += 1
        values: dict[str, object] = {
            "id": 4,
            "tenant_id": 0,
            "version": self._version,
            "code": "east",
            "register": True,
            "host": "127.0.0.1",
            "port": self.carrier.sip,
            "username": USER,
            "password_encrypted": Vault.from_settings(self.cell.settings).seal(password),
            "realm": DOMAIN,
            **changes,
        }
        trunk = docs.TrunkDoc(**values)  # type: ignore[arg-type]
        self.cell.publish(trunk)
        return trunk

    def standing(self) -> Standing | None:
        data = self.cell.redis.hget(keys.trunks(self.cell.settings.cell), 4)
        return msgspec.json.decode(data, type=Standing) if data else None

    def wait(self, state: TrunkState, timeout_s: float = 20) -> Standing:
        def there() -> Standing | None:
            found = self.standing()
            return found if found is not None and found.state is state else None

        found = wait_for(there, timeout_s, f"{self.standing()}, not {state}: {self.cell.tail('cti')}")
        assert found is not None
        return found

    def api(self, command: str) -> str:
        """Run an api command at the cell's switch."""
        settings = self.cell.settings
        words = ["-H", "127.0.0.1", "-P", str(settings.switch_port), "-p", settings.effective_switch_password]
        done = subprocess.run(
            [FREESWITCH / "bin" / "fs_cli", *words, "-x", command], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with running_cell("freeswitch") as cell:
        # No network but the trunks' may call.
        cell.environ["ZONGJI_CARRIER_ADDRESSES"] = "192.0.2.0/24"
        cell.publish_world()
        cell.start_all()
        carrier = Carrier(cell.folder, user=USER, password=RIGHT)
        try:
            yield Stage(cell, carrier)
        finally:
            carrier.stop()


def test_a_call_from_a_network_no_trunk_has_is_refused(stage: Stage) -> None:
    """The access list: nobody else may call, and no call is made of it."""
    stage.trunk(enabled=False, register=False)
    stage.wait(TrunkState.OFF)
    address = f"127.0.0.1:{stage.cell.settings.sip_carrier_port}"
    leg = stage.carrier.call_address(address, NUMBER, "13800138000")
    wait_for(lambda: not stage.carrier.alive(leg), 10)
    assert stage.cell.calls() == []
    stage.trunk(enabled=True, register=False)
    stage.wait(TrunkState.READY)
    leg = stage.carrier.call_address(address, NUMBER, "13800138000")
    call = stage.cell.wait_call("waiting")
    assert stage.cell.redis.hlen(keys.trunk_calls(4, "in")) == 1, "the call came by the trunk"
    stage.carrier.api(f"uuid_kill {leg}")
    stage.cell.wait_no_calls()
    assert call.route_id == 5
    wait_for(lambda: stage.cell.redis.hlen(keys.trunk_calls(4, "in")) == 0)


def test_a_wrong_password_is_shown_with_the_carriers_words_and_a_right_one_registers_at_once(
    stage: Stage,
) -> None:
    stage.trunk(WRONG)
    failed = stage.wait(TrunkState.FAILED)
    assert failed.status in (401, 403), failed
    assert failed.reason
    assert not stage.carrier.registered()
    stage.trunk(RIGHT)
    registered = stage.wait(TrunkState.REGISTERED, 15)
    assert (registered.status, registered.reason) == (0, "")
    assert stage.carrier.registered()
    logs = stage.cell.tail("cti", 10**6) + (
        stage.cell.settings.home / "switch" / "log" / "freeswitch.log"
    ).read_text(errors="replace")
    assert WRONG not in logs
    assert RIGHT not in logs


def test_a_call_through_the_registration_has_the_number_it_was_called_by(stage: Stage) -> None:
    stage.trunk()
    stage.wait(TrunkState.REGISTERED)
    wait_for(stage.carrier.registered)
    leg = stage.carrier.call_registered(NUMBER, "13800138000")
    call = stage.cell.wait_call("waiting")
    assert (call.route_id, call.caller) == (5, "+8613800138000")
    stage.carrier.api(f"uuid_kill {leg}")
    stage.cell.wait_no_calls()


def test_a_changed_and_a_switched_off_trunk_drop_no_call(stage: Stage) -> None:
    stage.trunk()
    stage.wait(TrunkState.REGISTERED)
    wait_for(stage.carrier.registered)
    inbound = stage.carrier.call_registered(NUMBER, "13800138000")
    stage.cell.wait_call("waiting")
    outbound = stage.api("create_uuid")
    stage.api(f"originate {{origination_uuid={outbound}}}sofia/gateway/east/10000 &park()")
    stage.trunk(expires_s=300)
    stage.wait(TrunkState.REGISTERED)
    stage.trunk(enabled=False)
    stage.wait(TrunkState.OFF)
    wait_for(lambda: not stage.carrier.registered(), 15, "it did not unregister")
    wait_for(lambda: "Invalid Gateway" in stage.api("sofia status gateway east"), 15)
    assert stage.carrier.alive(inbound)
    assert stage.api(f"uuid_exists {outbound}") == "true"
    stage.carrier.api(f"uuid_kill {inbound}")
    stage.api(f"uuid_kill {outbound}")
    stage.cell.wait_no_calls()


def test_a_full_trunk_refuses_and_records_why(stage: Stage) -> None:
    """CTI-R4 for trunks: over the limit, the switch says why with the route's cause."""
    stage.trunk(concurrency=1)
    stage.wait(TrunkState.REGISTERED)
    wait_for(stage.carrier.registered)
    first = stage.carrier.call_registered(NUMBER, "13800138000")
    stage.cell.wait_call("waiting")
    stage.carrier.call_registered(NUMBER, "13800138001")

    def refused() -> list[tuple[str, str]]:
        told = [each["variables"] for each in stage.cell.records()]
        stories = [
            (
                each["hangup_cause"],
                from_variables(unquote(each["zj_state"]), unquote(each.get("zj_more", ""))),
            )
            for each in told
            if "zj_state" in each
        ]
        return [(cause, story.refusal) for cause, story in stories if story.refusal]

    assert wait_for(refused, 15, stage.cell.tail("cti")) == [("USER_BUSY", "trunk-over-limit")]
    assert stage.carrier.alive(first)
    stage.carrier.api(f"uuid_kill {first}")
    stage.cell.wait_no_calls()


def test_register_again_is_a_command(stage: Stage) -> None:
    stage.trunk()
    before = stage.wait(TrunkState.REGISTERED)
    assert stage.cell.command("trunk.register", trunk_id=4)["ok"]
    assert stage.cell.command("trunk.register", trunk_id=99)["error"] == "no-registration"

    def registered_anew() -> bool:
        standing = stage.standing()
        return (
            standing is not None
            and standing.state is TrunkState.REGISTERED
            and standing.since_ms > before.since_ms
        )

    wait_for(registered_anew, 15, f"{stage.standing()}: {stage.cell.tail('cti')}")


def test_after_a_restart_of_the_controller_nothing_is_registered_anew(stage: Stage) -> None:
    stage.trunk()
    before = stage.wait(TrunkState.REGISTERED)
    applied = stage.cell.tail("cti", 10**6).count("trunks_applied")
    stage.cell.restart("cti")
    stage.cell.wait_connected()
    wait_for(lambda: stage.standing() is not None)
    assert stage.wait(TrunkState.REGISTERED).since_ms == before.since_ms
    assert stage.cell.tail("cti", 10**6).count("trunks_applied") == applied


def test_after_a_restart_of_the_switch_it_registers_again(stage: Stage) -> None:
    stage.trunk()
    stage.wait(TrunkState.REGISTERED)
    stage.cell.kill("switch", 15)
    stage.cell.start("switch")
    stage.cell.wait_connected()
    wait_for(lambda: "REGED" in stage.api("sofia xmlstatus gateway"), 20)
    stage.wait(TrunkState.REGISTERED)


def test_a_value_that_must_not_reach_the_switch_makes_no_gateway(stage: Stage) -> None:
    stage.trunk(host='127.0.0.1"/><X-PRE-PROCESS cmd="exec" data="touch /tmp/x"/>')
    assert stage.wait(TrunkState.REFUSED).reason == "host"
    conf = stage.cell.settings.home / "switch" / "conf" / "gateways.xml"
    wait_for(
        lambda: "exec" not in conf.read_text() and "Invalid" in stage.api("sofia status gateway east"), 15
    )
    stage.trunk()
    stage.wait(TrunkState.REGISTERED)
    assert conf.stat().st_mode & 0o077 == 0
