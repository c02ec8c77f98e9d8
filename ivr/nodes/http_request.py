"""HTTP request (CTI-I12): ask a company's own system something and go on with the answer.

The controller makes the request and keeps to its limits (no inner addresses, no redirects, sizes, times). What
the caller typed goes in percent-encoded or as JSON, and cannot choose the host: places stand after it only.
"""

from __future__ import annotations

import enum
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from ivr import json_path
from ivr.messages import OUR_HEADERS, Method
from ivr.nodes.asking import or_sound
from ivr.nodes.base import (
    Ask,
    Exit,
    Fail,
    Go,
    Listen,
    Moment,
    Node,
    NoState,
    Say,
    Signal,
    Stay,
    Turn,
    VariableUse,
)
from ivr.nodes.form import (
    FALLBACK_HELP,
    Choice,
    Field,
    Group,
    Kind,
    failure_field,
    integer_field,
    next_field,
    prompts_field,
)
from ivr.places import MAX_FILLED, MAX_TEXT, fill, names
from ivr.problems import N_, Problem, out_of_range, too_long, too_many
from ivr.prompt_values import Prompt

if TYPE_CHECKING:
    from ivr.model import Flow

MAX_TIMEOUT_S = 15
MAX_URL = 2000
MAX_PAIRS = 30
MAX_FIELDS = 20
PATIENCE_MS = 1_000
"""A quick answer leaves no time to say that it takes a moment."""
PAUSE_MS = 4_000
"""Between two times the platform says so; a company's own background follows itself at once."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")


class BodyKind(enum.StrEnum):
    """What a request carries."""

    NONE = "none"
    FORM = "form"
    JSON = "json"


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A name and a value with places."""

    name: str = ""
    value: str = ""


class ResponseField(msgspec.Struct, frozen=True, kw_only=True):
    """A value of the answer for a variable."""

    variable: str = ""
    """One of the flow's own."""
    path: str = ""
    """Where it is in the JSON: ``a.b.0.c`` or ``$.a.b[0].c``."""


