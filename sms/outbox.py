"""Handing short messages in for sending: each once, whatever is handed in again, and within limits.

What is refused is a row too, with its reason, so that whoever set a flow up sees why nothing arrived. The limits are
looked at and the row is written in one step that holds the company's row: parallel calls cannot exceed them together.
"""

from __future__ import annotations

import dataclasses
import datetime

from sqlalchemy import func, select

from core import sms
from core.clock import from_ms
from core.database import Database, TenantSession
from core.models import Tenant, TenantState
from cti.records.fitting import fit
from cti.records.sms_facts import SmsFact
from sms.models import SmsMessage, SmsSource, SmsState

COUNTED = (SmsState.WAITING, SmsState.HANDING_OVER, SmsState.HANDED_OVER, SmsState.UNKNOWN)
"""Messages that count for the limits: sent, going to be, or perhaps sent. Others use nothing up."""
DAY = datetime.timedelta(hours=24)
LATE = DAY
"""A message that comes here so long after it was asked for is not sent any more: it would only confuse."""
KEPT_TEXT = 2000
"""Characters kept of a text that is refused for its length."""

NO_TEXT = "no-text"
TOO_LONG = "text-too-long"
SUSPENDED = "company-suspended"
TOO_MANY_PER_CALL = "too-many-per-call"
TOO_MANY_A_DAY = "too-many-a-day"
TOO_LATE = "too-late"


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewSms:
    """A message to be sent."""

    key: str
    """What makes it one of a kind within the company."""
    number: str
    """Typed or stored."""
    text: str
    source: SmsSource
    asked_at: datetime.datetime
    call_id: str = ""
    flow_id: int = 0
    node: str = ""
    node_name: str = ""


def enqueue(session: TenantSession, new: NewSms, now: datetime.datetime) -> SmsMessage | None:
    """Write a message into the session's company's outbox; the caller commits. The same key again is the row there is,
    unchanged. None when there is no such company.
    """
    tenant = session.scalar(select(Tenant).where(Tenant.id == session.scope).with_for_update())
    if tenant is None:
        return None
    there = session.scalar(select(SmsMessage).where(SmsMessage.key == new.key))
    if there is not None:
        return there
    number = sms.reachable(new.number)
    text = sms.clean(new.text)
    reason = (
        number.value
        if isinstance(number, sms.Unreachable)
        else _refusal(session, tenant, new, number, text, now)
    )
    row = SmsMessage(
        key=new.key,
        mobile=fit(new.number, 32) if isinstance(number, sms.Unreachable) else number,
        text=text[:KEPT_TEXT],
        parts=sms.length(text[:KEPT_TEXT]).parts,
        source=new.source,
        call_id=new.call_id,
        flow_id=new.flow_id,
        node=fit(new.node, 64),
        node_name=fit(new.node_name, 100),
        state=SmsState.REFUSED if reason else SmsState.WAITING,
        reason=reason,
        asked_at=new.asked_at,
        queued_at=now,
        next_at=None if reason else now,
        ended_at=now if reason else None,
    )
    session.add(row)
    session.flush()
    return row


def _refusal(
    session: TenantSession, tenant: Tenant, new: NewSms, mobile: str, text: str, now: datetime.datetime
) -> str:
    """Return why the message is not sent, or nothing. The tenant's row is locked."""
    if tenant.state is not TenantState.ACTIVE:
        return SUSPENDED
    if not text:
        return NO_TEXT
    if len(text) > sms.MAX_CHARACTERS:
        return TOO_LONG
    if now - new.asked_at > LATE:
        return TOO_LATE
    sent = select(func.count()).select_from(SmsMessage).where(SmsMessage.state.in_(COUNTED))
    of_call = sent.where(SmsMessage.call_id == new.call_id)
    if new.call_id and (session.scalar(of_call) or 0) >= sms.MAX_PER_CALL:
        return TOO_MANY_PER_CALL
    to_number = sent.where(SmsMessage.mobile == mobile, SmsMessage.queued_at > now - DAY)
    return TOO_MANY_A_DAY if (session.scalar(to_number) or 0) >= sms.MAX_PER_NUMBER_A_DAY else ""


def take_from_call(database: Database, fact: SmsFact, now: datetime.datetime) -> bool:
    """Write what a call left for sending, in a transaction of its own; return whether its company is known.

    Raises what the database raises; nothing was written then.
    """
    new = NewSms(
        key=fact.key,
        number=fact.number,
        text=fact.text,
        source=SmsSource.FLOW,
        asked_at=from_ms(fact.at_ms),
        call_id=fact.call_id,
        flow_id=fact.flow_id,
        node=fact.node,
        node_name=fact.node_name,
    )
    with database.transaction(fact.tenant_id) as session:
        row = enqueue(session, new, now)
        session.commit()
    return row is not None
