"""Effects on routes, queues and agents: places, entries, offers, whose turn it is."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from core.clock import now_ms
from cti.acd.matching import Acd
from cti.call import effects as fx
from cti.call import in_queue, in_waiting, inputs
from cti.call.model import Call
from cti.controller.agents import Agents
from cti.controller.desk import Desk
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.work import Handlers, Work
from ivr.messages import FailureReason

log = structlog.get_logger(__name__)


class Queues:
    """Scripts in Redis; what Redis cannot be told now is left to the audit."""

    def __init__(
        self,
        *,
        redis: RedisGuard,
        acd: Acd,
        agents: Agents,
        desk: Desk,
    ) -> None:
        self._redis = redis
        self._acd = acd
        self._agents = agents
        self._desk = desk

    def handlers(self) -> Handlers:
        """Return who carries out which effect."""
        return {
            fx.FindRoute: self._find_route,
            fx.LeaveRoute: self._leave_route,
            fx.Enqueue: self._enqueue,
            fx.QueueServed: self._queue_served,
            fx.LeaveQueue: self._leave_queue,
            fx.ShowQueue: self._show_queue,
            fx.OfferExtension: self._offer_extension,
            fx.AgentTalks: self._agent_talks,
            fx.AgentFreed: self._agent_freed,
        }

    def _find_route(self, work: Work, effect: fx.FindRoute) -> None:
        work.answers.append(self._desk.places.find_route(work.call))

    def _leave_route(self, work: Work, effect: fx.LeaveRoute) -> None:
        self._desk.places.leave(work.call.id)

    def _enqueue(self, work: Work, effect: fx.Enqueue) -> None:
        call = work.call
        if work.runner.is_offered:
            # It was matched meanwhile; standing in the queue again it would be matched twice.
            return
        if effect.staffed and not self._desk.screens.staffed(call.tenant_id, effect.queue_id):
            work.answers.append(inputs.QueueRefused(at_ms=now_ms(), reason=in_waiting.NOBODY))
            return
        try:
            last_agent = self._last_agent(call) if effect.last_agent else 0
            order = self._redis.run(
                lambda _: self._acd.enqueue(
                    call.tenant_id,
                    effect.queue_id,
                    call.id,
                    effect.priority,
                    effect.order,
                    effect.max_waiting,
                    entered_ms=call.queue_entered_ms,
                    last_agent=last_agent,
                )
            )
        except RedisAwayError:
            work.answers.append(inputs.QueueRefused(at_ms=now_ms(), reason=in_queue.LATER))
            return
        if order < 0:
            work.answers.append(inputs.QueueRefused(at_ms=now_ms(), reason=FailureReason.FULL.value))
            return
        position = self._desk.screens.queue_position(call, order)
        work.answers.append(inputs.Queued(at_ms=now_ms(), order=order, position=position))
        work.after.append(lambda: self._desk.ringing.match_queue(call.tenant_id, effect.queue_id))
        work.after.append(lambda: self._desk.screens.queue_changed(call.tenant_id, effect.queue_id))

    def _last_agent(self, call: Call) -> int:
        """Return who talked with the caller last: in this call, else in an earlier one; 0 for nobody known."""
        here = next((offer.agent_id for offer in reversed(call.offers) if offer.answered_ms), 0)
        if here or not call.caller:
            return here
        return self._redis.run(lambda _: self._acd.last_agent(call.tenant_id, call.caller))

    def _queue_served(self, work: Work, effect: fx.QueueServed) -> None:
        call, at_ms = work.call, now_ms()

        def note() -> None:
            self._acd.note_served(call.tenant_id, effect.queue_id, effect.entered_ms, at_ms)
            if call.caller:
                self._acd.note_last_agent(call.tenant_id, call.caller, effect.agent_id)

        work.after.append(lambda: self._try(note))

    def _leave_queue(self, work: Work, effect: fx.LeaveQueue) -> None:
        call = work.call
        self._try(lambda: self._acd.leave_queue(call.tenant_id, effect.queue_id, call.id))
        work.after.append(lambda: self._desk.screens.queue_changed(call.tenant_id, effect.queue_id))

    def _show_queue(self, work: Work, effect: fx.ShowQueue) -> None:
        work.after.append(lambda: self._desk.screens.queue_changed(work.call.tenant_id, effect.queue_id))

    def _offer_extension(self, work: Work, effect: fx.OfferExtension) -> None:
        offer = self._desk.ringing.offer_extension(work.call, effect.extension_id, effect.agent_id)
        if offer is not None:
            matched = inputs.Matched(at_ms=offer.offered_ms, offer=offer, background=effect.background)
            work.answers.append(matched)
            return
        asked = effect.background is not None
        way = self._desk.ringing.forward(work.call, effect.extension_id) if asked else None
        if way is not None:
            out = inputs.WayOut(
                at_ms=now_ms(),
                to=way,
                background=effect.background or (),
                extension_id=effect.extension_id,
            )
            work.answers.append(out)
            return
        reason = FailureReason.UNREACHABLE.value
        work.answers.append(inputs.MatchRefused(at_ms=now_ms(), reason=reason))

    def _agent_talks(self, work: Work, effect: fx.AgentTalks) -> None:
        work.after.append(lambda: self._agents.talk(effect.agent_id, effect.token))

    def _agent_freed(self, work: Work, effect: fx.AgentFreed) -> None:
        work.after.append(
            lambda: self._agents.free(
                effect.agent_id,
                effect.token,
                wrap_up_s=effect.wrap_up_s,
                missed=effect.missed,
                unreachable=effect.unreachable,
                missed_limit=effect.missed_limit,
            )
        )

    def _try(self, action: Callable[[], object]) -> None:
        try:
            self._redis.run(lambda _: action())
        except RedisAwayError:
            log.info("left_to_the_audit")
