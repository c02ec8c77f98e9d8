"""Every route, as nobody, as every role, and as another company (ACC-12)."""

from __future__ import annotations

import re

import pytest
from flask import Blueprint

from admin_web.app import create_app
from core.models import BuiltInRole
from core.permissions import ROLE_PERMISSIONS
from core.views import Open, UnclassifiedRouteError, View
from tests.unit.admin_web.conftest import World

STREAM = "/live/stream"


def _routes(world: World):
    """Yield (rule, method, view class) for all but static files."""
    for rule in world.app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        view_class = world.app.view_functions[rule.endpoint].view_class
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield rule, method, view_class


def _address(rule, row_id: int = 999_999) -> str:
    values = dict.fromkeys(rule.arguments, "9" * 8)
    values |= {name: row_id for name in ("row_id", "flow_id", "segment") if name in rule.arguments}
    values |= {name: 1 for name in ("version", "other") if name in rule.arguments}
    address = rule.rule
    for name, value in values.items():
        for form in (f"<{name}>", f"<int:{name}>"):
            address = address.replace(form, str(value))
    return address


def _access(view_class: type[View], method: str):
    return view_class.method_access.get(method, view_class.access)


def test_a_program_without_a_key_is_refused_whatever_its_cookie(world: World) -> None:
    browser, tried = world.client("one", "tenant_admin"), 0
    for rule, method, view_class in _routes(world):
        if view_class.access is not Open.KEY:
            continue
        assert rule.rule.startswith("/api/v1/")
        address = re.sub(r"<\w+:\w+>", "1", rule.rule)
        for client in (world.client(), browser):
            answer = client.open(address, method=method)
            assert answer.status_code == 401, f"{method} {rule.rule}: {answer.status_code}"
            assert answer.get_json()["id"] == "key-missing"
        tried += 1
    assert tried > 20


def test_nobody_is_let_in(world: World) -> None:
    closed = 0
    for rule, method, view_class in _routes(world):
        if (
            isinstance(_access(view_class, method), Open)
            and _access(view_class, method) is not Open.SIGNED_IN
        ):
            continue
        answer = world.client().open(_address(rule), method=method)
        assert answer.status_code in {302, 401}, f"{method} {rule.rule}: {answer.status_code}"
        if answer.status_code == 302:
            assert answer.location.startswith("/sign-in"), rule.rule
        closed += 1
    assert closed > 40


@pytest.mark.parametrize(
    "role", [role for role in BuiltInRole if role is not BuiltInRole.OPERATOR] + [BuiltInRole.OPERATOR]
)
def test_a_role_without_the_right_is_refused(world: World, role: BuiltInRole) -> None:
    company = "platform" if role is BuiltInRole.OPERATOR else "one"
    client = world.client(company, role.value)
    refused = 0
    for rule, method, view_class in _routes(world):
        access = _access(view_class, method)
        if isinstance(access, Open):
            continue
        wanted = access if isinstance(access, tuple) else (access,)
        allowed = any(each in ROLE_PERMISSIONS[role] for each in wanted)
        if view_class.all_tenants and role is not BuiltInRole.OPERATOR:
            allowed = False
        answer = client.open(_address(rule), method=method, headers={"Accept": "application/json"})
        if allowed:
            # 503: no controller answers in this test.
            assert answer.status_code not in {403, 500}, f"{role}: {method} {rule.rule}: {answer.status_code}"
        else:
            assert answer.status_code == 403, f"{role}: {method} {rule.rule}: {answer.status_code}"
            refused += 1
    assert refused > 0


def test_another_companys_rows_do_not_exist(world: World) -> None:
    client = world.client("one", "tenant_admin")
    tried = 0
    for rule, method, view_class in _routes(world):
        kind = rule.rule.strip("/").split("/")[0].replace("-", "_")
        if (
            not ({"row_id", "flow_id"} & rule.arguments)
            or view_class.all_tenants
            or kind not in world.ids["two"]
        ):
            continue
        answer = client.open(_address(rule, world.ids["two"][kind]), method=method, data={})
        assert answer.status_code == 404, f"{method} {rule.rule}: {answer.status_code}"
        own = client.open(_address(rule, world.ids["one"][kind]), method="GET")
        assert own.status_code in {200, 405}, rule.rule
        tried += 1
    assert tried >= 10


def test_an_application_with_an_unclassified_route_does_not_start(world: World) -> None:
    class Bare(View):
        def get(self) -> str:
            return "open to all"

    blueprint = Blueprint("bare", __name__)
    blueprint.add_url_rule("/bare", view_func=Bare.as_view("bare"))
    with pytest.raises(UnclassifiedRouteError, match=r"bare\.bare"):
        create_app(world.parts.settings, blueprints=[blueprint], parts=world.parts)


def test_every_change_needs_its_token(world: World) -> None:
    world.app.config["WTF_CSRF_ENABLED"] = False
    client = world.client("one", "tenant_admin")
    world.app.config["WTF_CSRF_ENABLED"] = True
    changes = 0
    for rule, method, view_class in _routes(world):
        if method == "GET" or view_class.access in (Open.MACHINE, Open.KEY):
            continue
        answer = client.open(_address(rule), method=method, headers={"Accept": "application/json"})
        assert answer.status_code == 400, f"{method} {rule.rule}: {answer.status_code}"
        assert answer.get_json()["error"] == "form-expired", rule.rule
        changes += 1
    assert changes > 20


HUGE = "99999999999999999999999"


def test_acc_12_ids_and_positions_no_database_can_hold_are_no_faults(world: World) -> None:
    client = world.client("one", "tenant_admin")
    for address in (f"/customers/{HUGE}", f"/customers?before={HUGE}", f"/accounts/{HUGE}/disable"):
        assert client.get(address).status_code in (200, 404, 405), address
    form = {"title": "x", "body": "x", "targets": [HUGE]}
    answer = client.post("/announcements/new", data=form, headers={"HX-Request": "true"})
    assert answer.status_code in (404, 422)
