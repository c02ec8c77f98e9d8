"""Groups and quotas (ACC-7, ACC-8) on both databases."""

from __future__ import annotations

import dataclasses
import random
import threading

import pytest
from sqlalchemy import func, select

from core import accounts
from core.database import ALL_TENANTS, Database, TenantSession
from core.errors import Conflict, NotFound, ZongjiError
from core.groups import quotas, service, tree
from core.groups.models import QuotaEntry, UserGroup
from core.models import Account, BuiltInRole
from core.permissions import Permission, Principal

PASSWORD = "Tr0mbone-quartet"


def principal(
    tenant_id: int, role: BuiltInRole = BuiltInRole.TENANT_ADMIN, reach: int | None = None
) -> Principal:
    return Principal(
        account_id=1,
        tenant_id=tenant_id,
        tenant_code="acme",
        tenant_name="Acme",
        login="admin",
        name="Admin",
        role_name="",
        built_in_role=role,
        permissions=frozenset(Permission),
        language="en",
        timezone="UTC",
        session_id=1,
        group_reach=reach,
    )


@dataclasses.dataclass
class Company:
    """North (1000) with East below (400, where Alice has 100) and West (0); South (0)."""

    database: Database
    tenant_id: int
    north: int
    east: int
    west: int
    south: int
    alice: int

    @property
    def admin(self) -> Principal:
        return principal(self.tenant_id)

    def reader(self) -> TenantSession:
        return self.database.session(self.tenant_id, read_only=True)

    def figures(self) -> dict[str, tuple[int, int]]:
        """Quota and free messages by group name."""
        with self.database.transaction(self.tenant_id, read_only=True) as session:
            handed_on = quotas.allotted(session)
            return {
                group.name: (group.quota, group.quota - handed_on.get(group.id, 0))
                for group in session.scalars(select(UserGroup))
            }


@pytest.fixture
def company(each_database: Database) -> Company:
    with each_database.transaction(ALL_TENANTS) as session:
        tenant = accounts.open_tenant(session, code="acme", name="Acme")
        accounts.open_tenant(session, code="other", name="Other")
        account = accounts.create_account(
            session,
            login="alice",
            name="Alice",
            role=BuiltInRole.AGENT,
            password=PASSWORD,
            tenant_id=tenant.id,
        )
        session.commit()
    actor = principal(tenant.id)
    with each_database.transaction(tenant.id) as session:
        north = service.create_group(session, actor, "North", None)
        south = service.create_group(session, actor, " South ", None)
        east = service.create_group(session, actor, "East", north.id)
        west = service.create_group(session, actor, "West", north.id)
        service.recharge_group(session, actor, north, 1000, "begin")
        service.recharge_group(session, actor, east, 400, "")
        alice = session.get_one(Account, account.id)
        service.move_account(session, actor, alice, east.id)
        service.recharge_account(session, actor, alice, 100, "")
        session.commit()
    return Company(each_database, tenant.id, north.id, east.id, west.id, south.id, account.id)


def test_acc_7_a_members_quota_comes_out_of_its_groups_and_that_out_of_its_parents(company: Company) -> None:
    assert company.figures() == {"North": (1000, 600), "East": (400, 300), "West": (0, 0), "South": (0, 0)}
    with company.database.transaction(company.tenant_id) as session:
        alice = session.get_one(Account, company.alice)
        with pytest.raises(quotas.NotEnoughError) as short:
            service.recharge_account(session, company.admin, alice, 301, "")
        assert short.value.details == {"name": "East", "free": 300}
        with pytest.raises(quotas.NotEnoughError):
            service.recharge_group(session, company.admin, session.get_one(UserGroup, company.west), 601, "")
        alice.message_used = 30
        session.flush()
        with pytest.raises(quotas.StillInUseError) as used:
            service.recharge_account(session, company.admin, alice, -71, "")
        assert used.value.details["free"] == 70
        service.recharge_account(session, company.admin, alice, -70, "")
        with pytest.raises(quotas.StillInUseError):
            service.recharge_group(session, company.admin, session.get_one(UserGroup, company.east), -371, "")
        service.recharge_group(session, company.admin, session.get_one(UserGroup, company.east), -370, "")
        session.commit()
    assert company.figures()["North"] == (1000, 970)
    assert company.figures()["East"] == (30, 0)


