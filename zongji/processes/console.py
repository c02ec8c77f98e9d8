"""Shows what the processes write, each line with its process's name: an event listener of the supervisor.

Protocol: supervisord's event listener protocol 3.0, on standard input and output; lines go to standard error. The
length it tells of an event counts characters, not bytes, so its words are read as text.
"""

from __future__ import annotations

import io
import sys
from typing import BinaryIO, TextIO

MAX_LINE_BYTES = 65536
"""A longer line is broken."""


class Prefixer:
    """Turns pieces of output into whole lines with the name of their process before them."""

    def __init__(self) -> None:
        self._rests: dict[str, bytes] = {}

    def feed(self, name: str, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes; the rest waits for more."""
        *lines, rest = (self._rests.get(name, b"") + data).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            lines, rest = [*lines, rest], b""
        self._rests[name] = rest
        return [self._line(name, line) for line in lines]

    def finish(self, name: str) -> list[bytes]:
        """Return what `name` wrote last without a line's end."""
        rest = self._rests.pop(name, b"")
        return [self._line(name, rest)] if rest else []

    @staticmethod
    def _line(name: str, line: bytes) -> bytes:
        return f"{name:<8}| ".encode() + line.rstrip(b"\r") + b"\n"


def tokens(line: str) -> dict[str, str]:
    """Return the pairs of a header line such as ``ver:3.0 eventname:PROCESS_LOG_STDOUT``."""
    return dict(token.split(":", 1) for token in line.split())


def show(prefixer: Prefixer, event: str, payload: str) -> list[bytes]:
    """Return the lines to show for an event of the supervisor."""
    head, _, data = payload.partition("\n")
    name = tokens(head)["processname"]
    if event.startswith("PROCESS_LOG"):
        return prefixer.feed(name, data.encode(errors="replace"))
    lines = prefixer.finish(name)
    if event == "PROCESS_STATE_EXITED":
        lines += prefixer.feed(name, b"(ended; it is started again)\n")
    elif event == "PROCESS_STATE_FATAL":
        lines += prefixer.feed(name, b"(could not be started)\n")
    return lines


def serve(source: TextIO, answers: BinaryIO, screen: BinaryIO) -> None:
    """Show events until the supervisor closes `source`."""
    prefixer = Prefixer()
    while True:
        answers.write(b"READY\n")
        answers.flush()
        header = source.readline()
        if not header:
            return
        fields = tokens(header)
        payload = source.read(int(fields["len"]))
        for line in show(prefixer, fields["eventname"], payload):
            screen.write(line)
        screen.flush()
        answers.write(b"RESULT 2\nOK")
        answers.flush()


if __name__ == "__main__":
    words = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace", newline="\n")
    serve(words, sys.stdout.buffer, sys.stderr.buffer)
