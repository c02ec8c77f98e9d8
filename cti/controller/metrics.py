"""Figures of the controller for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

CALLS_ARRIVED = Counter("zongji_calls_arrived", "Calls that entered the cell")
CALLS_REFUSED = Counter("zongji_calls_refused", "Calls refused before a flow or queue", ["reason"])
CALLS_ENDED = Counter("zongji_calls_ended", "Calls that ended, by where", ["ended_in"])
CALLS_UP = Gauge("zongji_calls_up", "Calls this controller drives")
AGENTS_SIGNED_IN = Gauge("zongji_agents_signed_in", "Agents signed in at this cell")
MATCHES = Counter("zongji_matches", "Callers matched with agents")
SWITCH_CONNECTED = Gauge("zongji_switch_connected", "1 while the event socket is up")
REDIS_UP = Gauge("zongji_redis_up", "1 while Redis answers")
EVENT_BACKLOG = Gauge("zongji_event_backlog", "Events of the switch read and not handled yet")
AUDIT_REPAIRS = Counter(
    "zongji_audit_repairs", "Differences between switch, Redis and memory that were mended", ["what"]
)
