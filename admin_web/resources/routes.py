"""Inbound routes (CTI-R1 to R3, R5): the tenant sets where calls go, the operator opens, closes and switches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import or_, select

from admin_web.resource import Column, Field, Filter, Options, Resource, on_off, refuse
from admin_web.resources import destinations
from admin_web.resources.operator import TENANT_COLUMN, TENANT_FIELD, tenant_filter, tenant_names
from admin_web.resources.saving import drop, publish, store
from admin_web.resources.switching import on_and_off
from core import keys, phone
from core.database import TenantSession
from core.i18n import gettext, lazy
from core.models import Tenant
from core.permissions import Permission, Principal
from core.redis import RedisError
from core.views import parts
from cti.models import InboundRoute, TenantNumber

REFUSALS = (("USER_BUSY", lazy("Busy (486)")), ("NORMAL_TEMPORARY_FAILURE", lazy("Not available (503)")))


def _calls_now(rows: Sequence[InboundRoute]) -> dict[int, int | None]:
    try:
        with parts().redis.pipeline(transaction=False) as pipe:
            for row in rows:
                pipe.hlen(keys.route_calls(row.tenant_id, row.id))
            return dict(zip((row.id for row in rows), pipe.execute(), strict=True))
    except RedisError:
        return {}


def _extras(session: TenantSession, rows: Sequence[InboundRoute]) -> Mapping[str, Any]:
    return {
        "names": destinations.names(session),
        "now": _calls_now(rows),
        "tenants": tenant_names(session),
    }


def _load(session: TenantSession, row: InboundRoute) -> dict[str, Any]:
    return {
        "tenant_id": row.tenant_id,
        "code": row.code,
        "number": phone.display(row.number) if row.number else "",
        "trunk_address": row.trunk_address or "",
        "goal": f"{row.destination.value}:{row.destination_id}",
        "concurrency": row.concurrency,
        "refusal_cause": row.refusal_cause,
        "priority": row.priority,
        "note": row.note,
    }


def _save(
    session: TenantSession, actor: Principal, row: InboundRoute | None, values: dict[str, Any]
) -> InboundRoute:
    assert row is not None
    goal = values.pop("goal")
    values["destination"], values["destination_id"] = destinations.parse(goal)
    store(session, actor, "routes.edit", row, values)
    publish(session, row)
    return row


def _open(
    session: TenantSession, actor: Principal, row: InboundRoute | None, values: dict[str, Any]
) -> InboundRoute:
    """Open a route for a tenant, or change the operator's part of one."""
    number, trunk = values.pop("number", ""), values.pop("trunk_address", "")
    tenant_id = values.pop("tenant_id", None)
    if not number and not trunk:
        raise refuse("number", lazy("A route needs a number or a trunk's address."))
    if row is None:
        row = InboundRoute(tenant_id=int(tenant_id))
    if number and number != row.number:
        _have_number(session, actor, row.tenant_id, number)
    store(
        session,
        actor,
        "routes.open",
        row,
        {**values, "number": number or None, "trunk_address": trunk or None},
    )
    publish(session, row)
    return row


def _have_number(session: TenantSession, actor: Principal, tenant_id: int, number: str) -> None:
    """See that the company has the number to be called on: one nobody has is given to it."""
    held = session.scalars(select(TenantNumber).where(TenantNumber.number == number)).one_or_none()
    if held is None:
        given = TenantNumber(tenant_id=tenant_id, number=number)
        store(session, actor, "trunks.number-add", given, {"inbound": True})
        publish(session, given)
    elif held.tenant_id != tenant_id:
        owner = session.get_one(Tenant, held.tenant_id).name
        raise refuse("number", lazy("The number belongs to %(name)s.", name=owner))
    elif not held.inbound:
        raise refuse("number", lazy("The number is not given to the company to be called on."))


def _close(session: TenantSession, actor: Principal, row: InboundRoute) -> None:
    drop(session, actor, "routes.close", row)


def refusal_options(session: TenantSession) -> Options:
    """Return the ways a call over the limit is refused."""
    return [(value, str(text)) for value, text in REFUSALS]


def _limit(row: InboundRoute, extras: Mapping[str, Any]) -> str:
    now = extras["now"].get(row.id)
    return f"{'?' if now is None else now} / {row.concurrency}"


