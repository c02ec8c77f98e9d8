"""How long agents stood in which state: left by the controller, written once, in pieces of a quarter of an hour."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from core.clock import from_ms
from cti.acd.agents import Agent, AgentState
from cti.controller.journal import AgentJournal
from cti.controller.state_spans import StateSpans
from cti.records.models import AgentStateSpan
from cti.records.states import QUARTER_MS, pieces
from tests.integration.shipper.conftest import Cell

BEGAN = 1_795_256_100_000 - 1_795_256_100_000 % QUARTER_MS + 600_000


def agent(tenant_id: int, state: AgentState, since_ms: int) -> Agent:
    """Return an agent in a state."""
    return Agent(
        tenant_id=tenant_id,
        account_id=31,
        name="Anna",
        extension_id=41,
        extension="8001",
        endpoint="web",
        user="u",
        state=state,
        since_ms=since_ms,
    )


def spans(cell: Cell) -> list[tuple[str, int, int]]:
    """Return state, beginning and length (ms) of what was written."""
    with cell.database.transaction(cell.tenant_id, read_only=True) as session:
        rows = session.scalars(select(AgentStateSpan).order_by(AgentStateSpan.began_at))
        return [
            (
                row.state,
                round((row.began_at - from_ms(BEGAN)).total_seconds() * 1000),
                round((row.ended_at - row.began_at).total_seconds() * 1000),
            )
            for row in rows
        ]


def test_states_are_written_once_in_pieces_cti_c9(each_cell: Cell) -> None:
    folder = each_cell.folder / "cell"
    journal = AgentJournal(folder / "agents.journal", StateSpans(folder / "states"))
    journal.load()
    tenant = each_cell.tenant_id
    journal.note(31, agent(tenant, AgentState.READY, BEGAN))
    assert not list((folder / "states").glob("*")), "it goes on"
    journal.note(31, agent(tenant, AgentState.RINGING, BEGAN + 400_000))
    journal.note(31, agent(tenant, AgentState.RINGING, BEGAN + 400_000))
    files = {path: path.read_bytes() for path in (folder / "states").glob("*.json")}
    assert len(files) == 1
    each_cell.shipper().step()
    expected = [("ready", 0, 300_000), ("ready", 300_000, 100_000)]
    assert spans(each_cell) == expected
    for path, data in files.items():
        path.write_bytes(data)
    each_cell.shipper().step()
    assert spans(each_cell) == expected, "delivered again"
    assert not list((folder / "states").glob("*.json"))


def test_a_controller_killed_before_its_journal_knew_leaves_the_longer_span(each_cell: Cell) -> None:
    folder, tenant = each_cell.folder / "cell", each_cell.tenant_id
    journal = AgentJournal(folder / "agents.journal", StateSpans(folder / "states"))
    journal.load()
    journal.note(31, agent(tenant, AgentState.READY, BEGAN))
    kept = (folder / "agents.journal").read_bytes()
    journal.note(31, agent(tenant, AgentState.BREAK, BEGAN + 100_000))
    each_cell.shipper().step()
    (folder / "agents.journal").write_bytes(kept)
    after = AgentJournal(folder / "agents.journal", StateSpans(folder / "states"))
    assert after.load()[31].state is AgentState.READY
    after.note(31, agent(tenant, AgentState.AWAY, BEGAN + 200_000))
    each_cell.shipper().step()
    assert spans(each_cell) == [("ready", 0, 200_000)]


def test_a_state_nobody_can_read_is_put_aside(cell: Cell) -> None:
    folder = cell.folder / "cell" / "states"
    folder.mkdir(parents=True)
    bad = {"fact": "state", "tenant_id": 1, "account_id": 1, "state": "ready", "began_ms": 9, "ended_ms": 3}
    (folder / "1-1-9.json").write_bytes(msgspec.json.encode(bad))
    cell.shipper().step()
    assert [path.name for path in (folder / "bad").glob("*.json")] == ["1-1-9.json"]


@pytest.mark.parametrize(
    ("began", "ended", "expected"),
    [
        (0, 0, []),
        (QUARTER_MS, 2 * QUARTER_MS, [(QUARTER_MS, 2 * QUARTER_MS)]),
        (5, QUARTER_MS + 7, [(5, QUARTER_MS), (QUARTER_MS, QUARTER_MS + 7)]),
    ],
)
def test_pieces_do_not_cross_a_quarter(began: int, ended: int, expected: list[tuple[int, int]]) -> None:
    assert list(pieces(began, ended)) == expected


def test_a_disk_that_refuses_costs_the_figure_alone(tmp_path: Path) -> None:
    (tmp_path / "states").write_text("a file where the folder should be")
    journal = AgentJournal(tmp_path / "agents.journal", StateSpans(tmp_path / "states"))
    journal.load()
    journal.note(31, agent(1, AgentState.READY, BEGAN))
    journal.note(31, agent(1, AgentState.AWAY, BEGAN + 5))
    journal.note(31, None)
    assert AgentJournal(tmp_path / "agents.journal").load() == {}
