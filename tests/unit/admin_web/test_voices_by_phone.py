"""The drawer that records a voice by telephone (CTI-V4): who may, what rings, what is said of it."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from core import bus, keys
from core.models import AuditEntry, Tenant
from cti.models import Extension
from cti.takes.model import End, Shown, TakeState
from ivr.voices.models import Voice, VoiceTake
from tests.unit.admin_web.conftest import World
from tests.unit.admin_web.test_voices import HTMX, _admin, _approved, _upload

TAKE = "0b9d4b0e-6f0a-4c1a-9d53-0a54f0a0f001"


@pytest.fixture
def controller(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Answer commands; ``sent`` collects them, ``refuse`` is what `voice.record` is refused with."""
    state: dict[str, Any] = {"sent": [], "refuse": ""}

    def send(_redis: Any, _cell: str, kind: str, _tenant: int, _actor: int, body: Any) -> dict[str, Any]:
        if kind == "voice.phones":
            phone = {"extension_id": 1, "number": "801", "endpoint": "sip", "own": True}
            return {"ok": True, "phones": [phone]}
        if kind == "voice.record" and state["refuse"]:
            return {"ok": False, "error": state["refuse"], "detail": {}}
        state["sent"].append((kind, dict(body)))
        return {"ok": True}

    monkeypatch.setattr(bus, "send_command", send)
    return state


def _extension(world: World, company: str = "one") -> int:
    return world.ids[company]["extensions"]


def _call(world: World, **form: Any) -> Any:
    sent = {"take": TAKE, "voice": 0, "name": "Welcome", "phone": f"{_extension(world)}:sip", **form}
    return _admin(world).post("/voices/phone", data=sent, headers=HTMX)


def _show(world: World, shown: Shown) -> str:
    name = keys.take(world.ids["one"]["tenants"], TAKE)
    world.parts.redis.set(name, msgspec.json.encode(shown))
    answer = _admin(world).get(f"/voices/phone/{TAKE}")
    assert answer.status_code == 200
    return str(answer.text)


def test_the_form_offers_phones_and_has_one_ring(world: World, controller: dict[str, Any]) -> None:
    page = _admin(world).get("/voices/phone").text
    assert "801" in page
    assert 'name="take"' in page
    answer = _call(world)
    assert answer.status_code == 200, answer.text
    ((kind, body),) = controller["sent"]
    assert (kind, body["take_id"], body["extension_id"], body["endpoint"]) == (
        "voice.record",
        TAKE,
        _extension(world),
        "sip",
    )
    assert (body["name"], body["voice_id"]) == ("Welcome", 0)
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.module == "voices")).one()
        number = session.get_one(Extension, _extension(world)).number
    assert entry.action == "phone"
    assert number in entry.changes


def test_what_is_refused_is_said_in_the_form_and_rings_nothing(
    world: World, controller: dict[str, Any]
) -> None:
    assert _upload(_admin(world), "Taken").status_code == 201
    for form in ({"name": " "}, {"name": "Taken"}, {"phone": "x"}, {"phone": f"{_extension(world)}:pigeon"}):
        assert _call(world, **form).status_code == 422
    other = _call(world, phone=f"{_extension(world, 'two')}:sip")
    assert other.status_code == 422
    assert "zj-take" not in other.text
    controller["refuse"] = "phone-busy"
    busy = _call(world)
    assert busy.status_code == 422
    assert 'role="alert"' in busy.text
    assert controller["sent"] == []
    assert world.client("one", "agent").post("/voices/phone", data={}).status_code == 403


def test_an_approved_voice_that_is_reviewed_is_not_recorded_anew(
    world: World, controller: dict[str, Any]
) -> None:
    voice_id = _upload(_admin(world)).json["id"]
    assert _call(world, voice=voice_id).status_code == 200
    assert controller["sent"][0][1]["voice_id"] == voice_id
    _approved(world, voice_id)
    assert _call(world, voice=voice_id).status_code == 409
    assert len(controller["sent"]) == 1
    two = _admin(world, "two").get(f"/voices/phone?voice={voice_id}", headers=HTMX)
    assert two.status_code == 404


def test_each_step_and_end_has_its_words_and_the_page_asks_until_it_is_over(world: World) -> None:
    texts = set()
    for state in set(TakeState) - {TakeState.OVER}:
        page = _show(world, Shown(state=state))
        assert "hx-trigger" in page
        texts.add(page)
    for end in set(End) - {End.KEPT}:
        page = _show(world, Shown(state=TakeState.OVER, end=end))
        assert "hx-trigger" not in page
        texts.add(page)
    assert len(texts) >= 18
    assert "hx-trigger" in _show(world, Shown(state=TakeState.OVER, end=End.KEPT))


def test_the_library_has_the_last_word(world: World) -> None:
    tenant_id = world.ids["one"]["tenants"]
    voice_id = _upload(_admin(world)).json["id"]
    with world.parts.database.transaction(tenant_id) as session:
        session.add(VoiceTake(take=TAKE, voice_id=voice_id))
        session.commit()
    answer = _admin(world).get(f"/voices/phone/{TAKE}")
    assert "Welcome" in answer.text
    assert "zj:changed" in answer.headers["HX-Trigger"]
    two = _admin(world, "two").get(f"/voices/phone/{TAKE}").text
    assert "Welcome" not in two
    refused = str(uuid.uuid4())
    with world.parts.database.transaction(tenant_id) as session:
        assert session.get(Voice, voice_id) is not None
        assert session.get(Tenant, tenant_id) is not None
        session.add(VoiceTake(take=refused, refusal="voice-name-taken", details='{"name": "Hall"}'))
        session.commit()
    assert "Hall" in _admin(world).get(f"/voices/phone/{refused}").text
