"""Speech over HTTP with the offline voice behind it (CTI-I17): whatever the service does, a caller hears something."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import threading
import time
import urllib.parse
import wave
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.documents import SpeechDoc
from core.outbound_http import networks
from ivr import prompts
from ivr.model import TextPrompt
from ivr.prompts import PromptContext, PromptSources, resolve_all
from ivr.tts import http
from ivr.tts.audio import read_wav, wav_bytes
from ivr.tts.cache import SpeechCache
from ivr.tts.chain import SLOW_S, OnlineSpeech, SpeechChain
from ivr.tts.http import Breaker, HttpSpeech
from ivr.tts.provider import SpeechError

KEY = "sk-Zm9v-a-secret"
LOOPBACK = networks("127.0.0.0/8")


def tone(frequency_hz: float, seconds: float = 1.0, rate_hz: int = 24000) -> bytes:
    """Return a WAV file as services answer with one."""
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    return wav_bytes(0.3 * np.sin(2 * np.pi * frequency_hz * t), rate_hz)


def pitch(path: Path) -> float:
    """Return the strongest frequency of a cached file."""
    samples, rate_hz = read_wav(path.read_bytes())
    assert rate_hz == 8000
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * 8000 / len(samples))


class Service:
    """A speech service on loopback; `answer` decides what it does."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answer: Callable[[Any], None] = lambda handler: send(handler, tone(700))
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                service.asked.append((self.command, self.path, headers, self.rfile.read(size)))
                with contextlib.suppress(OSError):
                    service.answer(self)

            do_GET = do_POST  # noqa: N815 - the name the library looks for

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


def send(handler: Any, body: bytes, status: int = 200, kind: str = "audio/wav") -> None:
    """Answer."""
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.server.shutdown()
    made.server.server_close()


def document(base: str, **given: Any) -> SpeechDoc:
    """Return the service's document."""
    values: dict[str, Any] = {
        "shape": "openai",
        "url": f"{base}/v1/audio/speech",
        "key_encrypted": "sealed",
        "model": "tts-1",
        "voice_zh": "nova",
        "voice_en": "echo",
        "timeout_s": 2,
    }
    return SpeechDoc(id=1, tenant_id=0, version=1, **{**values, **given})


def provider(base: str, **given: Any) -> HttpSpeech:
    """Return the provider of a service."""
    return HttpSpeech(document(base, **given), lambda sealed: KEY, LOOPBACK)


class Offline:
    """A stand-in for the engine on this machine: another tone."""

    name = "offline"
    version = "1"

    def voice_for(self, language: str) -> str:
        return "plain"

    def synthesise(self, text: str, language: str, voice: str) -> bytes:
        return tone(300)


def chain(
    tmp_path: Path,
    doc: SpeechDoc | None,
    patience_s: float = 3.0,
    clock: Callable[[], float] = time.monotonic,
) -> SpeechChain:
    """Return a cell's speech."""
    online = OnlineSpeech(tmp_path, lambda: doc, lambda sealed: KEY, LOOPBACK)
    return SpeechChain(SpeechCache(tmp_path, Offline()), online, patience_s=patience_s, clock=clock)


def test_openais_endpoint_is_asked_as_it_wants(service: Service) -> None:
    sound = provider(service.url).synthesise('您好，"再见"', "zh", "nova")
    method, path, headers, body = service.asked[0]
    assert (method, path, headers["authorization"]) == ("POST", "/v1/audio/speech", f"Bearer {KEY}")
    assert json.loads(body) == {
        "model": "tts-1",
        "input": '您好，"再见"',
        "voice": "nova",
        "response_format": "wav",
    }
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)


def test_a_template_of_json(service: Service) -> None:
    made = provider(
        service.url,
        shape="template",
        url=f"{service.url}/say",
        headers="X-Key: {key}\nContent-Type: application/json\nnonsense",
        body='{"q": "{text}", "v": "{voice}", "l": "{language}"}',
    )
    made.synthesise('a "b" \\ {voice}', "en", "echo")
    _, path, headers, body = service.asked[0]
    assert (path, headers["x-key"]) == ("/say", KEY)
    assert json.loads(body) == {"q": 'a "b" \\ {voice}', "v": "echo", "l": "en-US"}


def test_a_template_in_the_address(service: Service) -> None:
    made = provider(
        service.url,
        shape="template",
        method="GET",
        url=f"{service.url}/say?text={{text}}&voice={{voice}}&k={{key}}",
        headers="Accept: audio/wav",
    )
    made.synthesise("一百 & 二 " + "长" * 300, "zh", "nova")
    method, path, _, body = service.asked[0]
    assert (method, body) == ("GET", b"")
    assert path.startswith("/say?text=%E4%B8%80%E7%99%BE%20%26%20%E4%BA%8C%20")
    assert path.endswith(f"&voice=nova&k={KEY}")


