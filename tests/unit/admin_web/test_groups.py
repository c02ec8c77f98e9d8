"""The page of groups (ACC-7, ACC-8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event, insert, select

from core.groups.models import QuotaEntry, UserGroup
from core.models import Account
from tests.unit.admin_web.conftest import World


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    """Collect the statements that are sent meanwhile."""
    sent: list[str] = []

    def note(connection, cursor, statement, parameters, context, many) -> None:
        sent.append(statement)

    engine = world.parts.database.engine
    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def group_admin(world: World):
    """The agent of company one administers North, which has East below and South beside."""
    ids = world.ids["one"]
    with world.parts.database.transaction(ids["tenants"]) as session:
        head = session.scalars(select(Account).where(Account.login == "agent")).one()
        head.group_id, head.is_group_admin = ids["groups"], True
        east, south = UserGroup(name="East", parent_id=ids["groups"]), UserGroup(name="South")
        session.add_all([east, south])
        session.commit()
    world.parts.sessions.changed()
    return world.client("one", "agent"), east.id, south.id


def test_acc_7_groups_are_made_moved_recharged_trusted_and_deleted(world: World) -> None:
    client, north = world.client("one", "tenant_admin"), world.ids["one"]["groups"]
    htmx = {"HX-Request": "true", "HX-Target": "zj-drawers"}
    made = client.post(f"/groups/{north}/new", data={"name": "East", "parent": str(north)}, headers=htmx)
    assert "zj:changed" in made.headers["HX-Trigger"]
    taken = client.post("/groups/new", data={"name": "East", "parent": str(north)}, headers=htmx)
    assert taken.status_code == 422
    assert "zj-error" in taken.get_data(as_text=True)
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        east = session.scalars(select(UserGroup.id).where(UserGroup.name == "East")).one()
    for amount, status in (("500", 303), ("-1000", 422), ("0", 422), ("1.5", 422), ("x", 422), ("", 422)):
        answer = client.post(f"/groups/{north}/recharge", data={"amount": amount, "note": "July"})
        assert answer.status_code == status, amount
    assert client.post(f"/groups/{east}/recharge", data={"amount": "501"}).status_code == 422
    assert client.post(f"/groups/{east}/recharge", data={"amount": "200"}).status_code == 303
    page = client.get("/groups").get_data(as_text=True)
    row = re.search(rf'<tr[^>]*id="zj-group-{north}".*?</tr>', page, re.DOTALL)[0]
    assert re.findall(r'zj-num">(\d+)<', row) == ["0", "500", "200", "300"]
    assert "Set to review" in row or "设为审核" in row
    client.post(f"/groups/{north}/review", data={"needed": "1"})
    row = re.search(
        rf'<tr[^>]*id="zj-group-{north}".*?</tr>', client.get("/groups").get_data(as_text=True), re.DOTALL
    )[0]
    assert "Trust" in row or "设为信任" in row or "信任" in row
    assert client.post(f"/groups/{north}", data={"name": "North", "parent": str(east)}).status_code == 422
    assert client.post(f"/groups/{north}/delete").status_code == 409
    assert client.post(f"/groups/{east}", data={"name": "East", "parent": ""}).status_code == 303
    history = client.get("/groups/history").get_data(as_text=True)
    assert "July" in history
    assert "+500" in history
    assert client.post(f"/groups/{north}/delete").status_code == 303


def test_acc_8_a_groups_administrator_sees_and_changes_the_own_subtree_only(world: World) -> None:
    client, east, south = group_admin(world)
    north = world.ids["one"]["groups"]
    page = client.get("/groups").get_data(as_text=True)
    assert f"zj-group-{east}" in page
    assert f"zj-group-{south}" not in page
    assert f"/groups/{north}/recharge" not in page
    assert client.post(f"/groups/{north}/recharge", data={"amount": "1"}).status_code == 403
    for path in ("", "/recharge", "/new", "/history"):
        assert client.get(f"/groups/{south}{path}").status_code == 404, path
    for path in ("/review", "/delete"):
        assert client.post(f"/groups/{south}{path}").status_code == 404, path
    assert client.post(f"/groups/{north}/review", data={"needed": "0"}).status_code == 403
    assert client.post("/groups/new", data={"name": "Mine", "parent": ""}).status_code == 422
    assert client.post("/groups/new", data={"name": "Mine", "parent": str(south)}).status_code == 422
    assert client.post("/groups/new", data={"name": "Mine", "parent": str(east)}).status_code == 303


def test_acc_8_the_history_tells_a_groups_administrator_nothing_of_others(world: World) -> None:
    client, east, south = group_admin(world)
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        session.add_all(
            QuotaEntry(actor_id=1, group_id=group, amount=7, note=f"for-{name}")
            for group, name in ((east, "east"), (south, "south"))
        )
        session.commit()
    page = client.get("/groups/history").get_data(as_text=True)
    assert "for-east" in page
    assert "for-south" not in page


def test_acc_8_a_groups_administrator_learns_nothing_of_the_group_above(world: World) -> None:
    client, _east, _south = group_admin(world)
    north = world.ids["one"]["groups"]
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        head = UserGroup(name="Headquarters", quota=900)
        session.add(head)
        session.flush()
        session.get_one(UserGroup, north).parent_id = head.id
        session.add(
            QuotaEntry(actor_id=1, group_id=north, source_group_id=head.id, amount=7, note="for-north")
        )
        session.commit()
    for path in ("/groups", "/groups/history", f"/groups/{north}/history", f"/groups/{north}"):
        page = client.get(path).get_data(as_text=True)
        assert "Headquarters" not in page, path
        assert ("for-north" in page) == path.endswith("history")
    answer = client.get(f"/groups/{north}/recharge")
    assert answer.status_code == 403
    assert "Headquarters" not in answer.get_data(as_text=True)


def test_acc_7_a_thousand_groups_take_as_many_queries_as_one(world: World) -> None:
    client = world.client("one", "tenant_admin")
    client.get("/groups")
    with counted(world) as few:
        client.get("/groups")
    tenant = world.ids["one"]["tenants"]
    with world.parts.database.transaction(tenant) as session:
        for turn in range(10):
            parent = world.ids["one"]["groups"] if turn else None
            rows = [
                {"tenant_id": tenant, "name": f"g{turn}-{each}", "parent_id": parent} for each in range(100)
            ]
            session.execute(insert(UserGroup), rows)
        session.commit()
    with counted(world) as many:
        page = client.get("/groups")
    assert page.get_data(as_text=True).count("aria-level") == 1001
    assert len(many) == len(few) <= 8, many
