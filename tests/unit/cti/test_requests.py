"""What a flow's web request sends, and what an answer means (CTI-I12)."""

from __future__ import annotations

import pytest

from core.outbound_http import Answer, Reason
from cti.controller.requests import MAX_BYTES, failure_of, headers, read
from ivr.messages import OUR_HEADERS, AnswerFailure, Method, Request
from ivr.model import Flow
from ivr.nodes.http_request import HttpRequest, Pair


def request(**changes: object) -> Request:
    """Return a request for one field."""
    values = {
        "name": "r1",
        "method": Method.POST,
        "url": "https://x/",
        "timeout_s": 3,
        "fields": {"state": "a.b"},
    }
    return Request(**{**values, **changes})  # type: ignore[arg-type]


def answer(body: bytes, status: int = 200, content_type: str = "application/json") -> Answer:
    """Return an answer."""
    return Answer(status=status, body=body, took_ms=1, content_type=content_type)


def test_the_connections_headers_are_not_a_flows_to_choose() -> None:
    sent = headers(
        request(
            headers={
                "X-Key": "1",
                "Host": "inner",
                "content-Length": "9",
                "Idempotency-Key": "x",
                "Content-Type": "a",
            },
            content_type="application/json",
        ),
        "call-r1",
    )
    assert sent == {
        "Accept": "application/json",
        "X-Key": "1",
        "Content-Type": "application/json",
        "User-Agent": "Zongji",
        "Idempotency-Key": "call-r1",
    }


@pytest.mark.parametrize("name", sorted(OUR_HEADERS))
def test_a_header_the_checks_refuse_is_one_that_is_not_sent(name: str) -> None:
    bare = headers(request(), "k")
    assert headers(request(headers={name.title(): "evil"}), "k") == bare
    node = HttpRequest(code="a", url="https://x.example/", headers=[Pair(name=name.title(), value="evil")])
    assert {each.field for each in node.check(Flow())} == {"headers.0.name"}


@pytest.mark.parametrize("name", ["Authorization", "Accept", "X-Key", "Cookie", "Referer"])
def test_a_header_the_checks_allow_is_sent(name: str) -> None:
    node = HttpRequest(code="a", url="https://x.example/", headers=[Pair(name=name, value="mine")])
    assert list(node.check(Flow())) == []
    assert headers(request(headers={name: "mine"}), "k")[name] == "mine"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"a": {"b": "已发货"}}'.encode(), "application/json"),
        (b"\xef\xbb\xbf" + '{"a": {"b": "已发货"}}'.encode(), "application/json; charset=utf-8"),
        ('{"a": {"b": "已发货"}}'.encode("gb18030"), "text/plain; charset=GBK"),
        ('{"a": {"b": "已发货"}}'.encode("gb18030"), 'text/plain;charset="gb2312"'),
    ],
)
def test_a_field_is_read_in_the_answers_charset(body: bytes, kind: str) -> None:
    found = read(request(), answer(body, content_type=kind))
    assert (found.ok, found.status, found.variables) == (True, 200, {"state": "已发货"})


def test_a_field_that_is_not_there_is_left_out() -> None:
    found = read(request(), answer(b'{"a": {}}'))
    assert (found.ok, found.variables) == (True, {})


@pytest.mark.parametrize(
    ("got", "reason"),
    [
        (answer(b"{}", status=404), AnswerFailure.STATUS),
        (answer(b"", status=302), AnswerFailure.STATUS),
        (answer(b" " * (MAX_BYTES + 1)), AnswerFailure.TOO_LARGE),
        (answer(b"<html>"), AnswerFailure.UNREADABLE),
        (answer(b"\xff\xfe{"), AnswerFailure.UNREADABLE),
    ],
)
def test_failures_are_told_apart(got: Answer, reason: AnswerFailure) -> None:
    found = read(request(), got)
    assert (found.ok, found.status, found.reason) == (False, got.status, reason)


def test_who_wants_no_field_needs_no_json() -> None:
    assert read(request(fields={}), answer(b"OK")).ok


@pytest.mark.parametrize(
    ("reason", "failure"),
    [
        (Reason.FORBIDDEN, AnswerFailure.REFUSED),
        (Reason.PORT, AnswerFailure.REFUSED),
        (Reason.TIMEOUT, AnswerFailure.TIMEOUT),
        (Reason.NAME, AnswerFailure.UNREACHABLE),
        (Reason.CERTIFICATE, AnswerFailure.UNREACHABLE),
        (Reason.BROKEN, AnswerFailure.UNREACHABLE),
    ],
)
def test_why_nothing_came(reason: Reason, failure: AnswerFailure) -> None:
    assert failure_of(reason) is failure
