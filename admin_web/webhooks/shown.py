"""Webhooks and their deliveries in a word, for the pages."""

from __future__ import annotations

from admin_web.resource import Tag
from admin_web.webhooks import problems, service
from admin_web.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from core.i18n import gettext, lazy
from core.tenancy import TenantSession

STATES = {
    DeliveryState.PENDING: (lazy("On its way"), "amber"),
    DeliveryState.DELIVERED: (lazy("Delivered"), "green"),
    DeliveryState.FAILED: (lazy("Failed"), "red"),
}


def state_of(row: WebhookEndpoint) -> Tag:
    """Return how the endpoint fares, in a word."""
    if not row.enabled:
        words = {
            "gone": gettext("Disabled: the receiver wants no more"),
            "failing": gettext("Disabled: failed for days"),
            problems.UNSEEN: gettext("Disabled: its account may not see what it tells"),
        }
        return Tag(
            text=words.get(row.disabled_why, gettext("Disabled")),
            colour="red" if row.disabled_why else "grey",
        )
    if row.failing_since is not None:
        return Tag(text=gettext("Failing"), colour="amber")
    return Tag(text=gettext("Enabled"), colour="green")


def advice_on(db: TenantSession, row: WebhookEndpoint) -> str:
    """Return what is to be done about an endpoint the platform switched off, or ``""``."""
    if row.enabled or not row.disabled_why:
        return ""
    if row.disabled_why == problems.UNSEEN:
        return service.advice(db, row)
    return gettext("Enable it again once the receiver works.")


def tag_of(row: WebhookDelivery) -> Tag:
    """Return how a delivery fares, in a word."""
    text, colour = STATES[row.state]
    return Tag(text=str(text), colour=colour)
