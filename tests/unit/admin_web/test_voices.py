"""The voice library and its review through their pages (CTI-V1 to V4), and the speech service (CTI-I17)."""

from __future__ import annotations

import dataclasses
import io
import re
import threading
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from core import documents
from core.database import ALL_TENANTS
from core.models import AuditEntry, Tenant
from core.store import FileStore
from ivr import model, service
from ivr.model import VoicePrompt
from ivr.nodes.playback import Playback
from ivr.voices import convert
from ivr.voices import service as library
from ivr.voices.errors import SoundApproved
from ivr.voices.models import SpeechService, Voice, VoiceSource, VoiceState
from tests.unit.admin_web.conftest import World
from tests.unit.ivr.voices.test_convert import pcm, riff, tone

HTMX = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}
WAV = riff(1, 16, 8000, pcm(tone(8000), 16))


def _admin(world: World, company: str = "one") -> FlaskClient:
    return world.client(company, "tenant_admin")


def _operator(world: World) -> FlaskClient:
    return world.client("platform", "operator")


def _upload(client: FlaskClient, name: str = "Welcome", data: bytes = WAV, **more: str) -> Any:
    return client.post("/voices/upload", query_string={"name": name, **more}, data=data, headers=JSON)


def _voices(world: World) -> list[Voice]:
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        return list(session.scalars(select(Voice).order_by(Voice.id)))


def _document(world: World, voice_id: int) -> Any:
    data = world.parts.redis.hget(documents.HASH, f"voice:{voice_id}")
    return None if data is None else documents.decode(data)


def _files(world: World) -> list[Path]:
    return sorted(world.parts.settings.store_dir.rglob("*.wav"))


def _no_review(world: World, company: str = "one") -> None:
    with world.parts.database.transaction(ALL_TENANTS) as session:
        session.get_one(Tenant, world.ids[company]["tenants"]).voices_need_review = False
        session.commit()


def _approved(world: World, voice_id: int) -> None:
    answer = _operator(world).post(_review(world, voice_id, "approve"), headers=HTMX)
    assert answer.status_code == 200, answer.text


def _tick(world: World, voice_id: int) -> str:
    """Return what the voice's tick box sends now."""
    found = re.search(
        rf'value="({voice_id}:[0-9a-f]{{32}})"', _operator(world).get("/platform/voices/all").text
    )
    assert found is not None
    return found[1]


def _review(world: World, voice_id: int, action: str) -> str:
    """Return the address of the row's button in the list of all voices, as it is shown now."""
    return f"/platform/voices/all/{voice_id}/{action}?seen={_tick(world, voice_id).partition(':')[2]}"


