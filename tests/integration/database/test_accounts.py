"""Who may change which account: rights, reach, the last manager, deletion; ledger rows in the names."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from core import account_changes, account_details, account_rules, accounts, passwords, roles
from core.account_rules import (
    GroupAdminStandsError,
    LastManagerError,
    OutsideGroupError,
    OwnAccountError,
    OwnStandingError,
)
from core.database import ALL_TENANTS, Database, TenantSession
from core.errors import CallerFault, NotFound
from core.groups import service as groups
from core.groups.models import QuotaEntry, UserGroup
from core.models import Account, AuditEntry, BuiltInRole, Role, Tenant
from core.permissions import (
    GROUP_ADMIN,
    ROLE_PERMISSIONS,
    Permission,
    Principal,
    TooMuchGivenError,
    encode,
    of_account,
    reach_of,
)

PASSWORD = "Sommer-2026-Regen"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is tested elsewhere and takes its time."""
    monkeypatch.setattr(passwords, "hash_password", lambda password: f"hash of {len(password)} signs")


class Company:
    """A company with a tree of groups, ``north`` with ``north-1`` below it, and ``south``."""

    def __init__(self, session: TenantSession, tenant: Tenant) -> None:
        self.session = session
        self.tenant = tenant
        self.groups = {}
        for name, parent in (("north", None), ("north-1", "north"), ("south", None)):
            group = UserGroup(name=name, parent_id=self.groups.get(parent), quota=1000)
            session.add(group)
            session.flush()
            self.groups[name] = group.id

    def add(
        self, login: str, role: BuiltInRole | Role | None = None, group: str = "", **more: object
    ) -> Account:
        """Add an account as the platform does."""
        made = accounts.create_account(
            self.session,
            login=login,
            name=login.title(),
            role=role,
            password=PASSWORD,
            group_id=self.groups[group] if group else None,
            **more,
        )
        self.session.flush()
        return made

    def given(self, login: str, *permissions: Permission, group: str = "", admin: bool = False) -> Account:
        """Add an account with rights of its own."""
        made = self.add(login, None, group, apply_role=False)
        made.permissions = encode(permissions)
        made.is_group_admin = admin
        self.session.flush()
        return made

    def acts(self, account: Account) -> Principal:
        """Return the account as it would be signed in now."""
        role = None if account.role_id is None else self.session.get_one(Role, account.role_id)
        return Principal(
            account_id=account.id,
            tenant_id=account.tenant_id,
            tenant_code=self.tenant.code,
            tenant_name=self.tenant.name,
            login=account.login,
            name=account.name,
            role_name="",
            built_in_role=None if role is None else role.built_in,
            permissions=of_account(account, role, is_operator=self.tenant.is_operator),
            language="en",
            timezone="UTC",
            session_id=0,
            is_operator=self.tenant.is_operator,
            group_reach=reach_of(account, role, is_operator=self.tenant.is_operator),
        )


@pytest.fixture
def company(database: Database) -> Iterator[Company]:
    """A company on SQLite."""
    with database.transaction(ALL_TENANTS) as session:
        accounts.open_tenant(session, code="acme", name="Acme")
        session.commit()
    with database.transaction(1) as session:
        yield Company(session, session.get_one(Tenant, 1))


def test_acc_4_details_are_checked_and_stored_in_one_form(company: Company) -> None:
    made = company.add(
        " Anna ",
        BuiltInRole.AGENT,
        mobile="138 0013 8000",
        email="Anna@EXAMPLE.com",
        wecom_id="anna.w",
        employee_number="0012",
    )
    assert (made.login, made.mobile, made.email) == ("anna", "+8613800138000", "Anna@example.com")
    wrong = {
        "mobile": ["010-65551234", "10086", "12"],
        "email": ["anna", "anna@", "a b@example.com"],
        "employee_number": ["12a", "1" * 21, "٣"],
        "wecom_id": ["a b", "x" * 65, "名"],
        "code": ["a b", "x" * 33],
        "name": ["", "x" * 101],
    }
    for field, values in wrong.items():
        for value in values:
            with pytest.raises(CallerFault) as caught:
                account_details.cleaned(company.session, 1, {field: value})
            assert caught.value.details["field"] == field, (field, value)


