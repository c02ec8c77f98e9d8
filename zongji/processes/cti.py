"""Runs the controller of this cell.

One per cell: a file lock refuses a second one. A watchdog thread kills the process when its loop stalls, because the
event socket obeys every client and cannot fence one; the supervisor starts a new one, which goes on with the calls.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import faulthandler  # noqa: E402
import fcntl  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Iterable  # noqa: E402
from typing import IO, Any, TypeVar  # noqa: E402

import gevent  # noqa: E402
import gevent.event  # noqa: E402
import msgspec  # noqa: E402
import structlog  # noqa: E402
from gevent.pywsgi import WSGIServer  # noqa: E402

from core import documents, redis  # noqa: E402
from core.crypto import Vault  # noqa: E402
from core.metrics import CONTENT_TYPE, exposition, make_registry  # noqa: E402
from core.outbound_http import networks  # noqa: E402
from core.settings import Settings  # noqa: E402
from core.store import FileStore  # noqa: E402
from cti.controller.controller import Controller  # noqa: E402
from cti.controller.metrics import Metrics  # noqa: E402
from freeswitch_conf.gateways import GatewayFiles  # noqa: E402
from freeswitch_conf.layout import layout  # noqa: E402
from ivr.preparing import Preparing  # noqa: E402
from ivr.prompts import PromptSources  # noqa: E402
from ivr.tts.cache import SpeechCache  # noqa: E402
from ivr.tts.chain import OnlineSpeech, SpeechChain  # noqa: E402
from ivr.tts.espeak import default_provider  # noqa: E402
from ivr.voices.local import LocalVoices  # noqa: E402
from sounds.build import manifest  # noqa: E402
from zongji.processes.start import begin  # noqa: E402
from zongji.version import version  # noqa: E402

log = structlog.get_logger(__name__)
D = TypeVar("D", bound=documents.Document)

STALL_S = 8.0
"""A loop that did not turn for so long is stuck: the watchdog ends the process."""
SCRIPT_TIMEOUT_S = 0.5
"""Longest wait of a call for Redis."""
BLOCKING_TIMEOUT_S = 5.0
PREPARE_S = 2.0
"""Between two looks at what is newly published."""


def main() -> None:
    """Drive calls until told to stop; calls stay up."""
    settings = begin("cti")
    lock = _lock(settings)
    registry = make_registry("cti", version())

    def published(kind: type[D], document_id: int) -> D | None:
        return controller.documents.get(kind, document_id)

    voices = LocalVoices(
        settings.prompts_dir / "voices",
        FileStore(settings.store_dir),
        lambda voice_id: published(documents.VoiceDoc, voice_id),
    )
    sources = _prompts(settings, voices, lambda: published(documents.SpeechDoc, documents.SPEECH_ID))
    controller = Controller(
        settings,
        redis=redis.from_settings(settings, reply_timeout_s=SCRIPT_TIMEOUT_S),
        blocking=(
            redis.from_settings(settings, reply_timeout_s=BLOCKING_TIMEOUT_S),
            redis.from_settings(settings, reply_timeout_s=BLOCKING_TIMEOUT_S),
        ),
        prompts=sources,
        metrics=Metrics(registry),
        gateway_files=GatewayFiles(layout(settings)),
    )
    stop = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    _watch()
    controller.start()
    gevent.spawn(_prepare, controller, sources, voices)
    server = _serve(settings, controller, registry)
    log.info("cti_started", cell=settings.cell, switch=settings.effective_switch.value)
    stop.wait()
    log.info("cti_stopping", calls_left_up=len(controller.board.calls))
    server.stop(timeout=0.2)
    controller.stop()
    lock.close()


def _prompts(
    settings: Settings, voices: LocalVoices, service: Callable[[], documents.SpeechDoc | None]
) -> PromptSources:
    folder = settings.prompts_dir
    online = OnlineSpeech(
        folder,
        service,
        lambda sealed: Vault.from_settings(settings).open(sealed),
        networks(settings.outbound_allowed_networks),
    )
    return PromptSources(
        speech=SpeechChain(SpeechCache(folder, default_provider()), online),
        sound=manifest(settings).prompt,
        voice=voices.voice,
    )


def _prepare(controller: Controller, sources: PromptSources, voices: LocalVoices) -> None:
    """Have what calls will need made before they come, for as long as the process runs."""
    held = controller.documents
    preparing = Preparing(
        sources,
        voices,
        flows=lambda: held.all(documents.FlowDoc),
        published_voices=lambda: held.all(documents.VoiceDoc),
        tenant=lambda tenant_id: held.get(documents.TenantDoc, tenant_id),
        speech=lambda: held.get(documents.SpeechDoc, documents.SPEECH_ID),
    )
    while True:
        gevent.sleep(PREPARE_S)
        try:
            preparing.look()
        except Exception:
            log.exception("not_prepared")  # calls make for themselves what is missing


def _lock(settings: Settings) -> IO[str]:
    settings.cell_dir.mkdir(parents=True, exist_ok=True)
    lock = (settings.cell_dir / "cti.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"Another controller of {settings.cell} is running; there can be one per cell.")
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _watch() -> None:
    """Start the watchdog in a real thread; the loop feeds it."""
    original_time = monkey.get_original("time", ["monotonic", "sleep"])
    start_thread = monkey.get_original("_thread", "start_new_thread")
    monotonic, sleep = original_time
    fed = [monotonic()]

    def feed() -> None:
        while True:
            fed[0] = monotonic()
            gevent.sleep(0.5)

    def guard() -> None:
        while True:
            before = monotonic()
            sleep(1.0)
            # A process that was frozen as a whole (SIGSTOP) gets a chance to feed before it is judged.
            if monotonic() - before > 3.0:
                continue
            if monotonic() - fed[0] > STALL_S:
                faulthandler.dump_traceback(file=sys.stderr)
                os.kill(os.getpid(), signal.SIGKILL)

    gevent.spawn(feed)
    start_thread(guard, ())


def _serve(settings: Settings, controller: Controller, registry: Any) -> WSGIServer:
    """Answer /healthz and /metrics on loopback."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/metrics":
            start_response("200 OK", [("Content-Type", CONTENT_TYPE)])
            return [exposition(registry)]
        if path == "/healthz":
            state = controller.healthy()
            status = "200 OK" if all(state.values()) else "503 Service Unavailable"
            start_response(status, [("Content-Type", "application/json")])
            return [msgspec.json.encode(state)]
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"not found\n"]

    server = WSGIServer(("127.0.0.1", settings.metrics_port), application, log=None, error_log=None)
    server.start()
    return server


if __name__ == "__main__":
    main()
