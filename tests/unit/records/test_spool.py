"""Folders other programs write into."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cti.records import cdr
from cti.records.spool import BAD, GIVE_UP_AFTER_S, REFUSED_AT_ONCE, REFUSED_FOR_S, Item, Spool
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


def _three(folder: Path) -> list[Path]:
    """Leave three records, oldest first."""
    paths = []
    for number in range(3):
        call = answered_call(5, call_id=f"11111111-aaaa-4bbb-8ccc-00000000000{number}")
        paths.append(write_cdr(folder, cdr_bytes(call)))
        os.utime(paths[-1], (NOW + number, NOW + number))
    return paths


def _refuse(monkeypatch: pytest.MonkeyPatch, method: str, number: int, *bad: Path) -> list[str]:
    """Let a method of paths fail for the `bad` ones with an error's `number`; return the names it was tried for."""
    tried: list[str] = []
    works = getattr(Path, method)

    def refused(self: Path, *args: Any, **options: Any) -> Any:
        if self in bad:
            tried.append(self.name)
            raise OSError(number, os.strerror(number), str(self))
        return works(self, *args, **options)

    monkeypatch.setattr(Path, method, refused)
    return tried


def _numbers(items: list[Item[cdr.LegRecord]]) -> str:
    return "".join(item.value.call_id[-1] for item in items)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_a_file_the_disk_refuses_keeps_no_other_waiting_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    bad, *_ = _three(tmp_path)
    tried = _refuse(monkeypatch, "read_bytes", number, bad)
    spool = _spool(tmp_path)
    with capture_logs() as told:
        taken = [_numbers(spool.take(NOW + 10 + second)) for second in range(3)]
    assert taken == ["12"] * 3
    assert tried == [bad.name], "it is left alone for a time"
    assert [(each["event"], each["file"]) for each in told] == [("a record waits", bad.name)]
    assert spool.refused() == {bad.name}
    assert (spool.waiting(), spool.aside(BAD)) == (3, 0)
    assert _numbers(spool.take(NOW + 11 + REFUSED_FOR_S)) == "12"
    assert len(tried) == 2
    monkeypatch.undo()
    assert _numbers(spool.take(NOW + 12 + 2 * REFUSED_FOR_S)) == "012"
    assert spool.refused() == set()


def test_a_file_whose_time_cannot_be_asked_for_keeps_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, *_ = _three(tmp_path)
    scandir = os.scandir

    class Entry:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name, self.path, self.is_file, self._entry = entry.name, entry.path, entry.is_file, entry

        def stat(self, *, follow_symlinks: bool) -> os.stat_result:
            if self.name == bad.name:
                raise OSError(errno.EIO, "input/output error")
            return self._entry.stat(follow_symlinks=follow_symlinks)

    @contextmanager
    def entries(folder: Path) -> Iterator[Iterator[Entry]]:
        with scandir(folder) as found:
            yield map(Entry, found)

    monkeypatch.setattr("cti.records.spool.os.scandir", entries)
    assert _numbers(_spool(tmp_path).take(NOW + 10)) == "12"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_what_no_file_is_to_blame_for_lets_everything_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    paths = _three(tmp_path)
    spool = _spool(tmp_path)
    _refuse(monkeypatch, "read_bytes", number, *paths)
    with pytest.raises(OSError, match=os.strerror(number)):
        spool.take(NOW + 10)
    monkeypatch.undo()
    assert _numbers(spool.take(NOW + 10)) == "012", "none is left alone"


def test_on_a_disk_that_refuses_much_a_turn_ends_and_nothing_is_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = cdr_bytes(answered_call(5))
    paths = [tmp_path / f"{number:03d}.cdr.json" for number in range(REFUSED_AT_ONCE + 10)]
    for path in paths:
        path.write_bytes(data)
    tried = _refuse(monkeypatch, "read_bytes", errno.EIO, *paths)
    spool = _spool(tmp_path)
    spool.take(NOW)
    assert len(tried) == REFUSED_AT_ONCE
    spool.take(NOW + 1)
    assert len(set(tried)) == len(tried) == len(paths)
    monkeypatch.undo()
    assert len(spool.take(NOW + 1 + REFUSED_FOR_S)) == len(paths)


@pytest.mark.parametrize("method", ["write_text", "replace", "mkdir"])
def test_a_spoilt_file_that_cannot_be_put_aside_keeps_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    bad, *_ = _three(tmp_path)
    bad.write_bytes(b"{}\n")
    os.utime(bad, (NOW, NOW))
    refused = {"write_text": tmp_path / BAD / f"{bad.name}.why", "replace": bad, "mkdir": tmp_path / BAD}
    tried = _refuse(monkeypatch, method, errno.ENOSPC, refused[method])
    spool = _spool(tmp_path)
    assert [_numbers(spool.take(NOW + 10 + second)) for second in range(3)] == ["12"] * 3
    assert len(tried) == 1
    monkeypatch.undo()
    assert _numbers(spool.take(NOW + 12 + REFUSED_FOR_S)) == "12"
    assert spool.aside(BAD) == 1


def test_a_file_that_cannot_be_removed_is_taken_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, *_ = _three(tmp_path)
    _refuse(monkeypatch, "unlink", errno.EACCES, bad)
    spool = _spool(tmp_path)
    assert [spool.remove(item.path) for item in spool.take(NOW + 10)] == [False, True, True]
    assert spool.take(NOW + 11) == []
    monkeypatch.undo()
    assert [spool.remove(item.path) for item in spool.take(NOW + 11 + REFUSED_FOR_S)] == [True]
    assert spool.waiting() == 0
