"""``show channels``: the switch's own table, which is written a moment after the truth changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from switchsim.wire import local_stamp

if TYPE_CHECKING:
    from switchsim.channel import Channel
    from switchsim.core import Core


class Table:
    """A copy of all channels, made anew every so often; what is asked for is answered from the copy."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._rows: list[dict[str, str]] = []

    def run(self) -> None:
        """Copy for ever."""
        while True:
            self._rows = [_row(session.channel) for session in self._core.sessions.values()]
            self._core.clock.sleep(self._core.options.channels_lag_s)

    def as_json(self) -> str:
        """Return the answer of ``show channels as json``."""
        if not self._rows:
            return '{"row_count": 0}\n'
        return json.dumps({"row_count": len(self._rows), "rows": self._rows}, separators=(",", ":"))

    def as_text(self, *, count_only: bool = False) -> str:
        """Return the answer of ``show channels`` (comma-separated) or ``show channels count``."""
        if count_only or not self._rows:
            return f"\n{len(self._rows)} total.\n"
        lines = [",".join(self._rows[0]), *(",".join(row.values()) for row in self._rows)]
        return "\n".join(lines) + f"\n\n{len(self._rows)} total.\n"


def _row(channel: Channel) -> dict[str, str]:
    profile, created = channel.profile, channel.profiles[-1].times.created
    first = channel.profiles[-1]
    codec = {"codec": channel.codec, "rate": "8000", "bit_rate": "64000"} if channel.media else {}
    return {
        "uuid": channel.uuid,
        "direction": channel.direction,
        "created": local_stamp(created),
        "created_epoch": str(created // 1_000_000),
        "name": channel.name,
        "state": channel.running_state.name,
        "cid_name": profile.caller_name,
        "cid_num": profile.caller_number,
        "ip_addr": profile.network_addr,
        "dest": profile.destination,
        "application": channel.get("current_application") or "",
        "application_data": channel.get("current_application_data") or "",
        "dialplan": profile.dialplan,
        "context": profile.context,
        **{f"read_{name}": value for name, value in codec.items()},
        **{f"write_{name}": value for name, value in codec.items()},
        "secure": "",
        "hostname": channel.core.hostname,
        "presence_id": channel.get("presence_id") or "",
        "presence_data": channel.get("presence_data") or "",
        "accountcode": channel.get("accountcode") or "",
        "callstate": channel.call_state.value,
        "callee_name": profile.callee_name,
        "callee_num": profile.callee_number,
        "callee_direction": "",
        "call_uuid": channel.get("call_uuid") or "",
        "sent_callee_name": "",
        "sent_callee_num": "",
        "initial_cid_name": first.caller_name,
        "initial_cid_num": first.caller_number,
        "initial_ip_addr": first.network_addr,
        "initial_dest": first.destination,
        "initial_dialplan": first.dialplan,
        "initial_context": first.context,
    }
