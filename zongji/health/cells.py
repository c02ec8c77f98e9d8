"""Controllers of all cells, this cell's switch, and every trunk's gateway."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import redis as redis_py

from admin_web.live_platform import CELL_SILENT_MS, read_cells, read_companies
from admin_web.resources.trunks import STATES
from admin_web.system_health import Check
from core import keys
from core.clock import now_ms
from core.i18n import gettext as _
from core.settings import Settings, SwitchKind
from cti.controller.trunks import Standing, TrunkState
from zongji.doctor.switch import examine_clock, examine_profiles, examine_version, unreachable
from zongji.health.named import named, note, numbered, well, wrong
from zongji.switch_probe import ProbeError, SwitchProbe

UP = frozenset({TrunkState.REGISTERED, TrunkState.READY, TrunkState.OFF})
FULL_SHARE = 0.9
"""Share of its sessions at which a switch counts as full."""
IDLE_LOW_PERCENT = 10.0
"""Below this free processor time of the switch, voices begin to stutter."""
_SESSIONS = re.compile(r"(\d+) session\(s\) - peak")
_MOST = re.compile(r"(\d+) session\(s\) max")
_IDLE = re.compile(r"min idle cpu [\d.]+/([\d.]+)")


def controllers(redis: redis_py.Redis) -> Iterator[Check]:
    """Yield each cell's controller: heard of when, calls, event socket connected or not. Raises ``RedisError``."""
    counted: Any = redis.zrange(keys.live_changes(), 0, -1)
    found = read_cells(redis, read_companies(redis, map(int, counted)).values())
    if not found:
        text = _("no controller has reported yet")
        yield wrong("cells", _("Controllers"), text, _("See what the process cti writes."))
    for cell in found:
        yield _controller(cell)


def _controller(cell: dict[str, Any]) -> Check:
    key, name = f"cell-{cell['name']}", _("Controller of %(name)s", name=cell["name"])
    silent_ms = now_ms() - cell["seen_ms"]
    if not cell["seen_ms"] or silent_ms > CELL_SILENT_MS:
        how = _("silent for %(seconds)s s", seconds=silent_ms // 1000)
        return wrong(
            key,
            name,
            how if cell["seen_ms"] else _("silent for over a minute"),
            _(
                "See what the process cti writes. Was the cell given up? Then: redis-cli srem zj:cells %(name)s",
                name=cell["name"],
            ),
            cell["seen_ms"],
        )
    if not cell["connected"]:
        text = _("not connected to the event socket of its switch")
        return wrong(key, name, text, _("See whether the switch runs, and the log of cti."))
    how = _(
        "heard of %(seconds)s s ago, %(calls)s calls, event socket connected",
        seconds=silent_ms // 1000,
        calls=cell["calls"],
    )
    return well(key, name, how)


def switch(settings: Settings) -> Iterator[Check]:
    """Yield this cell's switch: version, sessions, free processor time, SIP profiles, clock."""
    name, kind = _("Switch of %(name)s", name=settings.cell), settings.effective_switch
    try:
        with SwitchProbe(
            settings.switch_host, settings.switch_port, settings.effective_switch_password
        ) as probe:
            version = probe.ask("version short").strip()
            if kind is SwitchKind.SWITCHSIM:
                text = _("the simulator: calls and phones are simulated")
                yield note(
                    "switch",
                    name,
                    text,
                    _("For real calls install FreeSWITCH and set ZONGJI_FREESWITCH_HOME."),
                )
                return
            yield named("switch", examine_version(name, version))
            yield load(settings.cell, probe.ask("status"))
            yield from numbered("switch-profiles", examine_profiles(probe))
            yield named("switch-clock", examine_clock(probe))
    except ProbeError as error:
        yield named("switch", unreachable(name, settings, error))


def load(cell: str, status: str) -> Check:
    """Return how busy the switch of `cell` is, from its answer to ``status``."""
    sessions, most, idle = (pattern.search(status) for pattern in (_SESSIONS, _MOST, _IDLE))
    what = _("Load of the switch of %(name)s", name=cell)
    how = _(
        "%(sessions)s of %(most)s sessions, processor %(idle)s%% free",
        sessions=sessions[1] if sessions else "?",
        most=most[1] if most else "?",
        idle=round(float(idle[1])) if idle else "?",
    )
    remedy = _("Add a cell, or give the switch more processors.")
    if sessions is not None and most is not None and int(sessions[1]) >= FULL_SHARE * int(most[1]):
        return wrong("switch-load", what, how, remedy)
    if idle is not None and float(idle[1]) < IDLE_LOW_PERCENT:
        return note("switch-load", what, how, remedy)  # of this second: no fault yet
    return well("switch-load", what, how)


def gateways(redis: redis_py.Redis) -> Iterator[Check]:
    """Yield each trunk that is down at a cell, or that all are up. Raises ``RedisError``."""
    told: Any = redis.smembers(keys.cells())
    up = 0
    for cell in sorted(name.decode() for name in told):
        stored: Any = redis.hgetall(keys.trunks(cell)) if redis.exists(keys.cell(cell)) else {}
        for trunk_id, data in sorted(stored.items()):
            standing = msgspec.json.decode(data, type=Standing)
            if standing.state in UP:
                up += 1
                continue
            words = (str(STATES[standing.state][0]), str(standing.status or ""), standing.reason)
            yield wrong(
                f"gateway-{cell}-{int(trunk_id)}",
                _("Gateway %(code)s at %(cell)s", code=standing.code, cell=cell),
                " · ".join(word for word in words if word),
                _("See the trunk's page, and ask the carrier with the words it answered."),
                standing.since_ms,
            )
    yield well("gateways", _("Gateways"), _("%(count)s up or switched off on purpose", count=up))
