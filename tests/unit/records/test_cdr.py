"""Reading the switch's records of legs (CTI-C6)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.call.model import LegKind
from cti.records import facts
from cti.records.cdr import IncompleteError, LegDirection, NotACdrError, parse
from tests.support.records import ARRIVED_MS, answered_call, cdr, fact


def test_a_customers_leg_is_read_with_its_story() -> None:
    call = answered_call(5)
    leg = parse(cdr(call))
    assert leg.story == call
    assert (leg.call_id, leg.kind, leg.tenant_id, leg.direction) == (
        call.id,
        LegKind.CUSTOMER,
        5,
        LegDirection.IN,
    )
    assert leg.started_us == ARRIVED_MS * 1000 + 347
    assert (leg.from_number, leg.to_number) == ("13800138000", "4008001000")
    assert leg.quality is not None
    assert (leg.quality.mos, leg.quality.packets, leg.quality.flaws) == (4.4, 4500, 2)


def test_values_are_url_decoded_and_never_become_other_values() -> None:
    hostile = 'a%0Azj_tenant=9&x\n"},{中文'
    leg = parse(cdr(answered_call(5), variables={"sip_user_agent": hostile}))
    assert leg.user_agent == hostile
    assert leg.tenant_id == 5


def test_bytes_that_are_no_utf8_do_not_hide_a_record() -> None:
    data = cdr(answered_call(5)).replace(b'"switchname":"cell1"', b'"switchname":"\xff\xfe"')
    assert parse(data).call_id == answered_call(5).id


def test_a_story_that_cannot_be_read_leaves_the_leg() -> None:
    leg = parse(cdr(answered_call(5), variables={"zj_state": "####"}))
    assert leg.story is None
    assert leg.ended_us > leg.started_us


def test_every_beginning_of_a_file_waits_for_the_rest() -> None:
    data = cdr(answered_call(5)).rstrip()
    for length in range(len(data)):
        with pytest.raises(IncompleteError):
            parse(data[:length])
    assert parse(data).call_id


@pytest.mark.parametrize(
    "change",
    [{"uuid": ""}, {"uuid": "../../etc/passwd"}, {"start_uepoch": "0"}, {"end_uepoch": "soon"}],
)
def test_what_is_whole_but_no_record_is_refused_for_good(change: dict[str, str]) -> None:
    with pytest.raises(NotACdrError):
        parse(cdr(answered_call(5), variables=change))


def test_a_request_the_switch_refused_is_none_of_our_legs() -> None:
    leg = parse(
        cdr(None, kind=None, variables={"start_uepoch": "0", "end_uepoch": "0", "answer_uepoch": "0"})
    )
    assert (leg.kind, leg.started_us) == (None, 0)


def test_a_document_without_variables_is_no_record() -> None:
    with pytest.raises(NotACdrError):
        parse(b'{"core-uuid": "x"}')


@given(
    st.dictionaries(
        st.sampled_from(["zj_tenant", "zj_agent", "answer_uepoch", "zj_leg", "zj_call"]), st.text()
    )
)
def test_no_value_of_a_variable_breaks_the_reader(values: dict[str, str]) -> None:
    leg = parse(
        cdr(answered_call(5), variables={k: v.encode("utf-8", "replace").decode() for k, v in values.items()})
    )
    assert leg.tenant_id >= 0
    assert leg.answered_us >= 0


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_any_json_is_a_record_or_is_refused(document: object) -> None:
    with pytest.raises((IncompleteError, NotACdrError)):
        parse(json.dumps(document).encode())


def test_a_fact_is_read_and_a_useless_one_refused() -> None:
    call = answered_call(5, ended_ms=ARRIVED_MS + 60_000)
    assert facts.parse(fact(call)).call == call
    for useless in (answered_call(5), answered_call(0, ended_ms=1)):
        with pytest.raises(NotACdrError):
            facts.parse(fact(useless))
    with pytest.raises(IncompleteError):
        facts.parse(fact(call)[:-1])
