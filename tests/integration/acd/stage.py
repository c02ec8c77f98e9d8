"""Agents, callers and clients for the ACD's tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import redis as redis_py

from core import keys
from cti.acd import agents as rules
from cti.acd.agents import Agent, AgentState
from cti.acd.matching import Acd, Match

TENANT = 1
QUEUE = 7
NOW = 1_700_000_000_000


def agent(account_id: int = 11, queues: tuple[int, ...] = (QUEUE,), **changes: Any) -> Agent:
    """Return a registered, ready agent of the queues."""
    values: dict[str, Any] = {
        "tenant_id": TENANT,
        "account_id": account_id,
        "name": f"Agent {account_id}",
        "extension_id": account_id + 100,
        "extension": f"8{account_id}",
        "endpoint": "web",
        "user": f"w{account_id}",
        "state": AgentState.READY,
        "since_ms": NOW + account_id,
        "registered": True,
        "queue_ids": queues,
    }
    return Agent(**{**values, **changes})


def enter(
    acd: Acd, call_id: str, *, queue: int = QUEUE, priority: int = 50, order: int = 0, limit: int = 1000
) -> int:
    """Have a caller stand in a queue."""
    return acd.enqueue(TENANT, queue, call_id, priority, order, limit)


_numbers = iter(range(10**9))
_numbering = threading.Lock()


def match(acd: Acd, *queues: int, now_ms: int = NOW) -> Match | None:
    """Match with a token nobody else has."""
    with _numbering:
        number = next(_numbers)
    return acd.match(TENANT, queues or (QUEUE,), f"t{number}", f"leg{number}", now_ms)


def waiting(client: redis_py.Redis, queue: int = QUEUE) -> list[str]:
    """Return who waits, first in line first."""
    return [each.decode() for each in client.zrange(keys.waiting(TENANT, queue), 0, -1)]


def idle(client: redis_py.Redis, queue: int = QUEUE) -> list[int]:
    """Return the idle agents of a queue, idle longest first."""
    return [int(each) for each in client.zrange(keys.idle(TENANT, queue), 0, -1)]


def taken(before: Agent, found: Match) -> Agent:
    """Return the agent with the claim of a match, as the controller notes it."""
    return rules.claimed(before, token=found.token, leg_id=found.leg_id, call_id=found.call_id, now_ms=NOW)


def released(held: Agent, **how: Any) -> Agent:
    """Return the agent after the claim."""
    after = rules.freed(held, now_ms=NOW, **how)
    assert after is not None
    return after


def changed(before: Agent, **changes: Any) -> Agent:
    """Return the agent with some values replaced."""
    return msgspec.structs.replace(before, **changes)


def all_at_once(work: Iterable[Callable[[], None]]) -> None:
    """Run the pieces of work in threads that begin together; the first failure is raised."""
    pieces = list(work)
    barrier = threading.Barrier(len(pieces))
    failures: list[BaseException] = []

    def run(piece: Callable[[], None]) -> None:
        try:
            barrier.wait(10)
            piece()
        except BaseException as failure:  # noqa: BLE001 (told to the test below)
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(piece,)) for piece in pieces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]
    assert not any(thread.is_alive() for thread in threads)
