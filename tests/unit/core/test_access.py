"""Networks and addresses of access control (ACC-11), without a database."""

from __future__ import annotations

import pytest

from core.access.networks import InvalidNetworkError, allowed, client_key, parse, written


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.9/24", "203.0.113.0/24"),
        ("203.0.113.0/255.255.255.0", "203.0.113.0/24"),
        ("203.0.113.7/32", "203.0.113.7"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("203。0。113。7", "203.0.113.7"),
    ],
)
def test_an_address_or_a_network_in_its_shortest_form(typed: str, stored: str) -> None:
    assert written(parse(typed)) == stored
    assert parse(stored) == parse(typed)


@pytest.mark.parametrize(
    "typed", ["", "office", "203.0.113", "203.0.113.256", "203.0.113.0/33", "fe80::1%eth0", "1.2.3.4 5.6.7.8"]
)
def test_anything_else_is_refused_at_its_field(typed: str) -> None:
    with pytest.raises(InvalidNetworkError) as error:
        parse(typed)
    assert error.value.details["field"] == "network"


@pytest.mark.parametrize(
    ("ip", "in_"),
    [
        ("203.0.113.1", True),
        ("::ffff:203.0.113.1", True),
        ("203.0.114.1", False),
        ("2001:db8:5::1", True),
        ("2001:db9::1", False),
        ("", False),
        ("unknown", False),
        ("203.0.113.1, 10.0.0.1", False),
    ],
)
def test_who_may_come_in(ip: str, in_: bool) -> None:
    assert allowed([parse("203.0.113.0/24"), parse("2001:db8::/32")], ip) is in_
    assert allowed([], ip), "an empty list means anywhere"


def test_attempts_are_counted_by_what_one_customer_has() -> None:
    assert client_key("2001:db8:1:2:3::4") == client_key("2001:db8:1:2:ffff::1")
    assert client_key("2001:db8:1:3::4") != client_key("2001:db8:1:2::4")
    assert client_key("::ffff:192.0.2.1") == client_key("192.0.2.1") == "192.0.2.1"
