"""Names of everything in Redis, in one place. Times are milliseconds since the epoch, UTC.

Keys of one tenant carry ``{<tenant id>}`` so that a cluster keeps them on one node and one script may touch them all.
"""

from __future__ import annotations

LIVE_MAXLEN = 5000
"""Live events kept per tenant for resuming pages; an older position means a fresh snapshot."""


def live(tenant_id: int) -> str:
    """Stream of live events of a tenant: fields ``aud`` (comma-separated audiences), ``type``, ``data`` (JSON)."""
    return f"zj:{{{tenant_id}}}:live"


def outbox_position(tenant_id: int) -> str:
    """String: id of the last live event of the tenant that was looked at for the outbox (`core.outbox.live`)."""
    return f"zj:{{{tenant_id}}}:outbox:position"


def sessions_changed() -> str:
    """Stream that gets an entry when sessions, accounts' standing or rights changed: open pages are looked at."""
    return "zj:sessions:changed"


def live_changes() -> str:
    """Sorted set of tenant ids; the score counts writes of their live state, so that who watches all tenants reads
    only those that changed."""
    return "zj:live:changes"


def commands(cell: str) -> str:
    """Stream of commands to a cell's controller."""
    return f"zj:cell:{cell}:commands"


def commands_position(cell: str) -> str:
    """String: id of the last entry of :func:`commands` a controller took; kept a minute, longer than any deadline."""
    return f"zj:cell:{cell}:commands:position"


def command_result(command_id: str) -> str:
    """List that gets one element, the command's result as JSON, and expires."""
    return f"zj:command:{command_id}:result"


def cell(name: str) -> str:
    """Hash: ``heartbeat_ms``, ``core_uuid``, ``switch`` (kind), ``pid``, ``connected``, ``started_ms`` of a cell's
    controller.
    """
    return f"zj:cell:{name}"


def cells() -> str:
    """Set of cell names."""
    return "zj:cells"


def calls(tenant_id: int) -> str:
    """Set of ids of the tenant's live calls."""
    return f"zj:{{{tenant_id}}}:calls"


def call(tenant_id: int, call_id: str) -> str:
    """String: the call's state as JSON (`cti.call.model.Call`)."""
    return f"zj:{{{tenant_id}}}:call:{call_id}"


def ended_call(tenant_id: int, call_id: str) -> str:
    """String: the last state of a call that is over, for the minute in which its record may not be written yet."""
    return f"zj:{{{tenant_id}}}:ended:{call_id}"


def waiting(tenant_id: int, queue_id: int) -> str:
    """Sorted set of waiting call ids; the score orders by priority, then arrival."""
    return f"zj:{{{tenant_id}}}:queue:{queue_id}:waiting"


def idle(tenant_id: int, queue_id: int) -> str:
    """Sorted set of agent (account) ids that may take this queue's calls now; the smallest score is offered the next
    (`cti.acd.dispatch.score`).
    """
    return f"zj:{{{tenant_id}}}:queue:{queue_id}:idle"


def waiting_facts(tenant_id: int, queue_id: int) -> str:
    """Hash beside :func:`waiting`: call id to ``<entered, ms>:<account id of the caller's last agent, 0 for none>``."""
    return f"zj:{{{tenant_id}}}:queue:{queue_id}:facts"


def served(tenant_id: int, queue_id: int) -> str:
    """List, newest first: ``<moment, ms>:<length, ms>`` of the intervals at which the queue's callers were served
    (`cti.acd.expected_wait`).
    """
    return f"zj:{{{tenant_id}}}:queue:{queue_id}:served"


def last_agent(tenant_id: int, number_hash: str) -> str:
    """String: account id of who talked with this caller last; kept for a month."""
    return f"zj:{{{tenant_id}}}:last-agent:{number_hash}"


def talks(tenant_id: int, day: str) -> str:
    """Hash: account id to its conversations on an ISO date; kept for two days."""
    return f"zj:{{{tenant_id}}}:talks:{day}"


