"""A test call into a tenant's route: a simulated caller on switchsim, a looped-back one on a real switch.

The demo page and ``zongji demo call`` use it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Final

import redis as redis_py
from sqlalchemy import select

from core import phone
from core.bus import send_command
from core.database import TenantSession
from core.errors import CallerFault, NotFound, PeerFault
from core.i18n import lazy
from cti.models import InboundRoute

LONGEST_S: Final = 300.0
_KEY = re.compile(r"[0-9*#]")


class NoSuchRouteError(NotFound):
    """No route has the number."""

    id = "no-such-route"
    sentence = lazy("No route has the number %(number)s.")


class InvalidKeysError(CallerFault):
    """A key is none, or pressed outside the call."""

    id = "invalid-keys"
    status = 422
    sentence = lazy("Keys are 0 to 9, * and #, each pressed at most 300 seconds after the call began.")


class InvalidLengthError(CallerFault):
    """The caller would stay on the line too long, or no length of time at all."""

    id = "invalid-length"
    status = 422
    sentence = lazy("The caller hangs up after 1 to %(maximum)s seconds.")


class CallRefusedError(PeerFault):
    """The telephone system did not place the call."""

    id = "call-refused"
    sentence = lazy("The telephone system refused the call: %(reason)s.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placed:
    """A test call on its way."""

    tenant_id: int
    number: str
    caller: str


def place(
    session: TenantSession,
    redis: redis_py.Redis,
    cell: str,
    *,
    number: str,
    caller: str,
    keys: Sequence[tuple[float, str]] = (),
    hangup_after_s: float = 0,
    actor_id: int = 0,
) -> Placed:
    """Place a call from `caller` to `number`, a route in the session's scope; `keys` are pressed at seconds after it
    began.

    Raises ``InvalidNumberError``, :class:`NoSuchRouteError`, :class:`InvalidKeysError`, :class:`CallRefusedError`,
    ``ControllerSilentError`` and what Redis raises. The session is given back before the command is waited for.
    """
    called, from_number = phone.parse(number).stored, phone.parse(caller).stored
    if any(not 0 <= at_s <= LONGEST_S or not _KEY.fullmatch(key) for at_s, key in keys):
        raise InvalidKeysError()
    if hangup_after_s and not 0 < hangup_after_s <= LONGEST_S:
        raise InvalidLengthError(field="hangup_after_s", maximum=int(LONGEST_S))
    tenant_id = session.scalar(select(InboundRoute.tenant_id).where(InboundRoute.number == called))
    session.rollback()
    if tenant_id is None:
        raise NoSuchRouteError(number=phone.display(called))
    body = {
        "number": called,
        "caller": from_number,
        "keys": [list(pair) for pair in keys],
        "hangup_after_s": hangup_after_s,
    }
    result = send_command(redis, cell, "demo.call", tenant_id, actor_id, body)
    if not result.get("ok"):
        raise CallRefusedError(reason=str(result.get("error", "")))
    return Placed(tenant_id=tenant_id, number=called, caller=from_number)
