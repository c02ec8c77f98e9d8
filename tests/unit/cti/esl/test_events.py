from __future__ import annotations

import contextlib
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.esl import events
from cti.esl.codec import Decoder, Frame, Kind, ProtocolError

HEADERS = {
    "Event-Name": "CHANNEL_EXECUTE_COMPLETE",
    "Core-UUID": "c0",
    "Event-Date-Timestamp": "1795257462123456",
    "Event-Sequence": "77",
    "Unique-ID": "u1",
    "Other-Leg-Unique-ID": "u2",
    "Channel-State": "CS_EXECUTE",
    "Channel-Call-State": "ACTIVE",
    "Answer-State": "answered",
    "Call-Direction": "inbound",
    "Caller-Caller-ID-Number": "+8613800138000",
    "Caller-Destination-Number": "4001",
    "Caller-Context": "public",
    "Caller-Network-Addr": "192.0.2.1",
    "Hangup-Cause": "NORMAL_CLEARING",
    "Application": "playback",
    "Application-Data": "/a.wav",
    "Application-Response": "FILE PLAYED",
    "Application-UUID": "step-3",
    "DTMF-Digit": "#",
    "variable_zj_call": "u1",
    "variable_zj_tenant": "5",
    "variable_zj_state": "abc",
    "variable_sip_user_agent": "phone\n中",
}


def test_the_headers_we_use_become_fields_and_the_others_are_found():
    event = events.decode_json(json.dumps(HEADERS).encode())
    assert event.name == "CHANNEL_EXECUTE_COMPLETE"
    assert (event.timestamp_us, event.timestamp_ms, event.sequence) == (1795257462123456, 1795257462123, 77)
    assert (event.uuid, event.other_uuid, event.application_uuid) == ("u1", "u2", "step-3")
    assert (event.caller_number, event.digit, event.zj_tenant, event.zj_state) == (
        "+8613800138000",
        "#",
        "5",
        "abc",
    )
    assert (event.zj_token, event.subclass, event.body) == ("", "", "")
    assert event.get("variable_sip_user_agent") == "phone\n中"
    assert event.get("None", "x") == "x"
    assert event.headers() == HEADERS


def plain(headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = "".join(f"{name}: {quote(value)}\n" for name, value in headers.items()).encode()
    length = b"Content-Length: %d\n" % len(body) if body else b""
    return lines + length + b"\n" + body


def test_plain_and_json_say_the_same():
    first, second = events.decode_plain(plain(HEADERS)), events.decode_json(json.dumps(HEADERS).encode())
    for field in ("name", "uuid", "timestamp_us", "sequence", "digit", "zj_call", "application_response"):
        assert getattr(first, field) == getattr(second, field)
    assert first.headers() == second.headers()


def test_a_percent_encoded_newline_in_a_value_forges_no_header():
    hostile = "x\nUnique-ID: victim\n\nEvent-Name: CHANNEL_ANSWER"
    event = events.decode_plain(
        plain({"Caller-Caller-ID-Number": hostile, "Event-Name": "DTMF", "Unique-ID": "real"})
    )
    assert (event.name, event.uuid, event.caller_number) == ("DTMF", "real", hostile)
    event = events.decode_json(
        json.dumps({"Event-Name": "DTMF", "variable_a": '","Unique-ID":"victim'}).encode()
    )
    assert event.uuid == ""


def test_a_repeated_header_in_a_plain_event_does_not_replace_the_first():
    event = events.decode_plain(b"Unique-ID: real\nUnique-ID: victim\n\n")
    assert event.uuid == "real"


def test_a_jobs_answer_is_a_body_and_not_headers():
    answer = b"-ERR x\nUnique-ID: victim\n\nEvent-Name: Y\n"
    event = events.decode_plain(plain({"Event-Name": "BACKGROUND_JOB", "Job-UUID": "j"}, answer))
    assert (event.name, event.job_uuid, event.uuid, event.body) == (
        "BACKGROUND_JOB",
        "j",
        "",
        answer.decode(),
    )


def test_bytes_that_are_not_utf_8_are_replaced():
    event = events.decode_json(
        b'{"Event-Name":"CHANNEL_CREATE","Unique-ID":"u","Caller-Caller-ID-Number":"\xff\xfe1"}'
    )
    assert (event.name, event.uuid, event.caller_number) == ("CHANNEL_CREATE", "u", "\ufffd\ufffd1")
    assert events.decode_plain(b"Unique-ID: u\nX: %ff\n\n").get("X") == "\ufffd"


def test_numbers_that_are_none_and_lists_are_tolerated():
    event = events.decode_json(
        b'{"Event-Name":"X","Event-Sequence":"n","Event-Date-Timestamp":"5","Unique-ID":["a","b"]}'
    )
    assert (event.sequence, event.timestamp_us, event.uuid) == (0, 5, "ARRAY::a|:b")
    assert event.get("Unique-ID") == "ARRAY::a|:b"
    assert events.decode_json(b'{"a":1,"b":null}').get("a") == "1"


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'"x"', b"\xff", b"null"])
def test_what_is_no_object_is_refused(data):
    with pytest.raises(ProtocolError):
        events.decode_json(data)


def test_only_events_are_events():
    with pytest.raises(ProtocolError):
        events.decode(Frame(Kind.REPLY, b"x"))
    (frame,) = Decoder().feed(b"Content-Length: 2\nContent-Type: text/event-json\n\n{}")
    assert events.decode(frame).name == ""


@given(st.binary(max_size=200))
def test_no_bytes_do_worse_than_be_refused(data):
    events.decode_plain(data).headers()
    with contextlib.suppress(ProtocolError):
        events.decode_json(data).headers()


@given(st.dictionaries(st.sampled_from([*HEADERS, "X"]), st.text(max_size=30)))
def test_whatever_stands_in_a_value_stays_in_it(headers):
    text = {
        name: value
        for name, value in headers.items()
        if name not in {"Event-Sequence", "Event-Date-Timestamp"}
    }
    assert (
        events.decode_json(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")).headers()
        == text
    )
    assert events.decode_plain(plain(text)).headers() == text
