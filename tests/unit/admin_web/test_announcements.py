"""Announcements (ACC-9): written, shown to those they are for until read, gone when deleted."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from core import keys
from core.announcements.models import Announcement, AnnouncementTarget
from core.models import Account, AuditEntry
from tests.unit.admin_web.conftest import World

HTMX = {"HX-Request": "true"}


def account_id(world: World, login: str, company: str = "one") -> int:
    with world.parts.database.transaction(world.ids[company]["tenants"], read_only=True) as session:
        return session.scalars(select(Account.id).where(Account.login == login)).one()


def write(world: World, **form: object) -> int:
    client = world.client("one", "tenant_admin")
    answer = client.post("/announcements/new", data={"body": "Text", **form}, headers=HTMX)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        return session.scalars(select(func.max(Announcement.id))).one()


def top_of_pages(world: World, login: str, company: str = "one") -> str:
    page = world.client(company, login).get("/announcements/mine")
    assert page.status_code == 200
    return page.get_data(as_text=True)


def test_acc_9_everybody_reads_it_once_and_whoever_comes_later_too(world: World) -> None:
    written = write(world, title="放假通知 <b>", everybody="1")
    agent = world.client("one", "agent")
    page = agent.get("/announcements/mine").get_data(as_text=True)
    assert "放假通知 &lt;b&gt;" in page
    assert "放假通知" in top_of_pages(world, "supervisor")
    assert "放假通知" not in top_of_pages(world, "agent", "two")
    for _ in range(2):
        left = agent.post(f"/announcements/{written}/read", headers=HTMX).get_data(as_text=True)
        assert "放假通知" not in left
    assert "放假通知" not in agent.get("/announcements/mine").get_data(as_text=True)
    listed = world.client("one", "tenant_admin").get("/announcements").get_data(as_text=True)
    assert re.search(r"1\s*/\s*3", listed)


def test_acc_9_only_those_named_see_it(world: World) -> None:
    written = write(world, title="Shift plan", targets=[str(account_id(world, "agent"))])
    assert "Shift plan" in top_of_pages(world, "agent")
    assert "Shift plan" not in top_of_pages(world, "supervisor")
    refused = world.client("one", "supervisor").post(f"/announcements/{written}/read", headers=HTMX)
    assert refused.status_code == 404


def test_acc_9_a_rewritten_one_is_shown_again_and_a_deleted_one_goes(world: World) -> None:
    written = write(world, title="First", everybody="1")
    agent = world.client("one", "agent")
    agent.post(f"/announcements/{written}/read", headers=HTMX)
    admin = world.client("one", "tenant_admin")
    form = {"title": "Second", "body": "Text", "everybody": "1"}
    assert admin.post(f"/announcements/{written}", data=form, headers=HTMX).status_code == 200
    assert "Second" in top_of_pages(world, "agent")
    assert admin.post(f"/announcements/{written}/delete", headers=HTMX).status_code == 200
    assert "Second" not in top_of_pages(world, "agent")
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(AnnouncementTarget)) == 0
        said = session.scalars(select(AuditEntry.action).where(AuditEntry.module == "announcements")).all()
    assert said == ["create", "edit", "delete"]


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"title": " ", "body": "x", "everybody": "1"}, "title"),
        ({"title": "x" * 201, "body": "x", "everybody": "1"}, "title"),
        ({"title": "x", "body": "", "everybody": "1"}, "body"),
        ({"title": "x", "body": "x"}, "targets"),
        ({"title": "x", "body": "x", "targets": ["999999"]}, "targets"),
    ],
)
def test_acc_9_what_cannot_be_used_is_said_at_its_field(
    world: World, form: dict[str, str], field: str
) -> None:
    answer = world.client("one", "tenant_admin").post("/announcements/new", data=form, headers=HTMX)
    assert answer.status_code == 422
    assert f'id="f-{field}-error"' in answer.get_data(as_text=True)
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(Announcement)) == 0


def test_acc_12_another_companys_accounts_and_announcements_are_not_there(world: World) -> None:
    stranger = str(account_id(world, "agent", "two"))
    client = world.client("one", "tenant_admin")
    form = {"title": "x", "body": "x", "targets": [stranger]}
    assert client.post("/announcements/new", data=form, headers=HTMX).status_code == 422
    offered = client.get("/announcements/targets?q=agent").get_json()
    assert stranger not in {each["value"] for each in offered}
    written = write(world, title="Ours", everybody="1")
    other = world.client("two", "tenant_admin")
    assert other.get(f"/announcements/{written}").status_code == 404
    assert other.post(f"/announcements/{written}/delete", headers=HTMX).status_code == 404
    assert other.post(f"/announcements/{written}/read", headers=HTMX).status_code == 404


def test_acc_9_open_pages_are_told(world: World) -> None:
    write(world, title="Now", everybody="1")
    newest = world.parts.redis.xrevrange(keys.live(world.ids["one"]["tenants"]), count=1)
    assert newest[0][1][b"type"] == b"announcements"
    assert newest[0][1][b"aud"] == b"all"
