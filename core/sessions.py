"""Sessions of signed-in browsers: begun, checked on every request, ended.

The database decides. Each process keeps what it read for some seconds and asks Redis for one value, the
generation, which every change of a session, an account's standing or a tenant's state replaces: so a disabled
account is out with its next request, and without Redis the database is asked every time. While the database is away,
who was known a short while ago still is, as long as the generation stays: the operator's page of health then opens.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import secrets
import uuid
from collections import OrderedDict
from typing import Final

import redis as redis_py
import structlog
from sqlalchemy import ColumnElement, Update, and_, select, update
from sqlalchemy.exc import OperationalError

from core import access, audit, keys
from core.access import Network
from core.crypto import token_hash
from core.database import ALL_TENANTS, Database, TenantSession, utc_now
from core.errors import CallerFault, NotFound
from core.i18n import lazy
from core.models import Account, Role, Tenant, TenantState, WebSession
from core.permissions import Principal, of_account, queues_of, reach_of
from core.redis import RedisError

CACHE_TIME: Final = datetime.timedelta(seconds=10)
OUTAGE_TIME: Final = datetime.timedelta(minutes=10)
"""How long a session read before is believed while the database is away."""
CACHE_SIZE: Final = 10_000
TOUCH_EVERY: Final = datetime.timedelta(seconds=60)
"""Activity is written to the database at most this often, or each tenth of a shorter idle time."""
WARN_TIME: Final = datetime.timedelta(seconds=60)
"""How long before the end a page warns, or half of a shorter idle time."""

UNFINISHED_TIME: Final = datetime.timedelta(minutes=15)
"""How long a sign-in may be at a step before it is done."""

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


class WrongAddressError(SessionOverError):
    """The company allows other networks only (ACC-11); back there, the session goes on."""

    id = "wrong-address"
    status = 403
    sentence = lazy("Your company does not allow signing in from your present address %(ip)s.")


class Step(enum.StrEnum):
    """What a sign-in whose password was right still needs before anything else is reached, in this order."""

    CODE = "code"
    """The code of the second factor."""
    NEW_PASSWORD = "new-password"  # noqa: S105 - a step's name
    """A password of one's own: somebody else chose the present one."""
    SET_UP = "set-up"
    """The second factor set up: operators cannot do without."""


class SignInUnfinishedError(SessionOverError):
    """The session is that of a sign-in which is not done: whoever holds it is nobody yet."""

    id = "sign-in-unfinished"
    sentence = lazy("Please finish signing in.")

    def __init__(self, step: Step, principal: Principal) -> None:
        super().__init__(step=step.value)
        self.step = step
        self.principal = principal


@dataclasses.dataclass(slots=True)
class _Known:
    principal: Principal
    step: Step | None
    networks: tuple[Network, ...]
    generation: bytes
    read_at: datetime.datetime
    last_seen_at: datetime.datetime


