"""Figures of the controller for Prometheus; made once in the composition root and handed to who counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """All figures of one controller, registered in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"zongji_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"zongji_{name}", text, labels, registry=registry)

        self.arrived = counter("calls_arrived", "Calls that entered the cell")
        self.refused = counter("calls_refused", "Calls refused before a flow or queue", "reason")
        self.ended = counter("calls_ended", "Calls that ended, by where", "ended_in")
        self.matches = counter("matches", "Callers matched with agents")
        self.requests = counter("flow_requests", "Web requests of flows, by how they ended", "outcome")
        self.repairs = counter(
            "audit_repairs", "Differences between switch, Redis and memory, mended", "what"
        )
        self.calls_up = gauge("calls_up", "Calls this controller drives")
        self.agents = gauge("agents_signed_in", "Agents signed in at this cell")
        self.switch_connected = gauge("switch_connected", "1 while the event socket is up")
        self.redis_up = gauge("redis_up", "1 while Redis answers")
        self.backlog = gauge("event_backlog", "Events of the switch read and not handled yet")
        self.dropped = gauge("live_events_dropped", "Live events lost while Redis was away")
        self.commands = gauge("switch_commands", "Commands sent to the switch since the start", "command")
        self.command_bytes = gauge("switch_command_bytes", "Bytes of those commands", "command")
        self.events = gauge("switch_events", "Events of the switch handed on since the start")
