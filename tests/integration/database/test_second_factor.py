"""The second factor, codes for a forgotten password and sessions, many at once, on both databases (ACC-1, ACC-2)."""

from __future__ import annotations

import argparse
import datetime
import threading
from collections.abc import Callable
from typing import Any

import pyotp
import pytest
import redis as redis_py
from sqlalchemy import select

from core import accounts, attempts, own_account, second_factor, sign_in
from core.access import service as access_service
from core.access.models import AccessRange
from core.crypto import Vault
from core.database import ALL_TENANTS, Database, utc_now
from core.models import Account, AuditEntry, BuiltInRole
from core.password_reset import MAX_ATTEMPTS, PasswordReset, ResetRefusedError
from core.permissions import Principal
from core.second_factor import WrongCodeError
from core.sessions import SessionOverError, Sessions, SignInUnfinishedError, Step
from core.settings import Settings
from core.throttle import Throttle
from tests.support.redis import RedisServer
from zongji import rescue

PASSWORD = "Tr0mbone-quartet"
NEW = "Kranich-Winter-77"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
MOBILE = "+8613800138000"
AT_ONCE = 8


@pytest.fixture
def vault() -> Vault:
    return Vault("of a test")


@pytest.fixture
def account_id(each_database: Database, vault: Vault) -> int:
    with each_database.transaction(ALL_TENANTS) as session:
        tenant = accounts.open_tenant(session, code="acme", name="Acme")
        account = accounts.create_account(
            session,
            login="alice",
            name="Alice",
            role=BuiltInRole.TENANT_ADMIN,
            password=PASSWORD,
            tenant_id=tenant.id,
        )
        account.totp_secret_encrypted = vault.seal(SECRET)
        account.totp_confirmed_at = utc_now()
        account.mobile = MOBILE
        session.commit()
        return account.id


@pytest.fixture
def sessions(each_database: Database, redis: redis_py.Redis) -> Sessions:
    return Sessions(each_database, redis, idle_timeout_s=1800)


def all_at_once(work: Callable[[int], Any], count: int = AT_ONCE) -> list[Any]:
    """Return what `work` gave or raised for each number, all begun together."""
    start, outcomes = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        start.wait()
        try:
            outcomes[number] = work(number)
        except Exception as error:  # noqa: BLE001 - looked at by the test
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def stored(database: Database, account_id: int) -> Account:
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        return session.get_one(Account, account_id)


def prove(database: Database, vault: Vault, account_id: int, code: str, **more: Any) -> None:
    second_factor.prove(database, vault, account_id, code, "192.0.2.1", signing_in=True, **more)


def test_acc_2_of_many_at_once_one_takes_the_code(
    each_database: Database, vault: Vault, account_id: int
) -> None:
    now = utc_now()
    code = pyotp.TOTP(SECRET).at(now)
    outcomes = all_at_once(lambda _: prove(each_database, vault, account_id, code, now=now))
    assert outcomes.count(None) == 1
    assert all(isinstance(each, WrongCodeError) for each in outcomes if each is not None)


def test_acc_2_a_code_older_than_a_taken_one_is_refused(
    each_database: Database, vault: Vault, account_id: int
) -> None:
    """RFC 6238 §5.2; the clock may be a step wrong either way."""
    now, totp = utc_now(), pyotp.TOTP(SECRET)
    step = datetime.timedelta(seconds=30)
    prove(each_database, vault, account_id, totp.at(now), now=now)
    with pytest.raises(WrongCodeError):
        prove(each_database, vault, account_id, totp.at(now - step), now=now)
    prove(each_database, vault, account_id, totp.at(now + step), now=now)
    for beyond in (2, -2):
        with pytest.raises(WrongCodeError):
            prove(each_database, vault, account_id, totp.at(now + beyond * step), now=now)


