"""What a trunk's settings may be, and which trunk a call came by (ACC-3)."""

from __future__ import annotations

import re

import pytest

from core.documents import TrunkDoc
from cti import trunks
from cti.controller.trunks import TrunkState, state_of
from cti.esl.gateways import GatewayState, states


def trunk(**values: object) -> TrunkDoc:
    given: dict[str, object] = {"id": 1, "tenant_id": 0, "version": 1, "code": "east", "host": "sip.example"}
    return TrunkDoc(**{**given, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "east;x"), ("code", ""), ("code", "East"), ("code", "-a"), ("code", "a b"),
        ("host", "a b"), ("host", "a;transport=tcp"), ("host", 'a"'), ("host", "${x}"), ("host", "a\nb"),
        ("host", "-x"),
        ("username", "a@b"), ("username", "a b"), ("username", "a\r\nb"), ("realm", "a>b"), ("port", 0),
        ("port", 65536), ("codecs", ("PCMA", "x y")), ("expires_s", 0),
    ],
)  # fmt: skip
def test_odd_values_are_named(field: str, value: object) -> None:
    assert trunks.fault_of(trunk(**{field: value}), "") == field


def test_plain_values_are_in_order() -> None:
    assert (
        trunks.fault_of(trunk(username="021+1", realm="r.example", codecs=trunks.CODECS), "pass<>&'\"") == ""
    )
    assert trunks.fault_of(trunk(host="2001:db8::1", port=65535), "") == ""


@pytest.mark.parametrize("password", ["", "with space", "${var}", "$${global}", "ä", "a\nb", "x" * 101])
def test_a_registration_needs_a_password_the_switch_takes_as_it_is(password: str) -> None:
    assert trunks.fault_of(trunk(register=True, username="u"), password) in ("password", "registration")


def test_networks_are_normal_and_each_once() -> None:
    assert trunks.networks(" 192.0.2.7/24,192.0.2.0/24\n2001:db8::/32；10.0.0.1 ") == (
        "192.0.2.0/24",
        "2001:db8::/32",
        "10.0.0.1/32",
    )


@pytest.mark.parametrize("bad", ["0.0.0.0/0", "::/0", "sip.example", "1.2.3", "10.0.0.1/33", '1.2.3.4"/>'])
def test_the_whole_world_is_no_network(bad: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(bad)}$"):
        trunks.networks(f"10.0.0.1,{bad}")


def test_a_call_came_by_the_trunk_with_the_narrowest_network() -> None:
    wide = trunk(id=1, networks=("192.0.2.0/24",))
    narrow = trunk(id=2, networks=("192.0.2.8/29",))
    off = trunk(id=3, networks=("192.0.2.9/32",), enabled=False)
    all_of_them = (wide, narrow, off)
    found = {
        address: trunks.trunk_of(all_of_them, address)
        for address in ("192.0.2.9", "192.0.2.1", "10.0.0.1", "x")
    }
    assert found == {"192.0.2.9": narrow, "192.0.2.1": wide, "10.0.0.1": None, "x": None}


def test_a_trunks_own_address_is_its_network() -> None:
    assert trunks.trunk_of([trunk(host="192.0.2.77")], "192.0.2.77") is not None
    assert trunks.networks_of(trunk(host="2001:db8::1", networks=("2001:db8::1/128",))) == (
        "2001:db8::1/128",
    )


def test_the_switchs_answer_is_read_by_profile() -> None:
    text = (
        "<gateways>\n  <gateway>\n    <name>east</name>\n    <profile>carriers</profile>\n"
        "    <from>&lt;sip:x&gt;</from>\n"
        "    <state>FAIL_WAIT</state>\n    <status>DOWN</status>\n  </gateway>\n  <gateway>\n    <name>other</name>\n"
        "    <profile>agents</profile>\n    <state>REGED</state>\n  </gateway>\n</gateways>\n"
    )
    assert states(text, "carriers") == {
        "east": GatewayState(name="east", state="FAIL_WAIT", ping="DOWN", profile="carriers")
    }


@pytest.mark.parametrize(
    ("state", "ping", "meaning"),
    [
        ("NOREG", "UP", TrunkState.READY), ("NOREG", "DOWN", TrunkState.DOWN), ("REGED", "UP", TrunkState.REGISTERED),
        ("FAIL_WAIT", "DOWN", TrunkState.FAILED), ("TIMEOUT", "", TrunkState.FAILED), ("TRYING", "", TrunkState.TRYING),
        ("UNREGED", "DOWN", TrunkState.TRYING), ("REGISTER", "", TrunkState.TRYING), ("DOWN", "", TrunkState.DOWN),
    ],
)  # fmt: skip
def test_the_switchs_words_have_a_meaning(state: str, ping: str, meaning: TrunkState) -> None:
    assert state_of(GatewayState(name="x", state=state, ping=ping)) is meaning
