"""What the desk shows beside a call: the caller's card, and the agent's own calls and figures of today."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import Any, Final

import redis as redis_py
from sqlalchemy import case, func, or_, select

from core import keys
from core.clock import from_ms, now_ms, to_ms
from core.errors import NotFound
from core.permissions import Permission, Principal
from core.tenancy import TenantSession
from cti.call import model
from cti.call.model import OfferResult
from cti.desk.customer_card import customer_card, other_party, past_calls
from cti.models import QueueMember
from cti.records.models import CallOffer, CallRecord, Direction
from cti.records.reach import limits_of

__all__ = ["customer_card", "number_of_call", "other_party", "today"]

TODAY_RECORDS: Final = 20


def number_of_call(session: TenantSession, redis: redis_py.Redis, principal: Principal, call_id: str) -> str:
    """Return the other party's number of a call that is up, has just ended or is long over, as it is stored.

    Pages that see numbers masked name the call instead. Raises ``NotFound`` unless the call is the account's, or it
    may see everybody's; and what Redis raises.
    """
    all_calls = principal.may(Permission.RECORDS_VIEW)
    raw: Any = redis.get(keys.call(principal.tenant_id, call_id))
    record = None if raw else session.scalar(select(CallRecord).where(CallRecord.call_id == call_id))
    if record is None:
        # A call that ended a moment ago has no record yet.
        raw = raw or redis.get(keys.ended_call(principal.tenant_id, call_id))
        if not raw:
            raise NotFound(kind="call", id=call_id)
        call = model.decode(raw)
        if offers_to(call, principal.account_id) or (all_calls and _within(session, principal, call)):
            return call.called if call.outbound else call.caller
        raise NotFound(kind="call", id=call_id)
    if _was_theirs(session, record, principal.account_id):
        return other_party(record)
    limits = limits_of(principal)
    within = select(CallRecord.id).where(CallRecord.id == record.id)
    seen = all_calls and (limits is None or session.scalar(within.where(limits.has())) is not None)
    if not seen:
        raise NotFound(kind="call", id=call_id)
    return other_party(record)


def _within(session: TenantSession, principal: Principal, call: model.Call) -> bool:
    """Return whether a call that is up is within the queues the account supervises (`cti.records.reach`)."""
    if call.queue_id or principal.queues is None:
        return principal.supervises((call.queue_id,))
    queues = select(QueueMember.queue_id).where(QueueMember.extension_id == call.extension_id)
    return principal.supervises(session.scalars(queues))


def offers_to(call: model.Call, account_id: int) -> list[model.Offer]:
    """Return the offers of a call that is up to an agent; whoever is asked about the customer has one too."""
    asked = call.consult.offer if call.consult is not None else None
    found = [*call.offers, asked] if asked is not None else call.offers
    return [offer for offer in found if offer.agent_id == account_id]


def _was_theirs(session: TenantSession, record: CallRecord, account_id: int) -> bool:
    offered = select(CallOffer.id).where(CallOffer.record_id == record.id, CallOffer.agent_id == account_id)
    return record.agent_id == account_id or session.scalar(offered.limit(1)) is not None


def today(session: TenantSession, principal: Principal) -> dict[str, Any]:
    """Return the agent's own figures since midnight in the tenant's zone, and their last calls (DSK-7, DSK-9)."""
    start = _midnight(principal.timezone)
    mine = (CallRecord.agent_id == principal.account_id, CallRecord.arrived_at >= start)
    talked = CallRecord.talk_at.is_not(None)
    # As the reports count: what a colleague dialled and handed over came, and was dialled once.
    came = or_(CallRecord.direction == Direction.IN, CallRecord.source_call_id != "")
    answered, out, talk_s = session.execute(
        select(
            func.coalesce(func.sum(case((talked & came, 1), else_=0)), 0),
            func.coalesce(func.sum(case((~came, 1), else_=0)), 0),
            func.coalesce(func.sum(CallRecord.talk_s), 0),
        ).where(*mine)
    ).one()
    conversations = session.scalar(select(func.count()).where(*mine, talked)) or 0
    missed = session.scalar(
        select(func.count())
        .select_from(CallOffer)
        .join(CallRecord, CallRecord.id == CallOffer.record_id)
        .where(
            CallOffer.agent_id == principal.account_id,
            CallOffer.offered_at >= start,
            CallRecord.arrived_at >= start,
            came,
            CallOffer.result.in_((OfferResult.NO_ANSWER, OfferResult.REJECTED)),
        )
    )
    query = select(CallRecord).where(*mine)
    return {
        "answered": int(answered),
        "out": int(out),
        "missed": missed or 0,
        "talk_s": int(talk_s),
        "average_s": round(int(talk_s) / conversations) if conversations else 0,
        "since_ms": to_ms(start),
        "records": past_calls(session, query, TODAY_RECORDS),
    }


def _midnight(timezone: str) -> datetime.datetime:
    zone = zoneinfo.ZoneInfo(timezone)
    local = from_ms(now_ms()).astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(datetime.UTC)