def test_acc_2_parallel_guesses_of_codes_do_not_exceed_the_limit(
    each_database: Database, vault: Vault, account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    use = second_factor._use
    monkeypatch.setattr(second_factor, "_use", lambda *given: looked.append(given[2]) or use(*given))
    all_at_once(lambda number: prove(each_database, vault, account_id, f"{number:06}"), count=16)
    assert len(looked) == attempts.MAX_FAILURES
    with pytest.raises(WrongCodeError):
        prove(each_database, vault, account_id, pyotp.TOTP(SECRET).now())


def test_acc_2_a_right_password_does_not_clear_wrong_codes(
    each_database: Database, vault: Vault, account_id: int
) -> None:
    for _ in range(attempts.MAX_FAILURES - 1):
        with pytest.raises(WrongCodeError):
            prove(each_database, vault, account_id, "000000")
        assert sign_in.authenticate(each_database, "acme", "alice", PASSWORD, "").second_factor
    assert stored(each_database, account_id).failed_count == attempts.MAX_FAILURES - 1
    with pytest.raises(WrongCodeError):
        prove(each_database, vault, account_id, "000000")
    with pytest.raises(sign_in.SignInRefusedError):
        sign_in.authenticate(each_database, "acme", "alice", PASSWORD, "")


def test_acc_2_many_right_passwords_at_once_leave_the_count_as_it_was(
    each_database: Database, account_id: int
) -> None:
    outcomes = all_at_once(lambda _: sign_in.authenticate(each_database, "acme", "alice", PASSWORD, ""))
    assert all(isinstance(each, sign_in.Authenticated) for each in outcomes), outcomes
    account = stored(each_database, account_id)
    assert (account.failed_count, account.locked_until) == (0, None)


def test_acc_2_of_many_at_once_one_rotates_the_token(
    each_database: Database, sessions: Sessions, account_id: int
) -> None:
    token = sessions.begin(account_id, ip="", user_agent="")
    with pytest.raises(SignInUnfinishedError) as unfinished:
        sessions.verify(token)
    assert unfinished.value.step is Step.CODE
    outcomes = all_at_once(lambda _: sessions.rotate(token, second_factor=True))
    (fresh,) = [each for each in outcomes if isinstance(each, str)]
    assert sessions.verify(fresh).account_id == account_id
    with pytest.raises(SessionOverError):
        sessions.verify(token)


class Outbox:
    def __init__(self) -> None:
        self.codes: list[str] = []

    def send_code(self, tenant_id: int, mobile: str, code: str, *, valid_min: int) -> None:
        self.codes.append(code)


@pytest.fixture
def reset(each_database: Database, sessions: Sessions, redis: redis_py.Redis) -> PasswordReset:
    return PasswordReset(
        database=each_database,
        sessions=sessions,
        throttle=Throttle(redis),
        sender=Outbox(),
        run=lambda work: work(),
    )


def test_acc_2_of_many_at_once_one_uses_the_reset_code(
    each_database: Database, reset: PasswordReset, account_id: int
) -> None:
    browser = reset.ask("acme", "alice", "13800138000", "192.0.2.1")
    (code,) = reset.sender.codes
    outcomes = all_at_once(lambda number: reset.finish(browser, code, f"{NEW}-{number}", "192.0.2.1"))
    assert outcomes.count(None) == 1
    assert all(isinstance(each, ResetRefusedError) for each in outcomes if each is not None), outcomes
    winner = outcomes.index(None)
    assert sign_in.authenticate(each_database, "acme", "alice", f"{NEW}-{winner}", "")


def test_acc_2_parallel_tries_of_a_reset_code_do_not_exceed_the_limit(
    reset: PasswordReset, account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core import password_reset

    compared: list[str] = []
    own = password_reset._code_hash
    monkeypatch.setattr(
        password_reset, "_code_hash", lambda browser, code: compared.append(code) or own(browser, code)
    )
    browser = reset.ask("acme", "alice", MOBILE, "192.0.2.1")
    compared.clear()
    all_at_once(lambda number: reset.finish(browser, f"x{number:05}", NEW, "192.0.2.1"))
    assert len(compared) == MAX_ATTEMPTS
    with pytest.raises(ResetRefusedError):
        reset.finish(browser, reset.sender.codes[0], NEW, "192.0.2.1")


def test_acc_1_ones_own_new_password_keeps_this_session_alone(
    each_database: Database, sessions: Sessions, account_id: int
) -> None:
    tokens = [
        sessions.rotate(sessions.begin(account_id, ip="", user_agent=""), second_factor=True)
        for _ in range(2)
    ]
    principal = sessions.verify(tokens[0])
    own_account.change_password(each_database, sessions, principal, PASSWORD, NEW)
    assert sessions.verify(tokens[0]).account_id == account_id
    with pytest.raises(SessionOverError):
        sessions.verify(tokens[1])
    assert [row.id for row in sessions.of_account(account_id)] == [principal.session_id]


def principal_of(sessions: Sessions, account_id: int, ip: str) -> Principal:
    token = sessions.rotate(sessions.begin(account_id, ip=ip, user_agent=""), second_factor=True)
    return sessions.verify(token, ip=ip)


def test_acc_11_two_who_delete_at_once_do_not_lock_themselves_out(
    each_database: Database, sessions: Sessions, account_id: int
) -> None:
    """Two ranges cover one's address; each deletion alone is harmless, both are not."""
    principal = principal_of(sessions, account_id, "203.0.113.7")
    with each_database.transaction(principal.tenant_id) as session:
        for network in ("203.0.113.0/24", "203.0.0.0/16", "198.51.100.0/24"):
            access_service.add(session, principal, name=network, network=network, sure=False)
        session.commit()
        ids = list(session.scalars(select(AccessRange.id).order_by(AccessRange.id)))[:2]

    def delete(number: int) -> None:
        with each_database.transaction(principal.tenant_id) as session:
            row = session.get_one(AccessRange, ids[number])
            access_service.delete(session, principal, row, sure=False)
            session.commit()

    outcomes = all_at_once(delete, count=2)
    assert outcomes.count(None) == 1, outcomes
    assert any(isinstance(each, access_service.LockOutError) for each in outcomes)


@pytest.mark.parametrize("action", ["ranges", "second-factor", "password"])
def test_who_has_the_machine_lets_people_back_in(
    action: str,
    each_database: Database,
    sessions: Sessions,
    account_id: int,
    redis_server: RedisServer,
    tmp_path: Any,
) -> None:
    principal = principal_of(sessions, account_id, "203.0.113.7")
    token = sessions.rotate(sessions.begin(account_id, ip="", user_agent=""), second_factor=True)
    with each_database.transaction(principal.tenant_id) as session:
        access_service.add(session, principal, name="Office", network="203.0.113.7", sure=False)
        session.commit()
    sessions.changed()
    address = each_database.engine.url.render_as_string(hide_password=False)
    settings = Settings(home=tmp_path, database_url=address, redis_url=redis_server.url)
    said = rescue.run(settings, argparse.Namespace(action=action, company="ACME", login="alice"))
    if action == "ranges":
        assert sessions.verify(token, ip="198.51.100.1").account_id == account_id
    else:
        with pytest.raises(SessionOverError):
            sessions.verify(token)
    if action == "second-factor":
        assert not sign_in.authenticate(each_database, "acme", "alice", PASSWORD, "203.0.113.7").second_factor
    if action == "password":
        password = said.splitlines()[-1]
        assert sign_in.authenticate(each_database, "acme", "alice", password, "203.0.113.7")
        assert stored(each_database, account_id).must_change_password
    with each_database.transaction(ALL_TENANTS, read_only=True) as session:
        assert session.scalars(select(AuditEntry).where(AuditEntry.account_id.is_(None))).all()


def test_a_rescue_of_nobody_says_so(each_database: Database, account_id: int, tmp_path: Any) -> None:
    address = each_database.engine.url.render_as_string(hide_password=False)
    settings = Settings(home=tmp_path, database_url=address)
    for company, login in (("nowhere", "alice"), ("acme", "nobody")):
        with pytest.raises(SystemExit, match=r"There is no|没有"):
            rescue.run(settings, argparse.Namespace(action="password", company=company, login=login))
