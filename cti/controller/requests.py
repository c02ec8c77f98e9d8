"""Flows' requests to addresses outside (CTI-I12): each in a greenlet of its own, bounded in number, time and size.

The client is the one webhooks use (`core.outbound_http`): a checked address, no redirect, no proxy, no cookie. Whatever
happens, the call gets one answer; one that is over by then loses nothing but the answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import gevent
import structlog
from gevent.lock import BoundedSemaphore

from core.outbound_http import Answer, Network, Outbound, OutboundError, Reason, UrlRefusedError, parse
from cti.controller.metrics import Metrics
from ivr import json_path
from ivr.messages import OUR_HEADERS, Answered, AnswerFailure, Request

log = structlog.get_logger(__name__)

MAX_BYTES = 64 * 1024
"""Longest answer taken."""
PER_TENANT = 20
"""Requests of one company under way at once; more wait for their turn, within their own time limit."""
PER_CELL = 200
CONNECT_S = 3.0
USER_AGENT = "Zongji"
MAX_URL_LENGTH = 4000
"""Longest address with the values of variables put in."""
_REFUSED = frozenset((Reason.FORBIDDEN, Reason.PORT))
_CHARSETS = {
    "utf-8": "utf-8-sig",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5",
}

Give = Callable[[str, Answered], None]
"""Call id and answer."""


class Requests:
    """Makes requests and gives each answer to `give`."""

    def __init__(self, allowed: Sequence[Network], metrics: Metrics, give: Give) -> None:
        self._allowed = tuple(allowed)
        self._metrics = metrics
        self._give = give
        self._cell = BoundedSemaphore(PER_CELL)
        self._tenants: dict[int, BoundedSemaphore] = {}
        self._under_way: dict[tuple[str, str], gevent.Greenlet] = {}

    def make(self, tenant_id: int, call_id: str, request: Request, key: str) -> None:
        """Make a request; returns at once. One of the same call and name that is under way is not made again."""
        mark = (call_id, request.name)
        if mark not in self._under_way:
            self._under_way[mark] = gevent.spawn(self._make, tenant_id, mark, request, key)

    def knows(self, call_id: str, name: str) -> bool:
        """Return whether a request of this name is under way, so that its answer will come."""
        return (call_id, name) in self._under_way

    def stop(self) -> None:
        """End what is under way; the next controller answers `lost` for it."""
        gevent.killall(list(self._under_way.values()), block=False)

    def _make(self, tenant_id: int, mark: tuple[str, str], request: Request, key: str) -> None:
        call_id, name = mark
        answer = failed(name, AnswerFailure.UNREACHABLE)
        try:
            answer = self._answer(tenant_id, request, key)
        except Exception:
            log.exception("flow_request_failed", call_id=call_id)
        finally:
            self._under_way.pop(mark, None)
        self._metrics.requests.labels(outcome=answer.reason.value or "ok").inc()
        log.info(
            "flow_request", call_id=call_id, ok=answer.ok, status=answer.status, reason=answer.reason.value
        )
        self._give(call_id, answer)

    def _answer(self, tenant_id: int, request: Request, key: str) -> Answered:
        until = time.monotonic() + request.timeout_s
        slots = (self._tenants.setdefault(tenant_id, BoundedSemaphore(PER_TENANT)), self._cell)
        held: list[BoundedSemaphore] = []
        try:
            for slot in slots:
                if not slot.acquire(timeout=max(0.0, until - time.monotonic())):
                    return failed(request.name, AnswerFailure.TIMEOUT)
                held.append(slot)
            return self._ask(request, key, until - time.monotonic())
        finally:
            for slot in held:
                slot.release()

    def _ask(self, request: Request, key: str, left_s: float) -> Answered:
        if left_s <= 0:
            return failed(request.name, AnswerFailure.TIMEOUT)
        outbound = Outbound(self._allowed, connect_s=min(CONNECT_S, left_s), total_s=left_s)
        try:
            answer = outbound.request(
                request.method.value,
                parse(request.url, max_length=MAX_URL_LENGTH),
                headers(request, key),
                request.body.encode("utf-8", "replace"),
                max_bytes=MAX_BYTES + 1,
            )
        except UrlRefusedError:
            return failed(request.name, AnswerFailure.REFUSED)
        except OutboundError as error:
            return failed(request.name, failure_of(error.reason))
        return read(request, answer)


def headers(request: Request, key: str) -> dict[str, str]:
    """Return the headers a request is sent with: the flow's, and ours, which it cannot choose."""
    chosen = {
        name: value for name, value in request.headers.items() if name.strip().lower() not in OUR_HEADERS
    }
    if request.content_type:
        chosen["Content-Type"] = request.content_type
    return {"Accept": "application/json", **chosen, "User-Agent": USER_AGENT, "Idempotency-Key": key}


def read(request: Request, answer: Answer) -> Answered:
    """Return what an HTTP answer means to the flow. Pure."""
    if not 200 <= answer.status < 300:
        return failed(request.name, AnswerFailure.STATUS, answer.status)
    if len(answer.body) > MAX_BYTES:
        return failed(request.name, AnswerFailure.TOO_LARGE, answer.status)
    if not request.fields:
        return Answered(name=request.name, ok=True, status=answer.status)
    try:
        found = _values(request.fields, _text(answer))
    except (json_path.UnreadableError, json_path.BadPathError):
        return failed(request.name, AnswerFailure.UNREADABLE, answer.status)
    return Answered(name=request.name, ok=True, status=answer.status, variables=found)


def failed(name: str, reason: AnswerFailure, status: int = 0) -> Answered:
    """Return the answer of a request that brought nothing."""
    return Answered(name=name, ok=False, status=status, reason=reason)


def failure_of(reason: Reason) -> AnswerFailure:
    """Return why a request brought nothing, as flows tell reasons apart."""
    if reason is Reason.TIMEOUT:
        return AnswerFailure.TIMEOUT
    return AnswerFailure.REFUSED if reason in _REFUSED else AnswerFailure.UNREACHABLE


def _values(fields: Mapping[str, str], text: str) -> dict[str, str]:
    document = json_path.read(text)
    found = {name: json_path.find(document, json_path.parse(path)) for name, path in fields.items()}
    return {name: value for name, value in found.items() if value is not None}


def _text(answer: Answer) -> str:
    charset = answer.content_type.lower().partition("charset=")[2].strip("\"' ;")
    return answer.body.decode(_CHARSETS.get(charset, "utf-8-sig"), "replace")
