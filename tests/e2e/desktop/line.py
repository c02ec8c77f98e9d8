"""A line to the outside for the demo company: a trunk, a number to show, agents who may call out; and who answers."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any, Protocol

from sqlalchemy import select

from admin_web.api import keys
from admin_web.api.scopes import ApiScope
from core import keys as keys_of
from core.database import ALL_TENANTS, Database
from core.models import Account, Role, Tenant
from core.permissions import Principal, of_account
from core.settings import load
from cti.models import Extension, TenantNumber, Trunk
from cti.publishing import publish
from switchsim.control import Control
from tests.e2e.desktop.stack import COMPANY, Stack
from tests.support import clock
from tests.support.carrier import Carrier

SHOWN = "+861012345678"


class Outside(Protocol):
    """Telephones on the other side of the trunk."""

    address: tuple[str, int]

    def called(self, number: str) -> str:
        """Wait until a telephone is called by a call of ours and has answered; returns its leg."""

    def up(self, leg: str) -> bool:
        """Return whether the leg is up."""

    def hang_up(self, leg: str) -> None:
        """End it there."""

    def stop(self) -> None:
        """Put everything away."""


def _wait(what: Any, why: str, timeout_s: float = 20) -> Any:
    deadline = clock.now_s() + timeout_s
    while clock.now_s() < deadline:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError(why)


class RealOutside:
    """A second FreeSWITCH, which answers every call with a tone of 440 Hz."""

    def __init__(self, stack: Stack) -> None:
        self._carrier = Carrier(stack.home.parent, user="nobody", password="nobody")
        self.address = ("127.0.0.1", self._carrier.sip)

    def called(self, number: str) -> str:
        return str(_wait(lambda: self._leg(number), f"{number} was not called"))

    def _leg(self, number: str) -> str:
        rows = json.loads(self._carrier.api("show channels as json")).get("rows", [])
        found = [row for row in rows if row["dest"] == number and row["callstate"] == "ACTIVE"]
        return found[0]["uuid"] if found else ""

    def up(self, leg: str) -> bool:
        return self._carrier.alive(leg)

    def hang_up(self, leg: str) -> None:
        self._carrier.api(f"uuid_kill {leg}")

    def stop(self) -> None:
        self._carrier.stop()


class SimulatedOutside:
    """The simulator's own far ends."""

    address = ("127.0.0.1", 5060)

    def __init__(self, stack: Stack) -> None:
        self._control = Control(stack.control_port)
        self._control.behaviour("*", ring_after_s=0.05)

    def called(self, number: str) -> str:
        leg = str(_wait(lambda: self._leg(number), f"{number} was not called"))
        self._control.answer(uuid=leg)
        return leg

    def _leg(self, number: str) -> str:
        legs = self._control.request("list")["legs"]
        return next((leg["uuid"] for leg in legs if leg["to"] == number and leg["ringing"]), "")

    def up(self, leg: str) -> bool:
        return any(each["uuid"] == leg for each in self._control.request("list")["legs"])

    def hang_up(self, leg: str) -> None:
        self._control.hangup(uuid=leg)

    def stop(self) -> None:
        self._control.close()


def make_outside(stack: Stack) -> Outside:
    """Return the outside of the stack's switch."""
    return SimulatedOutside(stack) if stack.switch == "switchsim" else RealOutside(stack)


def open_line(stack: Stack, address: tuple[str, int]) -> str:
    """Give the demo company a trunk to `address` and its agents the right to use it; returns a program's key."""
    database = Database.from_settings(load(stack.environment))
    redis = stack.redis()
    try:
        with database.transaction(ALL_TENANTS) as session:
            tenant = session.scalars(select(Tenant).where(Tenant.code == COMPANY)).one()
            trunk = Trunk(code="carrier1", name="Carrier", host=address[0], port=address[1])
            session.add(trunk)
            session.flush()
            tenant.outbound_trunk_id = trunk.id
            session.add(TenantNumber(tenant_id=tenant.id, number=SHOWN, trunk_id=trunk.id))
            extensions = session.scalars(select(Extension).where(Extension.tenant_id == tenant.id)).all()
            for each in extensions:
                each.outbound_allowed, each.caller_id = True, SHOWN
            publish(session, redis, tenant, trunk, *extensions)
            session.commit()
            tenant_id = tenant.id
        with database.transaction(tenant_id) as session:
            made = keys.make(
                session, _supervisor(session, tenant_id), name="CRM", wanted=[ApiScope.CALLS_MAKE],
                days=30, per_minute=600,
            )  # fmt: skip
            token = made.token
            session.commit()
    finally:
        redis.close()
        database.dispose()
    _wait(lambda: _trunk_ready(stack), "the switch does not know the trunk")
    return token


def _supervisor(session: Any, tenant_id: int) -> Principal:
    account = session.scalars(select(Account).where(Account.login == "supervisor")).one()
    role = session.get(Role, account.role_id)
    return Principal(
        account_id=account.id, tenant_id=tenant_id, tenant_code=COMPANY, tenant_name=COMPANY, login=account.login,
        name=account.name, role_name="", built_in_role=role.built_in,
        permissions=of_account(account, role, is_operator=False), language="zh", timezone="Asia/Shanghai",
        session_id=0,
    )  # fmt: skip


def _trunk_ready(stack: Stack) -> bool:
    client = stack.redis()
    try:
        standings = client.hvals(keys_of.trunks("cell1"))
        return any(json.loads(each)["state"] == "ready" for each in standings)
    finally:
        client.close()


def ask(stack: Stack, token: str, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    """Send a program's request; returns status and body."""
    request = urllib.request.Request(
        f"{stack.url}/api/v1{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")