class HttpRequest(Node, frozen=True, kw_only=True, tag="http"):
    """Makes a request and keeps fields of its JSON answer."""

    method: Method = Method.GET
    url: str = ""
    headers: list[Pair] = []
    body_kind: BodyKind = BodyKind.NONE
    body: list[Pair] = []
    timeout_s: int = 5
    fields: list[ResponseField] = []
    background: list[Prompt] = []
    """Heard while it takes; empty: the platform asks for patience, if it takes longer than a second."""
    next: str = ""
    failure: str = ""

    label = N_("HTTP request")
    description = N_("Asks another system something and keeps the answer in variables.")
    icon = "world"
    group = Group.OUTSIDE
    form = (
        Field(
            name="method",
            kind=Kind.CHOICE,
            label=N_("Method"),
            choices=(Choice(value="GET", label="GET"), Choice(value="POST", label="POST")),
        ),
        Field(
            name="url",
            kind=Kind.TEXT,
            label=N_("Address"),
            help=N_("{name} stands for the value of a variable, after the name of the host."),
            highest=MAX_URL,
            required=True,
            places=True,
        ),
        Field(name="headers", kind=Kind.PAIRS, label=N_("Headers"), highest=MAX_PAIRS),
        Field(
            name="body_kind",
            kind=Kind.CHOICE,
            label=N_("Body"),
            choices=(
                Choice(value="none", label=N_("None")),
                Choice(value="form", label=N_("Form fields")),
                Choice(value="json", label=N_("JSON object")),
            ),
            when={"method": "POST"},
        ),
        Field(
            name="body",
            kind=Kind.PAIRS,
            label=N_("Fields of the body"),
            help=N_("{name} stands for the value of a variable."),
            highest=MAX_PAIRS,
            when={"method": "POST"},
        ),
        integer_field("timeout_s", N_("Seconds to wait for the answer"), 1, MAX_TIMEOUT_S),
        Field(
            name="fields",
            kind=Kind.ROWS,
            label=N_("Kept from the answer"),
            highest=MAX_FIELDS,
            of=(
                Field(name="variable", kind=Kind.VARIABLE, label=N_("Variable"), required=True),
                Field(
                    name="path",
                    kind=Kind.TEXT,
                    label=N_("Path in the JSON"),
                    help=N_("Such as data.items.0.name."),
                    required=True,
                ),
            ),
        ),
        prompts_field(
            "background",
            N_("Heard meanwhile"),
            N_("Left empty, the caller is asked for a moment's patience."),
        ),
        next_field(),
        failure_field(FALLBACK_HELP),
    )

    def step(self, state: NoState, moment: Moment) -> Turn:
        """See `Node.step`."""
        match moment.signal:
            case Signal.ENTERED:
                return Turn(outcome=self._ask(moment.variables))
            case Signal.ANSWERED if moment.answer is not None and moment.answer.ok:
                wanted = {each.variable for each in self.fields}
                values = {k: v for k, v in moment.answer.variables.items() if k in wanted}
                return Turn(outcome=Go(exit="next", target=self.next), assign=values)
            case Signal.ANSWERED:
                reason = (moment.answer.reason.value if moment.answer else "") or "unreachable"
                if self.failure:
                    return Turn(outcome=Go(exit=f"failure:{reason}", target=self.failure))
                return Turn(outcome=Fail(reason=reason))
            case Signal.TIMER:
                return Turn(outcome=Say(prompts=or_sound(self.background, "one-moment")))
            case Signal.PLAYED if self.background:
                return Turn(outcome=Listen(ms=1))
            case Signal.PLAYED | Signal.PLAY_FAILED:
                return Turn(outcome=Listen(ms=PAUSE_MS))
            case _:
                return Turn(outcome=Stay())

    def _ask(self, variables: Mapping[str, str]) -> Ask:
        sendable = [
            each
            for each in self.headers
            if _TOKEN.fullmatch(each.name) and each.name.lower() not in OUR_HEADERS
        ]
        filled = _filled(sendable, variables, _header_value)
        headers = {name: _header_value(value).strip(" ") for name, value in filled}
        body, content_type = self._body(variables)
        return Ask(
            method=self.method,
            url=fill(self.url, variables, _in_url),
            headers={name: value for name, value in headers.items() if value},
            body=body,
            content_type=content_type,
            timeout_s=min(max(self.timeout_s, 1), MAX_TIMEOUT_S),
            fields={each.variable: each.path for each in self.fields},
            background=self.background,
            patience_ms=PATIENCE_MS,
        )

    def _body(self, variables: Mapping[str, str]) -> tuple[str, str]:
        """Return the body and its type; a GET has none."""
        if not self._has_body():
            return "", ""
        values = _filled(self.body, variables)
        if self.body_kind is BodyKind.FORM:
            return urllib.parse.urlencode(values, errors="replace"), "application/x-www-form-urlencoded"
        text = msgspec.json.encode({_clean(name): _clean(value) for name, value in values}).decode()
        return text, "application/json"

    def _has_body(self) -> bool:
        return self.method is Method.POST and self.body_kind is not BodyKind.NONE

    def exits(self) -> tuple[Exit, ...]:
        """See `Node.exits`."""
        return (
            Exit(field="next", target=self.next),
            Exit(field="failure", target=self.failure, required=False),
        )

    def prompt_lists(self) -> dict[str, list[Prompt]]:
        """See `Node.prompt_lists`."""
        return {"background": self.background}

    def variable_uses(self) -> tuple[VariableUse, ...]:
        """See `Node.variable_uses`."""
        texts = [("url", self.url)]
        texts += [(f"headers.{i}.value", each.value) for i, each in enumerate(self.headers)]
        if self._has_body():
            texts += [(f"body.{i}.value", each.value) for i, each in enumerate(self.body)]
        uses = [VariableUse(name=name, field=field) for field, text in texts for name in names(text)]
        uses += [
            VariableUse(name=each.variable, field=f"fields.{i}.variable", own=True)
            for i, each in enumerate(self.fields)
        ]
        return tuple(uses)

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        if message := _wrong_url(self.url):
            yield Problem(id="bad-url", message=message, node=self.code, field="url")
        if problem := out_of_range(self.code, "timeout_s", self.timeout_s, 1, MAX_TIMEOUT_S):
            yield problem
        for field, most in (("headers", MAX_PAIRS), ("body", MAX_PAIRS), ("fields", MAX_FIELDS)):
            if problem := too_many(self.code, field, len(getattr(self, field)), most):
                yield problem
        yield from self._check_pairs("headers", self.headers)
        if self._has_body():
            yield from self._check_pairs("body", self.body)
        elif self.method is Method.POST and self.body:
            message = N_("Choose how the fields of the body are sent.")
            yield Problem(id="no-body-kind", message=message, node=self.code, field="body_kind")
        for index, each in enumerate(self.fields):
            if not _is_path(each.path):
                message = N_("Enter a path such as data.items.0.name.")
                yield Problem(id="bad-path", message=message, node=self.code, field=f"fields.{index}.path")

    def _check_pairs(self, field: str, pairs: list[Pair]) -> Iterator[Problem]:
        seen: set[str] = set()
        for index, each in enumerate(pairs):
            name = each.name.lower() if field == "headers" else each.name
            message = _wrong_header(each.name) if field == "headers" else ""
            if not each.name.strip():
                message = N_("Enter a name.")
            elif name in seen:
                message = N_("This name is there twice.")
            seen.add(name)
            if message:
                yield Problem(id="bad-name", message=message, node=self.code, field=f"{field}.{index}.name")
            for part, text in (("name", each.name), ("value", each.value)):
                if problem := too_long(self.code, f"{field}.{index}.{part}", text, MAX_TEXT):
                    yield problem


def _filled(
    pairs: list[Pair], variables: Mapping[str, str], encode: Callable[[str], str] = str
) -> list[tuple[str, str]]:
    """Return names and filled values, all values together within `MAX_FILLED` characters."""
    filled: list[tuple[str, str]] = []
    left = MAX_FILLED
    for each in pairs:
        filled.append((each.name, fill(each.value, variables, encode, left)))
        left -= len(filled[-1][1])
    return filled


def _wrong_url(url: str) -> str:
    """Return what is wrong with an address, or nothing."""
    if len(url) > MAX_URL:
        return N_("The address is too long.")
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or not url.isprintable() or " " in url:
        return N_("Enter an address that begins with http:// or https://.")
    if parts.username is not None:
        return N_("Put the password into a header, not into the address.")
    if names(f"{parts.scheme}{parts.netloc}"):
        return N_("A variable cannot be part of the host's name.")
    return ""


def _is_path(path: str) -> bool:
    try:
        return bool(path.strip()) and json_path.parse(path) is not None
    except json_path.BadPathError:
        return False


def _wrong_header(name: str) -> str:
    if name and not _TOKEN.fullmatch(name):
        return N_("A header's name has letters, digits and hyphens.")
    if name.lower() in OUR_HEADERS:
        return N_("This header is set by the platform.")
    return ""


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _in_url(value: str) -> str:
    return urllib.parse.quote(value, safe="", errors="replace")


def _header_value(value: str) -> str:
    """Return what of a header's value cannot begin another one: printable ASCII, the rest percent-encoded."""
    return "".join(
        character if " " <= character <= "~" else urllib.parse.quote(character, safe="", errors="replace")
        for character in value
    )
