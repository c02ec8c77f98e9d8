"""What templates get of a described resource: rows with the buttons the signed-in account has, the toolbar, trees."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from flask import current_app, url_for

from admin_web.resource import Action, BatchAction, Field, Options, Resource, Tag, worded
from core.views import current_principal, may


def name_of_row(row: Any) -> str:
    """Return what people call a row."""
    return next(
        (str(value) for name in ("name", "login", "code", "number") if (value := getattr(row, name, ""))), ""
    )


def grouped(field: Field, options: Options) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Return the options of a ``tree`` under their headings, and whether each can be ticked."""
    groups: dict[str, list[tuple[str, str, bool]]] = {}
    for value, text in options:
        heading = field.group_of(value) if field.group_of else ""
        groups.setdefault(heading, []).append((value, text, not (field.fixed and field.fixed(value))))
    return list(groups.items())


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownAction:
    """A row's button."""

    name: str
    label: str
    icon: str
    href: str
    drawer: bool
    link: bool
    download: bool
    question: str
    danger: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownRow:
    """A row of the list as the template shows it."""

    row: Any
    name: str
    cells: list[Any]
    tick: str
    """What its tick box sends."""
    changeable: bool
    actions: list[ShownAction]
    more: list[ShownAction]


def cell(column: Any, row: Any, extras: Mapping[str, Any]) -> Any:
    """Return what stands in a cell."""
    return column.value(row, extras) if column.value else getattr(row, column.name)


def is_tag(value: Any) -> bool:
    """Return whether a cell is a tag; a test for templates."""
    return isinstance(value, Tag)


def shown_row(resource: Resource, row: Any, extras: Mapping[str, Any]) -> ShownRow:
    """Return `row` with its cells and the buttons the signed-in account has for it."""
    changeable = resource.changeable(current_principal(), row, extras)
    actions = [
        each
        for each in resource.actions
        if may(each.look or each.permission) and each.shown(row) and (changeable or each.always)
    ]
    return ShownRow(
        row=row,
        name=name_of_row(row),
        cells=[cell(column, row, extras) for column in resource.columns],
        tick=tick_of(resource, row),
        changeable=changeable,
        actions=[_shown_action(resource, each, row) for each in actions if not each.more],
        more=[_shown_action(resource, each, row) for each in actions if each.more],
    )


def tick_of(resource: Resource, row: Any) -> str:
    """Return what a row's tick box sends: its id, with what was seen of it where that matters."""
    return f"{row.id}:{resource.seen(row)}" if resource.seen else str(row.id)


def _shown_action(resource: Resource, action: Action, row: Any) -> ShownAction:
    elsewhere = action.opens or action.leads
    seen = resource.seen(row) if resource.seen else None  # None is left out of the address
    href = (
        elsewhere(row)
        if elsewhere
        else url_for(f"resources.{resource.name}_{action.name}", row_id=row.id, seen=seen)
    )
    return ShownAction(
        name=action.name,
        label=str(worded(action.label, row)),
        icon=action.icon,
        href=href,
        drawer=action.asks or action.opens is not None,
        link=action.leads is not None,
        download=action.download,
        question=str(worded(action.question, row)) if action.question is not None else "",
        danger=action.danger,
    )


def shown_batch(resource: Resource) -> list[BatchAction]:
    """Return what the signed-in account may do to ticked rows."""
    return [each for each in resource.batch if may(each.permission)]


def shown_links(resource: Resource, kept: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the toolbar's further buttons that lead somewhere the account may go; `kept` are the list's filters."""

    def arguments(filtered: bool) -> dict[str, Any]:
        return dict(kept) if filtered else {}

    return [
        {
            "label": each.label,
            "icon": each.icon,
            "drawer": each.drawer,
            "href": url_for(each.endpoint, **arguments(each.filtered)),
        }
        for each in resource.links
        if each.endpoint in current_app.view_functions and may(each.access)
    ]
