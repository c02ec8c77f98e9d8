"""What every flow knows of its call without asking (CTI-I3). Pure."""

from __future__ import annotations

import datetime
import zoneinfo

from cti.call.model import Call
from cti.call.world import World
from ivr.prompt_values import SystemVariable
from ivr.region import region_of


def of_caller(call: Call, language: str) -> dict[str, str]:
    """Return what does not change while the call lasts."""
    region = region_of(call.caller)
    return {
        SystemVariable.CALLER_NUMBER.value: call.caller,
        SystemVariable.CALLED_NUMBER.value: call.called,
        SystemVariable.CALL_ID.value: call.id,
        SystemVariable.CALLER_REGION.value: region.spoken(language) if region is not None else "",
    }


def of_moment(call: Call, world: World, now_ms: int) -> dict[str, str]:
    """Return what is as it is now: date and time where the company is, the place in the queue the caller waited in
    last, and who talked with them in this call (employee number, else name); empty where nothing is known.
    """
    now = _local(now_ms, world.surroundings(call.tenant_id).timezone)
    agent = world.account(call.agent_id) if call.agent_id and call.talk_started_ms else None
    return {
        SystemVariable.DATE.value: f"{now:%Y-%m-%d}",
        SystemVariable.TIME.value: f"{now:%H:%M}",
        SystemVariable.QUEUE_POSITION.value: str(call.queue_position or ""),
        SystemVariable.LAST_AGENT.value: (agent.employee_number or agent.name) if agent is not None else "",
    }


def _local(now_ms: int, timezone: str) -> datetime.datetime:
    now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC)
    try:
        return now.astimezone(zoneinfo.ZoneInfo(timezone))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return now