class Sessions:
    """The process's sessions; made once in the composition root."""

    def __init__(self, database: Database, redis: redis_py.Redis, *, idle_timeout_s: int) -> None:
        self._database = database
        self._redis = redis
        self._idle = datetime.timedelta(seconds=idle_timeout_s)
        self._touch_every = min(TOUCH_EVERY, self._idle / 10)
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def begin(
        self,
        account_id: int,
        *,
        ip: str,
        user_agent: str,
        replaces: str = "",
        epoch: int | None = None,
        now: datetime.datetime | None = None,
    ) -> str:
        """Begin a session of an account whose password was right and return its token, for the cookie. `epoch` is the
        account's of that moment (None: of now): when it was signed out or its password replaced since, the session is
        over before it began.

        Where more than a password is needed it is a sign-in under way (:class:`SignInUnfinishedError`). The session of
        the token `replaces`, which this browser had before, ends.
        """
        token = secrets.token_urlsafe(32)
        now = now or utc_now()
        with self._database.transaction(ALL_TENANTS) as session:
            account = session.get_one(Account, account_id)
            session.add(
                WebSession(
                    tenant_id=account.tenant_id,
                    account_id=account.id,
                    token_hash=token_hash(token),
                    epoch=account.session_epoch if epoch is None else epoch,
                    created_at=now,
                    last_seen_at=now,
                    ip=ip[:45],
                    user_agent=user_agent[:255],
                )
            )
            if replaces:
                session.execute(_ending(WebSession.token_hash == token_hash(replaces), "replaced", now))
            session.commit()
        if replaces:
            self._known.pop(token_hash(replaces), None)
            self.changed()
        return token

    def rotate(self, token: str, *, second_factor: bool = False) -> str:
        """Give the session of `token` another token and return it: none ever gets more rights. `second_factor`: a code
        was given. Raises :class:`SessionOverError` when it ended meanwhile.
        """
        fresh = secrets.token_urlsafe(32)
        with self._database.transaction(ALL_TENANTS) as session:
            web_session = session.scalar(
                select(WebSession)
                .where(WebSession.token_hash == token_hash(token), WebSession.ended_at.is_(None))
                .with_for_update()
            )
            if web_session is None:
                raise SessionOverError()
            web_session.token_hash = token_hash(fresh)
            web_session.second_factor = web_session.second_factor or second_factor
            web_session.last_seen_at = utc_now()
            session.commit()
        self.changed()
        return fresh

    def verify(
        self,
        token: str,
        *,
        ip: str | None = None,
        activity: bool = True,
        now: datetime.datetime | None = None,
    ) -> Principal:
        """Return who holds `token`. Raises :class:`SessionOverError` or one of its kinds.

        `ip` is where the request comes from, checked against the company's networks; None asks for no check.
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
            known = self._read_or_kept(key, generation, now)
        if ip is not None and not access.allowed(known.networks, ip):
            raise WrongAddressError(ip=ip)
        principal = dataclasses.replace(known.principal, ip=ip) if ip else known.principal
        if known.step is not None:
            raise SignInUnfinishedError(known.step, principal)
        if activity and now - known.last_seen_at >= self._touch_every:
            known.last_seen_at = now
            self._touch_if_there(known.principal.session_id, now)
        return principal

    @property
    def warn_s(self) -> float:
        """Seconds before the end for want of activity at which a page warns."""
        return min(WARN_TIME, self._idle / 2).total_seconds()

    def idle_left_s(self, session_id: int, *, now: datetime.datetime | None = None) -> float:
        """Return the seconds until the session ends for want of activity, in any process; below 0 it has."""
        with self._database.transaction(ALL_TENANTS, read_only=True) as session:
            seen = session.scalars(select(WebSession.last_seen_at).where(WebSession.id == session_id)).one()
        return (seen + self._idle - (now or utc_now())).total_seconds()

    def end(self, token: str, *, why: str = "sign-out", ip: str = "") -> None:
        """End the session of `token`, if there is one."""
        with self._database.transaction(ALL_TENANTS) as session:
            found = session.execute(
                select(WebSession, Account)
                .join(Account, Account.id == WebSession.account_id)
                .where(WebSession.token_hash == token_hash(token), WebSession.ended_at.is_(None))
            ).one_or_none()
            if found is not None:
                web_session, account = found
                web_session.ended_at, web_session.ended_why = utc_now(), why
                line = audit.record(session, None, "sign-in.signed-out", account, {}, ip=ip)
                line.account_id, line.account_name = account.id, account.name
            session.commit()
        self.changed()

    def end_all(self, account_id: int, actor: Principal | None = None) -> None:
        """Sign the account out everywhere."""
        with self._database.transaction(ALL_TENANTS) as session:
            account = session.get_one(Account, account_id, with_for_update=True)
            end_sessions(session, account)
            audit.record(session, actor, "sign-in.sessions-ended", account, {})
            session.commit()
        self.changed()

    def end_one(self, principal: Principal, session_id: int) -> None:
        """End another session of `principal`'s own. Raises ``NotFound``."""
        with self._database.transaction(ALL_TENANTS) as session:
            web_session = session.get(WebSession, session_id)
            if (
                web_session is None
                or web_session.account_id != principal.account_id
                or web_session.ended_at is not None
            ):
                raise NotFound(kind="session", id=session_id)
            web_session.ended_at, web_session.ended_why = utc_now(), "revoked"
            account = session.get_one(Account, principal.account_id)
            audit.record(session, principal, "sign-in.session-ended", account, {"ip": [web_session.ip, None]})
            session.commit()
        self.changed()

    def of_account(
        self, account_id: int, *, limit: int = 50, now: datetime.datetime | None = None
    ) -> list[WebSession]:
        """Return the account's sessions that are up, the latest active first, `limit` at most."""
        idle_since = (now or utc_now()) - self._idle
        with self._database.transaction(ALL_TENANTS, read_only=True) as session:
            rows = session.scalars(
                select(WebSession)
                .join(Account, Account.id == WebSession.account_id)
                .where(
                    WebSession.account_id == account_id,
                    WebSession.ended_at.is_(None),
                    WebSession.epoch == Account.session_epoch,
                    WebSession.last_seen_at > idle_since,
                )
                .order_by(WebSession.last_seen_at.desc(), WebSession.id.desc())
                .limit(limit)
            )
            return list(rows)

    def changed(self) -> None:
        """Make every process read sessions anew and look at its open pages; after commits that touch accounts' or
        tenants' standing or rights.
        """
        self._known.clear()
        try:
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(GENERATION_KEY, uuid.uuid4().hex)
                pipe.xadd(keys.sessions_changed(), {"changed": 1}, maxlen=100)
                pipe.execute()
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

    def _read_or_kept(self, key: str, generation: bytes | None, now: datetime.datetime) -> _Known:
        """Read the session; while the database is away, take what this process knew of it a short while ago.

        Nothing ends a session then without its generation in Redis changing, so both away means: nobody is known.
        """
        kept = self._known.get(key)
        try:
            return self._read(key, generation or b"", now)
        except OperationalError:
            if (
                kept is None
                or generation is None
                or kept.generation != generation
                or now - kept.read_at > OUTAGE_TIME
                or now - kept.last_seen_at >= self._idle
            ):
                raise
            self._known[key] = kept
            return kept

    def _touch_if_there(self, session_id: int, now: datetime.datetime) -> None:
        try:
            self.touch(session_id, now)
        except OperationalError as error:
            logger.warning("sessions: activity not written", error=str(error.orig))

    def _read(self, key: str, generation: bytes, now: datetime.datetime) -> _Known:
        self._known.pop(key, None)
        with self._database.transaction(ALL_TENANTS, read_only=True) as session:
            row = session.execute(
                select(WebSession, Account, Tenant, Role)
                .join(Account, Account.id == WebSession.account_id)
                .outerjoin(Role, Role.id == Account.role_id)
                .join(Tenant, Tenant.id == WebSession.tenant_id)
                .where(WebSession.token_hash == key)
            ).one_or_none()
            if row is None:
                raise SessionOverError()
            web_session, account, tenant, role = row
            networks = access.networks_of(session, tenant.id)
        self._check(web_session, account, tenant, now)
        known = _Known(
            principal=_principal(web_session, account, tenant, role),
            step=_step(web_session, account, tenant),
            networks=networks,
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
            or account.deleted_at is not None
            or tenant.state is not TenantState.ACTIVE
            or web_session.ended_why == "revoked"
        ):
            raise SessionRevokedError()
        if web_session.ended_at is not None:
            raise SessionOverError()
        if _step(web_session, account, tenant) and now - web_session.created_at > UNFINISHED_TIME:
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

    def touch(self, session_id: int, now: datetime.datetime | None = None) -> None:
        """Write down that the person was active just now."""
        now = now or utc_now()
        with self._database.transaction(ALL_TENANTS) as session:
            session.execute(update(WebSession).where(WebSession.id == session_id).values(last_seen_at=now))
            session.commit()


