"""A company's own words on the desk: reasons of breaks (DSK-1) and dispositions (DSK-9)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from admin_web.resource import Column, Field, Filter, Options, Resource, Tag, on_off, refuse, yes_no
from admin_web.resources.saving import drop, store
from core.database import TenantSession
from core.i18n import gettext, lazy
from core.permissions import Permission, Principal
from cti.desk.models import BreakReason, BreakState, Disposition

STATES = {BreakState.BREAK: lazy("Break"), BreakState.AWAY: lazy("Away")}
DIGITS = tuple("123456789")


def state_options(session: TenantSession) -> Options:
    """Return the states reasons are for."""
    return [(state.value, str(text)) for state, text in STATES.items()]


def digit_options(session: TenantSession) -> Options:
    """Return the keys that can choose a disposition."""
    return [(digit, digit) for digit in DIGITS]


def _unique_name(session: TenantSession, model: Any, row: Any, name: str) -> None:
    taken = select(model.id).where(model.name == name, model.id != (row.id if row else 0))
    if session.scalar(taken) is not None:
        raise refuse("name", lazy("There is one named %(name)s already.", name=name))


def _save_reason(
    session: TenantSession, actor: Principal, row: BreakReason | None, values: dict[str, Any]
) -> BreakReason:
    _unique_name(session, BreakReason, row, values["name"])
    values["state"] = BreakState(values["state"])
    action = "desk.reason-edit" if row is not None else "desk.reason-create"
    row = row or BreakReason()
    store(session, actor, action, row, values)
    return row


def _delete_reason(session: TenantSession, actor: Principal, row: BreakReason) -> None:
    drop(session, actor, "desk.reason-delete", row, published=False)


def _save_disposition(
    session: TenantSession, actor: Principal, row: Disposition | None, values: dict[str, Any]
) -> Disposition:
    _unique_name(session, Disposition, row, values["name"])
    if values["digit"] and values["active"]:
        other = session.scalar(
            select(Disposition.name).where(
                Disposition.digit == values["digit"],
                Disposition.active,
                Disposition.id != (row.id if row else 0),
            )
        )
        if other is not None:
            raise refuse("digit", lazy("“%(name)s” has this key.", name=other))
    action = "desk.disposition-edit" if row is not None else "desk.disposition-create"
    row = row or Disposition()
    store(session, actor, action, row, values)
    return row


def _delete_disposition(session: TenantSession, actor: Principal, row: Disposition) -> None:
    drop(session, actor, "desk.disposition-delete", row, published=False)


POSITION = Field(
    name="position",
    label=lazy("Place in the list"),
    kind="number",
    maximum=999,
    default=0,
    hint=lazy("Smaller stands further up."),
)
ACTIVE = Field(name="active", label=lazy("Can be chosen"), kind="checkbox", default=True)

BREAK_REASONS = Resource(
    name="break_reasons",
    path="/break-reasons",
    title=lazy("Break reasons"),
    singular=lazy("Break reason"),
    lead=lazy("What agents choose from when they take a break or go away; supervisors see it."),
    model=BreakReason,
    view=Permission.QUEUES_VIEW,
    edit=Permission.QUEUES_EDIT,
    create=Permission.QUEUES_EDIT,
    remove=Permission.QUEUES_EDIT,
    empty=lazy("No reason yet: agents choose Break or Away without one. Make one with New."),
    columns=(
        Column(name="name", label=lazy("Name")),
        Column(
            name="state",
            label=lazy("State"),
            value=lambda row, _: Tag(
                text=str(STATES[row.state]), colour="amber" if row.state is BreakState.BREAK else "grey"
            ),
        ),
        Column(name="position", label=lazy("Place in the list"), kind="number"),
        Column(name="active", label=lazy("Can be chosen"), value=lambda row, _: on_off(row.active)),
        Column(name="updated_at", label=lazy("Changed"), kind="time"),
    ),
    filters=(
        Filter(
            name="q",
            label=lazy("Name"),
            apply=lambda query, text: query.where(BreakReason.name.contains(text, autoescape=True)),
        ),
    ),
    load=lambda session, row: {
        "name": row.name,
        "state": row.state.value,
        "position": row.position,
        "active": row.active,
    },
    save=_save_reason,
    delete=_delete_reason,
    fields=(
        Field(name="name", label=lazy("Name"), required=True, max_length=100),
        Field(
            name="state",
            label=lazy("State"),
            kind="select",
            required=True,
            options=state_options,
            default=BreakState.BREAK.value,
        ),
        POSITION,
        ACTIVE,
    ),
)

DISPOSITIONS = Resource(
    name="dispositions",
    path="/dispositions",
    title=lazy("Dispositions"),
    singular=lazy("Disposition"),
    lead=lazy("How a call ended, for the wrap-up form. Once there is one, agents have to choose."),
    model=Disposition,
    view=Permission.QUEUES_VIEW,
    edit=Permission.QUEUES_EDIT,
    create=Permission.QUEUES_EDIT,
    remove=Permission.QUEUES_EDIT,
    empty=lazy("No disposition yet: wrap-ups have a note alone. Make one with New."),
    columns=(
        Column(name="name", label=lazy("Name")),
        Column(
            name="digit",
            label=lazy("Key"),
            kind="short",
            value=lambda row, _: row.digit or gettext("none"),
        ),
        Column(name="needs_note", label=lazy("Needs a note"), value=lambda row, _: yes_no(row.needs_note)),
        Column(name="position", label=lazy("Place in the list"), kind="number"),
        Column(name="active", label=lazy("Can be chosen"), value=lambda row, _: on_off(row.active)),
        Column(name="updated_at", label=lazy("Changed"), kind="time"),
    ),
    filters=(
        Filter(
            name="q",
            label=lazy("Name"),
            apply=lambda query, text: query.where(Disposition.name.contains(text, autoescape=True)),
        ),
    ),
    save=_save_disposition,
    delete=_delete_disposition,
    fields=(
        Field(name="name", label=lazy("Name"), required=True, max_length=100),
        Field(
            name="digit",
            label=lazy("Key"),
            kind="select",
            options=digit_options,
            blank=lazy("None"),
            hint=lazy(
                "Chooses it on the desk, outside of text fields, while a call or its wrap-up is there."
            ),
        ),
        Field(name="needs_note", label=lazy("Needs a note"), kind="checkbox", default=False),
        POSITION,
        ACTIVE,
    ),
)
