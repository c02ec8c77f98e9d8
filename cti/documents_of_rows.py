"""From the database's rows to the documents calls are served from (`core.documents`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.documents import (
    AccountDoc,
    AnyDocument,
    CalendarDoc,
    ExtensionDoc,
    FlowDoc,
    Overflow,
    OverflowKind,
    QueueDoc,
    RouteDoc,
    SpeechDoc,
    TenantDoc,
    TrunkDoc,
    VoiceDoc,
)
from core.models import Account, DocumentVersion, Tenant, TenantState
from cti.models import (
    CallerRule,
    CallerRuleKind,
    EndpointKind,
    Extension,
    ExtensionAccount,
    InboundRoute,
    Queue,
    QueueMember,
    SipEndpoint,
    TenantNumber,
    Trunk,
    TrunkKind,
)
from ivr import company_calendars
from ivr.models import Calendar, Flow, FlowVersion
from ivr.voices.models import SpeechService, Voice, VoiceState

Versions = dict[str, int]
Ids = Sequence[int] | None
"""Ids to build; None is all."""

DEFAULT_LEVEL = 5
"""Skill level of a member nobody gave another."""
CHUNK = 500
"""Ids named in one query."""


def field_of_row(row: Any) -> str:
    """Return the document a row is part of: its own, or its queue's, extension's, tenant's, flow's."""
    match row:
        case Tenant():
            return f"tenant:{row.id}"
        case CallerRule() | TenantNumber():
            return f"tenant:{row.tenant_id}"
        case Trunk():
            return f"trunk:{row.id}"
        case InboundRoute():
            return f"route:{row.id}"
        case Queue():
            return f"queue:{row.id}"
        case QueueMember():
            return f"queue:{row.queue_id}"
        case Extension():
            return f"extension:{row.id}"
        case ExtensionAccount() | SipEndpoint():
            return f"extension:{row.extension_id}"
        case Account():
            return f"account:{row.id}"
        case Flow():
            return f"flow:{row.id}"
        case FlowVersion():
            return f"flow:{row.flow_id}"
        case Calendar():
            return f"calendar:{row.id}"
        case Voice():
            return f"voice:{row.id}"
        case SpeechService():
            return f"speech:{row.id}"
    raise TypeError(f"{type(row).__name__} is part of no document")


def build(session: Session, fields: Iterable[str] | None = None) -> dict[str, AnyDocument]:
    """Return the documents named by `fields` (None: all), those that have rows, by field.

    The session's scope is all tenants. Versions are read before the rows: a document may be newer than its
    version says, never older.
    """
    wanted: dict[str, list[int]] | None = None
    if fields is not None:
        wanted = defaultdict(list)
        for field in fields:
            kind, _, number = field.partition(":")
            wanted[kind].append(int(number))
    versions = {row.field: row.version for row in session.scalars(select(DocumentVersion))}
    documents: dict[str, AnyDocument] = {}
    for kind, builder in _BUILDERS.items():
        if wanted is None:
            documents.update(builder(session, None, versions))
        for ids in _chunks((wanted or {}).get(kind, [])):
            documents.update(builder(session, ids, versions))
    return documents


def _chunks(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def _rows(session: Session, model: Any, column: Any, ids: Ids) -> Sequence[Any]:
    statement = select(model).order_by(model.id)
    return session.scalars(statement if ids is None else statement.where(column.in_(ids))).all()


def _tenants(session: Session, ids: Ids, versions: Versions) -> dict[str, AnyDocument]:
    rules: dict[int, list[CallerRule]] = defaultdict(list)
    for rule in _rows(session, CallerRule, CallerRule.tenant_id, ids):
        rules[rule.tenant_id].append(rule)
    shown: dict[int, dict[str, int]] = defaultdict(dict)
    for number in _rows(session, TenantNumber, TenantNumber.tenant_id, ids):
        if number.caller_id:
            shown[number.tenant_id][number.number] = number.trunk_id or 0
    return {
        f"tenant:{row.id}": TenantDoc(
            id=row.id,
            tenant_id=row.id,
            version=versions.get(f"tenant:{row.id}", 1),
            code=row.code,
            name=row.name,
            active=row.state is TenantState.ACTIVE,
            language=row.language,
            timezone=row.timezone,
            blocked_callers=tuple(
                each.pattern for each in rules[row.id] if each.kind is CallerRuleKind.BLOCK
            ),
            vip_callers={
                each.pattern: each.priority for each in rules[row.id] if each.kind is CallerRuleKind.VIP
            },
            max_calls=row.max_calls,
            calls_per_second=row.calls_per_second,
            caller_ids=shown[row.id],
            outbound_trunk_id=row.outbound_trunk_id or 0,
            outbound_countries=tuple(code for code in row.outbound_countries.split(",") if code),
            premium_allowed=row.premium_allowed,
        )
        for row in _rows(session, Tenant, Tenant.id, ids)
    }


def _routes(session: Session, ids: Ids, versions: Versions) -> dict[str, AnyDocument]:
    return {
        f"route:{row.id}": RouteDoc(
            id=row.id,
            tenant_id=row.tenant_id,
            version=versions.get(f"route:{row.id}", 1),
            code=row.code,
            number=row.number or "",
            trunk_address=row.trunk_address or "",
            enabled=row.enabled,
            concurrency=row.concurrency,
            refusal_cause=row.refusal_cause,
            destination=row.destination,
            destination_id=row.destination_id,
            priority=row.priority,
        )
        for row in _rows(session, InboundRoute, InboundRoute.id, ids)
    }


def _queues(session: Session, ids: Ids, versions: Versions) -> dict[str, AnyDocument]:
    members: dict[int, dict[int, int]] = defaultdict(dict)
    for member in _rows(session, QueueMember, QueueMember.queue_id, ids):
        members[member.queue_id][member.extension_id] = member.level
    return {
        f"queue:{row.id}": QueueDoc(
            id=row.id,
            tenant_id=row.tenant_id,
            version=versions.get(f"queue:{row.id}", 1),
            code=row.code,
            name=row.name,
            max_waiting=row.max_waiting,
            music=row.music,
            timeout_s=row.timeout_s,
            ring_timeout_s=row.ring_timeout_s,
            wrap_up_s=row.wrap_up_s,
            auto_answer=row.auto_answer,
            record=row.record,
            service_level_s=row.service_level_s,
            extension_ids=tuple(sorted(members[row.id])),
            levels={key: level for key, level in members[row.id].items() if level != DEFAULT_LEVEL},
            rule=row.rule,
            last_agent_first=row.last_agent_first,
            skill_level=row.skill_level,
            skill_step_s=row.skill_step_s,
            closed_states=tuple(each for each in row.closed_states.split(",") if each),
            open_reasons=tuple(each for each in row.open_reasons.split(",") if each),
            announcement=row.announcement,
            announcement_voice_id=row.announcement_voice_id,
            announce_every_s=row.announce_every_s,
            announce_position=row.announce_position,
            announce_wait=row.announce_wait,
            overflow_full=overflow_of(row.overflow_full),
            overflow_timeout=overflow_of(row.overflow_timeout),
            overflow_nobody=overflow_of(row.overflow_nobody),
            callback_key=row.callback_key,
            announce_agent=row.announce_agent,
            missed_limit=row.missed_limit,
        )
        for row in _rows(session, Queue, Queue.id, ids)
    }


def overflow_of(text: str) -> Overflow:
    """Return the way out a queue's column names."""
    kind, _, target = text.partition(":")
    return Overflow(kind=OverflowKind(kind), id=int(target or 0))


