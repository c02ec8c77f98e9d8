"""Errors, texts, secrets, log filter, clock, permissions."""

from __future__ import annotations

import datetime
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

import zongji.web
from core import clock, crypto, i18n, logs, metrics
from core.errors import (
    CallerFault,
    Forbidden,
    NotFound,
    PeerFault,
    PermanentFault,
    TemporaryFault,
    ZongjiError,
)
from core.models import BuiltInRole
from core.permissions import ACTIONS, MODULES, ROLE_PERMISSIONS, Permission, Principal, require, tree
from core.settings import Settings


def principal(role: BuiltInRole) -> Principal:
    return Principal(
        account_id=1, tenant_id=1, tenant_code="t", tenant_name="T", login="l", name="N", role_name="",
        built_in_role=role, permissions=ROLE_PERMISSIONS[role], is_operator=role is BuiltInRole.OPERATOR,
        language="zh", timezone="Asia/Shanghai", session_id=1,
    )  # fmt: skip


def test_an_error_speaks_both_languages_and_has_a_stable_id() -> None:
    error = NotFound(kind="queue", id=7)
    assert error.as_dict("en") == {
        "error": "not-found",
        "message": "This does not exist, or no longer does.",
        "detail": {"kind": "queue", "id": 7},
    }
    assert error.text("zh") != error.text("en")
    assert str(error) == error.text("en")


def test_ids_are_kebab_case_and_unique() -> None:
    assert zongji.web  # what is served has defined its errors, whatever else ran before
    kinds: list[type[ZongjiError]] = [CallerFault, PeerFault, TemporaryFault, PermanentFault]
    every = set(kinds)
    while kinds:
        found = kinds.pop().__subclasses__()
        every.update(found)
        kinds += found
    ids = [each.id for each in every if "id" in vars(each)]
    assert len(ids) == len(set(ids))
    assert all(each == each.lower() and "_" not in each and " " not in each for each in ids)
    assert all(400 <= each.status < 600 for each in every)


def test_the_language_is_the_readers() -> None:
    text = i18n.lazy("Number withheld")
    with i18n.use_language("en"):
        assert str(text) == "Number withheld"
    assert text.in_language("zh") != "Number withheld"
    with i18n.use_language("tlh"):
        assert i18n.current_language() == "zh"


def test_unicode_and_secrets_survive_the_vault() -> None:
    vault = crypto.Vault("the installation's secret")
    assert vault.open(vault.seal("密码 ☎")) == "密码 ☎"
    assert vault.seal("x") != vault.seal("x")
    with pytest.raises(crypto.UnreadableSecretError):
        crypto.Vault("another secret").open(vault.seal("x"))
    with pytest.raises(crypto.UnreadableSecretError):
        vault.open("rubbish")


def test_the_digest_is_rfc_2617s() -> None:
    """The example of RFC 2617 §3.5: HA1 of Mufasa."""
    assert (
        crypto.a1_hash("Mufasa", "testrealm@host.com", "Circle Of Life") == "939e7578ed9e3c518a452acee763bce9"
    )


def test_sip_passwords_are_long_and_unmistakable() -> None:
    password = crypto.sip_password()
    assert len(password) == 20
    assert not set(password) & set("0O1lI")


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_milliseconds_go_to_times_and_back(instant_ms: int) -> None:
    assert clock.to_ms(clock.from_ms(instant_ms)) == instant_ms


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        clock.to_ms(datetime.datetime(2026, 1, 1))  # noqa: DTZ001


def test_rights_by_role() -> None:
    """ACC-6, CTI-R3, CTI-E1: only the operator opens routes and extensions and sees tenants."""
    for role in (BuiltInRole.AGENT, BuiltInRole.SUPERVISOR, BuiltInRole.TENANT_ADMIN):
        for permission in (Permission.ROUTES_OPEN, Permission.EXTENSIONS_OPEN, Permission.TENANTS_EDIT):
            with pytest.raises(Forbidden) as refused:
                require(principal(role), permission)
            assert refused.value.details == {"permissions": [permission.value]}
    require(principal(BuiltInRole.OPERATOR), Permission.ROUTES_OPEN, Permission.TENANTS_EDIT)
    assert ROLE_PERMISSIONS[BuiltInRole.AGENT] < ROLE_PERMISSIONS[BuiltInRole.SUPERVISOR]
    assert ROLE_PERMISSIONS[BuiltInRole.SUPERVISOR] <= ROLE_PERMISSIONS[BuiltInRole.TENANT_ADMIN]
    assert not principal(BuiltInRole.AGENT).may(Permission.RECORDS_VIEW)


def test_every_permission_has_a_place_in_the_tree_and_a_name() -> None:
    assert {each for members in tree().values() for each in members} == set(Permission)
    assert all(each.module in MODULES and each.action in ACTIONS for each in Permission)


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Put the process's logging back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_logs_carry_the_call_and_hide_secrets(
    restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(Settings(home=Path("/nowhere"), log_format="json"), "cti")
    with structlog.contextvars.bound_contextvars(call_id="c-1", tenant=7):
        structlog.get_logger("x").info(
            "hello", password="p1", nested={"token": "p2"}, url="mysql://root:p3@db/x", shown="yes"
        )
        logging.getLogger("library").warning("to redis://u:p4@h")
    try:
        secret_local = "p5"
        raise RuntimeError("boom")
    except RuntimeError:
        structlog.get_logger("x").exception("failed", length=len(secret_local))
    text = capsys.readouterr().err
    first, second, third = (json.loads(line) for line in text.splitlines())
    assert (first["call_id"], first["tenant"], first["process"], first["shown"]) == ("c-1", 7, "cti", "yes")
    assert first["url"] == "mysql://root:***@db/x"
    assert second["call_id"] == "c-1"
    assert third["exception"][0]["exc_value"] == "boom"
    assert not any(secret in text for secret in ("p1", "p2", "p3", "p4", "p5"))


def test_metrics_name_process_and_version() -> None:
    text = metrics.exposition(metrics.make_registry("cti", "1.2")).decode()
    assert 'zongji_build_info{process="cti",version="1.2"} 1.0' in text
    assert "process_resident_memory_bytes" in text