@pytest.mark.parametrize("amount", [0, quotas.MAX_AMOUNT + 1, -quotas.MAX_AMOUNT - 1])
def test_acc_7_amounts_that_mean_nothing_are_refused(company: Company, amount: int) -> None:
    with company.database.transaction(company.tenant_id) as session, pytest.raises(quotas.InvalidAmountError):
        service.recharge_group(session, company.admin, session.get_one(UserGroup, company.north), amount, "")


def test_acc_7_every_change_is_an_entry_and_the_entries_add_up(company: Company) -> None:
    with company.database.transaction(company.tenant_id) as session:
        service.move_group(session, company.admin, session.get_one(UserGroup, company.east), company.south)
        service.move_account(session, company.admin, session.get_one(Account, company.alice), company.west)
        session.commit()
    with company.reader() as session:
        by_group = dict(
            session.execute(
                select(QuotaEntry.group_id, func.sum(QuotaEntry.amount)).group_by(QuotaEntry.group_id)
            ).all()
        )
        groups = session.scalars(select(UserGroup)).all()
        assert {each.id: int(by_group.get(each.id, 0)) for each in groups} == {
            each.id: each.quota for each in groups
        }


def test_acc_7_what_moves_takes_its_quota_along(company: Company) -> None:
    with company.database.transaction(company.tenant_id) as session:
        service.move_account(session, company.admin, session.get_one(Account, company.alice), company.west)
        session.commit()
    assert company.figures() == {"North": (1000, 600), "East": (300, 300), "West": (100, 0), "South": (0, 0)}
    with company.database.transaction(company.tenant_id) as session:
        service.move_group(session, company.admin, session.get_one(UserGroup, company.west), company.south)
        session.commit()
    assert company.figures() == {"North": (900, 600), "East": (300, 300), "West": (100, 0), "South": (100, 0)}
    with company.database.transaction(company.tenant_id) as session:
        service.move_account(session, company.admin, session.get_one(Account, company.alice), None)
        session.commit()
    assert company.figures()["South"] == (0, 0)


def test_acc_7_a_group_is_never_below_itself(company: Company) -> None:
    with company.database.transaction(company.tenant_id) as session:
        north = session.get_one(UserGroup, company.north)
        for below in (company.north, company.east):
            with pytest.raises(service.GroupCycleError):
                service.move_group(session, company.admin, north, below)


def test_acc_7_two_moves_at_once_make_no_ring(company: Company) -> None:
    """North below South and South below North, again and again: never both."""
    for _ in range(5):
        outcome = at_once(
            company,
            lambda session: service.move_group(
                session, company.admin, session.get_one(UserGroup, company.north), company.south
            ),
            lambda session: service.move_group(
                session, company.admin, session.get_one(UserGroup, company.south), company.north
            ),
        )
        assert sorted(outcome) == ["GroupCycleError", "done"]
        with company.reader() as session:
            assert len(list(tree.places(session))) == 4, "every group hangs on a root"
        with company.database.transaction(company.tenant_id) as session:
            for group_id in (company.north, company.south):
                service.move_group(session, company.admin, session.get_one(UserGroup, group_id), None)
            session.commit()


def create(company: Company, name: str, parent: int | None):
    """What makes a group, for :func:`at_once`."""
    return lambda session: service.create_group(session, company.admin, name, parent)


def delete(company: Company, group_id: int):
    """What deletes a group, for :func:`at_once`."""
    return lambda session: service.delete_group(session, company.admin, session.get_one(UserGroup, group_id))


def made(company: Company, name: str) -> int:
    with company.database.transaction(company.tenant_id) as session:
        group = service.create_group(session, company.admin, name, None)
        session.commit()
        return group.id


def test_acc_7_of_two_groups_of_one_name_made_at_once_one_is_refused(company: Company) -> None:
    for turn in range(5):
        for parent in (None, company.west):
            outcome = at_once(company, *2 * [create(company, f"Twin {turn}", parent)])
            assert sorted(outcome) == ["GroupNameTakenError", "done"]


def test_acc_7_a_group_deleted_while_one_is_made_below_it_says_why_not(company: Company) -> None:
    for turn in range(5):
        above = made(company, f"Above {turn}")
        outcome = at_once(company, create(company, "Below", above), delete(company, above))
        assert sorted(outcome) in (["GroupInUseError", "done"], ["NotFound", "done"])