def _extensions(session: Session, ids: Ids, versions: Versions) -> dict[str, AnyDocument]:
    users: dict[int, dict[EndpointKind, str]] = defaultdict(dict)
    for endpoint in _rows(session, SipEndpoint, SipEndpoint.extension_id, ids):
        users[endpoint.extension_id][endpoint.kind] = endpoint.user
    accounts: dict[int, list[int]] = defaultdict(list)
    for link in _rows(session, ExtensionAccount, ExtensionAccount.extension_id, ids):
        accounts[link.extension_id].append(link.account_id)
    return {
        f"extension:{row.id}": ExtensionDoc(
            id=row.id,
            tenant_id=row.tenant_id,
            version=versions.get(f"extension:{row.id}", 1),
            number=row.number,
            web_user=users[row.id].get(EndpointKind.WEB, ""),
            sip_user=users[row.id].get(EndpointKind.SIP, ""),
            bound_number=row.bound_number,
            forward_when_offline=row.forward_when_offline,
            press_to_take=row.press_to_take,
            caller_id=row.caller_id,
            outbound_allowed=row.outbound_allowed,
            account_ids=tuple(sorted(accounts[row.id])),
            pop_on=row.pop_on.value,
        )
        for row in _rows(session, Extension, Extension.id, ids)
    }


