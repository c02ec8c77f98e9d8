"""What the desk shows beside a call: the caller's card, and the agent's own calls and figures of today."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, func, or_, select

from core import phone
from core.clock import from_ms, now_ms, to_ms
from core.i18n import gettext
from core.permissions import Permission, Principal
from core.tenancy import TenantSession
from crm.models import Customer
from cti.call.model import OfferResult
from cti.records.models import CallOffer, CallRecord

RECENT: Final = 10
TODAY_RECORDS: Final = 20
HISTORY: Final = datetime.timedelta(days=90)
"""How far back a caller's earlier calls are looked for."""


def customer_card(session: TenantSession, principal: Principal, number: str) -> dict[str, Any]:
    """Return the card of whoever has `number` (as carriers or people write it); unknown callers have one too."""
    stored = phone.from_switch(number).stored
    withheld = stored == phone.WITHHELD
    customer = None if withheld else session.scalar(select(Customer).where(Customer.phone == stored))
    fields = []
    if customer is not None:
        named = ((gettext("Company"), customer.company), (gettext("Note"), customer.note))
        fields = [{"label": label, "value": value} for label, value in named if value]
    return {
        "known": customer is not None,
        "name": customer.name if customer else "",
        "number": stored,
        "region": "",
        "level": "",
        "fields": fields,
        "recent": [] if withheld else _recent(session, principal, stored),
    }


def today(session: TenantSession, principal: Principal) -> dict[str, Any]:
    """Return the agent's own figures since midnight in the tenant's zone, and their last calls (DSK-7, DSK-9)."""
    start = _midnight(principal.timezone)
    mine = (CallRecord.agent_id == principal.account_id, CallRecord.arrived_at >= start)
    answered, talk_s = session.execute(
        select(func.count(), func.coalesce(func.sum(CallRecord.talk_s), 0)).where(*mine)
    ).one()
    missed = session.scalar(
        select(func.count())
        .select_from(CallOffer)
        .where(
            CallOffer.agent_id == principal.account_id,
            CallOffer.offered_at >= start,
            CallOffer.result.in_((OfferResult.NO_ANSWER, OfferResult.REJECTED)),
        )
    )
    query = select(CallRecord).where(*mine)
    return {
        "answered": answered,
        "missed": missed or 0,
        "talk_s": int(talk_s),
        "records": _past_calls(session, query, TODAY_RECORDS),
    }


def _recent(session: TenantSession, principal: Principal, stored: str) -> list[dict[str, Any]]:
    since = from_ms(now_ms()) - HISTORY
    query = select(CallRecord).where(
        or_(CallRecord.caller == stored, CallRecord.called == stored), CallRecord.arrived_at >= since
    )
    if not principal.may(Permission.RECORDS_VIEW):
        query = query.where(CallRecord.agent_id == principal.account_id)
    return _past_calls(session, query, RECENT)


def _past_calls(session: TenantSession, query: Select[Any], limit: int) -> list[dict[str, Any]]:
    newest_first = query.order_by(CallRecord.arrived_at.desc(), CallRecord.id.desc()).limit(limit)
    rows: Sequence[CallRecord] = session.scalars(newest_first).all()
    callers = {row.caller for row in rows}
    names = {}
    if callers:
        known = session.execute(select(Customer.phone, Customer.name).where(Customer.phone.in_(callers)))
        names = {row.phone: row.name for row in known}
    return [
        {
            "call_id": row.call_id,
            "caller": row.caller,
            "name": names.get(row.caller, ""),
            "queue": row.queue_name,
            "at_ms": to_ms(row.arrived_at),
            "talk_s": row.talk_s,
            "outcome": gettext("Missed") if row.missed else gettext("Not connected"),
        }
        for row in rows
    ]


def _midnight(timezone: str) -> datetime.datetime:
    zone = zoneinfo.ZoneInfo(timezone)
    local = from_ms(now_ms()).astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(datetime.UTC)
