from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.esl import commands, quoting
from cti.esl.commands import Originate, UnsafeValue

syntax: Any = sys.modules["esl_switch_syntax"]

LEG = "0a1ea09c-e93d-4331-8b7c-410ab00887d8"
OTHER = "6d9a7cb2-1111-4222-8333-444455556666"
HOSTILE = [
    *(
        "a,b=c;d|e",
        "it's",
        "'",
        "''",
        "\\'",
        "\\",
        "a\\",
        "\\n\\s\\t",
        '"',
        "^^:x:y",
        "^^",
        "@@",
        "@",
        ":_:",
        "a:_:b",
    ),
    *(
        "[x]",
        "]",
        "[",
        "<y>",
        "  both  ",
        " ",
        "&park()",
        "undef",
        "unload mod_event_socket",
        "reload MOD_Event_Socket",
    ),
    *("origination_nested_vars=true", "$", "$$", "$x", "中文 é 😀", "=", ";", "|", ",", "a' b' c", "%[a=b]x"),
]
PIECES = st.sampled_from(
    [*HOSTILE, "{", "}", "${x}", "$\\{x}", "\n", "\r\n", "\0", "ARRAY::", "\ud800", "x", " ", "e"]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=6).map("".join), st.text(max_size=40))


def sip(uri: str = "sip:1000@127.0.0.1:5062") -> commands.SipContact:
    return commands.SipContact(profile="agents", uri=uri)


def leg(**fields: object) -> Originate:
    return Originate(**{"uuid": LEG, "target": sip(), "timeout_s": 20, **fields})  # type: ignore[arg-type]


def accepted(value: str) -> bool:
    try:
        quoting.plain(value)
    except UnsafeValue:
        return False
    return True


@given(st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True), TEXTS, min_size=1, max_size=5))
def test_a_variable_set_on_a_leg_arrives_as_it_was_or_is_refused(variables):
    try:
        wire = commands.set_variables(LEG, variables)
    except UnsafeValue:
        assert not all(accepted(value) for value in variables.values())
        return
    ((name, argument),) = syntax.api(wire)
    if name == "uuid_setvar":  # split at blanks only
        found, variable, value = syntax.separate(argument, " ", 3)
        assert (found, {variable: value}) == (LEG, variables)
    else:
        assert name == "uuid_setvar_multi"
        assert syntax.set_variables(argument) == (LEG, variables)


@given(st.dictionaries(st.from_regex(r"zj_[a-z]{1,8}", fullmatch=True), TEXTS, max_size=5), TEXTS)
def test_a_dial_string_has_the_variables_it_was_given_and_no_others(variables, caller):
    try:
        wire = commands.originate(leg(variables=variables, caller_name=caller))
    except UnsafeValue:
        assert not all(accepted(v) and "{" not in v and "}" not in v for v in variables.values())
        return
    ((name, argument),) = syntax.api(wire)
    found, endpoint, rest = syntax.originate(argument)
    assert (name, endpoint, rest) == ("originate", "sofia/agents/sip:1000@127.0.0.1:5062", ["&park()"])
    shown = found.pop("origination_caller_id_name", "")
    assert not set(shown) & set('{}"\\<>$\n\r\0')
    fixed = {"origination_uuid": LEG, "originate_timeout": "20", "ignore_early_media": "true"}
    assert found == fixed | variables


@pytest.mark.parametrize("value", HOSTILE)
def test_each_hostile_value_is_carried_by_both_ways(value):
    ((_, argument),) = syntax.api(commands.set_variables(LEG, {"a": value, "b": "after"}))
    assert syntax.set_variables(argument)[1] == {"a": value, "b": "after"}
    ((_, argument),) = syntax.api(commands.originate(leg(variables={"a": value, "b": "after"})))
    variables, _, rest = syntax.originate(argument)
    assert (variables["a"], variables["b"], rest) == (value, "after", ["&park()"])


@pytest.mark.parametrize(
    "value", ["\n", "a\r", "\0", "${x}", "$${x}", "$\\{x}", "ARRAY::a|:b", "\x7f", "\ud800", "x" * 70_000]
)
def test_what_cannot_be_carried_is_refused_with_a_reason(value):
    for make in (
        lambda: commands.set_variables(LEG, {"a": value}),
        lambda: commands.originate(leg(variables={"a": value})),
        lambda: commands.execute(LEG, commands.SetVariables({"a": value}), "s"),
    ):
        with pytest.raises(UnsafeValue) as caught:
            make()
        assert len(str(caught.value)) < 120


