"""A child process that speaks one text with eSpeak NG's library and ends. Run as a script, isolated (``-I
-S``).

It is a process of its own because the library keeps global state, is native code that tenants' texts go into,
and can only be given a time limit from outside: whatever happens in here, the caller's process gets a WAV
file or an error. It imports the standard library only, so that it starts in some 20 ms.

Arguments: path of the shared library, path of the folder ``espeak-ng-data``. Standard input: JSON with
``text``, ``voice``, ``rate`` (words a minute), ``volume`` (100 is full), ``pitch`` (0-99), ``word_gap``
(units of 10 ms). Standard output: a mono 16-bit WAV file.
"""

from __future__ import annotations

import ctypes
import io
import json
import sys
import wave

# From the library's public interface (speak_lib.h); the numbers are its binary contract.
AUDIO_OUTPUT_SYNCHRONOUS = 2
INITIALIZE_DONT_EXIT = 0x8000
CHARS_UTF8 = 1
POSITION_CHARACTER = 1
PARAMETER_RATE = 1
PARAMETER_VOLUME = 2
PARAMETER_PITCH = 3
PARAMETER_WORD_GAP = 7

SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def speak(library_path: str, data_path: str, request: dict[str, object]) -> bytes:
    """Return the spoken text as a WAV file. Raises ``RuntimeError`` naming the library's refusal."""
    library = ctypes.CDLL(library_path)
    # The folder is passed because the one compiled in is that of the machine the library was built on.
    rate_hz = library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path.encode(), INITIALIZE_DONT_EXIT)
    if rate_hz <= 0:
        raise RuntimeError("the voice data cannot be read")
    samples = bytearray()

    def collect(data: ctypes._Pointer[ctypes.c_short], count: int, events: int) -> int:
        if data and count > 0:
            samples.extend(ctypes.string_at(data, count * 2))
        return 0

    keep_alive = SynthCallback(collect)
    library.espeak_SetSynthCallback(keep_alive)
    if library.espeak_SetVoiceByName(str(request["voice"]).encode()) != 0:
        raise RuntimeError(f"there is no voice {request['voice']!r}")
    for parameter, name in (
        (PARAMETER_RATE, "rate"),
        (PARAMETER_VOLUME, "volume"),
        (PARAMETER_PITCH, "pitch"),
        (PARAMETER_WORD_GAP, "word_gap"),
    ):
        library.espeak_SetParameter(parameter, int(str(request[name])), 0)
    text = str(request["text"]).encode("utf-8")
    status = library.espeak_Synth(
        text, ctypes.c_size_t(len(text) + 1), 0, POSITION_CHARACTER, 0, CHARS_UTF8, None, None
    )
    if status != 0:
        raise RuntimeError(f"the text was refused ({status})")
    library.espeak_Synchronize()
    return _wav(bytes(samples), rate_hz)


def _wav(samples: bytes, rate_hz: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples)
    return buffer.getvalue()


if __name__ == "__main__":
    try:
        sys.stdout.buffer.write(speak(sys.argv[1], sys.argv[2], json.load(sys.stdin.buffer)))
    except (RuntimeError, OSError) as error:
        sys.exit(str(error))
