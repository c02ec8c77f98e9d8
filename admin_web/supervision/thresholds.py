"""From when on a queue needs a look, and from when on it is in trouble (SUP-9): per queue, kept for all supervisors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select

from admin_web.supervision import errors
from core import audit
from core.database import TenantSession
from core.errors import BadFieldError
from core.permissions import Principal
from cti.models import Queue, QueueThreshold

LIMITS: Final = {
    "wait_amber_s": 9999,
    "wait_red_s": 9999,
    "waiting_amber": 999,
    "waiting_red": 999,
    "level_amber": 100,
    "level_red": 100,
}
"""Field, and its largest value. 0 is none. Of the service level, in per cent, less is worse."""


def shown(db: TenantSession) -> dict[int, dict[str, int]]:
    """Return the thresholds of every queue that has some."""
    return {
        row.queue_id: {name: getattr(row, name) for name in LIMITS}
        for row in db.scalars(select(QueueThreshold))
    }


def save(db: TenantSession, actor: Principal, queue_id: int, values: Mapping[str, Any]) -> None:
    """Keep a queue's thresholds. Raises ``NoSuchQueueError`` and ``BadFieldError``."""
    queue = db.get(Queue, queue_id)
    if queue is None or not actor.supervises((queue_id,)):
        raise errors.NoSuchQueueError()
    for name, most in LIMITS.items():
        value = values.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise BadFieldError(field=name)
    row = db.scalar(select(QueueThreshold).where(QueueThreshold.queue_id == queue_id))
    if row is None:
        row = QueueThreshold(queue_id=queue_id)
        db.add(row)
    for name in LIMITS:
        setattr(row, name, int(values.get(name, 0)))
    changes = audit.changes_of(row)
    changes.pop("queue_id", None)
    audit.record(db, actor, "supervise.thresholds", queue, changes)
    db.commit()
