"""Whose calls an account may see."""

from __future__ import annotations

from core.permissions import Permission
from core.views import Access, current_principal, may
from cti.records.reach import SomeQueues, limits_of

RECORDS: Access = (Permission.RECORDS_VIEW, Permission.RECORDS_OWN)


def own_only() -> int:
    """Return the account whose calls alone may be seen; 0: everybody's."""
    return 0 if may(Permission.RECORDS_VIEW) else current_principal().account_id


def limits() -> SomeQueues | None:
    """Return the queues at which seeing everybody's calls ends; None: nowhere, or the account sees its own alone."""
    return None if own_only() else limits_of(current_principal())
