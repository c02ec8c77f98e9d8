"""The switch: which one, reachable, with what we use of it, and in time with us."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

from core.i18n import gettext as _
from core.settings import Settings, SwitchKind
from freeswitch_conf.profiles import AGENTS, CARRIERS
from freeswitch_conf.render import MODULES
from zongji.doctor.finding import Finding, ok, warning, wrong
from zongji.doctor.neighbours import SKEW_WRONG_S
from zongji.processes.switch import running_freeswitch
from zongji.switch_probe import ProbeError, SwitchProbe

OPTIONAL = {"mod_console", "mod_logfile", "mod_spandsp", "mod_xml_curl", "mod_json_cdr"}
"""Modules an external switch may replace by others of its own."""
OLDEST = (1, 10)


def examine_switch(settings: Settings) -> Iterator[Finding]:
    """Yield findings about the switch."""
    kind = settings.effective_switch
    what = _("Switch")
    if kind is SwitchKind.SWITCHSIM:
        yield warning(
            what,
            _("the simulator: calls and phones are simulated"),
            _("For real calls install FreeSWITCH and set ZONGJI_FREESWITCH_HOME."),
        )
    try:
        with SwitchProbe(
            settings.switch_host, settings.switch_port, settings.effective_switch_password
        ) as probe:
            version = probe.ask("version short").strip()
            if kind is SwitchKind.SWITCHSIM:
                yield ok(what, _("the simulator answers at port %(port)s", port=settings.switch_port))
                return
            yield examine_version(what, version)
            yield from _modules(probe, kind)
            yield from examine_profiles(probe)
            yield examine_clock(probe)
        if pid := running_freeswitch(settings):
            with contextlib.suppress(ProcessLookupError):
                yield examine_priority(pid)
    except ProbeError as error:
        yield unreachable(what, settings, error)


def unreachable(what: str, settings: Settings, error: ProbeError) -> Finding:
    """Return why the switch cannot be asked."""
    where = f"{settings.switch_host}:{settings.switch_port}"
    if error.kind == "refused":
        return wrong(
            what,
            _("the event socket at %(where)s refuses our password", where=where),
            _("Set ZONGJI_SWITCH_PASSWORD to that of event_socket.conf."),
        )
    return wrong(
        what,
        _("no event socket at %(where)s: %(why)s", where=where, why=error),
        _("Start Zongji: ./run; for a switch of your own see ZONGJI_SWITCH_HOST and ZONGJI_SWITCH_PORT."),
    )


def examine_version(what: str, version: str) -> Finding:
    """Return whether FreeSWITCH is new enough."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST:
        return wrong(
            what, _("FreeSWITCH %(version)s is too old", version=version), _("Install 1.10 or newer.")
        )
    return ok(what, _("FreeSWITCH %(version)s answers", version=version))


def _modules(probe: SwitchProbe, kind: SwitchKind) -> Iterator[Finding]:
    what = _("Switch modules")
    absent = [name for name in MODULES if probe.ask(f"module_exists {name}").strip() != "true"]
    needed = [name for name in absent if name not in OPTIONAL or kind is not SwitchKind.EXTERNAL]
    if needed:
        yield wrong(
            what,
            _("not loaded: %(names)s", names=", ".join(needed)),
            _("Build and install these modules of FreeSWITCH, then restart it."),
        )
    else:
        yield ok(what, _("%(count)s loaded", count=len(MODULES) - len(absent)))


def examine_profiles(probe: SwitchProbe) -> Iterator[Finding]:
    """Yield whether each SIP profile runs."""
    status = probe.ask("sofia status")
    for name in (AGENTS, CARRIERS):
        what = _("SIP profile %(name)s", name=name)
        line = next((line for line in status.splitlines() if line.split()[:2] == [name, "profile"]), "")
        if "RUNNING" in line:
            yield ok(what, line.split()[2])
        else:
            yield wrong(
                what,
                _("not running"),
                _(
                    "Its port may be taken, or its address not this host's: see ZONGJI_SIP_… and the switch's log."
                ),
            )


def examine_clock(probe: SwitchProbe) -> Finding:
    """Return how far the switch's clock is from ours."""
    what = _("Clock of %(whose)s", whose=_("the switch"))
    before = time.time()
    answer = probe.ask("strepoch").strip()
    between = (before + time.time()) / 2
    skew_s = float(answer) - between if answer.isdigit() else 0.0
    # Whole seconds are answered: half a second of them is rounding.
    if abs(skew_s + 0.5) > SKEW_WRONG_S + 0.5:
        return wrong(what, _("off by %(skew).1f s", skew=skew_s), _("Keep time with NTP on every host."))
    return ok(what, _("in time"))


def examine_priority(pid: int) -> Finding:
    """Return whether FreeSWITCH, process `pid` of this host, runs ahead of what else wants the processors.

    Its event socket yields the processor after each byte of a command (``read_packet`` in mod_event_socket.c).
    """
    what = _("Switch's priority")
    if os.sched_getscheduler(pid) in (os.SCHED_FIFO, os.SCHED_RR):
        return ok(what, _("real time"))
    return warning(
        what,
        _("normal: what else this host does makes callers wait, seconds when it is busy"),
        _("Run Zongji as root, or allow it real-time priority (LimitRTPRIO=infinity in its systemd unit)."),
    )
