"""The four kinds of failure that are not bugs (house style 15).

A feature declares its own: ``class LoginTaken(CallerFault): id = "login-taken"; status = 409; sentence =
lazy("…")`` and raises it with the values its sentence names: ``raise LoginTaken(login=login)``. Code decides
on the class or `id`, never on the text.
"""

from __future__ import annotations

from typing import Any, ClassVar

from core.i18n import LazyText, current_language, lazy, use_language


class ZongjiError(Exception):
    """What all kinds have: a stable kebab-case `id`, an HTTP `status`, a `sentence` for people, `details` for
    code.
    """

    id: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    sentence: ClassVar[LazyText] = lazy("Something went wrong.")

    def __init__(self, **details: Any) -> None:
        super().__init__(self.id, details)
        self.details = details

    def text(self, language: str | None = None) -> str:
        """Return the sentence in `language`, or in the current one."""
        filled = self.sentence.filled(**self.details)
        return str(filled) if language is None else filled.in_language(language)

    def __str__(self) -> str:
        return self.text("en")

    def as_dict(self, language: str | None = None) -> dict[str, Any]:
        """Return the error as the API and live pages get it."""
        with use_language(language or current_language()):
            details = {
                name: str(each) if isinstance(each, LazyText) else each for name, each in self.details.items()
            }
        return {"error": self.id, "message": self.text(language), "detail": details}


class CallerFault(ZongjiError):
    """Who asked must ask otherwise."""

    id = "bad-request"
    status = 400
    sentence = lazy("The request cannot be carried out as it is.")


class NotFound(CallerFault):
    """There is no such thing, or not for the one who asks."""

    id = "not-found"
    status = 404
    sentence = lazy("This does not exist, or no longer does.")


class Forbidden(CallerFault):
    """The right for it is missing."""

    id = "forbidden"
    status = 403
    sentence = lazy("Your account may not do this.")


class Conflict(CallerFault):
    """It clashes with what there is."""

    id = "conflict"
    status = 409
    sentence = lazy("This clashes with something that exists already.")


class InvalidField(CallerFault):
    """A field of a form has an unusable value; `field` names it."""

    id = "invalid-field"
    status = 422
    sentence = lazy("The field %(field)s has a value that cannot be used.")


class PeerFault(ZongjiError):
    """A neighbour (switch, SMSC, provider) answered what it should not."""

    id = "peer-fault"
    status = 502
    sentence = lazy("Another system answered with an error.")


class TemporaryFault(ZongjiError):
    """It may work later; `retry_after_s` says when to try again."""

    id = "temporary"
    status = 503
    sentence = lazy("This is not possible at the moment. Please try again shortly.")
    retry_after_s: ClassVar[int] = 5


class PermanentFault(ZongjiError):
    """It will not work however often it is tried, and it is not the caller's doing."""

    id = "permanent"
    status = 500
    sentence = lazy("This cannot be done; the operator has to put something right first.")


class BadFieldError(CallerFault):
    """A request lacks a field, or it has an unusable value."""

    id = "bad-field"
    status = 422
    sentence = lazy("The field %(field)s is missing or has a value that cannot be used.")
