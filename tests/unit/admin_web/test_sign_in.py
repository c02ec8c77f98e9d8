"""Signing in by its steps, coming back in, one's own account (ACC-1, ACC-2), as a browser sees them."""

from __future__ import annotations

import datetime
import logging
import re
import time

import pyotp
import pytest
import redis as redis_py
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from admin_web.sign_in import pace
from core import accounts, second_factor
from core.database import ALL_TENANTS, utc_now
from core.models import Account, AuditEntry, Tenant, WebSession
from tests.unit.admin_web.conftest import PASSWORD, TOTP_SECRET, World

NEW = "Kranich-Winter-77"
MOBILE = "+8613800138000"


def account_of(world: World, company: str, login: str) -> Account:
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        return session.scalars(
            select(Account).join(Tenant).where(Tenant.code == company, Account.login == login)
        ).one()


def change(world: World, company: str, login: str, **values: object) -> None:
    with world.parts.database.transaction(ALL_TENANTS) as session:
        account = session.get_one(Account, account_of(world, company, login).id)
        for name, value in values.items():
            setattr(account, name, value)
        session.commit()
    world.parts.sessions.changed()


def sign_in(
    client: FlaskClient, company: str, login: str, password: str = PASSWORD, **more: str
) -> TestResponse:
    return client.post("/sign-in", data={"company": company, "login": login, "password": password, **more})


def code_now(secret: str = TOTP_SECRET) -> str:
    return pyotp.TOTP(secret).now()


def lines(world: World) -> list[str]:
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        query = select(AuditEntry.action).where(AuditEntry.module == "sign-in").order_by(AuditEntry.id)
        return list(session.scalars(query))


def test_acc_2_an_operator_reaches_nothing_before_the_code(world: World) -> None:
    client = world.client()
    answer = sign_in(client, "platform", "operator", next="/platform/companies")
    assert answer.location == "/sign-in/code?next=/platform/companies"
    first = client.get_cookie("zj_session").value
    for path in ("/", "/platform/companies", "/me", "/accounts", "/live/snapshot", "/access-control"):
        refused = client.get(path)
        assert refused.status_code in {302, 401}, path
        assert refused.status_code == 401 or refused.location.startswith("/sign-in?"), path
    assert client.get("/sign-in?next=/accounts").location == "/sign-in/code?next=/accounts"
    for step in ("new-password", "set-up"):
        assert client.post(f"/sign-in/{step}", data={"new": NEW, "again": NEW}).location == "/sign-in/code"
    assert client.post("/sign-in/code", data={"code": "000000"}).status_code == 422
    done = client.post("/sign-in/code", data={"code": code_now(), "next": "/platform/companies"})
    assert done.location == "/platform/companies"
    assert client.get("/platform/companies").status_code == 200
    second = client.get_cookie("zj_session").value
    assert second != first
    client.set_cookie("zj_session", first)
    assert client.get("/platform/companies").status_code == 302, "the token before the code is nobody's now"
    assert lines(world)[-2:] == ["code-refused", "accepted"]


def test_acc_2_a_code_is_taken_once(world: World) -> None:
    code = code_now()
    answers = []
    for _ in range(2):
        client = world.client()
        sign_in(client, "platform", "operator")
        answers.append(client.post("/sign-in/code", data={"code": code}).status_code)
    assert answers == [302, 422]


def test_acc_2_wrong_codes_lock_and_a_right_password_does_not_set_them_back(world: World) -> None:
    client = world.client()
    sign_in(client, "platform", "operator")
    for _ in range(9):
        client.post("/sign-in/code", data={"code": "000000"})
        assert sign_in(world.client(), "platform", "operator").status_code == 302
    client.post("/sign-in/code", data={"code": "000000"})
    assert client.post("/sign-in/code", data={"code": code_now()}).status_code == 422, "locked, code or not"
    assert sign_in(world.client(), "platform", "operator").status_code == 401
    assert "locked" in lines(world)