def agent(tenant_id: int, account_id: int) -> str:
    """Hash: an agent's state, extension, endpoint, claim (see `cti.acd`)."""
    return f"zj:{{{tenant_id}}}:agent:{account_id}"


def agents(tenant_id: int) -> str:
    """Set of signed-in account ids."""
    return f"zj:{{{tenant_id}}}:agents"


def watches(tenant_id: int) -> str:
    """Hash: supervisor's account id to JSON of the talk they take part in, as `supervise.state` tells it."""
    return f"zj:{{{tenant_id}}}:watches"


def take(tenant_id: int, take_id: str) -> str:
    """String: how far the recording of a voice by telephone is, as JSON (`cti.takes.model.Shown`); expires."""
    return f"zj:{{{tenant_id}}}:take:{take_id}"


def takes(cell_name: str) -> str:
    """Hash: id of a take under way on the cell to its tenant's id; what a dead controller leaves is settled by it."""
    return f"zj:cell:{cell_name}:takes"


def extension_holder(tenant_id: int, extension_id: int) -> str:
    """String: account id signed in on the extension."""
    return f"zj:{{{tenant_id}}}:extension:{extension_id}:holder"


def route_calls(tenant_id: int, route_id: int) -> str:
    """Hash: id of a call up on the route to how many legs hold it there; its size is what the limit counts.

    What limits count is on one node, whatever tenant it is of: all of it is checked and taken in one script.
    """
    return f"zj:{{places}}:route:{tenant_id}:{route_id}:calls"


def tenant_calls(tenant_id: int) -> str:
    """Hash like :func:`route_calls`: the tenant's calls up, in and out."""
    return f"zj:{{places}}:tenant:{tenant_id}:calls"


def trunk_calls(trunk_id: int, direction: str) -> str:
    """Hash like :func:`route_calls`: legs up on the trunk; `direction` is ``in`` or ``out``."""
    return f"zj:{{places}}:trunk:{trunk_id}:{direction}"


def flow_outside(tenant_id: int, flow_id: int) -> str:
    """Hash like :func:`route_calls`: legs to outside numbers that a flow's transfers called."""
    return f"zj:{{places}}:flow:{tenant_id}:{flow_id}:outside"


def tenant_rate(tenant_id: int) -> str:
    """List of the milliseconds at which the tenant's last calls out began, newest first."""
    return f"zj:{{places}}:tenant:{tenant_id}:begun"


def trunk_rate(trunk_id: int) -> str:
    """List like :func:`tenant_rate` for a trunk."""
    return f"zj:{{places}}:trunk:{trunk_id}:begun"


def held_places(cell_name: str) -> str:
    """Hash: leg to the places it holds (`cti.limits.Wanted` as JSON), for the legs of one cell."""
    return f"zj:{{places}}:held:{cell_name}"


def trunks(cell_name: str) -> str:
    """Hash: trunk id to JSON of its gateway's state at the cell's switch (`cti.controller.trunks.Standing`)."""
    return f"zj:cell:{cell_name}:trunks"


def health() -> str:
    """Hash: name of a check of the platform's health to ``<state>:<since, ms>`` (`zongji.health.since`)."""
    return "zj:health"


def dial(tenant_id: int, account_id: int, key_hash: str) -> str:
    """String: id of the call an agent began with a key of theirs; kept for minutes: a repetition is the same call."""
    return f"zj:{{{tenant_id}}}:dial:{account_id}:{key_hash}"


def order_counter(tenant_id: int) -> str:
    """String: last arrival order number given in the tenant."""
    return f"zj:{{{tenant_id}}}:order"


def registrations(cell_name: str) -> str:
    """Hash: SIP user to when it was first seen (ms), of whoever is registered at the cell's switch; for screens."""
    return f"zj:cell:{cell_name}:registrations"


def agent_prefix(tenant_id: int) -> str:
    """Prefix of :func:`agent` keys, for scripts that find the agent themselves."""
    return f"zj:{{{tenant_id}}}:agent:"


def queue_prefix(tenant_id: int) -> str:
    """Prefix of :func:`waiting` and :func:`idle` keys."""
    return f"zj:{{{tenant_id}}}:queue:"
