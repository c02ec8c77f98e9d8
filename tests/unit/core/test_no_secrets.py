"""Secrets stay out of the sample settings and of logs, whatever their names are called."""

from __future__ import annotations

import dataclasses
import json

import pytest

from core.logs import hide_secrets
from core.settings import Settings
from zongji.reference import markdown

SECRET = "Zq8vN2xLkP0s"


def test_the_reference_of_settings_shows_no_secret() -> None:
    page = markdown()
    secret_fields = [field for field in dataclasses.fields(Settings) if field.metadata.get("secret")]
    assert secret_fields
    for field in dataclasses.fields(Settings):
        words = field.name.split("_")
        if {"password", "secret", "token", "key"} & set(words):
            assert field.metadata.get("secret"), f"{field.name} is not marked as secret"
        if field.metadata.get("secret"):
            assert field.default == "", f"{field.name} has a default that everybody knows"
    assert "BEGIN" not in page


@pytest.mark.parametrize(
    "name",
    ["password", "new_password", "PASSWD", "client_secret", "token", "Authorization", "Set-Cookie", "api_key",
     "apikey", "webhook-signature", "recovery_codes", "totp_secret_encrypted", "private_key", "a1_hash", "credentials"],
)  # fmt: skip
def test_a_value_with_a_secret_name_is_hidden_at_any_depth(name: str) -> None:
    event = {"event": "x", name: SECRET, "headers": {name: SECRET}, "list": [{"deep": {name: [SECRET]}}]}
    assert SECRET not in json.dumps(hide_secrets(None, "info", event))


@pytest.mark.parametrize(
    "text",
    [
        f"sent Authorization: Bearer {SECRET}",
        f"Basic {SECRET}=",
        f"mysql+pymysql://zongji:{SECRET}@db/zongji",
        f"the secret whsec_{SECRET} is refused",
    ],
)
def test_a_secret_inside_a_text_is_hidden(text: str) -> None:
    shown = hide_secrets(None, "info", {"event": text, "why": text, "args": (text,)})
    assert SECRET not in json.dumps(shown)


def test_what_is_no_secret_is_shown() -> None:
    event = {
        "event": "request",
        "path": "/basic/data",
        "call": "0b8f4e0c",
        "why": "Basic authentication is asked for",
    }
    assert hide_secrets(None, "info", dict(event)) == event
