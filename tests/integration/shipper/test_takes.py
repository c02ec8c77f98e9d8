"""Voices recorded by telephone on their way into the library: once each, whenever the shipper dies (CTI-V4)."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from core.database import ALL_TENANTS, TenantSession
from core.models import Account, AuditEntry
from core.store import FileStore
from cti.records import takes
from cti.takes.model import TakeFact
from ivr.voices.models import Voice, VoiceSource, VoiceState, VoiceTake
from tests.integration.shipper.conftest import Cell
from tests.unit.ivr.voices.test_convert import pcm, riff, tone

TAKE = "0b9d4b0e-6f0a-4c1a-9d53-0a54f0a0f001"
WAV = riff(1, 16, 8000, pcm(tone(8000), 16))


class Died(BaseException):
    """Stands for a SIGKILL."""


def _left(
    cell: Cell, take_id: str = TAKE, *, data: bytes = WAV, voice_id: int = 0, account_id: int = 0
) -> Path:
    folder = cell.folder / "cell" / "takes"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{take_id}-1.wav").write_bytes(data)
    fact = TakeFact(
        id=take_id,
        tenant_id=cell.tenant_id,
        account_id=account_id,
        name="Hall",
        voice_id=voice_id,
        file=f"{take_id}-1.wav",
    )
    (folder / f"{take_id}.json").write_bytes(msgspec.json.encode(fact))
    return folder


def _ship(cell: Cell, followed: list[int] | None = None) -> int:
    def follow(session: TenantSession, voice: Voice) -> None:
        if followed is not None:
            followed.append(voice.id)

    folder = cell.folder / "cell" / "takes"
    return takes.ship_takes(folder, cell.database, cell.store, follow, time.time())


def _voices(cell: Cell) -> list[Voice]:
    with cell.database.transaction(ALL_TENANTS, read_only=True) as session:
        return list(session.scalars(select(Voice).order_by(Voice.id)))


def _ends(cell: Cell) -> list[VoiceTake]:
    with cell.database.transaction(ALL_TENANTS, read_only=True) as session:
        return list(session.scalars(select(VoiceTake).order_by(VoiceTake.id)))


def test_a_take_becomes_a_voice_that_waits_for_its_review(each_cell: Cell) -> None:
    with each_cell.database.transaction(each_cell.tenant_id) as session:
        maker = Account(code="ann", login="ann", name="Ann", password_hash="x")
        session.add(maker)
        session.commit()
        account_id = maker.id
    folder, followed = _left(each_cell, account_id=account_id), []
    assert _ship(each_cell, followed) == 1
    (voice,) = _voices(each_cell)
    assert (voice.name, voice.source, voice.state) == ("Hall", VoiceSource.PHONE, VoiceState.PENDING)
    assert followed == [voice.id]
    assert b"".join(each_cell.store.read(voice.file_key))[:4] == b"RIFF"
    assert list(folder.iterdir()) == []
    with each_cell.database.transaction(each_cell.tenant_id, read_only=True) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.module == "voices")).one()
    assert (entry.action, entry.object_id, entry.account_id, entry.account_name) == (
        "add",
        voice.id,
        account_id,
        "Ann",
    )
    assert voice.created_by == account_id


@pytest.mark.parametrize("point", ["after-copy", "before-commit", "after-commit", "between-unlinks"])
def test_killed_on_the_way_it_comes_in_once(
    each_cell: Cell, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _left(each_cell)
    with monkeypatch.context() as patch:
        if point == "after-copy":
            put = FileStore.put

            def put_and_die(store: FileStore, key: str, chunks: list[bytes]) -> None:
                put(store, key, chunks)
                raise Died

            patch.setattr(FileStore, "put", put_and_die)
        elif point == "before-commit":
            patch.setattr(TenantSession, "commit", _die)
        elif point == "after-commit":
            patch.setattr(takes, "_remove", _die)
        else:
            unlink = Path.unlink

            def unlink_and_die(path: Path, missing_ok: bool = False) -> None:
                unlink(path, missing_ok=missing_ok)
                raise Died

            patch.setattr(Path, "unlink", unlink_and_die)
        with pytest.raises(Died):
            _ship(each_cell)
    _ship(each_cell)
    (voice,) = _voices(each_cell)
    assert voice.file_key == f"voices/{each_cell.tenant_id}/{TAKE}.wav"
    stored = list((each_cell.folder / "store").rglob("*.wav"))
    assert len(stored) == 1
    assert list(folder.iterdir()) == []
    assert [each.voice_id for each in _ends(each_cell)] == [voice.id]


def _die(*args: object, **options: object) -> None:
    raise Died


def test_another_sound_for_a_voice_and_a_name_that_was_taken_meanwhile(cell: Cell) -> None:
    _left(cell)
    _ship(cell)
    before = _voices(cell)[0]
    _left(cell, TAKE.replace("1", "2"), voice_id=before.id, data=riff(1, 16, 8000, pcm(tone(8000, 2.0), 16)))
    _ship(cell)
    (after,) = _voices(cell)
    assert (after.id, after.name) == (before.id, "Hall")
    assert after.digest != before.digest
    assert not (cell.folder / "store" / before.file_key).exists()
    _left(cell, TAKE.replace("1", "3"))
    _ship(cell)
    assert [voice.name for voice in _voices(cell)] == ["Hall", "Hall (2)"]


def test_what_the_library_refuses_is_noted_and_not_tried_again(cell: Cell) -> None:
    folder = _left(cell, data=riff(1, 16, 8000, pcm(tone(8000) * 0, 16)))
    other = TAKE.replace("1", "2")
    _left(cell, other, voice_id=12345)
    assert _ship(cell) == 2
    assert _voices(cell) == []
    assert [each.refusal for each in _ends(cell)] == ["voice-silent", "voice-unknown"]
    assert list(folder.iterdir()) == []


def test_what_nobody_kept_is_swept_and_what_nobody_can_read_is_put_aside(cell: Cell) -> None:
    folder = cell.folder / "cell" / "takes"
    folder.mkdir(parents=True)
    old, young = folder / f"{TAKE}-1.wav", folder / f"{TAKE}-2.wav"
    old.write_bytes(WAV)
    young.write_bytes(WAV)
    os.utime(old, (time.time() - 2 * takes.ABANDONED_S,) * 2)
    (folder / "x.json").write_text("{")
    assert _ship(cell) == 0
    assert sorted(path.name for path in folder.iterdir()) == [young.name, takes.BAD]


@pytest.mark.parametrize("ending", [".json", "-1.wav"])
def test_a_take_the_disk_refuses_keeps_no_other_waiting_and_nothing_of_it_is_swept(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    folder = _left(cell)
    other = TAKE[:-1] + "2"
    _left(cell, other)
    sound = folder / f"{TAKE}-1.wav"
    os.utime(sound, (time.time() - 2 * takes.ABANDONED_S,) * 2)
    reads = Path.read_bytes

    def read_bytes(self: Path) -> bytes:
        if self.name == TAKE + ending:
            raise OSError(errno.EIO, "input/output error", str(self))
        return reads(self)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(OSError, match="input/output"):
        _ship(cell)
    assert [each.take for each in _ends(cell)] == [other]
    assert {path.name for path in folder.iterdir()} == {sound.name, f"{TAKE}.json"}
    monkeypatch.undo()
    assert _ship(cell) == 1
    assert len(_voices(cell)) == 2