def _goal(row: InboundRoute, extras: Mapping[str, Any]) -> str:
    return str(extras["names"].get((row.destination, row.destination_id), gettext("Not set")))


COLUMNS = (
    Column(name="code", label=lazy("Code")),
    Column(name="number", label=lazy("Number"), kind="own_number", value=lambda row, _: row.number or ""),
    Column(name="trunk_address", label=lazy("Trunk address")),
    Column(name="goal", label=lazy("Destination"), value=_goal),
    Column(name="calls", label=lazy("Calls now / allowed"), value=_limit, kind="number"),
    Column(name="priority", label=lazy("Priority"), kind="number"),
    Column(name="enabled", label=lazy("State"), value=lambda row, _: on_off(row.enabled)),
    Column(name="note", label=lazy("Note")),
)
FILTERS = (
    Filter(
        name="q",
        label=lazy("Code or number"),
        apply=lambda query, text: query.where(
            or_(
                InboundRoute.code.contains(text, autoescape=True),
                InboundRoute.number.contains(text, autoescape=True),
            )
        ),
    ),
)

ROUTES = Resource(
    name="routes",
    path="/routes",
    title=lazy("Inbound routes"),
    singular=lazy("Inbound route"),
    lead=lazy("Where callers of your numbers go. Numbers are opened and switched by the operator."),
    model=InboundRoute,
    view=Permission.ROUTES_VIEW,
    edit=Permission.ROUTES_EDIT,
    columns=COLUMNS,
    filters=FILTERS,
    empty=lazy("No number leads here yet. The operator opens numbers for your company."),
    extras=_extras,
    load=_load,
    save=_save,
    fields=(
        Field(name="code", label=lazy("Code"), kind="readonly"),
        Field(name="number", label=lazy("Number"), kind="readonly"),
        Field(
            name="goal", label=lazy("Destination"), kind="select", required=True, options=destinations.options
        ),
        Field(
            name="concurrency",
            label=lazy("Calls at once"),
            kind="number",
            required=True,
            maximum=99_999,
            hint=lazy("A call over this number is refused. 0 refuses all."),
        ),
        Field(
            name="refusal_cause",
            label=lazy("Refuse with"),
            kind="select",
            required=True,
            options=refusal_options,
        ),
        Field(
            name="priority",
            label=lazy("Priority"),
            kind="number",
            required=True,
            maximum=99,
            hint=lazy("0 to 99. In every queue, calls with a higher one are served first."),
        ),
        Field(name="note", label=lazy("Note"), kind="textarea", max_length=500),
    ),
)

ALL_ROUTES = Resource(
    name="all_routes",
    path="/platform/routes",
    title=lazy("All routes"),
    singular=lazy("Inbound route"),
    lead=lazy("Numbers and trunks of every company."),
    model=InboundRoute,
    view=Permission.ROUTES_OPEN,
    edit=Permission.ROUTES_OPEN,
    create=Permission.ROUTES_OPEN,
    remove=Permission.ROUTES_OPEN,
    all_tenants=True,
    columns=(TENANT_COLUMN, *COLUMNS),
    filters=(*FILTERS, tenant_filter(InboundRoute)),
    empty=lazy("No route yet. Open one for a company with New."),
    extras=_extras,
    load=_load,
    save=_open,
    delete=_close,
    actions=(
        *on_and_off(
            Permission.ROUTES_OPEN,
            "routes.switch",
            on=lazy("%(code)s takes calls."),
            off=lazy("%(code)s is paused."),
        ),
    ),
    fields=(
        TENANT_FIELD,
        Field(name="code", label=lazy("Code"), required=True, max_length=64),
        Field(
            name="number",
            label=lazy("Number"),
            kind="phone",
            hint=lazy(
                "What callers dial: a number of the company; a new one is given to it. Empty for a route by trunk."
            ),
        ),
        Field(name="trunk_address", label=lazy("Trunk address"), max_length=64),
        Field(
            name="concurrency",
            label=lazy("Calls at once"),
            kind="number",
            required=True,
            maximum=99_999,
            default=30,
        ),
        Field(name="note", label=lazy("Note"), kind="textarea", max_length=500),
    ),
)
