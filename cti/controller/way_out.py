"""A flow's caller on the way to an outside number (CTI-I7): the rules, the places, and what a restart missed."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import structlog

from core.clock import now_ms
from core.documents import TenantDoc, TrunkDoc
from cti import outbound
from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import Call, Outside
from cti.controller.documents import Documents
from cti.controller.limits import Limits
from cti.esl import answers
from cti.esl.events import Event
from cti.limits import FlowShare
from cti.outbound import Reason
from ivr.messages import FailureReason

log = structlog.get_logger(__name__)

LOST = "NORMAL_TEMPORARY_FAILURE"
_REASONS = {
    Reason.NOT_A_NUMBER: FailureReason.NOT_FOUND,
    Reason.NO_CALLER_ID: FailureReason.UNREACHABLE,
    Reason.NO_TRUNK: FailureReason.UNREACHABLE,
    Reason.TRUNK_OFF: FailureReason.UNREACHABLE,
}
"""Of what the rules say; all else is not allowed."""


def find(documents: Documents, limits: Limits, call: Call, asked: fx.FindWayOut) -> inputs.Input:
    """Return the way to the number with its places taken under the uuid its leg will have, or why there is none."""
    tenant = documents.get(TenantDoc, call.tenant_id)
    if tenant is None:
        return inputs.NoWayOut(at_ms=now_ms(), reason=FailureReason.NOT_ALLOWED)
    try:
        plan = outbound.plan_for_caller(
            asked.number,
            called=call.called,
            tenant=tenant,
            trunk=lambda number: documents.get(TrunkDoc, number),
        )
    except outbound.Refused as refusal:
        log.info("outside_refused", call_id=call.id, reason=refusal.reason.value)
        reason = _REASONS.get(refusal.reason, FailureReason.NOT_ALLOWED)
        return inputs.NoWayOut(at_ms=now_ms(), reason=reason)
    leg_id = str(uuid.uuid4())
    share = FlowShare(flow_id=asked.flow_id, allowed=asked.allowed)
    full = limits.take(call.id, leg_id=leg_id, tenant=tenant, trunk=plan.trunk, share=share)
    if full is not None:
        log.info("outside_refused", call_id=call.id, reason=full.limit.value)
        return inputs.NoWayOut(at_ms=now_ms(), reason=FailureReason.FULL)
    to = Outside(
        leg_id=leg_id,
        number=plan.called,
        caller_id=plan.caller_id,
        trunk_id=plan.trunk.id,
        trunk_code=plan.trunk.code,
        dialled=plan.dialled,
        shown=plan.shown,
    )
    return inputs.WayOut(at_ms=now_ms(), to=to, background=asked.background)


def missed(
    call: Call, customer: Event, dump: Callable[[str], Event | None], at_ms: int
) -> list[inputs.Input]:
    """Return what happened while nobody looked. What is not known to have been dialled is given up, never repeated."""
    outside = call.outside
    if outside is None:
        return [inputs.NoWayOut(at_ms=at_ms, reason=FailureReason.UNREACHABLE)]
    leg_id = outside.to.leg_id
    leg = dump(leg_id)
    if outside.talk_ms:
        gone = inputs.AgentGone(at_ms=at_ms, leg_id=leg_id, cause=LOST)
        return [] if leg is not None else [gone, inputs.Parked(at_ms=at_ms)]
    if leg is not None:
        talks = "CS_EXCHANGE_MEDIA" in (customer.get("Channel-State"), leg.get("Channel-State"))
        return [inputs.Bridged(at_ms=at_ms, leg_id=leg_id)] if talks else []
    if call.step is None:
        return []
    cause = customer.get("variable_originate_failed_cause")
    if not answers.step_ended(customer, call.step.id):
        if customer.get("variable_current_application") == "bridge":
            return []  # the leg is about to be, or has just ended: its application will tell
        log.warning("outside_given_up", call_id=call.id)
        cause = LOST
    return [inputs.StepDone(at_ms=at_ms, step_id=call.step.id, ok=False, cause=cause)]
