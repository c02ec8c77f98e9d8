"""Server-side requests reach what they may and nothing else, whatever the address looks like."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.outbound_http import (
    MAX_ANSWER_BYTES,
    PORTS,
    Outbound,
    OutboundError,
    Reason,
    UrlRefusedError,
    inner,
    is_public,
    networks,
    parse,
)
from core.settings import SettingsError, load
from tests.support.receiver import receiving

LOOPBACK = networks("127.0.0.0/8")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("https://Example.COM", "https://example.com/"),
        ("HTTPS://example.com.:443/a?b=c#d", "https://example.com/a?b=c"),
        ("http://example.com:8080/a b".replace(" ", "%20"), "http://example.com:8080/a%20b"),
        (
            "https://例子.测试/路径?名=值",
            "https://xn--fsqu00a.xn--0zwm56d/%E8%B7%AF%E5%BE%84?%E5%90%8D=%E5%80%BC",
        ),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
        ("http://93.184.216.34/", "http://93.184.216.34/"),
        ("http://１２７。０。０。１/", "http://127.0.0.1/"),
    ],
)
def test_an_address_is_stored_in_one_form(typed: str, stored: str) -> None:
    assert parse(typed).url == stored
    assert parse(stored).url == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "javascript:alert(1)",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://example.com@127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1.5/",
        "https://1.2.3.0x4/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:port/",
        "https://[fe80::1%25eth0]/",
        "https://[::1",
        "https://exa mple.com/",
        "https://example.com/\r\nX-Evil: 1",
        "https://example.com\\@evil.example/",
        "https://exam\tple.com/",
        "https://-.example/",
        "https://.example.com/",
        "https://a..b/",
        "https://" + "a" * 64 + ".example/",
        "https://example.com/" + "a" * 500,
    ],
)
def test_an_odd_address_is_refused(typed: str) -> None:
    with pytest.raises(UrlRefusedError):
        parse(typed)


@given(st.text(max_size=60), st.sampled_from(["http://", "https://", "https:", "//", "http:/\\", ""]))
def test_any_text_is_an_address_of_the_web_or_refused(text: str, scheme: str) -> None:
    try:
        target = parse(scheme + text)
    except UrlRefusedError:
        return
    assert target.scheme in ("http", "https")
    assert target.url.isascii()
    assert target.url.isprintable()
    assert " " not in target.url
    assert "@" not in target.authority
    assert 0 < target.port < 65536
    assert parse(target.url) == target


FORBIDDEN = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.8", "192.0.2.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "2002:7f00:1::", "2002:c0a8:101::1", "2001:0:1:1::80ff:fffe",
]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    assert not Outbound().may_reach(ipaddress.ip_address(address), 443)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808"])
def test_addresses_that_are(address: str) -> None:
    assert Outbound().may_reach(ipaddress.ip_address(address), 443)
    for port in (22, 25, 3306, 6379, 8021, 11211):
        assert port not in PORTS
        assert not Outbound().may_reach(ipaddress.ip_address(address), port)


@given(st.ip_addresses(v=4))
def test_an_address_wrapped_in_another_is_judged_alike(address: ipaddress.IPv4Address) -> None:
    wrapped = [
        ipaddress.IPv6Address(f"::ffff:{address}"),
        ipaddress.IPv6Address((0x0064FF9B << 96) | int(address)),
        ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80) | 1),
    ]
    for each in wrapped:
        assert inner(each) == address
        assert is_public(each) == is_public(address)


def test_only_what_the_operator_allows_is_reached_inside() -> None:
    with receiving() as receiver:
        target = parse(receiver.url)
        with pytest.raises(OutboundError) as refused:
            Outbound().post(target, {}, b"{}")
        assert refused.value.reason is Reason.FORBIDDEN
        assert receiver.got == []
        answer = Outbound(LOOPBACK).post(target, {"x-test": "1"}, b"{}")
        assert (answer.status, answer.body) == (200, b"thank you")
        assert receiver.got[0].headers["host"] == f"127.0.0.1:{receiver.port}"


def test_a_name_is_resolved_once_and_the_checked_address_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that means another address at each question (DNS rebinding)."""
    with receiving() as receiver:
        answers = iter(["127.0.0.1", "127.0.0.2", "127.0.0.3"])
        asked: list[str] = []
        real = socket.getaddrinfo

        def turning(host: str, port: int, *args: object, **options: object):
            if host != "turning.example":
                return real(host, port, *args, **options)
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

        monkeypatch.setattr(socket, "getaddrinfo", turning)
        target = parse(f"http://turning.example:{receiver.port}/x")
        answer = Outbound(networks("127.0.0.1/32")).post(target, {}, b"{}")
        assert answer.status == 200
        assert asked == ["turning.example"]
        assert receiver.got[0].headers["host"] == f"turning.example:{receiver.port}"
        with pytest.raises(OutboundError) as refused:
            Outbound(networks("127.0.0.1/32")).post(target, {}, b"{}")
        assert refused.value.reason is Reason.FORBIDDEN


def test_one_forbidden_address_among_others_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("8.8.8.8", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
    with pytest.raises(OutboundError) as refused:
        Outbound().addresses("mixed.example", 443, 1.0)
    assert refused.value.reason is Reason.FORBIDDEN


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: time.sleep(1.0) or [])
    begun = time.monotonic()
    with pytest.raises(OutboundError) as late:
        Outbound(connect_s=0.1).addresses("slow.example", 443, 0.1)
    assert late.value.reason is Reason.TIMEOUT
    assert time.monotonic() - begun < 0.8


def test_a_dead_name_holds_one_thread_however_often_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    released, asked = threading.Event(), []

    def hang(host: str, *args: object, **options: object) -> list[object]:
        asked.append(host)
        released.wait(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        for _ in range(5):
            with pytest.raises(OutboundError):
                Outbound().addresses("dead.example", 443, 0.02)
        with pytest.raises(OutboundError):
            Outbound().addresses("other.example", 443, 0.02)
        assert asked == ["dead.example", "other.example"]
    finally:
        released.set()


def test_redirects_are_not_followed_and_long_answers_are_cut() -> None:
    with receiving() as receiver:
        receiver.status = lambda got: 302
        receiver.more_headers = {"Location": "/elsewhere", "Set-Cookie": "a=b"}
        receiver.body = b"x" * 100_000
        answer = Outbound(LOOPBACK).post(parse(receiver.url), {}, b"{}")
        assert answer.status == 302
        assert len(answer.body) == MAX_ANSWER_BYTES
        assert [got.path for got in receiver.got] == ["/hook"]


def test_a_receiver_that_drips_is_left_at_the_deadline() -> None:
    with receiving() as receiver:
        receiver.drip_s, receiver.body = 0.1, b"x" * 200
        begun = time.monotonic()
        with pytest.raises(OutboundError) as late:
            Outbound(LOOPBACK, total_s=0.5).post(parse(receiver.url), {}, b"{}")
        assert late.value.reason is Reason.TIMEOUT
        assert time.monotonic() - begun < 2.0


def test_nobody_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(OutboundError) as broken:
        Outbound(LOOPBACK).post(parse(f"http://127.0.0.1:{port}/"), {}, b"{}")
    assert broken.value.reason is Reason.CONNECT


def test_a_wrong_list_of_networks_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="ZONGJI_OUTBOUND_ALLOWED_NETWORKS"):
        load({"ZONGJI_OUTBOUND_ALLOWED_NETWORKS": "10.0.0.0/8, here"})
    assert load({"ZONGJI_OUTBOUND_ALLOWED_NETWORKS": "10.0.0.0/8, fd00::/8"}).outbound_allowed_networks
