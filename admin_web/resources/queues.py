"""Queues and their members (CTI-Q1 to Q3, Q7; the first-call subset of the settings)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, or_, select

from admin_web.resource import Column, Field, Filter, Options, Resource, pairs
from admin_web.resources.saving import drop, publish, store
from core import keys
from core.database import TenantSession
from core.documents import DestinationKind
from core.errors import Conflict
from core.i18n import lazy
from core.permissions import Permission, Principal
from core.redis import RedisError
from core.views import parts
from cti.models import Extension, InboundRoute, Queue, QueueMember
from ivr import model as flow_model
from ivr.models import Flow, FlowVersion


class QueueUsedError(Conflict):
    """Routes or flows lead to the queue (CTI-Q7)."""

    id = "queue-used"
    sentence = lazy("This queue cannot be deleted: %(users)s lead to it.")


def extension_options(session: TenantSession) -> Options:
    """Return the extensions that can be members."""
    return [
        (str(row_id), number)
        for row_id, number in session.execute(
            select(Extension.id, Extension.number).order_by(Extension.number)
        )
    ]


def _waiting(rows: Sequence[Queue]) -> dict[int, int]:
    try:
        with parts().redis.pipeline(transaction=False) as pipe:
            for row in rows:
                pipe.zcard(keys.waiting(row.tenant_id, row.id))
            return dict(zip((row.id for row in rows), pipe.execute(), strict=True))
    except RedisError:
        return {}


def _extras(session: TenantSession, rows: Sequence[Queue]) -> Mapping[str, Any]:
    counts = select(QueueMember.queue_id, func.count()).group_by(QueueMember.queue_id)
    return {"members": pairs(session, counts), "waiting": _waiting(rows)}


def _load(session: TenantSession, row: Queue) -> dict[str, Any]:
    names = [field.name for field in FIELDS if field.name != "members"]
    members = session.scalars(select(QueueMember.extension_id).where(QueueMember.queue_id == row.id))
    return {**{name: getattr(row, name) for name in names}, "members": [str(each) for each in members]}


def _save(session: TenantSession, actor: Principal, row: Queue | None, values: dict[str, Any]) -> Queue:
    members = {int(each) for each in values.pop("members", [])}
    action = "queues.edit" if row is not None else "queues.create"
    row = row or Queue()
    store(session, actor, action, row, values)
    have = {
        member.extension_id: member
        for member in session.scalars(select(QueueMember).where(QueueMember.queue_id == row.id))
    }
    for extension_id in set(have) - members:
        session.delete(have[extension_id])
    session.add_all(QueueMember(queue_id=row.id, extension_id=each) for each in sorted(members - set(have)))
    session.flush()
    publish(session, row)
    return row


def users_of(session: TenantSession, queue_id: int) -> list[str]:
    """Return the codes of routes and the names of flows that lead to the queue."""
    routes = select(InboundRoute.code).where(
        InboundRoute.destination == DestinationKind.QUEUE, InboundRoute.destination_id == queue_id
    )
    found = list(session.scalars(routes))
    versions = select(Flow.name, FlowVersion.body).join(Flow, Flow.id == FlowVersion.flow_id)
    published = versions.where(Flow.published_version == FlowVersion.version)
    for name, body in session.execute(published):
        if any(_leads_to(node, queue_id) for node in flow_model.decode(body).nodes):
            found.append(name)
    return found


def _leads_to(node: Any, queue_id: int) -> bool:
    return getattr(node, "to", None) == "queue" and getattr(node, "target_id", 0) == queue_id


def _delete(session: TenantSession, actor: Principal, row: Queue) -> None:
    users = users_of(session, row.id)
    if users:
        raise QueueUsedError(users=", ".join(users))
    drop(session, actor, "queues.delete", row)


FIELDS = (
    Field(name="code", label=lazy("Code"), required=True, max_length=64, creating_only=True),
    Field(name="name", label=lazy("Name"), required=True, max_length=100),
    Field(
        name="members", label=lazy("Extensions in it"), kind="choices", options=extension_options, default=[]
    ),
    Field(
        name="max_waiting",
        label=lazy("Callers waiting at most"),
        kind="number",
        required=True,
        maximum=999,
        default=100,
        hint=lazy("0: nobody waits."),
    ),
    Field(
        name="timeout_s",
        label=lazy("Longest wait (seconds)"),
        kind="number",
        required=True,
        minimum=1,
        maximum=999,
        default=60,
    ),
    Field(
        name="ring_timeout_s",
        label=lazy("An agent rings for (seconds)"),
        kind="number",
        required=True,
        minimum=1,
        maximum=999,
        default=60,
    ),
    Field(
        name="wrap_up_s", label=lazy("Wrap-up after a call (seconds)"), kind="number", maximum=999, default=0
    ),
    Field(
        name="service_level_s",
        label=lazy("Service level (seconds)"),
        kind="number",
        minimum=1,
        maximum=999,
        default=20,
        required=True,
    ),
    Field(
        name="auto_answer",
        label=lazy("The web phone answers without ringing"),
        kind="checkbox",
        default=False,
    ),
    Field(name="record", label=lazy("Record the part with the agent"), kind="checkbox", default=True),
)

QUEUES = Resource(
    name="queues",
    path="/queues",
    title=lazy("Queues"),
    singular=lazy("Queue"),
    lead=lazy("Callers wait here for an agent; whoever has been idle longest is offered the next call."),
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
            kind="number",
            value=lambda row, extras: extras["members"].get(row.id, 0),
        ),
        Column(
            name="waiting",
            label=lazy("Waiting now"),
            kind="number",
            value=lambda row, extras: extras["waiting"].get(row.id, "?"),
        ),
        Column(name="timeout_s", label=lazy("Longest wait (s)"), kind="number"),
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
