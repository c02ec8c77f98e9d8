"""Queues and their members (CTI-Q1 to Q3, Q7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, or_, select

from admin_web.resource import Column, Filter, Resource
from admin_web.resources.extensions import check_pop_url
from admin_web.resources.leading import leading_to
from admin_web.resources.queue_fields import (
    FIELDS,
    check_overflows,
    extension_options,
    levels_as_text,
    levels_of_text,
    states_shown,
    states_stored,
)
from admin_web.resources.saving import drop, publish, store
from admin_web.shell import duration
from core import audit, keys
from core.clock import now_ms
from core.database import TenantSession
from core.documents import DestinationKind, DispatchRule
from core.errors import Conflict
from core.i18n import lazy
from core.permissions import Permission, Principal
from core.redis import RedisError
from core.views import parts
from cti.acd.dispatch import LEVELS
from cti.documents_of_rows import DEFAULT_LEVEL
from cti.models import Extension, PopTime, Queue, QueueMember


class QueueUsedError(Conflict):
    """Routes or flows lead to the queue (CTI-Q7)."""

    id = "queue-used"
    sentence = lazy("This queue cannot be deleted: %(users)s lead to it.")


NUMBERS_SHOWN = 5
"""Extensions of a queue the list names; of more it says how many there are."""


def _waiting(rows: Sequence[Queue]) -> dict[int, list[int]]:
    """Return when (ms) those who wait now entered each queue; nothing at all without Redis."""
    try:
        with parts().redis.pipeline(transaction=False) as pipe:
            for row in rows:
                pipe.zrange(keys.waiting(row.tenant_id, row.id), 0, -1)
                pipe.hgetall(keys.waiting_facts(row.tenant_id, row.id))
            found = pipe.execute()
    except RedisError:
        return {}
    return {
        row.id: [int(facts[call].partition(b":")[0]) for call in calls if call in facts]
        for row, calls, facts in zip(rows, found[::2], found[1::2], strict=True)
    }


def _members(session: TenantSession) -> dict[int, tuple[int, list[str]]]:
    """Return of each queue how many extensions it has, and the numbers of the first few."""
    place = func.row_number().over(partition_by=QueueMember.queue_id, order_by=Extension.number)
    count = func.count().over(partition_by=QueueMember.queue_id)
    all_of_them = (
        select(QueueMember.queue_id, Extension.number, place.label("place"), count.label("size"))
        .join(Extension, Extension.id == QueueMember.extension_id)
        .subquery()
    )
    first = select(all_of_them).where(all_of_them.c.place <= NUMBERS_SHOWN).order_by(all_of_them.c.place)
    found: dict[int, tuple[int, list[str]]] = {}
    for row in session.execute(first):
        found.setdefault(row.queue_id, (row.size, []))[1].append(row.number)
    return found


def _extras(session: TenantSession, rows: Sequence[Queue]) -> Mapping[str, Any]:
    return {"members": _members(session), "waiting": _waiting(rows), "now_ms": now_ms()}


def _extensions_in(row: Queue, extras: Mapping[str, Any]) -> str:
    count, numbers = extras["members"].get(row.id, (0, []))
    return ", ".join(numbers) + (f" … ({count})" if count > len(numbers) else "")


def _waiting_now(row: Queue, extras: Mapping[str, Any]) -> int | str:
    return len(extras["waiting"][row.id]) if row.id in extras["waiting"] else "?"


def _longest_now(row: Queue, extras: Mapping[str, Any]) -> str:
    entered = extras["waiting"].get(row.id)
    if not entered:
        return "" if entered is not None else "?"
    return duration((extras["now_ms"] - min(entered)) // 1000)


def _load(session: TenantSession, row: Queue) -> dict[str, Any]:
    names = [field.name for field in FIELDS if field.name not in ("members", "levels")]
    query = (
        select(QueueMember, Extension.number)
        .join(Extension, Extension.id == QueueMember.extension_id)
        .where(QueueMember.queue_id == row.id)
    )
    members = session.execute(query).all()
    return {
        **{name: getattr(row, name) for name in names},
        "members": [str(member.extension_id) for member, _ in members],
        "levels": levels_as_text({number: member.level for member, number in members}),
        "closed_states": states_shown(session, row),
        "rule": row.rule.value,
        "pop_on": row.pop_on.value if row.pop_on else "",
    }


def _save(session: TenantSession, actor: Principal, row: Queue | None, values: dict[str, Any]) -> Queue:
    members = {int(each) for each in values.pop("members", [])}
    numbers = {number: int(row_id) for row_id, number in extension_options(session) if int(row_id) in members}
    levels = levels_of_text(values.pop("levels", ""), numbers)
    check_overflows(session, row.id if row is not None else 0, values)
    check_pop_url(values.get("pop_url", ""))
    action = "queues.edit" if row is not None else "queues.create"
    row = row or Queue()
    store(session, actor, action, row, _columns(session, values))
    have = {
        member.extension_id: member
        for member in session.scalars(select(QueueMember).where(QueueMember.queue_id == row.id))
    }
    before = {extension_id: member.level for extension_id, member in have.items()}
    for extension_id in set(have) - members:
        session.delete(have.pop(extension_id))
    for extension_id in sorted(members):
        member = have.get(extension_id)
        if member is None:
            member = QueueMember(queue_id=row.id, extension_id=extension_id)
            session.add(member)
        member.level = levels.get(extension_id, DEFAULT_LEVEL)
    session.flush()
    after = {extension_id: levels.get(extension_id, DEFAULT_LEVEL) for extension_id in members}
    if before != after:
        audit.record(session, actor, "queues.members", row, {"members": [_told(before), _told(after)]})
    publish(session, row)
    return row


def _columns(session: TenantSession, values: dict[str, Any]) -> dict[str, Any]:
    """Return the form's values as the row has them."""
    return {
        **values,
        "rule": DispatchRule(values["rule"] or DispatchRule.LONGEST_IDLE),
        "music": values["music"] or "default",
        "skill_level": max(LEVELS[0], values["skill_level"]),
        **states_stored(session, values["closed_states"]),
        "announcement_voice_id": int(values["announcement_voice_id"] or 0),
        "pop_on": PopTime(values["pop_on"]) if values["pop_on"] else None,
    }


