"""A resource described once: columns, filters, form, rights and actions; list, form and deletion come from it.

`admin_web.resource_views` serves a description, `admin_web.resources` has them. Values of a form are typed by their
field before `save` gets them; what `save` refuses (`core.errors` kinds naming a ``field``) appears at the field.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, Select

from core import phone
from core.database import TenantSession
from core.errors import CallerFault, InvalidField
from core.i18n import LazyText, gettext, lazy
from core.permissions import Permission, Principal

Options = Sequence[tuple[str, str]]
"""Values and the texts for them."""


class FieldError(InvalidField):
    """A field's value cannot be used; `reason` says why."""

    sentence = lazy("%(reason)s")


def refuse(field: str, reason: LazyText) -> FieldError:
    """Return the error for `field`."""
    return FieldError(field=field, reason=reason)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tag:
    """A word on a coloured ground; colours are green, red, amber, blue and grey."""

    text: str
    colour: str = "grey"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the list. `value` takes a row and the page's extras (:attr:`Resource.extras`)."""

    name: str
    label: LazyText
    value: Callable[[Any, Mapping[str, Any]], Any] | None = None
    kind: str = "text"
    """``text``, ``number``, ``time`` or ``phone``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Field:
    """A field of the form, and how its text becomes a value."""

    name: str
    label: LazyText
    kind: str = "text"
    """``text``, ``number``, ``password``, ``textarea``, ``checkbox``, ``select``, ``choices`` (several), ``phone``,
    ``readonly``.
    """
    required: bool = False
    hint: LazyText | None = None
    max_length: int = 0
    minimum: int | None = None
    maximum: int | None = None
    options: Callable[[TenantSession], Options] | None = None
    default: Any = ""
    creating_only: bool = False
    """Asked for when the row is made; shown read-only afterwards."""
    permission: Permission | None = None
    """Right to change it; without, it is read-only."""

    def parse(self, texts: Sequence[str], options: Options) -> Any:
        """Return the value of what was sent. Raises :class:`FieldError`."""
        if self.kind == "checkbox":
            return bool(texts)
        if self.kind == "choices":
            return self._choices(texts, options)
        text = (texts[0] if texts else "").strip() if self.kind != "password" else (texts[0] if texts else "")
        if not text:
            if self.required:
                raise refuse(self.name, lazy("This field is needed."))
            return 0 if self.kind == "number" else ""
        if self.max_length and len(text) > self.max_length:
            raise refuse(self.name, lazy("At most %(maximum)s characters.", maximum=self.max_length))
        if self.kind == "number":
            return self._number(text)
        if self.kind == "phone":
            return self._phone(text)
        if self.kind == "select" and text not in {value for value, _ in options}:
            raise refuse(self.name, lazy("Choose one of the list."))
        return text

    def _number(self, text: str) -> int:
        low, high = self.minimum or 0, self.maximum if self.maximum is not None else 999_999
        if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
            raise refuse(self.name, lazy("A whole number from %(low)s to %(high)s.", low=low, high=high))
        return int(text)

    def _phone(self, text: str) -> str:
        try:
            return phone.parse(text).stored
        except phone.InvalidNumberError as error:
            raise refuse(self.name, phone.InvalidNumberError.sentence.filled(**error.details)) from None

    def _choices(self, texts: Sequence[str], options: Options) -> list[str]:
        known = {value for value, _ in options}
        if any(text not in known for text in texts):
            raise refuse(self.name, lazy("Choose from the list."))
        return list(dict.fromkeys(texts))


@dataclasses.dataclass(kw_only=True)
class ShownField:
    """A field with its value, as the template shows it."""

    name: str
    label: str
    kind: str
    value: Any
    required: bool = False
    hint: str = ""
    max_length: int = 0
    min: int | None = None
    max: int | None = None
    options: Options = ()
    error: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filter:
    """A filter of the list: `apply` narrows the query for a typed value."""

    name: str
    label: LazyText
    apply: Callable[[Select[Any], str], Select[Any]]
    options: Callable[[TenantSession], Options] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Action:
    """Something a row can have done to it besides editing. `run` returns the sentence shown afterwards."""

    name: str
    label: LazyText
    icon: str
    permission: Permission
    run: Callable[[TenantSession, Principal, Any], LazyText]
    question: LazyText | None = None
    """Asked before."""
    shown: Callable[[Any], bool] = lambda row: True
    danger: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resource:
    """The description. `save` and `delete` are services: they take rows and values, never the request."""

    name: str
    path: str
    title: LazyText
    model: type[Any]
    view: Permission
    columns: Sequence[Column]
    empty: LazyText
    """What an empty list says: how to fill it."""
    lead: LazyText | None = None
    singular: LazyText | None = None
    edit: Permission | None = None
    create: Permission | None = None
    remove: Permission | None = None
    fields: Sequence[Field] = ()
    filters: Sequence[Filter] = ()
    actions: Sequence[Action] = ()
    all_tenants: bool = False
    query: Callable[[Select[Any]], Select[Any]] = lambda query: query
    extras: Callable[[TenantSession, Sequence[Any]], Mapping[str, Any]] = lambda session, rows: {}
    """What the columns of a page of rows need besides the rows, in a fixed number of queries."""
    load: Callable[[TenantSession, Any], dict[str, Any]] | None = None
    """Values of the form for a row; default: its attributes."""
    save: Callable[[TenantSession, Principal, Any, dict[str, Any]], Any] | None = None
    """Creates (row None) or changes the row and returns it."""
    delete: Callable[[TenantSession, Principal, Any], None] | None = None

    def field_values(self, session: TenantSession, row: Any) -> dict[str, Any]:
        """Return what the form shows for `row` (None: a new one)."""
        if row is None:
            return {field.name: field.default for field in self.fields}
        if self.load is not None:
            return self.load(session, row)
        return {field.name: getattr(row, field.name) for field in self.fields}


def parse_form(
    fields: Sequence[Field], form: Mapping[str, list[str]], options: Mapping[str, Options]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the typed values of `fields`, and a sentence for each that cannot be used."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in fields:
        try:
            values[field.name] = field.parse(form.get(field.name, []), options.get(field.name, ()))
        except FieldError as error:
            errors[field.name] = error.text()
    return values, errors


def field_of_error(error: CallerFault, fields: Sequence[Field]) -> str:
    """Return which field `error` is about: the one it names, or the first whose name is in its details."""
    named = error.details.get("field")
    if isinstance(named, str):
        return named
    names = [field.name for field in fields]
    return next((name for name in names if name in error.details), "")


def pairs(session: TenantSession, query: Executable) -> dict[Any, Any]:
    """Return what a query of two columns finds, the first one as the key."""
    return {row[0]: row[1] for row in session.execute(query)}


def yes_no(value: bool) -> Tag:
    """Return a flag as a tag."""
    return Tag(text=gettext("Yes"), colour="green") if value else Tag(text=gettext("No"))


def on_off(value: bool) -> Tag:
    """Return whether something is enabled, as a tag."""
    return (
        Tag(text=gettext("Enabled"), colour="green") if value else Tag(text=gettext("Paused"), colour="amber")
    )