@pytest.mark.parametrize(
    "address", ["/say/{text}/{voice}", "/say?q={text}&v={voice}", "/{voice}?{voice}{text}"]
)
def test_a_text_that_looks_like_a_placeholder_is_spoken_as_it_is(service: Service, address: str) -> None:
    said = "{key} {language} {voice} %7Bkey%7D"
    made = provider(
        service.url,
        shape="template",
        url=service.url + address,
        headers="X-Text: {text}",
        body="{voice}{text}{voice}",
    )
    made.synthesise(said, "en", "{key}")
    _, path, headers, body = service.asked[0]
    assert KEY not in path + headers["x-text"] + body.decode()
    assert urllib.parse.unquote(path) == address.replace("{voice}", "{key}").replace("{text}", said)
    assert (headers["x-text"], body.decode()) == (said, "{key}" + said + "{key}")


def test_a_form_and_xml_are_escaped_as_they_must_be(service: Service) -> None:
    for kind, body, wanted in (
        ("application/x-www-form-urlencoded", "t={text}", b"t=a%26b+%3Cc%3E"),
        ("application/ssml+xml", "<speak>{text}</speak>", b"<speak>a&amp;b &lt;c&gt;</speak>"),
    ):
        made = provider(
            service.url, shape="template", url=service.url, headers=f"Content-Type: {kind}", body=body
        )
        made.synthesise("a&b <c>", "en", "echo")
        assert service.asked[-1][3] == wanted


@pytest.mark.parametrize(
    "answer",
    [
        lambda handler: send(handler, b"no", status=500),
        lambda handler: send(handler, b"no", status=401),
        lambda handler: send(handler, b'{"error": "quota"}', kind="application/json"),
        lambda handler: send(handler, b"<html>", kind="audio/wav"),
        lambda handler: send(handler, b""),
        lambda handler: send(handler, wav_bytes(np.zeros(24000), 24000)),
        lambda handler: send(handler, bytes(http.MAX_ANSWER_BYTES + 10)),
        lambda handler: handler.wfile.write(b"not http\r\n\r\n"),
        lambda handler: send(handler, b"", status=302),
    ],
    ids=["500", "401", "json", "html", "empty", "silent", "huge", "no http", "redirect"],
)
def test_a_wrong_answer_is_an_error_and_the_caller_hears_the_offline_voice(
    service: Service, tmp_path: Path, answer: Callable[[Any], None]
) -> None:
    service.answer = answer
    with pytest.raises(SpeechError):
        provider(service.url).synthesise("hello", "en", "echo")
    assert pitch(chain(tmp_path, document(service.url)).speak("hello", "en")) == pytest.approx(300, abs=3)


def test_a_dead_service_is_left_alone_after_a_few_tries(tmp_path: Path) -> None:
    doc = document("http://127.0.0.1:9")  # nobody listens on the discard port
    speech = chain(tmp_path, doc)
    for number in range(5):
        assert pitch(speech.speak(f"text {number}", "en")) == pytest.approx(300, abs=3)
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    dead = HttpSpeech(doc, lambda sealed: KEY, LOOPBACK, breaker)
    for _ in range(3):
        with pytest.raises(SpeechError, match="connect"):
            dead.synthesise("a", "en", "echo")
    with pytest.raises(SpeechError, match="left alone"):
        dead.synthesise("a", "en", "echo")
    now[0] = 31.0
    with pytest.raises(SpeechError, match="connect"):
        dead.synthesise("a", "en", "echo")
    with pytest.raises(SpeechError, match="left alone"):
        dead.synthesise("a", "en", "echo")


def test_a_service_that_recovers_is_used_again(service: Service) -> None:
    now = [0.0]
    made = HttpSpeech(document(service.url), lambda sealed: KEY, LOOPBACK, Breaker(lambda: now[0]))
    service.answer = lambda handler: send(handler, b"", status=503)
    for _ in range(3):
        with pytest.raises(SpeechError):
            made.synthesise("a", "en", "echo")
    service.answer = lambda handler: send(handler, tone(700))
    now[0] = 31.0
    assert made.synthesise("a", "en", "echo")
    assert made.synthesise("b", "en", "echo")


def test_a_slow_service_costs_a_caller_the_patience_and_serves_the_next_one(
    service: Service, tmp_path: Path
) -> None:
    go_on = threading.Event()

    def slowly(handler: Any) -> None:
        go_on.wait(5)
        send(handler, tone(700))

    service.answer = slowly
    speech = chain(tmp_path, document(service.url, timeout_s=10), patience_s=0.2)
    began = time.monotonic()
    assert pitch(speech.speak("hello", "en")) == pytest.approx(300, abs=3)
    assert time.monotonic() - began < 2
    go_on.set()
    until = time.monotonic() + 10
    cached = OnlineSpeech(tmp_path, lambda: document(service.url, timeout_s=10), lambda sealed: KEY)()
    assert cached is not None
    while not cached.path("hello", "en").exists():
        assert time.monotonic() < until
        threading.Event().wait(0.02)
    assert pitch(speech.speak("hello", "en")) == pytest.approx(700, abs=3)
    assert len(service.asked) == 1


