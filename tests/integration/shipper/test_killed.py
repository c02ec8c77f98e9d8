"""The shipper killed at every point between a file and its row: nothing lost, nothing twice (R1)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cti.call.model import LegKind
from tests.integration.shipper.conftest import Cell
from tests.integration.shipper.dying import POINTS
from tests.support import records
from tests.support.records import answered_call

ROOT = Path(__file__).resolve().parents[3]


def _die_at(cell: Cell, point: str) -> None:
    url = cell.database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.integration.shipper.dying", str(cell.folder), url, point]
    ended = subprocess.run(command, cwd=ROOT, timeout=60, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


@pytest.mark.parametrize("point", POINTS)
def test_killed_once_and_started_again(each_cell: Cell, point: str) -> None:
    calls = [
        answered_call(each_cell.tenant_id, call_id=f"{n:08d}-aaaa-4bbb-8ccc-000000000000") for n in range(3)
    ]
    for call in calls:
        each_cell.ended(call)
        agent = records.cdr(call, leg_uuid=call.agent_leg, kind=LegKind.AGENT)
        records.write_cdr(each_cell.cdr_dir, agent)
    segment = each_cell.recorded(calls[0], records.wav())
    os.utime(segment, (segment.stat().st_mtime - 10,) * 2)
    _die_at(each_cell, point)
    shipper = each_cell.shipper()
    while shipper.step() + shipper.ship_recordings():
        pass
    assert sorted(record.call_id for record in each_cell.records()) == [call.id for call in calls]
    assert len(each_cell.legs()) == 6
    assert len(each_cell.offers()) == 6
    (recording,) = each_cell.recordings()
    assert b"".join(each_cell.store.read(recording.key)) == records.wav()
    assert not segment.exists()
    assert list(each_cell.cdr_dir.iterdir()) == []


def test_killed_again_and_again_at_the_same_point(cell: Cell) -> None:
    call = answered_call(cell.tenant_id)
    cell.ended(call)
    for _ in range(3):
        _die_at(cell, "before-commit")
    assert cell.records() == []
    cell.shipper().step()
    assert len(cell.records()) == 1


@pytest.mark.parametrize("point", ["before-commit", "after-commit"])
def test_a_recording_stored_before_its_record_has_its_agent_after_a_kill(each_cell: Cell, point: str) -> None:
    call = answered_call(each_cell.tenant_id)
    segment = each_cell.recorded(call, records.wav())
    os.utime(segment, (segment.stat().st_mtime - 600,) * 2)
    each_cell.shipper().ship_recordings()
    each_cell.ended(call)
    _die_at(each_cell, point)
    shipper = each_cell.shipper()
    while shipper.step() + shipper.ship_recordings():
        pass
    assert len(each_cell.records()) == 1
    assert [recording.agent_id for recording in each_cell.recordings()] == [31]
