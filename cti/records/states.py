"""Time of agents in their states: the controller leaves each ended span as a file, the shipper writes it (CTI-C9).

A span is cut at every quarter of an hour (UTC), so that each piece lies in one interval of every report. A piece is
one row by account and beginning: delivered again it changes nothing, and a longer one, left by a controller that died
before it had noted the new state, takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
from sqlalchemy import select

from core.clock import from_ms
from core.database import TenantSession
from core.models import Tenant
from cti.records.cdr import IncompleteError, NotACdrError
from cti.records.fitting import fit
from cti.records.models import AgentStateSpan

QUARTER_MS = 900_000
LONGEST_MS = 40 * 86_400_000
"""Of a longer span, which a clock that jumped made, only the last piece of this length is kept."""


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
    if not data.rstrip().endswith(b"}"):
        raise IncompleteError("the file does not end a JSON object")
    try:
        fact = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise NotACdrError(str(error)) from None
    if fact.tenant_id <= 0 or fact.account_id <= 0 or not 0 < fact.began_ms <= fact.ended_ms:
        raise NotACdrError("the state has no tenant, account or time")
    return fact


def pieces(began_ms: int, ended_ms: int) -> Iterator[tuple[int, int]]:
    """Yield the span in pieces that do not cross a quarter of an hour; none of a span without length."""
    begin = max(began_ms, ended_ms - LONGEST_MS)
    while begin < ended_ms:
        end = min(ended_ms, begin - begin % QUARTER_MS + QUARTER_MS)
        yield begin, end
        begin = end


def write_state(session: TenantSession, fact: StateFact) -> bool:
    """Write a span; return whether its tenant is known."""
    if session.get(Tenant, fact.tenant_id) is None:
        return False
    cut = list(pieces(fact.began_ms, fact.ended_ms))
    if not cut:
        return True
    known = {
        row.began_at: row
        for row in session.scalars(
            select(AgentStateSpan).where(
                AgentStateSpan.tenant_id == fact.tenant_id,
                AgentStateSpan.account_id == fact.account_id,
                AgentStateSpan.began_at >= from_ms(cut[0][0]),
                AgentStateSpan.began_at <= from_ms(cut[-1][0]),
            )
        )
    }
    for begin_ms, end_ms in cut:
        row = known.get(from_ms(begin_ms))
        if row is None:
            session.add(
                AgentStateSpan(
                    tenant_id=fact.tenant_id,
                    account_id=fact.account_id,
                    account_name=fit(fact.name, 100),
                    state=fit(fact.state, 32),
                    reason=fit(fact.reason, 64),
                    began_at=from_ms(begin_ms),
                    ended_at=from_ms(end_ms),
                )
            )
        else:
            row.ended_at = max(row.ended_at, from_ms(end_ms))
    session.flush()
    return True
