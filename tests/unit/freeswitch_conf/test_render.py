"""The switch's configuration: complete, minimal, closed."""

from __future__ import annotations

import stat
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.settings import Settings, SettingsError, load
from cti.directory import DirectoryUser, a1_hash, not_found_document, user_document
from freeswitch_conf.layout import Sounds, command, layout
from freeswitch_conf.render import MODULES, render, write


def _settings(folder: Path, **values: str) -> Settings:
    return load(
        {"ZONGJI_HOME": str(folder), **{f"ZONGJI_{name.upper()}": value for name, value in values.items()}}
    )


def _parsed(settings: Settings, sounds: Sounds | None = None) -> ET.Element:
    return ET.fromstring(render(settings, sounds or Sounds()))


def _params(root: ET.Element, path: str) -> dict[str, str]:
    return {node.attrib["name"]: node.attrib["value"] for node in root.findall(path)}


def _configuration(root: ET.Element, name: str) -> ET.Element:
    found = root.find(f".//configuration[@name='{name}']")
    assert found is not None
    return found


def test_the_event_socket_is_on_loopback_with_a_password_of_its_own(tmp_path: Path) -> None:
    one, two = _settings(tmp_path / "one"), _settings(tmp_path / "two")
    params = _params(_configuration(_parsed(one), "event_socket.conf"), "settings/param")
    assert (params["listen-ip"], params["apply-inbound-acl"]) == ("127.0.0.1", "loopback.auto")
    assert params["password"] == one.effective_switch_password
    assert len(params["password"]) >= 32
    assert one.effective_switch_password != two.effective_switch_password


def test_agents_must_prove_who_they_are_and_carriers_where_they_are(tmp_path: Path) -> None:
    root = _parsed(_settings(tmp_path, carrier_addresses="203.0.113.0/24, 198.51.100.7"))
    agents = _params(root, ".//profile[@name='agents']/settings/param")
    carriers = _params(root, ".//profile[@name='carriers']/settings/param")
    assert (agents["auth-calls"], agents["accept-blind-auth"], agents["accept-blind-reg"]) == (
        "true",
        "false",
        "false",
    )
    assert agents["inbound-reg-force-matching-username"] == "true"
    assert agents["challenge-realm"] == agents["force-register-domain"] == "zongji.invalid"
    assert (carriers["apply-inbound-acl"], carriers["disable-register"]) == ("carriers", "true")
    assert {params["disable-transfer"] for params in (agents, carriers)} == {"true"}
    assert {params["rtp-timer-name"] for params in (agents, carriers)} == {"soft"}
    acl = root.find(".//list[@name='carriers']")
    assert acl is not None
    assert acl.attrib["default"] == "deny"
    assert [node.attrib["cidr"] for node in acl.findall("node")] == ["203.0.113.0/24", "198.51.100.7/32"]
    included = [node.attrib["data"] for node in root.iter("X-PRE-PROCESS") if node.attrib["cmd"] == "include"]
    assert included == ["carrier-networks.xml", "gateways.xml"], (
        "the trunks' part, which the controller writes"
    )


def test_everything_listens_where_the_settings_say(tmp_path: Path) -> None:
    root = _parsed(
        _settings(
            tmp_path, sip_bind_host="192.0.2.5", sip_ws_port="7001", sip_external_address="198.51.100.9"
        )
    )
    for name in ("agents", "carriers"):
        params = _params(root, f".//profile[@name='{name}']/settings/param")
        assert (params["sip-ip"], params["rtp-ip"], params["ext-rtp-ip"]) == (
            "192.0.2.5",
            "192.0.2.5",
            "198.51.100.9",
        )
    assert _params(root, ".//profile[@name='agents']/settings/param")["ws-binding"] == "192.0.2.5:7001"


def test_wss_is_opened_when_there_is_a_certificate(tmp_path: Path) -> None:
    path = ".//profile[@name='agents']/settings/param"
    assert "wss-binding" not in _params(_parsed(_settings(tmp_path)), path)
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "wss.pem").write_text("certificate")
    params = _params(_parsed(_settings(tmp_path)), path)
    assert (params["wss-binding"], params["tls-cert-dir"]) == ("127.0.0.1:7443", str(tmp_path / "tls"))


def test_records_go_to_disk_only(tmp_path: Path) -> None:
    params = _params(_configuration(_parsed(_settings(tmp_path)), "json_cdr.conf"), "settings/param")
    assert "url" not in params
    assert (params["log-dir"], params["log-b-leg"]) == (str(tmp_path / "cell" / "cdr"), "true")


def _variables_of(actions: list[tuple[str, ...]]) -> dict[str, str]:
    """Return what a ``multiset`` sets, split as the switch does: ``^^`` and the separator first."""
    (data,) = (action[1] for action in actions if action[0] == "multiset")
    assert data.startswith("^^")
    pairs = [pair.partition("=") for pair in data[3:].split(data[2])]
    assert all(equals for _, equals, _ in pairs), data
    variables = {name: value for name, _, value in pairs}
    assert len(variables) == len(pairs), "a variable is set twice"
    return variables