@given(TEXTS)
def test_a_hostile_word_is_never_more_than_one_argument(text):
    makers = (
        lambda: commands.kill(text),
        lambda: commands.kill(LEG, text),
        lambda: commands.bridge(LEG, text),
        lambda: commands.execute(LEG, commands.Answer(), text or "\n"),
        lambda: commands.execute(LEG, commands.Playback((text,)), "s"),
        lambda: commands.execute(LEG, commands.PlayMusic(text), "s"),
        lambda: commands.execute(LEG, commands.Hangup(text), "s"),
        lambda: commands.execute(LEG, commands.SetVariables({"a": text}), "s"),
        lambda: commands.execute(LEG, commands.SetVariables({text: "a"}), "s"),
        lambda: commands.record_start(LEG, text),
        lambda: commands.send_dtmf(LEG, text),
        lambda: commands.phone_event(LEG, text),
        lambda: commands.get_variable(LEG, text),
        lambda: commands.set_variables(LEG, {text: "x"}),
        lambda: commands.flush_directory(text, text),
        lambda: commands.contact(text, text, text),
        lambda: commands.hello(text),
        lambda: commands.subscribe([text]),
        lambda: commands.subscribe_custom([text]),
        lambda: commands.as_job(b"api status\n\n", text),
        lambda: commands.originate(leg(caller_number=text)),
        lambda: commands.originate(leg(codec=text)),
        lambda: commands.originate(leg(target=sip(text))),
        lambda: commands.originate(leg(target=commands.Loopback(number=text, context="c"))),
        lambda: commands.originate(leg(target=commands.Gateway(name=text, number="1"))),
        lambda: commands.originate(leg(target=commands.SipAddress(profile="p", number="1", host=text))),
    )
    for make in makers:
        try:
            wire = make()
        except UnsafeValue:
            continue
        assert wire.endswith(b"\n")
        assert len(syntax.commands(wire)) == commands.count(wire)
        for line, headers in syntax.commands(wire):
            if line.startswith("api originate "):
                _, endpoint, rest = syntax.originate(line.removeprefix("api originate "))
                assert endpoint.startswith(("sofia/", "loopback/"))
                assert rest == ["&park()"]
            elif line.startswith("api uuid_record"):
                assert len(syntax.separate(line, " ", 20)) == 5
            elif line.startswith("api ") and "setvar" not in line:
                assert line.count(" ") <= 5
            assert "${" not in "".join(headers.values())


def test_a_playback_carries_its_step_in_a_body_the_switch_reads_at_once():
    wire = commands.execute(LEG, commands.Playback(("/p/a.wav", commands.Silence(500)), 2), "c1:7")
    sounds = "file_string:///p/a.wav!silence_stream://500!/p/a.wav!silence_stream://500"
    ((first, headers),) = syntax.commands(wire)
    assert first == f"sendmsg {LEG}"
    assert headers == {
        "call-command": "execute",
        "execute-app-name": "playback",
        "execute-app-arg": f"{sounds}@@0;c1:7",
        "event-lock": "true",
        "event-uuid": "c1:7",
        "content-type": "text/plain",
        "content-length": str(len(sounds) + len("@@0;c1:7")),
    }
    assert commands.count(wire) == 1
    assert commands.count(wire + commands.exists(LEG)) == 2


def test_an_answer_is_one_command_and_another_application_is_followed_by_a_note():
    ((_, answer),) = syntax.commands(commands.execute(LEG, commands.Answer(), "s1"))
    assert (answer["execute-app-name"], answer["event-uuid"]) == ("answer", "s1")
    (_, headers), (_, note) = syntax.commands(commands.execute(LEG, commands.Sleep(5), "s2"))
    assert (headers["execute-app-name"], headers["event-uuid"]) == ("sleep", "s2")
    assert (note["execute-app-name"], note["execute-app-arg"]) == ("set", "zj_done=s2")
    assert "event-uuid" not in note


@pytest.mark.parametrize(
    ("app", "called"),
    [
        (commands.Answer(), ("answer", "")),
        (commands.PreAnswer(), ("pre_answer", "")),
        (commands.Playback(("/a b/中.wav",)), ("playback", "/a b/中.wav")),
        (commands.Playback((commands.Tone(440, 100),)), ("playback", "tone_stream://%(100,0,440)")),
        (commands.PlayMusic(), ("playback", "local_stream://default")),
        (commands.PlayMusic("/m.wav"), ("endless_playback", "/m.wav")),
        (commands.Sleep(10), ("sleep", "10")),
        (commands.Hangup("USER_BUSY"), ("hangup", "USER_BUSY")),
        (commands.SetVariables({"a": "x;y", "b": "2"}), ("multiset", "^^;'a=x;y';'b=2'")),
        (commands.Park(), ("park", "")),
        (commands.SendDigits("12#"), ("send_dtmf", "12#@200")),
    ],
)
def test_applications_as_the_switch_names_them(app, called):
    assert app.call() == called


@pytest.mark.parametrize(
    "app",
    [
        commands.Playback(()),
        commands.Playback("/a.wav"),  # type: ignore[arg-type]
        commands.Playback(("/a.wav",), 0),
        commands.Playback(("/a.wav",), 129),
        commands.Playback((commands.Silence(0),)),
        commands.Playback((commands.Tone(1, 1),)),
        commands.Sleep(-1),
        commands.SetVariables({}),
        commands.SetVariables({"a": "o'clock"}),
        commands.SendDigits("1", 1),
        *(
            commands.Playback((p,))
            for p in ("rel.wav", "/a!b", "/a@@1", "/../etc/x", "/a/..", "/a/../b", "/$x", "/a{b}", "/")
        ),
    ],
)
def test_applications_without_sense_are_refused(app):
    with pytest.raises(UnsafeValue):
        app.call()


