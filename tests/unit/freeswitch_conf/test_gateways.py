"""Trunks as the switch reads them: values stay values, whatever was typed (ACC-3)."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.documents import TrunkDoc
from core.switch_xml import UnsafeXmlError
from freeswitch_conf import gateways
from freeswitch_conf.layout import Layout


def trunk(**values: object) -> TrunkDoc:
    given_values: dict[str, object] = {
        "id": 1,
        "tenant_id": 0,
        "version": 1,
        "code": "east",
        "host": "sip.example",
    }
    return TrunkDoc(**{**given_values, **values})  # type: ignore[arg-type]


def params(text: str) -> dict[str, str]:
    root = ElementTree.fromstring(text)
    return {each.attrib["name"]: each.attrib["value"] for each in root.findall("param")}


def test_a_registering_trunk() -> None:
    made = params(gateways.gateway(trunk(register=True, username="u", port=5070, expires_s=120), "p"))
    assert made["proxy"] == "sip.example:5070"
    assert (made["register"], made["username"], made["password"]) == ("true", "u", "p")
    assert (made["realm"], made["expire-seconds"], made["register-transport"]) == (
        "sip.example",
        "120",
        "udp",
    )
    assert made["extension"] == "auto_to_user"


def test_a_trunk_by_address_tells_no_user_and_its_codecs() -> None:
    text = gateways.gateway(trunk(host="2001:db8::1", codecs=("PCMA", "G722")), "")
    made = params(text)
    assert made["proxy"] == "[2001:db8::1]:5060"
    assert made["register"] == "false"
    assert "username" not in made
    variable = ElementTree.fromstring(text).find("variables/variable")
    assert variable is not None
    assert (variable.attrib["value"], variable.attrib["direction"]) == ("PCMA,G722", "outbound")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")))
def test_any_password_is_read_as_it_was_typed_and_hidden_from_the_preprocessor(password: str) -> None:
    text = gateways.gateway(trunk(register=True, username="u"), password)
    assert params(text)["password"] == password
    assert "X-PRE-PROCESS" not in text
    assert "$${" not in text


@pytest.mark.parametrize("hostile", ["a\nb", "a\x00b", "a\r\nX-PRE-PROCESS"])
def test_a_line_end_makes_no_gateway(hostile: str) -> None:
    with pytest.raises(UnsafeXmlError):
        gateways.gateway(trunk(host=hostile), "")


def test_files_are_whole_private_and_there_before_the_first_trunk(tmp_path: Path) -> None:
    where = Layout(root=tmp_path)
    gateways.ensure(where.conf)
    path = where.conf / gateways.GATEWAYS_FILE
    assert path.read_text() == ""
    files = gateways.GatewayFiles(where)
    files.write([files.gateway(trunk(), "")], ["192.0.2.0/24"])
    gateways.ensure(where.conf)
    assert 'name="east"' in path.read_text()
    assert (where.conf / gateways.NETWORKS_FILE).read_text() == '<node type="allow" cidr="192.0.2.0/24"/>\n'
    assert {each.stat().st_mode & 0o777 for each in where.conf.iterdir()} == {0o600}