def test_acc_4_codes_run_on_and_are_unique(company: Company) -> None:
    assert [company.add(login).code for login in ("a", "b")] == ["1", "2"]
    company.add("c", code="100")
    company.add("d", code="99999999999999999999")
    assert company.add("e").code == "101"
    with pytest.raises(account_details.CodeTakenError):
        company.add("f", code="100")


def test_acc_4_a_deleted_login_stays_reserved(company: Company) -> None:
    boss = company.acts(company.add("boss", BuiltInRole.TENANT_ADMIN))
    gone = company.add("gone", BuiltInRole.AGENT)
    account_changes.delete_account(company.session, boss, gone)
    with pytest.raises(accounts.LoginReservedError):
        company.add("GONE")
    with pytest.raises(NotFound):
        accounts.account_of(company.session, gone.id)


def test_acc_5_own_permissions_start_from_the_roles(company: Company) -> None:
    boss = company.acts(company.add("boss", BuiltInRole.TENANT_ADMIN))
    agent = company.add("agent", BuiltInRole.AGENT)
    with pytest.raises(account_changes.RoleAppliedError):
        account_changes.set_rights(company.session, boss, agent, [])
    account_changes.edit_account(company.session, boss, agent, {"apply_role": False})
    assert company.acts(agent).permissions == ROLE_PERMISSIONS[BuiltInRole.AGENT]
    account_changes.set_rights(company.session, boss, agent, [Permission.DESK_USE, Permission.SYSTEM_VIEW])
    assert company.acts(agent).permissions == {Permission.DESK_USE}, "what a company cannot have is left out"
    account_changes.edit_account(company.session, boss, agent, {"apply_role": True})
    assert company.acts(agent).permissions == ROLE_PERMISSIONS[BuiltInRole.AGENT]
    account_changes.set_role(company.session, boss, agent, None)
    assert company.acts(agent).permissions == frozenset()
    with pytest.raises(account_changes.RoleNeededError):
        account_changes.edit_account(company.session, boss, agent, {"apply_role": True})


def test_acc_5_nobody_gives_rights_they_do_not_have(company: Company) -> None:
    session = company.session
    company.add("boss", BuiltInRole.TENANT_ADMIN)
    admin_role = accounts.built_in_role(session, 1, BuiltInRole.TENANT_ADMIN)
    clerk = company.acts(company.given("clerk", Permission.ACCOUNTS_VIEW, Permission.ACCOUNTS_EDIT))
    small = company.given("small", Permission.ACCOUNTS_VIEW)
    with pytest.raises(TooMuchGivenError):
        account_changes.set_rights(session, clerk, small, [Permission.AUDIT_VIEW])
    with pytest.raises(TooMuchGivenError), session.begin_nested():
        account_changes.edit_account(session, clerk, small, {"role_id": admin_role.id, "apply_role": True})
    assert small.role_id is None
    with pytest.raises(TooMuchGivenError):
        accounts.create_account(
            session, login="puppet", name="Puppet", role=admin_role, password=PASSWORD, actor=clerk
        )


def test_acc_5_nobody_changes_somebody_with_more_rights(company: Company) -> None:
    session = company.session
    boss = company.add("boss", BuiltInRole.TENANT_ADMIN)
    company.add("second", BuiltInRole.TENANT_ADMIN)
    clerk = company.acts(
        company.given("clerk", Permission.ACCOUNTS_VIEW, Permission.ACCOUNTS_EDIT, Permission.ACCOUNTS_DELETE)
    )
    tried = [
        lambda: accounts.reset_password(session, clerk, boss, PASSWORD + "x"),
        lambda: accounts.set_enabled(session, clerk, boss, False),
        lambda: account_changes.edit_account(session, clerk, boss, {"name": "Clown"}),
        lambda: account_changes.delete_account(session, clerk, boss),
        lambda: account_changes.set_review(session, clerk, boss, True),
        lambda: account_changes.set_role(session, clerk, boss, None),
        lambda: account_changes.sign_out_everywhere(session, clerk, boss),
    ]
    for attempt in tried:
        with pytest.raises(TooMuchGivenError):
            attempt()
    assert (boss.name, boss.enabled, boss.deleted_at) == ("Boss", True, None)


