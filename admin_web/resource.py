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
    """``text``, ``short`` (a name or code, kept on one line), ``number``, ``time`` or ``phone``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Field:
    """A field of the form, and how its text becomes a value."""

    name: str
    label: LazyText
    kind: str = "text"
    """``text``, ``number``, ``password``, ``textarea``, ``checkbox``, ``select``, ``choices`` (several), ``tree``
    (several, ticked, by group), ``phone``, ``readonly``.
    """
    required: bool = False
    hint: LazyText | None = None
    max_length: int = 0
    minimum: int | None = None
    maximum: int | None = None
    options: Callable[[TenantSession], Options] | None = None
    default: Any = ""
    """Value in the form of a new row, or a function of the session that returns it."""
    creating_only: bool = False
    """Asked for when the row is made; shown read-only afterwards."""
    permission: Permission | None = None
    """Right to change it; without, it is read-only."""
    personal_number: bool = False
    """Holds a person's telephone number: whoever may not see numbers in full is shown it masked, and can give it
    for a new row only (ACC-14).
    """
    needs: str = ""
    """Field without which this one is greyed; `save` refuses it then."""
    blank: LazyText | None = None
    """What a select says where nothing is chosen."""
    section: LazyText | None = None
    """Heading above it, which it and those after it are about."""
    levels_of: str = ""
    """Of a text with a level for some options of that ``choices`` field: the page offers a row for each ticked one, and
    :attr:`blank` where there is none.
    """
    group_of: Callable[[str], str] | None = None
    """Heading of an option of a ``tree``."""
    fixed: Callable[[str], bool] | None = None
    """Whether an option of a ``tree`` is shown but cannot be ticked."""

    def parse(self, texts: Sequence[str], options: Options) -> Any:
        """Return the value of what was sent. Raises :class:`FieldError`."""
        if self.kind == "checkbox":
            return bool(texts)
        if self.kind in ("choices", "tree"):
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
        digits = text.removeprefix("-") if low < 0 else text
        if not (digits.isascii() and digits.isdigit() and len(digits) < 11 and low <= int(text) <= high):
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
    needs: str = ""
    blank: str = ""
    section: str = ""
    levels_of: str = ""
    groups: Sequence[tuple[str, Sequence[tuple[str, str, bool]]]] = ()
    """Of a ``tree``: headings, and under each the value, the text and whether it can be ticked."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filter:
    """A filter of the list: `apply`, or `narrow` where it must read something, narrows the query for a typed value."""

    name: str
    label: LazyText
    apply: Callable[[Select[Any], str], Select[Any]] = lambda query, text: query
    narrow: Callable[[TenantSession, Select[Any], str], Select[Any]] | None = None
    options: Callable[[TenantSession], Options] | None = None
    kind: str = ""
    """``date`` for a calendar; else a select where there are options, or text."""
    wide: bool = False

    def applied(self, session: TenantSession, query: Select[Any], text: str) -> Select[Any]:
        """Return `query` narrowed."""
        return self.narrow(session, query, text) if self.narrow is not None else self.apply(query, text)


Wording = LazyText | Callable[[Any], LazyText]
"""A text, or what makes one of a row."""


