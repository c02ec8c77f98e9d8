"""Supervisors at agents' talks: legs of their own that listen, are switched, end, or get the customer (SUP-2 to SUP-6).

A watch is a leg of the supervisor's that runs the switch's ``eavesdrop`` on the agent's leg. It is no part of the call:
whatever happens to it, customer and agent talk on, and it ends by itself with the agent's leg, also while no
controller lives. All that is known of it is in its leg's variables, so that the next controller finds it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import gevent
import msgspec
import structlog

from core import bus, keys
from core.clock import now_ms
from core.documents import TenantDoc
from core.settings import Settings
from cti import supervision
from cti.acd import agents as rules
from cti.acd.agents import Agent, AgentState
from cti.call import inputs
from cti.call.in_takeover import TAKEN_OVER
from cti.call.model import Call, LegKind, Offer, OfferResult
from cti.controller.agent_legs import (
    END_AGAIN_S,
    END_TRIES,
    SILENT_ENDPOINT_MS,
    TEMPORARY_FAILURE,
    UNADOPTED_S,
    AgentLeg,
)
from cti.controller.board import Board
from cti.controller.reach import NotReachedError, Way
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.state_writer import StateWriter
from cti.endpoint_kinds import LANDLINE
from cti.esl import commands
from cti.esl.client import Reply, Status, SwitchClient
from cti.esl.commands import Heard
from cti.esl.events import Event
from cti.esl.quoting import UnsafeValue
from cti.supervision import Mode, Refused, Watch, WatchState

log = structlog.get_logger(__name__)

RING_S = 30
"""How long a supervisor's own phone may ring; a browser answers by itself."""
HEARD = {Mode.MONITOR: Heard.NOBODY, Mode.WHISPER: Heard.LISTENED, Mode.BARGE: Heard.BOTH}
LISTENS = "eavesdrop"
OVER = "over"
AWAY = "NORMAL_TEMPORARY_FAILURE"


