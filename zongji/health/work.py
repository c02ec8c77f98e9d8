"""What the database tells of work done for others: the outbox, webhooks, background jobs."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from sqlalchemy import func, select

from admin_web.system_health import Check
from admin_web.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from core.clock import to_ms
from core.database import ALL_TENANTS, Database, utc_now
from core.i18n import gettext as _
from core.jobs.models import BackgroundJob, JobState
from core.models import Tenant
from core.outbox.models import OutboxEvent
from zongji.health.named import note, well, wrong

LATE = datetime.timedelta(minutes=2)
"""Events and deliveries are taken within a second; what is due this long waits for somebody who does not come."""
RECENT = datetime.timedelta(days=1)


def events(database: Database) -> Iterator[Check]:
    """Yield how far the outbox and the webhooks are behind, and which receivers do not answer. Raises
    ``SQLAlchemyError``.
    """
    now = utc_now()
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        waiting, first = session.execute(
            select(func.count(), func.min(OutboxEvent.at)).where(OutboxEvent.done_at.is_(None))
        ).one()
        pending, due = session.execute(
            select(func.count(), func.min(WebhookDelivery.next_at)).where(
                WebhookDelivery.state == DeliveryState.PENDING
            )
        ).one()
        failing, since = session.execute(
            select(func.count(), func.min(WebhookEndpoint.failing_since)).where(
                WebhookEndpoint.failing_since.is_not(None), WebhookEndpoint.enabled.is_(True)
            )
        ).one()
        off = session.scalar(
            select(func.count()).where(WebhookEndpoint.disabled_why != "", WebhookEndpoint.enabled.is_(False))
        )
    stuck = _("See whether the scheduler runs, and what it writes.")
    name, how = _("Outbox"), _("%(count)s events wait", count=waiting)
    late = first is not None and now - first > LATE
    yield wrong("outbox", name, how, stuck, to_ms(first)) if late else well("outbox", name, how)
    name, how = _("Webhooks"), _("%(count)s deliveries wait", count=pending)
    if due is not None and now - due > LATE:
        yield wrong("webhooks", name, how, stuck, to_ms(due))
    elif failing or off:
        text = _(
            "%(failing)s receivers do not answer, %(off)s were switched off by the platform",
            failing=failing,
            off=off,
        )
        remedy = _("Their companies see why on the page Webhooks; nothing is to be done here.")
        yield note("webhooks", name, f"{how}; {text}", remedy, to_ms(since) if since else 0)
    else:
        yield well("webhooks", name, how)


def jobs(database: Database) -> Iterator[Check]:
    """Yield whether background jobs wait for a worker, and which failed of late. Raises ``SQLAlchemyError``."""
    now = utc_now()
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        waiting, first = session.execute(
            select(func.count(), func.min(BackgroundJob.created_at)).where(
                BackgroundJob.state == JobState.QUEUED
            )
        ).one()
        failed = (BackgroundJob.state == JobState.FAILED, BackgroundJob.ended_at > now - RECENT)
        count = session.scalar(select(func.count()).select_from(BackgroundJob).where(*failed)) or 0
        last = session.execute(
            select(BackgroundJob.id, BackgroundJob.kind, BackgroundJob.ended_at, Tenant.name)
            .join(Tenant, Tenant.id == BackgroundJob.tenant_id)
            .where(*failed)
            .order_by(BackgroundJob.id.desc())
            .limit(1)
        ).one_or_none()
    name, how = _("Background jobs"), _("%(count)s wait", count=waiting)
    if first is not None and now - first > LATE:
        remedy = _("See whether the scheduler runs, and what it writes.")
        yield wrong("jobs", name, how, remedy, to_ms(first))
    else:
        yield well("jobs", name, how)
    if last is not None:
        text = _(
            "%(count)s in the last day; the last is number %(id)s, %(kind)s of %(company)s",
            count=count,
            id=last.id,
            kind=last.kind,
            company=last.name,
        )
        remedy = _(
            "The scheduler's log has the reason under the job's number; the person may begin it again."
        )
        yield note("jobs-failed", _("Failed background jobs"), text, remedy, to_ms(last.ended_at))