def test_acc_5_one_does_not_change_ones_own_standing(company: Company) -> None:
    session = company.session
    boss = company.add("boss", BuiltInRole.TENANT_ADMIN, "north")
    company.add("second", BuiltInRole.TENANT_ADMIN)
    actor = company.acts(boss)
    with pytest.raises(OwnAccountError):
        accounts.set_enabled(session, actor, boss, False)
    for attempt in (
        lambda: account_changes.delete_account(session, actor, boss),
        lambda: account_changes.set_role(session, actor, boss, None),
        lambda: account_changes.set_group(session, actor, boss, company.groups["south"]),
        lambda: account_changes.set_group_admin(session, actor, boss, True),
        lambda: account_changes.set_review(session, actor, boss, True),
        lambda: account_changes.edit_account(session, actor, boss, {"apply_role": False}),
        lambda: accounts.reset_password(session, actor, boss, PASSWORD + "x"),
    ):
        with pytest.raises(OwnStandingError):
            attempt()
    account_changes.edit_account(session, actor, boss, {"name": "Bossy", "role_id": boss.role_id})
    assert boss.name == "Bossy"


def test_acc_5_the_last_who_can_edit_accounts_stays(company: Company) -> None:
    session = company.session
    boss = company.add("boss", BuiltInRole.TENANT_ADMIN)
    other = company.acts(company.add("other", BuiltInRole.TENANT_ADMIN))
    accounts.set_enabled(session, other, boss, False)
    accounts.set_enabled(session, other, boss, True)
    session.get_one(Account, other.account_id).enabled = False
    for attempt in (
        lambda: accounts.set_enabled(session, other, boss, False),
        lambda: account_changes.delete_account(session, other, boss),
        lambda: account_changes.set_role(session, other, boss, None),
    ):
        with pytest.raises(LastManagerError), session.begin_nested():
            attempt()
    assert boss.enabled
    assert boss.deleted_at is None
    assert boss.role_id is not None


def test_acc_8_a_group_admin_reaches_the_own_group_and_those_below(company: Company) -> None:
    session = company.session
    admin = company.given("admin", group="north", admin=True)
    inside, below = company.given("inside", group="north"), company.given("below", group="north-1")
    outside, loose = company.given("outside", group="south"), company.given("loose")
    actor = company.acts(admin)
    assert actor.permissions == GROUP_ADMIN
    query = account_rules.in_reach(session, actor, select(Account))
    assert set(session.scalars(query)) == {admin, inside, below}
    account_changes.edit_account(session, actor, below, {"name": "Renamed"})
    accounts.set_enabled(session, actor, below, False)
    for stranger in (outside, loose):
        with pytest.raises(NotFound):
            account_changes.edit_account(session, actor, stranger, {"name": "Renamed"})
        with pytest.raises(NotFound):
            accounts.reset_password(session, actor, stranger, PASSWORD)
    for group_id in (company.groups["south"], None):
        with pytest.raises(OutsideGroupError):
            account_changes.set_group(session, actor, inside, group_id)
        with pytest.raises(OutsideGroupError):
            accounts.create_account(
                session, login="new", name="New", role=None, password=PASSWORD, actor=actor, group_id=group_id
            )
    made = accounts.create_account(
        session,
        login="new",
        name="New",
        role=None,
        password=PASSWORD,
        actor=actor,
        group_id=company.groups["north-1"],
    )
    account_changes.set_group_admin(session, actor, made, True)
    assert company.acts(made).group_reach == company.groups["north-1"]


def test_acc_8_a_group_admin_gives_no_rights_that_reach_further(company: Company) -> None:
    session = company.session
    actor = company.acts(company.given("admin", group="north", admin=True))
    member = company.given("member", group="north")
    with pytest.raises(TooMuchGivenError):
        account_changes.set_rights(session, actor, member, [Permission.ACCOUNTS_EDIT])
    clerk = company.given("clerk", Permission.ACCOUNTS_EDIT, group="north")
    with pytest.raises(TooMuchGivenError):
        accounts.reset_password(session, actor, clerk, PASSWORD)


