"""The operator's page of the platform's health: what stands on it, who may see it, and that it outlives neighbours."""

from __future__ import annotations

import datetime
import re

import pytest
from sqlalchemy.exc import OperationalError

from admin_web import system_health
from admin_web.app import create_app
from admin_web.system_health import Check, State
from core import sessions
from core.database import Database
from core.redis import RedisError
from core.sessions import SessionOverError
from tests.unit.admin_web.conftest import World

PAGE = "/platform/health"


def rows(page: str) -> list[tuple[str, str]]:
    """Return key and state of each line, from the top."""
    return re.findall(r'<tr id="zj-health-([^"]+)" data-state="(\w+)"', page)


def take_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*arguments: object, **options: object) -> None:
        raise OperationalError("connect", {}, Exception("away"))

    monkeypatch.setattr(Database, "transaction", away)


def test_wrong_ones_stand_first_and_say_what_to_do(world: World) -> None:
    page = world.client("platform", "operator").get(PAGE).get_data(as_text=True)
    found = rows(page)
    states = [state for _, state in found]
    assert states == sorted(states, key=["wrong", "note", "well"].index)
    assert {"wrong", "well"} <= set(states)
    assert {"database", "redis", "spool", "scheduler", "version"} <= {key for key, _ in found}
    assert "/platform/health" in re.findall(r'<li><a href="([^"]+)">', page), "in the menu"


def test_it_renews_a_part_of_itself_without_counting_as_activity(world: World) -> None:
    client = world.client("platform", "operator")
    page = client.get(PAGE).get_data(as_text=True)
    assert 'hx-trigger="every 5s"' in page
    assert "X-Zongji-Background" in page
    part = client.get(PAGE, headers={"HX-Request": "true", "HX-Target": system_health.PLACE})
    text = part.get_data(as_text=True)
    assert text.lstrip().startswith('<section id="zj-health"')
    assert rows(text)


def test_only_operators_see_it(world: World) -> None:
    for login in ("tenant_admin", "supervisor", "agent"):
        client = world.client("one", login)
        assert client.get(PAGE).status_code == 403
        assert PAGE not in client.get("/my-account").get_data(as_text=True)


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true", "HX-Target": system_health.PLACE}])
def test_it_stands_while_the_database_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    client = world.client("platform", "operator")
    assert client.get(PAGE).status_code == 200
    monkeypatch.setattr(sessions, "CACHE_TIME", datetime.timedelta(0))
    take_away(monkeypatch)
    monkeypatch.setattr("zongji.health.look.KEPT_S", 0.0)
    answer = client.get(PAGE, headers=headers)
    assert answer.status_code == 200
    assert "数据库不可用" in answer.get_data(as_text=True)


def test_while_the_database_is_away_only_who_was_here_lately_is_believed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, stranger = world.client("platform", "operator"), world.client("platform", "operator")
    assert known.get(PAGE).status_code == 200
    take_away(monkeypatch)
    assert stranger.get(PAGE).status_code == 503
    monkeypatch.setattr(sessions, "CACHE_TIME", datetime.timedelta(0))
    monkeypatch.setattr(sessions, "OUTAGE_TIME", datetime.timedelta(0))
    assert known.get(PAGE).status_code == 503


def test_a_session_that_was_ended_is_not_believed_while_the_database_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.client("platform", "operator")
    assert client.get(PAGE).status_code == 200
    token = client.get_cookie("zj_session")
    assert token is not None
    other = sessions.Sessions(world.parts.database, world.parts.redis, idle_timeout_s=1800)
    other.end(token.value)
    monkeypatch.setattr(sessions, "CACHE_TIME", datetime.timedelta(0))
    take_away(monkeypatch)
    with pytest.raises((SessionOverError, OperationalError)):
        world.parts.sessions.verify(token.value)
    assert client.get(PAGE).status_code in (302, 503)


def test_it_stands_while_redis_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.client("platform", "operator")

    def away(*arguments: object, **options: object) -> None:
        raise RedisError("away")

    monkeypatch.setattr(type(world.parts.redis), "execute_command", away)
    monkeypatch.setattr(type(world.parts.redis.pipeline()), "execute", away)
    answer = client.get(PAGE)
    assert answer.status_code == 200
    assert dict(rows(answer.get_data(as_text=True)))["cells"] == "note"


def test_an_installation_without_checks_says_so(world: World) -> None:
    empty = system_health.make_blueprint(list)
    app = create_app(world.parts.settings, blueprints=[empty], parts=world.parts)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    other = World(app, world.parts, world.ids)
    assert "zj-empty" in other.client("platform", "operator").get(PAGE).get_data(as_text=True)


def test_what_a_check_says_is_text(world: World) -> None:
    odd = Check(key="x", name="<b>", state=State.WRONG, how="<script>", remedy="<i>", since_ms=1)
    app = create_app(
        world.parts.settings, blueprints=[system_health.make_blueprint(lambda: [odd])], parts=world.parts
    )
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    text = World(app, world.parts, world.ids).client("platform", "operator").get(PAGE).get_data(as_text=True)
    assert "<script></td>" not in text
    assert "&lt;script&gt;" in text