def worded(text: Wording, row: Any) -> LazyText:
    """Return a wording's text for `row`."""
    return text if isinstance(text, LazyText) else text(row)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Action:
    """Something a row can have done to it besides editing. `run` returns the sentence shown afterwards.

    With `fields` or `about` it is asked in a drawer: `about` gives lines that say what it touches, the typed values
    of `fields` go to `run_with`. With `opens` the button opens another drawer, which does the work; with `leads` it
    is a link.
    """

    name: str
    label: Wording
    icon: str
    permission: Permission
    run: Callable[[TenantSession, Principal, Any], LazyText] | None = None
    run_with: Callable[[TenantSession, Principal, Any, dict[str, Any]], LazyText] | None = None
    opens: Callable[[Any], str] | None = None
    leads: Callable[[Any], str] | None = None
    """Address of a page, or of a file (`download`), the button is a link to."""
    download: bool = False
    question: Wording | None = None
    """Asked before."""
    about: Callable[[TenantSession, Principal, Any], Sequence[str]] | None = None
    fields: Sequence[Field] = ()
    load: Callable[[TenantSession, Any], dict[str, Any]] | None = None
    """Values `fields` begin with."""
    locked: Callable[[Any], LazyText | None] = lambda row: None
    """Why the drawer can only be looked at."""
    look: Permission | None = None
    """Right to look at the drawer; default: the right to do it."""
    wide: bool = False
    shown: Callable[[Any], bool] = lambda row: True
    danger: bool = False
    more: bool = False
    """Whether it is behind the row's "More"."""
    always: bool = False
    """Whether it is there for rows that cannot be changed too (it only shows something)."""

    @property
    def asks(self) -> bool:
        """Whether it has a drawer of its own."""
        return bool(self.fields) or self.about is not None


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchAction:
    """Something done to every ticked row; a row's refusal (`core.errors`) is reported and stops no other."""

    name: str
    label: LazyText
    icon: str
    permission: Permission
    run: Callable[[TenantSession, Principal, Any, dict[str, Any]], object]
    about: LazyText
    """Says in the drawer what will happen."""
    fields: Sequence[Field] = ()
    danger: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToolbarLink:
    """A further button of the toolbar, shown where its endpoint exists and the account has its right."""

    label: LazyText
    icon: str
    endpoint: str
    access: Permission
    drawer: bool = False
    """Whether it opens a drawer; else it is a page or a file."""
    filtered: bool = False
    """Whether it gets the list's filters."""


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
    batch: Sequence[BatchAction] = ()
    links: Sequence[ToolbarLink] = ()
    wide: bool = False
    """Whether its form needs a wide drawer."""
    can_reset: bool = False
    """Whether the form has a button that empties it again."""
    reach: Callable[[TenantSession, Principal, Select[Any]], Select[Any]] = lambda session, actor, query: (
        query
    )
    """Narrows list and rows to what the account administers; the rest does not exist for it."""
    changeable: Callable[[Principal, Any, Mapping[str, Any]], bool] = lambda actor, row, extras: True
    """Whether the account may change the row, by what the row and the extras say; services decide for good."""
    copied: Callable[[TenantSession, Any], dict[str, Any]] | None = None
    """Values of the form for a new row made after another."""
    all_tenants: bool = False
    query: Callable[[Select[Any]], Select[Any]] = lambda query: query
    seen: Callable[[Any], str] | None = None
    """What stands for the content of a row people judge by it: short, of letters and digits. Its actions get it back
    as the value ``seen``, of the row as it was shown, so that they can refuse what was changed since.
    """
    extras: Callable[[TenantSession, Sequence[Any]], Mapping[str, Any]] = lambda session, rows: {}
    """What the columns of a page of rows need besides the rows, in a fixed number of queries."""
    load: Callable[[TenantSession, Any], dict[str, Any]] | None = None
    """Values of the form for a row; default: its attributes."""
    save: Callable[[TenantSession, Principal, Any, dict[str, Any]], Any] | None = None
    """Creates (row None) or changes the row and returns it."""
    delete: Callable[[TenantSession, Principal, Any], None] | None = None
    after_create: Callable[[Any], str] | None = None
    """Address of the page a new row leads to; default: the list."""

    def field_values(self, session: TenantSession, row: Any) -> dict[str, Any]:
        """Return what the form shows for `row` (None: a new one)."""
        if row is None:
            return {
                field.name: field.default(session) if callable(field.default) else field.default
                for field in self.fields
            }
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


def id_in(text: str) -> int:
    """Return the row's id in a filter's text; what is none is 0, which no row has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


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
