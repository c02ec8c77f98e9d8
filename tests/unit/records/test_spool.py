"""Folders other programs write into."""

from __future__ import annotations

import os
from pathlib import Path

from cti.records import cdr
from cti.records.spool import BAD, GIVE_UP_AFTER_S, Spool
from tests.support.records import answered_call, write_cdr
from tests.support.records import cdr as cdr_bytes

NOW = 2_000_000_000.0


def _spool(folder: Path) -> Spool[cdr.LegRecord]:
    return Spool(folder, ".cdr.json", cdr.parse)


def test_files_come_oldest_first_and_no_more_than_asked(tmp_path: Path) -> None:
    for number in (2, 0, 1):
        call = answered_call(5, call_id=f"11111111-aaaa-4bbb-8ccc-00000000000{number}")
        os.utime(write_cdr(tmp_path, cdr_bytes(call)), (NOW + number, NOW + number))
    (tmp_path / "other.txt").write_text("x")
    taken = _spool(tmp_path).take(NOW, limit=2)
    assert [item.value.call_id[-1] for item in taken] == ["0", "1"]
    assert _spool(tmp_path).waiting() == 3


def test_a_partial_file_waits_and_is_put_aside_only_when_nobody_writes_any_more(tmp_path: Path) -> None:
    path = write_cdr(tmp_path, cdr_bytes(answered_call(5)))
    path.write_bytes(path.read_bytes()[:-40])
    os.utime(path, (NOW, NOW))
    spool = _spool(tmp_path)
    assert spool.take(NOW + GIVE_UP_AFTER_S - 1) == []
    assert path.exists()
    assert spool.take(NOW + GIVE_UP_AFTER_S + 1) == []
    assert (spool.waiting(), spool.aside(BAD)) == (0, 1)
    assert "JSON" in (tmp_path / BAD / f"{path.name}.why").read_text()


def test_a_file_that_is_no_record_is_put_aside_at_once(tmp_path: Path) -> None:
    (tmp_path / "x.cdr.json").write_text('{"variables": {}}\n')
    spool = _spool(tmp_path)
    assert spool.take(NOW) == []
    assert spool.aside(BAD) == 1


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert _spool(tmp_path / "none").take(NOW) == []
