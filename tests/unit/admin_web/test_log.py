"""The log's page (ACC-10): words, filters, never editable, one company's alone."""

from __future__ import annotations

import datetime

import pytest
from sqlalchemy import delete, select, update

from admin_web.resources import audit
from core import schema
from core.database import ALL_TENANTS
from core.models import AuditEntry
from tests.unit.admin_web.conftest import PASSWORD, World

HTMX = {"HX-Request": "true"}


def test_acc_10_what_changed_can_be_read_in_words(world: World) -> None:
    admin = world.client("one", "tenant_admin")
    form = {"title": "Holiday", "body": "Text", "everybody": "1"}
    admin.post("/announcements/new", data=form, headers=HTMX)
    page = admin.get("/log", headers={"Accept-Language": "en", "Cookie": "zj_language=en"}).get_data(
        as_text=True
    )
    assert "Holiday" in page
    assert "127.0.0.1" in page
    other = world.client("two", "tenant_admin").get("/log").get_data(as_text=True)
    assert "Holiday" not in other


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("since={today}", True),
        ("until={today}", True),
        ("since={tomorrow}", False),
        ("until={yesterday}", False),
        ("module=announcements", True),
        ("module=queues", False),
        ("action=create&object=Holi", True),
        ("action=delete", False),
        ("ip=127.0.0", True),
        ("ip=10.", False),
        ("account=tenant_admin", True),
        ("account=%25", False),
    ],
)
def test_acc_10_filters(world: World, query: str, found: bool) -> None:
    admin = world.client("one", "tenant_admin")
    form = {"title": "Holiday", "body": "Text", "everybody": "1"}
    admin.post("/announcements/new", data=form, headers=HTMX)
    today = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).date()
    days = {
        "today": today,
        "tomorrow": today + datetime.timedelta(1),
        "yesterday": today - datetime.timedelta(1),
    }
    answer = admin.get("/log?" + query.format(**days), headers={**HTMX, "HX-Target": "zj-list"})
    assert answer.status_code == 200
    assert ("Holiday" in answer.get_data(as_text=True)) is found


def test_acc_10_a_day_that_is_none_is_said(world: World) -> None:
    answer = world.client("one", "tenant_admin").get(
        "/log?since=2026-13-01", headers={"Accept": "application/json"}
    )
    assert answer.status_code == 422


def test_acc_10_nobody_changes_a_line(world: World) -> None:
    admin = world.client("one", "tenant_admin")
    assert admin.post("/log/1", data={"object_name": "x"}, headers=HTMX).status_code in (404, 405)
    with world.parts.database.transaction(ALL_TENANTS) as session:
        line = session.scalars(select(AuditEntry).limit(1)).one()
        line.object_name = "x"
        with pytest.raises(PermissionError):
            session.flush()
        session.rollback()
        for statement in (update(AuditEntry).values(object_name="x"), delete(AuditEntry)):
            with pytest.raises(PermissionError):
                session.execute(statement)
            session.rollback()


LOGGED = (
    *(
        "tenant",
        "account",
        "role",
        "user_group",
        "announcement",
        "access_range",
        "api_key",
        "webhook_endpoint",
    ),
    *("cti_trunk", "cti_tenant_number", "cti_queue", "cti_inbound_route", "cti_extension", "cti_caller_rule"),
    *("crm_customer", "ivr_flow"),
)
"""Tables whose rows' changes are logged field by field."""


def test_acc_10_every_field_that_can_change_has_a_word(world: World) -> None:
    tables = schema.load_models().tables
    nameless = [
        f"{name}.{column.name}"
        for name in LOGGED
        for column in tables[name].columns
        if column.name not in {"id", "created_at", "updated_at"} | audit.HIDDEN
        and audit.label_of(name, column.name) == column.name
    ]
    assert nameless == []


def test_acc_10_roles_and_groups_are_named(world: World) -> None:
    admin = world.client("one", "tenant_admin")
    form = {
        "login": "carol",
        "name": "Carol",
        "password": PASSWORD,
        "role": "",
        "supervises": "all",
        "group": world.ids["one"]["groups"],
    }
    answer = admin.post("/accounts/new", data=form, headers=HTMX)
    assert answer.status_code < 300, answer.get_data(as_text=True)
    admin.set_cookie("zj_language", "en")
    page = admin.get("/log?object=Carol").get_data(as_text=True)
    assert "Group: — → North" in page
