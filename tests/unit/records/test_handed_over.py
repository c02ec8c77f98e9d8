"""What is shipped of a call that was handed to somebody who was there already: asked first or taken over (CTI-C6).

The calls come out of the state machine, so that its facts and the parts made of them are held against each other.
"""

from __future__ import annotations

from cti.call import inputs
from cti.call.model import EndedIn
from cti.records.facts import EndedFact
from cti.records.parts import parts_of
from cti.records.story import Story, of_fact
from tests.unit.cti.call import test_takeover
from tests.unit.cti.call.driver import LEG_ID, Driven
from tests.unit.cti.call.test_consult import agent_parked, ask, picked_up
from tests.unit.cti.call.test_transfer import OTHER_LEG, park, talking

MINUTE_MS = 60_000


def shipped(call: Driven) -> list[Story]:
    """Hang up a minute later and return the records' stories."""
    call.later(MINUTE_MS)
    call.hang_up()
    call.call.ended_ms = call.call.ended_ms or call.now_ms
    return parts_of(of_fact(EndedFact(fact="ended", call=call.call)))


def test_who_was_asked_first_is_the_agent_of_the_part_they_were_handed() -> None:
    call = talking()
    answered_s = shipped_wait_s(call)
    call.later(MINUTE_MS)
    ask(call)
    park(call)
    agent_parked(call)
    call.later(MINUTE_MS // 2)
    picked_up(call)
    call.later(MINUTE_MS // 2)
    call.give(inputs.TransferCompleteAsked(at_ms=call.now_ms, leg_id=LEG_ID))
    call.bridged(OTHER_LEG)
    first, second = shipped(call)
    assert (first.agent_id, first.talk_s, first.wait_s) == (42, 120, answered_s)
    assert first.ended_in is EndedIn.TRANSFERRED
    assert (second.agent_id, second.extension_id, second.talk_s, second.wait_s) == (43, 10, 60, 0)
    assert [offer.agent_id for offer in first.offers] == [42]
    assert [offer.agent_id for offer in second.offers] == [43]
    assert not second.missed


def test_a_takeover_leaves_the_agent_their_talk_and_the_queue_its_wait() -> None:
    call = talking()
    answered_s = shipped_wait_s(call)
    call.later(3 * MINUTE_MS)
    test_takeover.taken_over(call)
    call.bridged(test_takeover.SUPERVISOR_LEG)
    first, second = shipped(call)
    assert (first.agent_id, first.talk_s, first.wait_s, first.queue_id) == (42, 180, answered_s, 7)
    assert first.ended_in is EndedIn.TRANSFERRED
    assert (second.agent_id, second.extension_id, second.talk_s, second.queue_id) == (9, 99, 60, 0)
    assert [offer.agent_id for offer in second.offers] == [9]


def shipped_wait_s(call: Driven) -> int:
    """Return how long the caller waited in the queue before the talk that goes on now."""
    return round((call.call.talk_started_ms - call.call.queue_entered_ms) / 1000)
