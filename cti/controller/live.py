"""Live events the controller makes that belong to no single call or agent."""

from __future__ import annotations

from collections.abc import Iterable

from core import bus
from cti.call.model import Call
from cti.controller.state_writer import StateWriter

MOST_WAITING = 50
"""Callers of one queue that are told of, the first ones."""


def queue_changed(writer: StateWriter, tenant_id: int, queue_id: int, waiting_since_ms: list[int]) -> None:
    """Tell how many wait in a queue and since when the first does (0 when nobody)."""
    data = {
        "queue_id": queue_id,
        "waiting": len(waiting_since_ms),
        "longest_since_ms": min(waiting_since_ms, default=0),
    }
    audiences = (bus.queue_audience(queue_id), bus.waiting_audience(queue_id), bus.ADMIN)
    writer.event(tenant_id, audiences, "queue.changed", data)


def queue_waiting(writer: StateWriter, tenant_id: int, queue_id: int, calls: Iterable[Call]) -> None:
    """Tell who waits in a queue, in the order in which they are served."""
    line = sorted(calls, key=lambda call: call.queue_order)
    told = [
        {
            "call_id": call.id,
            "caller": call.caller,
            "arrived_ms": call.arrived_ms,
            "entered_ms": call.queue_entered_ms,
            "missed": call.missed,
            "priority": call.priority,
            "position": position,
        }
        for position, call in enumerate(line, start=1)
    ]
    data = {"queue_id": queue_id, "calls": told[:MOST_WAITING]}
    writer.event(tenant_id, (f"queue:{queue_id}", "admin"), "queue.waiting", data)


def switch_connected(writer: StateWriter, tenant_ids: list[int], kind: str, connected: bool) -> None:
    """Tell every tenant's screens whether the switch answers."""
    for tenant_id in tenant_ids:
        writer.event(tenant_id, ("all",), "system.switch", {"kind": kind, "connected": connected})
