"""Keyset pages: a cursor names the last entry of the page before, so that nothing is skipped or given twice while
rows come and go.
"""

from __future__ import annotations

import base64
import binascii
import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, UnsetType
from sqlalchemy import Select

from admin_web.api.errors import InvalidRequestError
from admin_web.api.problems import FieldProblem, field_reason
from admin_web.api.schemas import MAX_ID
from core.database import TenantSession

Position = TypeVar("Position", bound=Struct)


class IdPosition(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Place in a list ordered by id."""

    id: int


class TimePosition(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Place in a list ordered by time and id."""

    at: datetime.datetime
    id: int


def encode(position: Struct) -> str:
    """Return the cursor for `position`."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def decode(cursor: str | UnsetType, kind: type[Position]) -> Position:
    """Return the position in `cursor`. Raises ``InvalidRequestError``."""
    if not isinstance(cursor, str):
        raise _unusable()
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position = msgspec.json.decode(data, type=kind)
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        raise _unusable() from None
    moment = getattr(position, "at", None)
    if not 0 < getattr(position, "id", 0) <= MAX_ID or (moment is not None and moment.tzinfo is None):
        raise _unusable()
    return position


def _unusable() -> InvalidRequestError:
    reason = field_reason("invalid", "unknown cursor")
    return InvalidRequestError(errors=[FieldProblem(field="cursor", code="invalid", reason=reason)])


def rows_by_id(
    db: TenantSession, query: Select[Any], model: Any, *, limit: int, cursor: str | UnsetType
) -> tuple[list[Any], str | None]:
    """Return a page of `query`'s rows, oldest id first, and the next page's cursor."""
    if cursor:
        query = query.where(model.id > decode(cursor, IdPosition).id)
    rows = list(db.scalars(query.order_by(model.id).limit(limit + 1)))
    more = len(rows) > limit
    rows = rows[:limit]
    return rows, encode(IdPosition(rows[-1].id)) if more else None
