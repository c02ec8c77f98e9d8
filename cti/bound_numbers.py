"""The landline or mobile bound to an extension, as it is set: what could not be rung later is refused at once (CTI-E3).

The controller checks again at each call (`cti.outbound.plan_for_bound_number`): what a company may call changes.
"""

from __future__ import annotations

from sqlalchemy import select

from core.database import TenantSession
from core.documents import TenantDoc
from core.models import Tenant
from cti import outbound
from cti.models import InboundRoute, TenantNumber
from cti.refusals import REASONS, NumberRefusedError


def require_usable(session: TenantSession, tenant_id: int, number: str) -> None:
    """Let pass a number (stored form) that may be an agent's telephone, or none.

    Raises :class:`NumberRefusedError` for what calls to the outside are refused for (CTI-E5), and for the company's
    own numbers, which would lead back to its queues.
    """
    tenant = session.get(Tenant, tenant_id)
    if not number or tenant is None:
        return
    rules = TenantDoc(
        id=tenant.id,
        tenant_id=tenant.id,
        version=0,
        code=tenant.code,
        name=tenant.name,
        active=True,
        outbound_countries=tuple(code for code in tenant.outbound_countries.split(",") if code),
        premium_allowed=tenant.premium_allowed,
    )
    try:
        outbound.check_bound_number(number, rules, lambda each: _is_own(session, tenant_id, each))
    except outbound.Refused as refusal:
        raise NumberRefusedError(reason=REASONS[refusal.reason.value]) from None


def _is_own(session: TenantSession, tenant_id: int, number: str) -> bool:
    owned = select(TenantNumber).where(TenantNumber.tenant_id == tenant_id, TenantNumber.number == number)
    routed = select(InboundRoute).where(InboundRoute.tenant_id == tenant_id, InboundRoute.number == number)
    return session.scalars(owned).first() is not None or session.scalars(routed).first() is not None
