"""XML for the switch: a writer whose values stay values whatever was typed into them.

FreeSWITCH reads XML, also what a directory server answers, through a preprocessor that works on lines of
raw text before any XML is parsed: it expands ``$${name}``, obeys ``<X-PRE-PROCESS>`` and drops every line
that merely contains those letters, ``<include>`` or ``<?`` (``preprocess`` in its ``switch_xml.c``). So
everything but plain letters, digits and harmless signs is written as a character reference, which the
parser decodes afterwards.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

_PLAIN = re.compile(r"[A-Za-z0-9 ._:/=+@,\-]")
_REFUSED = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_\-]*\Z")


class UnsafeXmlError(ValueError):
    """A value holds a control character or half a surrogate, which XML cannot carry."""


@dataclasses.dataclass(frozen=True)
class Element:
    """An element with attributes and children; the switch's configuration has no text between tags."""

    name: str
    attributes: dict[str, str] = dataclasses.field(default_factory=dict)
    children: tuple[Element, ...] = ()


def element(name: str, /, *children: Element, **attributes: str) -> Element:
    """Return an element; underscores in an attribute's name become dashes, a trailing one goes."""
    named = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    return Element(name, named, children)


def quote(text: str) -> str:
    """Return `text` as the inside of an attribute. Raises :class:`UnsafeXmlError` for what XML cannot
    carry.
    """
    if _REFUSED.search(text):
        raise UnsafeXmlError(f"{text!r} holds a character that XML cannot carry")
    quoted = "".join(char if _PLAIN.match(char) else f"&#{ord(char)};" for char in text)
    if "pre-process" in quoted.lower():
        quoted = quoted.replace("-", "&#45;")
    # Two spaces, and a space at either end, would be folded by some readers.
    return re.sub(r"^ | $|(?<= ) ", "&#32;", quoted)


def document(root: Element) -> str:
    """Return `root` as a document the switch reads; one element a line, for people and for its
    preprocessor.
    """
    return "\n".join(_lines(root, 0)) + "\n"


def _lines(node: Element, depth: int) -> Iterator[str]:
    for name in (node.name, *node.attributes):
        if not _NAME.match(name):
            raise UnsafeXmlError(f"{name!r} is no name of an element or attribute")
    attributes = "".join(f' {name}="{quote(value)}"' for name, value in node.attributes.items())
    indent = "  " * depth
    if not node.children:
        yield f"{indent}<{node.name}{attributes}/>"
        return
    yield f"{indent}<{node.name}{attributes}>"
    for child in node.children:
        yield from _lines(child, depth + 1)
    yield f"{indent}</{node.name}>"
