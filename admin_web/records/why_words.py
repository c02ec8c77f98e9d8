"""Why a call went to an agent, in a sentence (CTI-Q2)."""

from __future__ import annotations

from core.documents import DispatchRule
from core.i18n import LazyText, lazy
from cti.acd.dispatch import LAST_AGENT, Why


def why_words(text: str) -> LazyText | None:
    """Return the sentence for what an offer's ``why`` says; None when it says nothing known."""
    why = Why.from_text(text)
    if why is None:
        return None
    of = {"count": why.candidates, "value": why.value, "asked": why.asked}
    sentences = {
        DispatchRule.LONGEST_IDLE.value: lazy("idle longest (%(value)s s) of %(count)s idle", **of),
        DispatchRule.ROUND_ROBIN.value: lazy("next in turn of %(count)s idle", **of),
        DispatchRule.FEWEST_CALLS.value: lazy("fewest calls today (%(value)s) of %(count)s idle", **of),
        DispatchRule.RANDOM.value: lazy("drawn from %(count)s idle", **of),
        DispatchRule.SKILLS.value: lazy(
            "highest level (%(value)s, asked for: %(asked)s) of %(count)s idle", **of
        ),
        DispatchRule.RING_ALL.value: lazy("all rung at once: one of %(count)s, idle %(value)s s", **of),
        LAST_AGENT: lazy("talked with this caller last; %(count)s idle", **of),
    }
    return sentences.get(why.rule)
