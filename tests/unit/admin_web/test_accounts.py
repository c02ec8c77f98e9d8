"""Accounts, roles and deleted accounts through their pages; ledger rows in the names."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, func, select, update

from admin_web.api.models import ApiKey
from core import accounts, documents, passwords
from core.announcements.models import Announcement, AnnouncementTarget
from core.database import ALL_TENANTS
from core.groups.models import UserGroup
from core.models import Account, AuditEntry, BuiltInRole, Role
from core.permissions import Permission, encode
from cti.models import ExtensionAccount, QueueMember
from tests.unit.admin_web.conftest import PASSWORD, World

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def quick_hashes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody has the password of the world's accounts; hashing is tested elsewhere and takes its time."""
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        known = session.scalars(select(Account.password_hash)).first()
    monkeypatch.setattr(passwords, "hash_password", lambda password: known)


def _login(world: World, login: str, company: str = "one") -> FlaskClient:
    client = world.client(company, login)
    client.set_cookie("zj_language", "en")
    return client


def _text(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def _toast(answer: Any) -> str:
    return str(json.loads(answer.headers["HX-Trigger"])["zj:toast"]["text"])


def _account(world: World, login: str, company: str = "one") -> Account:
    with world.parts.database.transaction(world.ids[company]["tenants"], read_only=True) as session:
        return session.scalars(select(Account).where(Account.login == login)).one()


def _role_id(world: World, kind: BuiltInRole, company: str = "one") -> int:
    tenant = world.ids[company]["tenants"]
    with world.parts.database.transaction(tenant, read_only=True) as session:
        return accounts.built_in_role(session, tenant, kind).id


def _group(world: World, name: str, parent: int | None = None, quota: int = 0, company: str = "one") -> int:
    with world.parts.database.transaction(world.ids[company]["tenants"]) as session:
        group = UserGroup(name=name, parent_id=parent, quota=quota)
        session.add(group)
        session.commit()
        return group.id


def _set(world: World, login: str, company: str = "one", **values: Any) -> int:
    with world.parts.database.transaction(world.ids[company]["tenants"]) as session:
        row = session.scalars(select(Account).where(Account.login == login)).one()
        for name, value in values.items():
            setattr(row, name, value)
        session.commit()
        return row.id


def _form(**values: str) -> dict[str, str]:
    base = {
        "login": "nina",
        "name": "Nina",
        "password": PASSWORD + "x",
        "role": "",
        "group": "",
        "supervises": "all",
    }
    return {**base, **values}


def _make(
    world: World, login: str, role: BuiltInRole | None = None, company: str = "one", **more: Any
) -> int:
    with world.parts.database.transaction(world.ids[company]["tenants"]) as session:
        made = accounts.create_account(
            session, login=login, name=login.title(), role=role, password=PASSWORD, **more
        )
        session.commit()
        return made.id


def test_acc_4_a_new_account_is_the_first_of_the_list_with_all_it_has(world: World) -> None:
    client, group = _login(world, "tenant_admin"), _group(world, "North")
    form = _form(
        code="K-7",
        login="Nina",
        employee_number="0012",
        role=str(_role_id(world, BuiltInRole.AGENT)),
        apply_role="1",
        group=str(group),
        mobile="138 0013 8000",
        email="nina@example.com",
        wecom_id="nina.w",
        dingtalk_id="d1",
        welink_id="w1",
        tasks_need_review="1",
    )
    assert client.post("/accounts/new", data=form, headers=HTMX).status_code == 200
    row = _account(world, "nina")
    assert (row.code, row.mobile, row.group_id, row.apply_role) == ("K-7", "+8613800138000", group, True)
    assert (row.wecom_id, row.dingtalk_id, row.welink_id, row.tasks_need_review) == (
        "nina.w",
        "d1",
        "w1",
        True,
    )
    assert row.must_change_password
    first = re.search(r"<tr id=\"zj-row-(\d+)\".*?</tr>", _text(client.get("/accounts")), re.S)
    assert int(first.group(1)) == row.id
    for word in ("K-7", "nina", "Nina", "0012", "Agent", "North", "13800138000", "User", "Enabled", "0 / 0"):
        assert word in first.group(0), word


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("login", "", "This field is needed."),
        ("login", "agent", "The login agent is already used in this company."),
        ("login", "a b", "a b cannot be used"),
        ("name", "", "This field is needed."),
        ("password", "", "This field is needed."),
        ("password", "12345678", "This password is too weak"),
        ("apply_role", "1", "Choose a role first."),
        ("mobile", "010-65551234", "010-65551234 is not a mobile number."),
        ("mobile", "12", "12 is not a telephone number."),
        ("email", "nina@", "nina@ is not an e-mail address."),
        ("employee_number", "12a", "The employee number 12a must be at most 20 digits."),
        ("wecom_id", "a b", "Letters, digits and signs without spaces"),
        ("code", "1", "The code 1 is already used by another account."),
        ("role", "999999", "Choose one of the list."),
        ("group", "999999", "Choose one of the list."),
    ],
)
def test_acc_4_what_is_wrong_is_said_at_its_field(
    world: World, field: str, value: str, sentence: str
) -> None:
    answer = _login(world, "tenant_admin").post("/accounts/new", data=_form(**{field: value}), headers=HTMX)
    page = _text(answer)
    assert answer.status_code == 422
    assert f'id="f-{field}-error">{sentence}' in page
    assert PASSWORD not in page
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 3


