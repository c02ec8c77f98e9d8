"""Passwords: hashed with argon2id, refused when weak."""

from __future__ import annotations

import pytest

from core import passwords


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
