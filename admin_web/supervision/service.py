"""What a supervisor does about agents and waiting calls (SUP-2 to SUP-9): each a command to the controller, and a line
in the log with who, whom and which call.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final

import redis as redis_py

from admin_web import live_snapshot
from admin_web.live_page import Audience
from admin_web.supervision import errors
from core import audit, bus
from core.database import TenantSession
from core.errors import BadFieldError
from core.models import Account
from core.permissions import Principal
from cti.acd.agents import CHOOSABLE
from cti.desk.customer_card import customer_card
from cti.models import Queue
from cti.supervision import Mode

_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
MODES: Final = {each.value for each in Mode}
STATES: Final = {each.value for each in CHOOSABLE}
VERBS: Final = {
    "monitor": "monitor",
    "whisper": "whisper",
    "barge": "barge",
    "stop": "leave-call",
    "hangup": "force-hangup",
    "take_over": "take-over",
    "pick_up": "pick-up",
    "move": "move-call",
    "set_state": "state",
    "sign_out": "force-sign-out",
}
"""What each command is in the log (`core.audit_words`)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Board:
    """The controller of this cell, asked as the signed-in supervisor."""

    session: TenantSession
    redis: redis_py.Redis
    cell: str
    principal: Principal

    def act(self, kind: str, subject: Any, changes: Mapping[str, list[Any]], **body: Any) -> dict[str, Any]:
        """Send ``supervise.<kind>``, write it into the log if it was or may have been done; return what was answered.

        Raises the refusal as an error of `admin_web.supervision.errors`, and ``ControllerSilentError``.
        """
        me = self.principal
        queues = None if me.queues is None else sorted(me.queues)
        sent = {"account_id": me.account_id, "queues": queues, **body}
        try:
            result = bus.send_command(
                self.redis, self.cell, f"supervise.{kind}", me.tenant_id, me.account_id, sent
            )
        except bus.ControllerSilentError:
            self._log(kind, body, subject, {**changes, "unanswered": ["", True]})
            raise
        if not result.pop("ok", False):
            raise errors.refusal(result)
        call = result.get("call_id")
        about = {**changes, **({"call": ["", call]} if call and "call" not in changes else {})}
        self._log(kind, body, subject, about)
        return result

    def _log(self, kind: str, body: Mapping[str, Any], subject: Any, about: Mapping[str, list[Any]]) -> None:
        verb = VERBS[str(body.get("mode") or kind)]
        audit.record(self.session, self.principal, f"supervise.{verb}", subject, about)
        self.session.commit()


def _agent(board: Board, account_id: int) -> Account:
    """Return an account of the company. Raises ``NoSuchAgentError``."""
    account = board.session.get(Account, account_id)
    if account is None:
        raise errors.NoSuchAgentError()
    return account


def _queue(board: Board, queue_id: int) -> Queue:
    queue = board.session.get(Queue, queue_id)
    if queue is None or not board.principal.supervises((queue_id,)):
        raise errors.NoSuchQueueError()
    return queue


def _one_of(value: str, allowed: set[str], field: str) -> str:
    if value not in allowed:
        raise BadFieldError(field=field)
    return value


def start(board: Board, agent_id: int, mode: str) -> dict[str, Any]:
    """Take part in an agent's talk: monitor, whisper or barge."""
    agent = _agent(board, agent_id)
    return board.act("start", agent, {}, agent_id=agent_id, mode=_one_of(mode, MODES, "mode"))


def set_mode(board: Board, agent_id: int, mode: str) -> dict[str, Any]:
    """Change how one takes part, on the same leg."""
    return board.act("mode", _agent(board, agent_id), {}, mode=_one_of(mode, MODES, "mode"))


def stop(board: Board) -> dict[str, Any]:
    """Leave the talk one takes part in."""
    return board.act("stop", None, {})


def hang_up(board: Board, agent_id: int) -> dict[str, Any]:
    """End an agent's call by force."""
    return board.act("hangup", _agent(board, agent_id), {}, agent_id=agent_id)


def take_over(board: Board, agent_id: int) -> dict[str, Any]:
    """Take an agent's customer over."""
    return board.act("take_over", _agent(board, agent_id), {}, agent_id=agent_id)


def pick_up(board: Board, call_id: str) -> dict[str, Any]:
    """Take a waiting call."""
    return board.act("pick_up", None, {}, call_id=_call_id(call_id))


def move(board: Board, call_id: str, queue_id: int, *, front: bool) -> dict[str, Any]:
    """Put a waiting call into a queue, or before all others there."""
    queue = _queue(board, queue_id)
    return board.act(
        "move", queue, {"front": [False, front]}, call_id=_call_id(call_id), queue_id=queue_id, front=front
    )


def set_state(board: Board, agent_id: int, state: str) -> dict[str, Any]:
    """Change an agent's state; during a call, the one that follows."""
    agent = _agent(board, agent_id)
    state = _one_of(state, STATES, "state")
    return board.act("set_state", agent, {"state": ["", state]}, agent_id=agent_id, state=state)


def sign_out(board: Board, agent_id: int) -> dict[str, Any]:
    """Sign an agent out, now or after their call."""
    return board.act("sign_out", _agent(board, agent_id), {}, agent_id=agent_id)


def customer(
    db: TenantSession, redis: redis_py.Redis, me: Principal, audience: Audience, call_id: str
) -> dict[str, Any]:
    """Return the card of the customer of a call that `me` may see (`cti.desk.customer_card`).

    Raises ``NoSuchCallError`` for a call that is over, of another company, or of a queue `me` does not supervise.
    """
    call = live_snapshot.call_of(redis, me.tenant_id, audience, _call_id(call_id))
    if call is None:
        raise errors.NoSuchCallError()
    return customer_card(db, me, call.get("called" if call.get("direction") == "out" else "caller", ""))


def _call_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise BadFieldError(field="call_id")
    return value