def test_acc_4_the_login_is_fixed_and_the_form_can_be_emptied(world: World) -> None:
    client = _login(world, "tenant_admin")
    agent = _account(world, "agent")
    page = _text(client.get(f"/accounts/{agent.id}"))
    assert 'name="login"' not in page
    assert ">Reset</button>" in page
    form = _form(login="other", name="Anew", password="", role=str(agent.role_id), apply_role="1")
    assert client.post(f"/accounts/{agent.id}", data=form, headers=HTMX).status_code == 200
    assert (_account(world, "agent").name, _account(world, "agent").code) == ("Anew", agent.code)


def test_acc_4_the_list_is_filtered_by_every_column_that_matters(world: World) -> None:
    client = _login(world, "tenant_admin")
    north = _group(world, "North")
    below = _group(world, "Below", north)
    _set(world, "agent", group_id=below, mobile="+8613900001111", employee_number="8801", code="Z9")
    _set(world, "supervisor", enabled=False, group_id=north, is_group_admin=True)
    role = _role_id(world, BuiltInRole.AGENT)
    everybody = {"agent", "supervisor", "tenant_admin"}
    wanted = {
        "q=1390000": {"agent"},
        "q=8801": {"agent"},
        "q=Z9": {"agent"},
        "q=super": {"supervisor"},
        "q=%25": set(),
        f"role={role}": {"agent"},
        f"group={north}": {"agent", "supervisor"},
        f"group={below}": {"agent"},
        "group=x": set(),
        "state=disabled": {"supervisor"},
        "state=enabled": everybody - {"supervisor"},
        "type=admin": {"supervisor"},
        "": everybody,
    }
    for query, logins in wanted.items():
        page = _text(client.get(f"/accounts?{query}"))
        rows = re.findall(r'aria-label="More for ([^"]+)"', page)
        assert set(rows) == logins, query


