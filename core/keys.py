"""Names of everything in Redis, in one place. Times are milliseconds since the epoch, UTC.

Keys of one tenant carry ``{<tenant id>}`` so that a cluster keeps them on one node and one script may touch them all.
"""

from __future__ import annotations

LIVE_MAXLEN = 5000
"""Live events kept per tenant for resuming pages; an older position means a fresh snapshot."""


def live(tenant_id: int) -> str:
    """Stream of live events of a tenant: fields ``aud`` (comma-separated audiences), ``type``, ``data`` (JSON)."""
    return f"zj:{{{tenant_id}}}:live"


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
    """Hash: ``heartbeat_ms``, ``core_uuid``, ``switch`` (kind), ``pid``, ``connected`` of a cell's controller."""
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


def waiting(tenant_id: int, queue_id: int) -> str:
    """Sorted set of waiting call ids; the score orders by priority, then arrival."""
    return f"zj:{{{tenant_id}}}:queue:{queue_id}:waiting"


def idle(tenant_id: int, queue_id: int) -> str:
    """Sorted set of agent (account) ids that may take this queue's calls now; score: idle since."""
    return f"zj:{{{tenant_id}}}:queue:{queue_id}:idle"


def agent(tenant_id: int, account_id: int) -> str:
    """Hash: an agent's state, extension, endpoint, claim (see `cti.acd`)."""
    return f"zj:{{{tenant_id}}}:agent:{account_id}"


def agents(tenant_id: int) -> str:
    """Set of signed-in account ids."""
    return f"zj:{{{tenant_id}}}:agents"


def extension_holder(tenant_id: int, extension_id: int) -> str:
    """String: account id signed in on the extension."""
    return f"zj:{{{tenant_id}}}:extension:{extension_id}:holder"


def route_calls(tenant_id: int, route_id: int) -> str:
    """Set of call ids up on the route; its size against the limit is checked and taken in one script."""
    return f"zj:{{{tenant_id}}}:route:{route_id}:calls"


def order_counter(tenant_id: int) -> str:
    """String: last arrival order number given in the tenant."""
    return f"zj:{{{tenant_id}}}:order"


def registrations(cell_name: str) -> str:
    """Hash: SIP user to JSON ``{"contact", "since_ms", "agent"}`` for what is registered at the cell's switch."""
    return f"zj:cell:{cell_name}:registrations"


def agent_prefix(tenant_id: int) -> str:
    """Prefix of :func:`agent` keys, for scripts that find the agent themselves."""
    return f"zj:{{{tenant_id}}}:agent:"


def queue_prefix(tenant_id: int) -> str:
    """Prefix of :func:`waiting` and :func:`idle` keys."""
    return f"zj:{{{tenant_id}}}:queue:"
