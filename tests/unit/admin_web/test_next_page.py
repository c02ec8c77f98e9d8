"""Where one goes on after signing in: never another site."""

from __future__ import annotations

import pytest

from admin_web.me.browsers import browser_in_words
from admin_web.next_page import safe_path


@pytest.mark.parametrize("path", ["/", "/queues", "/records/inbound?q=%E4%B8%AD&a=1", "/flows/1?x=%0A"])
def test_a_path_of_this_site_is_kept(path: str) -> None:
    assert safe_path(path) == path


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "queues",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "/x\\..\\evil",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/page\r\nSet-Cookie: a=b",
        "/中文",
        "/" + "a" * 3000,
    ],
)
def test_anything_else_is_the_start_page(address: str | None) -> None:
    assert safe_path(address) == "/"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
            "Edge 131, Windows",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox 128, Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) Version/17.4 Mobile/15E148 Safari/604.1",
            "Safari 17, iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/130.0.0.0 MicroMessenger/8.0.49", "WeChat 8, Android"),
    ],
)
def test_browsers_in_words(agent: str, words: str) -> None:
    assert browser_in_words(agent) == words
