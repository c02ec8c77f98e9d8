"""Customers in their first form: one row per number."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_

from admin_web.number_search import number_matches
from admin_web.resource import Column, Field, Filter, Resource
from admin_web.resources.saving import drop, store
from core import phone
from core.database import TenantSession
from core.i18n import lazy
from core.permissions import Permission, Principal
from crm.models import Customer


def _load(session: TenantSession, row: Customer) -> dict[str, Any]:
    return {"name": row.name, "phone": phone.display(row.phone), "company": row.company, "note": row.note}


def _save(session: TenantSession, actor: Principal, row: Customer | None, values: dict[str, Any]) -> Customer:
    action = "customers.edit" if row is not None else "customers.create"
    row = row or Customer(created_by=actor.account_id)
    store(session, actor, action, row, {**values, "updated_by": actor.account_id})
    return row


def _delete(session: TenantSession, actor: Principal, row: Customer) -> None:
    drop(session, actor, "customers.delete", row, published=False)


CUSTOMERS = Resource(
    name="customers",
    path="/customers",
    title=lazy("Customers"),
    singular=lazy("Customer"),
    lead=lazy("Who calls: shown to the agent as soon as the telephone rings."),
    model=Customer,
    view=Permission.CUSTOMERS_VIEW,
    edit=Permission.CUSTOMERS_EDIT,
    create=Permission.CUSTOMERS_EDIT,
    remove=Permission.CUSTOMERS_DELETE,
    empty=lazy("No customer yet. Add one with New."),
    columns=(
        Column(name="name", label=lazy("Name")),
        Column(name="phone", label=lazy("Number"), kind="phone"),
        Column(name="company", label=lazy("Company")),
        Column(name="note", label=lazy("Note")),
        Column(name="updated_at", label=lazy("Changed"), kind="time"),
    ),
    filters=(
        Filter(
            name="q",
            label=lazy("Name or company"),
            apply=lambda query, text: query.where(
                or_(
                    Customer.name.contains(text, autoescape=True),
                    Customer.company.contains(text, autoescape=True),
                )
            ),
        ),
        Filter(
            name="phone",
            label=lazy("Number"),
            apply=lambda query, text: query.where(number_matches(Customer.phone, text)),
        ),
    ),
    load=_load,
    save=_save,
    delete=_delete,
    fields=(
        Field(name="name", label=lazy("Name"), required=True, max_length=100),
        Field(name="phone", label=lazy("Number"), kind="phone", required=True, personal_number=True),
        Field(name="company", label=lazy("Company"), max_length=100),
        Field(name="note", label=lazy("Note"), kind="textarea", max_length=500),
    ),
)
