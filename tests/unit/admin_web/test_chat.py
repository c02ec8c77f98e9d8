"""Supervisors write to agents, who answer: whose, within which queues, kept, pushed, read, paced, pruned (SUP-9)."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import pytest
from limits import RateLimitItemPerMinute
from sqlalchemy import event, select, update

from core import bus, keys
from core.database import ALL_TENANTS, utc_now
from core.models import Account
from core.redis import RedisError
from cti.desk import chat
from cti.desk.models import ChatLine
from cti.models import ExtensionAccount, QueueMember
from tests.unit.admin_web.conftest import World
from tests.unit.admin_web.test_supervised_queues import Floor

ACCEPT = {"Accept": "application/json"}


@pytest.fixture
def floor(world: World) -> Floor:
    """Two queues with an agent each, whose extensions are theirs."""
    made = Floor(world)
    with world.parts.database.transaction(made.tenant) as session:
        members = {row.queue_id: row.extension_id for row in session.scalars(select(QueueMember))}
        for queue_id, account_id in ((made.sales, made.seller), (made.support, made.helper)):
            session.add(ExtensionAccount(extension_id=members[queue_id], account_id=account_id))
        session.commit()
    return made


class Talk:
    """Both sides of a thread."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.boss = floor.world.client("one", "of-sales")
        self.agent = floor.world.client("one", "seller")

    def say(self, text: Any, to: int | None = None) -> Any:
        """Write as the supervisor."""
        address = f"/supervision/api/chat/{to or self.floor.seller}"
        return self.boss.post(address, json={"text": text}, headers=ACCEPT)

    def answer(self, text: Any, to: int | None = None) -> Any:
        """Write as the agent."""
        address = f"/desk/api/chat/{to or self.floor.of_sales}/write"
        return self.agent.post(address, json={"text": text}, headers=ACCEPT)

    def lines(self, who: str, before: int = 0) -> dict[str, Any]:
        """Return a page of the thread as one of them sees it."""
        client, address = (
            (self.boss, f"/supervision/api/chat/{self.floor.seller}")
            if who == "boss"
            else (self.agent, f"/desk/api/chat/{self.floor.of_sales}")
        )
        answer = client.get(address, query_string={"before": before}, headers=ACCEPT)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return dict(answer.get_json())

    def threads(self) -> list[dict[str, Any]]:
        """Return who wrote to the agent."""
        return list(self.agent.get("/desk/api/chat", headers=ACCEPT).get_json()["threads"])

    def pushed(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return what open pages were told of chats: audiences, type, data."""
        found: Any = self.floor.world.parts.redis.xrange(keys.live(self.floor.tenant))
        return [
            (fields[b"aud"].decode(), fields[b"type"].decode(), msgspec.json.decode(fields[b"data"]))
            for _, fields in found
            if fields[b"type"].startswith(b"chat.")
        ]


@pytest.fixture
def talk(floor: Floor) -> Talk:
    """Nothing was said yet."""
    return Talk(floor)


def test_a_line_is_kept_pushed_to_the_two_alone_and_answered_sup_9(talk: Talk) -> None:
    floor, text = talk.floor, "<b>慢一点</b>\nand smile & wait"
    assert talk.threads() == []
    sent = talk.say(f"  {text}\r\n")
    assert sent.status_code == 200
    line = sent.get_json()
    assert (line["text"], line["by_agent"], line["agent_id"]) == (text, False, floor.seller)
    ((audiences, kind, data),) = talk.pushed()
    assert kind == "chat.line"
    assert data == {**line, "name": "of-sales"}
    assert set(audiences.split(",")) == {f"chat:{floor.of_sales}", f"chat:{floor.seller}"}
    for login, sees in (("of-sales", True), ("seller", True), ("supervisor", False), ("helper", False)):
        assert floor.audience(login).sees(audiences) is sees, login
    assert talk.threads() == [
        {"supervisor_id": floor.of_sales, "name": "of-sales", "last_id": line["id"], "unread": 1}
    ]
    assert talk.answer("好的").status_code == 200
    for who in ("boss", "agent"):
        assert [each["text"] for each in talk.lines(who)["lines"]] == [text, "好的"]
    state = talk.boss.get("/supervision/api/state", headers=ACCEPT).get_json()
    assert state["unread"] == {str(floor.seller): 1}
    assert state["me"]["may_chat"] is True


def test_what_was_read_is_no_longer_counted(talk: Talk) -> None:
    first, second = (talk.say(text).get_json()["id"] for text in ("one", "two"))
    address = f"/desk/api/chat/{talk.floor.of_sales}/read"
    assert talk.agent.post(address, json={"up_to": first}, headers=ACCEPT).status_code == 200
    assert talk.threads()[0]["unread"] == 1
    talk.agent.post(address, json={"up_to": second}, headers=ACCEPT)
    assert talk.threads()[0]["unread"] == 0
    assert [kind for _, kind, _ in talk.pushed()] == ["chat.line"] * 2 + ["chat.read"] * 2
    talk.agent.post(address, json={"up_to": second}, headers=ACCEPT)
    assert len(talk.pushed()) == 4, "nothing changed: nobody is told"
    own = talk.answer("three").get_json()["id"]
    talk.agent.post(address, json={"up_to": own}, headers=ACCEPT)
    state = talk.boss.get("/supervision/api/state", headers=ACCEPT).get_json()
    assert state["unread"] == {str(talk.floor.seller): 1}, "one does not read one's own line for the other"
    read = f"/supervision/api/chat/{talk.floor.seller}/read"
    assert talk.boss.post(read, json={"up_to": own}, headers=ACCEPT).status_code == 200
    assert talk.boss.get("/supervision/api/state", headers=ACCEPT).get_json()["unread"] == {}


def test_a_supervisor_writes_within_the_own_queues_and_an_agent_answers_alone(talk: Talk) -> None:
    floor = talk.floor
    for other in (floor.helper, floor.of_sales, 10**9, floor.world.ids["two"]["accounts"]):
        assert talk.say("hello", to=other).status_code == 404
        assert talk.boss.get(f"/supervision/api/chat/{other}", headers=ACCEPT).status_code == 404
    assert talk.answer("hello").status_code == 404, "nobody wrote to the agent"
    assert talk.agent.get(f"/desk/api/chat/{floor.of_sales}", headers=ACCEPT).status_code == 404
    assert talk.agent.get(f"/supervision/api/chat/{floor.helper}", headers=ACCEPT).status_code == 403
    talk.say("hello")
    stranger = floor.world.client("one", "helper")
    assert stranger.get(f"/desk/api/chat/{floor.of_sales}", headers=ACCEPT).status_code == 404
    everybody = floor.world.client("one", "supervisor")
    for agent in (floor.seller, floor.helper):
        answer = everybody.get(f"/supervision/api/chat/{agent}", headers=ACCEPT)
        assert answer.get_json() == {"lines": [], "more": False}, "another supervisor's thread is theirs"
    theirs = floor.world.client("two", "supervisor")
    assert (
        theirs.post(f"/supervision/api/chat/{floor.seller}", json={"text": "x"}, headers=ACCEPT).status_code
        == 404
    )


def test_without_the_right_nobody_writes(talk: Talk) -> None:
    with talk.floor.world.parts.database.transaction(talk.floor.tenant) as session:
        account = session.get_one(Account, talk.floor.of_sales)
        account.apply_role, account.permissions = False, '["supervise.view", "supervise.act"]'
        session.commit()
    talk.floor.world.parts.sessions.changed()
    assert talk.say("hello").status_code == 403
    assert talk.boss.get("/supervision/api/state", headers=ACCEPT).get_json()["me"]["may_chat"] is False


@pytest.mark.parametrize("text", ["", "   \n", "x" * (chat.LONGEST + 1), None, 7, ["x"]])
def test_no_text_or_too_much_is_refused(talk: Talk, text: Any) -> None:
    assert talk.say(text).status_code == 422
    assert talk.pushed() == []


def test_the_longest_text_is_kept_whole(talk: Talk) -> None:
    text = "界" * chat.LONGEST
    assert talk.say(text).get_json()["text"] == text
    assert talk.lines("agent")["lines"][0]["text"] == text


def test_who_writes_too_fast_is_told(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "PACE", RateLimitItemPerMinute(3))
    answers = [talk.say(str(number)).status_code for number in range(4)]
    assert answers == [200, 200, 200, 429]
    assert talk.answer("still heard").status_code == 200


def test_without_redis_a_line_is_kept(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_what: Any) -> None:
        raise RedisError("away")

    monkeypatch.setattr(bus, "publish_live", away)
    assert talk.say("hello").status_code == 200
    assert talk.threads()[0]["unread"] == 1


def test_a_thread_is_pages_by_key_with_one_query_each(talk: Talk) -> None:
    count = 2 * chat.PAGE_LINES + 5
    with talk.floor.world.parts.database.transaction(talk.floor.tenant) as session:
        for number in range(count):
            session.add(
                ChatLine(
                    supervisor_id=talk.floor.of_sales,
                    agent_id=talk.floor.seller,
                    by_agent=bool(number % 2),
                    text=str(number),
                    sent_at=utc_now(),
                )
            )
        session.commit()
    statements: list[str] = []
    event.listen(
        talk.floor.world.parts.database.engine,
        "before_cursor_execute",
        lambda *what: statements.append(what[2]) if "desk_chat_line" in what[2] else None,
    )
    seen: list[str] = []
    before, more = 0, True
    while more:
        statements.clear()
        page = talk.lines("boss", before)
        assert len(statements) == 1
        seen = [each["text"] for each in page["lines"]] + seen
        before, more = page["lines"][0]["id"], page["more"]
    assert seen == [str(number) for number in range(count)]
    statements.clear()
    talk.threads()
    assert len(statements) == 1


def test_old_lines_are_removed(talk: Talk) -> None:
    database = talk.floor.world.parts.database
    old, new = (talk.say(text).get_json()["id"] for text in ("old", "new"))
    long_ago = utc_now() - chat.KEPT - datetime.timedelta(hours=1)
    with database.transaction(ALL_TENANTS) as session:
        session.execute(update(ChatLine).where(ChatLine.id == old).values(sent_at=long_ago))
        session.commit()
    assert chat.prune(database, utc_now()) == 1
    assert chat.prune(database, utc_now()) == 0
    assert [each["id"] for each in talk.lines("agent")["lines"]] == [new]