@pytest.mark.parametrize(
    "uri",
    [
        "sip:a8v1c3@df7jal23ls0d.invalid;transport=ws;fs_nat=yes;fs_path=sip%3Aa8v1c3%40127.0.0.1%3A40000%3Btransport%3Dws",
        "sip:1000@[2001:db8::1]:5060;ob",
        "sips:x.y-z@host:5061;transport=tls",
        "sip:192.0.2.1",
    ],
)
def test_contacts_as_phones_register_them_can_be_dialled(uri):
    ((_, argument),) = syntax.api(commands.originate(leg(target=sip(uri))))
    assert syntax.originate(argument)[1] == f"sofia/agents/{uri}"


@pytest.mark.parametrize(
    "tail", [",loopback/1", "|user/2", " x", "^y", ":_:z", "'", "\\", "<a>", "{a=b}", "${x}", "\n"]
)
def test_a_contact_that_would_dial_somebody_else_is_refused(tail):
    with pytest.raises(UnsafeValue):
        commands.originate(leg(target=sip(f"sip:1@h{tail}")))
    with pytest.raises(UnsafeValue):
        commands.originate(leg(target=sip(f"sip:1{tail}@h")))


def test_an_originate_keeps_its_own_variables_and_bounds_its_time():
    for bad in (
        {"variables": {"origination_uuid": OTHER}},
        {"timeout_s": 0},
        {"timeout_s": 4000},
        {"uuid": "all"},
    ):
        with pytest.raises(UnsafeValue):
            commands.originate(leg(**bad))


def test_many_variables_go_in_as_many_commands_as_needed():
    wire = commands.set_variables(LEG, {f"v{i}": str(i) for i in range(130)})
    assert commands.count(wire) == 3
    seen = {}
    for _, argument in syntax.api(wire):
        seen |= syntax.set_variables(argument)[1]
    assert seen == {f"v{i}": str(i) for i in range(130)}
    with pytest.raises(UnsafeValue):
        commands.set_variables(LEG, {})


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        (commands.kill(LEG), f"api uuid_kill {LEG} NORMAL_CLEARING"),
        (commands.break_(LEG), f"api uuid_break {LEG}"),
        (commands.break_(LEG, everything=True), f"api uuid_break {LEG} all"),
        (commands.bridge(LEG, OTHER), f"api uuid_bridge {LEG} {OTHER}"),
        (commands.hold(LEG), f"api uuid_transfer {LEG} -both park inline"),
        (commands.mute(LEG), f"api uuid_audio {LEG} start read mute -1"),
        (commands.unmute(LEG), f"api uuid_audio {LEG} stop"),
        (commands.send_dtmf(LEG, "1*#A"), f"api uuid_send_dtmf {LEG} 1*#A"),
        (commands.exists(LEG), f"api uuid_exists {LEG}"),
        (commands.dump(LEG), f"api uuid_dump {LEG} json"),
        (commands.record_start(LEG, "/r/1/a-1.wav"), f"api uuid_record {LEG} start '/r/1/a-1.wav'"),
        (commands.phone_event(LEG, "talk"), f"api uuid_phone_event {LEG} talk"),
        (commands.disarm_fallback(LEG), f"api sched_del {LEG}"),
        (commands.flush_directory("u", "d.invalid"), "api xml_flush_cache id u d.invalid"),
        (commands.contact("agents", "u", "d"), "api sofia_contact agents/u@d"),
        (commands.hello("pass word"), "auth pass word"),
        (commands.subscribe(["A_B", "C1"]), "event json A_B C1"),
        (commands.subscribe_custom(["sofia::register"]), "event json CUSTOM sofia::register"),
        (commands.as_job(b"api status\n\n", LEG), f"bgapi status\nJob-UUID: {LEG}"),
    ],
)
def test_commands_as_the_switch_takes_them(wire, text):
    assert wire == text.encode() + b"\n\n"


def test_a_fallback_replaces_the_one_before():
    names = [line for line, _ in syntax.commands(commands.arm_fallback(LEG, 8))]
    assert names == [f"api sched_del {LEG}", f"api sched_transfer +8 {LEG} fallback XML zongji"]
    with pytest.raises(UnsafeValue):
        commands.arm_fallback(LEG, 0)


def test_only_one_api_command_can_be_a_job():
    for wire in (commands.unhold(LEG, OTHER), commands.hello("x"), b"api x"):
        with pytest.raises(UnsafeValue):
            commands.as_job(wire, LEG)


@given(TEXTS)
def test_a_shown_name_is_never_refused_and_fits_a_dial_string(text):
    shown = quoting.display_text(text)
    assert len(shown) <= 80
    assert shown == shown.strip()
    assert accepted(shown)
    assert not set(shown) & set('{}"\\<>@:$')
