"""What the operator's screens across companies share: whose a row is, and for whom one is opened."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from admin_web.resource import Column, Field, Filter, Options, id_in, pairs
from core.database import TenantSession
from core.i18n import lazy
from core.models import Tenant


def tenant_options(session: TenantSession) -> Options:
    """Return the companies something can be opened for."""
    query = select(Tenant.id, Tenant.name).where(Tenant.is_operator.is_(False)).order_by(Tenant.name)
    return [(str(tenant_id), name) for tenant_id, name in session.execute(query)]


def tenant_names(session: TenantSession) -> dict[Any, Any]:
    """Return the companies' names by id, for the extras of :data:`TENANT_COLUMN` (``tenants``)."""
    return pairs(session, select(Tenant.id, Tenant.name))


TENANT_COLUMN = Column(
    name="tenant", label=lazy("Company"), value=lambda row, extras: extras["tenants"].get(row.tenant_id)
)
TENANT_FIELD = Field(
    name="tenant_id",
    label=lazy("Company"),
    kind="select",
    required=True,
    creating_only=True,
    options=tenant_options,
)


def tenant_filter(model: Any) -> Filter:
    """Return the filter of a list by company."""
    return Filter(
        name="tenant",
        label=lazy("Company"),
        options=tenant_options,
        apply=lambda query, text: query.where(model.tenant_id == id_in(text)),
    )
