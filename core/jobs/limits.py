"""What a job's file was made with: the rights, the queues and the groups its rows are of. Noted as it is stored, in the
step that gives it to the job; who has less by the time of a download does not get it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from core.groups.tree import subtree_ids
from core.permissions import Permission, Principal
from core.tenancy import TenantSession

FILE = "file_limits"
"""Name in a job's result of the limits of the file it has."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Those of one file. A job says of them what its work read by, from the rights of the attempt that made it."""

    needs: frozenset[Permission]
    """The rights without which nobody gets it, whoever asked for it."""
    queues: frozenset[int] | None = frozenset()
    """The queues whose calls it has; None: those of all. Empty: no calls, or the owner's alone."""
    groups: frozenset[int] | None = frozenset()
    """The user groups whose accounts it has; None: those of all. Empty: no accounts."""

    def __or__(self, other: Limits) -> Limits:
        """Return the limits of a file that has what both have."""
        return Limits(
            needs=self.needs | other.needs,
            queues=_both(self.queues, other.queues),
            groups=_both(self.groups, other.groups),
        )

    def queues_covered(self, principal: Principal) -> bool:
        """Return whether `principal` supervises all queues whose calls are in it."""
        if principal.queues is None:
            return True
        return self.queues is not None and principal.queues >= self.queues

    def groups_covered(self, session: TenantSession, principal: Principal) -> bool:
        """Return whether `principal` administers all groups whose accounts are in it."""
        if principal.group_reach is None or self.groups == frozenset():
            return True
        return self.groups is not None and subtree_ids(session, principal.group_reach) >= self.groups

    def encoded(self) -> dict[str, Any]:
        """Return them as a job's result keeps them."""
        return {
            "needs": [each.value for each in Permission if each in self.needs],
            "queues": None if self.queues is None else sorted(self.queues),
            "groups": None if self.groups is None else sorted(self.groups),
        }


def decoded(stored: Mapping[str, Any]) -> Limits:
    """Return what :meth:`Limits.encoded` gave."""
    return Limits(
        needs=frozenset(each for each in Permission if each.value in stored["needs"]),
        queues=_ids(stored["queues"]),
        groups=_ids(stored["groups"]),
    )


def groups_reached(session: TenantSession, principal: Principal) -> frozenset[int] | None:
    """Return the groups whose accounts `principal` reaches by now, as a file's limits say them; None: all."""
    return None if principal.group_reach is None else frozenset(subtree_ids(session, principal.group_reach))


def _ids(stored: list[int] | None) -> frozenset[int] | None:
    return None if stored is None else frozenset(stored)


def _both(one: frozenset[int] | None, other: frozenset[int] | None) -> frozenset[int] | None:
    return None if one is None or other is None else one | other
