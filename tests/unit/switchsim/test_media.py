"""How long sounds last, and recordings."""

from __future__ import annotations

import array
import itertools
import wave
from pathlib import Path

import pytest

from switchsim.media import RATE, MissingSound, duration_s
from tests.unit.switchsim.simulated import simulated


def sound(path: Path, seconds: float) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(int(8000 * seconds) * 2))
    return str(path)


def test_durations(tmp_path: Path) -> None:
    short, long = sound(tmp_path / "a.wav", 0.5), sound(tmp_path / "b.wav", 2)
    music = frozenset({"moh"})
    assert duration_s(short, music) == 0.5
    assert duration_s(f"file_string://{short}!{tmp_path}/missing.wav!{long}", music) == 2.5
    assert duration_s("local_stream://moh", music) is None
    assert duration_s("silence_stream://250", music) == 0.25
    assert duration_s("silence_stream://-1", music) is None
    assert duration_s("tone_stream://%(200,100,440);loops=3", music) == pytest.approx(0.9)
    assert duration_s("tone_stream://%(200,100,440);loops=-1", music) is None


@pytest.mark.parametrize("source", ["/no/such.wav", "local_stream://nowhere", "", "/", "a\0b"])
def test_missing_sounds(source: str) -> None:
    with pytest.raises(MissingSound):
        duration_s(source, frozenset())


def test_a_file_that_changes_is_measured_again(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", 0.5)
    assert duration_s(path, frozenset()) == 0.5
    sound(tmp_path / "a.wav", 1)
    assert duration_s(path, frozenset()) == 1


@pytest.mark.parametrize("stereo", [True, False])
def test_recording_is_as_long_as_it_took_with_a_tone_each(tmp_path: Path, stereo: bool) -> None:
    with simulated() as switch:
        uuid = switch.arrive()
        path = tmp_path / "new" / "r.wav"
        assert switch.api(f"uuid_record {uuid} start {path}") == "-ERR Cannot record session!\n"
        switch.execute(uuid, "answer")
        switch.until("CHANNEL_ANSWER")
        switch.api(f"uuid_setvar {uuid} RECORD_STEREO {str(stereo).lower()}")
        assert switch.api(f"uuid_record {uuid} start {path}") == "+OK Success\n"
        assert path.exists()
        switch.pass_time(10)
        switch.api(f"uuid_record {uuid} pause {path}")
        switch.pass_time(20)
        switch.api(f"uuid_kill {uuid}")
        stopped = switch.until("RECORD_STOP")
    with wave.open(str(path), "rb") as file:
        channels, seconds = file.getnchannels(), file.getnframes() / RATE
        samples = array.array("h", file.readframes(RATE))
    assert channels == (2 if stereo else 1)
    assert 9.9 < seconds < 14
    assert int(str(stopped.headers["variable_record_ms"])) == int(seconds * 1000)
    sides = [samples[side::channels] for side in range(channels)]
    crossings = [sum(1 for a, b in itertools.pairwise(one) if a < 0 <= b) for one in sides]
    assert crossings == pytest.approx([400, 600][:channels], abs=2)
