"""A company's own words on the desk: reasons of breaks, dispositions."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from core.database import TenantSession
from cti.desk.models import BreakReason, BreakState, Disposition


def break_reasons(session: TenantSession) -> list[BreakReason]:
    """Return the reasons agents can choose, in their order."""
    query = select(BreakReason).where(BreakReason.active).order_by(BreakReason.position, BreakReason.id)
    return list(session.scalars(query))


def reason_fits(session: TenantSession, reason: str, state: str) -> bool:
    """Return whether `reason`, as an agent's state holds it, is one that can be chosen with `state`; none always is."""
    if not reason:
        return True
    if not (reason.isascii() and reason.isdigit() and len(reason) < 19) or state not in set(BreakState):
        return False
    query = select(BreakReason.id).where(
        BreakReason.id == int(reason), BreakReason.state == BreakState(state), BreakReason.active
    )
    return session.scalar(query) is not None


def reason_names(session: TenantSession, reasons: Iterable[str]) -> dict[str, str]:
    """Return the names of reasons as agents' states hold them, those no longer offered too."""
    ids = {int(each) for each in reasons if each.isascii() and each.isdigit() and len(each) < 19}
    if not ids:
        return {}
    rows = session.execute(select(BreakReason.id, BreakReason.name).where(BreakReason.id.in_(ids)))
    return {str(row[0]): row[1] for row in rows}


def dispositions(session: TenantSession) -> list[Disposition]:
    """Return the dispositions calls can get, in their order."""
    query = select(Disposition).where(Disposition.active).order_by(Disposition.position, Disposition.id)
    return list(session.scalars(query))
