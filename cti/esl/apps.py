"""Applications a leg runs one after the other, as typed values."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from cti.esl import quoting
from cti.esl.originate import BridgeTo
from cti.esl.quoting import UnsafeValue

MAX_FILES = 128
"""Files one playback can chain; the switch's ``file_string`` has 128 places."""

FALLBACK = "fallback XML zongji"
"""Extension, dialplan and context a call goes to when its controller stays away."""

_MUSIC = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclasses.dataclass(frozen=True)
class Silence:
    """A pause between files, in milliseconds."""

    ms: int

    def source(self) -> str:
        """Return it as the switch names it. Raises :class:`UnsafeValue`."""
        if not 1 <= self.ms <= 3_600_000:
            raise UnsafeValue("a silence outside 1 ms to an hour")
        return f"silence_stream://{int(self.ms)}"


@dataclasses.dataclass(frozen=True)
class Tone:
    """A sine tone between files: `hz` for `ms` milliseconds."""

    hz: int
    ms: int

    def source(self) -> str:
        """Return it as the switch names it. Raises :class:`UnsafeValue`."""
        if not (1 <= self.ms <= 3_600_000 and 20 <= self.hz <= 20_000):
            raise UnsafeValue("a tone outside 20 Hz to 20 kHz or 1 ms to an hour")
        return f"tone_stream://%({int(self.ms)},0,{int(self.hz)})"


Sound = str | Silence | Tone
"""What a playback is made of: an absolute path, a pause or a tone."""


def source(sound: Sound) -> str:
    """Return `sound` as the switch names it. Raises :class:`UnsafeValue`."""
    return quoting.path(sound) if isinstance(sound, str) else sound.source()


@dataclasses.dataclass(frozen=True)
class Answer:
    """Answer the call."""

    def call(self) -> tuple[str, str]:
        """Return the application's name and argument."""
        return "answer", ""


@dataclasses.dataclass(frozen=True)
class PreAnswer:
    """Send early media (183), so that a prompt is heard before the call is answered."""

    def call(self) -> tuple[str, str]:
        """Return the application's name and argument."""
        return "pre_answer", ""


@dataclasses.dataclass(frozen=True)
class Playback:
    """Play `sounds` one after the other, the whole list `loops` times, as one application with one completion.

    The completion's response is ``FILE PLAYED`` (also when it was broken off), ``FILE NOT FOUND`` or
    ``PLAYBACK ERROR``. A file that is missing in the middle of a list is skipped without a word.
    """

    sounds: tuple[Sound, ...]
    loops: int = 1

    def call(self) -> tuple[str, str]:
        """Return the application's name and argument. Raises :class:`UnsafeValue`."""
        if isinstance(self.sounds, str) or not self.sounds or self.loops < 1:
            raise UnsafeValue("a playback of nothing")
        names = [source(sound) for sound in self.sounds] * self.loops
        if len(names) > MAX_FILES:
            raise UnsafeValue(f"a playback of over {MAX_FILES} files")
        return "playback", names[0] if len(names) == 1 else "file_string://" + "!".join(names)


@dataclasses.dataclass(frozen=True)
class PlayMusic:
    """Play music without end: a stream of the switch by its name, or a file (absolute path) over and over."""

    music: str = "default"

    def call(self) -> tuple[str, str]:
        """Return the application's name and argument. Raises :class:`UnsafeValue`."""
        if self.music.startswith("/"):
            return "endless_playback", quoting.path(self.music)
        if not _MUSIC.fullmatch(self.music):
            raise UnsafeValue(f"not a name of music: {self.music[:40]!r}")
        return "playback", f"local_stream://{self.music}"


