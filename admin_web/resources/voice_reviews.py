"""The operator's queue of voices: heard, approved, or refused with a reason (CTI-V2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for
from sqlalchemy import false, select

from admin_web.resource import (
    Action,
    BatchAction,
    Column,
    Field,
    Filter,
    Options,
    Resource,
    ToolbarLink,
    pairs,
)
from admin_web.resources.voices import SOURCES, ShownSound, clock, follow, shown_state, state_options
from core import audit
from core.database import TenantSession
from core.i18n import LazyText, lazy
from core.models import Tenant
from core.permissions import Permission, Principal
from ivr.voices import service
from ivr.voices.models import Voice, VoiceState

REASON = Field(
    name="reason",
    label=lazy("Reason"),
    kind="textarea",
    required=True,
    max_length=500,
    hint=lazy("The company reads it."),
)


def company_options(session: TenantSession) -> Options:
    """Return the companies."""
    rows = session.execute(
        select(Tenant.id, Tenant.name).where(Tenant.is_operator.is_(False)).order_by(Tenant.name)
    )
    return [(str(row_id), name) for row_id, name in rows]


def _extras(session: TenantSession, rows: Sequence[Voice]) -> Mapping[str, Any]:
    ids = {row.tenant_id for row in rows}
    return {"companies": pairs(session, select(Tenant.id, Tenant.name).where(Tenant.id.in_(ids)))}


def _approve(session: TenantSession, actor: Principal, row: Voice, values: dict[str, Any]) -> LazyText:
    service.approve(session, row, actor.account_id, values["seen"])
    audit.record(session, actor, "voices.approve", row)
    follow(session, row)
    return lazy("%(name)s is approved.", name=row.name)


def _refuse(session: TenantSession, actor: Principal, row: Voice, values: dict[str, Any]) -> LazyText:
    service.refuse(session, row, actor.account_id, values["reason"], values["seen"])
    audit.record(session, actor, "voices.refuse", row)
    follow(session, row)
    return lazy("%(name)s is refused; the company is told why.", name=row.name)


def _about_refusing(session: TenantSession, actor: Principal, row: Voice) -> list[str]:
    if row.state is VoiceState.APPROVED:
        return [str(lazy("It is approved now: flows that play it will say that it is not available."))]
    return []


REVIEWS = Resource(
    name="voice_reviews",
    path="/platform/voices",
    title=lazy("Voices to review"),
    singular=lazy("Voice"),
    lead=lazy("What companies want their callers to hear. Flows can use a voice once it is approved."),
    model=Voice,
    view=Permission.VOICES_REVIEW,
    all_tenants=True,
    query=lambda query: query.where(Voice.state == VoiceState.PENDING),
    seen=service.seen,
    empty=lazy("Nothing waits for a review."),
    columns=(
        Column(
            name="sound",
            label=lazy("Listen"),
            kind="sound",
            value=lambda row, _: ShownSound(
                href=url_for("voices.review_audio", voice_id=row.id),
                name=row.name,
                waiting=row.state is VoiceState.PENDING,
            ),
        ),
        Column(
            name="company",
            label=lazy("Company"),
            value=lambda row, extras: extras["companies"].get(row.tenant_id, ""),
        ),
        Column(name="name", label=lazy("Name")),
        Column(name="state", label=lazy("State"), value=lambda row, _: shown_state(row)),
        Column(name="length", label=lazy("Length"), kind="number", value=lambda row, _: clock(row)),
        Column(name="source", label=lazy("Source"), value=lambda row, _: str(SOURCES[row.source])),
        Column(name="updated_at", label=lazy("Sent in"), kind="time"),
    ),
    filters=(
        Filter(
            name="company",
            label=lazy("Company"),
            options=company_options,
            apply=lambda query, text: query.where(
                Voice.tenant_id == int(text)
                if text.isascii() and text.isdigit() and len(text) < 19
                else false()
            ),
        ),
        Filter(
            name="q",
            label=lazy("Name"),
            apply=lambda query, text: query.where(Voice.name.contains(text, autoescape=True)),
        ),
    ),
    extras=_extras,
    links=(
        ToolbarLink(
            label=lazy("All voices"),
            icon="list",
            endpoint="resources.all_voices",
            access=Permission.VOICES_REVIEW,
        ),
    ),
    actions=(
        Action(
            name="open",
            label=lazy("Open"),
            icon="eye",
            permission=Permission.VOICES_REVIEW,
            opens=lambda row: url_for("voices.review", voice_id=row.id),
        ),
        Action(
            name="approve",
            label=lazy("Approve"),
            icon="check",
            permission=Permission.VOICES_REVIEW,
            run_with=_approve,
            shown=lambda row: row.state is not VoiceState.APPROVED,
        ),
        Action(
            name="refuse",
            label=lazy("Refuse"),
            icon="x",
            permission=Permission.VOICES_REVIEW,
            run_with=_refuse,
            about=_about_refusing,
            fields=(REASON,),
            shown=lambda row: row.state is not VoiceState.REFUSED,
            danger=True,
        ),
    ),
    batch=(
        BatchAction(
            name="approve",
            label=lazy("Approve"),
            icon="check",
            permission=Permission.VOICES_REVIEW,
            run=_approve,
            about=lazy("Flows of the companies can use them at once."),
        ),
        BatchAction(
            name="refuse",
            label=lazy("Refuse"),
            icon="x",
            permission=Permission.VOICES_REVIEW,
            run=_refuse,
            about=lazy("The companies are told the reason."),
            fields=(REASON,),
            danger=True,
        ),
    ),
)

ALL_VOICES = dataclasses.replace(
    REVIEWS,
    name="all_voices",
    path="/platform/voices/all",
    title=lazy("All voices"),
    lead=lazy("Of all companies, with those approved and refused before."),
    query=lambda query: query,
    empty=lazy("No company has a voice yet."),
    filters=(
        *REVIEWS.filters,
        Filter(
            name="state",
            label=lazy("State"),
            options=state_options,
            apply=lambda query, text: query.where(
                Voice.state == VoiceState(text) if text in set(VoiceState) else false()
            ),
        ),
    ),
    links=(
        ToolbarLink(
            label=lazy("Voices to review"),
            icon="volume",
            endpoint="resources.voice_reviews",
            access=Permission.VOICES_REVIEW,
        ),
    ),
)
