"""Webhook endpoints (ACC-13): made, changed, given new secrets, switched off; deliveries sent once more."""

from __future__ import annotations

import datetime
from collections.abc import Collection

import msgspec
from sqlalchemy import func, select

from admin_web.webhooks import problems, rights, signing
from admin_web.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from core import audit, outbound_http
from core.crypto import Vault
from core.errors import CallerFault, Conflict, InvalidField, NotFound
from core.i18n import gettext, lazy
from core.jobs.actor import principal_for
from core.jobs.errors import ActorGoneError
from core.models import Account, Tenant
from core.outbox import service as outbox
from core.outbox.kinds import EventKind
from core.permissions import Principal
from core.tables import utc_now
from core.tenancy import TenantSession

CONSUMER = "webhooks"
MAX_ENDPOINTS = 20
"""Endpoints of one company."""
OLD_SECRET_STAYS = datetime.timedelta(days=1)
"""How long a replaced secret still signs, so that a receiver can be changed without losing anything."""
TEST_KIND = "webhook.test"


class TooManyEndpointsError(Conflict):
    """The company has as many endpoints as it may."""

    id = "too-many-endpoints"
    sentence = lazy("A company has at most %(maximum)s webhooks.")


class KindsNeededError(InvalidField):
    """An endpoint that wants nothing is a mistake."""

    id = "kinds-needed"
    sentence = lazy("Choose at least one kind of event.")


class NameNeededError(InvalidField):
    """An endpoint without a name."""

    id = "name-needed"
    sentence = lazy("This field is needed.")


class StillPendingError(Conflict):
    """A delivery that is on its way is not sent again."""

    id = "delivery-pending"
    sentence = lazy("This delivery is still on its way.")


class EndpointOffError(CallerFault):
    """Nothing is sent to an endpoint that is switched off."""

    id = "endpoint-off"
    status = 409
    sentence = lazy("This webhook is disabled. Enable it first.")


def kinds_of(endpoint: WebhookEndpoint) -> frozenset[EventKind]:
    """Return what the endpoint wants; kinds of another version are left out."""
    known = {kind.value for kind in EventKind}
    names = msgspec.json.decode(endpoint.kinds, type=list[str])
    return frozenset(EventKind(name) for name in names if name in known)


def maker_sees(session: TenantSession, endpoint: WebhookEndpoint) -> bool:
    """Return whether who answers for `endpoint` may see by now all it is for."""
    try:
        maker = principal_for(session, endpoint.account_id)
    except ActorGoneError:
        return False
    return all(rights.may_read(maker, kind) for kind in kinds_of(endpoint))


def advice(session: TenantSession, endpoint: WebhookEndpoint) -> str:
    """Return what became of an endpoint whose maker may not see what it is for, and what to do."""
    maker = session.get(Account, endpoint.account_id)
    return gettext(
        "The account %(name)s, which answered for it, could not see all that it tells any more, or not sign in. "
        "Nothing is sent until somebody who may see it enables the webhook again.",
        name="" if maker is None else maker.name,
    )


