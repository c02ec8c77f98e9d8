"""The default waiting music: composed here, note by note, and rendered with numpy; nobody else's material is
in it.

Sixteen bars in C at 80 beats a minute, 48 seconds, that join end to start: a note that rings past the end is
carried over to the beginning. Written for a telephone: plucked tones whose partials stay below 3.4 kHz, no
drums or noise (codecs turn them into grit), a level below speech so that announcements stand out.
"""

from __future__ import annotations

import numpy as np

from ivr.tts.audio import RATE_HZ, Samples

VERSION = "1"
"""Changes with the composition, so that it is rendered anew."""
BEAT_S = 0.75
BARS = 16
LENGTH_S = BARS * 4 * BEAT_S
LEVEL_RMS_DB = -26.0
"""Some 6 dB under the prompts."""
HIGHEST_PARTIAL_HZ = 3300.0

# A bar's chord: bass note and four notes above, as MIDI numbers (60 is middle C).
_C, _G_B, _AM, _EM = (48, 60, 64, 67, 72), (47, 59, 62, 67, 71), (45, 60, 64, 69, 72), (52, 59, 64, 67, 71)
_F, _DM, _G, _G7 = (53, 60, 65, 69, 72), (50, 62, 65, 69, 74), (43, 62, 67, 71, 74), (43, 59, 65, 67, 74)
_CHORDS = (_C, _G_B, _AM, _EM, _F, _C, _DM, _G, _C, _G_B, _AM, _EM, _F, _G, _C, _G7)

# The melody: bar, beat, MIDI number, length in beats.
_MELODY = (
    (0, 0.0, 76, 1.5), (0, 1.5, 74, 0.5), (0, 2.0, 72, 2.0), (1, 0.0, 74, 1.0), (1, 1.0, 71, 1.0), (1, 2.0, 67, 2.0),
    (2, 0.0, 72, 1.5), (2, 1.5, 74, 0.5), (2, 2.0, 76, 2.0), (3, 0.0, 79, 1.0), (3, 1.0, 76, 1.0), (3, 2.0, 71, 2.0),
    (4, 0.0, 69, 1.0), (4, 1.0, 72, 1.0), (4, 2.0, 77, 1.5), (4, 3.5, 76, 0.5), (5, 0.0, 76, 2.0), (5, 2.0, 72, 2.0),
    (6, 0.0, 74, 1.0), (6, 1.0, 77, 1.0), (6, 2.0, 76, 1.0), (6, 3.0, 74, 1.0), (7, 0.0, 74, 4.0),
    (8, 0.0, 79, 1.5), (8, 1.5, 76, 0.5), (8, 2.0, 72, 2.0), (9, 0.0, 74, 1.0), (9, 1.0, 79, 1.0), (9, 2.0, 78, 0.5),
    (9, 2.5, 79, 1.5), (10, 0.0, 81, 1.5), (10, 1.5, 79, 0.5), (10, 2.0, 76, 2.0), (11, 0.0, 74, 1.0),
    (11, 1.0, 76, 1.0), (11, 2.0, 71, 2.0), (12, 0.0, 69, 1.0), (12, 1.0, 72, 1.0), (12, 2.0, 77, 2.0),
    (13, 0.0, 76, 1.0), (13, 1.0, 74, 1.0), (13, 2.0, 71, 2.0), (14, 0.0, 72, 4.0),
    (15, 2.0, 67, 1.0), (15, 3.0, 71, 1.0),
)  # fmt: skip

_PATTERN = (1, 3, 2, 4, 3, 2, 4, 3)
"""Which note of the chord each eighth of a bar plucks."""


def waiting_music(rate_hz: int = RATE_HZ) -> Samples:
    """Return one round of the music."""
    track = np.zeros(round(LENGTH_S * rate_hz))
    for bar, chord in enumerate(_CHORDS):
        _add(track, rate_hz, bar * 4, chord[0], 4.0, 0.55, 1.6)
        for eighth, note in enumerate(_PATTERN):
            _add(track, rate_hz, bar * 4 + eighth / 2, chord[note], 1.5, 0.28, 0.8)
    for bar, beat, note, beats in _MELODY:
        _add(track, rate_hz, bar * 4 + beat, note, beats + 0.5, 0.6, 1.2)
    return track * (10 ** (LEVEL_RMS_DB / 20) / float(np.sqrt(np.mean(track**2))))


def _add(
    track: Samples, rate_hz: int, beat: float, note: int, beats: float, loudness: float, ring_s: float
) -> None:
    """Add a plucked note at `beat`; what rings past the end of the track goes to its start."""
    tone = loudness * _pluck(440.0 * 2 ** ((note - 69) / 12), beats * BEAT_S, ring_s, rate_hz)
    first = round(beat * BEAT_S * rate_hz)
    places = np.arange(first, first + tone.size) % track.size
    np.add.at(track, places, tone)


def _pluck(frequency_hz: float, length_s: float, ring_s: float, rate_hz: int) -> Samples:
    """Return a tone that starts softly and dies away, its higher partials first."""
    t = np.arange(round(length_s * rate_hz)) / rate_hz
    tone = np.zeros(t.size)
    for partial, strength in ((1, 1.0), (2, 0.35), (3, 0.12), (4, 0.05)):
        if frequency_hz * partial < HIGHEST_PARTIAL_HZ:
            decay = np.exp(-t * partial / ring_s)
            tone += strength * decay * np.sin(2 * np.pi * frequency_hz * partial * t)
    tone *= np.minimum(t / 0.012, 1.0)
    fade = min(round(0.08 * rate_hz), t.size)
    tone[-fade:] *= np.linspace(1.0, 0.0, fade)
    return tone
