"""What is wrong with a flow, as values that name node and field (CTI-I14)."""

from __future__ import annotations

import enum

import msgspec

from core.i18n import LazyText


class Severity(enum.StrEnum):
    """Whether a problem keeps a flow from being published."""

    ERROR = "error"
    WARNING = "warning"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One finding."""

    id: str
    """Stable kebab-case identity, such as ``dangling-jump``."""
    message: str
    """English msgid with ``%(name)s`` places."""
    params: dict[str, str] = {}
    node: str = ""
    """Code of the node; empty for the flow itself."""
    field: str = ""
    """Field of the node or the flow; dotted for parts (``keys.1``, ``prompts.0.text``)."""
    severity: Severity = Severity.ERROR

    def sentence(self, language: str) -> str:
        """Return the sentence for people in ``zh`` or ``en``."""
        return LazyText(self.message, dict(self.params)).in_language(language)


def N_(msgid: str) -> str:  # noqa: N802 - the name message extractors look for
    """Mark `msgid` for the catalogue without translating it here."""
    return msgid


def out_of_range(node: str, field: str, value: int, lowest: int, highest: int) -> Problem | None:
    """Return a problem unless ``lowest <= value <= highest``."""
    if lowest <= value <= highest:
        return None
    return Problem(
        id="out-of-range",
        message=N_("Must be from %(lowest)s to %(highest)s, not %(value)s."),
        params={"lowest": str(lowest), "highest": str(highest), "value": str(value)},
        node=node,
        field=field,
    )


def too_long(node: str, field: str, text: str, most: int) -> Problem | None:
    """Return a problem if `text` has more than `most` characters."""
    if len(text) <= most:
        return None
    message = N_("A value has at most %(most)s characters.")
    return Problem(id="too-long", message=message, params={"most": str(most)}, node=node, field=field)


def too_many(node: str, field: str, number: int, most: int) -> Problem | None:
    """Return a problem with the list `field` of `node` when it has more than `most` rows."""
    if number <= most:
        return None
    params = {"most": str(most)}
    return Problem(id="too-many", message=N_("At most %(most)s."), params=params, node=node, field=field)
