"""What a list of calls is narrowed to (CTI-C5): read from an address or from a job's parameters, shown as a bar.

The time range is required and lies within one calendar month of the company's zone.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from admin_web.records.words import ENDED_IN
from admin_web.resource import Options, ShownField
from core.database import TenantSession
from core.errors import InvalidField
from core.i18n import LazyText, current_language, gettext, lazy
from core.models import Account
from cti.call.model import EndedIn
from cti.models import Extension, InboundRoute, Queue
from cti.records.reach import SomeQueues
from ivr.models import Flow
from ivr.region import KEYS, PROVINCES, Region

FORM = "%Y-%m-%d %H:%M"
LONGEST_NOTE = 100
LAST_YEAR = 9000
"""Later days are nobody's."""
YES, NO = "yes", "no"


class ListKind(enum.StrEnum):
    """The lists of the records (CTI-C1 to C4)."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    MISSED = "missed"
    MESSAGES = "messages"


FIELDS: dict[ListKind, tuple[str, ...]] = {
    ListKind.INBOUND: (
        *("number", "route_id", "ended_in", "region", "queue_id", "extension_id", "agent_id"),
        *("length_from", "length_to", "note", "recorded"),
    ),
    ListKind.OUTBOUND: (
        *("number", "ended_in", "agent_id", "extension_id", "region", "caller_id", "trunk"),
        *("length_from", "length_to", "note", "recorded"),
    ),
    ListKind.MISSED: (
        *("number", "handled", "route_id", "queue_id", "extension_id", "agent_id", "region", "note"),
    ),
    ListKind.MESSAGES: ("number", "heard", "route_id", "flow_id", "length_from", "length_to", "region"),
}
"""Filters of each list besides the time; the first few stand in the bar, the others behind *More filters*."""
IN_SIGHT = 3

LABELS: dict[str, LazyText] = {
    "from": lazy("From"),
    "to": lazy("To"),
    "number": lazy("Number"),
    "caller_id": lazy("Caller ID"),
    "trunk": lazy("Trunk"),
    "region": lazy("Region"),
    "route_id": lazy("Route"),
    "flow_id": lazy("Flow"),
    "queue_id": lazy("Queue"),
    "extension_id": lazy("Extension"),
    "agent_id": lazy("Account"),
    "ended_in": lazy("Ended in"),
    "length_from": lazy("At least (seconds)"),
    "length_to": lazy("At most (seconds)"),
    "note": lazy("Note contains"),
    "recorded": lazy("Recording"),
    "handled": lazy("Handled"),
    "heard": lazy("Heard"),
}


class TimeRangeError(InvalidField):
    """The time range is missing, cannot be read or does not lie within one calendar month (CTI-C5)."""

    id = "time-range"
    sentence = lazy("%(reason)s")


MISSING = lazy("Choose the time from which and up to which calls are shown.")
UNREADABLE = lazy("A time is written as 2026-11-30 18:00.")
BACKWARDS = lazy("The end lies before the beginning.")
TOO_LONG = lazy("Choose a time range within one calendar month.")


class FilterError(InvalidField):
    """Another filter cannot be used."""

    id = "filter"
    sentence = lazy("A whole number of seconds.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordFilter:
    """What a list of records shows. Times are aware; `to_at` is excluded. Empty and 0 mean everything."""

    kind: ListKind = ListKind.INBOUND
    from_at: datetime.datetime
    to_at: datetime.datetime
    number: str = ""
    caller_id: str = ""
    trunk: str = ""
    """Name of the trunk of an outbound call, as the list shows it."""
    region: str = ""
    route_id: int = 0
    flow_id: int = 0
    """Of messages: a flow the call went through."""
    queue_id: int = 0
    extension_id: int = 0
    agent_id: int = 0
    ended_in: EndedIn | None = None
    length_from_s: int = 0
    length_to_s: int | None = None
    note: str = ""
    recorded: bool | None = None
    handled: bool | None = None
    heard: bool | None = None
    own_of: int = 0
    """Account whose calls alone are shown."""
    limits: SomeQueues | None = None
    """Queues whose calls alone are shown."""
    before: tuple[datetime.datetime, int] | None = None
    """Last row of the page above: its time and id."""


def this_month(now: datetime.datetime, zone: str) -> tuple[datetime.datetime, datetime.datetime]:
    """Return the beginning of the month `now` lies in, in `zone`, and the end of today there."""
    local = now.astimezone(ZoneInfo(zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    end = (midnight.replace(tzinfo=None) + datetime.timedelta(days=1)).replace(tzinfo=ZoneInfo(zone))
    return midnight.replace(day=1), end


def default_range(now: datetime.datetime, zone: str) -> tuple[str, str]:
    """Return what the bar begins with: this month up to the end of today, as typed."""
    begin, end = this_month(now, zone)
    return begin.strftime(FORM), (end - datetime.timedelta(minutes=1)).strftime(FORM)


def parse_range(from_text: str, to_text: str, zone: str) -> tuple[datetime.datetime, datetime.datetime]:
    """Return the typed range in `zone` (:func:`typed_range`). Raises :class:`TimeRangeError`, also for one that leaves
    the calendar month.
    """
    begin, end = typed_range(from_text, to_text, zone)
    last = end - datetime.timedelta(minutes=1)
    if (begin.year, begin.month) != (last.year, last.month):
        raise TimeRangeError(field="to", reason=TOO_LONG)
    return begin, end


def typed_range(from_text: str, to_text: str, zone: str) -> tuple[datetime.datetime, datetime.datetime]:
    """Return the typed range in `zone`; the minute named as its end belongs to it. Raises :class:`TimeRangeError`."""
    texts = {"from": from_text.strip(), "to": to_text.strip()}
    for name, text in texts.items():
        if not text:
            raise TimeRangeError(field=name, reason=MISSING)
    begin, last = (_moment(name, text, zone) for name, text in texts.items())
    if last < begin:
        raise TimeRangeError(field="to", reason=BACKWARDS)
    return begin, last + datetime.timedelta(minutes=1)


def _moment(name: str, text: str, zone: str) -> datetime.datetime:
    try:
        moment = datetime.datetime.strptime(text, FORM).replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        raise TimeRangeError(field=name, reason=UNREADABLE) from None
    if not 1970 < moment.year < LAST_YEAR:
        raise TimeRangeError(field=name, reason=UNREADABLE)
    return moment


def parse(
    kind: ListKind,
    texts: Mapping[str, str],
    zone: str,
    *,
    own_of: int = 0,
    limits: SomeQueues | None = None,
) -> RecordFilter:
    """Return the filter that was typed. Raises :class:`TimeRangeError`, :class:`FilterError`.

    `texts` has ``from``, ``to`` and the list's :data:`FIELDS`; ``before`` as :func:`position` reads it.
    """
    begin, end = parse_range(texts.get("from", ""), texts.get("to", ""), zone)
    given = {name: texts.get(name, "").strip()[:LONGEST_NOTE] for name in FIELDS[kind]}
    where = given.get("ended_in", "")
    region = given.get("region", "")
    return RecordFilter(
        kind=kind,
        from_at=begin,
        to_at=end,
        number=given.get("number", "")[:32],
        caller_id=given.get("caller_id", "")[:32],
        trunk=given.get("trunk", "")[:64],
        region=region if region in KEYS else "",
        route_id=_id(given.get("route_id", "")),
        flow_id=_id(given.get("flow_id", "")),
        queue_id=_id(given.get("queue_id", "")),
        extension_id=_id(given.get("extension_id", "")),
        agent_id=_id(given.get("agent_id", "")),
        ended_in=EndedIn(where) if where in {each.value for each in EndedIn} else None,
        length_from_s=_seconds("length_from", given) or 0,
        length_to_s=_seconds("length_to", given),
        note=given.get("note", ""),
        recorded=_answer(given.get("recorded", "")),
        handled=_answer(given.get("handled", "")),
        heard=_answer(given.get("heard", "")),
        own_of=own_of,
        limits=limits,
        before=position(texts.get("before", "")),
    )


def position(text: str) -> tuple[datetime.datetime, int] | None:
    """Return the row a page begins after, from its address; None for what is none."""
    moment, _, row_id = text.rpartition("_")
    try:
        at, last_id = datetime.datetime.fromisoformat(moment), int(row_id)
    except ValueError:
        return None
    return None if at.tzinfo is None else (at, last_id)


def _id(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _seconds(name: str, given: Mapping[str, str]) -> int | None:
    text = given.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise FilterError(field=name)
    return int(text)


def _answer(text: str) -> bool | None:
    return {YES: True, NO: False}.get(text)


def region_name(key: str) -> str:
    """Return a region's name in the reader's language; empty for an unknown key."""
    if key not in KEYS:
        return ""
    province, _, city = key.partition("/")
    return Region(province, city).spoken(current_language())


def _region_options() -> Options:
    found = []
    for province in PROVINCES:
        found.append((province.key, region_name(province.key)))
        found += [(key, region_name(key)) for key in province.cities]
    return found


def _options(db: TenantSession, names: tuple[str, ...], limits: SomeQueues | None) -> dict[str, Options]:
    """Return the choices of the filters that have some; one query for each that comes from the database."""
    yes_no: Options = [(YES, gettext("Yes")), (NO, gettext("No"))]
    found: dict[str, Options] = {name: yes_no for name in ("recorded", "handled", "heard") if name in names}
    if "ended_in" in names:
        found["ended_in"] = [(kind.value, str(text)) for kind, text in ENDED_IN.items()]
    if "region" in names:
        found["region"] = _region_options()
    tables: dict[str, tuple[Any, Any]] = {
        "route_id": (InboundRoute.id, InboundRoute.code),
        "flow_id": (Flow.id, Flow.name),
        "queue_id": (Queue.id, Queue.name),
        "extension_id": (Extension.id, Extension.number),
        "agent_id": (Account.id, Account.name),
    }
    within: dict[str, Any] = {}
    if limits is not None:
        within = {
            "queue_id": sorted(limits.queues),
            "extension_id": limits.extensions(),
            "agent_id": limits.agents(),
        }
    for name, (row_id, text) in tables.items():
        if name in names:
            query = select(row_id, text).order_by(text, row_id)
            if name in within:
                query = query.where(row_id.in_(within[name]))
            found[name] = [(str(row[0]), row[1]) for row in db.execute(query)]
    return found


def shown(
    db: TenantSession,
    kind: ListKind,
    given: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    own: bool,
    limits: SomeQueues | None = None,
) -> tuple[list[ShownField], list[ShownField]]:
    """Return the filters of the bar, and those behind *More filters*; who sees `own` calls is not asked whose."""
    names = tuple(name for name in FIELDS[kind] if not (own and name == "agent_id"))
    options = _options(db, names, limits)
    fields = [
        ShownField(
            name=name,
            label=str(LABELS[name]),
            kind="datetime" if name in ("from", "to") else "select" if name in options else "text",
            value=given.get(name, ""),
            required=name in ("from", "to"),
            options=options.get(name, ()),
            error=errors.get(name, ""),
        )
        for name in ("from", "to", *names)
    ]
    cut = 2 + IN_SIGHT
    return fields[:cut], fields[cut:]


def described(
    db: TenantSession, kind: ListKind, given: Mapping[str, str], limits: SomeQueues | None = None
) -> list[tuple[str, str, str, str]]:
    """Return the filters that are set: name, label, value as given, value in words."""
    names = tuple(name for name in FIELDS[kind] if given.get(name))
    options = _options(db, names, limits)
    rows = []
    for name in ("from", "to", *names):
        text = given.get(name, "")
        rows.append((name, str(LABELS[name]), text, dict(options.get(name, ())).get(text, text)))
    return rows
