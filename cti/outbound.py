"""Whether and how a number may be called (CTI-E5): shown number, trunk, form, and what toll fraud would love. Pure.

A refusal has the id the command answers with and a reason of its own, both stable; the sentence is the screen's.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Callable

import phonenumbers
from phonenumbers import PhoneNumberType, ShortNumberCost, shortnumberinfo

from core import phone
from core.documents import ExtensionDoc, TenantDoc, TrunkDoc
from core.phone import NumberKind


class Reason(enum.StrEnum):
    """Why a call to the outside is refused."""

    TENANT_SUSPENDED = "tenant-suspended"
    EXTENSION = "extension"
    NOT_A_NUMBER = "not-a-number"
    EMERGENCY = "emergency"
    PREMIUM = "premium"
    COUNTRY = "country"
    OWN_NUMBER = "own-number"
    CALLER_ID = "caller-id-not-allowed"
    NO_CALLER_ID = "no-caller-id"
    NO_TRUNK = "no-trunk"
    TRUNK_OFF = "trunk-off"


ERRORS: dict[Reason, str] = {
    Reason.TENANT_SUSPENDED: "outbound-not-allowed",
    Reason.EXTENSION: "outbound-not-allowed",
    Reason.NOT_A_NUMBER: "number-refused",
    Reason.EMERGENCY: "number-refused",
    Reason.PREMIUM: "number-refused",
    Reason.COUNTRY: "number-refused",
    Reason.OWN_NUMBER: "number-refused",
    Reason.CALLER_ID: "number-refused",
    Reason.NO_CALLER_ID: "no-trunk",
    Reason.NO_TRUNK: "no-trunk",
    Reason.TRUNK_OFF: "no-trunk",
}


class Refused(Exception):
    """The number may not be called so."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.error = ERRORS[reason]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """How a call goes out."""

    called: str
    """As `core.phone` stores it."""
    caller_id: str
    """Likewise: the number shown."""
    trunk: TrunkDoc
    dialled: str
    """The called number as the trunk wants it, with the trunk's prefix."""
    shown: str
    """The caller ID as the trunk wants it."""


COSTLY = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.PERSONAL_NUMBER, PhoneNumberType.PAGER})
SHARED = frozenset({PhoneNumberType.SHARED_COST, PhoneNumberType.UAN})
"""Costly abroad; at home these are companies' ordinary numbers (400…)."""
EMERGENCY = frozenset({"110", "112", "119", "120", "122", "911", "999"})
"""Police, fire, ambulance, road accidents (MIIT's numbering plan, 1XX), and those of GSM and of neighbours."""
_DIALLABLE = re.compile(r"\+?[0-9]{2,40}")
_AREA_AND_EMERGENCY = re.compile(r"\+86\d{2,3}1(?:10|12|19|2[02])")
"""An area code before 110, 112, 119, 120, 122 reaches that town's emergency service."""


def plan(
    to: str,
    *,
    tenant: TenantDoc,
    extension: ExtensionDoc,
    trunk: Callable[[int], TrunkDoc | None],
) -> Plan:
    """Return how `extension` may call `to` (a number in its stored form). Raises :class:`Refused`."""
    if not tenant.active:
        raise Refused(Reason.TENANT_SUSPENDED)
    if not extension.outbound_allowed:
        raise Refused(Reason.EXTENSION)
    check_destination(to, tenant)
    return _planned(to, tenant, _caller_id(tenant, extension), trunk)


def plan_for_caller(
    to: str, *, called: str, tenant: TenantDoc, trunk: Callable[[int], TrunkDoc | None]
) -> Plan:
    """Return how a flow may have its caller put through to `to` (CTI-I7). Raises :class:`Refused`.

    What counts is what the company may call; `to` may be what the caller typed, in any form. The number shown is the
    one the caller `called` (stored form) where the company may show it, else its first. A number of the company's own
    would come back by the carrier, into the same flow.
    """
    if not tenant.active:
        raise Refused(Reason.TENANT_SUSPENDED)
    try:
        number = phone.parse(to).stored
    except phone.InvalidNumberError:
        raise Refused(Reason.NOT_A_NUMBER) from None
    check_destination(number, tenant)
    if number in tenant.caller_ids or number == called:
        raise Refused(Reason.OWN_NUMBER)
    caller_id = called if called in tenant.caller_ids else next(iter(tenant.caller_ids), "")
    if not caller_id:
        raise Refused(Reason.NO_CALLER_ID)
    return _planned(number, tenant, caller_id, trunk)


def plan_for_bound_number(
    extension: ExtensionDoc,
    *,
    called: str,
    tenant: TenantDoc,
    trunk: Callable[[int], TrunkDoc | None],
    is_ours: Callable[[str], bool] = lambda number: False,
) -> Plan:
    """Return how the landline or mobile bound to `extension` is rung (CTI-E3). Raises :class:`Refused`.

    What counts is what the company may call, not whether the extension may dial by hand: nobody chooses a number here.
    Shown is the company's number that the customer `called` where it may be shown, so that the agent knows whose call
    it is; else the extension's; else the company's first. The customer's own number is never shown: a carrier refuses
    what is not its subscriber's. A number that leads back to us (`is_ours`) would ring in circles.
    """
    if not tenant.active:
        raise Refused(Reason.TENANT_SUSPENDED)
    number = extension.bound_number
    check_bound_number(number, tenant, is_ours)
    own = extension.caller_id if extension.caller_id in tenant.caller_ids else ""
    caller_id = called if called in tenant.caller_ids else own or next(iter(tenant.caller_ids), "")
    if not caller_id:
        raise Refused(Reason.NO_CALLER_ID)
    return _planned(number, tenant, caller_id, trunk)


