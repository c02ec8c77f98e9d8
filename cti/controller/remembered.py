"""The calls of this cell that Redis remembers: read at a connection, forgotten when over, swept in the audit."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from core import keys
from core.documents import QueueDoc, TenantDoc
from cti.call.model import Call, Phase, decode
from cti.controller.board import Board
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.settle_dial import UNCONNECTED, DialSettler
from cti.endpoint_kinds import LANDLINE

log = structlog.get_logger(__name__)


class RememberedCalls:
    """Of one cell; those the board has are its business."""

    def __init__(self, *, cell: str, redis: RedisGuard, board: Board, dials: DialSettler) -> None:
        self._cell = cell
        self._redis = redis
        self._board = board
        self._dials = dials

    def load(self) -> dict[str, Call]:
        """Return the calls of this cell that Redis knows and we do not."""
        try:
            return self._redis.run(self._read_calls)
        except RedisAwayError:
            return {}

    def _read_calls(self, client: Any) -> dict[str, Call]:
        found: dict[str, Call] = {}
        for tenant_id in self._tenant_ids():
            ids = [call_id.decode() for call_id in client.smembers(keys.calls(tenant_id))]
            unknown = [call_id for call_id in ids if call_id not in self._board.calls]
            if not unknown:
                continue
            values = client.mget([keys.call(tenant_id, call_id) for call_id in unknown])
            for call_id, value in zip(unknown, values, strict=True):
                if value is None:
                    client.srem(keys.calls(tenant_id), call_id)
                    continue
                call = _readable(value)
                if call is not None and call.cell == self._cell:
                    found[call_id] = call
        return found

    def _tenant_ids(self) -> list[int]:
        return [0, *(tenant.id for tenant in self._board.documents.all(TenantDoc))]

    def forget(self, call: Call) -> None:
        """A call of ours ended while we were away; its record comes from the switch."""
        self._board.metrics.repairs.labels(what="call-forgotten").inc()
        self._board.places.leave(call.id)
        for offer in call.offers:
            if offer.endpoint == LANDLINE and not offer.ended_ms:
                self._board.reach.leave(offer.leg_id)
        try:
            self._redis.run(lambda client: self._forget_in(client, call))
        except RedisAwayError:
            log.info("left_to_the_audit", call_id=call.id)

    @staticmethod
    def _forget_in(client: Any, call: Call) -> None:
        pipeline = client.pipeline(transaction=False)
        pipeline.delete(keys.call(call.tenant_id, call.id))
        pipeline.srem(keys.calls(call.tenant_id), call.id)
        if call.queue_id:
            pipeline.zrem(keys.waiting(call.tenant_id, call.queue_id), call.id)
            pipeline.hdel(keys.waiting_facts(call.tenant_id, call.queue_id), call.id)
        pipeline.execute()

    def sweep(self, core_uuid: str) -> bool:
        """Take out of Redis what no call of ours stands behind; return whether Redis was there."""
        try:
            self._redis.run(lambda client: self._sweep(client, core_uuid))
        except RedisAwayError:
            return False
        return True

    def _sweep(self, client: Any, core_uuid: str) -> None:
        for queue in self._board.documents.all(QueueDoc):
            name = keys.waiting(queue.tenant_id, queue.id)
            for member in client.zrange(name, 0, -1):
                if self._is_stale(client, queue.tenant_id, member.decode(), queue.id):
                    client.zrem(name, member)
                    client.hdel(keys.waiting_facts(queue.tenant_id, queue.id), member)
                    self._board.metrics.repairs.labels(what="waiting-removed").inc()
        for call in self._read_calls(client).values():
            if call.outbound and call.phase in UNCONNECTED:
                self._dials.over_unseen(call, core_uuid)
            self.forget(call)

    def _is_stale(self, client: Any, tenant_id: int, call_id: str, queue_id: int) -> bool:
        runner = self._board.calls.get(call_id)
        if runner is not None:
            return runner.call.phase is not Phase.WAITING or runner.call.queue_id != queue_id
        return not self._elsewhere(client, tenant_id, call_id)

    def _elsewhere(self, client: Any, tenant_id: int, call_id: str) -> bool:
        value = client.get(keys.call(tenant_id, call_id))
        call = _readable(value) if value is not None else None
        return call is not None and call.cell != self._cell


def _readable(value: bytes) -> Call | None:
    """Return the call, or None for one of another version that cannot be read: it must not stop anything else."""
    try:
        return decode(value)
    except msgspec.MsgspecError as error:
        log.warning("call_unreadable", reason=str(error))
        return None
