"""A caller's way in words: the exits of `ivr.engine.PathStep` and notes, for transcripts and call records. Pure.

Everything here speaks the current language (`core.i18n`).
"""

from __future__ import annotations

from core.i18n import gettext
from ivr import messages
from ivr.field_words import translated
from ivr.problems import N_

REASONS: dict[str, str] = {
    "timeout": N_("no key in time, or nobody in time"),
    "invalid": N_("wrong keys"),
    "play-failed": N_("nothing could be played"),
    "busy": N_("busy"),
    "no_answer": N_("no answer"),
    "declined": N_("declined"),
    "unreachable": N_("not reachable"),
    "full": N_("queue full"),
    "closed": N_("closed"),
    "not_found": N_("no such number"),
    "not_allowed": N_("not allowed"),
    "no-such-node": N_("the node it leads to does not exist"),
    "no-flow": N_("no flow is chosen"),
    "not-recorded": N_("nothing could be recorded"),
    "state-unreadable": N_("its state could not be read"),
    "too-many-steps": N_("the caller went round and round"),
    "spinning": N_("it led round in a circle"),
    "stuck": N_("the node had nothing to wait for"),
    "refused": N_("the address may not be reached"),
    "status": N_("an answer with an error"),
    "too-large": N_("an answer too large"),
    "unreadable": N_("an answer that could not be read"),
    "lost": N_("the answer was lost"),
    "invalid-number": N_("no telephone number"),
    "not-a-mobile": N_("no mobile number"),
    "foreign-number": N_("a number of another country"),
    "no-text": N_("the message would have been empty"),
    "text-too-long": N_("the message would have been too long"),
    "too-many": N_("this call has caused as many messages as one may"),
    "not-left": N_("the message could not be kept"),
}
"""Why a node failed: English message ids."""

_PLAIN: dict[str, str] = {
    "next": N_("went on"),
    "otherwise": N_("no rule fitted"),
    "after-talk": N_("after the talk with an agent"),
    "transfer": N_("transferred"),
    "flow": N_("went on in another flow"),
    "hangup": N_("was hung up"),
    "caller-hung-up": N_("hung up"),
    "failure": N_("failed"),
    "yes": N_("agreed"),
    "no": N_("did not agree"),
}


def exit_words(exit_name: str) -> str:
    """Return how a node was left; while the caller is in it, nothing."""
    kind, _, detail = exit_name.partition(":")
    match kind:
        case "key":
            return gettext("key %(key)s", key=detail)
        case "rule" | "case":
            return gettext("rule %(number)s fitted", number=detail)
        case "failure":
            return gettext("failed: %(reason)s", reason=reason_words(detail)) if detail else gettext("failed")
        case "failed":
            return gettext("could not go on: %(reason)s", reason=reason_words(detail))
        case _:
            return translated(_PLAIN.get(exit_name, exit_name))


def reason_words(reason: str) -> str:
    """Return why something failed; an unknown reason as it is."""
    return translated(REASONS.get(reason, reason))


def note_words(kind: str, value: str, queue: str = "") -> str:
    """Return what a note on a call's record says, for `kind` of `ivr.messages.NoteKind`."""
    match kind:
        case messages.NoteKind.SURVEY:
            return gettext("Satisfaction: %(score)s", score=value)
        case messages.NoteKind.CONSENT if value == "no":
            return gettext("Does not agree to be recorded")
        case messages.NoteKind.CONSENT:
            return gettext("Agrees to be recorded")
        case messages.NoteKind.CALLBACK if queue:
            return gettext("Wants to be called back at %(number)s by %(queue)s", number=value, queue=queue)
        case messages.NoteKind.SMS:
            return gettext("A short message to %(number)s was handed in for sending", number=value)
        case messages.NoteKind.OUTSIDE:
            return gettext("An outside number was called for the caller: %(number)s", number=value)
        case messages.NoteKind.CALLBACK:
            return gettext("Wants to be called back at %(number)s", number=value)
        case _:
            return f"{kind}: {value}"
