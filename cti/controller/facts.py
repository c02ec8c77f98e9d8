"""Facts the controller leaves on the cell's disk for the shipper: calls whose record the switch will never write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from cti.call.model import Call


class Facts:
    """Writes one file per fact, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ended_without_record(self, call: Call, core_uuid: str) -> None:
        """Say that `call` ended with the switch that carried it; the shipper closes it provisionally."""
        self._leave(call, {"fact": "ended", "call": call, "core_uuid": core_uuid})

    def undialled(self, call: Call, core_uuid: str) -> None:
        """Say that an outbound `call` is over and its customer's leg never was: nobody else will ever tell of it."""
        self._leave(call, {"fact": "ended", "call": call, "core_uuid": core_uuid, "undialled": True})

    def _leave(self, call: Call, fact: dict[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f".{call.id}.new"
        temporary.write_bytes(msgspec.json.encode(fact))
        os.replace(temporary, self._folder / f"{call.id}.json")