def check_bound_number(number: str, tenant: TenantDoc, is_ours: Callable[[str], bool]) -> None:
    """Let pass a landline or mobile (stored form) that may be an agent's telephone. Raises :class:`Refused`."""
    check_destination(number, tenant)
    if phone.of_stored(number).kind is not NumberKind.FULL:
        raise Refused(Reason.NOT_A_NUMBER)
    if number in tenant.caller_ids or is_ours(number):
        raise Refused(Reason.OWN_NUMBER)


def _planned(to: str, tenant: TenantDoc, caller_id: str, trunk: Callable[[int], TrunkDoc | None]) -> Plan:
    found = _trunk(tenant, caller_id, trunk)
    dialled = written(to, found)
    shown = written(caller_id, found, prefix=False)
    if not _DIALLABLE.fullmatch(dialled) or not _DIALLABLE.fullmatch(shown):
        raise Refused(Reason.NOT_A_NUMBER)
    return Plan(called=to, caller_id=caller_id, trunk=found, dialled=dialled, shown=shown)


def check_destination(to: str, tenant: TenantDoc) -> None:
    """Let pass what may be called: a number as stored, in an allowed country, neither costly nor an emergency's.

    Emergency calls need the caller's place and a person on the spot: they are made from another telephone.
    """
    if _is_emergency(to):
        raise Refused(Reason.EMERGENCY)
    kind = phone.of_stored(to).kind
    if kind is NumberKind.SHORT:
        _check_short(to, tenant)
    elif kind is NumberKind.FULL:
        _check_full(to, tenant)
    else:
        raise Refused(Reason.NOT_A_NUMBER)


def written(number: str, trunk: TrunkDoc, *, prefix: bool = True) -> str:
    """Return a stored number as the trunk wants it. A prefix stands before the digits, never before a plus sign."""
    text = number
    if phone.of_stored(number).kind is NumberKind.FULL:
        if trunk.number_format == "national":
            text = phone.as_dialled(number)
        elif trunk.number_format == "e164":
            text = number.removeprefix("+")
    if prefix and trunk.prefix:
        text = trunk.prefix + text.removeprefix("+")
    return text


def _is_emergency(to: str) -> bool:
    if not to.isascii() or not to.removeprefix("+").isdigit():
        return False
    if to.startswith("+"):
        return bool(_AREA_AND_EMERGENCY.fullmatch(to))
    return to in EMERGENCY or bool(shortnumberinfo.connects_to_emergency_number(to, phone.REGION))


def _check_short(to: str, tenant: TenantDoc) -> None:
    if phone.REGION not in tenant.outbound_countries:
        raise Refused(Reason.COUNTRY)
    if tenant.premium_allowed:
        return
    parsed = phonenumbers.parse(to, phone.REGION)
    cost = shortnumberinfo.expected_cost_for_region(parsed, phone.REGION)
    if cost == ShortNumberCost.PREMIUM_RATE:
        raise Refused(Reason.PREMIUM)


def _check_full(to: str, tenant: TenantDoc) -> None:
    try:
        understood = phone.parse(to)
    except phone.InvalidNumberError:
        raise Refused(Reason.NOT_A_NUMBER) from None
    if understood.stored != to:
        raise Refused(Reason.NOT_A_NUMBER)
    parsed = phonenumbers.parse(to)
    region = phonenumbers.region_code_for_number(parsed)
    # Satellites and worldwide services have no country ("001"): nobody allows them by naming a country.
    if region not in tenant.outbound_countries or region == "001":
        raise Refused(Reason.COUNTRY)
    kind = phonenumbers.number_type(parsed)
    costly = kind in COSTLY or (kind in SHARED and region != phone.REGION)
    if costly and not tenant.premium_allowed:
        raise Refused(Reason.PREMIUM)


def _caller_id(tenant: TenantDoc, extension: ExtensionDoc) -> str:
    if extension.caller_id:
        if extension.caller_id not in tenant.caller_ids:
            raise Refused(Reason.CALLER_ID)
        return extension.caller_id
    first = next(iter(tenant.caller_ids), "")
    if not first:
        raise Refused(Reason.NO_CALLER_ID)
    return first


def _trunk(tenant: TenantDoc, caller_id: str, trunk: Callable[[int], TrunkDoc | None]) -> TrunkDoc:
    trunk_id = tenant.caller_ids[caller_id] or tenant.outbound_trunk_id
    found = trunk(trunk_id) if trunk_id else None
    if found is None:
        raise Refused(Reason.NO_TRUNK)
    if not found.enabled:
        raise Refused(Reason.TRUNK_OFF)
    return found
