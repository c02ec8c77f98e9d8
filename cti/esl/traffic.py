"""What is sent to the switch, counted by command.

The switch reads a command one byte a system call and yields the processor after each (``read_packet``), so bytes are
what a command costs (docs/event-socket.md).
"""

from __future__ import annotations

import re

import msgspec

_BODY = re.compile(rb"^content-length:(\d+)$", re.MULTILINE)


class Sent(msgspec.Struct):
    """How often a command was sent, and its bytes without bodies."""

    commands: int = 0
    size_bytes: int = 0


class Traffic:
    """Counters by command since the client was made."""

    def __init__(self) -> None:
        self.sent: dict[str, Sent] = {}

    def note(self, wire: bytes) -> None:
        """Count the commands in `wire`."""
        while wire:
            command, _, wire = wire.partition(b"\n\n")
            body = _BODY.search(command)
            if body is not None:  # the switch reads it whole: it costs no bytes
                wire = wire[int(body[1]) + 1 :]
            if command:
                entry = self.sent.setdefault(label(command), Sent())
                entry.commands += 1
                entry.size_bytes += len(command) + 2


def label(command: bytes) -> str:
    """Return what a command is called: an API's name, ``execute:`` and an application's, else its first word."""
    word, _, rest = command.partition(b" ")
    if word == b"sendmsg":
        application = rest.partition(b"execute-app-name:")[2].partition(b"\n")[0]
        return f"execute:{application.strip().decode('ascii', 'replace')}"
    if word in (b"api", b"bgapi"):
        word = rest.partition(b" ")[0]
    return word.partition(b"\n")[0].decode("ascii", "replace")