def end_sessions(
    session: TenantSession, account: Account, *, keep: int | None = None, proved: bool = False
) -> None:
    """End every session of `account`, whose row the caller's transaction holds, but the one with the id `keep`;
    `proved`: a second factor was given in that one. The caller commits and calls :meth:`Sessions.changed` after it.
    """
    account.session_epoch += 1
    session.flush()
    ended = [WebSession.account_id == account.id, WebSession.ended_at.is_(None)]
    if keep is not None:
        kept = session.get_one(WebSession, keep)
        assert kept.account_id == account.id, "a kept session is the account's own"
        kept.epoch = account.session_epoch
        kept.second_factor = kept.second_factor or proved
        ended.append(WebSession.id != keep)
    session.execute(_ending(and_(*ended), "revoked", utc_now()))


def _ending(which: ColumnElement[bool], why: str, now: datetime.datetime) -> Update:
    return (
        update(WebSession)
        .where(which, WebSession.ended_at.is_(None))
        .values(ended_at=now, ended_why=why)
        .execution_options(synchronize_session=False)
    )


def _step(web_session: WebSession, account: Account, tenant: Tenant) -> Step | None:
    """Return what the session's sign-in still needs; None when it is done."""
    if account.totp_confirmed_at is not None and not web_session.second_factor:
        return Step.CODE
    if account.must_change_password:
        return Step.NEW_PASSWORD
    if tenant.is_operator and account.totp_confirmed_at is None:
        return Step.SET_UP
    return None


def _principal(web_session: WebSession, account: Account, tenant: Tenant, role: Role | None) -> Principal:
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
        session_id=web_session.id,
        is_operator=tenant.is_operator,
        ip=web_session.ip,
        queues=queues_of(account),
        group_reach=reach_of(account, role, is_operator=tenant.is_operator),
    )
