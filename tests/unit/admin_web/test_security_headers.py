"""Every answer of every route carries the headers, and no page holds a script or style of its own (ACC-12)."""

from __future__ import annotations

import re

import pytest

from tests.unit.admin_web.conftest import World
from tests.unit.admin_web.test_every_route import STREAM, _address, _routes

WANTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
INLINE = re.compile(
    r"<script(?![^>]*\ssrc=)(?![^>]*type=\"application/json\")|\sstyle=|\son[a-z]+=\"|javascript:",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    ("company", "login"),
    [("", ""), ("one", "agent"), ("one", "supervisor"), ("one", "tenant_admin"), ("platform", "operator")],
)
def test_every_answer_has_the_headers_and_no_page_runs_its_own_code(
    world: World, company: str, login: str
) -> None:
    client, pages, answers = world.client(company, login), 0, 0
    for rule, method, _ in _routes(world):
        if rule.rule.endswith("/stream") or rule.rule == STREAM or (login and "sign-out" in rule.rule):
            continue
        answer = client.open(_address(rule, 1), method=method)
        answers += 1
        for name, value in WANTED.items():
            assert answer.headers.get(name) == value, f"{method} {rule.rule}: {name}"
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy, rule.rule
        assert "default-src 'self'" in policy or "default-src 'none'" in policy, rule.rule
        if answer.mimetype == "text/html":
            pages += 1
            page = answer.get_data(as_text=True)
            assert (found := INLINE.search(page)) is None, (
                f"{rule.rule}: {found and page[found.start() :][:80]}"
            )
    assert answers > 60
    assert pages > (3 if not login else 20)


def test_the_secure_cookie_needs_no_script(world: World) -> None:
    client = world.client()
    answer = client.post(
        "/sign-in", data={"company": "one", "login": "agent", "password": "Sommer-2026-Regen"}
    )
    cookies = answer.headers.getlist("Set-Cookie")
    assert cookies
    for cookie in cookies:
        assert "HttpOnly" in cookie, cookie
        assert "SameSite=" in cookie, cookie
