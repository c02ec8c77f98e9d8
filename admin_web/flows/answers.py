"""How the editor's requests are read and answered: JSON both ways, failures too."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from flask import jsonify, request
from flask.typing import ResponseReturnValue

from core.errors import CallerFault
from core.i18n import current_language
from core.sessions import SessionOverError
from core.views import View, session
from ivr import service
from ivr.problems import Problem

Kind = TypeVar("Kind")


class JsonView(View):
    """A view whose failures are JSON whatever the request says it accepts: ``{error, message, detail, …}``, the
    details beside them too. The page itself (GET of a page) is not one.
    """

    pages: frozenset[str] = frozenset()
    """Methods that answer a page, with pages for failures."""

    def dispatch_request(self, **arguments: Any) -> ResponseReturnValue:
        """Serve the request."""
        if request.method in self.pages:
            return super().dispatch_request(**arguments)
        try:
            return super().dispatch_request(**arguments)
        except SessionOverError:
            raise
        except service.FlowNotReady as error:
            answer = {"error": error.id, "message": error.text(), "problems": shown(error.problems)}
            status = error.status
        except CallerFault as error:
            answer = {**error.details, **error.as_dict()}
            status = error.status
        session().rollback()
        return jsonify(answer), status


def shown(problems: list[Problem]) -> list[dict[str, Any]]:
    """Return problems as the editor shows them, in the reader's language."""
    language = current_language()
    return [
        {
            "node": each.node,
            "field": each.field,
            "severity": each.severity.value,
            "text": each.sentence(language),
        }
        for each in problems
    ]


class Seen(msgspec.Struct):
    """What the editor sends to have something done with the draft it shows."""

    revision: int
    """The one it shows; another one is refused."""


def body_of(kind: type[Kind]) -> Kind:
    """Return the request's JSON body. Raises `ivr.service.FlowUnreadable`."""
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise service.FlowUnreadable(reason=str(error)) from error
