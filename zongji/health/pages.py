"""Processes asked at their own pages on loopback: whether they are well (``/healthz``), and their figures."""

from __future__ import annotations

import dataclasses
import time
import urllib.request
from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

from admin_web.system_health import Check, State
from core.i18n import LazyText, lazy
from core.i18n import gettext as _
from core.settings import Settings
from zongji.doctor import Finding
from zongji.doctor.local import records
from zongji.doctor.neighbours import examine_page
from zongji.doctor.spool import Spool, read_spool
from zongji.health.named import named, note, well, wrong

TIMEOUT_S = 3.0
LATE_S = 60.0
"""A record is a row within a second; one this old is stuck."""
SLOW_S = 10.0

TURNS: Mapping[str, LazyText] = {
    "live-events": lazy("Live events into the outbox"),
    "supervisors": lazy("Supervisors' rights to the calls they listen to"),
    "webhooks": lazy("Webhooks sent"),
    "short-messages": lazy("Short messages handed over"),
    "old-files": lazy("Old files removed"),
    "old-events": lazy("Old events removed"),
    "old-chats": lazy("Old chats removed"),
    "health": lazy("Health looked at"),
}
"""What the scheduler does again and again, by its name there."""

Figures = Mapping[tuple[str, str], float]
"""Values by metric and ``name`` label (empty: none)."""


def figures(port: int) -> Figures:
    """Return what a process on this host counts. Raises ``OSError`` and ``ValueError``."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=TIMEOUT_S) as answer:
        text = answer.read().decode("utf-8")
    return {
        (sample.name, sample.labels.get("name", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def web(settings: Settings) -> Iterator[Check]:
    """Yield whether the web interface answers; for a process that is not one of it."""
    yield named("web", examine_page(_("Web processes"), settings.web_host, settings.web_port, "/healthz"))


def restartable(process: str, found: Finding) -> Check:
    """Return how a process of ours is; `process` is its name and the check's."""
    check = named(process, found)
    if check.state is State.WELL:
        return check
    remedy = _("See what it writes, and start it again: supervisorctl restart %(name)s", name=process)
    return dataclasses.replace(check, remedy=remedy)


def shipper(settings: Settings) -> Iterator[Check]:
    """Yield whether the shipper is well, and what waits for it on the disk."""
    port = settings.shipper_metrics_port
    yield restartable("shipper", examine_page(_("Shipper"), "127.0.0.1", port, "/healthz"))
    yield backlog(read_spool(settings), named("spool", records(settings)))


def backlog(spool: Spool, found: Check) -> Check:
    """Return how far the shipper is behind; `found` is the doctor's word, of files put aside and of heaps."""
    name = _("Records on the disk")
    how = _("%(count)s wait, the oldest for %(seconds)s s", count=spool.waiting, seconds=int(spool.oldest_s))
    since_ms = int((time.time() - spool.oldest_s) * 1000)
    remedy = _("See what the shipper writes: the database may be away.")
    if spool.aside:
        return wrong("spool", name, f"{found.how}; {how}", found.remedy)
    if spool.oldest_s > LATE_S:
        return wrong("spool", name, how, remedy, since_ms)
    if found.remedy:
        return wrong("spool", name, how, found.remedy)
    if spool.oldest_s > SLOW_S:
        return note("spool", name, how, remedy, since_ms)
    return well("spool", name, how if spool.waiting else _("nothing waits"))


def scheduler(settings: Settings) -> Iterator[Check]:
    """Yield whether the scheduler is well, and when each thing it does again and again last ended well."""
    port = settings.scheduler_metrics_port
    page = restartable("scheduler", examine_page(_("Scheduler"), "127.0.0.1", port, "/healthz"))
    yield page
    try:
        told = figures(port)
    except (OSError, ValueError):
        return  # its page said so above
    for (metric, name), at_s in sorted(told.items()):
        if metric == "zongji_scheduler_turn_timestamp_seconds":
            yield turn(
                name, at_s, told.get(("zongji_scheduler_turn_late_seconds", name), LATE_S), time.time()
            )


def turn(name: str, at_s: float, late_s: float, now_s: float) -> Check:
    """Return how one thing goes that should have ended well within `late_s` before `now_s`; `at_s` 0: never did."""
    what = _("Scheduler: %(what)s", what=str(TURNS.get(name, name)))
    remedy = _("See the scheduler's log under this name: %(name)s", name=name)
    key = f"scheduler-{name}"
    if not at_s:
        return note(key, what, _("has not ended well yet"), remedy)
    how = _("last ended well %(seconds)s s ago", seconds=max(0, int(now_s - at_s)))
    return wrong(key, what, how, remedy, int(at_s * 1000)) if now_s - at_s > late_s else well(key, what, how)
