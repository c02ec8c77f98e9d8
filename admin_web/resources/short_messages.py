"""Short messages of a company's calls, and what became of them (CTI-I13). Read only."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for
from sqlalchemy import Select, select

from admin_web.number_search import number_matches
from admin_web.requests import timezone
from admin_web.resource import Action, Column, Filter, Options, Resource, Tag, refuse
from core.database import TenantSession
from core.i18n import lazy
from core.number_masking import masked_text
from core.permissions import Permission
from core.views import sees_full_numbers
from ivr.models import Flow
from sms.models import SmsMessage, SmsState
from sms.words import STATES, reason_words, state_word

COLOURS: Mapping[SmsState, str] = {
    SmsState.WAITING: "blue",
    SmsState.HANDING_OVER: "blue",
    SmsState.HANDED_OVER: "green",
    SmsState.NOT_SENT: "amber",
    SmsState.REFUSED: "red",
    SmsState.FAILED: "red",
    SmsState.UNKNOWN: "amber",
}


def flow_names(session: TenantSession, rows: Sequence[SmsMessage]) -> dict[int, str]:
    """Return what the flows of `rows` are called now, by id."""
    wanted = {row.flow_id for row in rows}
    return {row[0]: row[1] for row in session.execute(select(Flow.id, Flow.name).where(Flow.id.in_(wanted)))}


def shown_text(row: SmsMessage) -> str:
    """Return the text; whoever may not see numbers in full sees those in it masked too."""
    return row.text if sees_full_numbers() else masked_text(row.text)


def asked_in(row: SmsMessage, flows: Mapping[int, str]) -> str:
    """Return flow and node that asked for it."""
    return " · ".join(part for part in (flows.get(row.flow_id, ""), row.node_name or row.node) if part)


def state_options(session: TenantSession) -> Options:
    """Return the states there are."""
    return [(state.value, str(text)) for state, text in STATES.items()]


def flow_options(session: TenantSession) -> Options:
    """Return the company's flows."""
    rows = session.execute(select(Flow.id, Flow.name).order_by(Flow.name, Flow.id))
    return [(str(row[0]), row[1]) for row in rows]


def _day(field: str, text: str) -> datetime.datetime:
    """Return the beginning of a day of the reader's zone. Raises ``FieldError``."""
    try:
        return datetime.datetime.combine(
            datetime.date.fromisoformat(text), datetime.time(), ZoneInfo(timezone())
        )
    except (ValueError, OverflowError):
        raise refuse(field, lazy("Enter a day as 2026-01-31.")) from None


def _since(session: TenantSession, query: Select[Any], text: str) -> Select[Any]:
    return query.where(SmsMessage.asked_at >= _day("since", text))


def _until(session: TenantSession, query: Select[Any], text: str) -> Select[Any]:
    """Narrow to what was asked for up to the end of the day."""
    return query.where(SmsMessage.asked_at < _day("until", text) + datetime.timedelta(days=1))


def _of_flow(query: Select[Any], text: str) -> Select[Any]:
    return query.where(SmsMessage.flow_id == (int(text) if text.isascii() and text.isdigit() else 0))


SHORT_MESSAGES = Resource(
    name="short_messages",
    path="/short-messages",
    title=lazy("Short messages"),
    lead=lazy("What IVR flows had sent to callers, and what became of it."),
    model=SmsMessage,
    view=Permission.SMS_VIEW,
    empty=lazy("No short message was asked for yet. Flows do it with a “Send SMS” node."),
    extras=lambda session, rows: {"flows": flow_names(session, rows)},
    columns=(
        Column(name="asked_at", label=lazy("Time"), kind="time"),
        Column(name="mobile", label=lazy("Number"), kind="phone"),
        Column(name="text", label=lazy("Text of the message"), value=lambda row, _: shown_text(row)),
        Column(name="parts", label=lazy("Parts"), kind="number"),
        Column(
            name="node", label=lazy("Asked for in"), value=lambda row, extras: asked_in(row, extras["flows"])
        ),
        Column(
            name="state",
            label=lazy("State"),
            kind="short",
            value=lambda row, _: Tag(text=state_word(row.state), colour=COLOURS[row.state]),
        ),
        Column(name="reason", label=lazy("Reason"), value=lambda row, _: reason_words(row.reason)),
    ),
    filters=(
        Filter(
            name="number",
            label=lazy("Number"),
            apply=lambda query, text: query.where(number_matches(SmsMessage.mobile, text)),
        ),
        Filter(
            name="state",
            label=lazy("State"),
            options=state_options,
            apply=lambda query, text: query.where(SmsMessage.state.in_([s for s in SmsState if s == text])),
        ),
        Filter(name="flow_id", label=lazy("Flow"), options=flow_options, apply=_of_flow),
        Filter(name="since", label=lazy("From"), kind="date", narrow=_since),
        Filter(name="until", label=lazy("To"), kind="date", narrow=_until),
    ),
    actions=(
        Action(
            name="call",
            label=lazy("Open"),
            icon="phone-call",
            permission=Permission.RECORDS_VIEW,
            leads=lambda row: url_for("records.page", call_id=row.call_id),
            shown=lambda row: bool(row.call_id),
        ),
    ),
)
