"""Agents at work: what is due in a talk, and those whose telephones are SIP phones or landlines."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bench.support.shift.checks import HungUp
from bench.support.shift.outside import Outside, Row
from bench.support.shift.plan import Act, Dice, Do, Ring, RingPlan
from bench.support.shift.platform import Person, Platform, Seen
from core.clock import now_ms

OUTSIDE_NUMBERS: Final = ("13611110001", "13611110002", "02188880003")
PRESS_EVERY_S: Final = 2.5
CHOOSES_AGAIN_S: Final = (2.0, 9.0)
"""After so long somebody who missed a call, or stands aside, is ready again."""

LEG_COMMANDS: Final = {
    Do.HOLD: "leg.hold",
    Do.UNHOLD: "leg.unhold",
    Do.MUTE: "leg.mute",
    Do.UNMUTE: "leg.unmute",
    Do.COMPLETE: "leg.transfer_complete",
    Do.CANCEL: "leg.consult_cancel",
    Do.CONFERENCE: "leg.conference",
}


class Floor:
    """What all who work in a shift share."""

    def __init__(self, platform: Platform, outside: Outside, dice: Dice) -> None:
        self.platform = platform
        self.outside = outside
        self.dice = dice
        self.people: list[Person] = []
        self.done: Counter[str] = Counter()
        self.hung_up: list[HungUp] = []
        self._diary = (platform.folder / "acts.log").open("a", buffering=1)
        self.closing = False
        """No caller comes any more, and nobody closes pages."""

    def did(self, what: str, who: Person) -> None:
        """Count what somebody did, and write it into the diary, for whoever looks for a fault's cause."""
        self.done[what] += 1
        self._diary.write(f"{datetime.datetime.now(datetime.UTC):%H:%M:%S.%f} {who.account_id} {what}\n")

    def ended_by(self, who: int) -> None:
        """Note that somebody ended a call now."""
        self.hung_up.append(HungUp(at_ms=now_ms(), who=who))

    def colleague(self, of: Person) -> Person:
        """Return somebody else."""
        others = [each for each in self.people[:-1] if each is not of]
        return others[int(self.dice.between(0, len(others) - 0.001))]


class Worker:
    """An agent: one plan a talk, carried out one act after the other."""

    has_page = False

    def __init__(self, floor: Floor, person: Person) -> None:
        self.floor = floor
        self.person = person
        self._talk: tuple[str, str] = ("", "")
        self._acts: list[Act] = []
        self._next_at = 0.0
        self._state: tuple[str, float] = ("", 0.0)
        self._again_s = 0.0

    def agent(self, seen: Seen) -> Mapping[str, Any]:
        """Return the agent as Redis has them; nothing of one who is signed out."""
        return seen.agents.get(self.person.account_id, {})

    def work(self, now: float, seen: Seen) -> None:
        """Do what is due in the talk, or about one's own state."""
        agent = self.agent(seen)
        state = str(agent.get("state", "signed_out"))
        if state != self._state[0]:
            self._state = (state, now)
            self._again_s = self.floor.dice.between(*CHOOSES_AGAIN_S)
        if state == "talking":
            self._in_talk(now, agent)
            return
        self._talk, self._acts = ("", ""), []
        if now - self._state[1] >= self._again_s:
            self._state = (state, now)
            self.stand(state)

    def _in_talk(self, now: float, agent: Mapping[str, Any]) -> None:
        talk = (str(agent["call_id"]), str(agent["leg_id"]))
        if talk != self._talk:
            self._talk = talk
            self._acts = list(self.floor.dice.talk(has_page=self.has_page and not self.floor.closing))
            if self.floor.closing:
                self._acts = [Act(2.0, Do.HANG_UP)]
            self._next_at = now + (self._acts[0].after_s if self._acts else 0.0)
        if self._acts and now >= self._next_at:
            act = self._acts.pop(0)
            self.floor.did(f"{self.person.endpoint}: {act.what}", self.person)
            if act.what is Do.HANG_UP:
                self.floor.ended_by(self.person.account_id)
            self.act(act.what, agent)
            self._next_at = now + (self._acts[0].after_s if self._acts else 0.0)

    def stand(self, state: str) -> None:
        """Do about a state, in which the agent has been for some seconds, what brings calls again."""

    def act(self, what: Do, agent: Mapping[str, Any]) -> None:
        """Do one thing in a talk."""

    def target(self, what: Do) -> dict[str, Any]:
        """Return whom a customer is handed to, or who is asked."""
        dice = self.floor.dice
        if what in (Do.TRANSFER_NUMBER, Do.CONSULT_NUMBER):
            return {"kind": "number", "number": "+86" + dice.pick(OUTSIDE_NUMBERS).lstrip("0")}
        if what is Do.TRANSFER_QUEUE:
            queues = self.floor.platform.queues
            return {"kind": "queue", "id": queues[int(dice.between(0, len(queues) - 0.001))]}
        return {"kind": "agent", "id": self.floor.colleague(self.person).account_id}


