"""Why attempts failed: stored as ``<reason>`` or ``<reason>: <detail>``, read in the reader's language."""

from __future__ import annotations

from core.i18n import LazyText, gettext, lazy
from core.outbound_http import REASONS

OFF = "off"
UNUSABLE = "unusable"
UNSEEN = "unseen"
"""Who answers for the webhook may not see what the event tells."""
SUSPENDED = "suspended"
FINAL = frozenset({OFF, UNSEEN})
"""A later attempt would end no better."""
STATUS = "status"

_SENTENCES: dict[str, LazyText] = {
    **{reason.value: sentence for reason, sentence in REASONS.items()},
    OFF: lazy("The webhook is disabled."),
    UNUSABLE: lazy("Its address or secret cannot be used. Save the webhook again, or make a new secret."),
    UNSEEN: lazy(
        "It was not sent: the account that answers for the webhook may not see all that it tells, or may not sign in "
        "any more."
    ),
    SUSPENDED: lazy("It was not sent: the company is suspended."),
}


def sentence(problem: str) -> str:
    """Return a stored problem as a sentence."""
    reason, _, detail = problem.partition(": ")
    if reason == STATUS:
        return gettext("The answer had status %(status)s.", status=detail)
    known = _SENTENCES.get(reason)
    if known is None:
        return problem
    return f"{known} ({detail})" if detail else str(known)
