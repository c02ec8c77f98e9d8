"""Which numbers may be called, showing what, by which trunk (CTI-E5)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.documents import ExtensionDoc, TenantDoc, TrunkDoc
from cti.esl import commands
from cti.outbound import Plan, Reason, Refused, plan, plan_for_bound_number, plan_for_caller, written

SHOWN, OTHER = "+861012345678", "+862087654321"


def tenant(**changes: Any) -> TenantDoc:
    """Return a company that may show two numbers."""
    values: dict[str, Any] = {"caller_ids": {SHOWN: 0, OTHER: 8}, "outbound_trunk_id": 4, "active": True}
    return TenantDoc(**{"id": 1, "tenant_id": 1, "version": 1, "code": "t", "name": "T", **values, **changes})


def extension(**changes: Any) -> ExtensionDoc:
    """Return an extension that may call out."""
    values: dict[str, Any] = {"id": 1, "tenant_id": 1, "version": 1, "number": "801", "web_user": "w"}
    return ExtensionDoc(**{**values, "sip_user": "s", "outbound_allowed": True, **changes})


def trunk(number: int = 4, **changes: Any) -> TrunkDoc:
    """Return a carrier's trunk."""
    return TrunkDoc(**{"id": number, "tenant_id": 0, "version": 1, "code": f"t{number}", **changes})


TRUNKS = {4: trunk(), 8: trunk(8, number_format="e164-plus"), 9: trunk(9, enabled=False)}


def planned(to: str, by: ExtensionDoc | None = None, **company: Any) -> Plan:
    """Plan a call."""
    return plan(to, tenant=tenant(**company), extension=by or extension(), trunk=TRUNKS.get)


def refusal(to: str = "+8613900139000", by: ExtensionDoc | None = None, **company: Any) -> Reason:
    """Return why a call is refused."""
    with pytest.raises(Refused) as caught:
        planned(to, by, **company)
    return caught.value.reason


def test_the_first_allowed_number_is_shown_and_its_trunk_taken() -> None:
    found = planned("+8613900139000")
    assert (found.caller_id, found.trunk.id) == (SHOWN, 4)
    assert (found.dialled, found.shown) == ("13900139000", "01012345678")


def test_the_extensions_own_number_goes_by_its_own_trunk() -> None:
    found = planned("+8613900139000", extension(caller_id=OTHER))
    assert (found.caller_id, found.trunk.id, found.dialled) == (OTHER, 8, "+8613900139000")


def test_a_number_that_is_not_the_companys_is_never_shown() -> None:
    assert refusal(by=extension(caller_id="+8613812345678")) is Reason.CALLER_ID


@pytest.mark.parametrize(
    ("company", "reason"),
    [
        ({"active": False}, Reason.TENANT_SUSPENDED),
        ({"caller_ids": {}}, Reason.NO_CALLER_ID),
        ({"outbound_trunk_id": 0}, Reason.NO_TRUNK),
        ({"outbound_trunk_id": 77}, Reason.NO_TRUNK),
        ({"outbound_trunk_id": 9}, Reason.TRUNK_OFF),
        ({"outbound_countries": ("US",)}, Reason.COUNTRY),
    ],
)
def test_what_the_company_lacks(company: dict[str, Any], reason: Reason) -> None:
    assert refusal(**company) is reason


def test_an_extension_that_may_not() -> None:
    assert refusal(by=extension(outbound_allowed=False)) is Reason.EXTENSION


@pytest.mark.parametrize(
    "number", ["110", "112", "119", "120", "122", "911", "999", "+8610110", "+86755120", "+8621119"]
)
def test_emergency_numbers_with_and_without_an_area_code(number: str) -> None:
    assert refusal(number, premium_allowed=True) is Reason.EMERGENCY


@pytest.mark.parametrize("number", ["+8616812345", "+8616012345"])
def test_costly_numbers_are_refused_unless_allowed(number: str) -> None:
    assert refusal(number) is Reason.PREMIUM
    assert planned(number, premium_allowed=True).called == number


def test_costly_numbers_abroad() -> None:
    countries = ("CN", "GB", "US")
    assert refusal("+447012345678", outbound_countries=countries) is Reason.PREMIUM, "personal numbers"
    assert refusal("+448431234567", outbound_countries=countries) is Reason.PREMIUM, "shared cost"
    assert planned("+864008001000").called == "+864008001000", "at home a company's number"


