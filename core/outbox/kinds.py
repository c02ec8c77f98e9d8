"""What can be told to others: the kinds of events, each with a sentence for who chooses among them."""

from __future__ import annotations

import enum

from core.i18n import LazyText, lazy


class EventKind(enum.StrEnum):
    """Kinds of events. Values are part of the programming interface and never change."""

    CALL_OFFERED = "call.offered"
    CALL_ANSWERED = "call.answered"
    CALL_ENDED = "call.ended"
    CALL_CORRECTED = "call.corrected"
    RECORDING_READY = "recording.ready"
    AGENT_STATE = "agent.state"
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_ENABLED = "account.enabled"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_DELETED = "account.deleted"
    ACCOUNT_RESTORED = "account.restored"

    @property
    def subject(self) -> str:
        """The first half of the name."""
        return self.value.partition(".")[0]


LIVE = frozenset({EventKind.CALL_OFFERED, EventKind.CALL_ANSWERED, EventKind.AGENT_STATE})
"""Kinds read from the live events of a tenant."""

SUBJECTS: dict[str, LazyText] = {
    "call": lazy("Calls"),
    "recording": lazy("Recordings"),
    "agent": lazy("Agents"),
    "account": lazy("Accounts"),
}

EXPLANATIONS: dict[EventKind, LazyText] = {
    EventKind.CALL_OFFERED: lazy("A call rings at an agent."),
    EventKind.CALL_ANSWERED: lazy("An agent and the other party were connected."),
    EventKind.CALL_ENDED: lazy("A call ended, and its record was written."),
    EventKind.CALL_CORRECTED: lazy("The record of an ended call was provisional and is final now."),
    EventKind.RECORDING_READY: lazy("A recording can be fetched."),
    EventKind.AGENT_STATE: lazy("An agent's state changed: signed in or out, ready, on a break and so on."),
    EventKind.ACCOUNT_CREATED: lazy("An account was created."),
    EventKind.ACCOUNT_CHANGED: lazy("An account's details, role, group or rights changed."),
    EventKind.ACCOUNT_ENABLED: lazy("An account was enabled."),
    EventKind.ACCOUNT_DISABLED: lazy("An account was disabled."),
    EventKind.ACCOUNT_DELETED: lazy("An account was deleted."),
    EventKind.ACCOUNT_RESTORED: lazy("A deleted account was restored."),
}
