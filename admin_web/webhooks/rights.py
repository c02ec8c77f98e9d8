"""Who may read what events tell: who may see the same on its page, and of the whole company.

A webhook knows no queues and no groups. Who is limited to some of them neither reads deliveries of what ends there
nor has it sent to an address of theirs. That holds when a webhook is saved, and again at each attempt to send, for the
account that answers for it: what it was allowed once may have been taken away since.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.errors import InvalidField
from core.i18n import lazy
from core.outbox.kinds import EventKind
from core.permissions import Permission, Principal

NEEDED = {
    "call": Permission.RECORDS_VIEW,
    "recording": Permission.RECORDS_VIEW,
    "agent": Permission.SUPERVISE_VIEW,
    "account": Permission.ACCOUNTS_VIEW,
}
"""The right each subject's kinds need (:attr:`core.outbox.kinds.EventKind.subject`)."""
_OF_QUEUES = frozenset({"call", "recording", "agent"})
_TEST = "webhook"
"""Subject of test events, which tell nothing but the webhook's own name."""


class KindsNotSeenError(InvalidField):
    """Nobody has sent to an address what they may not see themselves."""

    id = "kinds-not-seen"
    sentence = lazy("You cannot choose these, as you may not see all that they tell: %(kinds)s.")


def may_read(principal: Principal, kind: str) -> bool:
    """Return whether `principal` may read what events of `kind` tell, of the whole company; never of an unknown one."""
    subject = kind.partition(".")[0]
    if subject == _TEST:
        return True
    needed = NEEDED.get(subject)
    if needed is None or not principal.may(needed):
        return False
    return principal.queues is None if subject in _OF_QUEUES else principal.group_reach is None


def require(principal: Principal, kinds: Iterable[EventKind]) -> None:
    """Raise :class:`KindsNotSeenError` unless `principal` may read all `kinds`."""
    unseen = sorted(kind.value for kind in kinds if not may_read(principal, kind))
    if unseen:
        raise KindsNotSeenError(field="kinds", kinds=", ".join(unseen))