@pytest.mark.parametrize("number", ["+18765551234", "+881612345678", "+88216123456", "+85291234567"])
def test_other_countries_and_no_countries(number: str) -> None:
    assert refusal(number, outbound_countries=("CN", "US", "001")) in (Reason.COUNTRY, Reason.NOT_A_NUMBER)


@pytest.mark.parametrize(
    "number",
    ["", "anonymous", "+86", "13900139000", "+8613900139000;phone-context=x", "+86 139 0013 9000", "+８６13900139000",
     "１１０", "+8613900139000@evil", "sip:1@evil", "801", "+8613900139000\r\napi hupall", "${hostname}", "*86"],
)  # fmt: skip
def test_what_is_no_stored_number(number: str) -> None:
    assert refusal(number) is Reason.NOT_A_NUMBER


@given(st.one_of(st.text(max_size=40), st.from_regex(r"\+?[0-9*#;,@{}$'| ]{0,30}", fullmatch=True)))
def test_whatever_is_asked_for_only_digits_reach_the_switch(number: str) -> None:
    try:
        found = planned(number, outbound_countries=("CN", "US", "GB"), premium_allowed=True)
    except Refused:
        return
    assert re.fullmatch(r"\+?[0-9]+", found.dialled)
    leg = commands.Originate(
        uuid="11111111-1111-4111-8111-111111111111",
        target=commands.Gateway(name=found.trunk.code, number=found.dialled),
        timeout_s=60,
        caller_number=found.shown,
    )
    assert commands.BridgeTo(leg=leg).call()[1].endswith(f"sofia/gateway/t4/{found.dialled}")


@pytest.mark.parametrize(
    ("form", "prefix", "sent"),
    [
        ("national", "", "01087654321"),
        ("national", "9", "901087654321"),
        ("e164", "", "861087654321"),
        ("e164-plus", "", "+861087654321"),
        ("e164-plus", "00", "00861087654321"),
    ],
)
def test_the_trunks_way_of_writing(form: Any, prefix: str, sent: str) -> None:
    assert written("+861087654321", trunk(number_format=form, prefix=prefix)) == sent


def test_a_service_number_is_dialled_as_it_is() -> None:
    assert planned("10086").dialled == "10086"


@pytest.mark.parametrize("value", ["a b", "$x", "{x", "a,b", "a'b", "", "mod_event_socket"])
def test_a_bridge_takes_plain_values_only(value: str) -> None:
    leg = commands.Originate(
        uuid="11111111-1111-4111-8111-111111111111",
        target=commands.Gateway(name="t4", number="1"),
        timeout_s=60,
        caller_number="1",
        variables={"zj_x": value},
    )
    with pytest.raises(commands.UnsafeValue):
        commands.BridgeTo(leg=leg).call()


# --- a flow's caller (CTI-I7) -------------------------------------------------------------------------------------


def for_caller(to: str, called: str = OTHER, **company: Any) -> Plan:
    """Plan the way of a caller who called `called`."""
    return plan_for_caller(to, called=called, tenant=tenant(**company), trunk=TRUNKS.get)


@pytest.mark.parametrize("typed", ["13900139000", "013900139000", "+86 139 0013 9000"])
def test_what_a_caller_types_is_read_as_people_write_numbers(typed: str) -> None:
    assert for_caller(typed).called == "+8613900139000"


def test_the_number_the_caller_called_is_shown_else_the_first() -> None:
    found = for_caller("13900139000")
    assert (found.caller_id, found.trunk.id) == (OTHER, 8)
    assert for_caller("13900139000", "+8613812345678").caller_id == SHOWN


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("110", Reason.EMERGENCY),
        ("010110", Reason.NOT_A_NUMBER),
        ("0012125550123", Reason.COUNTRY),
        ("0097142345678", Reason.COUNTRY),
        ("01012345678", Reason.OWN_NUMBER),
        ("02087654321", Reason.OWN_NUMBER),
        ("801", Reason.NOT_A_NUMBER),
        ("", Reason.NOT_A_NUMBER),
        ("*#06#", Reason.NOT_A_NUMBER),
    ],
)
def test_what_no_caller_is_put_through_to(typed: str, reason: Reason) -> None:
    with pytest.raises(Refused) as caught:
        for_caller(typed)
    assert caught.value.reason is reason