def test_acc_8_a_group_admin_stands_until_unmade(company: Company) -> None:
    session = company.session
    boss = company.acts(company.add("boss", BuiltInRole.TENANT_ADMIN))
    admin = company.given("admin", group="north", admin=True)
    for attempt in (
        lambda: accounts.set_enabled(session, boss, admin, False),
        lambda: account_changes.delete_account(session, boss, admin),
        lambda: account_changes.set_group(session, boss, admin, None),
    ):
        with pytest.raises(GroupAdminStandsError):
            attempt()
    account_changes.set_group_admin(session, boss, admin, False)
    accounts.set_enabled(session, boss, admin, False)
    with pytest.raises(account_changes.GroupNeededError):
        account_changes.set_group_admin(session, boss, company.given("loose"), True)


def test_acc_8_deletion_gives_quota_back_and_restoring_takes_what_is_left(company: Company) -> None:
    session = company.session
    boss = company.acts(company.add("boss", BuiltInRole.TENANT_ADMIN))
    member = company.add("member", BuiltInRole.AGENT, "north-1")
    member.enabled = False
    groups.recharge_account(session, boss, member, 600)
    member.message_used = 100
    account_changes.delete_account(session, boss, member)
    assert (member.message_quota, groups.available(session, member.group_id)) == (100, 900)
    entry = session.scalars(select(QuotaEntry).order_by(QuotaEntry.id.desc())).first()
    assert entry.amount == -500
    assert entry.at >= member.deleted_at
    greedy = company.add("greedy", BuiltInRole.AGENT, "north-1")
    groups.recharge_account(session, boss, greedy, 800)
    account_changes.restore_account(session, boss, member, quota=500)
    assert (member.deleted_at, member.enabled, member.message_quota) == (None, False, 200)
    with pytest.raises(NotFound):
        account_changes.restore_account(session, boss, member)
    actions = [
        row.action for row in session.scalars(select(AuditEntry).where(AuditEntry.object_id == member.id))
    ]
    assert actions[-2:] == ["recharge", "restore"]


def test_acc_8_a_deleted_account_with_more_rights_is_not_restored_by_less(company: Company) -> None:
    session = company.session
    boss = company.acts(company.add("boss", BuiltInRole.TENANT_ADMIN))
    second = company.add("second", BuiltInRole.TENANT_ADMIN)
    account_changes.delete_account(session, boss, second)
    clerk = company.acts(company.given("clerk", Permission.ACCOUNTS_EDIT, Permission.ACCOUNTS_DELETE))
    with pytest.raises(TooMuchGivenError):
        account_changes.restore_account(session, clerk, second)


def test_acc_6_roles_are_made_changed_and_kept_while_used(company: Company) -> None:
    session = company.session
    boss = company.acts(company.add("boss", BuiltInRole.TENANT_ADMIN))
    role = roles.save_role(
        session, boss, None, code="", name=" Clerk ", permissions=[Permission.ACCOUNTS_VIEW]
    )
    assert (role.code, role.name, role.permissions) == ("1", "Clerk", '["accounts.view"]')
    with pytest.raises(roles.RoleTakenError):
        roles.save_role(session, boss, None, code="", name="Clerk", permissions=[])
    with pytest.raises(roles.RoleTakenError):
        roles.save_role(session, boss, None, code="agent", name="Other", permissions=[])
    clerk = company.add("clerk", role)
    with pytest.raises(roles.RoleUsedError) as caught:
        roles.delete_role(session, boss, role)
    assert caught.value.details == {"name": "Clerk", "count": 1, "which": "clerk"}
    account_changes.delete_account(session, boss, clerk)
    roles.delete_role(session, boss, role)
    session.refresh(clerk)
    assert clerk.role_id is None
    assert session.scalar(select(func.count()).select_from(Role).where(Role.name == "Clerk")) == 0


