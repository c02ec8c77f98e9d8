"""The controller of a cell, put together: what runs, how often, and what follows from what."""

from __future__ import annotations

import os
import uuid
from typing import Any

import gevent
import structlog

from core import keys
from core.clock import now_ms
from core.documents import TenantDoc
from core.settings import Settings
from cti.acd import agents as rules
from cti.acd.agents import AgentState
from cti.acd.matching import Acd
from cti.call import inputs
from cti.controller import live
from cti.controller.agents import Agents
from cti.controller.board import SUBSCRIPTIONS, Board
from cti.controller.carry import Carrier
from cti.controller.commands import Commands
from cti.controller.documents import Documents
from cti.controller.facts import Facts
from cti.controller.journal import AgentJournal
from cti.controller.metrics import Metrics
from cti.controller.reconcile import Reconciler
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.registrations import Registrations
from cti.controller.speech import PromptSpeech
from cti.controller.state_writer import StateWriter
from cti.esl.client import SwitchClient
from ivr.prompts import PromptSources

log = structlog.get_logger(__name__)

RENEW_S = 4.0
AUDIT_S = 10.0
HEARTBEAT_S = 1.0
LOST_ENDPOINT_GRACE_S = 10.0
"""How long a talking agent's web endpoint may be away before the customer is put back into the queue."""