def test_after_a_slow_answer_nobody_waits_for_a_while_and_the_cache_still_fills(
    service: Service, tmp_path: Path
) -> None:
    go_on = threading.Event()

    def slowly(handler: Any) -> None:
        go_on.wait(10)
        send(handler, tone(700))

    service.answer = slowly
    ahead = [0.0]
    doc = document(service.url, timeout_s=10)
    speech = chain(tmp_path, doc, patience_s=1.0, clock=lambda: time.monotonic() + ahead[0])
    texts = [f"text {number}" for number in range(10)]
    began = time.monotonic()
    assert [pitch(speech.speak(text, "en")) for text in texts] == pytest.approx([300] * 10, abs=3)
    assert time.monotonic() - began < 5
    go_on.set()
    cached = OnlineSpeech(tmp_path, lambda: doc, lambda sealed: KEY)()
    assert cached is not None
    until = time.monotonic() + 10
    while not all(cached.path(text, "en").exists() for text in texts):
        assert time.monotonic() < until
        threading.Event().wait(0.02)
    assert pitch(speech.speak("text 3", "en")) == pytest.approx(700, abs=3)
    assert speech.speak("at once", "en") == SpeechCache(tmp_path, Offline()).path("at once", "en")
    ahead[0] = SLOW_S
    assert pitch(speech.speak("waited for again", "en")) == pytest.approx(700, abs=3)


def test_a_prompt_lists_texts_are_waited_for_together(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompts, "PATIENCE_S", 1.5)

    def somewhat(handler: Any) -> None:
        threading.Event().wait(0.5)
        send(handler, tone(700))

    service.answer = somewhat
    speech = chain(tmp_path, document(service.url, timeout_s=10))
    sources = PromptSources(
        speech=speech, sound=lambda name, language: None, voice=lambda tenant, voice: None
    )
    context = PromptContext(sources=sources, tenant_id=1, language="en", now_ms=0)
    began = time.monotonic()
    files = resolve_all([TextPrompt(text=f"text {number}") for number in range(12)], context)
    assert time.monotonic() - began < 4
    heard = [round(pitch(path), -2) for path in files]
    assert heard[0] == 700
    assert heard == sorted(heard, reverse=True)
    assert heard[-1] == 300
    assert pitch(speech.speak("the next caller's", "en")) == pytest.approx(700, abs=3)


def test_an_answer_that_trickles_is_cut_off_by_the_deadline(service: Service) -> None:
    def trickle(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"R")
            handler.wfile.flush()
            threading.Event().wait(0.1)

    service.answer = trickle
    began = time.monotonic()
    with pytest.raises(SpeechError, match="timeout"):
        provider(service.url, timeout_s=1).synthesise("a", "en", "echo")
    assert time.monotonic() - began < 3


def test_what_was_spoken_once_is_not_asked_again(service: Service, tmp_path: Path) -> None:
    speech = chain(tmp_path, document(service.url))
    first = speech.speak("hello", "en")
    assert speech.speak("hello", "en") == first
    assert pitch(first) == pytest.approx(700, abs=3)
    assert len(service.asked) == 1
    other = chain(tmp_path, document(service.url, voice_en="alloy")).speak("hello", "en")
    assert other != first
    assert len(service.asked) == 2


def test_without_a_service_nothing_is_asked(service: Service, tmp_path: Path) -> None:
    assert pitch(chain(tmp_path, None).speak("hello", "en")) == pytest.approx(300, abs=3)
    assert service.asked == []


def test_an_inner_address_is_not_asked_unless_the_operator_opened_it(service: Service) -> None:
    closed = HttpSpeech(document(service.url), lambda sealed: KEY)
    with pytest.raises(SpeechError, match="forbidden"):
        closed.synthesise("a", "en", "echo")
    assert service.asked == []


def test_the_key_is_in_no_error_and_in_no_log(
    service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    service.answer = lambda handler: send(handler, f"bad key {KEY}".encode(), status=401)
    chain(tmp_path, document(service.url)).speak("hello", "en")
    for bad_key in (f"{KEY}\r\nX-Other: 1", f"{KEY}é"):
        broken = HttpSpeech(document(service.url), lambda sealed, key=bad_key: key, LOOPBACK)  # type: ignore[misc]
        with pytest.raises(SpeechError) as raised:
            broken.synthesise("a", "en", "echo")
        assert KEY not in str(raised.value)
    printed = capsys.readouterr()
    assert KEY not in caplog.text + printed.out + printed.err
    assert all("x-other" not in headers for _, _, headers, _ in service.asked)
