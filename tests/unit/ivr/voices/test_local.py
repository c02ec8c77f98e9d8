"""Approved voices on the cell's disk: copied once, checked, apologised for while missing, healed (CTI-I16)."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.documents import FlowDoc, SpeechDoc, TenantDoc, VoiceDoc
from core.store import FileStore
from ivr import model
from ivr.model import TextPrompt, VoicePrompt
from ivr.nodes.playback import Playback
from ivr.preparing import Preparing
from ivr.prompts import UNAVAILABLE, PromptContext, PromptSources, resolve
from ivr.tts.audio import wav_bytes
from ivr.tts.provider import SpeechError
from ivr.voices import local
from ivr.voices.local import LocalVoices
from tests.unit.ivr.voices.test_convert import tone

SOUND = wav_bytes(tone(8000))


class Cell:
    """A cell's disk, the store and what is published."""

    def __init__(self, folder: Path) -> None:
        self.store = FileStore(folder / "store")
        self.folder = folder / "cell"
        self.published: dict[int, VoiceDoc] = {}
        self.voices = LocalVoices(self.folder, self.store, self.published.get)

    def publish(self, voice_id: int = 1, tenant_id: int = 7, sound: bytes = SOUND) -> VoiceDoc:
        """Store and publish a voice."""
        stored = self.store.put(f"voices/{tenant_id}/{voice_id}.wav", [sound])
        document = VoiceDoc(
            id=voice_id,
            tenant_id=tenant_id,
            version=1,
            name="v",
            file_key=stored.key,
            digest=stored.sha256,
            seconds=1.0,
        )
        self.published[voice_id] = document
        return document


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    return Cell(tmp_path)


def test_a_voice_is_played_from_the_cells_own_disk_even_when_the_store_is_away(cell: Cell) -> None:
    cell.publish()
    path = cell.voices.voice(7, 1)
    assert path is not None
    assert path.read_bytes() == SOUND
    assert path.is_relative_to(cell.folder)
    assert path.stat().st_mode & 0o044 == 0o044  # the switch may run as another user
    shutil.rmtree(cell.store.root)
    assert cell.voices.voice(7, 1) == path


def test_only_the_companys_own_published_voices_are_found(cell: Cell) -> None:
    cell.publish()
    assert cell.voices.voice(8, 1) is None
    assert cell.voices.voice(7, 2) is None
    del cell.published[1]
    assert cell.voices.voice(7, 1) is None


