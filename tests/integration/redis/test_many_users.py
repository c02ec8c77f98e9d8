"""More users of a client at once than it has connections: they wait for one, nobody is told that Redis is away."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core import redis
from tests.support.redis import RedisServer

USERS, CONNECTIONS = 40, 8


@pytest.mark.usefixtures("redis")
def test_they_wait_for_each_other(redis_server: RedisServer) -> None:
    client = redis.connect(redis_server.url, reply_timeout_s=30, max_connections=CONNECTIONS)
    together = threading.Barrier(USERS)

    def use(number: int) -> int:
        together.wait(30)
        client.blpop(["nothing"], timeout=0.05)
        client.rpush("done", number)
        return int(client.info("clients")["connected_clients"])

    with ThreadPoolExecutor(USERS) as users:
        connected = list(users.map(use, range(USERS)))
    assert client.llen("done") == USERS
    assert max(connected) <= CONNECTIONS + 2
    client.close()


@pytest.mark.usefixtures("redis")
def test_who_waits_too_long_is_told(redis_server: RedisServer) -> None:
    client = redis.connect(redis_server.url, reply_timeout_s=0.3, max_connections=1)
    holding = threading.Event()

    def hold() -> None:
        with client.pipeline() as pipe:
            pipe.watch("x")
            holding.set()
            over.wait(30)

    over = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    assert holding.wait(30)
    with pytest.raises(redis.RedisUnavailable):
        client.get("x")
    over.set()
    holder.join(30)
    assert client.get("x") is None
    client.close()
