"""Which past calls a supervisor of some queues sees (SUP-8): in lists, pages, recordings, reports, exports, interface.

As of calls that are up (`cti.supervision.queues_of`): a call is its queue's, that of its record; a call of no queue is
of the queues that its agent's extension is in now. Their own calls they see besides.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, union_all

from core.permissions import Principal
from cti.models import ExtensionAccount, QueueMember
from cti.records.models import CallRecord

MOST_ARMS = 20
"""Who supervises more queues sees so large a part of all calls that reading them in order of time soon finds a page."""


@dataclasses.dataclass(frozen=True)
class SomeQueues:
    """Limits of an account that supervises some queues only."""

    account_id: int
    queues: frozenset[int]

    def has(self) -> ColumnElement[bool]:
        """Return the condition that a call's record is within the limits."""
        return or_(CallRecord.queue_id.in_(sorted(self.queues)), self._own(), self._of_no_queue())

    def arms(self) -> list[ColumnElement[bool]]:
        """Return conditions of which each has an index in order of time; :meth:`has` is any of them."""
        queues = [CallRecord.queue_id == queue_id for queue_id in sorted(self.queues)]
        return [*queues, self._own(), self._of_no_queue()]

    def extensions(self) -> Select[Any]:
        """Return the query for the ids of the extensions in the queues."""
        return select(QueueMember.extension_id).where(QueueMember.queue_id.in_(sorted(self.queues)))

    def agents(self) -> Select[Any]:
        """Return the query for the ids of the accounts that may take calls of the queues."""
        return select(ExtensionAccount.account_id).where(ExtensionAccount.extension_id.in_(self.extensions()))

    def _own(self) -> ColumnElement[bool]:
        return CallRecord.agent_id == self.account_id

    def _of_no_queue(self) -> ColumnElement[bool]:
        """Nobody talked: it is the extension's that was rung last."""
        has_it = CallRecord.extension_id.in_(self.extensions())
        rang = and_(CallRecord.extension_id == 0, CallRecord.last_extension_id.in_(self.extensions()))
        return and_(CallRecord.queue_id == 0, or_(has_it, rang))


def limits_of(principal: Principal) -> SomeQueues | None:
    """Return the limits of `principal`; None: it sees the calls of all queues, as far as its rights go."""
    if principal.queues is None:
        return None
    return SomeQueues(principal.account_id, principal.queues)


def newest(query: Select[Any], limits: SomeQueues | None, rows: int) -> Select[Any]:
    """Return the query for the newest `rows` calls of `query`, a selection of records in no order, within `limits`.

    Each queue's newest are found by its own index and merged: one condition over all queues would read the whole
    month for a queue that had few calls.
    """
    order = (CallRecord.arrived_at.desc(), CallRecord.id.desc())
    if limits is None:
        return query.order_by(*order).limit(rows)
    if len(limits.queues) > MOST_ARMS:
        return query.where(limits.has()).order_by(*order).limit(rows)
    found = [
        query.where(arm).with_only_columns(CallRecord.id).order_by(*order).limit(rows).subquery()
        for arm in limits.arms()
    ]
    merged = union_all(*(select(each.c.id) for each in found)).subquery()
    return select(CallRecord).where(CallRecord.id.in_(select(merged.c.id))).order_by(*order).limit(rows)