def _told(levels: dict[int, int]) -> list[str]:
    return [f"{extension_id}={level}" for extension_id, level in sorted(levels.items())]


def _delete(session: TenantSession, actor: Principal, row: Queue) -> None:
    users = leading_to(session, DestinationKind.QUEUE, row.id)
    if users:
        raise QueueUsedError(users=", ".join(users))
    drop(session, actor, "queues.delete", row)


QUEUES = Resource(
    name="queues",
    path="/queues",
    title=lazy("Queues"),
    singular=lazy("Queue"),
    lead=lazy("Callers wait here for an agent; each queue says who is offered the next call."),
    wide=True,
    model=Queue,
    view=Permission.QUEUES_VIEW,
    edit=Permission.QUEUES_EDIT,
    create=Permission.QUEUES_EDIT,
    remove=Permission.QUEUES_EDIT,
    empty=lazy("No queue yet. Make one with New and put extensions into it."),
    columns=(
        Column(name="code", label=lazy("Code")),
        Column(name="name", label=lazy("Name")),
        Column(
            name="members",
            label=lazy("Extensions"),
            value=_extensions_in,
        ),
        Column(name="waiting", label=lazy("Waiting now"), kind="number", value=_waiting_now),
        Column(name="longest", label=lazy("Longest wait now"), kind="number", value=_longest_now),
        Column(name="timeout_s", label=lazy("Queue time-out (s)"), kind="number"),
        Column(name="created_at", label=lazy("Created"), kind="time"),
    ),
    filters=(
        Filter(
            name="q",
            label=lazy("Code or name"),
            apply=lambda query, text: query.where(
                or_(Queue.code.contains(text, autoescape=True), Queue.name.contains(text, autoescape=True))
            ),
        ),
    ),
    extras=_extras,
    load=_load,
    save=_save,
    delete=_delete,
    fields=FIELDS,
)
