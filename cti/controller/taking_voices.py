"""Voices recorded by telephone (CTI-V4): legs of their own that are rung, asked and recorded; no calls.

An agent who is signed in on the extension is reserved meanwhile, as a supervisor is, so that no queue call comes; one
who has a call is not rung.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import gevent
import msgspec
import structlog

from core import bus, keys
from core.clock import now_ms
from core.documents import ExtensionDoc, TenantDoc
from core.settings import Settings
from cti.acd import agents as rules
from cti.acd.agents import Agent, AgentState
from cti.controller.agents import Agents
from cti.controller.desk import Speech
from cti.controller.documents import Documents
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.registrations import Registrations
from cti.controller.take_runner import KEPT, LOST, TakeFiles, TakeRunner, write_shown
from cti.esl import answers, commands
from cti.esl.client import Reply, Status, SwitchClient
from cti.esl.events import Event
from cti.esl.quoting import UnsafeValue
from cti.takes import dialogue
from cti.takes.model import (
    LEG_KIND,
    VARIABLE,
    End,
    Refused,
    Shown,
    Take,
    TakeState,
    from_variable,
    to_variable,
)

log = structlog.get_logger(__name__)

RING_S = 45
UNADOPTED_S = 20
"""Seconds a leg that answered lives, should the controller die just then."""
SILENT_ENDPOINT_MS = 60_000
MAX_AT_ONCE = 20
"""Takes of a company at a time."""
MAX_PHONES = 500
END_TRIES, END_AGAIN_S = 8, 0.25
RESERVED_FOR = "voice"
"""Reason an agent's screens are told while they record."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Result = dict[str, Any]