def test_acc_6_nobody_makes_or_changes_a_role_beyond_their_own_rights(company: Company) -> None:
    session = company.session
    boss = company.acts(company.add("boss", BuiltInRole.TENANT_ADMIN))
    strong = roles.save_role(session, boss, None, code="", name="Strong", permissions=[Permission.AUDIT_VIEW])
    clerk = company.acts(company.given("clerk", Permission.ROLES_EDIT, Permission.ACCOUNTS_VIEW))
    for attempt in (
        lambda: roles.save_role(session, clerk, None, code="", name="X", permissions=[Permission.AUDIT_VIEW]),
        lambda: roles.save_role(session, clerk, strong, code="", name="Strong", permissions=[]),
        lambda: roles.delete_role(session, clerk, strong),
    ):
        with pytest.raises(TooMuchGivenError):
            attempt()
    built_in = accounts.built_in_role(session, 1, BuiltInRole.AGENT)
    with pytest.raises(roles.BuiltInRoleError):
        roles.save_role(session, boss, built_in, code="", name="X", permissions=[])
    with pytest.raises(roles.BuiltInRoleError):
        roles.delete_role(session, boss, built_in)


def test_acc_6_ones_own_role_and_the_last_managers_role_stay(company: Company) -> None:
    session = company.session
    boss = company.add("boss", BuiltInRole.TENANT_ADMIN)
    manage = [Permission.ROLES_EDIT, Permission.ACCOUNTS_EDIT]
    role = roles.save_role(session, company.acts(boss), None, code="", name="M", permissions=manage)
    manager = company.acts(company.add("manager", role))
    with pytest.raises(roles.OwnRoleError):
        roles.save_role(session, manager, role, code="", name="M", permissions=[Permission.ROLES_EDIT])
    roles.save_role(session, manager, role, code="", name="Managers", permissions=manage)
    boss.enabled = False
    with pytest.raises(LastManagerError):
        roles.save_role(session, company.acts(boss), role, code="", name="M", permissions=[])


def test_acc_6_of_two_roles_of_one_name_made_at_once_one_is_refused(each_database: Database) -> None:
    with each_database.transaction(ALL_TENANTS) as session:
        tenant = accounts.open_tenant(session, code="acme", name="Acme")
        session.commit()
    with each_database.transaction(tenant.id) as session:
        company = Company(session, session.get_one(Tenant, tenant.id))
        actor = company.acts(company.add("boss", BuiltInRole.TENANT_ADMIN))
        session.commit()

    def make(start: threading.Barrier, code: str, name: str, ended: list[str]) -> None:
        with each_database.transaction(tenant.id) as own:
            start.wait(10)
            try:
                roles.save_role(own, actor, None, code=code, name=name, permissions=[])
                own.commit()
                ended.append("done")
            except (CallerFault, DBAPIError) as error:
                ended.append(type(error).__name__)

    for turn in range(5):
        start, ended = threading.Barrier(2), []
        threads = [
            threading.Thread(target=make, args=(start, f"{turn}{code}", f"Twin {turn}", ended))
            for code in "ab"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(ended) == ["RoleTakenError", "done"]


def test_acc_5_two_administrators_who_disable_each_other_leave_one(each_database: Database) -> None:
    with each_database.transaction(ALL_TENANTS) as session:
        tenant = accounts.open_tenant(session, code="acme", name="Acme")
        session.commit()
    with each_database.transaction(tenant.id) as session:
        company = Company(session, session.get_one(Tenant, tenant.id))
        pair = [company.add(login, BuiltInRole.TENANT_ADMIN) for login in ("left", "right")]
        actors = [company.acts(each) for each in pair]
        ids = [each.id for each in pair]
        session.commit()
    start, refused = threading.Barrier(2), []

    def disable(actor: Principal, other: int) -> None:
        with each_database.transaction(tenant.id) as own:
            start.wait(10)
            try:
                accounts.set_enabled(own, actor, own.get_one(Account, other), False)
                own.commit()
            except (LastManagerError, DBAPIError) as error:
                refused.append(error)

    threads = [
        threading.Thread(target=disable, args=pair) for pair in zip(actors, reversed(ids), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with each_database.transaction(tenant.id, read_only=True) as session:
        enabled = session.scalar(select(func.count()).select_from(Account).where(Account.enabled.is_(True)))
    assert enabled == 1
    assert [type(each) for each in refused] == [LastManagerError]
