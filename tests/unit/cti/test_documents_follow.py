"""The controller misses no published document, whenever it comes (decision 5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gevent
import msgspec
import pytest

from core import documents as docs
from cti.controller import documents as follower
from cti.controller.redis_guard import RedisGuard

QUEUE = docs.QueueDoc(id=7, tenant_id=1, version=1, code="sales", name="Sales")


class Stream:
    """Redis, as far as publication goes; ``between`` runs after a blocking read that brought nothing."""

    def __init__(self) -> None:
        self.documents: dict[bytes, bytes] = {}
        self.entries: list[tuple[bytes, dict[bytes, bytes]]] = []
        self.between: list[Any] = []

    def publish(self, document: docs.AnyDocument) -> None:
        field = docs.field_of(document).encode()
        self.documents[field] = docs.encode(document)
        self.entries.append((b"%d-0" % (len(self.entries) + 1), {b"field": field}))

    def hgetall(self, _name: str) -> dict[bytes, bytes]:
        found = dict(self.documents)
        if self.between:
            self.between.pop()()
        return found

    def hget(self, _name: str, field: str) -> bytes | None:
        return self.documents.get(field.encode())

    def xrevrange(self, _name: str, count: int) -> list[Any]:
        return self.entries[-count:]

    def xread(self, streams: dict[str, str], block: int, count: int) -> list[Any]:
        gevent.sleep(0)
        ((name, position),) = streams.items()
        at = len(self.entries) if position == "$" else int(position.partition("-")[0])
        if new := self.entries[at : at + count]:
            return [(name.encode(), new)]
        if self.between:
            self.between.pop()()
        return []


@pytest.mark.parametrize("when", ["after-all-was-read", "between-two-reads"])
def test_a_change_is_taken_whenever_it_comes(tmp_path: Path, when: str) -> None:
    redis = Stream()
    known = follower.Documents(tmp_path / "documents.json")
    redis.between = [lambda: redis.publish(QUEUE)]
    if when == "between-two-reads":
        redis.between.append(lambda: None)
    follows = gevent.spawn(known.follow, RedisGuard(redis, lambda: None), redis)
    try:
        for _ in range(20):
            gevent.sleep(0)
        assert known.queue(7) == QUEUE
    finally:
        follows.kill()


def calendar(version: int, tenant_id: int = 1, **days: bool) -> docs.CalendarDoc:
    """Return a calendar with days of its own."""
    return docs.CalendarDoc(id=4, tenant_id=tenant_id, version=version, name="c", china=False, days=days)


def test_a_companys_clock_and_calendars_are_those_published_last(tmp_path: Path) -> None:
    documents = follower.Documents(tmp_path / "documents.json")
    assert documents.surroundings(1).calendars == {}
    tenant = docs.TenantDoc(
        id=1, tenant_id=1, version=1, code="a", name="A", active=True, timezone="Asia/Urumqi"
    )
    for document in (tenant, calendar(1)):
        documents._take(docs.field_of(document), docs.encode(document))
    assert documents.surroundings(1).timezone == "Asia/Urumqi"
    assert documents.surroundings(1) is documents.surroundings(1), "made once"
    changed = calendar(2, **{"2026-11-21": True})
    documents._take(docs.field_of(changed), docs.encode(changed))
    assert documents.surroundings(1).calendars["4"].days == {"2026-11-21": True}
    assert documents.surroundings(2).calendars == {}, "another company's are not there"
    documents._take(docs.field_of(changed), None)
    assert documents.surroundings(1).calendars == {}


def test_a_flow_that_is_withdrawn_stays_for_the_calls_in_it(tmp_path: Path) -> None:
    body = msgspec.Raw(
        b'{"name": "t", "entry": "bye", "nodes": [{"type": "hangup", "code": "bye", "name": "Bye"}]}'
    )
    flow = docs.FlowDoc(id=3, tenant_id=1, version=6, name="t", body=body)
    before = follower.Documents(tmp_path / "documents.json")
    before._take(docs.field_of(flow), docs.encode(flow))
    assert before.flow_version(1, 3) == 6
    assert before.flow_version(2, 3) == 0, "another company's flow is none"
    before._take(docs.field_of(flow), None)
    assert before.flow_version(1, 3) == 0
    after_a_restart = follower.Documents(tmp_path / "documents.json")
    found = after_a_restart.flow(3, 6)
    assert found is not None
    assert found.name == "t"
