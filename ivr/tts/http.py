"""Speech from a service over HTTP, set up by the operator (CTI-I17): any that answers a request with a sound file.

Two shapes: OpenAI's speech endpoint (``POST …/v1/audio/speech`` with ``model``, ``voice``, ``input``, answered with the
file), which many servers imitate, and a template with the placeholders ``{text}``, ``{voice}``, ``{language}`` and
``{key}``. Requests go out through `core.outbound_http`: to the public internet, or to networks the operator opened.

The key is opened for the moment of the request; no error of this module carries it, an answer's text or the address.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import quote, quote_plus

import numpy as np

from core.documents import SpeechDoc
from core.errors import CallerFault, ZongjiError
from core.outbound_http import Network, Outbound, OutboundError, Target, parse
from ivr.tts.audio import wav_bytes
from ivr.tts.espeak import speakable
from ivr.tts.provider import SpeechError
from ivr.voices.convert import SILENT_PEAK, decode

MAX_ANSWER_BYTES = 8 * 1024 * 1024
"""Longer answers are refused: the longest text is some seven minutes, 7 MB of 16-bit sound at 8 kHz."""
FAILURES = 3
"""Failures in a row after which the service is left alone for `REST_S`."""
REST_S = 30.0
PLACEHOLDERS = ("text", "voice", "language", "key")
_IN_TEXT = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")
_IN_ADDRESS = re.compile("%7B(" + "|".join(PLACEHOLDERS) + ")%7D")
"""As `core.outbound_http.parse` writes them, in the path and in the query."""
_LANGUAGES = {"zh": "zh-CN", "en": "en-US"}


class Breaker:
    """Leaves a service alone that keeps failing, then lets one request try it again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._closed_until = 0.0
        self._guard = threading.Lock()

    def enter(self) -> None:
        """Ask to make a request. Raises `SpeechError` while the service rests."""
        with self._guard:
            if self._failures < FAILURES:
                return
            if self._clock() < self._closed_until:
                raise SpeechError("the speech service failed repeatedly and is left alone for a while")
            self._closed_until = self._clock() + REST_S  # this request tries it; the others go on resting

    def succeeded(self) -> None:
        """The service answered as it should."""
        with self._guard:
            self._failures = 0

    def failed(self) -> None:
        """It did not."""
        with self._guard:
            self._failures += 1
            self._closed_until = self._clock() + REST_S


class HttpSpeech:
    """A `SpeechProvider` over HTTP. `open_key` opens the sealed key (`core.crypto.Vault.open`)."""

    version = "1"

    def __init__(
        self,
        service: SpeechDoc,
        open_key: Callable[[str], str],
        allowed: Sequence[Network] = (),
        breaker: Breaker | None = None,
    ) -> None:
        self._service = service
        self._open_key = open_key
        self._outbound = Outbound(allowed, total_s=float(service.timeout_s))
        self._breaker = breaker or Breaker()
        parts = (service.shape, service.url, service.model, service.method, service.headers, service.body)
        self.name = "http-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def voice_for(self, language: str) -> str:
        """Return the voice set up for ``zh`` or ``en``."""
        return self._service.voice_zh if language == "zh" else self._service.voice_en

    def synthesise(self, text: str, language: str, voice: str) -> bytes:
        """See `SpeechProvider.synthesise`."""
        spoken = speakable(text)
        self._breaker.enter()
        try:
            sound = self._ask(spoken, language, voice)
        except BaseException:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return sound

    def _ask(self, text: str, language: str, voice: str) -> bytes:
        method, target, headers, body = self._request(text, language, voice)
        try:
            answer = self._outbound.request(method, target, headers, body, max_bytes=MAX_ANSWER_BYTES + 1)
        except OutboundError as error:
            raise SpeechError(f"the speech service: {error.reason.value}") from None
        if answer.status != 200:
            raise SpeechError(f"the speech service answered {answer.status}")
        if len(answer.body) > MAX_ANSWER_BYTES:
            raise SpeechError("the speech service answered with too much")
        try:
            samples = decode(answer.body)
        except CallerFault as error:
            raise SpeechError(f"the speech service's answer is no sound: {error.id}") from error
        if samples.size == 0 or float(np.max(np.abs(samples))) < SILENT_PEAK:
            raise SpeechError("the speech service's answer is silent")
        return wav_bytes(samples)

    def _request(self, text: str, language: str, voice: str) -> tuple[str, Target, dict[str, str], bytes]:
        service = self._service
        try:
            key = self._open_key(service.key_encrypted) if service.key_encrypted else ""
            target = parse(service.url)
        except ZongjiError as error:
            raise SpeechError(f"the speech service cannot be asked: {error.id}") from error
        if service.shape == "openai":
            return "POST", target, _bearer(key), _openai_body(service.model, text, voice)
        values = {"text": text, "voice": voice, "language": _LANGUAGES.get(language, language), "key": key}
        lines = header_lines(service.headers)
        headers = _checked({name: filled(value, values, str) for name, value in lines.items()})
        path = _IN_ADDRESS.sub(lambda place: quote(values[place[1]], safe=""), target.path)
        target = replace(target, path=path)
        if service.method == "GET":
            return "GET", target, headers, b""
        kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
        body = filled(service.body, values, _escape_for(kind, service.body))
        return "POST", target, headers, body.encode()


def filled(template: str, values: dict[str, str], escape: Callable[[str], str]) -> str:
    """Return the template with its placeholders replaced in one go: a value's own braces stay what they are."""
    return _IN_TEXT.sub(lambda place: escape(values[place[1]].replace("\0", "")), template)


def header_lines(text: str) -> dict[str, str]:
    """Return the headers of lines ``Name: value``; what is no such line is left out."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs if name.strip()}


def _checked(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers, or raise without saying what is in them."""
    for name, value in headers.items():
        if not (name + value).isascii() or not (name + value).isprintable() or " " in name:
            raise SpeechError("a header of the speech service cannot be sent")
    return headers


def _bearer(key: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    return _checked(headers | {"Authorization": f"Bearer {key}"} if key else headers)


def _openai_body(model: str, text: str, voice: str) -> bytes:
    wanted = {"model": model, "input": text, "voice": voice or "alloy", "response_format": "wav"}
    return json.dumps(wanted, ensure_ascii=False).encode()


def _escape_for(kind: str, template: str) -> Callable[[str], str]:
    """Return how a value is put into a body of this kind."""
    if "x-www-form-urlencoded" in kind:
        return quote_plus
    if "json" in kind or (not kind and template.lstrip().startswith(("{", "["))):
        return lambda value: json.dumps(value, ensure_ascii=False)[1:-1]
    if "xml" in kind or (not kind and template.lstrip().startswith("<")):
        return lambda value: (
            value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
        )
    return str
