"""What saving a row means everywhere: values set, a line in the log, documents published after the commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core import audit
from core.database import TenantSession
from core.permissions import Principal
from core.views import parts
from cti import publishing


def store(session: TenantSession, actor: Principal, action: str, row: Any, values: Mapping[str, Any]) -> None:
    """Set `values` on `row`, add it to the session and write the log's line."""
    for name, value in values.items():
        setattr(row, name, value)
    session.add(row)
    changes = audit.changes_of(row)
    session.flush()
    if changes:
        audit.record(session, actor, action, row, changes)


def publish(session: TenantSession, *rows: Any) -> None:
    """Publish what calls need to know of `rows` once the session commits."""
    publishing.publish(session, parts().redis, *rows)


def drop(session: TenantSession, actor: Principal, action: str, row: Any, *, published: bool = True) -> None:
    """Delete `row`, log it and withdraw its document."""
    audit.record(session, actor, action, row, {})
    if published:
        publishing.withdraw(session, parts().redis, row)
    session.delete(row)
    session.flush()
