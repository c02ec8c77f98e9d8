"""What a queue does for those who wait besides music: announcements, callbacks, ways out, greeting (CTI-Q2)."""

from __future__ import annotations

import pytest

from core.documents import DestinationKind, DispatchRule, Overflow, OverflowKind
from cti.call import effects as fx
from cti.call import inputs
from cti.call.in_waiting import ANNOUNCEMENT, MAX_OVERFLOWS
from cti.call.model import Call, EndedIn, Offer, Phase
from ivr import model as flow_model
from ivr.messages import NoteKind
from ivr.prompt_values import TextPrompt, VoicePrompt
from tests.unit.cti.call.driver import FLOW_JSON, LEG_ID, Driven, FixedWorld, of_type, queue_doc

SPOKEN = {"announce_every_s": 20, "announcement": "Please wait.", "announcement_voice_id": 4}


class Filling(Driven):
    """A call whose queues answer as told: ``full``, ``nobody``, or a place."""

    def __init__(self, world: FixedWorld, answers: dict[int, str]) -> None:
        super().__init__(world)
        self.answers = answers

    def _enqueue(self, effect: fx.Enqueue) -> inputs.Input:
        reason = self.answers.get(effect.queue_id, "")
        if reason == "nobody" and not effect.staffed:
            reason = ""
        if reason:
            return inputs.QueueRefused(at_ms=self.now_ms, reason=reason)
        return super()._enqueue(effect)


def waiting(**settings: object) -> Driven:
    call = Driven(FixedWorld(queue=queue_doc(**settings)))
    call.arrive()
    return call


def world_of(*queues: object) -> FixedWorld:
    world = FixedWorld(flow=flow_model.decode(FLOW_JSON))
    world.queues = {queue.id: queue for queue in queues}  # type: ignore[attr-defined]
    return world


def to(kind: OverflowKind, target: int = 0) -> Overflow:
    return Overflow(kind=kind, id=target)


# --- announcements --------------------------------------------------------------------------------------------------


def test_an_announcement_breaks_the_music_and_gives_way_to_it() -> None:
    call = waiting(**SPOKEN, announce_position=True, announce_wait=True, callback_key="1")
    music = call.call.step
    asked = call.later(20_000).timer("announce")
    said = of_type(asked, fx.Announce)[0]
    assert asked.index(of_type(asked, fx.StopPlaying)[0]) < asked.index(said)
    assert said.prompts == (VoicePrompt(voice_id=4), TextPrompt(text="Please wait."))
    assert (said.position, said.wait, said.callback_key, said.queue_id) == (True, True, "1", 7)
    assert music is not None
    assert call.give(inputs.StepDone(at_ms=call.now_ms, step_id=music.id)) != []
    assert call.call.step is not None
    assert call.call.step.what == ANNOUNCEMENT, "the end of the music is not that of the announcement"
    asked = call.later(6_000).step_done()
    assert of_type(asked, fx.PlayMusic)
    assert of_type(asked, fx.SetTimer) == [fx.SetTimer(name="announce", due_ms=call.now_ms + 20_000)]


@pytest.mark.parametrize("settings", [{}, {"announce_every_s": 20}, {**SPOKEN, "announce_every_s": 0}])
def test_without_words_or_an_interval_nothing_is_said(settings: dict[str, object]) -> None:
    assert "announce" not in {timer.name for timer in waiting(**settings).call.timers}


def test_nobody_is_told_that_they_wait_while_an_agent_is_rung() -> None:
    call = waiting(**SPOKEN)
    call.match()
    asked = call.later(20_000).timer("announce")
    assert not of_type(asked, fx.Announce)
    assert of_type(asked, fx.SetTimer)
    call.agent_gone("NO_ANSWER")
    assert of_type(call.later(20_000).timer("announce"), fx.Announce)


def test_an_agent_who_answers_ends_the_announcements() -> None:
    call = waiting(**SPOKEN)
    call.later(20_000).timer("announce")
    call.match()
    call.answer()
    assert {timer.name for timer in call.call.timers}.isdisjoint({"announce", "relax", "queue"})
    call.bridged()
    assert call.timer("announce") == []


