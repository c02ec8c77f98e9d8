"""Effects on the legs of a talk: bridges, holds, ends, and the agent's own dial."""

from __future__ import annotations

from core.settings import Settings
from cti.call import effects as fx
from cti.call.model import Call, LegKind, OfferResult, Phase, to_variable
from cti.controller.agent_legs import TEMPORARY_FAILURE, UNADOPTED_S
from cti.controller.agents import Agents
from cti.controller.desk import Desk
from cti.controller.work import FALLBACK_S, RINGING, Handlers, Work
from cti.esl import commands

LEFT_ALONE = f"{UNADOPTED_S}:{TEMPORARY_FAILURE}"
"""How long a leg waits that was left alone in a three-way talk, and the cause of its end then."""
AFTER_TALK = "after-talk:XML:zongji"
"""Where a caller's leg goes that outlives its talk: the dialplan parks it with a fallback armed, controller or not."""

KEPT = {"hangup_after_bridge": "false", "park_after_bridge": "true", "transfer_after_bridge": ""}
"""Variables of a customer's leg that parks when its bridge ends, whoever's end that was."""


def after_bridge(call: Call) -> dict[str, str]:
    """Return the variables that say what becomes of the customer's leg when the agent's ends."""
    stays = bool(call.after_talk)
    return {
        "hangup_after_bridge": "false" if stays else "true",
        "park_after_bridge": "false",
        "transfer_after_bridge": AFTER_TALK if stays else "",
    }


class Talks:
    """Commands that connect a customer's leg with an agent's, and part them."""

    def __init__(
        self,
        *,
        settings: Settings,
        agents: Agents,
        desk: Desk,
    ) -> None:
        self._settings = settings
        self._agents = agents
        self._desk = desk

    def handlers(self) -> Handlers:
        """Return who carries out which effect."""
        return {
            fx.HangupCustomer: self._hangup_customer,
            fx.KillLeg: self._kill_leg,
            fx.WithdrawOffer: self._withdraw,
            fx.CallAgent: self._call_agent,
            fx.Dial: self._dial,
            fx.Bridge: self._bridge,
            fx.HoldCustomer: self._hold,
            fx.UnholdCustomer: self._unhold,
            fx.JoinCustomer: self._join,
            fx.EndsWithCustomer: self._ends_with_customer,
            fx.DetachCustomer: self._detach,
            fx.EndsWithTalk: self._ends_with_talk,
        }

    def _hangup_customer(self, work: Work, effect: fx.HangupCustomer) -> None:
        work.wires.append(commands.kill(work.call.id, effect.cause))

    def _detach(self, work: Work, effect: fx.DetachCustomer) -> None:
        work.wires.append(commands.set_variables(work.call.id, KEPT))
        work.wires.append(commands.arm_fallback(work.call.id, FALLBACK_S))

    def _ends_with_talk(self, work: Work, effect: fx.EndsWithTalk) -> None:
        work.wires.append(commands.set_variables(work.call.id, after_bridge(work.call)))

    def _call_agent(self, work: Work, effect: fx.CallAgent) -> None:
        runner, call = work.runner, work.call
        runner.state_leg = call.state_leg
        runner.written.forget()
        state = runner.written.variables(call)["zj_state"]
        self._desk.agent_legs.call_agent(call, effect.offer, effect.ring_s, state)

    def _dial(self, work: Work, effect: fx.Dial) -> None:
        call = work.call
        customer = commands.Originate(
            uuid=call.id,
            target=commands.Gateway(name=call.trunk_code, number=call.dialled),
            timeout_s=effect.ring_s,
            caller_number=call.shown,
            variables={
                "zj_call": call.id,
                "zj_tenant": str(call.tenant_id),
                "zj_cell": self._settings.cell,
                "zj_leg": LegKind.CUSTOMER.value,
                commands.DIAL_MARK: "true",
                "zj_state": to_variable(call),
                "hangup_after_bridge": "true",
                "playback_terminators": "none",
                "RECORD_STEREO": "true",
            },
        )
        # The leg was to be hung up if no controller took it; its own bridge looks after it from now on.
        ringing = {"ringback": RINGING, "transfer_ringback": RINGING}
        work.wires += [
            commands.disarm_fallback(effect.leg_id),
            commands.set_variables(effect.leg_id, ringing),
        ]
        work.once.append(commands.execute(effect.leg_id, commands.BridgeTo(leg=customer), effect.step_id))

    def _kill_leg(self, work: Work, effect: fx.KillLeg) -> None:
        work.after.append(lambda: self._desk.agent_legs.end(effect.leg_id, effect.cause))

    def _withdraw(self, work: Work, effect: fx.WithdrawOffer) -> None:
        work.after.append(lambda: self._desk.agent_legs.end(effect.leg_id, effect.cause))
        work.after.append(lambda: self._agents.free(effect.agent_id, effect.token))

    def _bridge(self, work: Work, effect: fx.Bridge) -> None:
        call = work.call
        work.runner.fallback_due = 0.0
        work.wires.append(commands.disarm_fallback(call.id))
        lost = any(offer.result is OfferResult.LOST for offer in call.offers)
        other = call.direction != "in" or call.after_talk or call.outside is not None
        if call.talk_started_ms or other or lost:
            # Else the dialplan and the originate have set them, and no hold or lost agent has changed them.
            both = {"hangup_after_bridge": "true", "park_after_bridge": "false"}
            own = KEPT if effect.keep else after_bridge(call)
            work.wires += [
                commands.set_variables(call.id, {**own, "RECORD_STEREO": "true"}),
                commands.set_variables(effect.leg_id, both),
            ]
        if (lost or call.talk_started_ms) and not effect.keep and call.phase is Phase.CONNECTING:
            # Music that is queued behind other music the switch would play over the talk.
            work.wires.append(commands.break_(call.id, everything=True))
        work.wires.append(commands.bridge(call.id, effect.leg_id))

    def _hold(self, work: Work, effect: fx.HoldCustomer) -> None:
        work.wires += [
            commands.set_variables(work.call.id, {"hangup_after_bridge": "false"}),
            commands.set_variables(effect.leg_id, {"hangup_after_bridge": "false"}),
            commands.hold(work.call.id),
        ]
        work.wires.append(commands.arm_fallback(work.call.id, FALLBACK_S))

    def _join(self, work: Work, effect: fx.JoinCustomer) -> None:
        call = work.call
        work.runner.fallback_due = 0.0
        # Should the agent's leg end, the other one waits to be connected with the customer's, but not for long.
        stays = {"hangup_after_bridge": "false", "park_after_bridge": "true", "park_timeout": LEFT_ALONE}
        ends = {"hangup_after_bridge": "true", "park_after_bridge": "false", "transfer_after_bridge": ""}
        work.wires += [
            commands.disarm_fallback(call.id),
            commands.set_variables(effect.other, stays),
            commands.set_variables(call.id, ends),
            commands.join(call.id, effect.leg_id, effect.other),
        ]

    def _ends_with_customer(self, work: Work, effect: fx.EndsWithCustomer) -> None:
        ends = {"hangup_after_bridge": "true", "park_after_bridge": "false", "park_timeout": ""}
        work.wires.append(commands.set_variables(effect.leg_id, ends))

    def _unhold(self, work: Work, effect: fx.UnholdCustomer) -> None:
        work.wires += [
            commands.disarm_fallback(work.call.id),
            commands.set_variables(work.call.id, after_bridge(work.call)),
            commands.set_variables(effect.leg_id, {"hangup_after_bridge": "true"}),
            commands.unhold(work.call.id, effect.leg_id),
        ]
