"""The list of short messages and what became of them (CTI-I13)."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from sqlalchemy import event

from core.database import utc_now
from sms.models import SmsMessage, SmsSource, SmsState
from sms.sending import NOT_CONNECTED
from tests.unit.admin_web.conftest import World

MOBILE = "+8613911112222"


def add(world: World, text: str, company: str = "one", **values: Any) -> None:
    """Put a message into a company's outbox."""
    at = values.pop("at", utc_now())
    fields = {
        "key": text,
        "mobile": MOBILE,
        "parts": 1,
        "source": SmsSource.FLOW,
        "call_id": "call-1",
        "flow_id": world.ids[company]["flows"],
        "node": "text",
        "node_name": "Text them",
        "asked_at": at,
        "queued_at": at,
        **values,
    }
    with world.parts.database.transaction(world.ids[company]["tenants"]) as session:
        session.add(SmsMessage(text=text, **fields))
        session.commit()


def page(world: World, query: str = "", login: str = "tenant_admin") -> str:
    answer = world.client("one", login).get(f"/short-messages{query}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_the_list_says_what_became_of_each(world: World) -> None:
    assert "还没有短信" in page(world)
    add(world, "您的订单已发货", state=SmsState.NOT_SENT, reason=NOT_CONNECTED)
    add(world, "of another company", company="two")
    shown = page(world)
    for text in (
        "13911112222",
        "您的订单已发货",
        "Text them",
        "Welcome",
        "未发送",
        "平台未接入短信服务",
        "/records/calls/call-1",
    ):
        assert text in shown, text
    assert "of another company" not in shown
    assert "已提交" not in shown.replace(">已提交</option>", "")


def test_only_who_may_sees_it(world: World) -> None:
    for login in ("supervisor", "agent"):
        client = world.client("one", login)
        assert client.get("/short-messages").status_code == 403
        assert 'href="/short-messages"' not in client.get("/me", follow_redirects=True).get_data(as_text=True)
    assert 'href="/short-messages"' in page(world)


def test_it_is_found_by_number_state_flow_and_day(world: World) -> None:
    add(world, "first one", state=SmsState.HANDED_OVER)
    add(world, "second one", mobile="+8613700000001", state=SmsState.REFUSED, reason="too-late", flow_id=0)
    add(world, "old one", at=utc_now() - datetime.timedelta(days=9))
    today = f"{utc_now() - datetime.timedelta(days=2):%Y-%m-%d}"
    for query, there in (
        ("number=1112222", {"first one", "old one"}),
        ("number=1112222&state=handed_over", {"first one"}),
        ("state=handed_over", {"first one"}),
        ("state=nonsense", set()),
        (f"flow_id={world.ids['one']['flows']}", {"first one", "old one"}),
        ("flow_id=x", {"second one"}),
        (f"since={today}", {"first one", "second one"}),
        (f"until={today}", {"old one"}),
    ):
        shown = page(world, f"?{query}")
        assert {text for text in ("first one", "second one", "old one") if text in shown} == there, query


@pytest.mark.parametrize("query", ["since=x", "until=2026-13-45"])
def test_a_day_that_is_none_is_refused(world: World, query: str) -> None:
    assert world.client("one", "tenant_admin").get(f"/short-messages?{query}").status_code == 422


def test_pages_are_by_key_with_a_fixed_number_of_queries(world: World) -> None:
    for number in range(60):
        add(world, f"text-{number:02}.")
    client, counts = world.client("one", "tenant_admin"), []
    engine = world.parts.database.engine

    def count(*args: object) -> None:
        counts[-1] += 1

    counts.append(0)
    event.listen(engine, "before_cursor_execute", count)
    try:
        client.get("/short-messages")
        counts[:] = [0]
        first = client.get("/short-messages").get_data(as_text=True)
        assert "text-59." in first
        assert "text-09." not in first
        counts.append(0)
        assert client.get("/short-messages?state=refused").status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", count)
    assert counts[0] <= counts[1] + 1, "the flows' names are one query more"
    assert counts[0] < 15