def test_a_voice_can_be_the_music() -> None:
    call = waiting(music="voice:9")
    assert of_type(call.asked, fx.PlayBackground)[0].prompts == (VoicePrompt(voice_id=9),)
    assert of_type(call.step_done(), fx.PlayBackground)


# --- a wish to be called back ---------------------------------------------------------------------------------------


def test_a_key_keeps_the_place_as_a_wish_and_lets_the_caller_go() -> None:
    call = waiting(callback_key="1")
    entered = call.call.queue_entered_ms
    assert call.give(inputs.KeyPressed(at_ms=call.now_ms, digit="2")) == []
    asked = call.later(30_000).give(inputs.KeyPressed(at_ms=call.now_ms, digit="1"))
    assert of_type(asked, fx.LeaveQueue)
    assert of_type(asked, fx.PlaySystem)[0].name == "callback-noted"
    note = call.call.notes[-1]
    assert (note.kind, note.value, note.queue_id) == (NoteKind.CALLBACK, call.call.caller, 7)
    assert note.at_ms == entered
    assert call.call.keys == "2"
    assert of_type(call.step_done(), fx.HangupCustomer)
    call.hang_up()
    assert (call.call.ended_in, call.call.ended_detail) == (EndedIn.QUEUE, "callback")


def test_without_a_number_nobody_can_be_called_back() -> None:
    call = waiting(callback_key="1", **SPOKEN)
    call.call.caller = "anonymous"
    assert of_type(call.timer("announce"), fx.Announce)[0].callback_key == ""
    assert call.give(inputs.KeyPressed(at_ms=call.now_ms, digit="1")) == []
    assert call.call.phase is Phase.WAITING
    assert call.call.notes == []


# --- demands --------------------------------------------------------------------------------------------------------


def test_each_relaxation_is_a_match_more_until_nothing_is_asked() -> None:
    call = waiting(rule=DispatchRule.SKILLS, skill_level=3, skill_step_s=10)
    for step in (1, 2):
        timer = next(each for each in call.call.timers if each.name == "relax")
        assert timer.due_ms // 1000 == call.call.queue_entered_ms // 1000 + 10 * step
        call.now_ms = timer.due_ms
        assert of_type(call.timer("relax"), fx.Enqueue)[0].order == call.order
    assert "relax" not in {timer.name for timer in call.call.timers}


# --- the employee number --------------------------------------------------------------------------------------------


def greeted() -> Driven:
    call = waiting(announce_agent=True)
    call.match()
    asked = call.answer()
    assert not of_type(asked, fx.Bridge)
    assert of_type(asked, fx.PlayPrompts)[0].prompts[1] == TextPrompt(text="8 0 0 1")
    assert asked.index(of_type(asked, fx.StopPlaying)[0]) < asked.index(of_type(asked, fx.PlayPrompts)[0])
    return call


def test_the_employee_number_is_said_before_the_two_are_connected() -> None:
    call = greeted()
    assert of_type(call.later(2_000).step_done(), fx.Bridge) == [fx.Bridge(leg_id=LEG_ID)]
    call.bridged()
    assert call.call.phase is Phase.TALKING


def test_a_number_that_takes_too_long_holds_nobody_up() -> None:
    call = greeted()
    assert of_type(call.later(12_000).timer("greeting"), fx.Bridge)


def test_an_agent_who_leaves_meanwhile_costs_the_caller_nothing() -> None:
    call = greeted()
    asked = call.agent_gone("NORMAL_CLEARING")
    assert of_type(asked, fx.Enqueue)[0].order == call.order
    assert of_type(call.step_done(), fx.PlayMusic)[0].name == "default"
    assert "greeting" not in {timer.name for timer in call.call.timers}


def test_a_miss_tells_the_queues_limit() -> None:
    call = waiting(missed_limit=3)
    call.match()
    assert of_type(call.agent_gone("NO_ANSWER"), fx.AgentFreed)[0].missed_limit == 3


def test_who_served_is_noted_for_the_pace_and_the_next_call() -> None:
    call = waiting()
    entered = call.call.queue_entered_ms
    call.later(3_000).match()
    noted = of_type(call.later(3_000).answer(), fx.QueueServed)
    assert noted == [fx.QueueServed(queue_id=7, entered_ms=entered, agent_id=42)]


