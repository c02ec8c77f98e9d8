from __future__ import annotations

import pytest

from cti.esl import answers
from cti.esl.originate import SipContact


def test_channels_are_read_and_the_extra_columns_left():
    rows = '{"uuid":"a","state":"CS_EXECUTE","call_uuid":"a","new":"x"},{"uuid":"b","call_uuid":"a"}'
    text = f'{{"row_count":2,"rows":[{rows}]}}'
    first, second = answers.channels(text)
    assert (first.uuid, first.state, first.bridged) == ("a", "CS_EXECUTE", False)
    assert second.bridged
    assert answers.channels('{"row_count": 0}') == []


@pytest.mark.parametrize(
    "text", ["", "-ERR x", "[]", '{"rows":1}', '{"rows":["x"]}', '{"rows":[{"state":"no uuid"}]}']
)
def test_an_answer_of_another_form_is_refused(text):
    with pytest.raises(answers.AnswerError):
        answers.channels(text)


def test_registrations_are_read_and_a_call_id_forges_none():
    token = '</call-id><user>victim@x</user>","reg_user":"victim'.replace('"', '\\"')
    row = (
        f'{{"reg_user":"w1","realm":"zongji.invalid","token":"{token}","url":"sofia/agents/sip:w1@a.invalid;fs_path=sip%3Ax",'
        '"expires":"1795257462","network_ip":"127.0.0.1","network_port":"4000"}'
    )
    other = '{"reg_user":"w2","url":"sofia/other/sip:w2@b","expires":""}'
    odd = '{"reg_user":"w3","url":"verto/x"}'
    text = f'{{"row_count":3,"rows":[{row},{other},{odd}]}}'
    found = answers.registrations(text)
    assert [(one.user, one.profile, one.expires_s) for one in found] == [
        ("w1", "agents", 1795257462),
        ("w2", "other", 0),
    ]
    assert found[0].target() == SipContact(profile="agents", uri="sip:w1@a.invalid;fs_path=sip%3Ax")
    assert [one.user for one in answers.registrations(text, "agents")] == ["w1"]


def test_contacts_are_taken_apart():
    assert answers.contacts("error/user_not_registered") == []
    text = "[x=1,y=2]sofia/agents/sip:a@h;p=1,sofia/agents/sip:b@[::1]:5"
    assert [contact.uri for contact in answers.contacts(text)] == ["sip:a@h;p=1", "sip:b@[::1]:5"]


def test_small_answers():
    assert answers.exists("true")
    assert not answers.exists("false")
    with pytest.raises(answers.AnswerError):
        answers.exists("-ERR")
    assert answers.variable("_undef_") == ""
    assert answers.variable("x") == "x"
    assert answers.dump("-ERR No such channel!") is None
    dumped = answers.dump('{"Unique-ID":"u","variable_zj_done":"s1"}')
    assert dumped is not None
    assert (dumped.uuid, dumped.zj_done) == ("u", "s1")
    with pytest.raises(answers.AnswerError):
        answers.dump("{")


def test_the_leg_that_was_made():
    assert (
        answers.originated("+OK 48572890-cc67-490b-b2ba-5bb2e93512e0")
        == "48572890-cc67-490b-b2ba-5bb2e93512e0"
    )
    assert answers.originated("-ERR NO_ANSWER") == ""
