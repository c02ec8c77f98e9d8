"""A short message a call asked for, as the controller leaves it on the cell's disk (``cell/sms``). Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from cti.records.cdr import NotACdrError, decode_fact


class SmsFact(msgspec.Struct, frozen=True, kw_only=True):
    """A flow had `text` sent to `number` (stored form)."""

    fact: Literal["sms"]
    key: str
    """What makes it one of a kind: left again by a controller that did not know, it is the same message."""
    tenant_id: int
    call_id: str
    number: str
    text: str
    flow_id: int
    node: str
    """Code of the node, and its name at the time."""
    node_name: str = ""
    at_ms: int


_decoder = msgspec.json.Decoder(SmsFact)


def parse(data: bytes) -> SmsFact:
    """Return the fact in a file's `data`. Raises ``IncompleteError`` or ``NotACdrError``, as for a leg's record."""
    fact = decode_fact(_decoder, data)
    if fact.tenant_id <= 0 or not fact.key or not fact.call_id or fact.at_ms <= 0:
        raise NotACdrError("the message has no key, tenant, call or time")
    return fact
