"""Signing in, languages, whole pages and main parts, failures in the form the asker can show, headers."""

from __future__ import annotations

import json
import re

from sqlalchemy import select

from core.crypto import a1_hash
from core.database import ALL_TENANTS
from cti.models import SipEndpoint
from tests.unit.admin_web.conftest import World


def test_wrong_credentials_get_one_message_and_keep_what_was_typed(world: World) -> None:
    client = world.client()
    client.set_cookie("zj_language", "en")
    for form in (
        {"company": "one", "login": "tenant_admin", "password": "wrong"},
        {"company": "nowhere", "login": "tenant_admin", "password": "wrong"},
    ):
        answer = client.post("/sign-in", data=form)
        assert answer.status_code == 401
        page = answer.get_data(as_text=True)
        assert "Company, account or password is wrong" in page
        assert f'value="{form["company"]}"' in page
        assert 'wrong"' not in page


def test_sign_in_leads_to_where_one_wanted_to_go_but_never_elsewhere(world: World) -> None:
    form = {"company": "one", "login": "tenant_admin", "password": "Sommer-2026-Regen"}
    for wanted, got in (
        ("/queues", "/queues"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil", "/"),
    ):
        answer = world.client().post("/sign-in", data={**form, "next": wanted})
        assert answer.location == got
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_the_same_address_gives_the_whole_page_or_its_main_part(world: World) -> None:
    client = world.client("one", "tenant_admin")
    whole = client.get("/queues").get_data(as_text=True)
    part = client.get("/queues", headers={"HX-Request": "true", "HX-Target": "zj-main"}).get_data(
        as_text=True
    )
    restored = client.get("/queues", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert 'id="zj-phone"' in whole
    assert "zj-phone" not in part
    assert part.lstrip().startswith("<title>")
    assert 'id="zj-list"' in part
    assert 'id="zj-phone"' in restored.get_data(as_text=True)


def test_pages_are_in_the_chosen_language(world: World) -> None:
    client = world.client("one", "tenant_admin")
    assert 'lang="zh-CN"' in client.get("/queues").get_data(as_text=True)
    assert client.post("/language", data={"language": "en", "next": "/queues"}).location == "/queues"
    page = client.get("/queues").get_data(as_text=True)
    assert 'lang="en"' in page
    assert not re.search("[一-鿿]", page.replace("中文", "")), "Chinese in an English page"


def test_no_inline_script_or_style_and_the_policy_forbids_them(world: World) -> None:
    client = world.client("one", "tenant_admin")
    answer = client.get("/routes")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    page = answer.get_data(as_text=True)
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son[a-z]+=", page)


def test_failures_are_a_page_a_toast_or_json(world: World) -> None:
    client = world.client("one", "agent")
    page = client.get("/accounts")
    assert page.status_code == 403
    assert "zj-menu" in page.get_data(as_text=True)
    toast = client.post("/accounts/1/disable", headers={"HX-Request": "true"})
    assert toast.status_code == 403
    assert json.loads(toast.headers["HX-Trigger"])["zj:toast"]["kind"] == "danger"
    answer = client.get("/accounts", headers={"Accept": "application/json"})
    assert answer.get_json()["error"] == "forbidden"
    gone = world.client().get("/queues", headers={"HX-Request": "true", "HX-Target": "zj-main"})
    assert gone.status_code == 401
    assert gone.headers["HX-Redirect"] == "/sign-in?next=%2Fqueues"


def test_a_disabled_account_is_out_with_its_next_request(world: World) -> None:
    admin, agent = world.client("one", "tenant_admin"), world.client("one", "agent")
    assert agent.get("/customers").status_code == 200
    assert (
        admin.post(
            f"/accounts/{world.ids['one']['accounts']}/disable", headers={"HX-Request": "true"}
        ).status_code
        == 200
    )
    answer = agent.get("/customers")
    assert answer.status_code == 302
    assert "why=session-revoked" in answer.location


def test_sign_out_ends_the_session_at_the_server(world: World) -> None:
    client = world.client("one", "tenant_admin")
    token = client.get_cookie("zj_session").value
    client.post("/sign-out")
    client.set_cookie("zj_session", token)
    assert client.get("/queues").status_code == 302


def test_health_says_what_answers(world: World) -> None:
    assert world.client().get("/healthz").get_json() == {"ok": True, "database": True, "redis": True}


def test_metrics_are_for_this_host_only(world: World) -> None:
    client = world.client()
    assert b"zongji_web_request_seconds" in client.get("/metrics").data
    assert client.get("/metrics", environ_overrides={"REMOTE_ADDR": "192.0.2.1"}).status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 404, (
        "by a proxy here"
    )


def test_the_directory_answers_the_switch_alone(world: World) -> None:
    from freeswitch_conf.render import DIRECTORY_SECRET

    client, settings = world.client(), world.parts.settings
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        endpoint = session.scalars(select(SipEndpoint).order_by(SipEndpoint.id)).first()
    password = world.parts.vault.open(endpoint.password_encrypted)
    form = {"section": "directory", "user": endpoint.user, "domain": settings.sip_domain}
    auth = ("switch", settings.secret(DIRECTORY_SECRET))
    found = client.post("/switch/directory", data=form, auth=auth).get_data(as_text=True)
    assert a1_hash(endpoint.user, settings.sip_domain, password) in found
    assert 'cacheable="true"' in found
    for other in ({"user": "nobody"}, {"domain": "elsewhere.example"}, {"section": "dialplan"}):
        assert "not found" in client.post("/switch/directory", data={**form, **other}, auth=auth).get_data(
            as_text=True
        )
    assert client.post("/switch/directory", data=form, auth=("switch", "wrong")).status_code == 401
    assert client.post("/switch/directory", data=form).status_code == 401
    remote = client.post(
        "/switch/directory", data=form, auth=auth, environ_overrides={"REMOTE_ADDR": "192.0.2.1"}
    )
    assert remote.status_code == 404
