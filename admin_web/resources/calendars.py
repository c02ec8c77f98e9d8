"""A company's named calendars, for time checks in flows (CTI-I8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for
from sqlalchemy import select

from admin_web.resource import Action, Column, Field, Filter, Resource, Tag, refuse
from admin_web.resources.saving import drop, publish, store
from core.database import TenantSession
from core.errors import Conflict
from core.i18n import current_language, gettext, lazy
from core.permissions import Permission, Principal
from ivr import company_calendars, usage
from ivr.models import Calendar
from ivr.nodes.base import ReferenceKind

MAX_LETTERS = 60_000
"""Of the pasted days: a line of 60 for each."""


class CalendarUsedError(Conflict):
    """Flows ask the calendar; `users` names them."""

    id = "calendar-used"
    sentence = lazy("This calendar cannot be deleted: the flows %(users)s use it.")


class CalendarNameTaken(Conflict):
    """Another calendar of the company has the name."""

    id = "calendar-name-taken"
    sentence = lazy("There is a calendar named %(name)s already.")


def days_as_text(row: Calendar) -> str:
    """Return the own days as the form shows them, in the reader's language."""
    days = company_calendars.decode_days(row.days)
    return company_calendars.written(days, company_calendars.SAID[current_language()])


def _extras(db: TenantSession, rows: Sequence[Calendar]) -> Mapping[str, Any]:
    return {"users": usage.flows_using(db, ReferenceKind.CALENDAR, [row.id for row in rows])}


def _load(db: TenantSession, row: Calendar) -> dict[str, Any]:
    return {"name": row.name, "china": row.china, "days": days_as_text(row)}


def _save(db: TenantSession, actor: Principal, row: Calendar | None, values: dict[str, Any]) -> Calendar:
    values["days"] = company_calendars.encode_days(company_calendars.parse_days(values["days"]))
    taken = select(Calendar.id).where(Calendar.name == values["name"], Calendar.id != (row.id if row else 0))
    if db.scalar(taken) is not None:
        error = CalendarNameTaken.sentence.filled(name=values["name"])
        raise refuse("name", error)
    action = "flows.calendar-edit" if row is not None else "flows.calendar-create"
    row = row or Calendar()
    store(db, actor, action, row, values)
    publish(db, row)
    return row


def _delete(db: TenantSession, actor: Principal, row: Calendar) -> None:
    users = usage.flows_using(db, ReferenceKind.CALENDAR, [row.id]).get(row.id)
    if users:
        raise CalendarUsedError(users=", ".join(users))
    drop(db, actor, "flows.calendar-delete", row)


def _base(row: Calendar) -> Tag:
    if row.china:
        return Tag(text=gettext("China's public holidays"), colour="blue")
    return Tag(text=gettext("Monday to Friday"))


CALENDARS = Resource(
    name="calendars",
    path="/calendars",
    title=lazy("Calendars"),
    singular=lazy("Calendar"),
    lead=lazy(
        "Which days are worked, for the time checks of IVR flows. A change applies to the next caller."
    ),
    model=Calendar,
    view=Permission.FLOWS_VIEW,
    edit=Permission.FLOWS_EDIT,
    create=Permission.FLOWS_EDIT,
    remove=Permission.FLOWS_EDIT,
    wide=True,
    empty=lazy(
        "No calendar of your own. Flows can use China's public holidays without one; make one with New for days that"
        " are different here."
    ),
    columns=(
        Column(name="name", label=lazy("Name")),
        Column(name="china", label=lazy("Begins from"), value=lambda row, _: _base(row)),
        Column(
            name="days",
            label=lazy("Own days"),
            kind="number",
            value=lambda row, _: len(company_calendars.decode_days(row.days)),
        ),
        Column(
            name="users",
            label=lazy("Used by"),
            value=lambda row, extras: ", ".join(extras["users"].get(row.id, ())),
        ),
        Column(name="updated_at", label=lazy("Changed"), kind="time"),
    ),
    filters=(
        Filter(
            name="q",
            label=lazy("Name"),
            apply=lambda query, text: query.where(Calendar.name.contains(text, autoescape=True)),
        ),
    ),
    actions=(
        Action(
            name="month",
            label=lazy("Months"),
            icon="calendar",
            permission=Permission.FLOWS_VIEW,
            opens=lambda row: url_for("calendars.month", row_id=row.id),
        ),
    ),
    extras=_extras,
    load=_load,
    save=_save,
    delete=_delete,
    fields=(
        Field(name="name", label=lazy("Name"), required=True, max_length=100),
        Field(
            name="china",
            label=lazy("China's public holidays and make-up working days apply"),
            kind="checkbox",
            default=True,
        ),
        Field(
            name="days",
            label=lazy("Own days"),
            kind="textarea",
            max_length=MAX_LETTERS,
            hint=lazy(
                "One a line, or a whole year pasted: date, closed or open, name. 2026-10-01 to 2026-10-08 closed"
                " National Day. These come before everything else."
            ),
        ),
    ),
)
