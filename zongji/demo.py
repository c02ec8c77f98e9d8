"""The demo tenant: everything a first call needs, and a way to place one without a phone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import select

from core import accounts, phone
from core import redis as redis_clients
from core.crypto import Vault
from core.database import ALL_TENANTS, Database, TenantSession
from core.documents import DestinationKind
from core.errors import ZongjiError
from core.i18n import gettext as _
from core.models import Account, BuiltInRole, Tenant
from core.redis import RedisError
from core.settings import Settings
from crm.models import Customer
from cti import demo_call
from cti.desk.models import BreakReason, Disposition
from cti.endpoints import open_extension
from cti.models import InboundRoute, Queue, QueueMember, TenantNumber
from cti.publishing import count_change
from ivr.models import Flow, FlowVersion

COMPANY: Final = "demo"
PASSWORD: Final = "zongji-demo"  # noqa: S105 - published on purpose, for the demo tenant alone
NUMBER: Final = "4008001000"
"""What callers dial to reach the demo's route."""

PEOPLE: Final = (
    ("admin", "管理员 Admin", BuiltInRole.TENANT_ADMIN, "1000"),
    ("supervisor", "李班长 Li", BuiltInRole.SUPERVISOR, "1001"),
    ("agent1", "王芳 Wang", BuiltInRole.AGENT, "1011"),
    ("agent2", "张伟 Zhang", BuiltInRole.AGENT, "1012"),
    ("agent3", "刘洋 Liu", BuiltInRole.AGENT, "1013"),
)
_EXTENSIONS: Final = (("8001", "agent1"), ("8002", "agent2"), ("8003", "agent3"), ("8000", "supervisor"))
_CUSTOMERS: Final = (
    ("陈静", "13800138000", "北京晨光贸易有限公司"),
    ("赵磊", "13900139000", "上海海云科技有限公司"),
    ("周敏", "010-65551234", "北京和平门诊部"),
    ("Anna Smith", "+442079460123", "Smith & Sons Ltd"),
)
_REASONS: Final = ("午餐 Lunch", "培训 Training")
_DISPOSITIONS: Final = (("已解决 Solved", False), ("需跟进 Follow up", True), ("无效来电 Not for us", False))

LOGINS: Final = tuple(f"{COMPANY}  {login}  {PASSWORD}" for login, *_rest in PEOPLE)
"""Company, account and password of each demo account, a line each."""


def seed(settings: Settings) -> bool:
    """Create the operator's account, and the demo tenant when there is no tenant yet.

    Returns whether the demo tenant was created. The operator's generated password is printed, this once.
    Redis is not needed: the shipper publishes what is new.
    """
    database = Database.from_settings(settings)
    try:
        with database.transaction(ALL_TENANTS) as session:
            password = accounts.ensure_operator(session)
            empty = session.scalar(select(Tenant.id).where(Tenant.is_operator.is_(False)).limit(1)) is None
            created = settings.demo and empty
            if created:
                tenant = accounts.open_tenant(session, code=COMPANY, name="示范公司 Demo")
                tenant.voices_need_review = False  # whoever tries it out is also the operator
                session.flush()
                session.expunge_all()
                session.set_scope(tenant.id)
                _fill(session, Vault.from_settings(settings), settings.sip_domain)
            session.commit()
    finally:
        database.dispose()
    if password is not None:
        print(_("The platform's operator (company, account, password; shown this once):"))
        print(f"  operator  operator  {password}")
    return created


def place_call(settings: Settings, *, to: str, caller: str, keys: Sequence[tuple[float, str]]) -> str:
    """Place a test call into the route of `to` (empty: the demo's) and return a sentence about it.

    `caller` is what the called side sees (empty: a demo customer); `keys` are pressed at seconds after the
    answer. Exits with a sentence when the number is none, or the telephone system refuses or is not running.
    """
    database = Database.from_settings(settings)
    try:
        with database.transaction(ALL_TENANTS, read_only=True) as session:
            placed = demo_call.place(
                session,
                redis_clients.from_settings(settings),
                settings.cell,
                number=to or NUMBER,
                caller=caller or _CUSTOMERS[0][1],
                keys=keys,
            )
    except ZongjiError as error:
        sys.exit(error.text())
    except RedisError:
        sys.exit(_("Redis does not answer; is Zongji running?"))
    finally:
        database.dispose()
    return _(
        "A call from %(caller)s to %(number)s is on its way.",
        caller=phone.display(placed.caller),
        number=phone.display(placed.number),
    )


def _fill(session: TenantSession, vault: Vault, domain: str) -> None:
    """Make accounts, queues, extensions, flow, route and customers of the tenant in the session's scope."""
    people = {
        login: accounts.create_account(
            session,
            login=login,
            name=name,
            role=role,
            password=PASSWORD,
            employee_number=number,
            strong=False,
        )
        for login, name, role, number in PEOPLE
    }
    sales = Queue(code="sales", name="销售 Sales")
    support = Queue(code="support", name="客服 Support", wrap_up_s=10)
    session.add_all([sales, support])
    session.flush()
    extensions = [
        open_extension(session, vault, domain, number=number, account=people[login])
        for number, login in _EXTENSIONS
    ]
    # Each queue has two extensions and they share one, so that either can be tried with a single agent signed
    # in.
    members = (
        (sales, extensions[0]),
        (sales, extensions[1]),
        (support, extensions[0]),
        (support, extensions[2]),
    )
    session.add_all(QueueMember(queue_id=queue.id, extension_id=extension.id) for queue, extension in members)
    session.add_all(BreakReason(name=name, position=place) for place, name in enumerate(_REASONS))
    session.add_all(
        Disposition(name=name, digit=str(place), position=place, needs_note=note)
        for place, (name, note) in enumerate(_DISPOSITIONS, start=1)
    )
    flow = _flow(session, sales, support, people["admin"])
    route = InboundRoute(
        code="hotline",
        number=phone.parse(NUMBER).stored,
        concurrency=30,
        destination=DestinationKind.FLOW,
        destination_id=flow.id,
        note="示范热线 Demo hotline",
    )
    session.add(route)
    session.add(TenantNumber(number=phone.parse(NUMBER).stored, note="示范热线 Demo hotline"))
    session.add_all(
        Customer(name=name, phone=phone.parse(number).stored, company=company, created_by=people["admin"].id)
        for name, number, company in _CUSTOMERS
    )
    session.flush()
    tenant = session.get_one(Tenant, route.tenant_id)
    count_change(session, tenant, route, sales, support, flow, *extensions, *people.values())


def _flow(session: TenantSession, sales: Queue, support: Queue, author: Account) -> Flow:
    from ivr import model, usage
    from ivr.demo_flow import demo_flow_document

    flow = Flow(code="welcome", name="欢迎 Welcome", updated_by=author.id)
    session.add(flow)
    session.flush()
    body = msgspec.json.encode(demo_flow_document(sales.id, support.id)).decode()
    version = FlowVersion(flow_id=flow.id, version=1, body=body, created_by=author.id)
    version.publish(flow, author.id)
    session.add(version)
    session.flush()
    usage.note(session, flow.id, version.version, model.decode(body))
    return flow
