"""Sessions of signed-in browsers: begun, checked on every request, ended.

The database decides. Each process keeps what it read for some seconds and asks Redis for one value, the
generation, which every change of a session, an account's standing or a tenant's state replaces: so a disabled
account is out with its next request, and without Redis the database is asked every time.
"""

from __future__ import annotations

import dataclasses
import datetime
import secrets
import uuid
from collections import OrderedDict
from typing import Final

import redis as redis_py
import structlog
from sqlalchemy import select, update

from core.crypto import token_hash
from core.database import ALL_TENANTS, Database, utc_now
from core.errors import CallerFault
from core.i18n import lazy
from core.models import Account, Tenant, TenantState, WebSession
from core.permissions import Principal, permissions_of
from core.redis import RedisError

CACHE_TIME: Final = datetime.timedelta(seconds=10)
CACHE_SIZE: Final = 10_000
TOUCH_EVERY: Final = datetime.timedelta(seconds=60)
"""Activity is written to the database at most this often."""

GENERATION_KEY: Final = "zj:sessions:generation"

logger = structlog.get_logger(__name__)


class SessionOverError(CallerFault):
    """There is no session any more; sign in again."""

    id = "session-over"
    status = 401
    sentence = lazy("You are signed out. Please sign in again.")


class SessionIdleError(SessionOverError):
    """The session ended for want of activity."""

    id = "session-idle"
    sentence = lazy("You were signed out after %(minutes)s minutes without activity.")


class SessionRevokedError(SessionOverError):
    """The account was disabled, its password changed, its company suspended, or it was signed out
    everywhere.
    """

    id = "session-revoked"
    sentence = lazy("Your session was ended: the account, its password or the company's state changed.")


@dataclasses.dataclass(slots=True)
class _Known:
    principal: Principal
    generation: bytes
    read_at: datetime.datetime
    last_seen_at: datetime.datetime


