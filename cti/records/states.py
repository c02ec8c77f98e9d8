"""Time of agents in their states: the controller leaves each ended span as a file, the shipper writes it (CTI-C9).

A span is cut at every quarter of an hour (UTC), so that each piece lies in one interval of every report. A piece is
one row by account and beginning: delivered again it changes nothing, and a longer one, left by a controller that died
before it had noted the new state, takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from core.clock import from_ms
from core.database import TenantSession
from core.models import Tenant
from cti.records.fitting import fit
from cti.records.models import AgentStateSpan
from cti.records.state_facts import StateFact

QUARTER_MS = 900_000
LONGEST_MS = 40 * 86_400_000
"""Of a longer span, which a clock that jumped made, only the last piece of this length is kept."""


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
