"""Documents follow the database's rows, on both databases and both Redis servers (architecture, decision 5)."""

from __future__ import annotations

from typing import Any

import pytest
import redis as redis_py
from sqlalchemy import delete, update

from core import documents
from core.database import ALL_TENANTS, Database
from core.models import DocumentVersion, Tenant
from core.redis import connect
from cti import publishing
from cti.models import CallerRule, CallerRuleKind, Extension, Queue, QueueMember
from ivr.models import Flow, FlowVersion
from tests.support.database import open_two_tenants


def held(redis: redis_py.Redis) -> dict[str, Any]:
    return {field.decode(): documents.decode(body) for field, body in redis.hgetall(documents.HASH).items()}


def add_queue(database: Database, redis: redis_py.Redis, tenant_id: int) -> tuple[int, int]:
    with database.transaction(tenant_id) as session:
        queue, extension = Queue(code="sales", name="销售"), Extension(number="8001")
        session.add_all([queue, extension])
        session.flush()
        member = QueueMember(queue_id=queue.id, extension_id=extension.id)
        session.add(member)
        publishing.publish(session, redis, queue, extension, member)
        assert held(redis) == {}, "nothing before the commit"
        session.commit()
        return queue.id, extension.id


def test_a_change_is_published_with_a_higher_version(
    each_database: Database, each_redis: redis_py.Redis
) -> None:
    tenant, _ = open_two_tenants(each_database)
    queue_id, extension_id = add_queue(each_database, each_redis, tenant)
    first = held(each_redis)[f"queue:{queue_id}"]
    assert (first.name, first.extension_ids, first.tenant_id, first.version) == (
        "销售",
        (extension_id,),
        tenant,
        1,
    )
    with each_database.transaction(tenant) as session:
        queue = session.get_one(Queue, queue_id)
        queue.name = "Sales"
        publishing.publish(session, each_redis, queue)
        session.commit()
    second = held(each_redis)[f"queue:{queue_id}"]
    assert (second.name, second.version) == ("Sales", 2)
    changes = [entry[b"field"].decode() for _, entry in each_redis.xrange(documents.CHANGES)]
    assert changes.count(f"queue:{queue_id}") == 2


def test_a_rolled_back_change_is_not_published(each_database: Database, redis: redis_py.Redis) -> None:
    tenant, _ = open_two_tenants(each_database)
    with each_database.transaction(tenant) as session:
        queue = Queue(code="q", name="q")
        session.add(queue)
        publishing.publish(session, redis, queue)
    assert held(redis) == {}


def test_a_tenants_callers_are_in_its_document(each_database: Database, redis: redis_py.Redis) -> None:
    """CTI-R6."""
    tenant, _ = open_two_tenants(each_database)
    with each_database.transaction(tenant) as session:
        rules = [
            CallerRule(kind=CallerRuleKind.BLOCK, pattern="+8690*"),
            CallerRule(kind=CallerRuleKind.VIP, pattern="+8613800138000", priority=95),
        ]
        session.add_all(rules)
        publishing.publish(session, redis, *rules)
        session.commit()
    document = held(redis)[f"tenant:{tenant}"]
    assert (document.blocked_callers, document.vip_callers) == (("+8690*",), {"+8613800138000": 95})


def test_deletion_reaches_redis_and_stays(each_database: Database, redis: redis_py.Redis) -> None:
    tenant, _ = open_two_tenants(each_database)
    queue_id, _extension = add_queue(each_database, redis, tenant)
    with each_database.transaction(tenant) as session:
        queue = session.get_one(Queue, queue_id)
        publishing.withdraw(session, redis, queue)
        session.delete(queue)
        session.commit()
    assert f"queue:{queue_id}" not in held(redis)
    assert publishing.republish_missing(each_database, redis) == publishing.Repaired(set=0, removed=0)


def test_everything_comes_back_after_flushall(each_database: Database, each_redis: redis_py.Redis) -> None:
    tenant, _ = open_two_tenants(each_database)
    add_queue(each_database, each_redis, tenant)
    before = held(each_redis)
    each_redis.flushall()
    assert publishing.republish_missing(each_database, each_redis).set == len(before)
    assert held(each_redis) == before
    assert publishing.republish_missing(each_database, each_redis) == publishing.Repaired(set=0, removed=0)


