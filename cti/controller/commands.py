"""Commands to the controller (docs/contracts.md): read from the cell's stream, checked, carried out, answered.

A command has a deadline and, when it is about a call, the call's revision it was meant for; a late or mismatched one is
refused, visibly. Each is safe to repeat.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import gevent
import structlog

from core import bus, keys
from core.clock import now_ms
from core.documents import AccountDoc, ExtensionDoc, RouteDoc
from core.settings import Settings
from cti import outbound, supervision
from cti.acd import agents as rules
from cti.acd.agents import Agent, AgentState
from cti.call import inputs
from cti.controller.board import Board
from cti.controller.dialling import Dialler, DialRefused
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.registrations import PROFILE
from cti.controller.supervise_commands import SuperviseCommands
from cti.controller.taking_voices import TakingVoices
from cti.controller.transferring import Transferrer
from cti.controller.trunks import Trunks
from cti.endpoint_kinds import KINDS, LANDLINE, user_of
from cti.esl import commands
from cti.esl.client import SwitchClient
from cti.esl.quoting import UnsafeValue
from cti.takes import model as takes

log = structlog.get_logger(__name__)

BLOCK_MS = 1000
POSITION_TTL_S = 60
Result = dict[str, Any]


class Refused(Exception):
    """The command is not carried out; `error` is a stable id, `detail` what the screen may show."""

    def __init__(self, error: str, **detail: Any) -> None:
        super().__init__(error)
        self.error = error
        self.detail = detail


class Commands:
    """Reads and carries out the cell's commands, one greenlet each."""

    def __init__(
        self,
        *,
        settings: Settings,
        redis: RedisGuard,
        blocking: Any,
        switch: SwitchClient,
        board: Board,
        dialler: Dialler,
        trunks: Trunks,
        transfers: Transferrer,
        takes: TakingVoices,
        supervise: SuperviseCommands,
        hold_extension: Callable[[int, int, int], int],
        free_extension: Callable[[int, int, int], None],
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._blocking = blocking
        self._switch = switch
        self._board = board
        self._dialler = dialler
        self._trunks = trunks
        self._takes = takes
        self._supervise = supervise
        self._transfers = transfers
        self._hold_extension = hold_extension
        self._free_extension = free_extension

    def follow(self) -> None:
        """Read commands for ever. Those older than the start are refused by their deadlines."""
        stream, position = keys.commands(self._settings.cell), self._last_position()
        while True:
            try:
                for _, entries in self._blocking.xread({stream: position}, block=BLOCK_MS, count=200) or []:
                    # Noted before anything is carried out: a command is done at most once, whoever dies.
                    position = entries[-1][0].decode()
                    self._note_position(position)
                    for _, fields in entries:
                        gevent.spawn(self._take, fields)
            except Exception as error:  # noqa: BLE001 (a follower must outlive any answer of Redis)
                log.warning("commands_follow_failed", reason=str(error))
                gevent.sleep(0.3)

    def _last_position(self) -> str:
        """Return where a controller before us stopped reading: what came since still counts if its deadline says so."""
        try:
            stored = self._redis.run(lambda client: client.get(keys.commands_position(self._settings.cell)))
        except RedisAwayError:
            stored = None
        return stored.decode() if stored else f"{now_ms()}-0"

    def _note_position(self, position: str) -> None:
        name = keys.commands_position(self._settings.cell)
        self._redis.run(lambda client: client.set(name, position, ex=POSITION_TTL_S))

    def _take(self, fields: dict[bytes, bytes]) -> None:
        try:
            command = bus.decode_command(fields)
        except ValueError as error:
            log.warning("command_unreadable", reason=str(error))
            return
        try:
            result = self._carry_out(command)
        except Refused as refusal:
            result = {"ok": False, "error": refusal.error, "detail": refusal.detail}
        except (supervision.Refused, takes.Refused) as refusal:
            result = {"ok": False, "error": refusal.error, "detail": refusal.detail}
        except DialRefused as refusal:
            result = {"ok": False, "error": refusal.error, "detail": refusal.reason}
        except (KeyError, TypeError, ValueError) as error:
            result = {"ok": False, "error": "bad-command", "detail": {"reason": str(error)[:200]}}
        except Exception:
            log.exception("command_failed", kind=command.kind)
            result = {"ok": False, "error": "internal", "detail": {}}
        log.info(
            "command", kind=command.kind, actor=command.actor, ok=result["ok"], error=result.get("error", "")
        )
        try:
            self._redis.run(lambda client: bus.reply(client, command.id, result))
        except RedisAwayError:
            log.warning("command_answer_lost", kind=command.kind)

    def _carry_out(self, command: bus.Command) -> Result:
        if command.deadline_ms < now_ms():
            raise Refused("too-late")
        for handlers in (self._supervise.handlers, self._takes.handlers):
            if command.kind in handlers:
                return {"ok": True, **handlers[command.kind](command)}
        handler = self._HANDLERS.get(command.kind)
        if handler is None:
            raise Refused("unknown-command")
        return {"ok": True, **(handler(self, command) or {})}

    # --- agents ---------------------------------------------------------------------------------------------------

    def _sign_in(self, command: bus.Command) -> Result:
        body = command.body
        account_id, extension_id = int(body["account_id"]), int(body["extension_id"])
        endpoint = str(body["endpoint"])
        documents = self._board.documents
        account = documents.get(AccountDoc, account_id)
        extension = documents.get(ExtensionDoc, extension_id)
        if account is None or account.tenant_id != command.tenant or not account.enabled:
            raise Refused("account-disabled")
        if (
            extension is None
            or extension.tenant_id != command.tenant
            or account_id not in extension.account_ids
        ):
            raise Refused("not-permitted")
        if endpoint not in KINDS:
            raise Refused("bad-command", reason="endpoint")
        if endpoint == LANDLINE:
            self._require_landline(extension)
        current = self._board.agents.get(account_id)
        user, standing = user_of(extension, endpoint), self._board.reach.standing(extension, endpoint)
        if current is not None:
            return self._sign_in_again(current, extension, endpoint)
        self._hold(command.tenant, extension_id, account_id)
        if self._board.agents.get(account_id) is not None:
            # Signed in from another page while we asked Redis.
            self._give_back(command.tenant, extension_id, account_id)
            raise Refused("already-signed-in", extension=extension.number)
        agent = Agent(
            tenant_id=command.tenant,
            account_id=account_id,
            name=account.name,
            employee_number=account.employee_number,
            extension_id=extension_id,
            extension=extension.number,
            endpoint=endpoint,
            user=user,
            since_ms=now_ms(),
            queue_ids=documents.queues_of_extension(extension_id),
            places=documents.places_of_extension(extension_id),
            timezone=documents.timezone(command.tenant),
            registered=standing.registered,
            by_number=standing.by_number,
        )
        self._board.agents.add(agent)
        return {"state": agent.state.value, "registered": agent.registered}

    def _require_landline(self, extension: ExtensionDoc) -> None:
        """Let pass an extension whose landline or mobile can be called now. Raises :class:`Refused`."""
        if not extension.bound_number:
            raise Refused("no-landline")
        if reason := self._board.reach.refusal(extension):
            raise Refused(outbound.ERRORS[outbound.Reason(reason)], reason=reason)

    def _sign_in_again(self, agent: Agent, extension: ExtensionDoc, endpoint: str) -> Result:
        """Signing in twice on the same extension is the same; changing the endpoint is allowed while idle."""
        if agent.extension_id != extension.id:
            raise Refused("already-signed-in", extension=agent.extension)
        user, standing = user_of(extension, endpoint), self._board.reach.standing(extension, endpoint)
        if agent.endpoint != endpoint:
            if agent.token:
                raise Refused("wrong-state", state=agent.state.value)
            self._board.agents.change(
                agent.account_id,
                # Not over a claim that came in between: a ringing phone stays the one that rings.
                lambda a: (
                    a
                    if a.token
                    else rules.moved(
                        a,
                        endpoint=endpoint,
                        user=user,
                        registered=standing.registered,
                        by_number=standing.by_number,
                    )
                ),
            )
        return {"state": agent.state.value, "registered": standing.registered}

    def _hold(self, tenant_id: int, extension_id: int, account_id: int) -> None:
        try:
            holder = self._redis.run(lambda _: self._hold_extension(tenant_id, extension_id, account_id))
        except RedisAwayError:
            raise Refused("busy-later") from None
        held = self._board.agents.get(holder)
        if holder != account_id and (held is None or held.extension_id != extension_id):
            # Nobody is there: the holder's sign-out never reached Redis.
            self._give_back(tenant_id, extension_id, holder)
            holder = self._redis.run(lambda _: self._hold_extension(tenant_id, extension_id, account_id))
        if holder != account_id:
            held_by = self._board.documents.get(AccountDoc, holder)
            raise Refused("extension-held", holder=held_by.name if held_by else str(holder))

    def _give_back(self, tenant_id: int, extension_id: int, account_id: int) -> None:
        current = self._board.agents.get(account_id)
        if current is None or current.extension_id != extension_id:
            self._redis.run(lambda _: self._free_extension(tenant_id, extension_id, account_id))

    def _sign_out(self, command: bus.Command) -> Result:
        agent = self._agent(command)
        left = self._board.agents.change(agent.account_id, lambda a: rules.ask_to_leave(a, now_ms()))
        return {"signed_out": left is None}

    def _set_state(self, command: bus.Command) -> Result:
        agent = self._agent(command)
        try:
            state = AgentState(str(command.body["state"]))
        except ValueError:
            raise Refused("bad-command", reason="state") from None
        if state not in rules.CHOOSABLE:
            raise Refused("bad-command", reason="state")
        reason = str(command.body.get("reason", ""))[:80]
        after = self._board.agents.change(
            agent.account_id, lambda a: rules.choose(a, state, reason, now_ms())
        )
        return {"state": after.state.value, "next_state": after.next_state} if after else {}

    def _wrap_up(self, command: bus.Command) -> Result:
        """End the wrap-up early, or make it longer once."""
        agent = self._agent(command)
        if agent.state is not AgentState.WRAP_UP:
            raise Refused("wrong-state", state=agent.state.value)
        match str(command.body["do"]):
            case "end":
                after = self._board.agents.change(agent.account_id, lambda a: rules.wrapped_up(a, now_ms()))
            case "extend" if agent.wrap_extended:
                raise Refused("wrong-state", state=agent.state.value)
            case "extend":
                after = self._board.agents.change(agent.account_id, self._longer)
            case _:
                raise Refused("bad-command", reason="do")
        return {"state": after.state.value, "until_ms": after.wrap_until_ms} if after else {}

    @staticmethod
    def _longer(agent: Agent) -> Agent:
        """A wrap-up that ended, or was made longer, between the look and the change stays as it is."""
        possible = agent.state is AgentState.WRAP_UP and not agent.wrap_extended
        return rules.extended(agent) if possible else agent

    def _presence(self, command: bus.Command) -> Result:
        agent = self._agent(command)
        self._board.agents.seen(agent.account_id)
        return {"state": agent.state.value, "registered": agent.registered, "call_id": agent.call_id}

    def _agent(self, command: bus.Command) -> Agent:
        agent = self._board.agents.get(int(command.body["account_id"]))
        if agent is None or agent.tenant_id != command.tenant:
            raise Refused("not-signed-in")
        return agent

    # --- calls to the outside -------------------------------------------------------------------------------------

    def _dial(self, command: bus.Command) -> Result:
        body = command.body
        call_id = self._dialler.dial(
            command.tenant, int(body["account_id"]), str(body["to"]), str(body["key"])
        )
        return {"call_id": call_id}

    # --- legs -----------------------------------------------------------------------------------------------------

    def _leg(self, command: bus.Command) -> tuple[Agent, str]:
        agent = self._agent(command)
        leg_id = str(command.body.get("leg_id") or agent.leg_id)
        if not agent.leg_id or agent.leg_id != leg_id:
            raise Refused("no-such-leg")
        runner = self._board.calls.get(agent.call_id)
        if command.call_rev is not None and runner is not None and runner.call.rev != command.call_rev:
            raise Refused("call-changed")
        return agent, leg_id

    def _answer(self, command: bus.Command) -> None:
        agent, leg_id = self._leg(command)
        if agent.state is not AgentState.RINGING:
            raise Refused("wrong-state", state=agent.state.value)
        if self._board.agent_legs.is_by_number(leg_id):
            raise Refused("pick-up-phone")
        self._switch.post(commands.phone_event(leg_id, "talk"))

    def _hangup(self, command: bus.Command) -> None:
        agent, leg_id = self._leg(command)
        if agent.state is AgentState.RESERVED:
            if not self._takes.lost(agent):
                self._supervise.stop(command)
            return
        self._board.post(
            agent.call_id, inputs.HangupAsked(at_ms=now_ms(), by=agent.account_id, leg_id=leg_id)
        )

    def _end_calls(self, command: bus.Command) -> Result:
        """End every call of the company here: it was suspended, and its calls shall not go on (ACC-3)."""
        runners = [each for each in self._board.calls.values() if each.call.tenant_id == command.tenant]
        for runner in runners:
            runner.post(inputs.EndAsked(at_ms=now_ms()))
        self._takes.end_all(command.tenant)
        return {"ended": len(runners)}

    def _hold_call(self, command: bus.Command) -> None:
        agent, leg_id = self._talking(command)
        runner = self._board.calls.get(agent.call_id)
        if runner is not None and (runner.call.agent_leg != leg_id or runner.call.consult is not None):
            raise Refused(
                "wrong-state", state=agent.state.value
            )  # who is asked holds nobody; nor is the customer free
        hold = command.kind == "leg.hold"
        if not self._board.ask(agent.call_id, inputs.HoldAsked(at_ms=now_ms(), hold=hold)):
            raise Refused("wrong-state", state=agent.state.value)

    def _mute(self, command: bus.Command) -> None:
        agent, leg_id = self._talking(command)
        muted = command.kind == "leg.mute"
        self._switch.post(commands.mute(leg_id) if muted else commands.unmute(leg_id))
        self._board.agents.change(agent.account_id, lambda a: rules.mute(a, leg_id, muted))
        self._board.screens.leg_muted(agent, leg_id, muted)

    def _dtmf(self, command: bus.Command) -> None:
        agent, leg_id = self._talking(command)
        runner = self._board.calls.get(agent.call_id)
        consult = runner.call.consult if runner is not None else None
        other = agent.call_id
        if consult is not None and runner is not None:
            other = consult.leg_id if leg_id == runner.call.agent_leg else runner.call.agent_leg
        self._switch.post(commands.send_dtmf(other, str(command.body["digits"])))

    def _transfer(self, command: bus.Command) -> None:
        agent, leg_id = self._talking(command)
        self._transfers.blind(agent, leg_id, command.body["to"])

    def _consult(self, command: bus.Command) -> None:
        agent, leg_id = self._talking(command)
        self._transfers.consult(agent, leg_id, command.body["to"])

    def _consult_cancel(self, command: bus.Command) -> None:
        agent, leg_id = self._talking(command)
        self._transfers.cancel(agent, leg_id)

    def _transfer_complete(self, command: bus.Command) -> None:
        agent, leg_id = self._talking(command)
        self._transfers.complete(agent, leg_id)

    def _conference(self, command: bus.Command) -> None:
        agent, leg_id = self._talking(command)
        self._transfers.join(agent, leg_id)

    def _talking(self, command: bus.Command) -> tuple[Agent, str]:
        agent, leg_id = self._leg(command)
        if agent.state is not AgentState.TALKING:
            raise Refused("wrong-state", state=agent.state.value)
        return agent, leg_id

    # --- endpoints --------------------------------------------------------------------------------------------------

    def _register_trunk(self, command: bus.Command) -> None:
        if not self._trunks.register_again(int(command.body["trunk_id"])):
            raise Refused("no-registration")

    def _flush_directory(self, command: bus.Command) -> None:
        """An endpoint's credentials changed: the switch asks anew, and who is registered with the old ones is out."""
        user, domain = str(command.body["user"]), self._settings.sip_domain
        extensions = self._board.documents.all(ExtensionDoc)
        if any(user in (e.web_user, e.sip_user) and e.tenant_id != command.tenant for e in extensions):
            raise Refused("not-permitted")
        try:
            wire = commands.flush_directory(user, domain) + commands.flush_registration(PROFILE, user, domain)
        except UnsafeValue as error:
            raise Refused("bad-command", reason=str(error)) from None
        self._switch.post(wire)

    # --- the demo ---------------------------------------------------------------------------------------------------

    def _demo_call(self, command: bus.Command) -> Result:
        """Place a test call: a leg of the switch to itself, which enters by the inbound dialplan like any other."""
        number, caller = str(command.body["number"]), str(command.body.get("caller", ""))
        routes = self._board.documents.all(RouteDoc)
        if not any(route.number == number and route.tenant_id == command.tenant for route in routes):
            raise Refused("no-such-route")
        probe = str(uuid.uuid4())
        try:
            wire = commands.originate(
                commands.Originate(
                    uuid=probe,
                    target=commands.Loopback(number=number, context="inbound"),
                    timeout_s=60,
                    caller_number=caller,
                    caller_name=caller,
                    variables={
                        "zj_leg": "probe",
                        "zj_tenant": str(command.tenant),
                        "loopback_export": "zj_demo",
                        "zj_demo": "true",
                    },
                )
            )
        except UnsafeValue as error:
            raise Refused("invalid-number", reason=str(error)) from None
        job = self._switch.bgapi(wire)
        for at_s, key in command.body.get("keys", []):
            gevent.spawn_later(float(at_s), self._press, probe, str(key))
        seconds = float(command.body.get("hangup_after_s", 0) or 0)
        if seconds > 0:
            gevent.spawn_later(seconds, self._switch.post, commands.kill(probe))
        return {"job": job.uuid, "probe": probe}

    def _press(self, probe: str, key: str) -> None:
        self._switch.post(commands.send_dtmf(probe, key))

    _HANDLERS: dict[str, Callable[[Commands, bus.Command], Result | None]] = {
        "agent.sign_in": _sign_in,
        "agent.sign_out": _sign_out,
        "agent.set_state": _set_state,
        "agent.wrap_up": _wrap_up,
        "agent.presence": _presence,
        "dial": _dial,
        "leg.answer": _answer,
        "leg.hangup": _hangup,
        "leg.hold": _hold_call,
        "leg.unhold": _hold_call,
        "leg.mute": _mute,
        "leg.unmute": _mute,
        "leg.dtmf": _dtmf,
        "leg.transfer": _transfer,
        "leg.consult": _consult,
        "leg.consult_cancel": _consult_cancel,
        "leg.transfer_complete": _transfer_complete,
        "leg.conference": _conference,
        "tenant.end_calls": _end_calls,
        "trunk.register": _register_trunk,
        "directory.flush": _flush_directory,
        "demo.call": _demo_call,
    }
