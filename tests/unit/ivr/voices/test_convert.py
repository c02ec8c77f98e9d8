"""Uploads become what the switch plays best, or are refused with a reason (CTI-V1, V3)."""

from __future__ import annotations

import io
import struct
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CallerFault
from ivr.tts.audio import PEAK_DB, TARGET_RMS_DB, Samples
from ivr.voices import convert, wav
from ivr.voices.errors import (
    NeedsConverter,
    NotAudio,
    SoundDamaged,
    SoundSilent,
    SoundTooLarge,
    SoundTooLong,
)


def tone(rate_hz: int, seconds: float = 1.0, frequency_hz: float = 440.0, peak: float = 0.5) -> Samples:
    """Return a tone."""
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    sound: Samples = peak * np.sin(2 * np.pi * frequency_hz * t)
    return sound


def riff(
    codec: int, bits: int, rate_hz: int, sound: bytes, channels: int = 1, *, size: int | None = None
) -> bytes:
    """Return a WAV file by its layout; `size` is what it says of its sound's length."""
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", codec, channels, rate_hz, rate_hz * align, align, bits)
    body = b"fmt " + struct.pack("<I", len(form)) + form
    body += b"LIST" + struct.pack("<I", 3) + b"abc\0"
    body += b"data" + struct.pack("<I", len(sound) if size is None else size) + sound
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def pcm(samples: Samples, bits: int) -> bytes:
    """Return integer samples."""
    if bits == 8:
        return (np.round(samples * 127) + 128).astype(np.uint8).tobytes()
    whole = np.round(samples * (2 ** (bits - 1) - 1)).astype("<i4")
    return b"".join(int(each).to_bytes(bits // 8, "little", signed=True) for each in whole)


def read(sound: convert.Sound) -> Samples:
    """Return a stored file's samples after a look at its shape."""
    with wave.open(io.BytesIO(sound.data)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768
    assert sound.length_ms == round(len(samples) / 8)
    return np.asarray(samples, dtype=np.float64)


def frequency(samples: Samples) -> float:
    """Return the strongest frequency."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * 8000 / len(samples))


def rms_db(samples: Samples) -> float:
    """Return the level of what sounds."""
    loud = samples[np.abs(samples) > 10 ** (-45 / 20)]
    return float(20 * np.log10(np.sqrt(np.mean(loud**2))))


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 44100, 48000, 96000, 7919])
def test_any_rate_keeps_its_pitch_length_and_level(rate_hz: int) -> None:
    made = read(convert.convert(riff(wav.PCM, 16, rate_hz, pcm(tone(rate_hz, 2.5), 16))))
    assert frequency(made) == pytest.approx(440, abs=1)
    assert len(made) / 8000 == pytest.approx(2.5 + 0.2, abs=0.02)
    assert rms_db(made) == pytest.approx(TARGET_RMS_DB, abs=0.6)
    assert 20 * np.log10(np.max(np.abs(made))) <= PEAK_DB + 0.01


@pytest.mark.parametrize(
    ("codec", "bits", "sound"),
    [
        (wav.PCM, 8, pcm(tone(16000), 8)),
        (wav.PCM, 24, pcm(tone(16000), 24)),
        (wav.PCM, 32, pcm(tone(16000), 32)),
        (wav.FLOAT, 32, tone(16000).astype("<f4").tobytes()),
        (wav.FLOAT, 64, tone(16000).astype("<f8").tobytes()),
    ],
)
def test_every_coding_sounds_alike(codec: int, bits: int, sound: bytes) -> None:
    made = read(convert.convert(riff(codec, bits, 16000, sound)))
    usual = read(convert.convert(riff(wav.PCM, 16, 16000, pcm(tone(16000), 16))))
    assert len(made) == pytest.approx(len(usual), abs=20)
    assert frequency(made) == pytest.approx(440, abs=2)
    assert rms_db(made) == pytest.approx(rms_db(usual), abs=0.3)


def test_g711_is_decoded_as_the_recommendation_says() -> None:
    # Values from ITU-T G.711, tables 1a and 2a: the ends and the middle of both laws.
    a_law = wav.mono(riff(wav.A_LAW, 8, 8000, bytes([0xAA, 0x2A, 0xD5, 0x55])), _wav(wav.A_LAW, 4), 0, 4)
    assert [round(each * 32768) for each in a_law] == [32256, -32256, 8, -8]
    mu_law = wav.mono(riff(wav.MU_LAW, 8, 8000, bytes([0x80, 0x00, 0xFF, 0x7F])), _wav(wav.MU_LAW, 4), 0, 4)
    assert [round(each * 32768) for each in mu_law] == [32124, -32124, 0, 0]


def _wav(codec: int, count: int) -> wav.Wav:
    return wav.parse(riff(codec, 8, 8000, bytes(count)))


def test_two_channels_become_one_and_extensible_files_are_read() -> None:
    left, right = tone(8000), tone(8000, frequency_hz=880.0)
    both = np.stack([left, right], axis=1).reshape(-1)
    form = struct.pack("<HHIIHH", wav.EXTENSIBLE, 2, 8000, 32000, 4, 16)
    form += struct.pack("<HHI", 22, 16, 3) + struct.pack("<H", wav.PCM) + bytes(14)
    sound = pcm(both, 16)
    body = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(sound)) + sound
    made = read(convert.convert(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body))
    spectrum = np.abs(np.fft.rfft(made))
    place = len(made) / 8000
    low, high = spectrum[round(440 * place)], spectrum[round(880 * place)]
    assert low == pytest.approx(high, rel=0.1)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 10**6])
def test_a_length_that_is_not_true_is_not_believed(size: int) -> None:
    sound = pcm(tone(8000), 16)
    assert convert.convert(riff(wav.PCM, 16, 8000, sound, size=size)).length_ms == pytest.approx(1200, abs=20)


def test_blocks_join_without_a_seam() -> None:
    made = convert.decode(riff(wav.PCM, 16, 44100, pcm(tone(44100, 31.0, 300.0), 16)))
    wanted = tone(8000, 31.0, 300.0)
    middle = slice(2000, -2000)  # the file's own ends fade
    assert float(np.max(np.abs(made[middle] - wanted[middle]))) < 0.01


def test_a_quiet_recording_gets_as_loud_as_speech() -> None:
    made = read(convert.convert(riff(wav.PCM, 24, 48000, pcm(tone(48000, peak=0.004), 24))))
    assert rms_db(made) == pytest.approx(TARGET_RMS_DB, abs=0.6)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(8000),
        np.full(8000, 0.4),  # a constant voltage is no sound
        tone(8000, peak=0.001),
        np.concatenate([np.zeros(4000), np.full(20, 0.5), np.zeros(4000)]),  # a click
    ],
    ids=["nothing", "direct current", "the line's noise", "a click"],
)
def test_silence_is_refused(samples: Samples) -> None:
    with pytest.raises(SoundSilent):
        convert.convert(riff(wav.PCM, 16, 8000, pcm(samples, 16)))


def test_too_long_and_too_large_are_refused_before_anything_is_decoded() -> None:
    with pytest.raises(SoundTooLong):
        convert.convert(riff(wav.PCM, 8, 8000, bytes([128, 200] * (8000 * 301))))
    with pytest.raises(SoundTooLarge):
        convert.convert(riff(wav.PCM, 8, 8000, bytes(convert.MAX_BYTES)))


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"MZ" + bytes(100), b"\x89PNG\r\n\x1a\n" + bytes(50), b"#EXTM3U\nfile:///etc/passwd\n"],
)
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(NotAudio):
        convert.convert(data)


@pytest.mark.parametrize(
    "data",
    [
        b"RIFF\x00\x00\x00\x00WAVE",
        riff(wav.PCM, 16, 8000, b""),
        riff(wav.PCM, 16, 0, pcm(tone(8000), 16)),
        riff(wav.PCM, 16, 8000, bytes(100), channels=999),
    ],
    ids=["no chunks", "empty", "no rate", "999 channels"],
)
def test_a_broken_wav_is_refused(data: bytes) -> None:
    with pytest.raises(SoundDamaged):
        convert.convert(data)


@given(st.binary(max_size=400))
def test_whatever_follows_a_header_is_read_or_refused(rest: bytes) -> None:
    try:
        found = wav.parse(b"RIFF\x00\x00\x00\x00WAVE" + rest)
    except wav.WavError:
        return
    assert len(wav.mono(b"RIFF\x00\x00\x00\x00WAVE" + rest, found, 0, 10**6)) == found.frames


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_never_raises_anything_else(place: int, value: int) -> None:
    data = bytearray(riff(wav.PCM, 16, 8000, pcm(tone(8000, 0.3), 16)))
    data[place] = value
    try:
        found = wav.parse(bytes(data))
        assert np.isfinite(wav.mono(bytes(data), found, 0, 1000)).all()
    except wav.WavError:
        pass


# --- other kinds, by FFmpeg ---


def encoded(folder: Path, name: str, *options: str, source: str = "sine=frequency=440:duration=2") -> bytes:
    """Return a file FFmpeg made."""
    path = folder / name
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", source, *options, str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path.read_bytes()


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp3", ()),
        ("a.mp3", ("-id3v2_version", "0", "-write_xing", "0")),
        ("a.m4a", ()),
        ("a.ogg", ("-c:a", "libvorbis")),
        ("a.opus", ()),
        ("a.flac", ()),
        ("a.webm", ("-c:a", "libopus")),
        ("a.wav", ("-c:a", "adpcm_ms")),
        ("a.aac", ()),
    ],
)
def test_other_kinds_are_converted(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    made = read(convert.convert(encoded(tmp_path, name, *options)))
    assert frequency(made) == pytest.approx(440, abs=2)
    assert len(made) / 8000 == pytest.approx(2.2, abs=0.15)
    assert rms_db(made) == pytest.approx(TARGET_RMS_DB, abs=0.6)


@pytest.mark.ffmpeg
def test_an_amr_file_as_phones_record_it() -> None:
    # 100 frames of AMR at 4.75 kbit/s (RFC 4867 §5): a toc byte and 12 bytes each; noise, but sound.
    noise = np.random.default_rng(1).integers(0, 256, 1200, dtype=np.uint8).tobytes()
    frames = b"".join(b"\x04" + noise[at : at + 12] for at in range(0, 1200, 12))
    assert convert.convert(b"#!AMR\n" + frames).length_ms > 1000


@pytest.mark.ffmpeg
def test_a_small_file_that_unpacks_into_hours_is_refused(tmp_path: Path) -> None:
    bomb = encoded(tmp_path, "bomb.flac", source="anullsrc=r=8000:cl=mono:d=3600")
    assert len(bomb) < convert.MAX_BYTES
    with pytest.raises(SoundTooLong):
        convert.convert(bomb)


@pytest.mark.ffmpeg
def test_a_file_that_only_looks_like_sound_is_refused() -> None:
    for mark in (
        b"ID3\x04\x00\x00\x00\x00\x00\x00",
        b"fLaC",
        b"OggS",
        b"\x00\x00\x00\x20ftypM4A ",
        b"\x1aE\xdf\xa3",
    ):
        with pytest.raises(SoundDamaged):
            convert.convert(mark + bytes(2000))


def test_without_ffmpeg_the_refusal_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "ffmpeg", lambda: "")
    with pytest.raises(NeedsConverter) as refused:
        convert.convert(b"ID3" + bytes(100))
    assert "FFmpeg" in refused.value.text()
    assert "MP3" in refused.value.text()


@pytest.mark.ffmpeg
def test_a_decoder_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = tmp_path / "ffmpeg"
    hanging.write_text("#!/bin/sh\nwhile :; do :; done\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(convert, "ffmpeg", lambda: str(hanging))
    monkeypatch.setattr(convert, "FFMPEG_TIMEOUT_S", 0.5)
    with pytest.raises(SoundDamaged):
        convert.convert(b"ID3" + bytes(100))


@pytest.mark.ffmpeg
def test_a_decoder_cannot_take_more_memory_than_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "FFMPEG_MEMORY_BYTES", 40 << 20)
    with pytest.raises(SoundDamaged):
        convert.convert(encoded(tmp_path, "a.mp3"))


def test_every_refusal_has_words_in_both_languages() -> None:
    for refusal in (
        NotAudio(),
        SoundDamaged(),
        SoundSilent(),
        SoundTooLong(minutes=10),
        SoundTooLarge(megabytes=20),
    ):
        assert isinstance(refusal, CallerFault)
        assert refusal.text()
