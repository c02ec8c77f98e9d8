"""Live events the controller makes that belong to no single call or agent."""

from __future__ import annotations

from cti.controller.state_writer import StateWriter


def queue_changed(writer: StateWriter, tenant_id: int, queue_id: int, waiting_since_ms: list[int]) -> None:
    """Tell how many wait in a queue and since when the first does (0 when nobody)."""
    data = {
        "queue_id": queue_id,
        "waiting": len(waiting_since_ms),
        "longest_since_ms": min(waiting_since_ms, default=0),
    }
    writer.event(tenant_id, (f"queue:{queue_id}", "admin"), "queue.changed", data)


def switch_connected(writer: StateWriter, tenant_ids: list[int], kind: str, connected: bool) -> None:
    """Tell every tenant's screens whether the switch answers."""
    for tenant_id in tenant_ids:
        writer.event(tenant_id, ("all",), "system.switch", {"kind": kind, "connected": connected})
