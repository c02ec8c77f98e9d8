"""Key 1 takes a call on an outside telephone: a mailbox, or an announcement of the network, answers but presses none.

The leg that was picked up hears what is asked of it and is no answer before the key. Who presses nothing is let go by
the switch itself (`cti.controller.agent_legs.UNADOPTED_S`), controller or not. A controller that finds such a leg asks
again. Who is asked by a colleague is asked for the key by the switch (`cti.controller.agent_legs`): that leg rings out
of the colleague's own, which hears ringing until then.
"""

from __future__ import annotations

from collections.abc import Mapping

from cti.controller.agent_legs import KEY, AgentLeg
from cti.controller.desk import Speech
from cti.controller.runner import CallRunner
from cti.esl import commands
from cti.esl.apps import Sound
from cti.esl.client import SwitchClient

PROMPT = "press-to-take"
LOOPS = 5
"""How often it is asked: as long as the leg lives."""
PAUSE = commands.Silence(ms=1000)


class PressToTake:
    """The legs whose key is awaited."""

    def __init__(self, switch: SwitchClient, speech: Speech, calls: Mapping[str, CallRunner]) -> None:
        self._switch = switch
        self._speech = speech
        self._calls = calls
        self._asked: set[str] = set()
        self._taken: set[str] = set()

    def awaits(self, leg: AgentLeg) -> bool:
        """Return whether the leg, which was picked up, still has to be taken with the key; asks for it once."""
        runner = self._calls.get(leg.call_id)
        if not leg.press or leg.leg_id in self._taken or runner is None:
            return False
        if leg.leg_id not in self._asked:
            self._asked.add(leg.leg_id)
            words: list[Sound] = [str(path) for path in self._speech.system(runner.call, PROMPT)]
            # The first second is the pick-up's: a telephone on its way to the ear is not heard.
            app = commands.Playback((PAUSE, *words), loops=LOOPS)
            # What a controller before us asked is ended: two prompts would have to be taken one after the other.
            asked = commands.execute_only(leg.leg_id, app)
            self._switch.post(commands.break_(leg.leg_id) + asked)
        return True

    def pressed(self, leg_id: str, key: str) -> bool:
        """A key was pressed on a leg; return whether it takes the call, the first time only."""
        if leg_id not in self._asked or leg_id in self._taken or key != KEY:
            return False
        self._taken.add(leg_id)
        self._switch.post(commands.break_(leg_id))
        return True

    def forget(self, leg_id: str) -> None:
        """The leg ended."""
        self._asked.discard(leg_id)
        self._taken.discard(leg_id)