def test_an_upload_waits_is_heard_by_the_operator_and_reaches_calls_when_approved(world: World) -> None:
    admin, operator = _admin(world), _operator(world)
    answer = _upload(admin)
    assert (answer.status_code, answer.json["state"]) == (201, "pending")
    voice_id = answer.json["id"]
    assert _document(world, voice_id) is None
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        assert library.approved(session) == []

    queue = operator.get("/platform/voices").text
    assert "Welcome" in queue
    assert "One" in queue
    assert operator.get(f"/platform/voices/{voice_id}/audio").data[:4] == b"RIFF"
    _approved(world, voice_id)
    assert "Welcome" not in operator.get("/platform/voices").text
    assert "Welcome" in operator.get("/platform/voices/all").text

    document = _document(world, voice_id)
    stored = _files(world)[0].read_bytes()
    assert (document.tenant_id, document.name) == (world.ids["one"]["tenants"], "Welcome")
    assert world.parts.settings.store_dir / document.file_key == _files(world)[0]
    assert document.seconds == pytest.approx(1.2, abs=0.02)
    with wave.open(io.BytesIO(stored)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
    with world.parts.database.transaction(world.ids["one"]["tenants"], read_only=True) as session:
        assert [(each.id, each.name) for each in library.approved(session)] == [(voice_id, "Welcome")]
    with world.parts.database.transaction(world.ids["two"]["tenants"], read_only=True) as session:
        assert library.approved(session) == []


def test_a_refusal_tells_the_company_why_and_another_sound_waits_again(world: World) -> None:
    admin, operator = _admin(world), _operator(world)
    voice_id = _upload(admin).json["id"]
    empty = operator.post(_review(world, voice_id, "refuse"), data={"reason": "  "}, headers=HTMX)
    assert empty.status_code == 422
    operator.post(
        _review(world, voice_id, "refuse"), data={"reason": "Music without a licence."}, headers=HTMX
    )
    assert "Music without a licence." in admin.get("/voices").text
    assert "Music without a licence." in admin.get(f"/voices/{voice_id}").text
    before = _files(world)
    again = admin.post(
        f"/voices/{voice_id}/sound", data=riff(1, 16, 8000, pcm(tone(8000, 2.0), 16)), headers=JSON
    )
    assert (again.status_code, again.json["state"]) == (200, "pending")
    assert "Music without" not in admin.get(f"/voices/{voice_id}").text
    assert len(_files(world)) == 1
    assert _files(world) != before  # the refused sound is gone
    assert _voices(world)[0].length_ms == pytest.approx(2200, abs=20)


def test_a_voice_that_is_refused_later_is_withdrawn_from_calls(world: World) -> None:
    voice_id = _upload(_admin(world)).json["id"]
    _approved(world, voice_id)
    assert _document(world, voice_id) is not None
    answer = _operator(world).post(
        _review(world, voice_id, "refuse"), data={"reason": "A complaint."}, headers=HTMX
    )
    assert answer.status_code == 200
    assert _document(world, voice_id) is None
    twice = _operator(world).post(_review(world, voice_id, "refuse"), data={"reason": "x"}, headers=HTMX)
    assert twice.status_code == 409


def test_many_are_reviewed_at_once(world: World) -> None:
    admin = _admin(world)
    ids = [_upload(admin, f"V{number}").json["id"] for number in range(3)]
    ticks = [_tick(world, each) for each in ids]
    answer = _operator(world).post("/platform/voices/batch/approve", data={"ids": ticks[:2]}, headers=HTMX)
    assert answer.status_code == 200
    reason = {"ids": ticks[2:], "reason": "Too noisy."}
    assert (
        _operator(world).post("/platform/voices/batch/refuse", data=reason, headers=HTMX).status_code == 200
    )
    assert [each.state for each in _voices(world)] == [VoiceState.APPROVED] * 2 + [VoiceState.REFUSED]
    assert [_document(world, each) is not None for each in ids] == [True, True, False]


def test_a_sound_replaced_between_hearing_and_judging_is_not_judged(world: World) -> None:
    admin, operator = _admin(world), _operator(world)
    operator.set_cookie("zj_language", "en")
    voice_id, other_id = (_upload(admin, name).json["id"] for name in ("V0", "V1"))
    approve, refuse = (_review(world, voice_id, action) for action in ("approve", "refuse"))
    ticks = [_tick(world, each) for each in (voice_id, other_id)]
    drawer = operator.get(refuse).text
    page = operator.get(f"/platform/voices/{voice_id}").text
    batch = operator.get("/platform/voices/batch/approve", query_string={"ids": ticks}).text
    louder = riff(1, 16, 8000, pcm(tone(8000, 2.0), 16))
    assert admin.post(f"/voices/{voice_id}/sound", data=louder, headers=JSON).status_code == 200

    heard = approve.partition("seen=")[2]
    assert f"approve?seen={heard}" in page  # the drawer's button
    assert f'name="seen" value="{heard}"' in drawer
    assert all(f'name="ids" value="{each}"' in batch for each in ticks)
    answer = operator.post(approve, headers=JSON)
    assert (answer.status_code, answer.json["error"]) == (409, "voice-replaced")
    late = operator.post(refuse, data={"reason": "x", "seen": heard}, headers=HTMX)
    assert late.status_code == 422
    assert "was replaced meanwhile" in late.text
    assert f'name="seen" value="{heard}"' in late.text  # sent again it is still refused
    for blind in (approve.partition("?")[0], f"/platform/voices/{voice_id}/approve?seen="):
        assert operator.post(blind, headers=JSON).status_code == 409
    done = operator.post("/platform/voices/batch/approve", data={"ids": [*ticks]}, headers=HTMX).text
    assert "was replaced meanwhile" in done
    assert [each.state for each in _voices(world)] == [VoiceState.PENDING, VoiceState.APPROVED]
    assert _document(world, voice_id) is None
    _approved(world, voice_id)  # heard again


def test_a_sound_approved_between_the_replacements_start_and_end_stays(world: World) -> None:
    voice_id = _upload(_admin(world)).json["id"]
    database, sound = world.parts.database, convert.convert(riff(1, 16, 8000, pcm(tone(8000, 2.0), 16)))
    origin = library.Origin(source=VoiceSource.UPLOAD, account_id=None)
    with database.session(world.ids["one"]["tenants"]) as session:
        session.expire_on_commit = False  # the row stays as it was read
        stale = library.voice_of(session, voice_id)
        before = stale.digest
        session.commit()
        _approved(world, voice_id)
        assert stale.state is VoiceState.PENDING
        with pytest.raises(SoundApproved):
            library.replace(session, FileStore(world.parts.settings.store_dir), stale, sound, origin)
        session.rollback()
    assert [(each.state, each.digest) for each in _voices(world)] == [(VoiceState.APPROVED, before)]


def test_a_companys_voices_are_bounded_in_number_and_size(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = _admin(world)
    monkeypatch.setattr(library, "MAX_VOICES", 2)
    first = _upload(admin, "V0").json["id"]
    assert _upload(_admin(world, "two"), "V0").status_code == 201  # each company has its own bound
    assert _upload(admin, "V1").status_code == 201
    full = _upload(admin, "V2")
    assert (full.status_code, full.json["error"]) == (409, "too-many-voices")
    assert admin.post(f"/voices/{first}/sound", data=WAV, headers=JSON).status_code == 200  # in its own place
    text = {"name": "V3", "text": "您好", "language": "zh", "speaker": "woman"}
    assert admin.post("/voices/text", data=text, headers=HTMX).status_code == 422
    assert admin.post(f"/voices/{first}/delete", headers=HTMX).status_code == 200
    monkeypatch.setattr(library, "MAX_TOTAL_BYTES", 2 * _voices(world)[0].bytes)
    again = _upload(admin, "V2").json["id"]
    longer = riff(1, 16, 8000, pcm(tone(8000, 2.0), 16))
    too_much = admin.post(f"/voices/{again}/sound", data=longer, headers=JSON)
    assert (too_much.status_code, too_much.json["error"]) == (409, "too-many-voices")
    assert len(_voices(world)) == len(_files(world)) == 3


def test_where_no_review_is_asked_for_an_upload_is_approved_at_once(world: World) -> None:
    _no_review(world)
    answer = _upload(_admin(world))
    assert answer.json["state"] == "approved"
    assert _document(world, answer.json["id"]) is not None
    assert _upload(_admin(world, "two")).json["state"] == "pending"


def test_the_operator_switches_the_review_off_for_a_company(world: World) -> None:
    page = f"/platform/companies/{world.ids['one']['tenants']}"
    form = {
        "name": "One",
        "language": "zh",
        "max_calls": "0",
        "calls_per_second": "0",
        "outbound_countries": "CN",
    }
    assert _operator(world).post(page, data=form, headers=HTMX).status_code == 200
    assert _upload(_admin(world)).json["state"] == "approved"
    assert (
        _operator(world).post(page, data={**form, "voices_need_review": "1"}, headers=HTMX).status_code == 200
    )
    assert _upload(_admin(world), "Second").json["state"] == "pending"


def test_names_are_unique_cleaned_and_needed(world: World) -> None:
    admin = _admin(world)
    assert _upload(admin, " 欢迎\x07  词 ").json["name"] == "欢迎 词"
    taken = _upload(admin, "欢迎 词")
    assert (taken.status_code, taken.json["error"]) == (409, "voice-name-taken")
    assert _upload(admin, "  ").status_code == 422
    assert _upload(_admin(world, "two"), "欢迎 词").status_code == 201
    assert len(_files(world)) == 2


def test_what_cannot_be_used_is_refused_before_anything_is_stored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = _admin(world)
    for data, error in (
        (b"not audio at all", "voice-not-audio"),
        (riff(1, 16, 8000, bytes(16000)), "voice-silent"),
        (riff(1, 8, 8000, bytes([128, 200] * (8000 * 301))), "voice-too-long"),
        (b"RIFF\x00\x00\x00\x00WAVE", "voice-damaged"),
        (bytes(convert.MAX_BYTES + 1), "voice-too-large"),
    ):
        answer = _upload(admin, data=data)
        assert answer.json["error"] == error
        assert answer.json["message"]
    monkeypatch.setattr(convert, "ffmpeg", lambda: "")
    answer = _upload(admin, data=b"ID3" + bytes(100))
    assert answer.json["error"] == "voice-needs-converter"
    assert "FFmpeg" in answer.json["message"]
    assert _voices(world) == []
    assert _files(world) == []


def test_a_voice_a_flow_plays_is_not_deleted_and_the_flow_is_named(world: World) -> None:
    _no_review(world)
    admin = _admin(world)
    voice_id = _upload(admin).json["id"]
    flow_id = world.ids["one"]["flows"]
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        node = Playback(code="a", name="A", prompts=[VoicePrompt(voice_id=voice_id)])
        service.save_draft(session, flow_id, model.Flow(name="Hotline", entry="a", nodes=[node]), None)
        session.commit()
    assert "Hotline" in admin.get(f"/voices/{voice_id}").text
    refused = admin.post(f"/voices/{voice_id}/delete", headers=HTMX)
    assert refused.status_code == 409
    assert "Hotline" in refused.headers["HX-Trigger"]
    assert _document(world, voice_id) is not None
    assert len(_files(world)) == 1
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        service.save_draft(session, flow_id, model.Flow(name="Hotline"), None)
        session.commit()
    assert admin.post(f"/voices/{voice_id}/delete", headers=HTMX).status_code == 200
    assert _voices(world) == []
    assert _files(world) == []
    assert _document(world, voice_id) is None


def test_an_approved_voice_under_review_is_not_replaced_under_its_callers(world: World) -> None:
    admin = _admin(world)
    voice_id = _upload(admin).json["id"]
    _approved(world, voice_id)
    answer = admin.post(f"/voices/{voice_id}/sound", data=WAV, headers=JSON)
    assert (answer.status_code, answer.json["error"]) == (409, "voice-approved")
    assert _document(world, voice_id) is not None
    _no_review(world)
    first = _document(world, voice_id)
    assert admin.post(f"/voices/{voice_id}/sound", data=WAV, headers=JSON).json["state"] == "approved"
    assert _document(world, voice_id).file_key != first.file_key


def test_renaming_reaches_calls_and_the_log(world: World) -> None:
    _no_review(world)
    admin = _admin(world)
    voice_id = _upload(admin).json["id"]
    _upload(admin, "Other")
    assert admin.post(f"/voices/{voice_id}", data={"name": "Other"}, headers=HTMX).status_code == 422
    assert admin.post(f"/voices/{voice_id}", data={"name": "Greeting"}, headers=HTMX).status_code == 200
    assert _document(world, voice_id).name == "Greeting"
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        log = [(each.module, each.action, each.object_name) for each in session.scalars(select(AuditEntry))]
    assert ("voices", "add", "Welcome") in log
    assert ("voices", "rename", "Greeting") in log


def test_a_sound_is_sent_by_ranges_with_its_waveform_and_under_its_name(world: World) -> None:
    admin = _admin(world)
    voice_id = _upload(admin, "您好 Hello").json["id"]
    part = admin.get(f"/voices/{voice_id}/audio", headers={"Range": "bytes=4-7"})
    assert (part.status_code, len(part.data)) == (206, 4)
    peaks = msgspec.json.decode(admin.get(f"/voices/{voice_id}/peaks").data)
    assert peaks["length_ms"] == pytest.approx(1200, abs=20)
    assert len(peaks["channels"][0]) == convert.PEAKS
    file = admin.get(f"/voices/{voice_id}/file")
    assert "filename*=UTF-8''%E6%82%A8%E5%A5%BD%20Hello.wav" in file.headers["Content-Disposition"]


def test_other_companies_and_small_rights_get_nothing(world: World) -> None:
    voice_id = _upload(_admin(world)).json["id"]
    stranger = _admin(world, "two")
    for path in ("", "/audio", "/peaks", "/file"):
        assert stranger.get(f"/voices/{voice_id}{path}", headers=JSON).status_code == 404
    assert stranger.post(f"/voices/{voice_id}", data={"name": "Mine"}, headers=HTMX).status_code == 404
    assert stranger.post(f"/voices/{voice_id}/sound", data=WAV, headers=JSON).status_code == 404
    assert stranger.post(f"/voices/{voice_id}/delete", headers=HTMX).status_code == 404
    assert stranger.get(f"/platform/voices/{voice_id}/audio").status_code == 403
    assert stranger.post(f"/platform/voices/{voice_id}/approve", headers=HTMX).status_code == 403
    assert _upload(world.client("one", "agent")).status_code == 403
    assert _voices(world)[0].state is VoiceState.PENDING


def test_the_list_asks_as_many_questions_for_many_rows_as_for_one(world: World) -> None:
    admin = _admin(world)

    def asked() -> int:
        statements: list[str] = []
        listener = lambda *given: statements.append(given[2])  # noqa: E731
        event.listen(world.parts.database.engine, "before_cursor_execute", listener)
        try:
            assert (
                admin.get("/voices", headers={"HX-Request": "true", "HX-Target": "zj-list"}).status_code
                == 200
            )
        finally:
            event.remove(world.parts.database.engine, "before_cursor_execute", listener)
        return len(
            [each for each in statements if "ivr_voice" in each or "ivr_flow" in each or "account" in each]
        )

    _upload(admin, "V0")
    asked()
    one = asked()
    for number in range(1, 8):
        _upload(admin, f"V{number}")
    assert asked() == one


# --- made from text ---


def test_a_voice_from_text_is_heard_first_and_needs_no_review(world: World) -> None:
    admin = _admin(world)
    form = {
        "name": "Greeting",
        "text": "您好，今天是2026-11-21，应付12.5元。",
        "language": "zh",
        "speaker": "woman",
    }
    heard = admin.post("/voices/text/preview", data=form, headers=JSON)
    assert (heard.status_code, heard.content_type) == (200, "audio/wav")
    assert _voices(world) == []
    assert admin.post("/voices/text", data=form, headers=HTMX).status_code == 200
    made = _voices(world)[0]
    assert (made.state, made.text, made.language) == (VoiceState.APPROVED, form["text"], "zh")
    assert _files(world)[0].read_bytes() == heard.data
    assert _document(world, made.id) is not None
    other = admin.post("/voices/text/preview", data={**form, "speaker": "man"}, headers=JSON)
    assert other.data != heard.data
    assert form["text"] in admin.get(f"/voices/{made.id}").text
    kept = [each for each in world.parts.settings.prompts_dir.rglob("*") if each.is_file()]
    assert kept == []  # what is tried out does not fill the disk


@pytest.mark.parametrize("text", ["", "…！？", "   "])
def test_a_text_nobody_can_say_is_refused(world: World, text: str) -> None:
    admin = _admin(world)
    form = {"name": "Greeting", "text": text, "language": "zh", "speaker": "woman"}
    assert admin.post("/voices/text/preview", data=form, headers=JSON).status_code == 422
    assert admin.post("/voices/text", data=form, headers=HTMX).status_code == 422
    assert _voices(world) == []


# --- the speech service ---

SPEECH = {
    "enabled": "1",
    "shape": "openai",
    "url": "http://127.0.0.1:1/v1/audio/speech",
    "key": "sk-very-secret",
    "voice_zh": "nova",
    "voice_en": "echo",
    "timeout_s": "5",
    "model": "tts-1",
    "method": "POST",
    "headers": "",
    "body": "",
}


def _speech(world: World, **more: str) -> Any:
    return _operator(world).post("/platform/speech", data={**SPEECH, **more})


def test_the_speech_services_key_is_sealed_and_never_shown(world: World) -> None:
    assert _speech(world).status_code == 303
    document = documents.decode(world.parts.redis.hget(documents.HASH, "speech:1"))
    assert isinstance(document, documents.SpeechDoc)
    assert (document.tenant_id, document.url, document.voice_zh) == (0, SPEECH["url"], "nova")
    assert world.parts.vault.open(document.key_encrypted) == "sk-very-secret"
    page = _operator(world).get("/platform/speech").text
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        row = session.scalars(select(SpeechService)).one()
        log = "".join(each.changes for each in session.scalars(select(AuditEntry)))
    for place in (page, log):
        assert "sk-very-secret" not in place
        assert row.key_encrypted not in place
    assert _speech(world, key="", voice_zh="alloy").status_code == 303
    kept = documents.decode(world.parts.redis.hget(documents.HASH, "speech:1"))
    assert isinstance(kept, documents.SpeechDoc)
    assert (kept.voice_zh, world.parts.vault.open(kept.key_encrypted)) == ("alloy", "sk-very-secret")


def test_a_service_that_is_switched_off_is_withdrawn(world: World) -> None:
    _speech(world)
    form = {name: value for name, value in SPEECH.items() if name != "enabled"}
    assert _operator(world).post("/platform/speech", data=form).status_code == 303
    assert world.parts.redis.hget(documents.HASH, "speech:1") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://example.com"},
        {"url": "https://user:secret@example.com"},
        {"model": ""},
        {"shape": "template", "body": '{"a": 1}'},
        {"shape": "template", "method": "GET"},
        {"headers": "no colon"},
        {"headers": "X-Bad Name: 1"},
        {"timeout_s": "99"},
        {"key": "geheim\r\nX: 1é"},
    ],
)
def test_a_service_that_cannot_be_asked_is_not_kept(world: World, wrong: dict[str, str]) -> None:
    assert _speech(world, **wrong).status_code == 422
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        assert session.scalars(select(SpeechService)).all() == []


