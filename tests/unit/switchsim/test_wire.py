"""Events as they go over the socket."""

from __future__ import annotations

import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchsim.wire import Event, url_encode


@pytest.mark.parametrize(
    ("plain", "encoded"),
    [
        ("sofia/carrier/138@127.0.0.1:5080", "sofia/carrier/138%40127.0.0.1%3A5080"),
        ("INVITE, ACK", "INVITE,%20ACK"),
        ("a\r\nb", "a%0D%0Ab"),
        ("总", "%E6%80%BB"),
        ("keep-these_.~!*()/$'", "keep-these_.~!*()/$'"),
    ],
)
def test_url_encoding_is_the_switchs(plain: str, encoded: str) -> None:
    assert url_encode(plain) == encoded


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_url_encoding_keeps_everything_and_never_ends_a_line(text: str) -> None:
    encoded = url_encode(text)
    assert urllib.parse.unquote(encoded) == text
    assert not set(encoded) & set("\r\n ")


def test_json_frame() -> None:
    event = Event({"Event-Name": "BACKGROUND_JOB", "list": ["a", "b"]}, body="总机\n")
    head, _blank, body = event.as_json.partition(b"\n\n")
    assert head == b"Content-Length: %d\nContent-Type: text/event-json" % len(body)
    assert json.loads(body) == {
        "Event-Name": "BACKGROUND_JOB",
        "list": ["a", "b"],
        "Content-Length": "7",
        "_body": "总机\n",
    }


def test_plain_frame() -> None:
    event = Event({"Event-Name": "DTMF", "list": ["a", "b"]}, body="x")
    body = event.as_plain.partition(b"\n\n")[2]
    assert body == b"Event-Name: DTMF\nlist: ARRAY%3A%3Aa%7C%3Ab\nContent-Length: 1\n\nx"


def test_filters_compare_whole_values_or_expressions() -> None:
    event = Event({"Event-Name": "DTMF", "Unique-ID": "abc"})
    assert event.matches("Unique-ID", "ABC")
    assert not event.matches("Unique-ID", "ab")
    assert event.matches("Unique-ID", "/^ab/")
    assert not event.matches("No-Such-Header", "")
