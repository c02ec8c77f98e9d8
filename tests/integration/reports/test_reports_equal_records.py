"""Reports equal the records (CTI-C9): random calls, counted by the database and by hand, on both databases.

The calls lie about midnight, month's end and the nights in which clocks change, in zones with whole hours, half hours
and a change of half an hour.
"""

from __future__ import annotations

import datetime
import random
from collections import defaultdict
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from admin_web.reports.aggregates import report
from admin_web.reports.figures import Row, Subject, Sums, total
from admin_web.reports.intervals import Interval, label
from core.database import Database, TenantSession
from cti.call.model import EndedIn, OfferResult
from cti.records.models import AgentStateSpan, Callback, CallOffer, CallRecord, Direction, RecordState
from tests.support.database import open_two_tenants

UTC = datetime.UTC
ZONES = {
    "Asia/Shanghai": ("2026-09-30 12:00", "2026-10-01 20:00"),
    "America/New_York": ("2026-10-31 12:00", "2026-11-01 20:00"),
    "Australia/Lord_Howe": ("2026-04-04 12:00", "2026-04-05 12:00"),
    "Asia/Kolkata": ("2026-02-27 23:00", "2026-03-01 06:00"),
}
"""Zones, and the local time in which their calls come."""


def times_of(name: str) -> tuple[datetime.datetime, datetime.datetime]:
    """Return when a zone's calls begin and end to come."""
    begin, end = (
        datetime.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(name)) for text in ZONES[name]
    )
    return begin, end


CALLS = 60
STATES = [
    "ready",
    "talking",
    "wrap_up",
    "ringing",
    "break",
    "away",
    "not_ready",
    "not_responding",
    "reserved",
]


def call(chance: random.Random, at: datetime.datetime, number: int) -> tuple[CallRecord, list[CallOffer]]:
    """Return a random call that came in at `at`, with its offers."""
    talked = chance.random() < 0.5
    agent = chance.choice([0, 11, 12]) if not talked else chance.choice([11, 12])
    values: dict[str, Any] = {
        "call_id": f"call-{number}",
        "state": RecordState.FINAL,
        "direction": chance.choice([Direction.IN, Direction.IN, Direction.OUT]),
        "route_id": chance.choice([0, 1, 2]),
        "queue_id": chance.choice([0, 5, 6]),
        "queue_name": "Gone queue",
        "arrived_at": at,
        "talk_at": at if talked else None,
        "ended_at": at,
        "wait_s": chance.randrange(60),
        "talk_s": chance.randrange(300) if talked else 0,
        "service_level_s": chance.choice([10, 20, 30]),
        "ended_in": chance.choice(list(EndedIn)),
        "ended_by": chance.choice(["", "recv_bye", "send_bye", "recv_cancel"]),
        "agent_id": agent,
        "agent_name": f"Agent {agent}",
        "source_call_id": chance.choice(["", "", "", "earlier"]),
    }
    offers = [
        CallOffer(
            position=position,
            leg_uuid=f"leg-{number}-{position}",
            agent_id=chance.choice([11, 12]),
            agent_name="As it was",
            extension_id=1,
            queue_id=5,
            offered_at=at,
            result=chance.choice([each for each in OfferResult if each is not OfferResult.RINGING]),
        )
        for position in range(1, chance.randrange(4) + 1)
    ]
    return CallRecord(**values), offers


def fill(session: TenantSession, chance: random.Random) -> None:
    """Add the calls and the agents' states of every zone."""
    number = 0
    for name in ZONES:
        begin, end = times_of(name)
        seconds = end.timestamp() - begin.timestamp() - 1
        for _ in range(CALLS):
            # Some lie at the last microsecond before a quarter, which no rounding may carry over it.
            after_s = chance.randrange(int(seconds))
            micro = chance.choice([0, 1, 999_600, 999_999])
            at = datetime.datetime.fromtimestamp(begin.timestamp() + after_s, UTC)
            if chance.random() < 0.3:
                at = at.replace(minute=chance.choice([14, 29, 44, 59]), second=59)
            record, offers = call(chance, at.replace(microsecond=micro), number)
            session.add(record)
            session.flush()
            for offer in offers:
                offer.record_id = record.id
            session.add_all([*offers, span(chance, at, number)])
            if chance.random() < 0.2:
                wishes = range(1, chance.choice([1, 1, 2]) + 1)
                session.add_all(wish(record, position) for position in wishes)
            number += 1


