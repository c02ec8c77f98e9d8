"""Reads what the controller says of a call whose record will not come (``cell/facts/<call id>.json``). Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from cti.call.model import Call
from cti.records.cdr import NotACdrError, decode_fact


class EndedFact(msgspec.Struct, frozen=True, kw_only=True):
    """The call is over and the switch writes no record of it: the switch is gone, or the customer's leg never was."""

    fact: Literal["ended"]
    call: Call
    core_uuid: str = ""
    """The life of the switch the call was on."""
    undialled: bool = False
    """An outbound call whose customer's leg never was: nothing will ever supersede this."""


_decoder = msgspec.json.Decoder(EndedFact)


def parse(data: bytes) -> EndedFact:
    """Return the fact in a file's `data`. Raises ``IncompleteError`` or ``NotACdrError``, as for a leg's record."""
    fact = decode_fact(_decoder, data)
    if not fact.call.id or not fact.call.ended_ms or fact.call.tenant_id <= 0:
        raise NotACdrError("the call has no id, end or tenant")
    return fact