def test_acc_2_a_sign_in_under_way_does_not_last(world: World) -> None:
    client = world.client()
    sign_in(client, "platform", "operator")
    with world.parts.database.transaction(ALL_TENANTS) as session:
        for row in session.scalars(select(WebSession)):
            row.created_at -= datetime.timedelta(minutes=16)
        session.commit()
    world.parts.sessions.changed()
    assert client.post("/sign-in/code", data={"code": code_now()}).location.startswith("/sign-in?")


def test_acc_2_the_first_operator_chooses_a_password_and_sets_up_the_factor(world: World) -> None:
    change(
        world,
        "platform",
        "operator",
        must_change_password=True,
        totp_confirmed_at=None,
        totp_secret_encrypted="",
    )
    client = world.client()
    assert sign_in(client, "platform", "operator", next="/tenants").location.startswith(
        "/sign-in/new-password"
    )
    client.set_cookie("zj_language", "en")
    weak = client.post("/sign-in/new-password", data={"new": "operator1", "again": "operator1"})
    assert weak.status_code == 422
    same = client.post("/sign-in/new-password", data={"new": PASSWORD, "again": PASSWORD})
    assert "other than the present one" in same.get_data(as_text=True)
    assert "not the same" in client.post(
        "/sign-in/new-password", data={"new": NEW, "again": NEW + "x"}
    ).get_data(as_text=True)
    chosen = client.post("/sign-in/new-password", data={"new": NEW, "again": NEW, "next": "/accounts"})
    assert chosen.location == "/sign-in/set-up?next=/accounts"
    page = client.get("/sign-in/set-up?next=/accounts").get_data(as_text=True)
    assert "<svg" in page
    assert "style=" not in page
    offer = re.search('name="offer" value="([^"]+)"', page)[1]
    secret = re.search('zj-secret">([^<]+)<', page)[1].replace(" ", "")
    wrong = client.post("/sign-in/set-up", data={"offer": offer, "code": "000000"})
    assert wrong.status_code == 422
    assert re.search('zj-secret">([^<]+)<', wrong.get_data(as_text=True))[1].replace(" ", "") == secret
    assert client.get("/accounts").status_code == 302, "still nobody"
    done = client.post(
        "/sign-in/set-up", data={"offer": offer, "code": code_now(secret), "next": "/accounts"}
    )
    text = done.get_data(as_text=True)
    codes = re.findall(r"(?:[a-z2-9]{4}-){3}[a-z2-9]{4}", text)
    assert len(set(codes)) == 10
    assert 'href="/accounts"' in text
    assert client.get("/accounts").status_code == 200
    stored = account_of(world, "platform", "operator")
    assert secret not in stored.totp_secret_encrypted
    assert not any(code in stored.recovery_hashes for code in codes)
    again = world.client()
    sign_in(again, "platform", "operator", NEW)
    assert again.post("/sign-in/code", data={"code": codes[3].upper().replace("-", " ")}).status_code == 302
    third = world.client()
    sign_in(third, "platform", "operator", NEW)
    assert third.post("/sign-in/code", data={"code": codes[3]}).status_code == 422, "used up"


def test_acc_2_an_offer_is_its_accounts_own_and_for_a_while(world: World) -> None:
    vault = world.parts.vault
    offer = second_factor.make_offer(1)
    sealed = second_factor.seal_offer(vault, offer)
    assert second_factor.open_offer(vault, sealed, 1) == offer
    late = utc_now() + second_factor.OFFER_TIME + datetime.timedelta(seconds=1)
    for arguments in (
        (sealed, 2, None),
        (sealed, 1, late),
        (sealed[:40] + "AAAA" + sealed[44:], 1, None),
        ("é", 1, None),
    ):
        with pytest.raises(second_factor.OfferOverError):
            second_factor.open_offer(vault, arguments[0], arguments[1], now=arguments[2])