@pytest.mark.parametrize(("context", "leg"), [("inbound", "customer"), ("agents", "agent")])
def test_every_context_parks_with_a_fallback_armed(tmp_path: Path, context: str, leg: str) -> None:
    root = _parsed(_settings(tmp_path, cell="west"))
    actions = [tuple(node.attrib.values()) for node in root.findall(f".//context[@name='{context}']//action")]
    assert [action[0] for action in actions] == ["multiset", "sched_transfer", "park"]
    assert actions[1:] == [("sched_transfer", "+8 fallback XML zongji"), ("park",)]
    assert _variables_of(actions) == {
        "zj_leg": leg,
        "zj_call": "${uuid}",
        "zj_cell": "west",
        "playback_terminators": "none",
        "hangup_after_bridge": "true",
        "RECORD_STEREO": "true",
        "media_timeout": "300000",
        "media_hold_timeout": "1800000",
    }


@pytest.mark.parametrize("cell", ["a;b=c", "a b", "west${uuid}", "'"])
def test_a_cell_whose_name_would_become_another_variable_is_refused(tmp_path: Path, cell: str) -> None:
    with pytest.raises(SettingsError):
        render(_settings(tmp_path, cell=cell), Sounds())


def test_the_fallback_speaks_both_languages_unanswered_and_lets_go(tmp_path: Path) -> None:
    sounds = Sounds(fallback=(Path("/s/zh.wav"), Path("/s/en.wav")), music={"default": Path("/s/music")})
    root = _parsed(_settings(tmp_path), sounds)
    actions = [tuple(node.attrib.values()) for node in root.findall(".//extension[@name='fallback']//action")]
    applications = [action[0] for action in actions]
    assert "answer" not in applications
    assert [data for name, data in (a for a in actions if len(a) == 2) if name == "playback"] == [
        "/s/zh.wav",
        "/s/en.wav",
    ]
    assert actions[-1] == ("hangup", "NORMAL_TEMPORARY_FAILURE")
    assert _configuration(root, "local_stream.conf")[0].attrib == {"name": "default", "path": "/s/music"}


def test_a_caller_who_outlives_a_talk_is_parked_with_a_fallback(tmp_path: Path) -> None:
    root = _parsed(_settings(tmp_path))
    extension = root.find(".//context[@name='zongji']/extension[@name='after-talk']/condition")
    assert extension is not None
    assert extension.attrib == {"field": "destination_number", "expression": "^after-talk$"}
    actions = [tuple(node.attrib.values()) for node in extension]
    assert actions == [("sched_transfer", "+20 fallback XML zongji"), ("park",)]


def test_only_modules_that_are_installed_are_loaded(tmp_path: Path) -> None:
    for name in MODULES[:3]:
        (tmp_path / f"{name}.so").touch()
    root = ET.fromstring(render(_settings(tmp_path), Sounds(), tmp_path))
    assert [node.attrib["module"] for node in root.findall(".//load")] == list(MODULES[:3])


def test_the_files_are_for_this_user_alone(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "home")
    where = write(settings, Sounds())
    file = where.conf / "freeswitch.xml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(where.root.stat().st_mode) == 0o700
    assert str(where.conf) in command(settings, where)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("carrier_addresses", "the internet", "CARRIER_ADDRESSES"),
        ("sip_bind_host", "example.com", "SIP_BIND_HOST"),
        ("sip_domain", "a\x1bb", "cannot be written"),
    ],
)
def test_what_cannot_be_said_to_the_switch_is_one_sentence(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        render(_settings(tmp_path, **{name: value}), Sounds())


@pytest.mark.parametrize("name", ["a,b", "a'b", "a${b}", 'a"b', "a;b"])
def test_a_home_the_switch_cannot_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="ZONGJI_HOME"):
        layout(_settings(tmp_path / name))


def test_a_home_with_chinese_letters_and_blanks_works(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "张三 的电话")
    assert (
        str(settings.cdr_dir)
        in _params(_configuration(_parsed(settings), "json_cdr.conf"), "settings/param").values()
    )


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1))
def test_a_typed_setting_never_becomes_another(domain: str) -> None:
    settings = Settings(home=Path("/srv/zongji"), sip_domain=domain, switch_password="x" * 32)
    object.__setattr__(settings, "secret", lambda name: "s" * 32)
    params = _params(ET.fromstring(render(settings, Sounds())), ".//profile[@name='agents']/settings/param")
    assert params["challenge-realm"] == domain
    assert params["auth-calls"] == "true"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")))
def test_a_directory_entry_carries_any_value(text: str) -> None:
    user = DirectoryUser(
        user="u1", domain="d", a1_hash="0" * 32, variables={"zj_ext": text, "user_context": "inbound"}
    )
    root = ET.fromstring(user_document(user))
    entry = root.find(".//user")
    assert entry is not None
    assert entry.attrib == {"id": "u1", "cacheable": "true"}
    variables = {node.attrib["name"]: node.attrib["value"] for node in root.findall(".//variable")}
    assert variables == {"zj_ext": text, "user_context": "agents"}


def test_the_hash_is_that_of_rfc_2617() -> None:
    assert a1_hash("Mufasa", "testrealm@host.com", "Circle Of Life") == "939e7578ed9e3c518a452acee763bce9"


def test_nobody_is_a_result_of_its_own() -> None:
    assert ET.fromstring(not_found_document()).find(".//result[@status='not found']") is not None