# --- ways out -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["full", "nobody"])
def test_a_queue_that_cannot_take_a_caller_sends_them_on(reason: str) -> None:
    way = {f"overflow_{reason}": to(OverflowKind.QUEUE, 8)}
    call = Filling(world_of(queue_doc(**way), queue_doc(id=8, name="Second")), {7: reason})
    asked = call.arrive()
    assert [each.queue_id for each in of_type(asked, fx.Enqueue)] == [7, 8]
    assert asked.index(of_type(asked, fx.StopPlaying)[0]) < asked.index(of_type(asked, fx.PlayMusic)[1])
    assert (call.call.phase, call.call.queue_id, call.call.overflows) == (Phase.WAITING, 8, 1)
    call.match()
    call.answer()
    call.bridged()
    assert call.call.phase is Phase.TALKING


def test_the_longest_wait_leads_out_by_its_own_way() -> None:
    way = queue_doc(timeout_s=30, overflow_timeout=to(OverflowKind.EXTENSION, 9))
    call = Driven(world_of(way))
    call.arrive()
    asked = call.later(30_000).timer("queue")
    assert of_type(asked, fx.LeaveQueue) == [fx.LeaveQueue(queue_id=7)]
    assert of_type(asked, fx.OfferExtension)[0].extension_id == 9
    asked = call.give(inputs.MatchRefused(at_ms=call.now_ms, reason="unreachable"))
    assert of_type(asked, fx.PlaySystem)[0].name == "unavailable"


def test_a_flow_can_be_the_way_out() -> None:
    call = Filling(world_of(queue_doc(overflow_full=to(OverflowKind.FLOW, 3))), {7: "full"})
    asked = call.arrive()
    assert of_type(asked, fx.PlayPrompts)
    assert call.call.phase is Phase.FLOW


@pytest.mark.parametrize("kind", [OverflowKind.NONE, OverflowKind.HANGUP])
def test_no_way_out_is_a_sentence_and_the_end(kind: OverflowKind) -> None:
    call = Filling(world_of(queue_doc(overflow_full=to(kind))), {7: "full"})
    assert of_type(call.arrive(), fx.PlaySystem)[0].name == "queue-full"
    assert call.call.phase is Phase.LEAVING


def test_a_flows_own_failure_exit_goes_before_the_queues_way_out_cti_i7() -> None:
    way = {"overflow_full": to(OverflowKind.QUEUE, 8), "overflow_nobody": to(OverflowKind.QUEUE, 8)}
    for reason in ("full", "nobody"):
        call = Filling(world_of(queue_doc(**way), queue_doc(id=8)), {7: reason})
        call.arrive(DestinationKind.FLOW, 3)
        call.step_done()
        asked = call.give(inputs.KeyPressed(at_ms=call.now_ms, digit="1"))
        asked += call.step_done()
        assert [each.queue_id for each in of_type(asked, fx.Enqueue)] == [7]
        assert of_type(asked, fx.HangupCustomer)


def test_queues_that_lead_to_each_other_end() -> None:
    """The form refuses such a ring; documents that were published one by one may still make it for a moment."""
    ring = [queue_doc(id=7, overflow_full=to(OverflowKind.QUEUE, 8)),
            queue_doc(id=8, overflow_full=to(OverflowKind.QUEUE, 7))]  # fmt: skip
    call = Filling(world_of(*ring), {7: "full", 8: "full"})
    asked = call.arrive()
    assert len(of_type(asked, fx.Enqueue)) == MAX_OVERFLOWS + 1
    assert of_type(asked, fx.PlaySystem)[0].name == "queue-full"


def test_another_companys_queue_is_no_way_out() -> None:
    foreign = queue_doc(id=8, tenant_id=2)
    call = Filling(world_of(queue_doc(overflow_full=to(OverflowKind.QUEUE, 8)), foreign), {7: "full"})
    assert of_type(call.arrive(), fx.PlaySystem)[0].name == "unavailable"


def test_an_offer_without_a_reason_is_still_readable() -> None:
    """States on legs written before offers had one."""
    offer = Offer(leg_id="l", agent_id=1, extension_id=1, queue_id=7, endpoint="web", token="t", offered_ms=1)
    assert Call(id="c", offers=[offer]).offers[0].why is None