def test_only_the_operator_sees_and_sets_up_the_service(world: World) -> None:
    admin = _admin(world)
    assert admin.get("/platform/speech").status_code == 403
    assert admin.post("/platform/speech", data=SPEECH).status_code == 403
    assert admin.post("/platform/speech/try", data={}).status_code == 403


@pytest.fixture
def speaking_service() -> Iterator[str]:
    """A service that answers every request with a tone."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(riff(1, 16, 24000, pcm(tone(24000), 16)))

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/audio/speech"
    server.shutdown()
    server.server_close()


def test_trying_the_service_says_why_it_fails(world: World, speaking_service: str) -> None:
    operator = _operator(world)
    assert (
        operator.post("/platform/speech/try", data={}, headers=JSON).json["error"] == "speech-service-missing"
    )
    _speech(world, url=speaking_service)
    answer = operator.post("/platform/speech/try", data={"language": "zh"}, headers=JSON)
    assert answer.json["error"] == "speech-try-failed"
    assert "forbidden" in answer.json["message"]  # loopback is nothing the operator opened
    assert "sk-very-secret" not in answer.text
    world.parts.settings = dataclasses.replace(world.parts.settings, outbound_allowed_networks="127.0.0.0/8")
    answer = operator.post("/platform/speech/try", data={"language": "zh"}, headers=JSON)
    assert (answer.status_code, answer.content_type) == (200, "audio/wav")


def test_a_text_is_spoken_by_the_service_when_there_is_one(world: World, speaking_service: str) -> None:
    world.parts.settings = dataclasses.replace(world.parts.settings, outbound_allowed_networks="127.0.0.0/8")
    admin = _admin(world)
    assert "The speech service" not in admin.get("/voices/text").text
    _speech(world, url=speaking_service)
    admin.set_cookie("zj_language", "en")
    assert "The speech service" in admin.get("/voices/text").text
    form = {"name": "Greeting", "text": "Hello", "language": "en", "speaker": "service"}
    assert admin.post("/voices/text", data=form, headers=HTMX).status_code == 200
    assert _voices(world)[0].length_ms == pytest.approx(1200, abs=20)  # the service's tone of a second