def test_a_commit_stands_while_redis_is_away_and_is_published_later(
    each_database: Database, redis: redis_py.Redis, tmp_path: object
) -> None:
    tenant, _ = open_two_tenants(each_database)
    with each_database.transaction(tenant) as session:
        queue = Queue(code="q", name="q")
        session.add(queue)
        publishing.publish(session, connect(f"unix://{tmp_path}/nowhere"), queue)
        session.commit()
    assert publishing.republish_missing(each_database, redis).set == 1
    assert f"queue:{queue.id}" in held(redis)


def test_an_older_version_never_replaces_a_newer_one(each_database: Database, redis: redis_py.Redis) -> None:
    tenant, _ = open_two_tenants(each_database)
    queue_id, _extension = add_queue(each_database, redis, tenant)
    field = f"queue:{queue_id}"
    older = held(redis)[field]
    with each_database.transaction(tenant) as session:
        queue = session.get_one(Queue, queue_id)
        queue.name = "newer"
        publishing.publish(session, redis, queue)
        session.commit()
    assert publishing._put(redis, {field: older}) == 0
    assert held(redis)[field].name == "newer"


def test_a_restored_database_wins_over_what_redis_kept(
    each_database: Database, redis: redis_py.Redis
) -> None:
    tenant, _ = open_two_tenants(each_database)
    queue_id, _extension = add_queue(each_database, redis, tenant)
    field = f"queue:{queue_id}"
    redis.hset(documents.VERSIONS, field, 99)
    with each_database.transaction(ALL_TENANTS) as session:
        session.execute(update(Queue).values(name="restored"))
        session.commit()
    publishing.republish_missing(each_database, redis)
    document = held(redis)[field]
    assert (document.name, document.version) == ("restored", 100)


def test_thorough_finds_what_nobody_published(each_database: Database, redis: redis_py.Redis) -> None:
    tenant, other = open_two_tenants(each_database)
    queue_id, _extension = add_queue(each_database, redis, tenant)
    with each_database.transaction(ALL_TENANTS) as session:
        session.execute(update(Queue).values(name="changed behind our back"))
        session.execute(delete(DocumentVersion).where(DocumentVersion.field.like("extension:%")))
        session.commit()
    redis.hset(documents.HASH, "queue:999", b"{}")
    redis.hset(documents.VERSIONS, "queue:999", 1)
    publishing.republish_missing(each_database, redis, thorough=True)
    now = held(redis)
    assert now[f"queue:{queue_id}"].name == "changed behind our back"
    assert {f"tenant:{tenant}", f"tenant:{other}"} <= set(now)
    assert "queue:999" not in now
    assert publishing.republish_missing(each_database, redis, thorough=True) == publishing.Repaired(
        set=0, removed=0
    )
    assert publishing.republish_missing(each_database, redis) == publishing.Repaired(set=0, removed=0)


def test_a_flow_is_published_as_its_version(each_database: Database, redis: redis_py.Redis) -> None:
    tenant, _ = open_two_tenants(each_database)
    with each_database.transaction(tenant) as session:
        flow = Flow(code="f", name="F")
        session.add(flow)
        session.flush()
        for number in (1, 2):
            session.add(FlowVersion(flow_id=flow.id, version=number, body=f'{{"name": "v{number}"}}'))
        session.flush()
        publishing.publish(session, redis, flow)
        session.commit()
    assert held(redis) == {}, "a flow without a published version is no document"
    for number in (1, 2, 1):
        with each_database.transaction(tenant) as session:
            session.get_one(Flow, flow.id).published_version = number
            publishing.publish(session, redis, session.get_one(Flow, flow.id))
            session.commit()
        publishing.republish_missing(each_database, redis)
        document = held(redis)[f"flow:{flow.id}"]
        assert (document.version, bytes(document.body)) == (number, f'{{"name": "v{number}"}}'.encode())
    assert publishing.republish_missing(each_database, redis) == publishing.Repaired(set=0, removed=0)


@pytest.mark.parametrize("row", [Tenant(id=3), CallerRule(tenant_id=3)])
def test_parts_name_their_document(row: Any) -> None:
    from cti.documents_of_rows import field_of_row

    assert field_of_row(row) == "tenant:3"
    with pytest.raises(TypeError):
        field_of_row(object())