def wish(record: CallRecord, position: int) -> Callback:
    """Return a caller's wish to be called back."""
    number = "+8613800138000"
    return Callback(call_id=record.call_id, position=position, number=number, asked_at=record.arrived_at)


def span(chance: random.Random, at: datetime.datetime, number: int) -> AgentStateSpan:
    """Return a piece of an agent's day, as it is written: inside one quarter of an hour."""
    quarter = at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)
    began = quarter + datetime.timedelta(seconds=chance.randrange(800), microseconds=number)
    return AgentStateSpan(
        account_id=chance.choice([11, 12]),
        account_name="As it was",
        state=chance.choice(STATES),
        began_at=began,
        ended_at=began + datetime.timedelta(seconds=chance.randrange(1, 90)),
    )


def start_by_hand(interval: Interval, at: datetime.datetime, zone: ZoneInfo) -> float:
    """Return the beginning of the interval `at` lies in, from the clock on the wall."""
    local = at.astimezone(zone)
    if interval is Interval.TOTAL:
        return 0
    if interval is Interval.MONTH:
        return datetime.datetime(local.year, local.month, 1, tzinfo=zone).timestamp()
    if interval is Interval.DAY:
        return datetime.datetime(local.year, local.month, local.day, tzinfo=zone).timestamp()
    minutes = local.minute if interval is Interval.HOUR else local.minute % 15
    return int(local.timestamp()) - minutes * 60 - local.second


