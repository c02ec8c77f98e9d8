"""The inventory of numbers (ACC-3): lists and ranges as they are pasted, and what keeps a number where it is."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import phone
from core.errors import CallerFault, Conflict
from core.i18n import lazy
from cti.models import Extension, InboundRoute, TenantNumber

MAX_AT_ONCE = 1000
_BETWEEN = re.compile(r"\s*(?:~|～|至|\.\.)\s*")
_SEPARATOR = re.compile(r"[,，;；\n\r]+")


class NumbersUnusableError(CallerFault):
    """Nothing was added; `reasons` names each part of the list that cannot be used."""

    id = "numbers-unusable"
    status = 422
    sentence = lazy("Nothing was added: %(reasons)s")


class NumberInUseError(Conflict):
    """A number leaves its company, or loses a use, only when nothing needs it there."""

    id = "number-in-use"
    sentence = lazy("%(number)s is used by %(users)s.")


def parse(text: str) -> list[str]:
    """Return the stored form of the numbers in a pasted list, each once; ``a ~ b`` is a range, both ends included.

    Raises :class:`NumbersUnusableError`, with up to five reasons.
    """
    found: dict[str, None] = {}
    reasons: list[str] = []
    for part in (each.strip() for each in _SEPARATOR.split(text)):
        if not part:
            continue
        ends = _BETWEEN.split(part)
        try:
            numbers = [phone.parse(each).stored for each in ends]
        except phone.InvalidNumberError as error:
            reasons.append(error.text())
            continue
        if len(numbers) > 1:
            numbers = _range(numbers)
        if not numbers:
            reasons.append(str(lazy("%(part)s is no range.", part=part)))
        found.update(dict.fromkeys(numbers))
        if len(found) > MAX_AT_ONCE:
            reasons.append(str(lazy("At most %(maximum)s numbers at once.", maximum=MAX_AT_ONCE)))
            break
    if reasons:
        raise NumbersUnusableError(field="numbers", reasons=" ".join(reasons[:5]))
    return list(found)


def _range(ends: list[str]) -> list[str]:
    """Return the numbers from the first to the second, one more than may be at most; empty: they are no range."""
    first, last = ends[0], ends[-1]
    if len(ends) != 2 or len(first) != len(last) or first[0] != last[0] or first > last:
        return []
    sign, width = ("+", len(first) - 1) if first.startswith("+") else ("", len(first))
    low, high = int(first), min(int(last), int(first) + MAX_AT_ONCE)
    return [f"{sign}{number:0{width}d}" for number in range(low, high + 1)]


def require_unused(session: Session, number: TenantNumber, *, inbound: bool, caller_id: bool) -> None:
    """Raise :class:`NumberInUseError` naming the routes (`inbound`) and extensions (`caller_id`) that use it."""
    users: list[str] = []
    if inbound:
        routes = select(InboundRoute.code).where(
            InboundRoute.tenant_id == number.tenant_id, InboundRoute.number == number.number
        )
        users += [str(lazy("route %(code)s", code=code)) for code in session.scalars(routes)]
    if caller_id:
        extensions = select(Extension.number).where(
            Extension.tenant_id == number.tenant_id, Extension.caller_id == number.number
        )
        users += [str(lazy("extension %(number)s", number=each)) for each in session.scalars(extensions)]
    if users:
        raise NumberInUseError(number=phone.display(number.number), users=", ".join(users[:10]))
