"""Click-to-call: a call for an agent, asked for by a program; its state; and its end.

The controller knows a call by the key it was asked for with: a request that is repeated after a crash with the same
Idempotency-Key finds the same call and dials nobody twice.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Annotated, Any

import msgspec
from flask import g, url_for
from msgspec import Meta, Struct
from sqlalchemy import select

from admin_web.api import errors
from admin_web.api.call_records import CallId
from admin_web.api.models import ApiCall
from admin_web.api.numbers import shown
from admin_web.api.problems import FieldProblem, field_reason
from admin_web.api.schemas import LINE, Id, Moment, PhoneNumber
from admin_web.api.scopes import ApiScope
from admin_web.api.view import Answer, ApiView, Operation
from admin_web.api.words import N_
from core import audit, keys, phone
from core.bus import ControllerSilentError, send_command
from core.clock import from_ms
from core.database import TenantSession
from core.errors import Forbidden, NotFound
from core.i18n import lazy
from core.models import Account
from core.permissions import Permission
from core.views import current_principal, may, parts, session
from cti import refusals
from cti.call.model import EndedIn, Phase
from cti.models import ExtensionAccount, QueueMember
from cti.records.models import CallRecord

Reference = Annotated[
    str,
    Meta(
        max_length=100,
        pattern=LINE,
        description=N_("The program's own name for the call; the call's record shows it"),
        examples=["order 4711"],
    ),
]


class CallAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call to place."""

    agent: Annotated[
        Id | Annotated[str, Meta(min_length=1, max_length=64)],
        Meta(
            description=N_("The agent: id or login of the account, signed in on an extension"),
            examples=["anna"],
        ),
    ]
    to: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=40,
            description=N_("Number to call, as people write it or E.164"),
            examples=["+8613800138000"],
        ),
    ]
    reference: Reference = ""


class CallAccepted(Struct, frozen=True, kw_only=True):
    """The call is on its way: the agent's phone rings first."""

    id: CallId
    account_id: Id
    to: PhoneNumber
    reference: Reference


class CallState(Struct, frozen=True, kw_only=True):
    """Where a call stands, or how it ended."""

    id: CallId
    phase: Annotated[Phase, Meta(description=N_("Where the call stands; ended: it is over"))]
    direction: Annotated[str, Meta(description=N_("in or out"), examples=["out"])]
    caller: PhoneNumber
    called: PhoneNumber
    account_id: Annotated[int | None, Meta(description=N_("Agent; null: none yet"))]
    arrived_at: Moment
    talk_at: Moment | None
    ended_at: Moment | None
    ended_in: EndedIn | None
    cause: Annotated[str, Meta(description=N_("The switch's hang-up cause"), examples=["NORMAL_CLEARING"])]
    reference: Reference


def _agent_of(db: TenantSession, agent: int | str) -> Account:
    """Return the account meant by id or login. Raises ``InvalidRequestError``."""
    column = Account.id if isinstance(agent, int) else Account.login
    value = agent if isinstance(agent, int) else agent.strip().lower()
    row = db.scalar(select(Account).where(column == value, Account.deleted_at.is_(None)))
    if row is None or not row.enabled:
        reason = field_reason("invalid", "no such account, or it is disabled")
        raise errors.InvalidRequestError(errors=[FieldProblem(field="agent", code="invalid", reason=reason)])
    return row


def _require_over(db: TenantSession, account_id: int) -> None:
    """Raise unless the key may act for the agent: its maker is the agent, or may act on others' calls."""
    own = account_id == current_principal().account_id and may(Permission.DESK_USE)
    if not own and not (may(Permission.SUPERVISE_ACT) and _supervised(db, account_id)):
        raise Forbidden(permissions=[Permission.SUPERVISE_ACT.value])


def _supervised(db: TenantSession, account_id: int) -> bool:
    """Return whether the key's maker supervises a queue whose calls the account may take."""
    me = current_principal()
    if me.queues is None:
        return True
    queues = (
        select(QueueMember.queue_id)
        .join(ExtensionAccount, ExtensionAccount.extension_id == QueueMember.extension_id)
        .where(ExtensionAccount.account_id == account_id)
    )
    return me.supervises(db.scalars(queues))