class PhoneAgent(Worker):
    """An agent with a SIP phone, or with a landline that is rung by the carrier; the desk's buttons are commands."""

    def __init__(self, floor: Floor, person: Person) -> None:
        super().__init__(floor, person)
        self._rings: dict[str, tuple[float, RingPlan]] = {}
        self._leg = ""
        self._pressed_at = 0.0

    def sign_in(self) -> None:
        """Sign in on the extension, with the telephone."""
        self.floor.platform.ask(
            "agent.sign_in",
            self.person.account_id,
            extension_id=self.person.extension_id,
            endpoint=self.person.endpoint,
        )

    def step(self, now: float, seen: Seen | None, rows: Sequence[Row]) -> None:
        """Do what is due."""
        if row := self.floor.outside.rings(rows, self.person.rings_at):
            self._ringing(now, row["uuid"])
        up = any(row["uuid"] == self._leg and row["callstate"] == "ACTIVE" for row in rows)
        if seen is None:
            return
        asked = up and self.person.presses and self.agent(seen).get("state") == "ringing"
        if asked and now - self._pressed_at >= PRESS_EVERY_S:
            self._pressed_at = now
            self.floor.outside.press(self._leg, "1")
        self.work(now, seen)

    def _ringing(self, now: float, leg: str) -> None:
        since, plan = self._rings.setdefault(leg, (now, self.plan_ring()))
        if now - since < plan.after_s or plan.what is Ring.IGNORE:
            return
        self.floor.did(f"{self.person.endpoint}: {plan.what}", self.person)
        if plan.what is Ring.REJECT:
            self.floor.outside.end(leg, "CALL_REJECTED")
            self._rings[leg] = (float("inf"), plan)
            return
        self.floor.outside.pick_up(leg, self.person.hz)
        self._leg, self._pressed_at = leg, now

    def plan_ring(self) -> RingPlan:
        """Return what is done about a call that begins to ring."""
        return self.floor.dice.ring(has_page=False)

    def stand(self, state: str) -> None:
        if state == "signed_out":
            self.sign_in()
        elif state in ("not_ready", "not_responding", "break", "away"):
            self.floor.platform.ask("agent.set_state", self.person.account_id, state="ready")
        elif state == "wrap_up":
            self.floor.platform.ask("agent.wrap_up", self.person.account_id, do="end")
        elif state == "ready" and self.floor.dice.chance(0.03):
            self.floor.platform.ask("agent.set_state", self.person.account_id, state="break")

    def act(self, what: Do, agent: Mapping[str, Any]) -> None:
        ask: Callable[..., None] = self.floor.platform.ask
        account, leg = self.person.account_id, agent["leg_id"]
        if what is Do.HANG_UP:
            if self.floor.dice.chance(0.5):
                self.floor.outside.end(self._leg)
            else:
                ask("leg.hangup", account, leg_id=leg)
        elif what in (Do.TRANSFER_AGENT, Do.TRANSFER_QUEUE, Do.TRANSFER_NUMBER):
            ask("leg.transfer", account, leg_id=leg, to=self.target(what))
        elif what in (Do.CONSULT, Do.CONSULT_NUMBER):
            ask("leg.consult", account, leg_id=leg, to=self.target(what))
        elif what in LEG_COMMANDS:
            ask(LEG_COMMANDS[what], account, leg_id=leg)


class Supervisor(PhoneAgent):
    """A supervisor with a SIP phone: takes part in talks, takes them over, and moves those who wait."""

    def __init__(self, floor: Floor, person: Person) -> None:
        super().__init__(floor, person)
        self._act_at = 0.0

    def plan_ring(self) -> RingPlan:
        return RingPlan(Ring.ANSWER, 0.8)

    def stand(self, state: str) -> None:
        if state == "signed_out":
            self.sign_in()
        elif state in ("not_responding", "break", "away"):
            self.floor.platform.ask("agent.set_state", self.person.account_id, state="not_ready")

    def step(self, now: float, seen: Seen | None, rows: Sequence[Row]) -> None:
        super().step(now, seen, rows)
        if seen is None or now < self._act_at:
            return
        dice = self.floor.dice
        self._act_at = now + dice.between(4.0, 12.0)
        state = self.agent(seen).get("state")
        if state == "reserved":
            self._watching(dice)
        elif state == "not_ready" and not self.floor.closing:
            self._free(dice, seen)

    def _watching(self, dice: Dice) -> None:
        what = "stop" if self.floor.closing else dice.pick(("mode", "mode", "stop", "stop"))
        mode = {"mode": dice.pick(("monitor", "whisper", "barge"))} if what == "mode" else {}
        self._supervise(f"supervise.{what}", **mode)

    def _free(self, dice: Dice, seen: Seen) -> None:
        talking = [
            account
            for account, agent in seen.agents.items()
            if agent["state"] == "talking" and account != self.person.account_id
        ]
        waiting = [call.id for call in seen.calls if call.phase == "waiting"]
        if waiting and dice.chance(0.4):
            call_id = dice.pick(waiting)
            if dice.chance(0.3):
                self._supervise("supervise.pick_up", call_id=call_id)
            else:
                queue = self.floor.platform.queues[int(dice.chance(0.5))]
                self._supervise("supervise.move", call_id=call_id, queue_id=queue, front=dice.chance(0.5))
        elif talking:
            agent = talking[int(dice.between(0, len(talking) - 0.001))]
            roll = dice.between(0, 1)
            if roll < 0.75:
                mode = dice.pick(("monitor", "whisper", "barge"))
                self._supervise("supervise.start", agent_id=agent, mode=mode)
            elif roll < 0.9:
                self._supervise("supervise.take_over", agent_id=agent)
            else:
                self.floor.ended_by(agent)
                self._supervise("supervise.hangup", agent_id=agent)

    def _supervise(self, kind: str, **body: Any) -> None:
        self.floor.did(f"supervisor: {kind}", self.person)
        self.floor.platform.ask(kind, self.person.account_id, queues=None, **body)
