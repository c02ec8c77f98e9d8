"""Queues of the programming interface (CTI-Q1 to Q3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from sqlalchemy import select

from admin_web.api.errors import ChangedMeanwhileError, InvalidRequestError
from admin_web.api.extensions import extension_of
from admin_web.api.paging import rows_by_id
from admin_web.api.problems import FieldProblem, field_reason
from admin_web.api.schemas import Id, Page, PageQuery, PersonName
from admin_web.api.scopes import ApiScope
from admin_web.api.view import Answer, ApiView, Operation, etag_of, require_match
from admin_web.api.words import N_
from admin_web.resource import pairs
from admin_web.resources.queue_fields import levels_as_text
from admin_web.resources.queues import QUEUES
from core.database import TenantSession
from core.errors import NotFound
from core.i18n import lazy
from core.views import current_principal, session
from cti.models import Extension, Queue, QueueMember

Members = Annotated[
    list[Id], Meta(max_length=2000, description=N_("Extensions that take its calls"), examples=[[3, 4]])
]
MaxWaiting = Annotated[
    int, Meta(ge=0, le=999, description=N_("Callers waiting at most; 0: nobody waits"), examples=[100])
]
Wait = Annotated[int, Meta(ge=1, le=999, description=N_("Longest wait, in seconds"), examples=[60])]
Ring = Annotated[int, Meta(ge=1, le=999, description=N_("An agent rings for, in seconds"), examples=[25])]
WrapUp = Annotated[int, Meta(ge=0, le=999, description=N_("Wrap-up after a call, in seconds"), examples=[10])]
ServiceLevel = Annotated[int, Meta(ge=1, le=999, description=N_("Service level, in seconds"), examples=[20])]
AutoAnswer = Annotated[bool, Meta(description=N_("The web phone answers without ringing"), examples=[False])]
Record = Annotated[bool, Meta(description=N_("Record the part with the agent"), examples=[True])]

SETTINGS = (
    "name",
    "max_waiting",
    "timeout_s",
    "ring_timeout_s",
    "wrap_up_s",
    "service_level_s",
    "auto_answer",
    "record",
)


class QueueOut(Struct, frozen=True, kw_only=True):
    """A queue."""

    id: Id
    code: Annotated[str, Meta(description=N_("Code; never changes"), examples=["sales"])]
    name: PersonName
    members: Members
    max_waiting: MaxWaiting
    timeout_s: Wait
    ring_timeout_s: Ring
    wrap_up_s: WrapUp
    service_level_s: ServiceLevel
    auto_answer: AutoAnswer
    record: Record


class QueueChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays. ``members`` replaces them all."""

    name: PersonName | UnsetType = UNSET
    members: Members | UnsetType = UNSET
    max_waiting: MaxWaiting | UnsetType = UNSET
    timeout_s: Wait | UnsetType = UNSET
    ring_timeout_s: Ring | UnsetType = UNSET
    wrap_up_s: WrapUp | UnsetType = UNSET
    service_level_s: ServiceLevel | UnsetType = UNSET
    auto_answer: AutoAnswer | UnsetType = UNSET
    record: Record | UnsetType = UNSET


def queue_of(db: TenantSession, queue_id: int, *, lock: bool = False) -> Queue:
    """Return the queue in the session's scope. Raises ``NotFound``."""
    query = select(Queue).where(Queue.id == queue_id)
    row = db.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound(kind="queue", id=queue_id)
    return row


def _out(db: TenantSession, rows: Sequence[Queue]) -> list[QueueOut]:
    query = select(QueueMember.queue_id, QueueMember.extension_id).where(
        QueueMember.queue_id.in_([row.id for row in rows])
    )
    members: dict[int, list[int]] = {}
    for queue_id, extension_id in db.execute(query.order_by(QueueMember.extension_id)):
        members.setdefault(queue_id, []).append(extension_id)
    return [
        QueueOut(
            id=row.id,
            code=row.code,
            members=members.get(row.id, []),
            **{name: getattr(row, name) for name in SETTINGS},
        )
        for row in rows
    ]


def _answer(db: TenantSession, row: Queue) -> Answer:
    found = _out(db, [row])[0]
    return Answer(value=found, etag=etag_of(found))