def _number(text: str) -> str:
    try:
        return phone.parse(text).stored
    except phone.InvalidNumberError as error:
        raise errors.InvalidRequestError(
            errors=[FieldProblem(field="to", code="invalid", reason=error.text())]
        ) from None


def _dial_key() -> str:
    """Return the name the controller remembers the request by: the same for each try of it."""
    claim = g.get("api_claim")
    if claim is None:
        return uuid.uuid4().hex
    return hashlib.sha256(f"{claim.api_key_id}:{claim.key}".encode()).hexdigest()[:32]


def _command(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    me = current_principal()
    settings = parts().settings
    # The session gives its connection back first: SQLite's write lock is not held while the switch is waited for.
    session().rollback()
    result = send_command(parts().redis, settings.cell, kind, me.tenant_id, me.account_id, body)
    if not result.get("ok"):
        raise errors.refusal(result)
    return result


class CallNew(ApiView):
    """Click-to-call."""

    rule = "/calls"
    tag = lazy("Calls")
    operations = {
        "POST": Operation(
            id="placeCall",
            summary=lazy("Place a call for an agent (click-to-call)"),
            description=lazy(
                "The agent's phone rings first; when the agent answers, the number is called. Send an Idempotency-Key: "
                "a repeated request then finds the same call. Without the right to act on others' calls, a key places "
                "calls for its maker only."
            ),
            scope=ApiScope.CALLS_MAKE,
            body=CallAsked,
            answer=CallAccepted,
            status=202,
            errors=(
                *refusals.DIAL_REFUSALS.values(),
                Forbidden,
                ControllerSilentError,
                refusals.CommandFailedError,
            ),
        )
    }

    def post(self, body: CallAsked) -> Answer:
        """Ask the controller for it."""
        db = session()
        account_id = _agent_of(db, body.agent).id
        _require_over(db, account_id)
        number = _number(body.to)
        result = _command("dial", {"account_id": account_id, "to": number, "key": _dial_key()})
        call_id = str(result["call_id"])
        self._remember(db, call_id, account_id, number, body.reference)
        accepted = CallAccepted(id=call_id, account_id=account_id, to=shown(number), reference=body.reference)
        return Answer(value=accepted, status=202, location=url_for("api.call", call_id=call_id))

    @staticmethod
    def _remember(db: TenantSession, call_id: str, account_id: int, number: str, reference: str) -> None:
        """Write the call down; a repeated request that found the same call has done so before."""
        if db.scalar(select(ApiCall.id).where(ApiCall.call_id == call_id)) is not None:
            return
        row = ApiCall(call_id=call_id, account_id=account_id, number=number, reference=reference)
        db.add(row)
        audit.record(db, current_principal(), "calls.dial", row)


class CallOne(ApiView):
    """One call, up or over."""

    rule = "/calls/<call:call_id>"
    tag = lazy("Calls")
    operations = {
        "GET": Operation(
            id="getCall",
            summary=lazy("Get a call's state"),
            scope=ApiScope.CALLS_MAKE,
            answer=CallState,
        )
    }

    def get(self, call_id: str) -> CallState:
        """Return it: from Redis while it is up, from its record afterwards."""
        db = session()
        asked = db.scalar(select(ApiCall).where(ApiCall.call_id == call_id))
        live = _live(call_id)
        record = None if live else db.scalar(select(CallRecord).where(CallRecord.call_id == call_id))
        found = _of_live(live, asked) if live else _of_record(record, asked) if record else _of_asked(asked)
        queue_id = live.get("queue_id", 0) if live else record.queue_id if record else 0
        if found is None or not _may_see(db, found.account_id, asked, queue_id):
            raise NotFound(kind="call", id=call_id)
        return found


def _may_see(db: TenantSession, account_id: int | None, asked: ApiCall | None, queue_id: int) -> bool:
    """Return whether the key may know of the call: its maker's own, or everybody's of their queues by right."""
    me = current_principal().account_id
    if account_id == me or (asked is not None and asked.account_id == me):
        return True
    if not may(Permission.SUPERVISE_ACT):
        return False
    of_no_queue = not queue_id and _supervised(db, account_id or (asked.account_id if asked else 0))
    return of_no_queue or current_principal().supervises((queue_id,))


def _live(call_id: str) -> dict[str, Any] | None:
    raw: Any = parts().redis.get(keys.call(current_principal().tenant_id, call_id))
    return msgspec.json.decode(raw, type=dict[str, Any]) if raw else None


def _agent_in(call: dict[str, Any]) -> tuple[int, str]:
    """Return the account and the leg of the agent of a call: talking, or offered to last."""
    if call.get("agent_id") and call.get("agent_leg"):
        return call["agent_id"], call["agent_leg"]
    offers = [each for each in call.get("offers", ()) if not each.get("ended_ms")]
    return (offers[-1]["agent_id"], offers[-1]["leg_id"]) if offers else (call.get("agent_id", 0), "")


def _of_live(call: dict[str, Any], asked: ApiCall | None) -> CallState:
    talking_ms, ended_ms = call.get("talk_started_ms", 0), call.get("ended_ms", 0)
    ended_in = call.get("ended_in")
    return CallState(
        id=call["id"],
        phase=Phase(call.get("phase", Phase.ARRIVED.value)),
        direction=call.get("direction", "in"),
        caller=shown(call.get("caller", "")),
        called=shown(call.get("called", "")),
        account_id=_agent_in(call)[0] or None,
        arrived_at=from_ms(call.get("arrived_ms", 0)),
        talk_at=from_ms(talking_ms) if talking_ms else None,
        ended_at=from_ms(ended_ms) if ended_ms else None,
        ended_in=EndedIn(ended_in) if ended_in else None,
        cause=call.get("cause", ""),
        reference=asked.reference if asked else "",
    )


def _of_record(record: CallRecord, asked: ApiCall | None) -> CallState:
    return CallState(
        id=record.call_id,
        phase=Phase.ENDED,
        direction=record.direction.value,
        caller=shown(record.caller),
        called=shown(record.called),
        account_id=record.agent_id or (asked.account_id if asked else None),
        arrived_at=record.arrived_at,
        talk_at=record.talk_at,
        ended_at=record.ended_at,
        ended_in=record.ended_in,
        cause=record.cause,
        reference=asked.reference if asked else "",
    )


def _of_asked(asked: ApiCall | None) -> CallState | None:
    """Return a call that is over and whose record has not come yet."""
    if asked is None:
        return None
    return CallState(
        id=asked.call_id,
        phase=Phase.ENDED,
        direction="out",
        caller="",
        called=shown(asked.number),
        account_id=asked.account_id,
        arrived_at=asked.created_at,
        talk_at=None,
        ended_at=None,
        ended_in=None,
        cause="",
        reference=asked.reference,
    )


class CallHangup(ApiView):
    """The end of a call."""

    rule = "/calls/<call:call_id>/hangup"
    tag = lazy("Calls")
    operations = {
        "POST": Operation(
            id="hangUpCall",
            summary=lazy("Hang up a call that is up"),
            scope=ApiScope.CALLS_MAKE,
            answer=CallState,
            status=202,
            errors=(
                errors.CallOverError,
                refusals.NotSignedInError,
                ControllerSilentError,
                refusals.CommandFailedError,
            ),
        )
    }

    def post(self, call_id: str) -> Answer:
        """Have the controller end it."""
        db = session()
        asked = db.scalar(select(ApiCall).where(ApiCall.call_id == call_id))
        live = _live(call_id)
        if live is None:
            known = asked or db.scalar(select(CallRecord).where(CallRecord.call_id == call_id))
            owner = asked.account_id if asked else getattr(known, "agent_id", None)
            queue_id = getattr(known, "queue_id", 0)
            if known is None or not _may_see(db, owner, asked, queue_id):
                raise NotFound(kind="call", id=call_id)
            raise errors.CallOverError()
        account_id, leg_id = _agent_in(live)
        if not _may_see(db, account_id, asked, live.get("queue_id", 0)):
            raise NotFound(kind="call", id=call_id)
        if not leg_id:
            raise errors.CallOverError()
        state = _of_live(live, asked)
        _command("leg.hangup", {"account_id": account_id, "leg_id": leg_id})
        audit.record(db, current_principal(), "calls.hangup", changes={"call_id": [None, call_id]})
        return Answer(value=state, status=202)
