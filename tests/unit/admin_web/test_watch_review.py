"""A supervisor's part in a talk ends when the right, the queue, the account or every session is taken away (SUP-8)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from admin_web.supervision.watch_review import WatchReview
from core import accounts, bus, keys
from core.bus import Command
from core.models import Account, AuditEntry, BuiltInRole
from core.permissions import encode_queues
from tests.unit.admin_web.api.world import answer_commands
from tests.unit.admin_web.conftest import PASSWORD, World

SALES, SUPPORT = 71, 72


class Listening:
    """A supervisor of Sales at an agent's talk, and a controller that ends what it is told to."""

    def __init__(self, world: World, asked: list[dict[str, Any]]) -> None:
        self.world, self.asked = world, asked
        self.tenant = world.ids["one"]["tenants"]
        with world.parts.database.transaction(self.tenant) as session:
            made = accounts.create_account(
                session,
                login="listens",
                name="Li",
                role=BuiltInRole.SUPERVISOR,
                password=PASSWORD,
                supervised_queues=encode_queues({SALES}),
            )
            session.commit()
            self.supervisor = made.id
        self.agent = world.ids["one"]["accounts"]
        world.client("one", "listens")
        self.began("w1")
        self.review = WatchReview(world.parts.database, world.parts.redis, world.parts.sessions)

    def began(self, leg_id: str) -> None:
        """Write the watch as the controller does."""
        watch = {"account_id": self.supervisor, "agent_id": self.agent, "call_id": "c", "leg_id": leg_id}
        told = msgspec.json.encode({**watch, "mode": "monitor", "state": "on", "cause": "", "cell": "cell1"})
        self.world.parts.redis.hset(keys.watches(self.tenant), str(self.supervisor), told)

    def change(self, how: Callable[[Account], None]) -> None:
        """Change the supervisor's account."""
        with self.world.parts.database.transaction(self.tenant) as session:
            how(session.get_one(Account, self.supervisor))
            session.commit()
        self.world.parts.sessions.changed()

    def log(self) -> list[AuditEntry]:
        """Return the log's lines of watches that were ended."""
        with self.world.parts.database.transaction(self.tenant, read_only=True) as session:
            return list(session.scalars(select(AuditEntry).where(AuditEntry.action == "watch-ended")))


@pytest.fixture
def listening(world: World) -> Iterator[Listening]:
    """It goes on."""
    asked: list[dict[str, Any]] = []
    ended: set[str] = set()

    def rule(command: Command) -> dict[str, Any]:
        assert command.kind == "supervise.review"
        body = command.body
        asked.append(body)
        over = not body["may"] or (body["queues"] is not None and SALES not in body["queues"])
        first = over and body["leg_id"] not in ended
        ended.update([body["leg_id"]] if over else [])
        return {"ok": True, "ended": first}

    with answer_commands(world, rule):
        yield Listening(world, asked)


def _without_right(account: Account) -> None:
    account.apply_role, account.permissions = False, '["supervise.view"]'


def _without_queue(account: Account) -> None:
    account.supervised_queues = encode_queues({SUPPORT})


def _disabled(account: Account) -> None:
    account.enabled = False


@pytest.mark.parametrize("how", [_without_right, _without_queue, _disabled])
def test_it_ends_with_the_right_the_queue_and_the_account(
    listening: Listening, how: Callable[[Account], None]
) -> None:
    assert listening.review.step() == 0
    assert listening.asked[-1] == {
        "account_id": listening.supervisor,
        "leg_id": "w1",
        "may": True,
        "queues": [SALES],
    }
    listening.change(how)
    assert listening.review.step() == 1
    assert listening.review.step() == 0, "it is ended, and logged, once"
    (line,) = listening.log()
    assert (line.account_id, line.object_id) == (None, listening.agent)
    assert msgspec.json.decode(line.changes) == {"supervisor": ["", "Li"], "call": ["", "c"]}


def test_it_ends_when_every_session_is_ended_and_not_before(listening: Listening) -> None:
    listening.world.client("one", "listens")
    sessions = listening.world.parts.sessions
    first, second = sessions.of_account(listening.supervisor)
    cookie = listening.world.client("one", "listens").get_cookie("zj_session")
    assert cookie is not None
    sessions.end(cookie.value)
    assert {first.id, second.id} == {each.id for each in sessions.of_account(listening.supervisor)}
    assert listening.review.step() == 0, "another browser is signed in"
    sessions.end_all(listening.supervisor)
    assert listening.review.step() == 1


def test_it_is_looked_at_as_soon_as_something_changed(listening: Listening) -> None:
    stop, turned = threading.Event(), threading.Event()
    thread = threading.Thread(target=listening.review.run, args=(stop, turned.set), daemon=True)
    thread.start()
    assert turned.wait(20)
    listening.change(_disabled)
    for _ in range(200):
        if listening.log():
            break
        stop.wait(0.1)
    stop.set()
    thread.join(20)
    assert len(listening.log()) == 1


def test_a_cell_that_is_silent_is_asked_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "send_command", _silent)
    listening = Listening(world, [])
    listening.change(_disabled)
    assert listening.review.step() == 0
    assert listening.log() == []


def _silent(*_what: Any) -> dict[str, Any]:
    raise bus.ControllerSilentError(kind="supervise.review", cell="cell1")