def test_acc_7_a_group_that_goes_while_another_change_waits_is_nothing_to_that_one(company: Company) -> None:
    for turn in range(5):
        going = made(company, f"Going {turn}")
        outcome = at_once(company, delete(company, going), create(company, f"Coming {turn}", None))
        assert outcome == ["done", "done"]


def test_acc_7_names_are_unique_among_siblings(company: Company) -> None:
    with company.database.transaction(company.tenant_id) as session:
        with pytest.raises(service.GroupNameTakenError):
            service.create_group(session, company.admin, "  East ", company.north)
        with pytest.raises(service.GroupNameTakenError):
            service.rename_group(session, company.admin, session.get_one(UserGroup, company.west), "East")
        with pytest.raises(service.GroupNameError):
            service.create_group(session, company.admin, " ", None)
        elsewhere = service.create_group(session, company.admin, "East", company.south)
        with pytest.raises(service.GroupNameTakenError):
            service.move_group(session, company.admin, elsewhere, company.north)


def test_acc_7_a_group_in_use_is_not_deleted_and_says_by_whom(company: Company) -> None:
    with company.database.transaction(company.tenant_id) as session:
        with pytest.raises(service.GroupInUseError) as children:
            service.delete_group(session, company.admin, session.get_one(UserGroup, company.north))
        assert children.value.details["which"] == "East, West"
        with pytest.raises(service.GroupInUseError) as members:
            service.delete_group(session, company.admin, session.get_one(UserGroup, company.east))
        assert members.value.details["which"] == "Alice"


def test_acc_7_a_deleted_members_used_messages_count_above_once_its_group_is_gone(company: Company) -> None:
    with company.database.transaction(company.tenant_id) as session:
        alice = session.get_one(Account, company.alice)
        alice.message_used = 40
        assert service.release_account(session, company.admin, alice) == 60
        alice.deleted_at = alice.created_at
        service.delete_group(session, company.admin, session.get_one(UserGroup, company.east))
        session.commit()
        assert session.get_one(Account, company.alice).group_id == company.north
    assert company.figures()["North"] == (1000, 960)


def test_acc_7_a_task_needs_review_if_its_group_or_its_user_is_set_to_review(company: Company) -> None:
    with company.database.transaction(company.tenant_id) as session:
        alice = session.get_one(Account, company.alice)
        east = session.get_one(UserGroup, company.east)
        seen = {}
        for of_group in (False, True):
            for of_user in (False, True):
                service.set_review(session, company.admin, east, of_group)
                alice.tasks_need_review = of_user
                session.flush()
                seen[of_group, of_user] = service.task_needs_review(session, alice)
        assert seen == {key: any(key) for key in seen}
        service.move_account(session, company.admin, alice, None)
        assert service.task_needs_review(session, alice) is True
        alice.tasks_need_review = False
        assert service.task_needs_review(session, alice) is False


def test_acc_8_a_groups_administrator_reaches_the_own_group_and_below_only(company: Company) -> None:
    actor = principal(company.tenant_id, BuiltInRole.AGENT, reach=company.north)
    with company.database.transaction(company.tenant_id) as session:
        north, south = (session.get_one(UserGroup, each) for each in (company.north, company.south))
        west = session.get_one(UserGroup, company.west)
        service.recharge_group(session, actor, west, 50, "")
        service.recharge_account(session, actor, session.get_one(Account, company.alice), 5, "")
        made = service.create_group(session, actor, "Harbour", company.west)
        service.move_group(session, actor, made, company.east)
        with pytest.raises(quotas.NotYoursToGiveError):
            service.recharge_group(session, actor, north, 1, "")
        for refused in (
            lambda: service.move_group(session, actor, north, company.south),
            lambda: service.delete_group(session, actor, north),
            lambda: service.set_review(session, actor, north, False),
        ):
            with pytest.raises(service.OwnGroupError):
                refused()
        for unseen in (
            lambda: service.recharge_group(session, actor, south, 1, ""),
            lambda: service.rename_group(session, actor, south, "Mine"),
            lambda: service.create_group(session, actor, "Mine", None),
            lambda: service.create_group(session, actor, "Mine", company.south),
            lambda: service.move_group(session, actor, west, company.south),
            lambda: service.move_group(session, actor, west, None),
            lambda: service.move_account(session, actor, session.get_one(Account, company.alice), None),
            lambda: service.delete_group(session, actor, south),
        ):
            with pytest.raises(NotFound):
                unseen()
        assert [text for _, text in service.options(session, company.north)] == [
            "North",
            "\u2003East",
            "\u2003\u2003Harbour",
            "\u2003West",
        ]


