"""Numbers (ACC-3): the operator's inventory, who has which and what for; a company's own, to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from admin_web.resource import Column, Field, Filter, Options, Resource, id_in, pairs, yes_no
from admin_web.resources.operator import TENANT_COLUMN, tenant_filter, tenant_names, tenant_options
from admin_web.resources.saving import publish, store
from admin_web.resources.tenants import trunk_options
from core import audit, phone
from core.database import TenantSession
from core.i18n import lazy
from core.models import Tenant
from core.permissions import Permission, Principal
from cti import numbers
from cti.models import InboundRoute, TenantNumber, Trunk


def caller_id_options(session: TenantSession) -> Options:
    """Return the numbers the session's company may show to called parties (CTI-E2)."""
    query = select(TenantNumber.number).where(TenantNumber.caller_id.is_(True)).order_by(TenantNumber.number)
    return [(number, phone.display(number)) for number in session.scalars(query)]


def _extras(session: TenantSession, rows: Sequence[TenantNumber]) -> Mapping[str, Any]:
    routes = select(InboundRoute.number, InboundRoute.code).where(
        InboundRoute.number.in_([row.number for row in rows])
    )
    return {
        "routes": pairs(session, routes),
        "tenants": tenant_names(session),
        "trunks": pairs(session, select(Trunk.id, Trunk.name)),
    }


def _load(session: TenantSession, row: TenantNumber) -> dict[str, Any]:
    return {
        "tenant_id": str(row.tenant_id),
        "numbers": phone.display(row.number),
        "trunk_id": str(row.trunk_id or ""),
        "inbound": row.inbound,
        "caller_id": row.caller_id,
        "note": row.note,
    }


def _save(
    session: TenantSession, actor: Principal, row: TenantNumber | None, values: dict[str, Any]
) -> TenantNumber:
    values["trunk_id"] = int(values["trunk_id"]) if values["trunk_id"] else None
    tenant_id = int(values.pop("tenant_id"))
    if row is None:
        return _add(session, actor, tenant_id, numbers.parse(values.pop("numbers")), values)
    values.pop("numbers", None)
    if tenant_id != row.tenant_id:
        return _give(session, actor, row, tenant_id, values)
    numbers.require_unused(
        session,
        row,
        inbound=row.inbound and not values["inbound"],
        caller_id=row.caller_id and not values["caller_id"],
    )
    store(session, actor, "trunks.number-edit", row, values)
    publish(session, row)
    return row


def _add(
    session: TenantSession, actor: Principal, tenant_id: int, wanted: list[str], values: dict[str, Any]
) -> TenantNumber:
    """Add all of them, or none and say which are there already."""
    if not wanted:
        raise numbers.NumbersUnusableError(field="numbers", reasons=str(lazy("The list is empty.")))
    names = tenant_names(session)
    query = select(TenantNumber.number, TenantNumber.tenant_id).where(TenantNumber.number.in_(wanted))
    there = [
        str(lazy("%(number)s belongs to %(name)s.", number=phone.display(number), name=names.get(owner, "")))
        for number, owner in session.execute(query)
    ]
    if there:
        raise numbers.NumbersUnusableError(field="numbers", reasons=" ".join(there[:5]))
    rows = [TenantNumber(tenant_id=tenant_id, number=each, **values) for each in wanted]
    session.add_all(rows)
    session.flush()
    added = [wanted[0]] if len(wanted) == 1 else [wanted[0], wanted[-1], len(wanted)]
    audit.record(session, actor, "trunks.number-add", rows[0], {"number": ["", ", ".join(map(str, added))]})
    publish(session, rows[0])
    return rows[0]


def _give(
    session: TenantSession, actor: Principal, row: TenantNumber, tenant_id: int, values: dict[str, Any]
) -> TenantNumber:
    """Give a number to another company: refused while the one that has it needs it."""
    numbers.require_unused(session, row, inbound=True, caller_id=True)
    before = session.get_one(Tenant, row.tenant_id)
    audit.record(session, actor, "trunks.number-give", row, {"tenant_id": [row.tenant_id, tenant_id]})
    number = row.number
    session.delete(row)
    session.flush()
    given = TenantNumber(tenant_id=tenant_id, number=number)
    store(session, actor, "trunks.number-add", given, values)
    publish(session, before, given)
    return given


