"""The base of every view of the programming interface: key, rate, right, request, answer, in this order.

A view declares its operations; reading what was sent, the answers' form and the OpenAPI document follow from them.
No cookie is honoured here, so no request needs a form token. The view's function gets the typed request and returns
the typed answer; it never commits: the base does, together with the answer of a repeatable request.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, cast

import msgspec
from flask import Flask, Response, current_app, g, make_response, request
from flask.typing import ResponseReturnValue
from msgspec import Struct
from sqlalchemy.exc import IntegrityError

from admin_web.api import authentication, idempotency, reading
from admin_web.api.authentication import Caller
from admin_web.api.errors import (
    ChangedMeanwhileError,
    RateLimitedError,
    RightLostError,
    ScopeMissingError,
)
from admin_web.api.rate import RateLimits
from admin_web.api.scopes import MEANINGS, ApiScope
from core.errors import Conflict, ZongjiError
from core.i18n import LANGUAGES, LazyText, set_language
from core.permissions import Principal
from core.views import Open, View, parts, session

MAX_REQUEST_TARGET: Final = 4096
"""Characters of an address with its query; a longer one is refused by the web server too."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """A typed answer with what an operation says about it besides."""

    value: Struct | None
    status: int = 200
    location: str = ""
    etag: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one address, declared once."""

    id: str
    """``operationId``: never changes."""
    summary: LazyText
    scope: ApiScope
    answer: Any = None
    """Type of the answer's body; None: none, or bytes of ``media``."""
    description: LazyText | None = None
    query: type[Struct] | None = None
    body: type[Struct] | None = None
    status: int = 200
    errors: Sequence[type[ZongjiError]] = ()
    """The feature's own refusals; those every operation may give are added."""
    versioned: bool = False
    """The answer has an ``ETag``; a change takes ``If-Match``."""
    media: str = "application/json"
    ranges: bool = False
    """Bytes are sent by ranges."""
    references: bool = False
    """Something that is named may not exist: 404 without an id in the address."""


class ClashError(Conflict):
    """The database refuses the row: another one has its code or number, or something it names is gone."""

    id = "clash"


class ApiView(View):
    """Base of the interface's views; `tag` groups them in the document, `rule` is the address below ``/api/v1``."""

    access = Open.KEY
    rule: ClassVar[str]
    tag: ClassVar[LazyText]
    operations: ClassVar[Mapping[str, Operation]]

    def dispatch_request(self, **arguments: Any) -> ResponseReturnValue:
        """Serve the request. Raises errors that become problem details."""
        request.max_content_length = reading.MAX_BODY_BYTES
        method = "GET" if request.method == "HEAD" else request.method
        operation = self.operations[method]
        caller = self._let_in(operation)
        values = dict(arguments)
        if operation.query is not None:
            values["query"] = reading.query(operation.query, request.args)
        elif request.args:
            reading.query(_Nothing, request.args)
        if operation.body is not None:
            values["body"] = reading.body(operation.body, request.get_data(), request.mimetype)
        function = getattr(self, method.lower())
        key = request.headers.get("Idempotency-Key")
        if method == "POST" and key is not None:
            return self._once(caller, key, function, values)
        return self._carry_out(function, values, method)

    def _let_in(self, operation: Operation) -> Caller:
        """Return who asks, counted and allowed; their principal is the request's."""
        made = parts()
        address = request.remote_addr or ""
        token = authentication.token_of(request.headers.get("Authorization"))
        caller = authentication.authenticate(made.database, token, address)
        g.principal, g.api_caller = caller.principal, caller
        if not request.accept_languages.best_match(LANGUAGES):
            set_language(caller.principal.language)
        limits = cast(RateLimits, current_app.extensions["zongji-api-rate"])
        g.api_standing = standing = limits.hit(caller.key_id, caller.per_minute)
        if not standing.allowed:
            raise RateLimitedError(limit=standing.limit, retry_after_s=standing.reset_s)
        if operation.scope not in caller.scopes:
            raise ScopeMissingError(scope=operation.scope.value)
        if not any(map(caller.principal.may, MEANINGS[operation.scope].needed)):
            raise RightLostError(scope=operation.scope.value)
        return caller

    def _once(self, caller: Caller, key: str, function: Any, values: dict[str, Any]) -> Response:
        database = parts().database
        fingerprint = idempotency.request_hash(request.method, request.full_path, request.get_data())
        taken = idempotency.take(database, caller.principal.tenant_id, caller.key_id, key, fingerprint)
        if isinstance(taken, idempotency.Kept):
            return _kept_response(taken)
        g.api_claim = taken
        try:
            return self._carry_out(function, values, "POST", taken)
        except Exception:
            session().rollback()
            idempotency.release(database, taken)
            raise

    def _carry_out(
        self, function: Any, values: dict[str, Any], method: str, claim: idempotency.Claim | None = None
    ) -> Response:
        try:
            answer = function(**values)
            if isinstance(answer, Response):
                return answer
            response = _response(answer if isinstance(answer, Answer) else Answer(value=answer))
            if method not in {"GET", "HEAD"}:
                if claim is not None:
                    idempotency.finish(session(), claim, _kept(response))
                session().commit()
        except IntegrityError:
            session().rollback()
            raise ClashError() from None
        return response


class _Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


def _response(answer: Answer) -> Response:
    if answer.value is None:
        return make_response("", 204)
    response = make_response(msgspec.json.encode(answer.value), answer.status)
    response.content_type = "application/json"
    if answer.location:
        response.headers["Location"] = answer.location
    if answer.etag:
        response.headers["ETag"] = answer.etag
    return response


def _kept(response: Response) -> idempotency.Kept:
    headers = {name: response.headers[name] for name in ("Location", "ETag") if name in response.headers}
    return idempotency.Kept(
        status=response.status_code, headers=headers, body=response.get_data(as_text=True)
    )


def _kept_response(kept: idempotency.Kept) -> Response:
    response = make_response(kept.body, kept.status)
    response.content_type = "application/json"
    response.headers.update(kept.headers)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def maker() -> Principal:
    """Return the account behind the request's key with all its rights.

    Services that ask whether somebody is above an account (nobody gives rights they lack) are asked for the maker:
    what the key itself may do was decided by its scopes before.
    """
    return cast(Caller, g.api_caller).maker


def etag_of(value: Struct, *, without: frozenset[str] = frozenset()) -> str:
    """Return the entity tag of what an answer shows; fields `without` change by themselves and do not count."""
    shown = {name: each for name, each in msgspec.structs.asdict(value).items() if name not in without}
    return f'"{hashlib.sha256(msgspec.json.encode(shown, order="deterministic")).hexdigest()[:32]}"'


def require_match(etag: str) -> None:
    """Raise :class:`ChangedMeanwhileError` when the request's ``If-Match`` names another version than `etag`."""
    if "If-Match" in request.headers and not request.if_match.contains(etag.strip('"')):
        raise ChangedMeanwhileError()


def install(app: Flask) -> None:
    """Give `app` the counter of requests, and every answer of the interface its headers."""
    app.extensions["zongji-api-rate"] = RateLimits(app.extensions["zongji"].redis)

    @app.after_request
    def _headers(response: Response) -> Response:
        standing = g.get("api_standing")
        if standing is not None:
            response.headers["RateLimit-Limit"] = str(standing.limit)
            response.headers["RateLimit-Remaining"] = str(standing.remaining)
            response.headers["RateLimit-Reset"] = str(standing.reset_s)
        return response