def test_acc_7_only_the_administrator_and_the_operator_give_out_of_the_company(company: Company) -> None:
    actor = principal(company.tenant_id, BuiltInRole.SUPERVISOR)
    with company.database.transaction(company.tenant_id) as session:
        south = session.get_one(UserGroup, company.south)
        with pytest.raises(quotas.NotYoursToGiveError):
            service.recharge_group(session, actor, south, 1, "")
        service.recharge_group(session, company.admin, south, 1, "")


def test_acc_12_another_companys_group_does_not_exist(company: Company) -> None:
    with company.database.transaction(company.tenant_id + 1) as session:
        assert service.subtree_ids(session, company.north) == set()
        with pytest.raises(NotFound):
            service.available(session, company.north)
        with pytest.raises(NotFound):
            service.create_group(session, principal(company.tenant_id + 1), "Mine", company.north)


def at_once(company: Company, *tasks) -> list[str]:
    """Run each task in a thread and a transaction of its own, begun together; return how they ended."""
    barrier = threading.Barrier(len(tasks))
    ended: list[str] = []

    def work(task) -> None:
        with company.database.transaction(company.tenant_id) as session:
            barrier.wait(10)
            try:
                task(session)
                session.commit()
                ended.append("done")
            except ZongjiError as error:
                ended.append(type(error).__name__)

    threads = [threading.Thread(target=work, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ended) == len(tasks), "a thread failed otherwise"
    return ended


def test_acc_7_recharges_at_once_never_hand_out_more_than_there_is(company: Company) -> None:
    """Twelve take 40 each out of East's 300: seven get them."""
    with company.database.transaction(ALL_TENANTS) as session:
        for number in range(12):
            made = accounts.create_account(
                session,
                login=f"m{number}",
                name=f"m{number}",
                role=BuiltInRole.AGENT,
                password=PASSWORD,
                tenant_id=company.tenant_id,
            )
            made.group_id = company.east
        session.commit()
    with company.reader() as session:
        ids = session.scalars(select(Account.id).where(Account.login.like("m%"))).all()

    def take(account_id: int):
        return lambda session: service.recharge_account(
            session, company.admin, session.get_one(Account, account_id), 40, ""
        )

    outcome = at_once(company, *[take(each) for each in ids])
    assert sorted(outcome) == ["NotEnoughError"] * 5 + ["done"] * 7
    assert company.figures()["East"] == (400, 20)


def test_acc_7_giving_on_and_taking_back_at_once_leave_nobody_below_zero(company: Company) -> None:
    """A parent takes back what its child hands on at the same time."""
    for _ in range(5):
        at_once(
            company,
            lambda session: service.recharge_group(
                session, company.admin, session.get_one(UserGroup, company.east), -250, ""
            ),
            lambda session: service.recharge_account(
                session, company.admin, session.get_one(Account, company.alice), 250, ""
            ),
        )
        assert min(free for _, free in company.figures().values()) >= 0
        with company.database.transaction(company.tenant_id) as session:
            alice, east = session.get_one(Account, company.alice), session.get_one(UserGroup, company.east)
            if alice.message_quota > 100:
                service.recharge_account(session, company.admin, alice, 100 - alice.message_quota, "")
            if east.quota < 400:
                service.recharge_group(session, company.admin, east, 400 - east.quota, "")
            session.commit()


@pytest.mark.parametrize("seed", range(3))
def test_acc_7_whatever_is_done_no_group_hands_out_more_than_it_has(company: Company, seed: int) -> None:
    chance = random.Random(seed)
    groups = [company.north, company.east, company.west, company.south]
    for _ in range(40):
        with company.database.transaction(company.tenant_id) as session:
            group = session.get_one(UserGroup, chance.choice(groups))
            alice = session.get_one(Account, company.alice)
            try:
                match chance.randrange(4):
                    case 0:
                        service.recharge_group(session, company.admin, group, chance.randint(-500, 500) or 1)
                    case 1:
                        service.recharge_account(session, company.admin, alice, chance.randint(-99, 99) or 1)
                    case 2:
                        service.move_group(session, company.admin, group, chance.choice([*groups, None]))
                    case _:
                        service.move_account(session, company.admin, alice, chance.choice([*groups, None]))
                session.commit()
            except Conflict:
                continue
        figures = company.figures()
        assert min(free for _, free in figures.values()) >= 0, figures