class Supervising:
    """The watches of this cell, by the supervisor's leg. Implements `watches.Watches`."""

    def __init__(
        self,
        *,
        settings: Settings,
        switch: SwitchClient,
        redis: RedisGuard,
        board: Board,
        writer: StateWriter,
    ) -> None:
        self._settings = settings
        self._switch = switch
        self._redis = redis
        self._board = board
        self._writer = writer
        self._watches: dict[str, Watch] = {}
        self._dismissed: set[str] = set()
        self._unsaved: dict[tuple[int, int], dict[str, Any] | None] = {}
        self._saving = False
        self._settled = False

    # --- what supervisors ask ---------------------------------------------------------------------------------------

    def start(self, tenant_id: int, supervisor_id: int, agent_id: int, mode: Mode) -> Watch:
        """Call the supervisor's phone and have it listen to the agent's talk. Raises :class:`Refused`.

        Asked for the talk they are at already, the mode changes on the same leg.
        """
        at_it = self.of(supervisor_id)
        if at_it is not None and at_it.agent_id == agent_id and at_it.tenant_id == tenant_id:
            return self.set_mode(tenant_id, supervisor_id, mode)
        return self._begin(tenant_id, supervisor_id, agent_id, mode, taking=False)

    def set_mode(self, tenant_id: int, supervisor_id: int, mode: Mode) -> Watch:
        """Change who hears the supervisor, without dialling again. Raises :class:`Refused`."""
        watch = self._own(tenant_id, supervisor_id)
        watch = self._put(msgspec.structs.replace(watch, mode=mode))
        if watch.state is WatchState.ON:
            told = commands.set_variables(watch.leg_id, {"zj_mode": mode.value})
            self._switch.post(told + commands.eavesdrop_heard(watch.leg_id, HEARD[mode]))
        self._tell(watch)
        return watch

    def stop(self, tenant_id: int, supervisor_id: int) -> Watch:
        """End the supervisor's leg; the talk goes on. Raises :class:`Refused`."""
        watch = self._own(tenant_id, supervisor_id)
        self._end_leg(watch.leg_id, "NORMAL_CLEARING")
        return watch

    def dismiss(self, watch: Watch) -> bool:
        """End a supervisor's leg because the right to be there is gone; False: that was done before."""
        if watch.leg_id in self._dismissed:
            return False
        self._dismissed.add(watch.leg_id)
        log.info("watch_dismissed", call_id=watch.call_id, supervisor=watch.supervisor_id)
        self._end_leg(watch.leg_id, "NORMAL_CLEARING")
        return True

    def take_over(self, tenant_id: int, supervisor_id: int, agent_id: int) -> str:
        """Give the customer to the supervisor, whose phone is called first if it is not there yet; returns the call.

        The customer stays with the agent until the supervisor's leg was answered. Raises :class:`Refused`.
        """
        watch = self.of(supervisor_id)
        if watch is None or watch.agent_id != agent_id or watch.tenant_id != tenant_id:
            return self._begin(tenant_id, supervisor_id, agent_id, Mode.MONITOR, taking=True).call_id
        agent = supervision.require_agent(self._board.agents.get(agent_id), tenant_id)
        supervision.require_no_consult(supervision.require_talk(agent, self._call(watch.call_id)))
        if watch.state is WatchState.ON:
            self._hand_over(watch)
        else:
            self._put(msgspec.structs.replace(watch, taking=True))
        return watch.call_id

    def of(self, supervisor_id: int) -> Watch | None:
        """Return what a supervisor is at, if anything."""
        return next((watch for watch in self._watches.values() if watch.supervisor_id == supervisor_id), None)

    def _own(self, tenant_id: int, supervisor_id: int) -> Watch:
        watch = self.of(supervisor_id)
        if watch is None or watch.tenant_id != tenant_id:
            raise Refused("not-watching")
        return watch

    def _begin(self, tenant_id: int, supervisor_id: int, agent_id: int, mode: Mode, *, taking: bool) -> Watch:
        agents = self._board.agents
        agent = supervision.require_agent(agents.get(agent_id), tenant_id)
        supervision.require_other(supervisor_id, agent)
        supervisor = supervision.require_supervisor(agents.get(supervisor_id), tenant_id)
        call = supervision.require_talk(agent, self._call(agent.call_id))
        if taking:
            supervision.require_no_consult(call)
        else:
            self._require_unwatched(agent, supervisor_id)
        leg_id = str(uuid.uuid4())
        watch = Watch(
            tenant_id=tenant_id,
            supervisor_id=supervisor_id,
            extension_id=supervisor.extension_id,
            endpoint=supervisor.rings_on,
            agent_id=agent_id,
            agent_leg=agent.leg_id,
            call_id=call.id,
            leg_id=leg_id,
            mode=mode,
            taking=taking,
            begun_ms=now_ms(),
        )
        # Noted before anything is waited for: of two who ask for one agent the second is refused.
        self._watches[leg_id] = watch
        if not self._reserve(watch):
            del self._watches[leg_id]
            raise Refused("supervisor-not-ready", reason="ringing")
        try:
            way = self._way(call, supervisor, leg_id)
            watch = self._put(
                msgspec.structs.replace(watch, endpoint=LANDLINE if way.by_number else supervisor.endpoint)
            )
            wire = commands.originate(self._leg(watch, agent, way))
        except (NotReachedError, UnsafeValue) as error:
            log.warning("supervisor_not_reached", user=supervisor.user, reason=str(error))
            del self._watches[leg_id]
            self._board.agents.free(supervisor_id, leg_id)
            self._give_back(watch)
            raise Refused("supervisor-not-ready", reason="phone-away") from None
        self._switch.bgapi(wire, lambda reply: self._originated(leg_id, reply))
        self._tell(watch)
        log.info("watch_begun", call_id=call.id, agent=agent_id, supervisor=supervisor_id, mode=mode.value)
        return watch

    def _require_unwatched(self, agent: Agent, supervisor_id: int) -> None:
        try:
            supervision.require_unwatched(self._watches.values(), agent, supervisor_id)
        except Refused as refusal:
            other = self._board.agents.get(int(refusal.detail["by"]))
            raise Refused(refusal.error, by=other.name if other else "") from None

    def _reserve(self, watch: Watch) -> bool:
        """Claim the supervisor; False when a call came first."""

        def claim(agent: Agent) -> Agent:
            if agent.token:
                return agent
            return rules.reserved(agent, token=watch.leg_id, call_id=watch.call_id, now_ms=now_ms())

        after = self._board.agents.change(watch.supervisor_id, claim)
        return after is not None and after.token == watch.leg_id

    def _way(self, call: Call, supervisor: Agent, leg_id: str) -> Way:
        """Return where the supervisor is rung, places taken if that is outside. Raises ``NotReachedError``."""
        if not self._switch.connected:
            raise NotReachedError(AWAY)
        return self._board.reach.way(call, supervisor, leg_id)

    def _give_back(self, watch: Watch) -> None:
        if watch.endpoint == LANDLINE:
            self._board.reach.leave(watch.leg_id)

    def is_by_number(self, leg_id: str) -> bool:
        """Return whether a leg is a supervisor's own to a landline or mobile."""
        watch = self._watches.get(leg_id)
        return watch is not None and watch.endpoint == LANDLINE

    def _leg(self, watch: Watch, agent: Agent, way: Way) -> commands.Originate:
        variables = {
            "zj_call": watch.call_id,
            "zj_tenant": str(watch.tenant_id),
            "zj_cell": self._settings.cell,
            "zj_leg": LegKind.SUPERVISOR.value,
            "zj_agent": str(watch.supervisor_id),
            "zj_ext": str(watch.extension_id),
            "zj_watched": watch.agent_leg,
            "zj_watched_agent": str(watch.agent_id),
            "zj_mode": watch.mode.value,
            "hangup_after_bridge": "true",
            "park_timeout": f"{UNADOPTED_S}:{TEMPORARY_FAILURE}",
        }
        if way.by_number:
            variables["zj_by_number"] = "true"
        else:
            variables["media_timeout"] = str(SILENT_ENDPOINT_MS)
        if watch.taking:
            variables["zj_taking"] = "true"
        if watch.endpoint == "web":
            variables |= {"sip_h_X-Zongji-Leg": watch.leg_id, "sip_h_X-Zongji-Auto-Answer": "true"}
        return commands.Originate(
            uuid=watch.leg_id,
            target=way.target,
            timeout_s=RING_S,
            caller_number=way.plan.shown if way.plan is not None else agent.extension,
            caller_name=way.plan.shown if way.plan is not None else agent.extension,
            variables=variables,
        )

    def _originated(self, leg_id: str, reply: Reply) -> None:
        if reply.status is not Status.UNKNOWN and not reply.ok:
            cause = reply.text.removeprefix("-ERR ").strip() or "NORMAL_TEMPORARY_FAILURE"
            gevent.spawn(self._over, leg_id, cause)

    def _end_leg(self, leg_id: str, cause: str, tries: int = END_TRIES) -> None:
        """As `AgentLegs.end`: the originate may still be on its way."""

        def told(reply: Reply) -> None:
            if not reply.ok and leg_id in self._watches and tries:
                gevent.spawn_later(END_AGAIN_S, self._end_leg, leg_id, cause, tries - 1)

        self._switch.post(commands.kill(leg_id, cause), told)

    # --- what the switch tells --------------------------------------------------------------------------------------

    def parked(self, leg_id: str) -> bool:
        """A leg parked; returns whether it is a supervisor's, which begins to listen now."""
        watch = self._watches.get(leg_id)
        if watch is None:
            return False
        call = self._call(watch.call_id)
        if call is None or call.agent_leg != watch.agent_leg or leg_id in self._dismissed:
            self._end_leg(leg_id, "NORMAL_CLEARING")
        elif watch.taking:
            self._hand_over(watch)
        else:
            on = self._put(msgspec.structs.replace(watch, state=WatchState.ON))
            told = commands.set_variables(leg_id, {"zj_mode": on.mode.value})
            self._switch.post(told + commands.eavesdrop(leg_id, on.agent_leg, HEARD[on.mode]))
            self._tell(on)
        return True

    def hung_up(self, leg_id: str, cause: str) -> bool:
        """A leg ended; returns whether it was a supervisor's that listened, so that no call is concerned."""
        known = leg_id in self._watches
        self._over(leg_id, cause)
        return known

    def _over(self, leg_id: str, cause: str) -> None:
        watch = self._watches.pop(leg_id, None)
        self._dismissed.discard(leg_id)
        if watch is not None:
            # Redis may keep this waiting, and the switch's events must not wait with it.
            gevent.spawn(self._board.agents.free, watch.supervisor_id, leg_id)
            gevent.spawn(self._give_back, watch)
            self._tell(watch, OVER, cause)
            log.info("watch_over", call_id=watch.call_id, supervisor=watch.supervisor_id, cause=cause)

    def _hand_over(self, watch: Watch) -> None:
        """The supervisor's leg is there: it becomes an agent's leg of the call, and the customer comes to it."""
        runner = self._board.calls.get(watch.call_id)
        if runner is None:
            self._end_leg(watch.leg_id, "NORMAL_CLEARING")
            return
        call, at_ms = runner.call, now_ms()
        queue_id = next((o.queue_id for o in reversed(call.offers) if o.leg_id == watch.agent_leg), 0)
        del self._watches[watch.leg_id]
        self._board.legs[watch.leg_id] = AgentLeg(
            leg_id=watch.leg_id,
            call_id=call.id,
            tenant_id=watch.tenant_id,
            agent_id=watch.supervisor_id,
            token=watch.leg_id,
            by_number=watch.endpoint == LANDLINE,
        )
        offer = Offer(
            leg_id=watch.leg_id,
            agent_id=watch.supervisor_id,
            extension_id=watch.extension_id,
            queue_id=queue_id,
            endpoint=watch.endpoint,
            token=watch.leg_id,
            offered_ms=watch.begun_ms,
            result=OfferResult.ANSWERED,
            answered_ms=at_ms,
        )
        runner.post(inputs.TakenOver(at_ms=at_ms, offer=offer, from_leg=watch.agent_leg))
        self._tell(watch, OVER, TAKEN_OVER)

    # --- agreement with the switch ------------------------------------------------------------------------------------

    @property
    def legs(self) -> set[str]:
        """Uuids of the supervisors' legs."""
        return set(self._watches)

    def holds(self, agent: Agent) -> bool:
        """Return whether the agent's claim is that of a watch."""
        return agent.token in self._watches

    def lost(self, agent: Agent) -> bool:
        """The agent's endpoint vanished; returns whether it listened, and then ends that."""
        if agent.token not in self._watches:
            return False
        self._end_leg(agent.leg_id, "DESTINATION_OUT_OF_ORDER")
        return True

    def settle(self, dumps: Mapping[str, Event | None]) -> None:
        """Take supervisors' legs the switch has, and forget those it has not; the calls were settled before."""
        for leg_id, event in dumps.items():
            if event is None:
                self._over(leg_id, "NORMAL_TEMPORARY_FAILURE")
            elif event.zj_leg == LegKind.SUPERVISOR.value and leg_id not in self._board.legs:
                self._settle_leg(leg_id, event)
        if not self._settled:
            # What the controller before us told of watches that ended since.
            self._settled = True
            self.republish()

    def _settle_leg(self, leg_id: str, event: Event) -> None:
        call = self._call(event.zj_call)
        watched = event.get("variable_zj_watched")
        if call is not None and call.agent_leg == leg_id:
            return  # it took the customer over: the call looks after it
        watch = self._watches.get(leg_id)
        if watch is None:
            watch = self._found(leg_id, event)
        if watch is None or call is None or call.agent_leg != watched:
            self._switch.post(commands.kill(leg_id, "NORMAL_CLEARING"))
            return
        self._watches[leg_id] = watch
        listens = event.get("variable_current_application") == LISTENS
        if listens:
            self._tell(self._put(msgspec.structs.replace(watch, state=WatchState.ON)))
        elif event.answer_state == "answered":
            self.parked(leg_id)

    def _found(self, leg_id: str, event: Event) -> Watch | None:
        """Return the watch a leg's variables tell of, if its supervisor is still reserved for it."""
        supervisor = self._board.agents.get(int(event.zj_agent or 0))
        if supervisor is None or supervisor.token != leg_id or supervisor.state is not AgentState.RESERVED:
            return None
        log.info("watch_resumed", leg=leg_id, supervisor=supervisor.account_id)
        return Watch(
            tenant_id=int(event.zj_tenant or 0),
            supervisor_id=supervisor.account_id,
            extension_id=supervisor.extension_id,
            endpoint=LANDLINE if event.get("variable_zj_by_number") == "true" else supervisor.endpoint,
            agent_id=int(event.get("variable_zj_watched_agent") or 0),
            agent_leg=event.get("variable_zj_watched"),
            call_id=event.zj_call,
            leg_id=leg_id,
            mode=Mode(event.get("variable_zj_mode") or Mode.MONITOR.value),
            taking=event.get("variable_zj_taking") == "true",
            begun_ms=supervisor.since_ms,
        )

    def forget_all(self) -> None:
        """The switch died, and every leg with it."""
        for leg_id in list(self._watches):
            self._over(leg_id, "SWITCH_RESTARTED")

    def republish(self) -> None:
        """Write all watches to Redis again, and forget there those of this cell that are none any more."""
        try:
            self._redis.run(self._sweep)
        except RedisAwayError:
            return
        for watch in self._watches.values():
            self._save(watch, self._shown(watch, watch.state.value, ""))
        self._wake()

    def _sweep(self, client: Any) -> None:
        for tenant in self._board.documents.all(TenantDoc):
            name = keys.watches(tenant.id)
            for supervisor_id, data in client.hgetall(name).items():
                told = msgspec.json.decode(data)
                if told.get("cell") == self._settings.cell and told["leg_id"] not in self._watches:
                    client.hdel(name, supervisor_id)

    # --- screens ------------------------------------------------------------------------------------------------------

    def _call(self, call_id: str) -> Call | None:
        runner = self._board.calls.get(call_id)
        return runner.call if runner is not None else None

    def _put(self, watch: Watch) -> Watch:
        self._watches[watch.leg_id] = watch
        return watch

    def _tell(self, watch: Watch, state: str = "", cause: str = "") -> None:
        """Tell supervisors' screens, and keep what a page that opens needs; the agent is not told."""
        data = self._shown(watch, state or watch.state.value, cause)
        self._save(watch, data if state != OVER else None)
        agent = self._board.agents.get(watch.agent_id)
        queues = agent.queue_ids if agent is not None else ()
        audience = (f"agent:{watch.supervisor_id}", "admin", *map(bus.supervisors_audience, queues))
        self._writer.event(watch.tenant_id, audience, "supervise.state", data)

    @staticmethod
    def _shown(watch: Watch, state: str, cause: str) -> dict[str, Any]:
        return {
            "account_id": watch.supervisor_id,
            "agent_id": watch.agent_id,
            "call_id": watch.call_id,
            "leg_id": watch.leg_id,
            "mode": watch.mode.value,
            "state": state,
            "cause": cause,
        }

    def _save(self, watch: Watch, data: dict[str, Any] | None) -> None:
        """Have it written; of several only the last one of a supervisor is."""
        self._unsaved[(watch.tenant_id, watch.supervisor_id)] = data
        self._wake()

    def _wake(self) -> None:
        if self._unsaved and not self._saving:
            self._saving = True
            gevent.spawn(self._write)

    def _write(self) -> None:
        try:
            while self._unsaved:
                (tenant_id, supervisor_id), data = self._unsaved.popitem()
                name, field = keys.watches(tenant_id), str(supervisor_id)
                if data is None:
                    self._redis.run(lambda client: client.hdel(name, field))  # noqa: B023
                else:
                    shown = msgspec.json.encode({**data, "cell": self._settings.cell})
                    self._redis.run(lambda client: client.hset(name, field, shown))  # noqa: B023
        except RedisAwayError:
            # Done again when Redis is back; what happened since is newer.
            self._unsaved.setdefault((tenant_id, supervisor_id), data)
            log.info("watches_written_later")
        finally:
            self._saving = False