def _delete(session: TenantSession, actor: Principal, row: TenantNumber) -> None:
    numbers.require_unused(session, row, inbound=True, caller_id=True)
    tenant = session.get_one(Tenant, row.tenant_id)
    audit.record(session, actor, "trunks.number-delete", row, {})
    session.delete(row)
    session.flush()
    publish(session, tenant)


COLUMNS = (
    Column(name="number", label=lazy("Number"), kind="own_number"),
    Column(name="inbound", label=lazy("Can be called"), value=lambda row, _: yes_no(row.inbound)),
    Column(
        name="route",
        label=lazy("Inbound route"),
        value=lambda row, extras: extras["routes"].get(row.number, ""),
    ),
    Column(name="caller_id", label=lazy("May be shown"), value=lambda row, _: yes_no(row.caller_id)),
)
BY_NUMBER = Filter(
    name="q",
    label=lazy("Number"),
    apply=lambda query, text: query.where(
        TenantNumber.number.contains(
            "".join(each for each in text if each.isdigit()).lstrip("0"), autoescape=True
        )
    ),
)

NUMBERS = Resource(
    name="numbers",
    path="/numbers",
    title=lazy("Our numbers"),
    singular=lazy("Number"),
    lead=lazy("What your company can be called on, and what it may show. The operator gives numbers."),
    model=TenantNumber,
    view=Permission.ROUTES_VIEW,
    empty=lazy("No number yet. The operator gives numbers to your company."),
    extras=_extras,
    columns=COLUMNS,
    filters=(BY_NUMBER,),
)

ALL_NUMBERS = Resource(
    name="all_numbers",
    path="/platform/numbers",
    title=lazy("Numbers"),
    singular=lazy("Number"),
    lead=lazy("Every number of the platform: which company has it, by which trunk, what for."),
    model=TenantNumber,
    view=Permission.TRUNKS_VIEW,
    edit=Permission.TRUNKS_EDIT,
    create=Permission.TRUNKS_EDIT,
    remove=Permission.TRUNKS_EDIT,
    all_tenants=True,
    empty=lazy("No number yet. Add one, or a whole list, with New."),
    extras=_extras,
    load=_load,
    save=_save,
    delete=_delete,
    columns=(
        COLUMNS[0],
        TENANT_COLUMN,
        Column(
            name="trunk",
            label=lazy("Trunk"),
            value=lambda row, extras: extras["trunks"].get(row.trunk_id, ""),
        ),
        *COLUMNS[1:],
        Column(name="note", label=lazy("Note")),
    ),
    filters=(
        BY_NUMBER,
        tenant_filter(TenantNumber),
        Filter(
            name="trunk",
            label=lazy("Trunk"),
            options=trunk_options,
            apply=lambda query, text: query.where(TenantNumber.trunk_id == id_in(text)),
        ),
    ),
    fields=(
        Field(
            name="numbers",
            label=lazy("Numbers"),
            kind="textarea",
            required=True,
            creating_only=True,
            max_length=20_000,
            hint=lazy(
                "One a line, or with commas between; a range as 02160001000 ~ 02160001099. At most 1000."
            ),
        ),
        Field(name="tenant_id", label=lazy("Company"), kind="select", required=True, options=tenant_options),
        Field(
            name="trunk_id",
            label=lazy("Trunk"),
            kind="select",
            options=trunk_options,
            blank=lazy("The company's"),
            hint=lazy("Calls that show this number go out by it."),
        ),
        Field(
            name="inbound", label=lazy("Can be called: a route may have it"), kind="checkbox", default=True
        ),
        Field(name="caller_id", label=lazy("May be shown to called parties"), kind="checkbox", default=True),
        Field(name="note", label=lazy("Note"), kind="textarea", max_length=500),
    ),
)
