"""A record keeps when three talked with each other, and with whom (DSK-3)."""

from __future__ import annotations

from admin_web.records.queries import WholeCall
from admin_web.records.timeline import timeline
from core.clock import from_ms
from cti.call.model import Conference, EndedIn, Outside, TransferKind, TransferTarget
from cti.records.models import CallRecord, Direction
from cti.records.parts import parts_of
from cti.records.three_way import KEPT, ThreeWay, decoded, encoded
from tests.unit.records.test_parts import ANSWERED, T, to_agent, transferred

NAMES = {32: "李雷" * 40}
OUTSIDE = Outside(
    leg_id="o",
    number="+8613900139000",
    caller_id="+861012345678",
    trunk_id=4,
    trunk_code="c",
    dialled="13900139000",
    shown="01012345678",
)


def talk(at_ms: int, ended_ms: int = 0, *, outside: bool = False) -> Conference:
    """Return one with agent 32, or a number."""
    kind = TransferKind.NUMBER if outside else TransferKind.AGENT
    to = TransferTarget(kind=kind, id=0 if outside else 32, outside=OUTSIDE if outside else None)
    return Conference(to=to, agent_id=31, at_ms=at_ms, ended_ms=ended_ms)


def kept(*talks: Conference) -> str:
    """Return the column's value of a call that ended 300 s after it began."""
    return encoded(talks, T + 300_000, lambda account: NAMES.get(account, ""))


def test_a_colleague_is_kept_by_name_and_a_number_as_one() -> None:
    assert decoded(kept(talk(T + 1000, T + 5000), talk(T + 9000, outside=True))) == [
        ThreeWay(begin_ms=T + 1000, end_ms=T + 5000, name=NAMES[32][:60]),
        ThreeWay(begin_ms=T + 9000, end_ms=T + 300_000, number="+8613900139000"),
    ]
    assert decoded("[]") == []


def test_the_newest_fit_into_the_column() -> None:
    value = kept(*(talk(T + each, T + each + 1) for each in range(20)))
    assert len(value) <= 2000
    assert [each.begin_ms - T for each in decoded(value)] == list(range(20 - KEPT, 20))


def test_each_belongs_to_the_part_in_which_it_began() -> None:
    story = transferred(
        to_agent(T + 100_000),
        more_offers=(ANSWERED,),
        conferences=[talk(T + 90_000, T + 100_000), talk(T + 150_000, T + 160_000)],
    )
    first, second = parts_of(story)
    assert [each.at_ms - T for each in first.conferences] == [90_000]
    assert [each.at_ms - T for each in second.conferences] == [150_000]


def test_the_calls_page_tells_it() -> None:
    at = from_ms(T)
    record = CallRecord(
        arrived_at=at,
        ended_at=from_ms(T + 300_000),
        direction=Direction.IN,
        source_call_id="",
        caller="+8613800138000",
        called="+861012345678",
        refusal="",
        holds="[]",
        conferences=kept(talk(T + 1000, T + 62_000)),
        ended_in=EndedIn.AGENT,
        ended_by="",
        ended_detail="",
        cause="NORMAL_CLEARING",
        path="",
    )
    moments = timeline(WholeCall(record=record, legs=[], offers=[], recordings=[]))
    (told,) = [str(each.text) for each in moments if NAMES[32][:60] in str(each.text)]
    assert told != NAMES[32][:60]
