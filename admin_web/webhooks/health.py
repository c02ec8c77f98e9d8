"""How endpoints fare: failing since when, switched off by the platform when nobody answers, nobody wants more, or who
answers for one may not see what it tells any more.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from sqlalchemy import CursorResult, select, update

from admin_web.webhooks import problems, service
from admin_web.webhooks.deliveries import GONE, Claim, Result
from admin_web.webhooks.models import WebhookEndpoint
from core import audit
from core.announcements.models import Announcement, AnnouncementTarget
from core.database import ALL_TENANTS, Database
from core.i18n import gettext, use_language
from core.models import Account, Role, Tenant
from core.permissions import Permission, of_account
from core.tenancy import TenantSession

FAILING_DAYS = 3
"""An endpoint none of whose deliveries arrived for so long is switched off."""
MAX_TOLD = 50
"""Accounts told of it, at most."""


def note(database: Database, claimed: Claim, result: Result, now: datetime.datetime) -> str:
    """Write down how the endpoint fares; return why it was switched off, or ``""``."""
    if claimed.problem in {problems.OFF, problems.SUSPENDED}:
        return ""
    if claimed.problem == problems.UNSEEN:
        return _pause_unseen(database, claimed)
    if result.status == GONE:
        return switch_off(database, claimed.tenant_id, claimed.endpoint_id, "gone")
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        since = session.scalar(
            select(WebhookEndpoint.failing_since).where(WebhookEndpoint.id == claimed.endpoint_id)
        )
    if result.ok:
        if since is not None:
            _set_failing(database, claimed.endpoint_id, None)
        return ""
    if since is None:
        _set_failing(database, claimed.endpoint_id, now)
        return ""
    if now - since < datetime.timedelta(days=FAILING_DAYS):
        return ""
    return switch_off(database, claimed.tenant_id, claimed.endpoint_id, "failing")


def _set_failing(database: Database, endpoint_id: int, since: datetime.datetime | None) -> None:
    with database.transaction(ALL_TENANTS) as session:
        session.execute(
            update(WebhookEndpoint)
            .where(WebhookEndpoint.id == endpoint_id)
            .values(failing_since=since)
            .execution_options(synchronize_session=False)
        )
        session.commit()


def _pause_unseen(database: Database, claimed: Claim) -> str:
    """Switch off an endpoint whose maker may not see all it is for by now; not one that was taken over meanwhile, nor
    one for which an event alone is too much that it wanted under somebody else.
    """
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        endpoint = session.get(WebhookEndpoint, claimed.endpoint_id)
        if endpoint is None or service.maker_sees(session, endpoint):
            return ""
        maker_id = endpoint.account_id
    return switch_off(database, claimed.tenant_id, claimed.endpoint_id, problems.UNSEEN, maker_id=maker_id)


def switch_off(
    database: Database, tenant_id: int, endpoint_id: int, why: str, *, maker_id: int | None = None
) -> str:
    """Disable the endpoint, with a line in the log and an announcement to who may change it; return `why`, or ``""``
    when it was off already, or is another's than `maker_id` by now.
    """
    on = [WebhookEndpoint.id == endpoint_id, WebhookEndpoint.enabled.is_(True)]
    if maker_id is not None:
        on.append(WebhookEndpoint.account_id == maker_id)
    with database.transaction(tenant_id) as session:
        done = session.execute(
            update(WebhookEndpoint)
            .where(*on)
            .values(enabled=False, disabled_why=why)
            .execution_options(synchronize_session=False)
        )
        assert isinstance(done, CursorResult)
        if done.rowcount != 1:
            return ""
        endpoint = service.endpoint_of(session, endpoint_id)
        audit.record(session, None, "api.webhook-disable", endpoint, {"disabled_why": ["", why]})
        service.renew_interest(session)
        _announce(session, endpoint, why)
        session.commit()
    return why


def _announce(session: TenantSession, endpoint: WebhookEndpoint, why: str) -> None:
    tenant = session.scalars(select(Tenant)).one()
    with use_language(tenant.language):
        title = gettext("Webhook disabled: %(name)s", name=endpoint.name)[:200]
        body = _reason(session, endpoint, why)
    announcement = Announcement(title=title, body=body, author_id=endpoint.account_id)
    session.add(announcement)
    session.flush()
    session.add_all(
        AnnouncementTarget(announcement_id=announcement.id, account_id=account_id)
        for account_id in _editors(session, is_operator=tenant.is_operator)
    )


def _reason(session: TenantSession, endpoint: WebhookEndpoint, why: str) -> str:
    if why == "gone":
        return gettext(
            "The receiver at %(url)s answered that it wants no more events (410).", url=endpoint.url
        )
    if why == problems.UNSEEN:
        return service.advice(session, endpoint)
    return gettext(
        "No delivery to %(url)s has succeeded for %(days)s days. Events go on being recorded once it is "
        "enabled again.",
        url=endpoint.url,
        days=FAILING_DAYS,
    )


def _editors(session: TenantSession, *, is_operator: bool) -> Sequence[int]:
    """Return accounts that may change webhooks; the query leaves out most of the others."""
    able = session.execute(
        select(Account, Role)
        .outerjoin(Role, Role.id == Account.role_id)
        .where(
            Account.enabled.is_(True),
            Account.deleted_at.is_(None),
            Role.built_in.is_not(None)
            | Role.permissions.contains(Permission.API_EDIT.value)
            | Account.permissions.contains(Permission.API_EDIT.value),
            Role.code.is_(None) | Role.code.not_in(["agent", "supervisor"]) | Account.apply_role.is_(False),
        )
        .order_by(Account.id)
        .limit(MAX_TOLD * 10)
    )
    found = [
        account.id
        for account, role in able
        if Permission.API_EDIT in of_account(account, role, is_operator=is_operator)
    ]
    return found[:MAX_TOLD]
