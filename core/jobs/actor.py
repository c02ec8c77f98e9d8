"""Who a job works for: the account that asked, with the rights it has by now."""

from __future__ import annotations

from sqlalchemy import select

from core.jobs.errors import ActorGoneError
from core.models import Account, Role, Tenant, TenantState
from core.permissions import Principal, of_account, queues_of, reach_of
from core.tenancy import TenantSession


def principal_for(session: TenantSession, account_id: int) -> Principal:
    """Return the account as services take it. Raises :class:`ActorGoneError` when it may not sign in any more."""
    row = session.execute(
        select(Account, Tenant, Role)
        .join(Tenant, Tenant.id == Account.tenant_id)
        .outerjoin(Role, Role.id == Account.role_id)
        .where(Account.id == account_id)
    ).one_or_none()
    if row is None:
        raise ActorGoneError()
    account, tenant, role = row
    if not account.enabled or account.deleted_at is not None or tenant.state is not TenantState.ACTIVE:
        raise ActorGoneError()
    return Principal(
        account_id=account.id,
        tenant_id=account.tenant_id,
        tenant_code=tenant.code,
        tenant_name=tenant.name,
        login=account.login,
        name=account.name,
        role_name="" if role is None else role.name,
        built_in_role=None if role is None else role.built_in,
        permissions=of_account(account, role, is_operator=tenant.is_operator),
        language=account.language or tenant.language,
        timezone=tenant.timezone,
        session_id=0,
        is_operator=tenant.is_operator,
        queues=queues_of(account),
        group_reach=reach_of(account, role, is_operator=tenant.is_operator),
    )