def test_a_missing_file_is_looked_for_again(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    document = cell.publish()
    cell.store.delete(document.file_key)
    assert cell.voices.voice(7, 1) is None
    cell.publish()
    assert cell.voices.voice(7, 1) is None  # not again within a moment
    monkeypatch.setattr(local, "AGAIN_S", 0.0)
    assert cell.voices.voice(7, 1) is not None


@pytest.mark.parametrize("damage", [SOUND[:-100], SOUND + b"x", b"", hashlib.sha256(SOUND).digest()])
def test_half_a_file_or_another_one_is_never_played(cell: Cell, damage: bytes) -> None:
    document = cell.publish()
    cell.store.put(document.file_key, [damage])
    assert cell.voices.voice(7, 1) is None
    assert not list(cell.folder.rglob("*.wav"))


def test_a_digest_that_is_none_makes_no_path(cell: Cell) -> None:
    document = cell.publish()
    cell.published[1] = VoiceDoc(
        id=1,
        tenant_id=7,
        version=2,
        name="v",
        file_key=document.file_key,
        digest="../../etc/passwd",
        seconds=1.0,
    )
    assert cell.voices.voice(7, 1) is None


def test_a_replaced_sound_is_another_file_and_the_old_one_goes_after_a_day(cell: Cell) -> None:
    cell.publish()
    old = cell.voices.voice(7, 1)
    cell.publish(sound=wav_bytes(tone(8000, frequency_hz=500.0)))
    new = cell.voices.voice(7, 1)
    assert old is not None
    assert new is not None
    assert old != new
    assert cell.voices.tidy(cell.published.values()) == 0
    for path in (old, new):
        os.utime(path, (time.time() - 100_000,) * 2)
    assert cell.voices.tidy(cell.published.values()) == 1
    assert (old.exists(), new.exists()) == (False, True)


def _hang(cell: Cell, document: VoiceDoc) -> Path:
    """Make reading the voice's file wait for ever, as a network disk does that is gone: a pipe nobody writes to."""
    path = cell.store.root / document.file_key
    path.unlink()
    os.mkfifo(path)
    return path


def _answer(pipe: Path, sound: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the store answer again: what waits for the file fails, and the file is there from then on."""
    monkeypatch.setattr(local, "AGAIN_S", 0.0)
    monkeypatch.setattr(local, "PATIENCE_S", 2.0)
    with pipe.open("wb"):
        pipe.unlink()
        pipe.write_bytes(sound)


def test_a_store_that_hangs_is_waited_for_once_and_not_long(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "PATIENCE_S", 0.2)
    document = cell.publish()
    pipe = _hang(cell, document)
    took: list[float] = []

    def ask() -> None:
        begun = time.monotonic()
        assert cell.voices.voice(7, 1) is None
        took.append(time.monotonic() - begun)

    callers = [threading.Thread(target=ask) for _ in range(5)]
    for each in callers:
        each.start()
    for each in callers:
        each.join(5.0)
    assert len(took) == 5
    assert max(took) < 2.0
    ask()
    assert took[-1] < 0.1  # remembered
    monkeypatch.setattr(local, "HUNG_AGAIN_S", 0.0)
    ask()  # the copy under way is not begun a second time, nor waited for
    assert took[-1] < 0.1
    _answer(pipe, SOUND, monkeypatch)
    until = time.monotonic() + 5
    while cell.voices.voice(7, 1) is None and time.monotonic() < until:
        time.sleep(0.01)
    assert cell.voices.voice(7, 1) is not None


def test_copies_that_hang_are_few_and_voices_are_there_again_after(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "PATIENCE_S", 0.05)
    sounds = [wav_bytes(tone(8000, frequency_hz=300.0 + 50 * number)) for number in range(local.COPIES + 1)]
    documents = [cell.publish(number + 1, sound=sound) for number, sound in enumerate(sounds)]
    pipes = [_hang(cell, each) for each in documents[:-1]]
    assert [cell.voices.voice(7, each.id) for each in documents] == [None] * len(documents)
    monkeypatch.setattr(local, "HUNG_AGAIN_S", 0.0)
    assert cell.voices.voice(7, documents[-1].id) is None  # its file is there; no place is free
    for pipe, sound in zip(pipes, sounds, strict=False):
        _answer(pipe, sound, monkeypatch)
    until = time.monotonic() + 5
    while time.monotonic() < until and not all(cell.voices.voice(7, each.id) for each in documents):
        time.sleep(0.01)
    assert all(cell.voices.voice(7, each.id) for each in documents)


IN_GEVENT = """
from gevent import monkey; monkey.patch_all()
import sys, time, gevent
from core import real_threads
def hang(): open(sys.argv[1], "rb")
lane = real_threads.Lane(1)
ticks = []
def tick():
    while True: ticks.append(1); gevent.sleep(0.01)
gevent.spawn(tick)
for error in (TimeoutError, real_threads.LaneFullError):
    try: lane.run(0.3, hang)
    except error: print("given up", flush=True)
assert len(ticks) > 5, ticks
assert real_threads.run(lambda: 7) == 7
open(sys.argv[1], "wb").close()
gevent.sleep(0.3)
print(lane.run(1.0, lambda: "free again"))
"""


def test_work_that_hangs_stops_no_greenlet_and_takes_no_other_thread(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-c", IN_GEVENT, str(pipe)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.splitlines() == ["given up", "given up", "free again"], done.stderr


class Speaker:
    """Notes what is spoken; `deaf` texts fail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spoken: list[tuple[str, str]] = []
        self.deaf = False
        self.tidied = 0

    def speak(self, text: str, language: str, voice: str = "") -> Path:
        """Return a file."""
        self.spoken.append((text, language))
        if self.deaf:
            raise SpeechError("no voice")
        path = self.folder / "spoken.wav"
        path.write_bytes(SOUND)
        return path

    def tidy(self) -> int:
        """Count how often."""
        self.tidied += 1
        return 0


def _sources(cell: Cell, tmp_path: Path) -> tuple[PromptSources, Speaker, Path]:
    apology = tmp_path / "apology.wav"
    apology.write_bytes(SOUND)
    speaker = Speaker(tmp_path)

    def sound(name: str, language: str) -> Path | None:
        return apology if name == UNAVAILABLE else None

    return PromptSources(speech=speaker, sound=sound, voice=cell.voices.voice), speaker, apology


def test_a_caller_hears_the_apology_for_a_missing_voice_and_the_voice_once_it_is_back(
    cell: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "AGAIN_S", 0.0)
    sources, _, apology = _sources(cell, tmp_path)
    context = PromptContext(sources=sources, tenant_id=7, language="zh", now_ms=0)
    prompt = VoicePrompt(voice_id=1)
    assert resolve(prompt, context) == [apology]
    document = cell.publish()
    cell.store.delete(document.file_key)
    assert resolve(prompt, context) == [apology]
    cell.publish()
    assert resolve(prompt, context)[0].read_bytes() == SOUND
    assert resolve(prompt, context) != [apology]


def test_voices_and_texts_are_there_before_the_first_caller(cell: Cell, tmp_path: Path) -> None:
    sources, speaker, _ = _sources(cell, tmp_path)
    node = Playback(code="a", name="A", prompts=[TextPrompt(text="您好"), VoicePrompt(voice_id=1)])
    flow = model.Flow(name="F", entry="a", nodes=[node])
    flows = [FlowDoc(id=3, tenant_id=7, version=1, name="F", body=model.encode(flow))]  # type: ignore[arg-type]
    speech: list[SpeechDoc] = []
    preparing = Preparing(
        sources,
        cell.voices,
        flows=lambda: flows,
        published_voices=cell.published.values,
        tenant=lambda tenant_id: TenantDoc(
            id=7, tenant_id=7, version=1, code="a", name="A", active=True, language="zh"
        ),
        speech=lambda: speech[0] if speech else None,
    )
    cell.publish()
    preparing.look()
    assert speaker.spoken == [("您好", "zh")]
    assert len(list(cell.folder.rglob("*.wav"))) == 1
    preparing.look()
    assert len(speaker.spoken) == 1  # once for a version
    assert speaker.tidied == 1  # once an hour
    speech.append(SpeechDoc(id=1, tenant_id=0, version=5, shape="openai", url="https://example.com"))
    preparing.look()
    assert len(speaker.spoken) == 2  # another service speaks anew
    speaker.deaf = True
    flows[0] = FlowDoc(id=3, tenant_id=7, version=2, name="F", body=model.encode(flow))  # type: ignore[arg-type]
    preparing.look()
    preparing.look()
    assert len(speaker.spoken) == 3  # what failed is tried again later, not every time
    flows[0] = FlowDoc(id=3, tenant_id=7, version=3, name="F", body=b"{}")  # type: ignore[arg-type]
    preparing.look()  # a flow nobody can read stops nothing
