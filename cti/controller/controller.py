"""The controller of a cell, put together: what runs, how often, and what follows from what."""

from __future__ import annotations

import os
import uuid
from typing import Any

import gevent
import structlog

from core import keys
from core.clock import now_ms
from core.crypto import Vault
from core.documents import TenantDoc
from core.settings import Settings
from cti.acd import agents as rules
from cti.acd.agents import AgentState
from cti.acd.matching import Acd
from cti.call import inputs
from cti.call.steps import STEP_PREFIX
from cti.controller import live
from cti.controller.agents import Agents
from cti.controller.board import Board
from cti.controller.carry import Carrier
from cti.controller.commands import Commands
from cti.controller.dialling import Dialler
from cti.controller.documents import Documents
from cti.controller.facts import Facts
from cti.controller.journal import AgentJournal
from cti.controller.limits import Limits
from cti.controller.metrics import Metrics
from cti.controller.own_legs import OwnLegs
from cti.controller.press_to_take import PressToTake
from cti.controller.reconcile import Reconciler
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.registered_users import RegisteredUsers
from cti.controller.registrations import Registrations
from cti.controller.speech import PromptSpeech
from cti.controller.state_spans import StateSpans
from cti.controller.state_writer import StateWriter
from cti.controller.supervise_commands import SuperviseCommands
from cti.controller.supervising import Supervising
from cti.controller.switch_events import SUBSCRIPTIONS
from cti.controller.taking_voices import TakingVoices
from cti.controller.transferring import Transferrer
from cti.controller.trunks import Files, Trunks
from cti.endpoint_kinds import WEB
from cti.esl.client import SwitchClient, SwitchError
from cti.esl.gateways import STATE_EVENT
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
        gateway_files: Files,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self._blocking = blocking
        self._boot_id = uuid.uuid4().hex
        self._beaten = False
        """Whether Redis had a mark of this process."""
        self._started_ms = now_ms()
        self._greenlets: list[gevent.Greenlet] = []
        self.redis = RedisGuard(redis, self._redis_back)
        self.documents = Documents(settings.cell_dir / "documents.json")
        self.writer = StateWriter(self.redis)
        self.switch = SwitchClient(
            settings.switch_host,
            settings.switch_port,
            settings.effective_switch_password,
            events=(*SUBSCRIPTIONS, STATE_EVENT),
            on_event=self._on_event,
            on_up=self._on_up,
            on_down=self._on_down,
            keep_awake=settings.switch_keep_awake,
            step_prefix=STEP_PREFIX,
            max_backoff_s=1.0,
        )
        acd = Acd(redis)
        self.registrations = Registrations(self.switch, settings.sip_domain)
        self.registered_users = RegisteredUsers(self.registrations, self.redis, settings.cell)
        journal = AgentJournal(settings.cell_dir / "agents.journal", StateSpans(settings.states_dir))
        self.agents = Agents(acd, self.redis, self.writer, journal, self._agent_available)
        self.limits = Limits(redis, self.redis, settings.cell)
        self.trunks = Trunks(
            switch=self.switch,
            redis=self.redis,
            documents=self.documents,
            vault=lambda: Vault.from_settings(settings),
            files=gateway_files,
            folder=settings.cell_dir,
            cell=settings.cell,
        )
        self.facts = facts = Facts(settings.facts_dir)
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
            limits=self.limits,
            facts=facts,
        )
        speech = PromptSpeech(prompts, lambda tenant: self.documents.get(TenantDoc, tenant))
        self.board.carrier = Carrier(
            settings=settings,
            switch=self.switch,
            redis=self.redis,
            acd=acd,
            agents=self.agents,
            writer=self.writer,
            speech=speech,
            desk=self.board,
        )
        self.board.events.keys = PressToTake(self.switch, speech, self.board.calls)
        self.supervising = Supervising(
            settings=settings,
            switch=self.switch,
            redis=self.redis,
            board=self.board,
            writer=self.writer,
        )
        self.takes = TakingVoices(
            settings=settings,
            switch=self.switch,
            redis=self.redis,
            agents=self.agents,
            documents=self.documents,
            registrations=self.registrations,
            speech=speech,
        )
        self.own_legs = OwnLegs((self.supervising, self.takes))
        self.board.watches = self.own_legs
        self.reconciler = Reconciler(
            settings=settings,
            switch=self.switch,
            redis=self.redis,
            acd=acd,
            board=self.board,
            registrations=self.registrations,
            facts=facts,
        )
        self.commands = Commands(
            settings=settings,
            redis=self.redis,
            blocking=blocking[1],
            switch=self.switch,
            board=self.board,
            dialler=Dialler(
                settings=settings,
                switch=self.switch,
                redis=self.redis,
                acd=acd,
                board=self.board,
                limits=self.limits,
            ),
            trunks=self.trunks,
            transfers=Transferrer(
                switch=self.switch, redis=self.redis, acd=acd, board=self.board, limits=self.limits
            ),
            takes=self.takes,
            supervise=SuperviseCommands(self.supervising, self.board, self.redis, acd),
            hold_extension=acd.hold_extension,
            free_extension=acd.free_extension,
        )

    def start(self) -> None:
        """Start everything; returns at once."""
        self.documents.load_copy()
        self.documents.load(self.redis)
        self.limits.load()
        self.documents.on_change = lambda: gevent.spawn(self._documents_changed)
        self.agents.restore()
        self.registrations.on_change = lambda user, up: gevent.spawn(self._endpoint_changed, user, up)
        self.registrations.on_moved = lambda user: gevent.spawn(self._endpoint_moved, user)
        self.writer.start()
        self.agents.republish()
        self._greenlets = [
            gevent.spawn(self.documents.follow, self.redis, self._blocking[0]),
            gevent.spawn(self.commands.follow),
            gevent.spawn(self._every, RENEW_S, self.board.renew_fallbacks),
            gevent.spawn(self._every, RENEW_S, self.takes.renew),
            gevent.spawn(self._every, HEARTBEAT_S, self._heartbeat),
            gevent.spawn(self._every, AUDIT_S, self._audit),
            gevent.spawn(self._every, AUDIT_S, self.facts.leave_again),
        ]
        self.switch.start()

    def stop(self) -> None:
        """Stop driving; calls stay up at the switch and the next controller goes on with them."""
        gevent.killall(self._greenlets, block=False)
        for runner in list(self.board.calls.values()):
            runner.stop()
        self.takes.stop()
        self.board.requests.stop()
        self.switch.stop()
        self.writer.stop()
        self.facts.stop()

    def healthy(self) -> dict[str, bool]:
        """Return what answers."""
        return {"switch": self.switch.connected, "redis": self.redis.up}

    # --- the switch -------------------------------------------------------------------------------------------------

    def _on_up(self, core_uuid: str) -> None:
        self.reconciler.connected(core_uuid)
        self._tell_switch(True)
        gevent.spawn(self.trunks.settle)
        for agent in self.agents:
            # Nobody tells of an endpoint that vanished while no controller looked.
            if self._talks_by_page(agent) and not self.registrations.registered(agent.user):
                gevent.spawn(self._lose_unless_back, agent)

    def _on_down(self, reason: str) -> None:
        self._tell_switch(False)

    def _documents_changed(self) -> None:
        self.trunks.settle()
        self._settle_agents()

    def _tell_switch(self, connected: bool) -> None:
        tenants = [tenant.id for tenant in self.documents.all(TenantDoc)]
        live.switch_connected(self.writer, tenants, self.settings.effective_switch.value, connected)

    def _on_event(self, event: Any) -> None:
        if event.subclass == STATE_EVENT:
            self.trunks.on_event(event)
        elif not self.takes.on_event(event):
            self.board.events.on_event(event)

    def _agent_available(self, agent: rules.Agent) -> None:
        gevent.spawn(self.board.ringing.agent_available, agent)

    # --- endpoints --------------------------------------------------------------------------------------------------

    def _endpoint_changed(self, user: str, registered: bool) -> None:
        agent = self.agents.with_user(user)
        if agent is None:
            return
        extension = self.documents.extension(agent.extension_id)
        standing = self.board.reach.standing(extension, agent.endpoint)
        after = self.agents.change(
            agent.account_id,
            lambda a: rules.registration(a, standing.registered, now_ms(), by_number=standing.by_number),
        )
        told = {
            "account_id": agent.account_id,
            "endpoint": agent.endpoint,
            "registered": standing.registered,
        }
        self.writer.event(agent.tenant_id, (f"agent:{agent.account_id}", "admin"), "phone.registered", told)
        if registered or after is None or not self._talks_by_page(after):
            return
        if after.state is AgentState.TALKING:
            self._lose_unless_back(after)
        else:
            self._lose(after)

    def _lose_unless_back(self, agent: rules.Agent) -> None:
        gevent.sleep(LOST_ENDPOINT_GRACE_S)
        if not self.registrations.registered(agent.user):
            self._lose(agent)

    def _endpoint_moved(self, user: str) -> None:
        """A reloaded page registered anew: the leg the old page held is dead, though nobody hung it up."""
        agent = self.agents.with_user(user)
        if agent is not None and self._talks_by_page(agent):
            self._lose(agent)

    def _talks_by_page(self, agent: rules.Agent) -> bool:
        """Return whether the agent is rung, or talks, by the browser: what they have ends with the page."""
        return (
            bool(agent.token)
            and agent.endpoint == WEB
            and not self.board.agent_legs.is_by_number(agent.leg_id)
            and not self.supervising.is_by_number(agent.leg_id)
        )

    def _lose(self, agent: rules.Agent) -> None:
        if self.own_legs.lost(agent):
            return
        self.board.post(agent.call_id, inputs.AgentLost(at_ms=now_ms(), leg_id=agent.leg_id))

    # --- steady work --------------------------------------------------------------------------------------------------

    def _every(self, seconds: float, action: Any) -> None:
        while True:
            gevent.sleep(seconds)
            name = getattr(action, "__name__", "renew")
            try:
                action()
            except SwitchError as error:
                # It is away or behind, which others tell; the next turn does it.
                log.warning("steady_work_waits", action=name, reason=str(error))
            except Exception:
                log.exception("steady_work_failed", action=name)

    def _audit(self) -> None:
        if self.switch.connected:
            self.reconciler.audit()
            self.trunks.settle()

    def _settle_agents(self) -> None:
        if self.switch.connected:
            self.reconciler.settle_agents()

    def _redis_back(self) -> None:
        self.documents.load(self.redis)
        self.writer.wake()
        self.registered_users.forgotten()
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
            "started_ms": self._started_ms,
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
            self.registered_users.forgotten()
            gevent.spawn(self.reconciler.redis_forgot if self._beaten else self.reconciler.tell_redis)
        self._beaten = True
        self.registered_users.settle()

    def _gauges(self) -> None:
        self.metrics.calls_up.set(len(self.board.calls))
        self.metrics.agents.set(sum(1 for _ in self.agents))
        self.metrics.switch_connected.set(self.switch.connected)
        self.metrics.redis_up.set(self.redis.up)
        self.metrics.backlog.set(self.switch.backlog)
        self.metrics.dropped.set(self.writer.dropped)
        self.metrics.events.set(self.switch.statistics.events)
        for command, sent in self.switch.traffic.sent.items():
            self.metrics.commands.labels(command=command).set(sent.commands)
            self.metrics.command_bytes.labels(command=command).set(sent.size_bytes)