def _accounts(session: Session, ids: Ids, versions: Versions) -> dict[str, AnyDocument]:
    return {
        f"account:{row.id}": AccountDoc(
            id=row.id,
            tenant_id=row.tenant_id,
            version=versions.get(f"account:{row.id}", 1),
            login=row.login,
            name=row.name,
            employee_number=row.employee_number,
            enabled=row.enabled and row.deleted_at is None,
        )
        for row in _rows(session, Account, Account.id, ids)
    }


def _trunks(session: Session, ids: Ids, versions: Versions) -> dict[str, AnyDocument]:
    return {
        f"trunk:{row.id}": TrunkDoc(
            id=row.id,
            tenant_id=0,
            version=versions.get(f"trunk:{row.id}", 1),
            code=row.code,
            register=row.kind is TrunkKind.REGISTRATION,
            host=row.host,
            port=row.port,
            transport=row.transport,
            networks=tuple(each for each in row.networks.split(",") if each),
            username=row.username,
            password_encrypted=row.password_encrypted,
            realm=row.realm,
            expires_s=row.expires_s,
            codecs=tuple(each for each in row.codecs.split(",") if each),
            number_format=row.number_format.value,
            prefix=row.prefix,
            concurrency=row.concurrency,
            calls_per_second=row.calls_per_second,
            enabled=row.enabled,
        )
        for row in _rows(session, Trunk, Trunk.id, ids)
    }


def _flows(session: Session, ids: Ids, versions: Versions) -> dict[str, AnyDocument]:
    """Published flows; `versions` plays no part, the flow's published version is the document's."""
    statement = select(Flow, FlowVersion).join(
        FlowVersion, (FlowVersion.flow_id == Flow.id) & (FlowVersion.version == Flow.published_version)
    )
    if ids is not None:
        statement = statement.where(Flow.id.in_(ids))
    return {
        f"flow:{flow.id}": FlowDoc(
            id=flow.id,
            tenant_id=flow.tenant_id,
            version=flow.published_version,
            name=flow.name,
            body=msgspec.Raw(version.body.encode()),
        )
        for flow, version in session.execute(statement)
    }


def _voices(session: Session, ids: Ids, versions: Versions) -> dict[str, AnyDocument]:
    """Approved voices; the others may not be played."""
    return {
        f"voice:{row.id}": VoiceDoc(
            id=row.id,
            tenant_id=row.tenant_id,
            version=versions.get(f"voice:{row.id}", 1),
            name=row.name,
            file_key=row.file_key,
            digest=row.digest,
            seconds=row.length_ms / 1000,
        )
        for row in _rows(session, Voice, Voice.id, ids)
        if row.state is VoiceState.APPROVED
    }


def _calendars(session: Session, ids: Ids, versions: Versions) -> dict[str, AnyDocument]:
    return {
        f"calendar:{row.id}": CalendarDoc(
            id=row.id,
            tenant_id=row.tenant_id,
            version=versions.get(f"calendar:{row.id}", 1),
            name=row.name,
            china=row.china,
            days=company_calendars.as_map(company_calendars.decode_days(row.days)),
        )
        for row in _rows(session, Calendar, Calendar.id, ids)
    }


def _speech(session: Session, ids: Ids, versions: Versions) -> dict[str, AnyDocument]:
    """The speech service, when it is in use."""
    return {
        f"speech:{row.id}": SpeechDoc(
            id=row.id,
            tenant_id=0,
            version=versions.get(f"speech:{row.id}", 1),
            shape=row.shape.value,
            url=row.url,
            key_encrypted=row.key_encrypted,
            model=row.model,
            voice_zh=row.voice_zh,
            voice_en=row.voice_en,
            method=row.method,
            headers=row.headers,
            body=row.body,
            timeout_s=row.timeout_s,
        )
        for row in _rows(session, SpeechService, SpeechService.id, ids)
        if row.enabled
    }


_BUILDERS: dict[str, Callable[[Session, Ids, Versions], dict[str, AnyDocument]]] = {
    "tenant": _tenants,
    "route": _routes,
    "queue": _queues,
    "extension": _extensions,
    "account": _accounts,
    "trunk": _trunks,
    "flow": _flows,
    "voice": _voices,
    "speech": _speech,
    "calendar": _calendars,
}
