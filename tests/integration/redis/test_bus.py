"""Commands and live events as docs/contracts.md says, on both Redis servers."""

from __future__ import annotations

import threading
import time

import pytest
import redis as redis_py

from core import bus, keys
from core.clock import now_ms


def read_command(redis: redis_py.Redis) -> bus.Command:
    """Return the next command of cell ``c``, as a controller reads it."""
    reply = redis.xread({keys.commands("c"): "0"}, block=3000)
    return bus.decode_command(reply[0][1][0][1])


def test_a_command_goes_there_and_its_result_comes_back(each_redis: redis_py.Redis) -> None:
    seen: list[bus.Command] = []

    def controller() -> None:
        command = read_command(each_redis)
        seen.append(command)
        bus.reply(
            each_redis, command.id, {"ok": False, "error": "extension-held", "detail": {"holder": "王芳"}}
        )

    thread = threading.Thread(target=controller)
    thread.start()
    result = bus.send_command(each_redis, "c", "agent.sign_in", 7, 12, {"extension_id": 3}, 3.0, call_rev=5)
    thread.join()
    assert result == {"ok": False, "error": "extension-held", "detail": {"holder": "王芳"}}
    command = seen[0]
    assert (command.kind, command.tenant, command.actor, command.call_rev) == ("agent.sign_in", 7, 12, 5)
    assert command.body == {"extension_id": 3}
    assert 0 < command.deadline_ms - now_ms() <= 3000
    assert not each_redis.exists(keys.command_result(command.id))


def test_a_silent_controller_is_a_temporary_fault_in_time(redis: redis_py.Redis) -> None:
    started = time.monotonic()
    with pytest.raises(bus.ControllerSilentError) as silent:
        bus.send_command(redis, "c", "leg.answer", 1, 1, {}, 0.3)
    assert 0.25 < time.monotonic() - started < 1.5
    assert silent.value.status == 503
    assert read_command(redis).deadline_ms <= now_ms(), "a controller that comes back refuses it"


def test_a_result_nobody_fetched_expires(redis: redis_py.Redis) -> None:
    bus.reply(redis, "late", {"ok": True})
    assert 0 < redis.ttl(keys.command_result("late")) <= bus.RESULT_EXPIRES_S


def test_live_events_go_there_and_back(each_redis: redis_py.Redis) -> None:
    data = {"queue_id": 4, "waiting": 2, "caller": "+8613812345678"}
    audiences = [bus.ADMIN, bus.queue_audience(4), bus.agent_audience(9)]
    bus.publish_live(each_redis, 7, audiences, "queue.changed", data)
    with each_redis.pipeline() as pipe:
        bus.publish_live(pipe, 7, [bus.ADMIN], "system.switch", {"kind": "switchsim", "connected": True})
        pipe.execute()
    events = [bus.decode_live(*entry) for entry in each_redis.xrange(keys.live(7))]
    assert [event.type for event in events] == ["queue.changed", "system.switch"]
    assert events[0].audiences == ("admin", "queue:4", "agent:9")
    assert events[0].data == data
    assert each_redis.exists(keys.live(8)) == 0


@pytest.mark.parametrize(
    "fields", [{}, {b"id": b"1", b"deadline_ms": b"x"}, {b"aud": b"a", b"type": b"t", b"data": b"["}]
)
def test_other_entries_are_refused(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="holds no"):
        bus.decode_command(fields)
    with pytest.raises(ValueError, match="holds no"):
        bus.decode_live(b"1-0", fields)
