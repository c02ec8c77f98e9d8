"""Time an agent stood in a state, as the controller leaves it on the cell's disk (CTI-C9). Pure: the controller starts
again within the callers' patience only while it loads no database.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from cti.records.cdr import NotACdrError, decode_fact


class StateFact(msgspec.Struct, frozen=True, kw_only=True):
    """An agent stood in `state` from `began_ms` to `ended_ms` (milliseconds since the epoch)."""

    fact: Literal["state"]
    tenant_id: int
    account_id: int
    name: str = ""
    state: str
    reason: str = ""
    began_ms: int
    ended_ms: int


_decoder = msgspec.json.Decoder(StateFact)


def parse(data: bytes) -> StateFact:
    """Return the fact in a file's `data`. Raises ``IncompleteError`` or ``NotACdrError``, as for a leg's record."""
    fact = decode_fact(_decoder, data)
    if fact.tenant_id <= 0 or fact.account_id <= 0 or not 0 < fact.began_ms <= fact.ended_ms:
        raise NotACdrError("the state has no tenant, account or time")
    return fact
