"""Passwords: hashed with argon2id, refused when weak."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from core import passwords
from core.passwords import LONG_LENGTH, MAX_LENGTH, MIN_LENGTH, rule, weakness


@pytest.fixture(autouse=True)
def _real_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash as in production; other unit tests do it with less work."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher())


def test_a_hash_fits_its_password_only() -> None:
    hashed = passwords.hash_password("Correct-Horse-9")
    assert hashed.startswith("$argon2id$")
    assert passwords.verify_password(hashed, "Correct-Horse-9")
    assert not passwords.verify_password(hashed, "correct-horse-9")
    assert not passwords.verify_password(hashed, "Correct-Horse-9" * 20)
    assert not passwords.needs_rehash(hashed)
    assert passwords.needs_rehash("$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHQ$aGFzaA")


def test_no_account_and_a_damaged_hash_fit_nothing() -> None:
    assert not passwords.verify_password(None, "anything")
    assert not passwords.verify_password("not a hash", "anything")


@pytest.mark.parametrize(
    "password",
    [
        "Ab1-xyz",
        "aaaaaaaaaaaaaaaaaaaa",
        "lowercase1",
        "Agent007-1",
        "Password1!",
        "Aabc1234"[:7],
        "x" * 129,
        "demo-Demo1",
    ],
)
def test_weak_ones_are_refused(password: str) -> None:
    assert passwords.weakness(password, login="agent007", company="demo") is not None
    with pytest.raises(passwords.WeakPasswordError) as refused:
        passwords.require_strong(password, login="agent007", company="demo")
    assert refused.value.text("en") != refused.value.text("zh"), "the reason is translated too"
    assert isinstance(refused.value.as_dict("en")["detail"]["reason"], str)


@pytest.mark.parametrize(
    "password", ["Tr0mbone", "river stone paper moon", "一二三四五六七八九十甲乙丙丁戊己", "x7-kM2pq"]
)
def test_good_ones_are_taken(password: str) -> None:
    assert passwords.weakness(password, login="agent007", company="demo") is None


def test_generated_ones_differ_and_fit_the_rule() -> None:
    made = {passwords.generate_password() for _ in range(50)}
    assert len(made) == 50
    assert all(passwords.weakness(password) is None for password in made)


CASES = json.loads(Path(__file__).with_name("password_cases.json").read_text())


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["password"])
def test_what_the_page_ticks_off_is_what_the_server_asks_for(case: dict[str, Any]) -> None:
    """ACC-2: ``frontend/strength.test.ts`` tries the script on the same table."""
    assert (weakness(case["password"], **CASES["rule"]) is None) == (case["unmet"] == [])


def test_the_script_gets_the_rules_numbers() -> None:
    given = rule(login="Alice", company="ab")
    assert given["words"][0] == "alice", "names are compared in small letters"
    assert "ab" not in given["words"], "two letters are no name to look for"
    assert (given["min"], given["long"], given["max"]) == (MIN_LENGTH, LONG_LENGTH, MAX_LENGTH)
    assert (given["distinct"], given["rest"], given["kinds"]) == (5, 6, 3)
