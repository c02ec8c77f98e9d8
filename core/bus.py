"""Commands to controllers and live events to pages, over Redis streams (docs/contracts.md)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import redis as redis_py

from core import keys
from core.clock import now_ms
from core.errors import TemporaryFault
from core.i18n import lazy

COMMANDS_MAXLEN: Final = 10_000
"""Commands kept in a cell's stream; read ones are only history."""

RESULT_EXPIRES_S: Final = 30
_SLICE_S: Final = 2.0
"""Longest single blocking read; below every client's reply time-out."""

ADMIN = "admin"
"""Audience of a tenant's administrators and supervisors."""


def agent_audience(account_id: int) -> str:
    """Return the audience of one agent."""
    return f"agent:{account_id}"


def queue_audience(queue_id: int) -> str:
    """Return the audience of who watches one queue."""
    return f"queue:{queue_id}"


def chat_audience(account_id: int) -> str:
    """Return the audience of one account's chat with a supervisor or agent: nobody else's, whatever their rights."""
    return f"chat:{account_id}"


def waiting_audience(queue_id: int) -> str:
    """Return the audience of a queue's own agents: they are told how many wait, and nothing else."""
    return f"waiting:{queue_id}"


def supervisors_audience(queue_id: int) -> str:
    """Return the audience of those supervisors who see the agents and calls of some queues only, this one among them;
    everybody who supervises all queues is of `ADMIN`.
    """
    return f"supervisors:{queue_id}"


class ControllerSilentError(TemporaryFault):
    """No controller answered in time; whether the command was carried out is not known."""

    id = "controller-silent"
    sentence = lazy(
        "The telephone system does not answer at the moment. Calls go on; please try again shortly."
    )


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command as a controller reads it."""

    id: str
    deadline_ms: int
    """After this instant it is refused, never carried out late."""
    kind: str
    tenant: int
    actor: int
    """Account id of who asked; 0 is the platform."""
    body: dict[str, Any]
    call_rev: int | None = None
    """Revision of the call it was meant for."""


class LiveEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A live event as a web process reads it."""

    id: str
    """Position in the tenant's stream."""
    audiences: tuple[str, ...]
    type: str
    data: dict[str, Any]


def send_command(
    redis: redis_py.Redis,
    cell: str,
    kind: str,
    tenant: int,
    actor: int,
    body: Mapping[str, Any],
    wait_s: float = 4.0,
    *,
    call_rev: int | None = None,
) -> dict[str, Any]:
    """Send a command to `cell` and return its result: ``{"ok": true, …}`` or ``{"ok": false, "error",
    "detail"}``.

    Raises :class:`ControllerSilentError` when none came within `wait_s`, and what Redis raises.
    """
    command_id = uuid.uuid4().hex
    deadline_ms = now_ms() + int(wait_s * 1000)
    fields: dict[str, str | int | bytes] = {
        "id": command_id,
        "deadline_ms": deadline_ms,
        "kind": kind,
        "tenant": tenant,
        "actor": actor,
        "body": msgspec.json.encode(dict(body)),
    }
    if call_rev is not None:
        fields["call_rev"] = call_rev
    redis.xadd(keys.commands(cell), fields, maxlen=COMMANDS_MAXLEN, approximate=True)  # type: ignore[arg-type]
    while (left_s := (deadline_ms - now_ms()) / 1000) > 0:
        answer: Any = redis.blpop([keys.command_result(command_id)], timeout=max(0.05, min(left_s, _SLICE_S)))
        if answer is not None:
            result: dict[str, Any] = msgspec.json.decode(answer[1])
            return result
    raise ControllerSilentError(kind=kind, cell=cell)


def decode_command(fields: Mapping[bytes, bytes]) -> Command:
    """Return the command in a stream entry's `fields`. Raises ``ValueError`` on anything else."""
    try:
        rev = fields.get(b"call_rev")
        return Command(
            id=fields[b"id"].decode(),
            deadline_ms=int(fields[b"deadline_ms"]),
            kind=fields[b"kind"].decode(),
            tenant=int(fields[b"tenant"]),
            actor=int(fields[b"actor"]),
            body=msgspec.json.decode(fields[b"body"], type=dict[str, Any]),
            call_rev=None if rev is None else int(rev),
        )
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise ValueError("the entry holds no command") from error


def reply(redis: redis_py.Redis, command_id: str, result: Mapping[str, Any]) -> None:
    """Give the `result` of a command to whoever waits for it."""
    key = keys.command_result(command_id)
    with redis.pipeline(transaction=True) as pipe:
        pipe.rpush(key, msgspec.json.encode(dict(result)))
        pipe.expire(key, RESULT_EXPIRES_S)
        pipe.execute()


def publish_live(
    redis: redis_py.Redis | redis_py.client.Pipeline,
    tenant: int,
    audiences: Iterable[str],
    type: str,  # noqa: A002 - the contract's word
    data: Mapping[str, Any],
) -> Any:
    """Append a live event to the tenant's stream and return its id; on a pipeline, the pipeline."""
    fields: dict[Any, Any] = {
        "aud": ",".join(audiences),
        "type": type,
        "data": msgspec.json.encode(dict(data)),
    }
    return redis.xadd(keys.live(tenant), fields, maxlen=keys.LIVE_MAXLEN, approximate=True)


def decode_live(entry_id: bytes, fields: Mapping[bytes, bytes]) -> LiveEvent:
    """Return the live event in a stream entry. Raises ``ValueError`` on anything else."""
    try:
        return LiveEvent(
            id=entry_id.decode(),
            audiences=tuple(fields[b"aud"].decode().split(",")),
            type=fields[b"type"].decode(),
            data=msgspec.json.decode(fields[b"data"], type=dict[str, Any]),
        )
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise ValueError("the entry holds no live event") from error
