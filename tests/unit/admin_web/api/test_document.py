"""The OpenAPI document: valid, complete, and kept to by the application (schemathesis)."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi_checks

from admin_web.api import openapi
from admin_web.api.blueprint import ENDPOINTS
from admin_web.api.scopes import ApiScope
from core.i18n import use_language
from tests.unit.admin_web.api.support import program
from tests.unit.admin_web.api.world import add_record, answer_commands, sign_in_agent
from tests.unit.admin_web.conftest import World

EXAMPLES = 12
"""Requests schemathesis makes up for each operation."""

KEPT_TO = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.negative_data_rejection,
)


def _document(language: str = "en") -> dict[str, Any]:
    return openapi.document(ENDPOINTS, language)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_is_valid(language: str) -> None:
    OpenAPIV31SpecValidator(msgspec.to_builtins(_document(language))).validate()


def test_it_names_every_route_and_every_scope(world: World) -> None:
    document = _document()
    routes = {
        (re.sub(r"<\w+:(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1")), method.lower())
        for rule in world.app.url_map.iter_rules()
        if rule.endpoint.startswith("api.") and rule.endpoint != "api.document"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert routes == described
    operations = [each for methods in document["paths"].values() for each in methods.values()]
    ids = [each["operationId"] for each in operations]
    assert len(set(ids)) == len(ids) > 20
    used = {each["security"][0]["key"][0] for each in operations}
    assert used == {scope.value for scope in ApiScope} - {ApiScope.NUMBERS_FULL.value}


def test_every_example_fits_its_type() -> None:
    tried = 0
    for _, kind in ENDPOINTS:
        for method, operation in kind.operations.items():
            described = _document()["paths"][openapi.address_of(kind.rule)][method.lower()]
            if operation.body is not None:
                example = described["requestBody"]["content"]["application/json"]["example"]
                msgspec.convert(example, operation.body)
                tried += 1
            if operation.answer is not None:
                content = described["responses"][str(operation.status)]["content"]
                msgspec.convert(content["application/json"]["example"], operation.answer)
                tried += 1
    assert tried > 20


def test_every_error_it_names_has_a_text_of_its_own() -> None:
    for methods in _document()["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                for content in answer.get("content", {}).values():
                    for name, example in content.get("examples", {}).items():
                        value = example["value"]
                        assert value["id"] == name
                        assert str(value["status"]) == status
                        assert "%(" not in value["title"]


def test_it_comes_in_the_language_asked_for(world: World) -> None:
    client = world.app.test_client()
    zh = client.get("/api/v1/openapi.json", headers={"Accept-Language": "zh"})
    en = client.get("/api/v1/openapi.json", headers={"Accept-Language": "en"})
    assert zh.get_json()["info"]["title"] != en.get_json()["info"]["title"]
    assert zh.get_json()["paths"].keys() == en.get_json()["paths"].keys()
    with use_language("en"):
        assert en.get_json()["info"]["title"] == "Zongji programming interface"


def _strategy(operation: schemathesis.schemas.APIOperation) -> st.SearchStrategy[schemathesis.Case]:
    """Return requests that fit the document, and requests that do not."""
    fitting = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not list(operation.iter_parameters()) and not operation.body:
        return fitting
    return st.one_of(fitting, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))


def test_requests_made_up_from_it_are_answered_as_it_says(world: World) -> None:
    """No server error, no answer it does not describe, nothing taken that it refuses."""
    call_id = add_record(world)
    sign_in_agent(world)
    ask = program(world, per_minute=6000)
    headers = {"Authorization": f"Bearer {ask.token}"}
    known = {
        "account_id": world.ids["one"]["accounts"],
        "extension_id": world.ids["one"]["extensions"],
        "queue_id": world.ids["one"]["queues"],
        "call_id": call_id,
        "segment": 1,
    }
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", world.app)
    for methods in schema.raw_schema["paths"].values():
        for operation in methods.values():
            del operation["security"]  # keys have tests of their own; here every request carries a good one
    del schema.raw_schema["security"], schema.raw_schema["components"]["securitySchemes"]
    statuses: dict[str, set[int]] = {}

    def send(case: schemathesis.Case, *, existing: bool) -> None:
        fitting = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
        if existing and fitting:  # else nearly every made-up request would end at a 404
            there = {name: value for name, value in known.items() if name in case.path_parameters}
            case.path_parameters.update(there)
        response = case.call(headers=headers)
        statuses.setdefault(case.operation.label, set()).add(response.status_code)
        case.validate_response(response, checks=list(KEPT_TO))

    with answer_commands(world):
        for found in schema.get_all_operations():
            made_up = given(case=_strategy(found.ok()), existing=st.booleans())(send)
            settings(
                max_examples=EXAMPLES,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )(made_up)()
    assert len(statuses) > 20
    done = {label for label, seen in statuses.items() if seen & {200, 201, 202}}
    assert len(done) > len(statuses) / 2, "most operations were carried out at least once"
