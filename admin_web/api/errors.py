"""What the programming interface refuses, beyond `core.errors` and the features' own errors."""

from __future__ import annotations

from typing import Any

from core.errors import CallerFault, Conflict, Forbidden, ZongjiError
from core.i18n import lazy
from cti.refusals import DIAL_REFUSALS, CommandFailedError, details_of


class KeyRefusedError(CallerFault):
    """No key, or one that does not open anything."""

    id = "key-missing"
    status = 401
    sentence = lazy("Send an API key: Authorization: Bearer zj_…")


class KeyInvalidError(KeyRefusedError):
    """There is no such key."""

    id = "key-invalid"
    sentence = lazy("This API key does not exist, or no longer does.")


class KeyDisabledError(KeyRefusedError):
    """The key was switched off."""

    id = "key-disabled"
    sentence = lazy("This API key is disabled.")


class KeyExpiredError(KeyRefusedError):
    """The key's time is over."""

    id = "key-expired"
    sentence = lazy("This API key has expired.")


class KeyMakerError(KeyRefusedError):
    """The account that made the key is disabled or deleted."""

    id = "key-maker-disabled"
    sentence = lazy("The account that made this API key is disabled or deleted.")


class CompanyInactiveError(KeyRefusedError):
    """The company is suspended or closed."""

    id = "company-inactive"
    sentence = lazy("The company of this API key is suspended or closed.")


class ScopeMissingError(Forbidden):
    """The key was not made for this."""

    id = "scope-missing"
    sentence = lazy("The API key lacks the scope %(scope)s.")


class RightLostError(Forbidden):
    """The key has the scope, but its maker's account may not do it (any more)."""

    id = "right-missing"
    sentence = lazy("The key has the scope %(scope)s, but the account that made it may not do this.")


class AddressRefusedError(Forbidden):
    """The company's access ranges do not contain the caller's address."""

    id = "address-refused"
    sentence = lazy("Requests from %(address)s are not allowed by the company's access control.")


class RateLimitedError(CallerFault):
    """Too many requests in the last minute."""

    id = "rate-limited"
    status = 429
    sentence = lazy("More than %(limit)s requests in a minute. Try again in %(retry_after_s)s seconds.")


class MalformedError(CallerFault):
    """The body is no JSON object."""

    id = "malformed"
    sentence = lazy("The body is not a JSON object in UTF-8.")


class MediaTypeError(CallerFault):
    """The body is of another type."""

    id = "media-type"
    status = 415
    sentence = lazy("Send the body as application/json.")


class InvalidRequestError(CallerFault):
    """Fields or parameters are missing, unknown or unusable; ``errors`` of the answer says which."""

    id = "invalid-request"
    status = 422
    sentence = lazy("Some fields are missing, unknown or have values that cannot be used.")


class ChangedMeanwhileError(CallerFault):
    """``If-Match`` names another version than there is."""

    id = "changed-meanwhile"
    status = 412
    sentence = lazy("It was changed in the meantime. Read it again, then repeat the change.")


class IdempotencyKeyError(CallerFault):
    """The header is too long or has signs that are not allowed."""

    id = "idempotency-key-invalid"
    sentence = lazy("Idempotency-Key must be 1 to 128 visible ASCII characters.")


class IdempotencyMismatchError(CallerFault):
    """The key was used for another request."""

    id = "idempotency-mismatch"
    status = 422
    sentence = lazy("This Idempotency-Key was used for another request.")


class UnderWayError(Conflict):
    """The first request with the key is not finished; ``Retry-After`` says when to ask again."""

    id = "under-way"
    sentence = lazy("The first request with this Idempotency-Key is still under way.")


class CallOverError(Conflict):
    """There is nothing left to hang up."""

    id = "call-over"
    sentence = lazy("The call is over.")


def refusal(result: dict[str, Any]) -> ZongjiError:
    """Return the error for a controller's result that is not ok."""
    reason = str(result.get("error", "")) or "unknown"
    kind = DIAL_REFUSALS.get(reason)
    if kind is not None:
        return kind(**details_of(result))
    return CallOverError() if reason in {"no-such-leg", "wrong-state"} else CommandFailedError(reason=reason)