def by_hand(
    session: TenantSession, subject: Subject, interval: Interval, begin: Any, end: Any, zone: ZoneInfo
) -> dict[tuple[float, int], dict[str, int]]:
    """Count the same figures in plain Python, one call after the other."""
    found: dict[tuple[float, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    records = [row for row in session.query(CallRecord) if begin <= row.arrived_at < end]
    wishes = {row.call_id for row in session.query(Callback)}
    for row in records:
        start = start_by_hand(interval, row.arrived_at, zone)
        inbound, talked = row.direction is Direction.IN, row.talk_at is not None
        came = inbound or bool(row.source_call_id)
        if subject is Subject.AGENT:
            for offer in session.query(CallOffer).filter(CallOffer.record_id == row.id) if came else ():
                sums = found[start, offer.agent_id]
                sums["offered"] += 1
                sums["answered"] += offer.result is OfferResult.ANSWERED
                sums["missed"] += offer.result in (OfferResult.NO_ANSWER, OfferResult.REJECTED)
            if row.agent_id:
                sums = found[start, row.agent_id]
                sums["handled"] += came and talked
                sums["talk_s"] += row.talk_s if came else 0
                sums["out_calls"] += not came
                sums["out_reached"] += not came and talked
                sums["out_talk_s"] += 0 if came else row.talk_s
            continue
        key = row.queue_id if subject is Subject.QUEUE else row.route_id
        if not key if subject is Subject.QUEUE else (not inbound or row.source_call_id):
            continue
        sums = found[start, key]
        sums["offered"] += 1
        sums["queued"] += row.queue_id > 0
        sums["talk_s"] += row.talk_s
        if talked:
            sums["answered"] += 1
            sums["handled"] += 1
            sums["wait_s"] += row.wait_s
            sums["within"] += row.queue_id > 0 and row.wait_s <= row.service_level_s
        elif row.ended_in is EndedIn.VOICEMAIL:
            sums["messages"] += 1
        elif row.call_id in wishes:
            sums["callbacks"] += 1
        elif row.ended_in is EndedIn.FLOW:
            sums["lost_in_flow"] += not row.ended_by.startswith("send_")
        elif row.ended_in is EndedIn.QUEUE:
            sums["lost_in_queue"] += 1
        elif row.ended_in is EndedIn.OFFER:
            sums["lost_ringing"] += 1
    if subject is Subject.AGENT:
        count_states(session, found, interval, begin, end, zone)
    return found


def count_states(
    session: TenantSession, found: Any, interval: Interval, begin: Any, end: Any, zone: Any
) -> None:
    """Add the states' lengths."""
    for row in session.query(AgentStateSpan):
        if begin <= row.began_at < end:
            state = "away" if row.state == "not_responding" else row.state
            length = int(row.ended_at.timestamp()) - int(row.began_at.timestamp())
            found[start_by_hand(interval, row.began_at, zone), row.account_id][f"{state}_s"] += length


def sums_of(rows: list[Row]) -> dict[tuple[float, int], dict[str, int]]:
    """Return a report's rows as plain sums, without zeros."""
    return {
        (row.start_s, row.key): {name: value for name in vars(row.sums) if (value := getattr(row.sums, name))}
        for row in rows
    }


@pytest.mark.parametrize("seed", [20261122])
def test_reports_equal_the_records_cti_c9(each_database: Database, seed: int) -> None:
    one, two = open_two_tenants(each_database)
    for tenant in (one, two):
        with each_database.transaction(tenant) as session:
            fill(session, random.Random(seed + tenant))
            session.commit()
    with each_database.transaction(one, read_only=True) as session:
        for name in ZONES:
            zone = ZoneInfo(name)
            begin, end = times_of(name)
            for subject in Subject:
                whole = report(session, subject, Interval.TOTAL, begin, end, zone)
                assert whole, f"{name}: calls there are"
                for interval in Interval:
                    rows = report(session, subject, interval, begin, end, zone)
                    expected = by_hand(session, subject, interval, begin, end, zone)
                    told = {
                        key: {each: number for each, number in sums.items() if number}
                        for key, sums in expected.items()
                    }
                    assert sums_of(rows) == told, f"{name} {subject} {interval}"
                    assert total(row.sums for row in rows) == total(row.sums for row in whole)
                    assert all(row.sums.other >= 0 for row in rows), "every call is in one column"


def test_the_hour_the_clock_shows_twice_is_two_cti_c9(database: Database) -> None:
    tenant, _ = open_two_tenants(database)
    zone = ZoneInfo("America/New_York")
    with database.transaction(tenant) as session:
        for number, hour in enumerate((5, 6)):
            record, _ = call(random.Random(1), datetime.datetime(2026, 11, 1, hour, 30, tzinfo=UTC), number)
            record.direction, record.queue_id = Direction.IN, 5
            session.add(record)
        session.commit()
    with database.transaction(tenant, read_only=True) as session:
        begin = datetime.datetime(2026, 11, 1, tzinfo=zone)
        end = datetime.datetime(2026, 11, 2, tzinfo=zone)
        rows = report(session, Subject.QUEUE, Interval.HOUR, begin, end, zone)
        days = report(session, Subject.QUEUE, Interval.DAY, begin, end, zone)
        gone = report(session, Subject.QUEUE, Interval.DAY, begin, end, zone, key=6)
    assert [label(Interval.HOUR, row.start_s, zone) for row in rows] == [
        "2026-11-01 01:00 (-0400)",
        "2026-11-01 01:00 (-0500)",
    ]
    assert [(row.sums.offered, row.name) for row in days] == [(2, "Gone queue")]
    assert gone == []


def test_ratios_of_nothing_are_none() -> None:
    sums = Sums()
    assert (sums.service_level, sums.answer_speed_s, sums.handling_s, sums.occupancy) == (None,) * 4
    assert Sums(queued=4, within=3).service_level == 0.75
    assert Sums(handled=2, out_reached=1, talk_s=60, out_talk_s=30, wrap_up_s=30).handling_s == 40
    assert Sums(talking_s=60, wrap_up_s=20, ringing_s=10, ready_s=30, break_s=500).occupancy == 0.75