def _save(db: TenantSession, row: Queue, before: QueueOut, change: QueueChange) -> Answer:
    values = {name: value for name in SETTINGS if (value := getattr(change, name)) is not UNSET}
    if "name" in values:
        values["name"] = values["name"].strip()
    members = before.members if change.members is UNSET else list(dict.fromkeys(change.members))
    assert QUEUES.save is not None
    assert QUEUES.load is not None
    kept = {
        **QUEUES.load(db, row),
        "levels": _levels(db, row, members),
        "members": [str(each) for each in members],
    }
    QUEUES.save(db, current_principal(), row, {**kept, **values})
    return _answer(db, row)


def _levels(db: TenantSession, row: Queue, members: Sequence[int]) -> str:
    """Return the levels of those of `members` who are in the queue already, as its form has them."""
    query = (
        select(Extension.number, QueueMember.level)
        .join(QueueMember, QueueMember.extension_id == Extension.id)
        .where(QueueMember.queue_id == row.id, Extension.id.in_(members))
    )
    return levels_as_text(pairs(db, query))


class QueueList(ApiView):
    """All queues."""

    rule = "/queues"
    tag = lazy("Queues")
    operations = {
        "GET": Operation(
            id="listQueues",
            summary=lazy("List queues"),
            scope=ApiScope.QUEUES_READ,
            query=PageQuery,
            answer=Page[QueueOut],
        )
    }

    def get(self, query: PageQuery) -> Page[QueueOut]:
        """Return a page of them."""
        db = session()
        rows, after = rows_by_id(db, select(Queue), Queue, limit=query.limit, cursor=query.cursor)
        return Page(items=_out(db, rows), next=after)


class QueueOne(ApiView):
    """One queue."""

    rule = "/queues/<id:queue_id>"
    tag = lazy("Queues")
    operations = {
        "GET": Operation(
            id="getQueue",
            summary=lazy("Get a queue"),
            scope=ApiScope.QUEUES_READ,
            answer=QueueOut,
            versioned=True,
        ),
        "PATCH": Operation(
            id="changeQueue",
            summary=lazy("Change a queue"),
            scope=ApiScope.QUEUES_WRITE,
            body=QueueChange,
            answer=QueueOut,
            versioned=True,
            errors=(ChangedMeanwhileError,),
        ),
    }

    def get(self, queue_id: int) -> Answer:
        """Return it."""
        db = session()
        return _answer(db, queue_of(db, queue_id))

    def patch(self, queue_id: int, body: QueueChange) -> Answer:
        """Change what is given."""
        db = session()
        row = queue_of(db, queue_id, lock=True)
        before = _out(db, [row])[0]
        require_match(etag_of(before))
        if body.members is not UNSET:
            _check_members(db, body.members)
        return _save(db, row, before, body)


def _check_members(db: TenantSession, wanted: Sequence[int]) -> None:
    known = set(db.scalars(select(Extension.id).where(Extension.id.in_(wanted))))
    reason = field_reason("invalid", "no such extension")
    problems = [
        FieldProblem(field=f"members[{index}]", code="invalid", reason=reason)
        for index, each in enumerate(wanted)
        if each not in known
    ]
    if problems:
        raise InvalidRequestError(errors=problems)


class QueueMemberOne(ApiView):
    """One extension's place in a queue: added and removed without touching the others."""

    rule = "/queues/<id:queue_id>/members/<id:extension_id>"
    tag = lazy("Queues")
    operations = {
        "PUT": Operation(
            id="addQueueMember",
            summary=lazy("Have an extension take a queue's calls"),
            scope=ApiScope.QUEUES_WRITE,
            answer=QueueOut,
            versioned=True,
        ),
        "DELETE": Operation(
            id="removeQueueMember",
            summary=lazy("Take an extension out of a queue"),
            scope=ApiScope.QUEUES_WRITE,
            answer=QueueOut,
            versioned=True,
        ),
    }

    def put(self, queue_id: int, extension_id: int) -> Answer:
        """Add it; one that is there already changes nothing."""
        return self._set(queue_id, extension_id, wanted=True)

    def delete(self, queue_id: int, extension_id: int) -> Answer:
        """Remove it; one that is not there changes nothing."""
        return self._set(queue_id, extension_id, wanted=False)

    @staticmethod
    def _set(queue_id: int, extension_id: int, *, wanted: bool) -> Answer:
        db = session()
        row = queue_of(db, queue_id, lock=True)
        extension_of(db, extension_id)
        before = _out(db, [row])[0]
        members = [each for each in before.members if each != extension_id]
        if wanted:
            members.append(extension_id)
        return _save(db, row, before, QueueChange(members=members))