class TakingVoices:
    """The takes of this cell, by leg. Implements `board.Watches`: legs that are no part of any call."""

    def __init__(
        self,
        *,
        settings: Settings,
        switch: SwitchClient,
        redis: RedisGuard,
        agents: Agents,
        documents: Documents,
        registrations: Registrations,
        speech: Speech,
    ) -> None:
        self._settings = settings
        self._switch = switch
        self._redis = redis
        self._agents = agents
        self._documents = documents
        self._registrations = registrations
        self._speech = speech
        self._files = TakeFiles(settings.takes_dir)
        self._takes: dict[str, TakeRunner] = {}
        self.handlers: dict[str, Callable[[bus.Command], Result]] = {
            "voice.phones": self._phones,
            "voice.record": self._record,
            "voice.stop": self._stop,
        }

    # --- what people ask --------------------------------------------------------------------------------------------

    def _phones(self, command: bus.Command) -> Result:
        """Say which telephones of the company could be rung now, the asker's own ones first."""
        account_id = int(command.body["account_id"])
        found = []
        for extension in self._documents.all(ExtensionDoc):
            if extension.tenant_id != command.tenant:
                continue
            own = account_id in extension.account_ids
            found += [
                {"extension_id": extension.id, "number": extension.number, "endpoint": endpoint, "own": own}
                for endpoint in ("web", "sip")
                if self._reachable(extension, endpoint, account_id)
            ]
        found.sort(key=lambda each: (not each["own"], each["number"]))
        return {"phones": found[:MAX_PHONES]}

    def _reachable(self, extension: ExtensionDoc, endpoint: str, account_id: int) -> bool:
        """A browser answers by itself, so only who sits at it may have it called."""
        if endpoint == "sip":
            return self._registrations.registered(extension.sip_user)
        agent = self._agents.on_extension(extension.id)
        mine = agent is not None and agent.account_id == account_id and agent.endpoint == "web"
        return mine and self._registrations.registered(extension.web_user)

    def _record(self, command: bus.Command) -> Result:
        """Ring the telephone. Raises :class:`Refused`."""
        body, tenant_id = command.body, command.tenant
        take_id, account_id = str(body["take_id"]), int(body["account_id"])
        endpoint = str(body["endpoint"])
        if not _ID.fullmatch(take_id) or endpoint not in ("sip", "web"):
            raise Refused("bad-command")
        if self._known(tenant_id, take_id):
            return {"take_id": take_id}
        extension = self._require_extension(tenant_id, int(body["extension_id"]))
        user = extension.web_user if endpoint == "web" else extension.sip_user
        if not self._reachable(extension, endpoint, account_id):
            raise Refused("phone-away")
        target = self._registrations.contact(user)
        if target is None or not self._switch.connected:
            raise Refused("phone-away" if target is None else "switch-away")
        self._require_free(tenant_id, extension.id)
        agent = self._agents.on_extension(extension.id)
        take = Take(
            id=take_id,
            tenant_id=tenant_id,
            account_id=account_id,
            name=str(body["name"])[:200],
            voice_id=int(body.get("voice_id", 0)),
            extension_id=extension.id,
            endpoint=endpoint,
            agent_id=agent.account_id if agent is not None else 0,
            language="en" if body.get("language") == "en" else "zh",
            begun_ms=now_ms(),
        )
        self._begin(take, target)
        return {"take_id": take_id}

    def _known(self, tenant_id: int, take_id: str) -> bool:
        if take_id in self._takes:
            return True
        try:
            return bool(self._redis.run(lambda client: client.exists(keys.take(tenant_id, take_id))))
        except RedisAwayError:
            raise Refused("switch-away") from None

    def _require_extension(self, tenant_id: int, extension_id: int) -> ExtensionDoc:
        tenant = self._documents.get(TenantDoc, tenant_id)
        extension = self._documents.get(ExtensionDoc, extension_id)
        if extension is None or extension.tenant_id != tenant_id:
            raise Refused("no-such-extension")
        if tenant is None or not tenant.active:
            raise Refused("tenant-suspended")
        return extension

    def _require_free(self, tenant_id: int, extension_id: int) -> None:
        takes = [runner.take for runner in self._takes.values() if runner.take.tenant_id == tenant_id]
        agent = self._agents.on_extension(extension_id)
        busy = agent is not None and (agent.token or agent.state is AgentState.WRAP_UP)
        if busy or any(take.extension_id == extension_id for take in takes):
            raise Refused("phone-busy")
        if len(takes) >= MAX_AT_ONCE:
            raise Refused("limit-reached")

    def _begin(self, take: Take, target: commands.Target) -> None:
        if take.id in self._takes:
            return
        try:
            wire = commands.originate(self._leg(take, target))
        except UnsafeValue as error:
            log.warning("contact_refused", extension=take.extension_id, reason=str(error))
            raise Refused("phone-away") from None
        # Noted before Redis is asked: the claim has something behind it, and of two for one telephone one is refused.
        runner = self._takes[take.id] = self._runner(take)
        if take.agent_id and not self._reserve(take):
            del self._takes[take.id]
            raise Refused("phone-busy")
        runner.start()
        self._switch.bgapi(wire, lambda reply: self._originated(take.id, reply))
        log.info("take_begun", take=take.id, tenant=take.tenant_id, account=take.account_id)

    def _reserve(self, take: Take) -> bool:
        """Claim who is signed in there; False when a call came first."""

        def claim(agent: Agent) -> Agent:
            if agent.token:
                return agent
            return rules.reserved(agent, token=take.id, call_id=take.id, now_ms=now_ms(), reason=RESERVED_FOR)

        after = self._agents.change(take.agent_id, claim)
        return after is not None and after.token == take.id

    def _leg(self, take: Take, target: commands.Target) -> commands.Originate:
        variables = {
            "zj_tenant": str(take.tenant_id),
            "zj_cell": self._settings.cell,
            "zj_leg": LEG_KIND,
            VARIABLE: to_variable(take),
            "playback_terminators": "none",
            "media_timeout": str(SILENT_ENDPOINT_MS),
            "execute_on_answer": f"sched_hangup +{UNADOPTED_S} NORMAL_TEMPORARY_FAILURE",
        }
        if take.endpoint == "web":
            variables |= {"sip_h_X-Zongji-Leg": take.id, "sip_h_X-Zongji-Auto-Answer": "true"}
        return commands.Originate(
            uuid=take.id, target=target, timeout_s=RING_S, caller_name="Zongji", variables=variables
        )

    def _originated(self, take_id: str, reply: Reply) -> None:
        if reply.status is not Status.UNKNOWN and not reply.ok:
            cause = reply.text.removeprefix("-ERR ").strip() or "NORMAL_TEMPORARY_FAILURE"
            self._post(take_id, dialogue.Gone(cause=cause))

    def _stop(self, command: bus.Command) -> Result:
        """End a take from the page."""
        take_id = str(command.body["take_id"])
        runner = self._takes.get(take_id)
        if runner is None or runner.take.tenant_id != command.tenant:
            raise Refused("no-such-take")
        self._end(take_id)
        return {"take_id": take_id}

    def _end(self, take_id: str, tries: int = END_TRIES) -> None:
        """Nothing is kept, and the leg ends; its originate may still be on its way, so it is told for a while."""
        self._post(take_id, dialogue.Stopped())

        def told(reply: Reply) -> None:
            if not reply.ok and take_id in self._takes and tries:
                gevent.spawn_later(END_AGAIN_S, self._end, take_id, tries - 1)

        self._switch.post(commands.kill(take_id), told)

    def end_all(self, tenant_id: int) -> int:
        """End the company's takes: it was suspended. Returns how many there were."""
        ended = [take_id for take_id, runner in self._takes.items() if runner.take.tenant_id == tenant_id]
        for take_id in ended:
            self._end(take_id)
        return len(ended)

    # --- what the switch tells --------------------------------------------------------------------------------------

    def on_event(self, event: Event) -> bool:
        """Take an event of the switch; False when it is about no take."""
        if event.uuid not in self._takes:
            return False
        match event.name:
            case "CHANNEL_PARK":
                self._post(event.uuid, dialogue.Answered())
            case "CHANNEL_EXECUTE_COMPLETE":
                hung_up = event.answer_state == "hangup"
                done = dialogue.StepDone(step_id=event.application_uuid, hung_up=hung_up)
                self._post(event.uuid, done)
            case "DTMF":
                self._post(event.uuid, dialogue.Key(digit=event.digit))
            case "CHANNEL_HANGUP_COMPLETE":
                self._post(event.uuid, dialogue.Gone(cause=event.hangup_cause))
        return True

    def _post(self, take_id: str, event: dialogue.Input) -> None:
        runner = self._takes.get(take_id)
        if runner is not None:
            runner.post(event)

    def _runner(self, take: Take) -> TakeRunner:
        return TakeRunner(
            take,
            cell=self._settings.cell,
            switch=self._switch,
            redis=self._redis,
            speech=self._speech,
            files=self._files,
            on_over=self._over,
        )

    def _over(self, runner: TakeRunner) -> None:
        take = runner.take
        self._takes.pop(take.id, None)
        if take.end is not End.KEPT:
            self._files.drop(take.id)
        if take.agent_id:
            self._agents.free(take.agent_id, take.id)
        log.info("take_over", take=take.id, end=take.end.value if take.end else "")

    def stop(self) -> None:
        """Stop driving; the legs stay, and the next controller goes on with them."""
        for runner in self._takes.values():
            runner.stop()

    def renew(self) -> None:
        """Keep the end ahead of every take's leg."""
        for runner in list(self._takes.values()):
            runner.renew()

    # --- `board.Watches` --------------------------------------------------------------------------------------------

    @property
    def legs(self) -> set[str]:
        """Uuids of the takes' legs."""
        return set(self._takes)

    def parked(self, leg_id: str) -> bool:
        """Events come by :meth:`on_event`, ahead of the board's."""
        return leg_id in self._takes

    def hung_up(self, leg_id: str, cause: str) -> bool:
        """Events come by :meth:`on_event`, ahead of the board's."""
        return leg_id in self._takes

    def holds(self, agent: Agent) -> bool:
        """Return whether the agent's claim is that of a take."""
        return agent.token in self._takes

    def lost(self, agent: Agent) -> bool:
        """The agent's endpoint vanished; returns whether it recorded, and then ends that."""
        if agent.token not in self._takes:
            return False
        self._end(agent.token)
        return True

    def settle(self, dumps: Mapping[str, Event | None]) -> None:
        """Go on with takes the switch has a leg of, and close those it has none of."""
        for leg_id, event in dumps.items():
            if event is None:
                self._post(leg_id, dialogue.Gone(cause="NORMAL_TEMPORARY_FAILURE"))
            elif event.zj_leg == LEG_KIND:
                self._settle_leg(leg_id, event)
        self._close_lost()

    def _settle_leg(self, leg_id: str, event: Event) -> None:
        try:
            told = from_variable(event.get(f"variable_{VARIABLE}"))
        except ValueError:
            log.warning("take_unreadable", leg=leg_id)
            self._switch.post(commands.kill(leg_id))
            return
        if event.get("variable_zj_fallback") == "true":
            self._switch.post(commands.kill(leg_id))
        runner = self._takes.get(leg_id)
        if runner is not None:
            if told.steps < runner.take.steps:
                runner.repeat()
                return
        else:
            runner = self._resume(told)
        take = runner.take
        if take.state in (TakeState.KEPT, TakeState.DROPPED) and not take.step_id:
            self._switch.post(commands.kill(leg_id))
        elif take.state is TakeState.CALLING:
            if event.answer_state == "answered":
                runner.post(dialogue.Answered())
        elif take.step_id and answers.step_ended(event, take.step_id):
            runner.post(dialogue.StepDone(step_id=take.step_id))

    def _resume(self, take: Take) -> TakeRunner:
        """Go on with a take another controller began."""
        log.info("take_resumed", take=take.id, state=take.state.value)
        runner = self._takes[take.id] = self._runner(take)
        offers = take.state in (TakeState.MENU, TakeState.LISTENING)
        if offers and self._files.kept(take):
            runner.start(dialogue.kept_already(take))
        else:
            runner.start(dialogue.going_on(take))
        return runner

    def _close_lost(self) -> None:
        """Takes that ended while no controller looked: nothing of them is kept but what was handed over."""
        try:
            found: Any = self._redis.run(lambda client: client.hgetall(keys.takes(self._settings.cell)))
        except RedisAwayError:
            return
        for name, value in found.items():
            take_id, tenant_id = name.decode(), int(value)
            if take_id in self._takes or self._switch.send(commands.dump(take_id)).ok:
                continue
            kept = self._files.fact(take_id).exists() or self._ended(tenant_id, take_id) is End.KEPT
            self._files.drop(take_id)
            write_shown(self._redis, self._settings.cell, tenant_id, take_id, KEPT if kept else LOST)

    def _ended(self, tenant_id: int, take_id: str) -> End | None:
        value: Any = self._redis.run(lambda client: client.get(keys.take(tenant_id, take_id)))
        return msgspec.json.decode(value, type=Shown).end if value else None

    def forget_all(self) -> None:
        """The switch died, and every leg with it."""
        for take_id in list(self._takes):
            self._post(take_id, dialogue.Gone(cause="SWITCH_RESTARTED"))

    def republish(self) -> None:
        """Write all takes to Redis again."""
        for runner in list(self._takes.values()):
            runner.show()