def test_acc_1_signing_in_gives_a_new_token_and_ends_the_old_one(world: World) -> None:
    """A token planted before (session fixation) is worth nothing afterwards."""
    client = world.client("one", "agent")
    planted = client.get_cookie("zj_session").value
    sign_in(client, "one", "supervisor")
    assert client.get_cookie("zj_session").value != planted
    other = world.client()
    other.set_cookie("zj_session", planted)
    assert other.get("/me").status_code == 302


def test_acc_1_an_address_that_fails_too_often_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "FAILURES", pace.RateLimitItemPerMinute(3, 5))
    for number in range(3):
        assert sign_in(world.client(), "one", f"nobody{number}").status_code == 401
    refused = sign_in(world.client(), "one", "agent")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "300"
    elsewhere = world.client().post(
        "/sign-in",
        data={"company": "one", "login": "agent", "password": PASSWORD},
        environ_overrides={"REMOTE_ADDR": "192.0.2.9"},
    )
    assert elsewhere.status_code == 302


def test_acc_1_limits_hold_while_redis_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch, redis: redis_py.Redis
) -> None:
    def away(*arguments: object, **options: object) -> bool:
        raise redis_py.ConnectionError("away")

    monkeypatch.setattr(world.parts.throttle._shared, "hit", away)
    monkeypatch.setattr(world.parts.throttle._shared, "test", away)
    monkeypatch.setattr(pace, "FAILURES", pace.RateLimitItemPerMinute(2, 5))
    answers = [sign_in(world.client(), "one", "nobody").status_code for _ in range(3)]
    assert answers == [401, 401, 429]


def test_acc_1_refusals_take_the_same_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    world.app.config[pace.FLOOR_CONFIG] = 60.0
    for company, login in (("one", "agent"), ("one", "nobody"), ("nowhere", "agent")):
        assert sign_in(world.client(), company, login, "wrong").status_code == 401
    assert len(waited) == 3
    assert all(50 < seconds < 60 for seconds in waited)
    assert sign_in(world.client(), "one", "agent").status_code == 302
    assert len(waited) == 3, "who is right does not wait"


