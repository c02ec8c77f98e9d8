"""What must never stay so for long while a shift runs: agents in a call that is none, pages that tell old stories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bench.support.shift.checks import Overdue
from bench.support.shift.platform import Seen
from core.clock import now_ms

STAYS_S: Final = 40.0
"""Longer than anything takes that repairs itself after a kill, on a late machine."""
LATE_WRAP_UP_MS: Final = 5_000

IN_A_CALL: Final = ("ringing", "talking")


def conditions(seen: Seen, shown: Mapping[int, str], at_ms: int) -> list[str]:
    """Return what is not as it should be now, and may be so for a moment. `shown` is what pages show of whom."""
    calls = {call.id for call in seen.calls}
    found = []
    for account, agent in seen.agents.items():
        state, call_id = str(agent["state"]), str(agent.get("call_id", ""))
        if state in IN_A_CALL and call_id not in calls:
            found.append(f"{account} is {state} in {call_id or 'no call'}, which is none")
        if state == "reserved" and not agent.get("leg_id"):
            found.append(f"{account} is reserved without a leg")
        if state == "wrap_up" and at_ms > int(agent.get("wrap_until_ms", 0)) + LATE_WRAP_UP_MS:
            found.append(f"{account} wraps up after the end of it")
        if state not in (*IN_A_CALL, "reserved") and agent.get("token"):
            found.append(f"{account} is {state} with a claim")
    for account, state in shown.items():
        real = str(seen.agents.get(account, {}).get("state", "signed_out"))
        if state != real:
            found.append(f"the page of {account} shows {state or 'nothing'}, Redis has {real}")
    for call in seen.calls:
        claimed = [
            account
            for account, agent in seen.agents.items()
            if agent["state"] == "talking" and agent.get("call_id") == call.id
        ]
        if len(claimed) > 1 and call.consult is None:
            found.append(f"{claimed} talk in one call")
    return found


class Watch:
    """Looks now and then, and keeps what stayed wrong for too long."""

    def __init__(self) -> None:
        self._overdue = Overdue(STAYS_S)
        self.wrong: list[str] = []

    def look(self, now_s: float, seen: Seen, shown: Mapping[int, str]) -> list[str]:
        """Look, and return what is new among the faults."""
        late = [str(each) for each in self._overdue.see(now_s, conditions(seen, shown, now_ms()))]
        self.wrong += late
        return late