def endpoint_of(session: TenantSession, endpoint_id: int, *, lock: bool = False) -> WebhookEndpoint:
    """Return the endpoint in the session's scope. Raises ``NotFound``."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound(kind="webhook", id=endpoint_id)
    return row


def create(
    session: TenantSession,
    vault: Vault,
    actor: Principal,
    *,
    name: str,
    url: str,
    kinds: Collection[EventKind],
    enabled: bool = True,
) -> tuple[WebhookEndpoint, str]:
    """Add an endpoint; return it with its secret, which is never shown again. The caller commits.

    Raises ``UrlRefusedError``, :class:`KindsNeededError`, :class:`NameNeededError`, :class:`TooManyEndpointsError`, and
    :class:`rights.KindsNotSeenError` unless `actor` may read all `kinds` themselves.
    """
    _lock(session)
    count = session.scalar(select(func.count()).select_from(WebhookEndpoint)) or 0
    if count >= MAX_ENDPOINTS:
        raise TooManyEndpointsError(maximum=MAX_ENDPOINTS)
    secret = signing.new_secret()
    endpoint = WebhookEndpoint(account_id=actor.account_id, secret_encrypted=vault.seal(secret))
    _set(endpoint, name, url, kinds, enabled=enabled)
    rights.require(actor, kinds)
    session.add(endpoint)
    audit.record(session, actor, "api.webhook-create", endpoint)
    renew_interest(session)
    return endpoint, secret


def change(
    session: TenantSession,
    actor: Principal,
    endpoint: WebhookEndpoint,
    *,
    name: str,
    url: str,
    kinds: Collection[EventKind],
    enabled: bool,
) -> None:
    """Change `endpoint`. Who changes where it leads or what it gets answers for it: its numbers are shown as far as
    they may see them, and they must be allowed to read all it gets; to switch it off or rename it needs nothing more.
    Who may read all it gets takes over, by saving, one whose maker may not any more. Errors as :func:`create`. The
    caller commits, and rolls back after an error.
    """
    _lock(session)
    before, was_enabled = (endpoint.url, kinds_of(endpoint)), endpoint.enabled
    _set(endpoint, name, url, kinds, enabled=enabled)
    leads_elsewhere = before != (endpoint.url, kinds_of(endpoint))
    if leads_elsewhere or (endpoint.enabled and not was_enabled):
        rights.require(actor, kinds)
    if leads_elsewhere or endpoint.enabled != was_enabled or _is_orphan(session, actor, endpoint):
        endpoint.account_id = actor.account_id
    if leads_elsewhere and endpoint.disabled_why == problems.UNSEEN:
        endpoint.disabled_why = ""  # it is off still, but another's now, who may see it
    if endpoint.enabled and not was_enabled:
        endpoint.failing_since = None
        endpoint.disabled_why = ""
    changes = audit.changes_of(endpoint)
    if changes:
        audit.record(session, actor, "api.webhook-edit", endpoint, changes)
    renew_interest(session)


def _is_orphan(session: TenantSession, actor: Principal, endpoint: WebhookEndpoint) -> bool:
    """Return whether `actor` may see all that `endpoint`, which is enabled, is for, and its maker may not any more."""
    mine = all(rights.may_read(actor, kind) for kind in kinds_of(endpoint))
    return endpoint.enabled and mine and not maker_sees(session, endpoint)


def remove(session: TenantSession, actor: Principal, endpoint: WebhookEndpoint) -> None:
    """Delete `endpoint` with its list of deliveries. The caller commits."""
    _lock(session)
    audit.record(session, actor, "api.webhook-delete", endpoint, {})
    session.delete(endpoint)
    session.flush()
    renew_interest(session)


def rotate(session: TenantSession, vault: Vault, actor: Principal, endpoint: WebhookEndpoint) -> str:
    """Give `endpoint` a new secret and return it; the old one signs besides it for a day. The caller commits."""
    secret = signing.new_secret()
    endpoint.old_secret_encrypted = endpoint.secret_encrypted
    endpoint.old_secret_until = utc_now() + OLD_SECRET_STAYS
    endpoint.secret_encrypted = vault.seal(secret)
    audit.record(session, actor, "api.webhook-secret", endpoint)
    return secret


def secrets_of(vault: Vault, endpoint: WebhookEndpoint, now: datetime.datetime) -> list[str]:
    """Return what a delivery is signed with now, the newest first. Raises ``UnreadableSecretError``."""
    found = [vault.open(endpoint.secret_encrypted)]
    if endpoint.old_secret_encrypted and endpoint.old_secret_until and endpoint.old_secret_until > now:
        found.append(vault.open(endpoint.old_secret_encrypted))
    return found


def delivery_of(session: TenantSession, endpoint_id: int, delivery_id: int) -> WebhookDelivery:
    """Return a delivery of an endpoint in the session's scope. Raises ``NotFound``."""
    row = session.scalar(
        select(WebhookDelivery).where(
            WebhookDelivery.id == delivery_id, WebhookDelivery.endpoint_id == endpoint_id
        )
    )
    if row is None:
        raise NotFound(kind="delivery", id=delivery_id)
    return row


def redeliver(
    session: TenantSession, actor: Principal, endpoint: WebhookEndpoint, delivery: WebhookDelivery
) -> None:
    """Have `delivery` sent once more, under its ``webhook-id``. The caller commits.

    Raises :class:`StillPendingError`, :class:`EndpointOffError`.
    """
    if not endpoint.enabled:
        raise EndpointOffError()
    if delivery.state is DeliveryState.PENDING:
        raise StillPendingError()
    delivery.state = DeliveryState.PENDING
    delivery.next_at = utc_now()
    audit.record(session, actor, "api.webhook-redeliver", endpoint, {"delivery": [None, delivery.id]})


def renew_interest(session: TenantSession) -> None:
    """Tell the outbox what the company's enabled endpoints want; under the lock of who changed one."""
    session.flush()
    rows = session.scalars(select(WebhookEndpoint).with_for_update()).all()
    outbox.set_interest(session, CONSUMER, {kind for row in rows if row.enabled for kind in kinds_of(row)})


def _set(
    endpoint: WebhookEndpoint, name: str, url: str, kinds: Collection[EventKind], *, enabled: bool
) -> None:
    if not name.strip():
        raise NameNeededError(field="name")
    if not kinds:
        raise KindsNeededError(field="kinds")
    endpoint.name = name.strip()[:100]
    endpoint.url = outbound_http.parse(url).url
    endpoint.kinds = msgspec.json.encode([kind.value for kind in EventKind if kind in kinds]).decode()
    endpoint.enabled = enabled


def _lock(session: TenantSession) -> None:
    """Changes of one company's endpoints take turns."""
    session.execute(select(Tenant.id).where(Tenant.id == session.scope).with_for_update())