class Outbox:
    """A sender that keeps what it should send."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, str, str]] = []

    def send_code(self, tenant_id: int, mobile: str, code: str, *, valid_min: int) -> None:
        self.sent.append((tenant_id, mobile, code))


@pytest.fixture
def outbox(world: World) -> Outbox:
    kept = Outbox()
    made = world.parts.password_reset
    world.parts.password_reset = type(made)(
        database=made.database,
        sessions=made.sessions,
        throttle=made.throttle,
        sender=kept,
        run=lambda work: work(),
    )
    return kept


def ask(client: FlaskClient, mobile: str = "138 0013 8000", login: str = "agent") -> TestResponse:
    return client.post("/sign-in/forgotten", data={"company": "One", "login": login, "mobile": mobile})


def test_acc_2_asking_for_a_code_answers_alike_whether_the_three_fit(world: World, outbox: Outbox) -> None:
    change(world, "one", "agent", mobile=MOBILE)
    answers = []
    for mobile, login in (
        ("138 0013 8000", "agent"),
        ("13900139000", "agent"),
        ("138 0013 8000", "nobody"),
        ("x" * 99, "agent"),
        ("", "supervisor"),
    ):
        client = world.client()
        answer = ask(client, mobile, login)
        cookie = client.get_cookie("zj_reset", path="/sign-in")
        page = client.get("/sign-in/reset").get_data(as_text=True)
        page = re.sub('(csrf[-_]token" (?:value|content)|nonce)="[^"]*"', "", page)
        answers.append((answer.status_code, answer.location, len(cookie.value), page))
    assert len(set(answers)) == 1
    assert [mobile for _, mobile, _ in outbox.sent] == [MOBILE]


def test_acc_2_a_code_replaces_the_password_once_and_ends_all_sessions(world: World, outbox: Outbox) -> None:
    change(world, "one", "agent", mobile=MOBILE)
    signed_in, client = world.client("one", "agent"), world.client()
    ask(client)
    code, browser = outbox.sent[0][2], client.get_cookie("zj_reset", path="/sign-in").value
    assert re.fullmatch(r"\d{6}", code)
    form = {"code": code, "new": NEW, "again": NEW}
    elsewhere = world.client()
    ask(elsewhere, "13900139000")
    assert elsewhere.post("/sign-in/reset", data=form).status_code == 422, "another browser's"
    assert client.post("/sign-in/reset", data={**form, "new": "weak", "again": "weak"}).status_code == 422
    assert client.post("/sign-in/reset", data=form).location == "/sign-in?why=password-reset"
    assert signed_in.get("/me").status_code == 302
    assert sign_in(world.client(), "one", "agent").status_code == 401
    assert sign_in(world.client(), "one", "agent", NEW).status_code == 302
    client.set_cookie("zj_reset", browser, path="/sign-in")
    assert client.post("/sign-in/reset", data=form).status_code == 422, "used up"
    assert {"reset-code-sent", "password-reset"} <= set(lines(world))


def test_acc_2_a_code_does_not_replace_a_password_chosen_after_it_was_asked_for(
    world: World, outbox: Outbox
) -> None:
    """Somebody who asked more than once, or was let in by other means meanwhile, leaves no open door behind."""
    change(world, "one", "agent", mobile=MOBILE)
    first, second = world.client(), world.client()
    ask(first)
    ask(second)
    early, late = (code for _, _, code in outbox.sent)
    assert second.post("/sign-in/reset", data={"code": late, "new": NEW, "again": NEW}).status_code == 303
    other = f"{NEW}-other"
    assert first.post("/sign-in/reset", data={"code": early, "new": other, "again": other}).status_code == 422
    assert sign_in(world.client(), "one", "agent", NEW).status_code == 302


def test_acc_2_codes_are_tried_five_times_and_age(world: World, outbox: Outbox) -> None:
    change(world, "one", "agent", mobile=MOBILE)
    reset = world.parts.password_reset
    now = utc_now()
    browser = reset.ask("one", "agent", MOBILE, "127.0.0.1", now=now)
    code = outbox.sent[-1][2]
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(5):
        with pytest.raises(Exception, match="not right"):
            reset.finish(browser, wrong, NEW, "127.0.0.1", now=now)
    with pytest.raises(Exception, match="not right"):
        reset.finish(browser, code, NEW, "127.0.0.1", now=now)
    browser = reset.ask("one", "agent", MOBILE, "127.0.0.1", now=now)
    with pytest.raises(Exception, match="not right"):
        reset.finish(browser, outbox.sent[-1][2], NEW, "127.0.0.1", now=now + datetime.timedelta(minutes=10))


def test_acc_2_more_codes_than_three_an_hour_are_not_sent(world: World, outbox: Outbox) -> None:
    change(world, "one", "agent", mobile=MOBILE)
    answers = {ask(world.client()).status_code for _ in range(5)}
    assert answers == {303}
    assert len(outbox.sent) == 3


def test_acc_2_a_stranger_uses_up_nobodys_codes(world: World, outbox: Outbox) -> None:
    change(world, "one", "agent", mobile=MOBILE)
    for _ in range(7):
        ask(world.client(), "13900139000")
    ask(world.client())
    assert [mobile for _, mobile, _ in outbox.sent] == [MOBILE]


def test_acc_2_a_code_stands_in_no_log_but_the_senders(
    world: World, outbox: Outbox, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    change(world, "one", "agent", mobile=MOBILE)
    client = world.client()
    ask(client)
    code = outbox.sent[0][2]
    client.post("/sign-in/reset", data={"code": code, "new": NEW, "again": NEW})
    printed = capsys.readouterr()
    for text in (caplog.text, printed.out, printed.err):
        assert not re.search(rf"\b{code}\b", text)
        assert NEW not in text


def test_acc_2_ones_own_password(world: World) -> None:
    client, other = world.client("one", "agent"), world.client("one", "agent")
    client.set_cookie("zj_language", "en")
    form = {"present": PASSWORD, "new": NEW, "again": NEW}
    assert client.post("/me/password", data={**form, "present": "wrong"}).status_code == 422
    assert client.post("/me/password", data={**form, "again": "other"}).status_code == 422
    assert client.post("/me/password", data={**form, "new": "short", "again": "short"}).status_code == 422
    assert client.post("/me/password", data=form).status_code == 303
    assert client.get("/me").status_code == 200, "this session stays"
    assert other.get("/me").status_code == 302, "the others end"
    assert sign_in(world.client(), "one", "agent", NEW).status_code == 302


def test_acc_1_guessing_in_an_open_browser_locks_too(world: World) -> None:
    client = world.client("one", "agent")
    for _ in range(10):
        client.post("/me/password", data={"present": "wrong", "new": NEW, "again": NEW})
    assert (
        client.post("/me/password", data={"present": PASSWORD, "new": NEW, "again": NEW}).status_code == 422
    )


def test_acc_2_anybody_may_have_the_second_factor_and_drop_it_with_password_and_code(world: World) -> None:
    client, other = world.client("one", "agent"), world.client("one", "agent")
    page = client.get("/me/second-factor").get_data(as_text=True)
    offer = re.search('name="offer" value="([^"]+)"', page)[1]
    secret = re.search('zj-secret">([^<]+)<', page)[1].replace(" ", "")
    found = client.post("/me/second-factor", data={"offer": offer, "code": code_now(secret), "password": "x"})
    assert found.status_code == 422, "an open browser is not enough"
    assert secret in found.get_data(as_text=True).replace(" ", ""), "what was scanned stays good"
    form = {"offer": offer, "code": code_now(secret), "password": PASSWORD}
    done = client.post("/me/second-factor", data=form)
    codes = re.findall(r"(?:[a-z2-9]{4}-){3}[a-z2-9]{4}", done.get_data(as_text=True))
    assert len(codes) == 10
    assert client.get("/me").status_code == 200
    assert other.get("/me").status_code == 302, "sessions without it end"
    again = client.post("/me/second-factor", data=form)
    assert again.status_code == 409, "it is not replaced without password and code"
    form = {"password": PASSWORD, "code": codes[0]}
    assert client.post("/me/second-factor/off", data={**form, "password": "x"}).status_code == 422
    assert client.post("/me/second-factor/off", data={**form, "code": "000000"}).status_code == 422
    renewed = client.post("/me/second-factor/codes", data=form).get_data(as_text=True)
    fresh = re.findall(r"(?:[a-z2-9]{4}-){3}[a-z2-9]{4}", renewed)
    assert client.post("/me/second-factor/off", data={**form, "code": codes[1]}).status_code == 422, (
        "replaced"
    )
    off = client.post("/me/second-factor/off", data={**form, "code": fresh[0]})
    assert off.status_code == 303
    assert sign_in(world.client(), "one", "agent").location == "/"
    assert {"second-factor-on", "recovery-codes", "second-factor-off"} <= set(lines(world))


def test_acc_2_an_operator_does_not_switch_it_off(world: World) -> None:
    client = world.client("platform", "operator")
    form = {"password": PASSWORD, "code": code_now()}
    assert client.post("/me/second-factor/off", data=form).status_code == 409


def test_acc_1_ones_own_sessions_are_listed_and_ended_one_by_one(world: World) -> None:
    client, other, stranger = (
        world.client("one", "agent"),
        world.client("one", "agent"),
        world.client("two", "agent"),
    )
    page = client.get("/me").get_data(as_text=True)
    (theirs,) = re.findall(r"/me/sessions/(\d+)/end", page)
    assert stranger.post(f"/me/sessions/{theirs}/end").status_code == 404
    assert other.get("/me").status_code == 200
    assert client.post(f"/me/sessions/{theirs}/end").status_code == 303
    assert other.get("/me").status_code == 302
    assert client.post(f"/me/sessions/{theirs}/end").status_code == 404
    assert client.get("/me").status_code == 200


def test_acc_2_an_administrators_reset_lets_in_by_password_alone(world: World) -> None:
    admin = world.client("platform", "operator")
    sessions = world.parts.sessions
    with world.parts.database.transaction(ALL_TENANTS) as session:
        account = session.get_one(Account, account_of(world, "platform", "operator").id)
        second_factor.reset(session, None, account)
        session.after_commit(sessions.changed)
        session.commit()
    assert admin.get("/me").status_code == 302, "whoever holds a session is out"
    assert sign_in(world.client(), "platform", "operator").location == "/sign-in/set-up"


def test_acc_1_the_language_of_ones_pages(world: World) -> None:
    client = world.client("one", "agent")
    client.post("/me/language", data={"language": "en"})
    assert 'lang="en"' in client.get("/me").get_data(as_text=True)
    assert 'lang="en"' in world.client("one", "agent").get("/me").get_data(as_text=True)
    client.post("/me/language", data={"language": "tlh"})
    assert account_of(world, "one", "agent").language == ""


def test_acc_1_asking_how_long_is_left_is_no_activity(world: World) -> None:
    client = world.client("one", "agent")
    early = utc_now() - datetime.timedelta(minutes=29, seconds=30)
    with world.parts.database.transaction(ALL_TENANTS) as session:
        for row in session.scalars(select(WebSession)):
            row.last_seen_at = early
        session.commit()
    world.parts.sessions.changed()
    for _ in range(2):
        left = client.get("/live/session").get_json()
        assert 20 < left["left_s"] <= 30
        assert left["warn_s"] == 60
    assert client.post("/session/stay").status_code == 200
    assert client.get("/live/session").get_json()["left_s"] > 1790


def test_acc_1_a_session_that_ended_idle_says_so_on_the_sign_in_page(world: World) -> None:
    client = world.client("one", "agent")
    client.set_cookie("zj_language", "en")
    with world.parts.database.transaction(ALL_TENANTS) as session:
        for row in session.scalars(select(WebSession)):
            row.last_seen_at -= datetime.timedelta(minutes=31)
        session.commit()
    world.parts.sessions.changed()
    answer = client.get("/customers?q=1")
    assert "why=session-idle" in answer.location
    page = client.get(answer.location).get_data(as_text=True)
    assert "after 30 minutes without activity" in page
    assert 'name="next" value="/customers?q=1"' in page


def test_the_first_operators_password_is_to_be_changed(world: World) -> None:
    with world.parts.database.transaction(ALL_TENANTS) as session:
        for tenant in session.scalars(select(Tenant)):
            tenant.is_operator = False
        session.flush()
        assert accounts.ensure_operator(session)
        made = session.scalars(
            select(Account).join(Tenant).where(Tenant.code == "operator", Account.login == "operator")
        ).one()
        assert made.must_change_password


def test_acc_1_an_administrator_unlocks_and_takes_the_factor_off_from_the_list(world: World) -> None:
    locked = utc_now() + datetime.timedelta(minutes=10)
    change(
        world,
        "one",
        "agent",
        locked_until=locked,
        failed_count=10,
        totp_confirmed_at=utc_now(),
        totp_secret_encrypted=world.parts.vault.seal(TOTP_SECRET),
    )
    admin, row_id = world.client("one", "tenant_admin"), account_of(world, "one", "agent").id
    assert admin.post(f"/accounts/{row_id}/unlock").status_code in {200, 303}
    assert sign_in(world.client(), "one", "agent").location == "/sign-in/code"
    assert admin.post(f"/accounts/{row_id}/second-factor").status_code in {200, 303}
    assert sign_in(world.client(), "one", "agent").location == "/"
    supervisor = world.client("one", "supervisor")
    assert supervisor.post(f"/accounts/{row_id}/unlock").status_code == 403
    stranger = world.client("two", "tenant_admin")
    assert stranger.post(f"/accounts/{row_id}/second-factor").status_code == 404
    assert {"unlock", "second-factor-reset"} <= set(lines(world))
