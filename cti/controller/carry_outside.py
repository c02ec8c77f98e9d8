"""Effects that call somebody else: outside numbers of transfers and flows, and whom an agent asks."""

from __future__ import annotations

import dataclasses

from core.clock import now_ms
from core.settings import Settings
from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import Call, LegKind, Outside
from cti.controller.carry_legs import after_bridge
from cti.controller.desk import Desk, Speech
from cti.controller.press_to_take import PROMPT
from cti.controller.work import RINGING, Handlers, Work
from cti.esl import commands

AFTER_FORWARD_S = 20
"""How long a customer whose outside number was not reached waits for a controller."""


class Outsides:
    """Commands by which a leg of the call makes another one, each sent once."""

    def __init__(
        self,
        *,
        settings: Settings,
        speech: Speech,
        desk: Desk,
    ) -> None:
        self._settings = settings
        self._speech = speech
        self._desk = desk

    def handlers(self) -> Handlers:
        """Return who carries out which effect."""
        return {
            fx.Forward: self._forward,
            fx.Ask: self._ask,
            fx.LeavePlaces: self._leave_places,
            fx.FindWayOut: self._find_way_out,
            fx.DialOutside: self._dial_outside,
            fx.OutsideTalks: self._outside_talks,
            fx.LeaveOutside: self._leave_outside,
            fx.LeaveTrunk: self._leave_trunk,
            fx.NoteUndialled: self._note_undialled,
        }

    def _forward(self, work: Work, effect: fx.Forward) -> None:
        call = work.call
        work.runner.fallback_due = 0.0
        variables = {
            "hangup_after_bridge": "true",
            "park_after_bridge": "",
            "transfer_after_bridge": "",
            "continue_on_fail": "true",
            "ringback": RINGING,
            "transfer_ringback": RINGING,
        }
        work.wires += [commands.disarm_fallback(call.id), commands.set_variables(call.id, variables)]
        bridge = commands.BridgeTo(leg=self._outside(call, effect.outside, effect.ring_s))
        work.once.append(commands.execute(call.id, bridge, effect.step_id))
        # Should nobody be reached while no controller lives, the customer is not left in silence.
        work.once.append(commands.execute_only(call.id, commands.ArmFallback(AFTER_FORWARD_S)))
        self._desk.agent_legs.expect(call, effect.outside.leg_id)

    def _outside(self, call: Call, outside: Outside, ring_s: int) -> commands.Originate:
        return commands.Originate(
            uuid=outside.leg_id,
            target=commands.Gateway(name=outside.trunk_code, number=outside.dialled),
            timeout_s=ring_s,
            caller_number=outside.shown,
            variables={
                "zj_call": call.id,
                "zj_tenant": str(call.tenant_id),
                "zj_cell": self._settings.cell,
                "zj_leg": LegKind.CONSULT.value,
                commands.DIAL_MARK: "true",
                "hangup_after_bridge": "true",
            },
        )

    def _find_way_out(self, work: Work, effect: fx.FindWayOut) -> None:
        work.answers.append(self._desk.places.find_way_out(work.call, effect))

    def _dial_outside(self, work: Work, effect: fx.DialOutside) -> None:
        call = work.call
        files = self._speech.files(call, effect.background) if effect.background else []
        _, heard = commands.Playback(tuple(str(path) for path in files)).call() if files else ("", RINGING)
        variables = {
            **after_bridge(call),
            "continue_on_fail": "true",
            "ringback": heard,
            "transfer_ringback": heard,
            "RECORD_STEREO": "true",
        }
        leg = self._outside(call, effect.to, effect.ring_s)
        own = {"zj_leg": LegKind.OUTSIDE.value, "ignore_early_media": "true", "instant_ringback": "true"}
        told = {name: value for name, value in leg.variables.items() if name != commands.DIAL_MARK}
        leg = dataclasses.replace(leg, variables={**told, **own})
        # The fallback is kept ahead while it dials; the answer cancels it by itself, controller or not.
        bridge = commands.BridgeTo(leg=leg, cancels=call.id)
        work.wires.append(commands.set_variables(call.id, variables))
        work.once.append(commands.execute(call.id, bridge, effect.step_id))
        self._desk.agent_legs.expect(call, effect.to.leg_id)

    def _outside_talks(self, work: Work, effect: fx.OutsideTalks) -> None:
        work.runner.fallback_due = 0.0
        work.wires.append(commands.disarm_fallback(work.call.id))

    def _leave_outside(self, work: Work, effect: fx.LeaveOutside) -> None:
        work.after.append(lambda: self._desk.leave_outside(effect.leg_id))

    def _ask(self, work: Work, effect: fx.Ask) -> None:
        call, consult = work.call, effect.consult
        variables = {
            "hangup_after_bridge": "false",
            "park_after_bridge": "true",
            "continue_on_fail": "true",
            "ringback": RINGING,
            "transfer_ringback": RINGING,
        }
        work.wires.append(commands.set_variables(effect.leg_id, variables))
        if consult.offer is not None:
            words = self._speech.system(call, PROMPT)
            leg = self._desk.agent_legs.consult(call, consult.offer, effect.ring_s, words)
        else:
            assert consult.to.outside is not None
            leg = self._outside(call, consult.to.outside, effect.ring_s)
            self._desk.agent_legs.expect(call, consult.leg_id)
        if leg is None:
            gone = inputs.StepDone(at_ms=now_ms(), step_id=consult.step_id, cause="USER_NOT_REGISTERED")
            work.answers.append(gone)
        else:
            work.once.append(commands.execute(effect.leg_id, commands.BridgeTo(leg=leg), consult.step_id))

    def _leave_places(self, work: Work, effect: fx.LeavePlaces) -> None:
        work.after.append(lambda: self._desk.places.leave(effect.leg_id))

    def _leave_trunk(self, work: Work, effect: fx.LeaveTrunk) -> None:
        work.after.append(lambda: self._desk.leave_trunk(work.call))

    def _note_undialled(self, work: Work, effect: fx.NoteUndialled) -> None:
        work.after.append(lambda: self._desk.note_undialled(work.call))
