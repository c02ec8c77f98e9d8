"""What tests of webhooks start from: a company with an administrator, an endpoint, and what delivers to it."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import random

from prometheus_client import CollectorRegistry
from sqlalchemy import select

from admin_web.webhooks import service
from admin_web.webhooks.deliverer import Deliverer, Meters
from admin_web.webhooks.models import WebhookDelivery, WebhookEndpoint
from core import accounts
from core.crypto import Vault
from core.database import ALL_TENANTS, Database, utc_now
from core.jobs.actor import principal_for
from core.models import BuiltInRole
from core.outbound_http import Outbound, networks
from core.outbox import service as outbox
from core.outbox.kinds import EventKind
from core.permissions import Permission, Principal, encode

VAULT = Vault("a secret of tests")
LOOPBACK = networks("127.0.0.0/8")


class Stage:
    """One company, a clock that is set, and deliverers."""

    def __init__(self, database: Database, code: str = "acme") -> None:
        self.database = database
        self.now = utc_now()
        with database.transaction(ALL_TENANTS) as session:
            self.tenant = accounts.open_tenant(session, code=code, name=code).id
            session.commit()
        self.admin = self.account("admin", BuiltInRole.TENANT_ADMIN)

    def account(self, login: str, role: BuiltInRole) -> Principal:
        with self.database.transaction(self.tenant) as session:
            made = accounts.create_account(
                session, login=login, name=login, role=role, password="", password_hash="none", strong=False
            )
            session.commit()
        with self.database.transaction(self.tenant, read_only=True) as session:
            return principal_for(session, made.id)

    def demote(self, who: Principal, *permissions: Permission, **values: object) -> None:
        """Leave `who` these rights alone, and set other values of the account."""
        with self.database.transaction(self.tenant) as session:
            row = accounts.account_of(session, who.account_id)
            row.apply_role, row.permissions = False, encode(permissions)
            for name, value in values.items():
                setattr(row, name, value)
            session.commit()

    def endpoint(self, url: str, *kinds: EventKind, actor: Principal | None = None) -> tuple[int, str]:
        """Make an endpoint; return its id and secret."""
        with self.database.transaction(self.tenant) as session:
            row, secret = service.create(
                session,
                VAULT,
                actor or self.admin,
                name="Receiver",
                url=url,
                kinds=kinds or (EventKind.CALL_ENDED,),
            )
            session.commit()
            return row.id, secret

    def say(self, key: str, kind: EventKind = EventKind.CALL_ENDED, **body: object) -> bool:
        with self.database.transaction(self.tenant) as session:
            said = outbox.say(session, kind, body, key)
            session.commit()
            return said

    def row(self, endpoint_id: int) -> WebhookEndpoint:
        with self.database.transaction(self.tenant, read_only=True) as session:
            return session.get_one(WebhookEndpoint, endpoint_id)

    def deliveries(self) -> list[WebhookDelivery]:
        with self.database.transaction(self.tenant, read_only=True) as session:
            return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))

    def deliverer(self, *, total_s: float = 5.0) -> Deliverer:
        return Deliverer(
            self.database,
            VAULT,
            Outbound(LOOPBACK, total_s=total_s),
            Meters.make(CollectorRegistry()),
            now=lambda: self.now,
            chance=random.Random(1),
        )

    def deliver(self, deliverer: Deliverer | None = None) -> None:
        """Deliver all that is due now."""
        deliverer = deliverer or self.deliverer()
        while deliverer.step():
            assert deliverer.settle(10)

    def later(self, seconds: float) -> None:
        self.now += datetime.timedelta(seconds=seconds)


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Check a delivery as docs/api.md tells receivers to, with nothing of the platform."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [each.removeprefix("v1,") for each in headers["webhook-signature"].split(" ")]
    return any(hmac.compare_digest(wanted, each) for each in given)