class Sessions:
    """The process's sessions; made once in the composition root."""

    def __init__(self, database: Database, redis: redis_py.Redis, *, idle_timeout_s: int) -> None:
        self._database = database
        self._redis = redis
        self._idle = datetime.timedelta(seconds=idle_timeout_s)
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def begin(
        self, account_id: int, *, ip: str, user_agent: str, now: datetime.datetime | None = None
    ) -> str:
        """Begin a session of an authenticated account and return its token, for the cookie."""
        token = secrets.token_urlsafe(32)
        now = now or utc_now()
        with self._database.transaction(ALL_TENANTS) as session:
            account = session.get_one(Account, account_id)
            session.add(
                WebSession(
                    tenant_id=account.tenant_id,
                    account_id=account.id,
                    token_hash=token_hash(token),
                    epoch=account.session_epoch,
                    created_at=now,
                    last_seen_at=now,
                    ip=ip[:45],
                    user_agent=user_agent[:255],
                )
            )
            session.commit()
        return token

    def verify(
        self, token: str, *, ip: str = "", activity: bool = True, now: datetime.datetime | None = None
    ) -> Principal:
        """Return who holds `token`. Raises :class:`SessionOverError` or one of its kinds.

        `activity` is False for what a page does by itself (pushed events, polling); a signed-in agent's
        heartbeat and a wallboard count as activity.
        """
        now = now or utc_now()
        key = token_hash(token)
        generation = self._generation()
        known = self._known.get(key)
        if not (
            known is not None
            and generation is not None
            and known.generation == generation
            and now - known.read_at < CACHE_TIME
            and now - known.last_seen_at < self._idle
        ):
            known = self._read(key, generation or b"", now)
        if activity and now - known.last_seen_at >= TOUCH_EVERY:
            known.last_seen_at = now
            self._touch(known.principal.session_id, now)
        return known.principal if not ip else dataclasses.replace(known.principal, ip=ip)

    def end(self, token: str, *, why: str = "sign-out") -> None:
        """End the session of `token`, if there is one."""
        with self._database.transaction(ALL_TENANTS) as session:
            session.execute(
                update(WebSession)
                .where(WebSession.token_hash == token_hash(token), WebSession.ended_at.is_(None))
                .values(ended_at=utc_now(), ended_why=why)
            )
            session.commit()
        self.changed()

    def end_all(self, account_id: int) -> None:
        """Sign the account out everywhere."""
        with self._database.transaction(ALL_TENANTS) as session:
            session.execute(
                update(Account)
                .where(Account.id == account_id)
                .values(session_epoch=Account.session_epoch + 1)
            )
            session.execute(
                update(WebSession)
                .where(WebSession.account_id == account_id, WebSession.ended_at.is_(None))
                .values(ended_at=utc_now(), ended_why="revoked")
            )
            session.commit()
        self.changed()

    def changed(self) -> None:
        """Make every process read sessions anew; after commits that touch accounts' or tenants' standing."""
        self._known.clear()
        try:
            self._redis.set(GENERATION_KEY, uuid.uuid4().hex)
        except RedisError as error:
            # Processes that cannot reach Redis do not use what they kept; those that can see it within
            # CACHE_TIME.
            logger.warning("sessions: generation not replaced", error=str(error))

    def _generation(self) -> bytes | None:
        """Return the generation; None when Redis is away, which means: keep nothing."""
        try:
            value = self._redis.get(GENERATION_KEY)
            if value is None:
                self._redis.set(GENERATION_KEY, uuid.uuid4().hex, nx=True)
                value = self._redis.get(GENERATION_KEY)
        except RedisError:
            return None
        return value if isinstance(value, bytes) else None

    def _read(self, key: str, generation: bytes, now: datetime.datetime) -> _Known:
        self._known.pop(key, None)
        with self._database.transaction(ALL_TENANTS, read_only=True) as session:
            row = session.execute(
                select(WebSession, Account, Tenant)
                .join(Account, Account.id == WebSession.account_id)
                .join(Tenant, Tenant.id == WebSession.tenant_id)
                .where(WebSession.token_hash == key)
            ).one_or_none()
        if row is None:
            raise SessionOverError()
        web_session, account, tenant = row
        self._check(web_session, account, tenant, now)
        known = _Known(
            principal=_principal(web_session, account, tenant),
            generation=generation,
            read_at=now,
            last_seen_at=web_session.last_seen_at,
        )
        self._known[key] = known
        while len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)
        return known

    def _check(
        self, web_session: WebSession, account: Account, tenant: Tenant, now: datetime.datetime
    ) -> None:
        idle_minutes = int(self._idle.total_seconds() // 60)
        if web_session.ended_why == "idle":
            raise SessionIdleError(minutes=idle_minutes)
        if (
            web_session.epoch != account.session_epoch
            or not account.enabled
            or tenant.state is not TenantState.ACTIVE
            or web_session.ended_why == "revoked"
        ):
            raise SessionRevokedError()
        if web_session.ended_at is not None:
            raise SessionOverError()
        if now - web_session.last_seen_at >= self._idle:
            self._end_idle(web_session.id, now)
            raise SessionIdleError(minutes=idle_minutes)

    def _end_idle(self, session_id: int, now: datetime.datetime) -> None:
        with self._database.transaction(ALL_TENANTS) as session:
            session.execute(
                update(WebSession)
                .where(WebSession.id == session_id, WebSession.ended_at.is_(None))
                .values(ended_at=now, ended_why="idle")
            )
            session.commit()

    def _touch(self, session_id: int, now: datetime.datetime) -> None:
        with self._database.transaction(ALL_TENANTS) as session:
            session.execute(update(WebSession).where(WebSession.id == session_id).values(last_seen_at=now))
            session.commit()


def _principal(web_session: WebSession, account: Account, tenant: Tenant) -> Principal:
    return Principal(
        account_id=account.id,
        tenant_id=account.tenant_id,
        tenant_code=tenant.code,
        tenant_name=tenant.name,
        login=account.login,
        name=account.name,
        role=account.role,
        permissions=permissions_of(account.role),
        language=account.language or tenant.language,
        timezone=tenant.timezone,
        session_id=web_session.id,
        ip=web_session.ip,
    )
