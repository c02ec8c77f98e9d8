"""Reading and drawing recordings (CTI-C1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.records import wav
from tests.support import records


def _file(folder: Path, data: bytes) -> Path:
    path = folder / "r.wav"
    path.write_bytes(data)
    return path


def test_a_finished_recording(tmp_path: Path) -> None:
    sound = wav.inspect(_file(tmp_path, records.wav()))
    assert (sound.channels, sound.rate, sound.length_ms) == (2, 8000, 2000)


def test_a_recording_whose_writer_died_is_repaired(tmp_path: Path) -> None:
    whole, cut = records.wav(), records.wav(finished=False)
    sound = wav.inspect(_file(tmp_path, cut + b"\x01"))
    assert sound.length_ms == 2000
    assert b"".join(wav.repaired(sound)) == whole


def test_other_chunks_are_skipped(tmp_path: Path) -> None:
    data = records.wav()
    odd = data[:12] + b"LIST\x03\x00\x00\x00abc\x00" + data[12:]
    assert wav.inspect(_file(tmp_path, odd)).length_ms == 2000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"RIFF\0\0\0\0WAVE",
        b"not a recording at all",
        records.wav()[:30],
        b"RIFF\0\0\0\0WAVEdata\0\0\0\0",
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(wav.NotAWavError):
        wav.inspect(_file(tmp_path, data))


def test_peaks_show_each_channel_by_itself(tmp_path: Path) -> None:
    left, right = wav.peaks(wav.inspect(_file(tmp_path, records.wav(right=0.25))))
    assert len(left) == len(right) == 20
    assert all(abs(peak - 0.5) < 0.01 for peak in left)
    assert right[:10] == [0.0] * 10
    assert all(abs(peak - 0.25) < 0.01 for peak in right[10:])


def test_a_long_recording_keeps_a_bounded_outline(tmp_path: Path) -> None:
    sound = wav.inspect(_file(tmp_path, records.wav(seconds=500, rate=1000)))
    assert [len(channel) for channel in wav.peaks(sound)] == [wav.MAX_PEAKS, wav.MAX_PEAKS]
