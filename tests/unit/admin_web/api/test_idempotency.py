"""A request with an Idempotency-Key is carried out once: repeated, at the same time, after a crash (docs/api.md)."""

from __future__ import annotations

import datetime
import threading
from typing import Any

import pytest
from sqlalchemy import func, select, update

from admin_web.api import idempotency, view
from admin_web.api.idempotency import KEPT_FOR, TAKE_OVER_AFTER
from admin_web.api.models import ApiCall, IdempotentAnswer
from core.database import ALL_TENANTS, utc_now
from core.models import Account
from tests.unit.admin_web.api.support import Program, error_of, program
from tests.unit.admin_web.api.world import answer_commands, sign_in_agent
from tests.unit.admin_web.conftest import World

BODY = {"login": "bert", "name": "Bert", "password": "Winter-2026-Schnee"}
KEY = {"Idempotency-Key": "order-4711"}


def _count(world: World, table: Any, *conditions: Any) -> int:
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


def _berts(world: World) -> int:
    return _count(world, Account, Account.login == "bert")


def _older(world: World, age: datetime.timedelta) -> None:
    with world.parts.database.transaction(ALL_TENANTS) as session:
        session.execute(update(IdempotentAnswer).values(created_at=utc_now() - age))
        session.commit()


def _create(ask: Program, **options: Any) -> Any:
    return ask.post("/accounts", json=BODY, headers=KEY, **options)


def test_the_same_request_gets_the_stored_answer(world: World) -> None:
    ask = program(world)
    first, second = _create(ask), _create(ask)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.get_data() == second.get_data()
    assert first.headers["ETag"] == second.headers["ETag"]
    assert first.headers["Location"] == second.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert _berts(world) == 1


def test_without_a_key_each_request_stands_for_itself(world: World) -> None:
    ask = program(world)
    assert ask.post("/accounts", json=BODY).status_code == 201
    assert error_of(ask.post("/accounts", json=BODY)) == "login-taken"


def test_another_body_under_the_key_is_refused(world: World) -> None:
    ask = program(world)
    _create(ask)
    answer = ask.post("/accounts", json={**BODY, "name": "Berta"}, headers=KEY)
    assert (answer.status_code, error_of(answer)) == (422, "idempotency-mismatch")


def test_the_key_belongs_to_the_api_key(world: World) -> None:
    _create(program(world))
    again = _create(program(world))
    assert error_of(again) == "login-taken"
    other = _create(program(world, company="two"))
    assert other.status_code == 201


def test_a_refused_request_gives_the_key_back(world: World) -> None:
    ask = program(world)
    weak = ask.post("/accounts", json={**BODY, "password": "1"}, headers=KEY)
    assert weak.status_code == 422
    assert _count(world, IdempotentAnswer) == 0
    assert _create(ask).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 129, "a b", "ключ", "\x7f"])
def test_an_odd_key_is_refused(world: World, key: str) -> None:
    ask = program(world)
    answer = ask.post("/accounts", json=BODY, headers={"Idempotency-Key": key.encode().decode("latin-1")})
    assert (answer.status_code, error_of(answer)) == (400, "idempotency-key-invalid")
    assert _berts(world) == 0


class Killed(BaseException):
    """What happens to a process that gets SIGKILL: nothing after it runs."""


def test_killed_before_the_commit_nothing_is_there_and_the_key_can_be_taken_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = program(world)

    def die(*arguments: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(view.idempotency, "finish", die)
        with pytest.raises(Killed):
            _create(ask)
    assert _berts(world) == 0
    early = _create(ask)
    assert (early.status_code, error_of(early)) == (409, "under-way")
    assert int(early.headers["Retry-After"]) > 0
    _older(world, TAKE_OVER_AFTER)
    late = _create(ask)
    assert late.status_code == 201
    assert "Idempotent-Replayed" not in late.headers
    assert _berts(world) == 1


def test_killed_after_the_commit_the_answer_is_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = program(world)
    finish = idempotency.finish

    def die_after_commit(session: Any, claim: Any, kept: Any) -> None:
        finish(session, claim, kept)
        session.commit()
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(view.idempotency, "finish", die_after_commit)
        with pytest.raises(Killed):
            _create(ask)
    again = _create(ask)
    assert again.status_code == 201
    assert again.headers["Idempotent-Replayed"] == "true"
    assert _berts(world) == 1


def test_who_was_only_slow_does_not_double(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is taken for dead, its key is taken over, then it comes to its end: only one of both counts."""
    ask, other = program(world), world.app.test_client()
    finish = idempotency.finish
    second: list[Any] = []

    def slow(session: Any, claim: Any, kept: Any) -> None:
        if not second:
            second.append(None)
            session.rollback()  # SQLite lets one write at a time; MariaDB would let both
            _older(world, TAKE_OVER_AFTER)
            second[0] = Program(other, ask.token, ask.key_id).post("/accounts", json=BODY, headers=KEY)
        finish(session, claim, kept)

    monkeypatch.setattr(view.idempotency, "finish", slow)
    first = _create(ask)
    assert second[0].status_code == 201
    assert (first.status_code, error_of(first)) == (409, "under-way")
    assert _berts(world) == 1
    assert _create(ask).headers["Idempotent-Replayed"] == "true"


def test_many_at_once_carry_it_out_once(world: World) -> None:
    ask = program(world)
    answers: list[int] = []

    def send() -> None:
        own = Program(world.app.test_client(), ask.token, ask.key_id)
        answers.append(_create(own).status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert _berts(world) == 1


def test_an_answer_is_kept_for_a_day(world: World) -> None:
    ask = program(world)
    _create(ask)
    _older(world, KEPT_FOR)
    answer = ask.post("/accounts", json={**BODY, "login": "carl"}, headers=KEY)
    assert answer.status_code == 201
    assert answer.get_json()["login"] == "carl"
    _older(world, KEPT_FOR + datetime.timedelta(seconds=1))
    ask.post("/accounts", json={**BODY, "login": "dora"}, headers={"Idempotency-Key": "another"})
    assert _count(world, IdempotentAnswer) == 1


def test_a_call_asked_for_again_after_a_crash_is_the_same_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = program(world)
    sign_in_agent(world)
    body = {"agent": "agent", "to": "13800138000", "reference": "order 4711"}

    def die(*arguments: Any) -> None:
        raise Killed

    with answer_commands(world) as controller:
        with monkeypatch.context() as patched:
            patched.setattr(view.idempotency, "finish", die)
            with pytest.raises(Killed):
                ask.post("/calls", json=body, headers=KEY)
        _older(world, TAKE_OVER_AFTER)
        answer = ask.post("/calls", json=body, headers=KEY)
    assert answer.status_code == 202
    first, second = controller.commands
    assert first.body == second.body, "the controller knows the call by the same key"
    assert answer.get_json()["id"] == "call-1"
    assert _count(world, ApiCall) == 1


def test_two_calls_without_a_key_are_two(world: World) -> None:
    ask = program(world)
    sign_in_agent(world)
    body = {"agent": "agent", "to": "13800138000"}
    with answer_commands(world):
        ids = {ask.post("/calls", json=body).get_json()["id"] for _ in range(2)}
    assert len(ids) == 2
