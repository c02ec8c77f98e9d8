"""The transactional outbox: an event is written by the transaction whose change it tells of, or not at all.

Consumers say which kinds they want of which tenant (:func:`set_interest`); what nobody wants is not written, so that
nothing grows for nothing. What is written is handed over at least once, and removed a week later.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from core.models import Account
from core.outbox.kinds import EventKind
from core.outbox.models import OutboxEvent, OutboxInterest
from core.tables import utc_now
from core.tenancy import TenantSession

KEPT = datetime.timedelta(days=7)
"""How long events that everybody had stay, for redelivery."""


def say(
    session: TenantSession,
    kind: EventKind,
    body: Mapping[str, Any],
    key: str = "",
    tenant_id: int | None = None,
    at: datetime.datetime | None = None,
) -> bool:
    """Write an event in the caller's transaction, if a consumer wants its kind; return whether it was written.

    `body` is a JSON object; numbers in it are whole (who reads them is checked when they are sent). Saying the same
    `key` again writes nothing; without a key the event is one of a kind. `tenant_id` is needed when the session's
    scope is all tenants. Costs one look into an index when nobody wants it.
    """
    owner = tenant_id if tenant_id is not None else session.scope
    assert isinstance(owner, int), "an event needs a tenant"
    if not wanted(session, [owner], [kind]):
        return False
    key = key or f"{kind.value}:{uuid.uuid4()}"
    known = select(OutboxEvent.id).where(OutboxEvent.tenant_id == owner, OutboxEvent.key == key)
    if session.scalar(known) is not None:
        return False
    event = OutboxEvent(
        tenant_id=owner, key=key, kind=kind.value, body=msgspec.json.encode(body).decode(), at=at or utc_now()
    )
    session.flush()
    try:
        with session.begin_nested():
            session.add(event)
    except IntegrityError:  # another process said it in between
        return False
    return True


def wanted(
    session: TenantSession, tenant_ids: Collection[int], kinds: Collection[EventKind]
) -> set[tuple[int, EventKind]]:
    """Return which of `kinds` some consumer wants of which of `tenant_ids`; one query."""
    query = select(OutboxInterest.tenant_id, OutboxInterest.kind).where(
        OutboxInterest.kind.in_([kind.value for kind in kinds]), OutboxInterest.tenant_id.in_(tenant_ids)
    )
    return {(tenant_id, EventKind(kind)) for tenant_id, kind in session.execute(query)}


def set_interest(session: TenantSession, consumer: str, kinds: Iterable[EventKind]) -> None:
    """Make `kinds` what `consumer` wants of the session's tenant. The caller commits.

    Kinds that were wanted before keep their beginning. Concurrent callers take turns by the tenant's rows they lock
    themselves (the webhooks' service does).
    """
    given = {kind.value for kind in kinds}
    rows = session.scalars(select(OutboxInterest).where(OutboxInterest.consumer == consumer)).all()
    for row in rows:
        if row.kind not in given:
            session.delete(row)
    known = {row.kind for row in rows}
    session.add_all(OutboxInterest(consumer=consumer, kind=kind) for kind in sorted(given - known))
    session.flush()


def say_account(
    session: TenantSession, kind: EventKind, account: Account, changed: Iterable[str] = ()
) -> None:
    """Write an event about `account`, which has its id; `changed` names fields, never their values."""
    body = {
        "account_id": account.id,
        "code": account.code,
        "login": account.login,
        "name": account.name,
        "employee_number": account.employee_number,
        "group_id": account.group_id,
        "role_id": account.role_id,
        "enabled": account.enabled,
        "deleted": account.deleted_at is not None,
        "changed": sorted(set(changed)),
    }
    say(session, kind, body, tenant_id=account.tenant_id)