def test_a_company_that_may_not_call_puts_nobody_through() -> None:
    for company, reason in (
        ({"active": False}, Reason.TENANT_SUSPENDED),
        ({"caller_ids": {}}, Reason.NO_CALLER_ID),
        ({"caller_ids": {SHOWN: 0}, "outbound_trunk_id": 9}, Reason.TRUNK_OFF),
    ):
        with pytest.raises(Refused) as caught:
            for_caller("13900139000", SHOWN, **company)
        assert caught.value.reason is reason


@given(st.text(max_size=40))
def test_whatever_a_caller_types_only_digits_reach_the_switch(typed: str) -> None:
    try:
        found = for_caller(typed)
    except Refused:
        return
    assert re.fullmatch(r"\+?[0-9]{2,40}", found.dialled)
    assert found.called not in {SHOWN, OTHER}


# --- the landline or mobile bound to an extension (CTI-E3) ------------------------------------------------------------

BOUND = "+8613912345678"


def rung(called: str = "", by: ExtensionDoc | None = None, ours: str = "", **company: Any) -> Plan:
    """Plan the ringing of a bound number."""
    return plan_for_bound_number(
        by or extension(bound_number=BOUND, outbound_allowed=False),
        called=called,
        tenant=tenant(**company),
        trunk=TRUNKS.get,
        is_ours=lambda number: number == ours,
    )


def rung_refusal(number: str = BOUND, ours: str = "", **company: Any) -> Reason:
    """Return why a bound number is not rung."""
    with pytest.raises(Refused) as caught:
        rung(by=extension(bound_number=number), ours=ours, **company)
    return caught.value.reason


def test_a_bound_number_is_rung_though_nobody_may_dial_by_hand() -> None:
    found = rung()
    assert (found.called, found.dialled, found.caller_id, found.trunk.id) == (BOUND, "13912345678", SHOWN, 4)


def test_the_agent_sees_the_number_the_customer_called() -> None:
    by = extension(bound_number=BOUND, caller_id=SHOWN)
    assert rung(OTHER, by).caller_id == OTHER, "the company's, by which the customer came"
    assert rung("4008001000", by).caller_id == SHOWN, "else the extension's"
    assert rung("+8613800138000", extension(bound_number=BOUND)).caller_id == SHOWN, (
        "never the customer's own"
    )
    assert rung("", extension(bound_number=BOUND, caller_id="+8613812345678")).caller_id == SHOWN


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("", Reason.NOT_A_NUMBER),
        ("110", Reason.EMERGENCY),
        ("+86010110", Reason.EMERGENCY),
        ("10086", Reason.NOT_A_NUMBER),
        ("anonymous", Reason.NOT_A_NUMBER),
        ("+9779841234567", Reason.COUNTRY),
        ("+8816214567890", Reason.COUNTRY),
        (SHOWN, Reason.OWN_NUMBER),
        ("+8613912345678;phone-context=x", Reason.NOT_A_NUMBER),
        ("+86139123456\r\n78", Reason.NOT_A_NUMBER),
        ("sofia/gateway/x/1", Reason.NOT_A_NUMBER),
        ("+86139 1234 5678", Reason.NOT_A_NUMBER),
    ],
)
def test_numbers_that_are_no_agents_telephone(number: str, reason: Reason) -> None:
    assert rung_refusal(number) is reason


def test_a_number_that_leads_back_is_not_rung() -> None:
    assert rung_refusal(ours=BOUND) is Reason.OWN_NUMBER


@pytest.mark.parametrize(
    ("company", "reason"),
    [
        ({"active": False}, Reason.TENANT_SUSPENDED),
        ({"caller_ids": {}}, Reason.NO_CALLER_ID),
        ({"outbound_trunk_id": 9}, Reason.TRUNK_OFF),
        ({"outbound_countries": ("US",)}, Reason.COUNTRY),
    ],
)
def test_what_the_company_lacks_for_a_bound_number(company: dict[str, Any], reason: Reason) -> None:
    assert rung_refusal(**company) is reason


@given(st.text(max_size=40))
def test_no_text_as_a_bound_number_does_harm(number: str) -> None:
    try:
        found = rung(by=extension(bound_number=number))
    except Refused:
        return
    assert re.fullmatch(r"\+?[0-9]{2,40}", found.dialled)
