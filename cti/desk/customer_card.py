"""The card of whoever calls: the same for the agent who talks with them and for a supervisor (SUP-10)."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, or_, select

from core import phone
from core.clock import from_ms, now_ms, to_ms
from core.i18n import current_language, gettext
from core.permissions import Permission, Principal
from core.tenancy import TenantSession
from core.views import visible_number
from crm.models import Customer
from cti.records.models import CallRecord, Direction
from cti.records.reach import limits_of
from ivr.region import region_of

RECENT: Final = 10
HISTORY: Final = datetime.timedelta(days=90)
"""How far back a caller's earlier calls are looked for."""


def customer_card(session: TenantSession, principal: Principal, number: str) -> dict[str, Any]:
    """Return the card of whoever has `number` (as carriers or people write it); unknown callers have one too."""
    stored = phone.from_switch(number).stored
    withheld = stored == phone.WITHHELD
    customer = None if withheld else session.scalar(select(Customer).where(Customer.phone == stored))
    region = region_of(stored)
    fields = []
    if customer is not None:
        named = ((gettext("Company"), customer.company), (gettext("Note"), customer.note))
        fields = [{"label": label, "value": value} for label, value in named if value]
    return {
        "known": customer is not None,
        "name": customer.name if customer else "",
        "number": visible_number(stored),
        "region": region.spoken(current_language()) if region else "",
        "level": "",
        "fields": fields,
        "recent": [] if withheld else _recent(session, principal, stored),
    }


def other_party(record: CallRecord) -> str:
    """Return the number of whoever is not the company: the caller, or whom an agent called."""
    return record.called if record.direction is Direction.OUT else record.caller


def past_calls(session: TenantSession, query: Select[Any], limit: int) -> list[dict[str, Any]]:
    newest_first = query.order_by(CallRecord.arrived_at.desc(), CallRecord.id.desc()).limit(limit)
    rows: Sequence[CallRecord] = session.scalars(newest_first).all()
    callers = {other_party(row) for row in rows}
    names = {}
    if callers:
        known = session.execute(select(Customer.phone, Customer.name).where(Customer.phone.in_(callers)))
        names = {row.phone: row.name for row in known}
    return [
        {
            "call_id": row.call_id,
            "direction": row.direction.value,
            "caller": visible_number(other_party(row)),
            "name": names.get(other_party(row), ""),
            "queue": row.queue_name,
            "at_ms": to_ms(row.arrived_at),
            "talk_s": row.talk_s,
            "outcome": gettext("Missed") if row.missed else gettext("Not connected"),
        }
        for row in rows
    ]


def _recent(session: TenantSession, principal: Principal, stored: str) -> list[dict[str, Any]]:
    since = from_ms(now_ms()) - HISTORY
    query = select(CallRecord).where(
        or_(CallRecord.caller == stored, CallRecord.called == stored), CallRecord.arrived_at >= since
    )
    if not principal.may(Permission.RECORDS_VIEW):
        query = query.where(CallRecord.agent_id == principal.account_id)
    elif (limits := limits_of(principal)) is not None:
        query = query.where(limits.has())
    return past_calls(session, query, RECENT)