def test_acc_4_ten_thousand_accounts_and_a_thousand_groups_stay_quick(world: World) -> None:
    tenant = world.ids["one"]["tenants"]
    with world.parts.database.transaction(tenant) as session:
        tree = []
        for number in range(1000):
            parent = tree[number // 10 - 1] if number >= 10 else None
            group = UserGroup(name=f"G{number}", parent_id=parent)
            session.add(group)
            if number % 10 == 9 or number < 110:
                session.flush()
            tree.append(group.id)
        session.flush()
        named = select(UserGroup.id).where(UserGroup.name.startswith("G")).order_by(UserGroup.id)
        ids = list(session.scalars(named))
        session.add_all(
            Account(
                tenant_id=tenant,
                code=f"c{number}",
                login=f"user{number}",
                name=f"User {number}",
                group_id=ids[number % len(ids)],
                password_hash="",
            )
            for number in range(10_000)
        )
        session.commit()
    client = _login(world, "tenant_admin")
    client.get("/accounts")
    for query in ("", "q=user99", f"group={tree[0]}", "state=enabled", "before=5000"):
        statements: list[str] = []
        listener = lambda *given, kept=statements: kept.append(given[2])  # noqa: E731
        event.listen(world.parts.database.engine, "before_cursor_execute", listener)
        began = time.perf_counter()
        answer = client.get(f"/accounts?{query}")
        took = time.perf_counter() - began
        event.remove(world.parts.database.engine, "before_cursor_execute", listener)
        assert answer.status_code == 200
        assert _text(answer).count("<tr id=") == 50, query
        reads = [
            text
            for text in statements
            if text.lstrip().upper().startswith("SELECT") and "FROM announcement" not in text
        ]
        # The rows, their roles, the names of their groups, the roles and groups to filter by, a filter's subtree.
        assert len(reads) <= 6, "\n".join(reads)
        assert took < 2, f"{query}: {took:.2f} s"
        print(f"accounts list, 10,000 accounts, ?{query}: {took * 1000:.0f} ms, {len(reads)} reads")


def test_acc_5_permissions_are_edited_one_by_one_unless_the_roles_are_applied(world: World) -> None:
    admin, agent = _login(world, "tenant_admin"), _login(world, "agent")
    row = _account(world, "agent")
    address = f"/accounts/{row.id}/permissions"
    page = _text(admin.get(address))
    assert "permissions are applied to this account" in page
    assert ">Save</button>" not in page
    refused = admin.post(address, data={"permissions": ["audit.view"]}, headers=HTMX)
    assert refused.status_code == 422
    assert agent.get("/log").status_code == 403
    form = _form(name="Agent", password="", role=str(row.role_id))
    assert admin.post(f"/accounts/{row.id}", data=form, headers=HTMX).status_code == 200
    page = _text(admin.get(address))
    assert ">Save</button>" in page
    assert re.search(r'value="desk.use" checked', page), "it starts from the role's"
    assert not re.search(r'value="audit.view" checked', page)
    assert "system.view" not in page, "what a company cannot have is not offered"
    given = admin.post(address, data={"permissions": ["audit.view", "accounts.view"]}, headers=HTMX)
    assert given.status_code == 200
    assert agent.get("/log").status_code == 200, "at once, without signing in again"
    assert agent.get("/customers").status_code == 403
    assert admin.post(address, data={"permissions": ["nonsense"]}, headers=HTMX).status_code == 422
    own = _account(world, "tenant_admin").id
    assert "These are your own permissions" in _text(admin.get(f"/accounts/{own}/permissions"))


def test_acc_5_a_disabled_account_is_out_at_once(world: World) -> None:
    admin, agent = _login(world, "tenant_admin"), _login(world, "agent")
    row = _account(world, "agent")
    assert agent.get("/customers").status_code == 200
    assert "may not sign in" in _toast(admin.post(f"/accounts/{row.id}/disable", headers=HTMX))
    assert agent.get("/customers").status_code == 302
    stored = world.parts.redis.hget(documents.HASH, f"account:{row.id}")
    assert documents.decode(stored).enabled is False
    page = _text(admin.get("/accounts?q=agent"))
    assert re.search(r"accounts/\d+/enable\"[^>]*>Enable</button>", page), (
        "the button names what a click sets"
    )
    admin.post(f"/accounts/{row.id}/enable", headers=HTMX)
    assert _login(world, "agent").get("/customers").status_code == 200
    own = _account(world, "tenant_admin").id
    assert admin.post(f"/accounts/{own}/disable", headers=HTMX).status_code == 409


def test_acc_4_sign_out_everywhere_ends_every_session(world: World) -> None:
    admin, first, second = (_login(world, name) for name in ("tenant_admin", "agent", "agent"))
    row = _account(world, "agent")
    assert admin.post(f"/accounts/{row.id}/sign-out", headers=HTMX).status_code == 200
    assert [each.get("/customers").status_code for each in (first, second)] == [302, 302]
    assert admin.get("/customers").status_code == 200


def test_acc_4_a_new_password_must_be_replaced_and_ends_sessions(world: World) -> None:
    admin, agent = _login(world, "tenant_admin"), _login(world, "agent")
    row = _account(world, "agent")
    form = _form(name="Agent", password="Winter-2027-Schnee", role=str(row.role_id), apply_role="1")
    assert admin.post(f"/accounts/{row.id}", data=form, headers=HTMX).status_code == 200
    assert agent.get("/customers").status_code == 302
    assert _account(world, "agent").must_change_password
    own = _account(world, "tenant_admin")
    form = _form(name="Boss", password="Winter-2027-Schnee", role=str(own.role_id), apply_role="1")
    answer = admin.post(f"/accounts/{own.id}", data=form, headers=HTMX)
    assert 'id="f-password-error">Change your own password' in _text(answer)


def test_acc_4_deleting_names_what_it_touches_and_takes_it_away(world: World) -> None:
    ids, admin = world.ids["one"], _login(world, "tenant_admin")
    group = _group(world, "North", quota=500)
    row_id = _set(world, "agent", group_id=group, message_quota=200, message_used=50)
    with world.parts.database.transaction(ids["tenants"]) as session:
        session.add(ExtensionAccount(extension_id=ids["extensions"], account_id=row_id))
        session.add(QueueMember(queue_id=ids["queues"], extension_id=ids["extensions"]))
        session.add(ApiKey(name="Shop", prefix="zk_1", token_hash="h", account_id=row_id))
        notice = Announcement(title="Hello", body="", author_id=row_id)
        session.add(notice)
        session.flush()
        session.add(AnnouncementTarget(announcement_id=notice.id, account_id=row_id))
        session.commit()
    page = _text(admin.get(f"/accounts/{row_id}/delete"))
    for sentence in (
        "Its login agent stays reserved.",
        "no longer sign in on extension 8001.",
        "no more calls of these queues: Sales.",
        "1 announcement is no longer addressed to it.",
        "API keys it made are switched off: Shop.",
        "150 unused messages go back to North.",
    ):
        assert sentence in page, sentence
    agent = _login(world, "agent")
    assert admin.post(f"/accounts/{row_id}/delete", headers=HTMX).status_code == 200
    assert agent.get("/customers").status_code == 302
    assert (
        world.app.test_client()
        .post("/sign-in", data={"company": "one", "login": "agent", "password": PASSWORD})
        .status_code
        != 302
    )
    with world.parts.database.transaction(ids["tenants"], read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(ExtensionAccount)) == 0
        assert session.scalar(select(func.count()).select_from(AnnouncementTarget)) == 0
        assert session.scalar(select(ApiKey.enabled)) is False
        assert session.scalar(select(Account.message_quota).where(Account.id == row_id)) == 50
    stored = world.parts.redis.hget(documents.HASH, f"extension:{ids['extensions']}")
    assert documents.decode(stored).account_ids == ()
    assert documents.decode(world.parts.redis.hget(documents.HASH, f"account:{row_id}")).enabled is False
    assert ">agent<" not in _text(admin.get("/accounts"))
    for address in ("", "/permissions", "/recharge", "/delete"):
        assert admin.get(f"/accounts/{row_id}{address}").status_code == 404, address
    taken = admin.post("/accounts/new", data=_form(login="agent"), headers=HTMX)
    assert "The login agent is reserved" in _text(taken)


def test_acc_8_a_deleted_account_is_searched_and_restored(world: World) -> None:
    admin, group = _login(world, "tenant_admin"), _group(world, "North", quota=500)
    row_id = _set(world, "agent", group_id=group, message_quota=200, message_used=50)
    assert admin.post(f"/accounts/{row_id}/delete", headers=HTMX).status_code == 200
    page = _text(admin.get("/deleted-accounts?q=agent"))
    assert ">agent<" in page.replace("\n", "")
    assert "tenant_admin" in page, "who deleted it"
    assert ">agent<" not in _text(admin.get("/deleted-accounts?q=nobody"))
    assert "It gets 150 of its 150 unused messages back." in _text(
        admin.get(f"/deleted-accounts/{row_id}/restore")
    )
    assert admin.post(f"/deleted-accounts/{row_id}/restore", headers=HTMX).status_code == 200
    row = _account(world, "agent")
    assert (row.deleted_at, row.message_quota, row.enabled) == (None, 200, True)
    assert _login(world, "agent").get("/customers").status_code == 200
    assert admin.post(f"/deleted-accounts/{row_id}/restore", headers=HTMX).status_code == 404
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        actions = set(session.scalars(select(AuditEntry.action).where(AuditEntry.object_id == row_id)))
    assert {"delete", "restore"} <= actions


def test_acc_8_group_admins_are_made_and_stand_until_unmade(world: World) -> None:
    admin = _login(world, "tenant_admin")
    row_id = _account(world, "agent").id
    address = f"/accounts/{row_id}"
    assert admin.post(f"{address}/make-group-admin", headers=HTMX).status_code == 409, "it is in no group"
    _set(world, "agent", group_id=_group(world, "North"))
    page = _text(admin.get("/accounts?q=agent"))
    assert ">Make group administrator</button>" in page
    assert admin.post(f"{address}/make-group-admin", headers=HTMX).status_code == 200
    page = _text(admin.get("/accounts?q=agent"))
    assert ">Unmake group administrator</button>" in page
    assert ">Disable</button>" not in page.split("<tbody>")[1]
    for action in ("disable", "delete"):
        assert admin.post(f"/accounts/{row_id}/{action}", headers=HTMX).status_code in (409, 422)
    assert _account(world, "agent").enabled
    assert admin.post(f"{address}/unmake-group-admin", headers=HTMX).status_code == 200
    assert admin.post(f"{address}/disable", headers=HTMX).status_code == 200


def test_acc_8_trust_is_switched_by_a_button_that_names_what_it_sets(world: World) -> None:
    admin, row_id = _login(world, "tenant_admin"), _account(world, "agent").id
    assert ">Set to review</button>" in _text(admin.get("/accounts?q=agent"))
    assert "wait for approval" in _toast(admin.post(f"/accounts/{row_id}/review", headers=HTMX))
    assert ">Set to trust</button>" in _text(admin.get("/accounts?q=agent"))
    assert _account(world, "agent").tasks_need_review


def _stamp(page: str) -> str:
    return re.search(r'name="stamp" value="(\w+)"', page)[1]


def test_acc_5_a_form_from_before_does_not_give_a_role_back(world: World) -> None:
    admin, row_id = _login(world, "tenant_admin"), _account(world, "agent").id
    supervisor, agent = (_role_id(world, kind) for kind in (BuiltInRole.SUPERVISOR, BuiltInRole.AGENT))
    _set(world, "agent", role_id=supervisor)
    opened = _stamp(_text(admin.get(f"/accounts/{row_id}")))
    _set(world, "agent", role_id=agent)
    form = _form(name="Ann", role=str(supervisor), apply_role="1", stamp=opened)
    refused = admin.post(f"/accounts/{row_id}", data=form, headers=HTMX)
    assert refused.status_code == 422
    assert "Somebody else changed this" in _text(refused)
    assert _account(world, "agent").role_id == agent
    again = form | {"stamp": _stamp(_text(refused))}
    assert admin.post(f"/accounts/{row_id}", data=again, headers=HTMX).status_code == 200, "on purpose"
    assert (_account(world, "agent").name, _account(world, "agent").role_id) == ("Ann", supervisor)


def test_acc_5_permissions_edited_meanwhile_are_not_given_back(world: World) -> None:
    admin, row_id = _login(world, "tenant_admin"), _account(world, "agent").id
    both, one = encode([Permission.DESK_USE, Permission.AUDIT_VIEW]), encode([Permission.DESK_USE])
    _set(world, "agent", apply_role=False, permissions=both)
    opened = _stamp(_text(admin.get(f"/accounts/{row_id}/permissions")))
    _set(world, "agent", permissions=one)
    form = {"permissions": ["desk.use", "audit.view", "records.own"], "stamp": opened}
    refused = admin.post(f"/accounts/{row_id}/permissions", data=form, headers=HTMX)
    assert refused.status_code == 422
    assert _account(world, "agent").permissions == one
    form["stamp"] = _stamp(_text(refused))
    assert admin.post(f"/accounts/{row_id}/permissions", data=form, headers=HTMX).status_code == 200


def test_acc_6_a_roles_form_from_before_does_not_give_rights_back(world: World) -> None:
    admin = _login(world, "tenant_admin")
    role = {"name": "Clerk", "code": "clerk", "permissions": ["audit.view", "records.view"]}
    admin.post("/roles/new", data=role, headers=HTMX)
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        row = session.scalars(select(Role).where(Role.code == "clerk")).one()
        opened = _stamp(_text(admin.get(f"/roles/{row.id}")))
        row.permissions = encode([Permission.RECORDS_VIEW])
        session.commit()
    answer = admin.post(f"/roles/{row.id}", data={**role, "name": "Clerks", "stamp": opened}, headers=HTMX)
    assert answer.status_code == 422
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        assert session.get_one(Role, row.id).permissions == encode([Permission.RECORDS_VIEW])


@pytest.mark.parametrize(
    ("action", "undone"),
    [
        ("disable", {"enabled": True}),
        ("enable", {"enabled": False}),
        ("review", {"tasks_need_review": False}),
        ("trust", {"tasks_need_review": True}),
        ("make-group-admin", {"is_group_admin": False}),
        ("unmake-group-admin", {"is_group_admin": True}),
    ],
)
def test_acc_8_a_button_on_a_page_from_before_does_not_undo_what_somebody_else_did(
    world: World, action: str, undone: dict[str, bool]
) -> None:
    admin = _login(world, "tenant_admin")
    row_id = _set(world, "agent", group_id=_group(world, "North"), **undone)
    answers = [admin.post(f"/accounts/{row_id}/{action}", headers=HTMX).status_code for _ in range(2)]
    assert answers == [200, 409]
    assert {name: getattr(_account(world, "agent"), name) for name in undone} != undone


def test_acc_8_messages_are_not_taken_from_who_is_above(world: World) -> None:
    group = _group(world, "North", quota=500)
    _set(world, "agent", group_id=group, is_group_admin=True)
    chief = _set(world, "tenant_admin", group_id=group, message_quota=100)
    client = _login(world, "agent")
    answer = client.post(f"/accounts/{chief}/recharge", data={"amount": "-100"}, headers=HTMX)
    assert answer.status_code == 403, "what the page does not offer is not done"
    assert _account(world, "tenant_admin").message_quota == 100


def test_acc_8_recharge_says_what_the_group_has_left(world: World) -> None:
    admin, group = _login(world, "tenant_admin"), _group(world, "North", quota=500)
    row_id = _set(world, "agent", group_id=group)
    address = f"/accounts/{row_id}/recharge"
    assert "North has 500 messages left to give." in _text(admin.get(address))
    assert admin.post(address, data={"amount": "300", "note": "May"}, headers=HTMX).status_code == 200
    assert _account(world, "agent").message_quota == 300
    refused = admin.post(address, data={"amount": "201", "note": ""}, headers=HTMX)
    assert refused.status_code == 422
    assert "North has only 200 messages left" in _text(refused)
    for amount in ("", "x", "1.5", "-", "0", "99999999999"):
        assert admin.post(address, data={"amount": amount}, headers=HTMX).status_code == 422, amount
    assert admin.post(address, data={"amount": "-100"}, headers=HTMX).status_code == 200
    assert _account(world, "agent").message_quota == 200


def test_acc_8_a_group_admin_sees_and_changes_the_own_group_only(world: World) -> None:
    north, south = _group(world, "North"), _group(world, "South")
    below = _group(world, "Below", north)
    _set(world, "agent", group_id=north, is_group_admin=True)
    member = _make(world, "member", None, group_id=below)
    stranger = _make(world, "stranger", None, group_id=south)
    client = _login(world, "agent")
    page = _text(client.get("/accounts"))
    assert set(re.findall(r'aria-label="More for ([^"]+)"', page)) == {"agent", "Member"}
    assert "South" not in page
    actions = ("", "/enable", "/disable", "/delete", "/recharge", "/review", "/trust", "/make-group-admin")
    actions += ("/unmake-group-admin", "/sign-out", "/permissions")
    for action in actions:
        answer = client.post(f"/accounts/{stranger}{action}", data=_form(amount="1"), headers=HTMX)
        assert answer.status_code == 404, action
    answer = client.post(f"/accounts/{member}", data=_form(group=str(south)), headers=HTMX)
    assert 'id="f-group-error">Choose one of the list.' in _text(answer)
    answer = client.post("/accounts/new", data=_form(login="free"), headers=HTMX)
    assert 'id="f-group-error">Choose your own group' in _text(answer)
    form = _form(login="fine", group=str(below), role=str(_role_id(world, BuiltInRole.AGENT)), apply_role="1")
    assert client.post("/accounts/new", data=form, headers=HTMX).status_code == 200
    boss_role = str(_role_id(world, BuiltInRole.TENANT_ADMIN))
    answer = client.post("/accounts/new", data={**form, "login": "boss", "role": boss_role}, headers=HTMX)
    assert answer.status_code == 422
    assert "rights you do not have yourself" in _text(answer)
    batch = client.post("/accounts/batch/disable", data={"ids": [member, stranger]}, headers=HTMX)
    assert "This does not exist" in _text(batch)
    assert not _account(world, "member").enabled
    assert _account(world, "stranger").enabled


def test_acc_12_another_companys_accounts_groups_and_roles_do_not_exist(world: World) -> None:
    admin, other = _login(world, "tenant_admin"), world.ids["two"]
    group = _group(world, "Theirs", company="two")
    role = _role_id(world, BuiltInRole.AGENT, "two")
    agent = _account(world, "agent")
    for field, value in (("group", group), ("role", role)):
        answer = admin.post(f"/accounts/{agent.id}", data=_form(**{field: str(value)}), headers=HTMX)
        assert f'id="f-{field}-error">Choose one of the list.' in _text(answer)
        answer = admin.post(f"/accounts/batch/{field}", data={"ids": agent.id, field: value}, headers=HTMX)
        assert answer.status_code == 422
    answer = admin.post("/accounts/batch/delete", data={"ids": [other["accounts"]]}, headers=HTMX)
    assert "This does not exist" in _text(answer)
    assert _account(world, "agent", "two").deleted_at is None
    for address in (
        f"/roles/{role}",
        f"/roles/{role}/delete",
        f"/deleted-accounts/{other['accounts']}/restore",
    ):
        assert admin.post(address, data={"name": "X"}, headers=HTMX).status_code == 404, address
    assert admin.get(f"/roles/new?after={role}").status_code == 404
    assert admin.get(f"/accounts/batch/delete?ids={other['accounts']}").status_code == 200


def test_acc_4_batches_do_what_they_can_and_say_why_not(world: World) -> None:
    admin, group = _login(world, "tenant_admin"), _group(world, "North")
    own, agent = _account(world, "tenant_admin").id, _account(world, "agent").id
    manager = _set(world, "supervisor", group_id=group, is_group_admin=True)
    ids = [own, agent, manager]
    page = _text(admin.get(f"/accounts/batch/disable?ids={own}&ids={agent}"))
    assert "2 rows are ticked" in page
    answer = _text(admin.post("/accounts/batch/disable", data={"ids": ids}, headers=HTMX))
    assert "1 row done." in answer
    assert "You cannot disable the account you are signed in with." in answer
    assert "supervisor administers a group." in answer
    assert [_account(world, name).enabled for name in ("tenant_admin", "agent", "supervisor")] == [
        True,
        False,
        True,
    ]
    assert admin.post("/accounts/batch/enable", data={"ids": agent}, headers=HTMX).status_code == 200
    admin.post("/accounts/batch/group", data={"ids": [agent], "group": str(group)}, headers=HTMX)
    role = _role_id(world, BuiltInRole.SUPERVISOR)
    admin.post("/accounts/batch/role", data={"ids": [agent], "role": str(role)}, headers=HTMX)
    row = _account(world, "agent")
    assert (row.enabled, row.group_id, row.role_id) == (True, group, role)
    admin.post("/accounts/batch/delete", data={"ids": [agent, own]}, headers=HTMX)
    assert _account(world, "agent").deleted_at is not None
    assert _account(world, "tenant_admin").deleted_at is None
    for ids in ([], ["x"], list(range(1, 600))):
        assert admin.post("/accounts/batch/enable", data={"ids": ids}, headers=HTMX).status_code == 422


def test_acc_5_who_has_less_changes_nobody_who_has_more(world: World) -> None:
    rights = encode([Permission.ACCOUNTS_VIEW, Permission.ACCOUNTS_EDIT, Permission.ROLES_EDIT])
    _set(world, "supervisor", apply_role=False, permissions=rights)
    client, admin = _login(world, "supervisor"), _account(world, "tenant_admin")
    row = re.search(rf'<tr id="zj-row-{admin.id}".*?</tr>', _text(client.get("/accounts")), re.S).group(0)
    assert ">View</button>" in row
    assert "/disable" not in row
    form = _form(name="Clown", password="Winter-2027-Schnee", role=str(admin.role_id), apply_role="1")
    answer = client.post(f"/accounts/{admin.id}", data=form, headers=HTMX)
    assert answer.status_code == 422
    assert "rights you do not have" in _text(answer)
    assert client.post(f"/accounts/{admin.id}/disable", headers=HTMX).status_code == 403
    role = {"name": "Strong", "permissions": ["audit.view"]}
    assert client.post("/roles/new", data=role, headers=HTMX).status_code == 422
    after = _account(world, "tenant_admin")
    assert (after.name, after.enabled, after.session_epoch) == (admin.name, True, admin.session_epoch)


def test_acc_6_roles_are_made_copied_changed_at_once_and_kept_while_used(world: World) -> None:
    admin = _login(world, "tenant_admin")
    page = _text(admin.get("/roles"))
    for word in ("Administrator", "Supervisor", "Agent", "Built-in"):
        assert word in page
    form = {"name": "Clerk", "permissions": ["customers.view", "audit.view"]}
    assert admin.post("/roles/new", data=form, headers=HTMX).status_code == 200
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        role = session.scalars(select(Role).where(Role.name == "Clerk")).one()
    agent = _account(world, "agent")
    data = _form(name="Agent", password="", role=str(role.id), apply_role="1")
    assert admin.post(f"/accounts/{agent.id}", data=data, headers=HTMX).status_code == 200
    client = _login(world, "agent")
    assert client.get("/log").status_code == 200
    changed = {"name": "Clerk", "permissions": ["customers.view"]}
    assert admin.post(f"/roles/{role.id}", data=changed, headers=HTMX).status_code == 200
    assert client.get("/log").status_code == 403, "at once"
    assert client.get("/customers").status_code == 200
    refused = admin.post(f"/roles/{role.id}/delete", headers=HTMX)
    assert refused.status_code == 409
    assert "1 accounts have it (agent)" in _toast(refused)
    built_in = _role_id(world, BuiltInRole.AGENT)
    assert ">Save</button>" not in _text(admin.get(f"/roles/{built_in}"))
    assert admin.post(f"/roles/{built_in}", data=changed, headers=HTMX).status_code == 422
    assert admin.post(f"/roles/{built_in}/delete", headers=HTMX).status_code == 403
    copy = _text(admin.get(f"/roles/new?after={built_in}"))
    assert 'value="Agent (copy)"' in copy
    assert re.search(r'value="desk.use" checked', copy)
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        session.execute(update(Account).where(Account.id == agent.id).values(role_id=built_in))
        session.commit()
    assert admin.post(f"/roles/{role.id}/delete", headers=HTMX).status_code == 200


def test_acc_6_the_operators_company_has_rights_of_its_own_to_give(world: World) -> None:
    client = _login(world, "operator", "platform")
    page = _text(client.get("/roles/new"))
    assert 'value="tenants.edit"' in page
    assert 'value="desk.use"' not in page
    form = {"name": "Helpdesk", "permissions": ["tenants.view", "desk.use"]}
    assert client.post("/roles/new", data=form, headers=HTMX).status_code == 422
    assert (
        client.post("/roles/new", data={**form, "permissions": "tenants.view"}, headers=HTMX).status_code
        == 200
    )
    tenant = _text(_login(world, "tenant_admin").get("/roles/new"))
    assert 'value="tenants.edit"' not in tenant
