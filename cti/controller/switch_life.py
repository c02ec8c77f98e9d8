"""Which life of the switch our calls are on, kept on the cell's disk for our own next start."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)


class SwitchLife:
    """The switch's own id (``Core-UUID``): another one means that every leg there was is gone."""

    def __init__(self, cell_dir: Path) -> None:
        self._path = cell_dir / "core-uuid"
        self.core_uuid = ""
        """That of the newest connection; empty before the first."""
        self.is_noted = True
        """Whether the disk took it."""

    def before(self) -> str:
        """Return the id known before this connection, by us or by the process before us; nothing when none is."""
        return self.core_uuid or self._on_disk()

    def begin(self, core_uuid: str) -> None:
        """We are connected to this one now."""
        self.core_uuid = core_uuid
        self.note()

    def note(self) -> None:
        """Keep it for the next start of ours. A disk that refuses stops no call: the audit tries again."""
        temporary = self._path.with_suffix(".new")
        try:
            if self._on_disk() != self.core_uuid:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_text(self.core_uuid)
                os.replace(temporary, self._path)
        except OSError as error:
            if self.is_noted:
                self.is_noted = False
                log.error("core_uuid_not_written", reason=str(error))
            # None is better than that of a process before: by it the next start would close the calls that are up.
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            return
        if not self.is_noted:
            self.is_noted = True
            log.info("core_uuid_written_again")

    def _on_disk(self) -> str:
        try:
            return self._path.read_text().strip()
        except OSError:
            return ""
