"""Facts the controller leaves on the cell's disk for the shipper: calls whose record the switch will never write."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog

from cti.call.model import Call

log = structlog.get_logger(__name__)

KEPT = 5000
"""Facts kept while the disk refuses: the calls of a large cell whose switch dies just then."""
TRIES = 3
"""Writes that may fail in one turn: on a full disk all do."""


class Facts:
    """Writes one file per fact, whole or not at all.

    A disk that refuses stops no call. What could not be left is kept, at most :data:`KEPT` facts, and left with the
    next fact or by the steady work once there is room; what is lost all the same is logged by its call's id.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unleft: dict[str, bytes] = {}
        """By the call's id, those tried longest ago first."""

    def ended_without_record(self, call: Call, core_uuid: str) -> None:
        """Say that `call` ended with the switch that carried it; the shipper closes it provisionally."""
        self._leave(call, {"fact": "ended", "call": call, "core_uuid": core_uuid})

    def undialled(self, call: Call, core_uuid: str) -> None:
        """Say that an outbound `call` is over and its customer's leg never was: nobody else will ever tell of it."""
        self._leave(call, {"fact": "ended", "call": call, "core_uuid": core_uuid, "undialled": True})

    def leave_again(self) -> None:
        """Leave what could not be left before. Raises nothing when the disk refuses still."""
        failed = count = 0
        for call_id, fact in tuple(self._unleft.items()):
            try:
                self._write(call_id, fact)
            except OSError:
                self._unleft[call_id] = self._unleft.pop(call_id)
                failed += 1
                if failed == TRIES:
                    break
            else:
                del self._unleft[call_id]
                count += 1
        if count:
            log.info("facts_left_again", count=count, waiting=len(self._unleft))

    def stop(self) -> None:
        """Try for the last time, and name what is lost."""
        self.leave_again()
        for call_id in self._unleft:
            log.error("fact_lost", call_id=call_id)

    def _leave(self, call: Call, fact: dict[str, Any]) -> None:
        data = msgspec.json.encode(fact)
        self._unleft.pop(call.id, None)
        try:
            self._write(call.id, data)
        except OSError as error:
            log.error("fact_not_left", call_id=call.id, reason=str(error))
            self._unleft[call.id] = data
            if len(self._unleft) > KEPT:
                lost = next(iter(self._unleft))
                del self._unleft[lost]
                log.error("fact_lost", call_id=lost)
            return
        self.leave_again()

    def _write(self, call_id: str, fact: bytes) -> None:
        temporary = self._folder / f".{call_id}.new"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(fact)
            os.replace(temporary, self._folder / f"{call_id}.json")
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
