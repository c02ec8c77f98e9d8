"""Failures as people see them: a page, a message in the corner, or JSON, by what asked."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import structlog
from flask import Flask, Response, g, jsonify, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import BadHost, HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from admin_web.api import problems
from admin_web.assets import NotBuiltError
from core import errors as kinds
from core.errors import ZongjiError
from core.i18n import lazy
from core.redis import RedisError
from core.sessions import SessionOverError
from core.views import parts, principal_or_none

log = structlog.get_logger(__name__)

JSON_PATHS = ("/live/", "/desk/api/", "/switch/")


class FormExpiredError(kinds.CallerFault):
    """The form's token does not belong to this browser any more."""

    id = "form-expired"
    status = 400
    sentence = lazy("This page was open too long. Reload it and try again.")


class TooLargeError(kinds.CallerFault):
    """The request's body is larger than allowed."""

    id = "too-large"
    status = 413
    sentence = lazy("What was sent is too large.")


class WrongMethodError(kinds.CallerFault):
    """The address exists, but not for this method."""

    id = "wrong-method"
    status = 405
    sentence = lazy("This address does not take such a request.")


class DatabaseAwayError(kinds.TemporaryFault):
    """The database does not answer."""

    id = "database-away"
    sentence = lazy("The database does not answer at the moment. Calls go on; please try again shortly.")


class RedisAwayError(kinds.TemporaryFault):
    """Redis does not answer."""

    id = "redis-away"
    sentence = lazy("Live data is not available at the moment. Calls go on; please try again shortly.")


class BugError(kinds.PermanentFault):
    """Shown instead of what really happened, which is in the log under the request's id."""

    id = "unexpected"
    sentence = lazy("Something unexpected happened. The log has it under %(request_id)s.")


def wants_json() -> bool:
    """Return whether a program asks, not a page."""
    if request.path.startswith(JSON_PATHS):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], default="text/html")
    return best == "application/json"


def is_htmx() -> bool:
    """Return whether htmx asks for a fragment."""
    return (
        request.headers.get("HX-Request") == "true"
        and request.headers.get("HX-History-Restore-Request") != "true"
    )


def install(app: Flask) -> None:
    """Answer every kind of failure of `app`."""
    app.register_error_handler(ZongjiError, answer)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _database)
    app.register_error_handler(RedisError, _redis)
    app.register_error_handler(OverflowError, _overflow)
    app.register_error_handler(Exception, _bug)


def _overflow(error: OverflowError) -> Response:
    """A number too large for the database (SQLite's driver says so by itself): what it names does not exist."""
    return answer(kinds.NotFound())


def answer(error: ZongjiError) -> Response:
    """Return `error` in the form the asker can show."""
    if error.status >= 500:
        log.warning("failed", error=error.id, details=error.details)
    if problems.is_api():
        return problems.answer(error)
    if wants_json():
        response = jsonify({**error.as_dict(), "detail": _plain(error.details)})
    elif isinstance(error, SessionOverError):
        return _to_sign_in(error)
    elif is_htmx() and not _asks_for_page():
        response = make_response("")
        response.headers["HX-Reswap"] = "none"
        trigger = {"zj:toast": {"text": error.text(), "kind": "danger"}}
        response.headers["HX-Trigger"] = json.dumps(trigger)
    else:
        response = _page(error)
    response.status_code = error.status
    if isinstance(error, kinds.TemporaryFault):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _page(error: ZongjiError) -> Response:
    try:
        return make_response(render_template("errors/page.html", error=error))
    except NotBuiltError as missing:
        log.warning("front end not built", reason=str(missing))
        return make_response(
            Response(f"{error.text()}\n\n{missing}\n", content_type="text/plain; charset=utf-8")
        )


def _plain(details: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value if isinstance(value, (int, float, list, dict, bool)) else str(value)
        for key, value in details.items()
    }


def _asks_for_page() -> bool:
    return request.method == "GET" and request.headers.get("HX-Target") == "zj-main"


def _to_sign_in(error: SessionOverError) -> Response:
    here = request.full_path.rstrip("?") if request.method == "GET" and not is_htmx() else ""
    if is_htmx() and _asks_for_page():
        here = request.full_path.rstrip("?")
    arguments = {"next": here} if here and here != "/" else {}
    if "session_error" in g and g.session_error is not None:
        arguments["why"] = error.id
    address = url_for("sign_in.page") + (f"?{urlencode(arguments)}" if arguments else "")
    if is_htmx():
        response = make_response("", 401)
        response.headers["HX-Redirect"] = address
        return response
    return make_response(redirect(address))


def _http(error: HTTPException) -> Response | HTTPException:
    if isinstance(error, CSRFError):
        return answer(FormExpiredError())
    if isinstance(error, BadHost):  # without a host there are no addresses, so no page of ours either
        return Response(kinds.CallerFault().text() + "\n", 400, content_type="text/plain; charset=utf-8")
    if isinstance(error, NotFound):
        return answer(
            kinds.NotFound(path=request.path) if principal_or_none() or wants_json() else kinds.NotFound()
        )
    if isinstance(error, MethodNotAllowed):
        return answer(WrongMethodError(allow=", ".join(sorted(error.valid_methods or ()))))
    if isinstance(error, RequestEntityTooLarge):
        return answer(TooLargeError())
    if error.code is None or error.code < 400:
        return error
    return answer(kinds.CallerFault()) if error.code < 500 else answer(kinds.PermanentFault())


def _database(error: OperationalError) -> Response:
    log.warning("database-away", reason=str(error.orig))
    parts().db.session.rollback()
    return answer(DatabaseAwayError())


def _redis(error: RedisError) -> Response:
    log.warning("redis-away", reason=str(error))
    return answer(RedisAwayError())


def _bug(error: Exception) -> Response:
    log.exception("bug", path=request.path)
    return answer(BugError(request_id=g.get("request_id", "")))