class Controller:
    """Owns the event socket, the calls and the agents of one cell. One per cell, guarded by a file lock."""

    def __init__(
        self,
        settings: Settings,
        *,
        redis: Any,
        blocking: tuple[Any, Any],
        prompts: PromptSources,
        metrics: Metrics,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self._blocking = blocking
        self._boot_id = uuid.uuid4().hex
        self._greenlets: list[gevent.Greenlet] = []
        self.redis = RedisGuard(redis, self._redis_back)
        self.documents = Documents(settings.cell_dir / "documents.json")
        self.writer = StateWriter(self.redis)
        self.switch = SwitchClient(
            settings.switch_host,
            settings.switch_port,
            settings.effective_switch_password,
            events=SUBSCRIPTIONS,
            on_event=self._on_event,
            on_up=self._on_up,
            on_down=self._on_down,
            keep_awake=settings.switch_keep_awake,
            max_backoff_s=1.0,
        )
        acd = Acd(redis)
        self.registrations = Registrations(self.switch, settings.sip_domain)
        journal = AgentJournal(settings.cell_dir / "agents.journal")
        self.agents = Agents(acd, self.redis, self.writer, journal, self._agent_available)
        self.board = Board(
            settings=settings,
            switch=self.switch,
            redis=self.redis,
            acd=acd,
            documents=self.documents,
            writer=self.writer,
            agents=self.agents,
            registrations=self.registrations,
            metrics=metrics,
        )
        self.board.carrier = Carrier(
            settings=settings,
            switch=self.switch,
            redis=self.redis,
            acd=acd,
            agents=self.agents,
            writer=self.writer,
            speech=PromptSpeech(prompts, lambda tenant: self.documents.get(TenantDoc, tenant)),
            desk=self.board,
        )
        self.reconciler = Reconciler(
            settings=settings,
            switch=self.switch,
            redis=self.redis,
            acd=acd,
            board=self.board,
            registrations=self.registrations,
            facts=Facts(settings.facts_dir),
        )
        self.commands = Commands(
            settings=settings,
            redis=self.redis,
            blocking=blocking[1],
            switch=self.switch,
            board=self.board,
            registrations=self.registrations,
            hold_extension=acd.hold_extension,
            free_extension=acd.free_extension,
        )

    def start(self) -> None:
        """Start everything; returns at once."""
        self.documents.load_copy()
        self.documents.load(self.redis)
        self.documents.on_change = lambda: gevent.spawn(self._settle_agents)
        self.agents.restore()
        self.registrations.on_change = lambda user, up: gevent.spawn(self._endpoint_changed, user, up)
        self.registrations.on_moved = lambda user: gevent.spawn(self._endpoint_moved, user)
        self.writer.start()
        self.agents.republish()
        self._greenlets = [
            gevent.spawn(self.documents.follow, self.redis, self._blocking[0]),
            gevent.spawn(self.commands.follow),
            gevent.spawn(self._every, RENEW_S, self.board.renew_fallbacks),
            gevent.spawn(self._every, HEARTBEAT_S, self._heartbeat),
            gevent.spawn(self._every, AUDIT_S, self._audit),
        ]
        self.switch.start()

    def stop(self) -> None:
        """Stop driving; calls stay up at the switch and the next controller goes on with them."""
        gevent.killall(self._greenlets, block=False)
        for runner in list(self.board.calls.values()):
            runner.stop()
        self.switch.stop()
        self.writer.stop()

    def healthy(self) -> dict[str, bool]:
        """Return what answers."""
        return {"switch": self.switch.connected, "redis": self.redis.up}

    # --- the switch -------------------------------------------------------------------------------------------------

    def _on_up(self, core_uuid: str) -> None:
        self.reconciler.connected(core_uuid)
        self._tell_switch(True)

    def _on_down(self, reason: str) -> None:
        self._tell_switch(False)

    def _tell_switch(self, connected: bool) -> None:
        tenants = [tenant.id for tenant in self.documents.all(TenantDoc)]
        live.switch_connected(self.writer, tenants, self.settings.effective_switch.value, connected)

    def _on_event(self, event: Any) -> None:
        self.board.on_event(event)

    def _agent_available(self, agent: rules.Agent) -> None:
        gevent.spawn(self.board.agent_available, agent)

    # --- endpoints --------------------------------------------------------------------------------------------------

    def _endpoint_changed(self, user: str, registered: bool) -> None:
        agent = self.agents.with_user(user)
        if agent is None:
            return
        after = self.agents.change(agent.account_id, lambda a: rules.registration(a, registered, now_ms()))
        told = {"account_id": agent.account_id, "endpoint": agent.endpoint, "registered": registered}
        self.writer.event(agent.tenant_id, (f"agent:{agent.account_id}", "admin"), "phone.registered", told)
        if registered or after is None or after.endpoint != "web" or not after.token:
            return
        if after.state is AgentState.TALKING:
            gevent.sleep(LOST_ENDPOINT_GRACE_S)
            if self.registrations.registered(user):
                return
        self._lose(after)

    def _endpoint_moved(self, user: str) -> None:
        """A reloaded page registered anew: the leg the old page held is dead, though nobody hung it up."""
        agent = self.agents.with_user(user)
        if agent is not None and agent.token and agent.endpoint == "web":
            self._lose(agent)

    def _lose(self, agent: rules.Agent) -> None:
        self.board.post(agent.call_id, inputs.AgentLost(at_ms=now_ms(), leg_id=agent.leg_id))

    # --- steady work --------------------------------------------------------------------------------------------------

    def _every(self, seconds: float, action: Any) -> None:
        while True:
            gevent.sleep(seconds)
            try:
                action()
            except Exception:
                log.exception("steady_work_failed", action=getattr(action, "__name__", "renew"))

    def _audit(self) -> None:
        if self.switch.connected:
            self.reconciler.audit()

    def _settle_agents(self) -> None:
        if self.switch.connected:
            self.reconciler.settle_agents()

    def _redis_back(self) -> None:
        self.documents.load(self.redis)
        self.writer.wake()
        self.reconciler.redis_forgot()

    def _heartbeat(self) -> None:
        """Say that we live, and notice that Redis was emptied: then our own mark is gone."""
        name = keys.cell(self.settings.cell)
        mark = {
            "heartbeat_ms": now_ms(),
            "core_uuid": self.switch.core_uuid,
            "switch": self.settings.effective_switch.value,
            "connected": int(self.switch.connected),
            "pid": os.getpid(),
        }

        def beat(client: Any) -> bool:
            pipeline = client.pipeline(transaction=False)
            pipeline.hget(name, "boot")
            pipeline.hset(name, mapping={**mark, "boot": self._boot_id})
            pipeline.expire(name, 60)
            pipeline.sadd(keys.cells(), self.settings.cell)
            return bool(pipeline.execute()[0] == self._boot_id.encode())

        self._gauges()
        try:
            known = self.redis.run(beat)
        except RedisAwayError:
            return
        if not known:
            gevent.spawn(self.reconciler.redis_forgot)

    def _gauges(self) -> None:
        self.metrics.calls_up.set(len(self.board.calls))
        self.metrics.agents.set(sum(1 for _ in self.agents))
        self.metrics.switch_connected.set(self.switch.connected)
        self.metrics.redis_up.set(self.redis.up)
        self.metrics.backlog.set(self.switch.backlog)
        self.metrics.dropped.set(self.writer.dropped)
