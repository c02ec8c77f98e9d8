"""A cell with each kind of switch, shared by the tests of a module and tidied between them."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from ivr.demo_flow import demo_flow_document
from tests.support.cell import Cell, freeswitch_missing, running_cell, wait_for
from tests.support.outside import Outside, RealOutside, SimulatedOutside

USERS = ("s801", "s802")


class Stage:
    """A cell and its outside."""

    def __init__(self, cell: Cell, outside: Outside) -> None:
        self.cell = cell
        self.outside = outside

    def agent(self, number: int) -> str:
        """Have an agent ready at a registered SIP phone; returns the phone."""
        user = f"s80{number}"
        self.outside.register(user)
        self.cell.sign_in(number, endpoint="sip")
        # Who is asked or transferred to must be known to be reachable; the switch tells of it in its own time.
        wait_for(lambda: self.cell.agent(number)["registered"], 15, f"{user} is not known to be registered")
        return user

    def tidy(self) -> None:
        """Hang up and sign out whatever a test left."""
        for name in ("switch", "cti"):
            if self.cell.processes[name].poll() is not None:
                self.cell.start(name)
        self.cell.wait_connected()
        self.outside.hang_up_all()
        self.cell.wait_no_calls(20)
        for account in (1, 2, 3):
            if self.cell.agent(account):
                self.cell.command("agent.sign_out", account, account_id=account)
        self.cell.read_events()
        self.cell.events.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say with a failure what the cell and its outside were doing then."""
    report = yield
    stage = getattr(item, "funcargs", {}).get("shared_stage")
    if report.failed and isinstance(stage, Stage):
        report.sections.append(("cell", stage.cell.describe()))
        report.sections.append(("outside", stage.outside.describe()))
    return report


def make_stage(switch: str) -> Iterator[Stage]:
    """Run a cell with `switch`, its flow and two phones; flows may ask this machine."""
    with running_cell(switch, outbound_allowed_networks="127.0.0.1/32") as cell:
        cell.publish_world(flow=demo_flow_document(7, 7))
        cell.start_all()
        outside: Outside = SimulatedOutside(cell) if switch == "switchsim" else RealOutside(cell, USERS)
        try:
            yield Stage(cell, outside)
        finally:
            outside.stop()


@pytest.fixture(
    scope="module",
    params=["switchsim", pytest.param("freeswitch", marks=pytest.mark.freeswitch)],
)
def shared_stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The module's cell."""
    if request.param == "freeswitch" and (why := freeswitch_missing()):
        pytest.skip(why)
    yield from make_stage(request.param)


@pytest.fixture
def stage(shared_stage: Stage) -> Iterator[Stage]:
    """The module's cell, tidied after the test."""
    yield shared_stage
    shared_stage.tidy()
