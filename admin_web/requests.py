"""What happens around every request: an id for the logs, who asks, which language, how long it took."""

from __future__ import annotations

import time
import uuid
from typing import Any

import structlog
from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Histogram
from werkzeug.routing import IntegerConverter

from admin_web.api.problems import is_api
from core.errors import TemporaryFault
from core.i18n import LANGUAGES, set_language
from core.metrics import LATENCY_BUCKETS_S
from core.sessions import SessionOverError, SignInUnfinishedError
from core.views import parts, principal_or_none, unfinished_or_none

SESSION_COOKIE = "zj_session"
LANGUAGE_COOKIE = "zj_language"
THEME_COOKIE = "zj_theme"

MAX_ROW_ID = 2**63 - 1
"""The largest id a database holds."""

log = structlog.get_logger(__name__)


class RowIdConverter(IntegerConverter):
    """A row's id in an address, from 1: what no database can hold does not exist, nor does 0, which views have for
    "a new one" and which would make one by the right to change one.
    """

    def __init__(self, map: Any, **options: Any) -> None:  # noqa: A002 - werkzeug's name
        super().__init__(map, min=1, max=MAX_ROW_ID, **options)


def install(app: Flask, registry: CollectorRegistry, *, secure_cookie: bool) -> None:
    """Hook into `app`; counts into `registry`."""
    duration = Histogram(
        "zongji_web_request_seconds",
        "Time to answer a request (to its first byte for a stream).",
        ["endpoint", "status"],
        buckets=LATENCY_BUCKETS_S,
        registry=registry,
    )
    app.config["ZONGJI_SECURE_COOKIE"] = secure_cookie
    app.before_request(_begin)

    @app.after_request
    def _end(response: Response) -> Response:
        took_s = time.perf_counter() - g.get("began_s", time.perf_counter())
        duration.labels(request.endpoint or "none", response.status_code).observe(took_s)
        response.headers["X-Request-Id"] = g.get("request_id", "")
        if request.endpoint != "static":
            log.info(
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                ms=round(took_s * 1000, 1),
            )
        return response


def _begin() -> None:
    g.began_s = time.perf_counter()
    g.request_id = uuid.uuid4().hex[:16]
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    if request.endpoint in {"static", "health.alive", "health.metrics", "switch_directory.look_up"}:
        set_language(parts().settings.default_language)
        return
    if is_api():  # its views look at the key; a cookie that comes along means nothing
        wanted = request.accept_languages.best_match(LANGUAGES)
        set_language(wanted or parts().settings.default_language)
        return
    set_language(_cookie_language() or parts().settings.default_language)
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        _recognise(token)
    # A person's choice in this browser goes before the account's.
    unfinished = unfinished_or_none()
    principal = principal_or_none() or (unfinished.principal if unfinished else None)
    set_language(
        _cookie_language() or (principal.language if principal else "") or parts().settings.default_language
    )


def _recognise(token: str) -> None:
    by_itself = request.path.startswith("/live/") or request.headers.get("X-Zongji-Background") == "1"
    try:
        g.principal = parts().sessions.verify(token, ip=request.remote_addr or "", activity=not by_itself)
        structlog.contextvars.bind_contextvars(tenant=g.principal.tenant_id, account=g.principal.account_id)
    except SignInUnfinishedError as error:
        g.unfinished = g.session_error = error
    except SessionOverError as error:
        g.session_error = error
    except TemporaryFault:
        g.session_error = None
        raise


def _cookie_language() -> str:
    language = request.cookies.get(LANGUAGE_COOKIE, "")
    return language if language in LANGUAGES else ""


def timezone() -> str:
    """Return the zone times are shown in: the tenant's, else the setting's."""
    principal = principal_or_none()
    return principal.timezone if principal else parts().settings.default_timezone


def set_session_cookie(response: Response, token: str) -> None:
    """Give the browser its session; it ends with the browser, or when idle."""
    response.set_cookie(
        SESSION_COOKIE,
        token,
        httponly=True,
        samesite="Lax",
        secure=parts().settings.effective_public_url.startswith("https:"),
        path="/",
    )
