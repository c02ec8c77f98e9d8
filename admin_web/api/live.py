"""Live states of the programming interface: agents, queues and calls as Redis has them now."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct
from sqlalchemy import select

from admin_web import live_snapshot
from admin_web.api.numbers import shown
from admin_web.api.schemas import All, Id, Moment, PhoneNumber
from admin_web.api.scopes import ApiScope
from admin_web.api.view import ApiView, Operation
from admin_web.api.words import N_
from admin_web.live import audience_of
from core.clock import from_ms, now_ms
from core.i18n import lazy
from core.views import current_principal, parts, session
from cti.call.model import Phase
from cti.models import Queue

NUMBER = Annotated[str, Meta(description=N_("The extension's number"), examples=["8001"])]
"""Number of an extension."""


class LiveAgent(Struct, frozen=True, kw_only=True):
    """A signed-in agent."""

    account_id: Id
    name: Annotated[str, Meta(description=N_("Name"), examples=["Chen Li"])]
    extension_id: Id
    extension: NUMBER
    endpoint: Annotated[str, Meta(description=N_("web, sip or landline"), examples=["web"])]
    state: Annotated[
        str,
        Meta(
            description=N_("not_ready, ready, break, away, ringing, talking, wrap_up or not_responding"),
            examples=["ready"],
        ),
    ]
    since: Moment
    reason: Annotated[str, Meta(description=N_("Why, as the agent said"), examples=["lunch"])]
    registered: Annotated[bool, Meta(description=N_("Whether the phone is registered"))]
    queue_ids: Annotated[
        list[int], Meta(description=N_("Queues whose calls the agent takes"), examples=[[3]])
    ]
    call_id: Annotated[str | None, Meta(description=N_("Call the agent rings for or talks on; null: none"))]


class LiveQueue(Struct, frozen=True, kw_only=True):
    """A queue now."""

    queue_id: Id
    code: Annotated[str, Meta(description=N_("Code"), examples=["sales"])]
    name: Annotated[str, Meta(description=N_("Name"), examples=["Sales"])]
    waiting: Annotated[int, Meta(ge=0, description=N_("Callers waiting"), examples=[2])]
    longest_wait_s: Annotated[int, Meta(ge=0, description=N_("How long the first has waited"), examples=[14])]
    agents_ready: Annotated[int, Meta(ge=0, description=N_("Its agents who are ready"), examples=[5])]


class LiveCall(Struct, frozen=True, kw_only=True):
    """A call that is up."""

    id: Annotated[
        str, Meta(description=N_("Id of the call"), examples=["0b8f4e0c-5d0d-4b5c-9a55-1f0f6a2d7c11"])
    ]
    phase: Annotated[Phase, Meta(description=N_("Where the call stands"))]
    direction: Annotated[str, Meta(description=N_("in or out"), examples=["in"])]
    caller: PhoneNumber
    called: PhoneNumber
    since: Moment
    talking_since: Moment | None
    queue_id: Annotated[int | None, Meta(description=N_("Queue it is or was in; null: none"))]
    account_id: Annotated[int | None, Meta(description=N_("Agent; null: none yet"))]
    held: Annotated[bool, Meta(description=N_("Whether the customer is on hold"))]


def _now() -> dict[str, Any]:
    return live_snapshot.read(parts().redis, current_principal().tenant_id, audience_of(current_principal()))


class LiveAgents(ApiView):
    """Who is signed in, doing what."""

    rule = "/live/agents"
    tag = lazy("Live states")
    operations = {
        "GET": Operation(
            id="listLiveAgents",
            summary=lazy("See the signed-in agents"),
            scope=ApiScope.LIVE_READ,
            answer=All[LiveAgent],
        )
    }

    def get(self) -> All[LiveAgent]:
        """Return them."""
        agents = _now()["agents"]
        return All(
            items=[
                LiveAgent(
                    account_id=each["account_id"],
                    name=each["name"],
                    extension_id=each["extension_id"],
                    extension=each["extension"],
                    endpoint=each["endpoint"],
                    state=each.get("state", "not_ready"),
                    since=from_ms(each.get("since_ms", 0)),
                    reason=each.get("reason", ""),
                    registered=each.get("registered", False),
                    queue_ids=list(each.get("queue_ids", ())),
                    call_id=each.get("call_id") or None,
                )
                for each in sorted(agents, key=lambda each: each["account_id"])
            ]
        )


class LiveQueues(ApiView):
    """Every queue with who waits."""

    rule = "/live/queues"
    tag = lazy("Live states")
    operations = {
        "GET": Operation(
            id="listLiveQueues",
            summary=lazy("See the queues: who waits, how long"),
            scope=ApiScope.LIVE_READ,
            answer=All[LiveQueue],
        )
    }

    def get(self) -> All[LiveQueue]:
        """Return them; quiet ones too."""
        now = _now()
        waiting = {each["queue_id"]: each for each in now["queues"]}
        ready: dict[int, int] = {}
        for agent in now["agents"]:
            if agent.get("state") == "ready":
                for queue_id in agent.get("queue_ids", ()):
                    ready[queue_id] = ready.get(queue_id, 0) + 1
        present_ms = now_ms()
        found = session().execute(select(Queue.id, Queue.code, Queue.name).order_by(Queue.id))
        return All(
            items=[
                LiveQueue(
                    queue_id=queue_id,
                    code=code,
                    name=name,
                    waiting=each["waiting"] if (each := waiting.get(queue_id)) else 0,
                    longest_wait_s=max(0, present_ms - each["longest_since_ms"]) // 1000 if each else 0,
                    agents_ready=ready.get(queue_id, 0),
                )
                for queue_id, code, name in found
                if current_principal().supervises((queue_id,))
            ]
        )


class LiveCalls(ApiView):
    """The calls that are up."""

    rule = "/live/calls"
    tag = lazy("Live states")
    operations = {
        "GET": Operation(
            id="listLiveCalls",
            summary=lazy("See the calls that are up"),
            scope=ApiScope.LIVE_READ,
            answer=All[LiveCall],
        )
    }

    def get(self) -> All[LiveCall]:
        """Return them, the oldest first."""
        calls = sorted(_now()["calls"], key=lambda call: (call.get("arrived_ms", 0), call["id"]))
        return All(items=[live_call(call) for call in calls])


def live_call(call: dict[str, Any]) -> LiveCall:
    """Return a call's state in Redis as answers show it."""
    talking_ms = call.get("talk_started_ms", 0)
    return LiveCall(
        id=call["id"],
        phase=Phase(call.get("phase", Phase.ARRIVED.value)),
        direction=call.get("direction", "in"),
        caller=shown(call.get("caller", "")),
        called=shown(call.get("called", "")),
        since=from_ms(call.get("arrived_ms", 0)),
        talking_since=from_ms(talking_ms) if talking_ms else None,
        queue_id=call.get("queue_id") or None,
        account_id=call.get("agent_id") or None,
        held=call.get("held", False),
    )