@dataclasses.dataclass(frozen=True)
class Record:
    """Record what the leg's far end says to `path` (absolute, one channel), in the application itself.

    Ends after `max_s` seconds (the switch counts whole ones, up to two more), after `silence_s` seconds in which every
    frame's mean amplitude was under `silence_below` (0: never), with a break, or with the leg. No key ends it while
    ``playback_terminators`` is ``none``. The switch hangs up when it cannot make the file, and when the leg is
    transferred meanwhile: end it with a break first.
    """

    path: str
    max_s: int
    silence_s: int = 0
    silence_below: int = 200

    def call(self) -> tuple[str, str]:
        """Return the application's name and argument. Raises :class:`UnsafeValue`."""
        if not 1 <= self.max_s <= 86_400:
            raise UnsafeValue("a recording outside a second to a day")
        if not (0 <= self.silence_s <= 3600 and 1 <= self.silence_below <= 32_767):
            raise UnsafeValue("a silence outside nothing to an hour, or no amplitude")
        argument = f"{quoting.quote_if_needed(quoting.path(self.path))} {int(self.max_s)}"
        if self.silence_s:
            argument += f" {int(self.silence_below)} {int(self.silence_s)}"
        return "record", argument


@dataclasses.dataclass(frozen=True)
class Sleep:
    """Do nothing for `ms` milliseconds."""

    ms: int

    def call(self) -> tuple[str, str]:
        """Return the application's name and argument. Raises :class:`UnsafeValue`."""
        if not 0 <= self.ms <= 86_400_000:
            raise UnsafeValue("a sleep outside nothing to a day")
        return "sleep", str(int(self.ms))


@dataclasses.dataclass(frozen=True)
class Hangup:
    """Hang up when the applications before it are done (`commands.kill` does it at once)."""

    cause: str = "NORMAL_CLEARING"

    def call(self) -> tuple[str, str]:
        """Return the application's name and argument. Raises :class:`UnsafeValue`."""
        return "hangup", quoting.cause(self.cause)


@dataclasses.dataclass(frozen=True)
class SetVariables:
    """Set channel variables in order with the other applications.

    An application's argument is expanded before it is split, so ``$``, backslash and ``'`` are refused here;
    `commands.set_variables` takes them, and acts at once.
    """

    variables: Mapping[str, str]

    def call(self) -> tuple[str, str]:
        """Return the application's name and argument. Raises :class:`UnsafeValue`."""
        if not self.variables or len(self.variables) > 200:
            raise UnsafeValue("no variables, or over 200")
        pairs = []
        for name, value in self.variables.items():
            if any(char in "$\\'" for char in quoting.plain(value)):
                raise UnsafeValue("a $, backslash or ' in an application's argument")
            pairs.append(f"'{quoting.variable(name)}={value}'")
        return "multiset", "^^;" + ";".join(pairs)


@dataclasses.dataclass(frozen=True)
class Park:
    """Wait for commands."""

    def call(self) -> tuple[str, str]:
        """Return the application's name and argument."""
        return "park", ""


@dataclasses.dataclass(frozen=True)
class SendDigits:
    """Send keys to the far end, `ms` milliseconds each."""

    digits: str
    ms: int = 200

    def call(self) -> tuple[str, str]:
        """Return the application's name and argument. Raises :class:`UnsafeValue`."""
        if not 40 <= self.ms <= 8000:
            raise UnsafeValue("a key outside 40 ms to 8 s")
        return "send_dtmf", f"{quoting.digits(self.digits)}@{int(self.ms)}"


@dataclasses.dataclass(frozen=True)
class ArmFallback:
    """Have the leg transferred to the fallback in `seconds`, when the applications before it are done."""

    seconds: int

    def call(self) -> tuple[str, str]:
        """Return the application's name and argument. Raises :class:`UnsafeValue`."""
        if not 1 <= self.seconds <= 86400:
            raise UnsafeValue("a fallback outside 1 s to a day")
        return "sched_transfer", f"+{int(self.seconds)} {FALLBACK}"


App = (
    BridgeTo
    | ArmFallback
    | Answer
    | PreAnswer
    | Playback
    | PlayMusic
    | Record
    | Sleep
    | Hangup
    | SetVariables
    | Park
    | SendDigits
)
