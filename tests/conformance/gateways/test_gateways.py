"""What the platform says to a switch about gateways, and what it hears: the same of the simulator and the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from core.documents import TrunkDoc
from cti.esl import gateways
from cti.esl.gateways import GatewayState
from freeswitch_conf.gateways import GatewayFiles
from freeswitch_conf.layout import layout
from switchsim.control import Control
from tests.support.carrier import DOMAIN, Carrier
from tests.support.cell import Cell, freeswitch_missing, running_cell, wait_for
from zongji.switch_probe import ProbeError, SwitchProbe

PROFILE, USER, PASSWORD = "carriers", "021688", "right"


class Side:
    """A switch without a controller, and a carrier that takes one password."""

    def __init__(self, cell: Cell, refuse: Callable[[bool], None], port: int) -> None:
        self.cell = cell
        self.refuse = refuse
        self._port = port
        self._files = GatewayFiles(layout(cell.settings))

    def ask(self, wire: bytes) -> str:
        """Send one of the platform's commands and return the answer."""
        command = wire.decode().removeprefix("api ").strip()
        settings = self.cell.settings
        with SwitchProbe("127.0.0.1", settings.switch_port, settings.effective_switch_password) as probe:
            return probe.ask(command)

    def write(self, *, register: bool, password: str = PASSWORD) -> None:
        """Write the switch's file of gateways."""
        trunk = TrunkDoc(
            id=1,
            tenant_id=0,
            version=1,
            code="east",
            register=register,
            host="127.0.0.1",
            port=self._port,
            username=USER if register else "",
            realm=DOMAIN,
        )
        self._files.write([self._files.gateway(trunk, password)], [])

    def state(self) -> GatewayState | None:
        return gateways.states(self.ask(gateways.list_gateways()), PROFILE).get("east")

    def wait(self, state: str) -> GatewayState:
        def there() -> GatewayState | None:
            found = self.state()
            return found if found is not None and found.state == state else None

        found = wait_for(there, 20, f"{self.state()}, not {state}")
        assert found is not None
        return found


@pytest.fixture(
    scope="module", params=["switchsim", pytest.param("freeswitch", marks=pytest.mark.freeswitch)]
)
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    if request.param == "freeswitch" and (why := freeswitch_missing()):
        pytest.skip(why)
    with running_cell(request.param) as cell:
        cell.start("switch")

        def answers() -> bool:
            settings = cell.settings
            try:
                with SwitchProbe(
                    "127.0.0.1", settings.switch_port, settings.effective_switch_password
                ) as probe:
                    return PROFILE in probe.ask("sofia status")
            except ProbeError:
                return False

        wait_for(answers, 30, cell.tail("switch"))
        if request.param == "switchsim":
            with Control(cell.settings.simulator_control_port) as control:
                yield Side(
                    cell,
                    lambda no: control.registrar("east", 403 if no else 200, "Forbidden" if no else "OK"),
                    5060,
                )
            return
        carrier = Carrier(cell.folder, user=USER, password=PASSWORD)
        try:
            yield Side(cell, lambda no: carrier.set_password("other" if no else PASSWORD), carrier.sip)
        finally:
            carrier.stop()


def test_a_gateway_comes_with_a_rescan_registers_fails_and_goes(side: Side) -> None:
    """ACC-3: no other command is needed, and none of them restarts anything."""
    assert side.state() is None
    side.refuse(False)
    side.write(register=True)
    assert "+OK" in side.ask(gateways.rescan(PROFILE))
    assert side.wait("REGED").ping == "UP"
    side.refuse(True)
    assert "+OK" in side.ask(gateways.kill_gateway(PROFILE, "east"))
    assert "+OK" in side.ask(gateways.rescan(PROFILE))
    side.wait("FAIL_WAIT")
    side.refuse(False)
    assert "+OK" in side.ask(gateways.register_gateway(PROFILE, "east"))
    side.wait("REGED")
    side.write(register=False)
    side.ask(gateways.rescan(PROFILE))
    assert side.wait("REGED"), "a gateway that is there stays as it is"
    side.ask(gateways.kill_gateway(PROFILE, "east"))
    side.ask(gateways.rescan(PROFILE))
    assert side.wait("NOREG").ping == "UP"
    side.ask(gateways.kill_gateway(PROFILE, "east"))
    wait_for(lambda: side.state() is None, 15, "it does not go")


def test_what_there_is_not_is_said(side: Side) -> None:
    assert side.ask(gateways.kill_gateway(PROFILE, "nobody")).startswith("-ERR no such gateway")
    assert side.ask(gateways.register_gateway(PROFILE, "nobody")).startswith("Invalid gateway")


def test_access_lists_are_read_again(side: Side) -> None:
    assert side.ask(gateways.reload_configuration()).startswith("+OK")
    assert side.ask(gateways.reload_networks()).startswith("+OK")
