"""A company's calendars: kept, published, turned day by day, not deleted while used (CTI-I8)."""

from __future__ import annotations

import datetime

import msgspec
import pytest
from sqlalchemy import select

from admin_web.calendars import months
from core import documents
from core.models import AuditEntry
from ivr import model, service
from ivr.company_calendars import OwnDay
from ivr.models import Calendar
from tests.unit.admin_web.conftest import World

HTMX = {"HX-Request": "true"}


def published(world: World, calendar_id: int) -> documents.CalendarDoc | None:
    data = world.parts.redis.hget(documents.HASH, f"calendar:{calendar_id}")
    return documents.decode(data) if data else None  # type: ignore[arg-type,return-value]


def test_a_calendar_is_made_changed_and_published(world: World) -> None:
    client, tenant = world.client("one", "tenant_admin"), world.ids["one"]["tenants"]
    form = {"name": "Office", "china": "1", "days": "2026-10-09 closed Bridge\n2026-10-11 open"}
    assert client.post("/calendars/new", data=form, headers=HTMX).status_code == 200
    with world.parts.database.transaction(tenant, read_only=True) as session:
        row = session.scalars(select(Calendar).where(Calendar.name == "Office")).one()
    document = published(world, row.id)
    assert document is not None
    assert (document.tenant_id, document.name, document.china) == (tenant, "Office", True)
    assert document.days == {"2026-10-09": False, "2026-10-11": True}
    shown = client.get(f"/calendars/{row.id}", headers=HTMX).get_data(as_text=True)
    assert "2026-10-09" in shown
    assert "Bridge" in shown
    again = client.post("/calendars/new", data=form, headers=HTMX)
    assert again.status_code == 422
    bad = client.post(f"/calendars/{row.id}", data={**form, "days": "someday"}, headers=HTMX)
    assert bad.status_code == 422
    assert "someday" in bad.get_data(as_text=True)
    form["days"], form["name"] = "", "Plain"
    del form["china"]
    assert client.post(f"/calendars/{row.id}", data=form, headers=HTMX).status_code == 200
    changed = published(world, row.id)
    assert changed is not None
    assert (changed.name, changed.china, changed.days) == ("Plain", False, {})
    assert changed.version > document.version
    with world.parts.database.transaction(tenant, read_only=True) as session:
        lines = [f"{each.module}.{each.action}" for each in session.scalars(select(AuditEntry))]
    assert lines[-2:] == ["flows.calendar-create", "flows.calendar-edit"]


def test_a_click_turns_a_day_and_another_gives_it_back(world: World) -> None:
    client, calendar_id = world.client("one", "tenant_admin"), world.ids["one"]["calendars"]
    address = f"/calendars/{calendar_id}/month"
    page = client.get(f"{address}?month=2026-10").get_data(as_text=True)
    assert page.count('id="zj-day-2026-10-') == 31
    first = client.post(address, data={"date": "2026-10-01"}, headers=HTMX)
    assert first.headers["HX-Trigger"] == "zj:changed"
    document = published(world, calendar_id)
    assert document is not None
    assert document.days == {"2026-10-01": True}
    client.post(address, data={"date": "2026-10-01"}, headers=HTMX)
    document = published(world, calendar_id)
    assert document is not None
    assert document.days == {}
    for wrong in ("", "2026-02-30", "1900-01-01", "9999-12-31"):
        assert client.post(address, data={"date": wrong}, headers=HTMX).status_code == 422
    for odd in ("0000-00", "9999-12", "x", "2026-13"):
        assert client.get(f"{address}?month={odd}").status_code == 200


def test_deletion_is_refused_while_a_flow_asks_it(world: World) -> None:
    client, ids = world.client("one", "tenant_admin"), world.ids["one"]
    rule = {"start": "09:00", "end": "18:00", "calendar": str(ids["calendars"]), "target": "t"}
    flow = {"nodes": [{"type": "time", "code": "t", "name": "Hours", "rules": [rule]}]}
    with world.parts.database.transaction(ids["tenants"]) as session:
        service.create_flow(session, "hours", "Opening hours", None, msgspec.convert(flow, model.Flow))
        session.commit()
    refused = client.post(f"/calendars/{ids['calendars']}/delete", headers=HTMX)
    assert refused.status_code == 409
    assert "Opening hours" in refused.headers["HX-Trigger"].encode().decode("unicode_escape")
    other = world.client("two", "tenant_admin").post(f"/calendars/{world.ids['two']['calendars']}/delete")
    assert other.status_code == 303


def test_another_companys_calendar_does_not_exist(world: World) -> None:
    client, other = world.client("one", "tenant_admin"), world.ids["two"]["calendars"]
    assert client.get(f"/calendars/{other}/month").status_code == 404
    assert client.post(f"/calendars/{other}/month", data={"date": "2026-10-01"}).status_code == 404
    assert client.post(f"/calendars/{other}", data={"name": "Mine"}, headers=HTMX).status_code == 404


def test_a_month_shows_chinas_holidays_and_make_up_days() -> None:
    october = months.weeks(datetime.date(2025, 10, 1), True, [])
    days = {day.date: day for week in october for day in week}
    assert not days[datetime.date(2025, 10, 1)].works
    assert days[datetime.date(2025, 10, 11)].works, "a Saturday worked for the long holiday"
    plain = months.weeks(datetime.date(2025, 10, 1), False, [OwnDay(date="2025-10-02", name="Fair")])
    days = {day.date: day for week in plain for day in week}
    assert days[datetime.date(2025, 10, 1)].works
    assert (days[datetime.date(2025, 10, 2)].own, days[datetime.date(2025, 10, 2)].name) == (True, "Fair")
    assert [len(week) for week in october] == [7] * 5


@pytest.mark.parametrize(("months_on", "expected"), [(1, "2027-01"), (-12, "2025-12"), (0, "2026-12")])
def test_months_follow_each_other(months_on: int, expected: str) -> None:
    assert months.beside(datetime.date(2026, 12, 1), months_on) == expected
