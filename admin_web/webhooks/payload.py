"""The body of a delivery: what happened, with numbers as far as the endpoint's maker may see them."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec

from core.number_masking import masked


def wire(kind: str, at: datetime.datetime, data: dict[str, Any], *, full: bool) -> bytes:
    """Return ``{"type", "timestamp", "data"}`` as JSON; unless `full`, numbers are masked (``138****8000``)."""
    return msgspec.json.encode({"type": kind, "timestamp": at, "data": data if full else masked(data)})
