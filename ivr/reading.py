"""Numbers, money, dates and digits as people say them, in Chinese and English. Pure; texts in, words out.

Written out before they reach a speech engine, so that every engine says the same and the choice of reading
(CTI-I4) is ours. The grammar of each language is in `ivr.reading_zh` and `ivr.reading_en`.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from types import ModuleType

from ivr import reading_en, reading_zh
from ivr.prompt_values import Reading

MAX_WHOLE_DIGITS = 16
"""Longer numbers are read digit by digit: nobody follows quadrillions."""

_DATE = (
    r"(?P<year>[12][0-9]{3})(?:-(?P<m1>[0-9]{1,2})-(?P<d1>[0-9]{1,2})|/(?P<m2>[0-9]{1,2})/(?P<d2>[0-9]{1,2})"
    r"|年(?P<m3>[0-9]{1,2})月(?P<d3>[0-9]{1,2})日?)(?![0-9])"
)
_YEAR = r"(?<![0-9.,:/-])(?P<only_year>(?:19|20)[0-9]{2})(?=年)"
_COMPACT_DATE = r"(?<![0-9])(?P<cy>[12][0-9]{3})(?P<cm>[01][0-9])(?P<cd>[0-3][0-9])(?![0-9])"
_TIME = (
    r"(?<![0-9:])(?P<hour>[01]?[0-9]|2[0-4]):(?P<minute>[0-5][0-9])"
    r"(?::[0-5][0-9](?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?(?![0-9:])"
)
_SPAN = re.compile(r"(?<=:[0-5][0-9])\s?[-~–—]\s?(?=[0-2]?[0-9]:[0-5][0-9])")
"""Between two times of day: 9:00-18:00."""
_ISO = re.compile(r"(?<=-[0-9]{2})T(?=[0-2][0-9]:[0-5][0-9])")
"""Between a date and its time (ISO 8601)."""
_PHONE = (
    r"(?<![0-9])(?:\+[0-9]{6,15}|0[0-9]{2,3}-[0-9]{7,8}|[48]00-[0-9]{3,4}-?[0-9]{3,4}|1[3-9][0-9]{9}"
    r"|0[0-9]+)(?![0-9.])"
)
_NUMBER = (
    r"(?P<sign>(?<![0-9A-Za-z])-)?(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.(?P<part>[0-9]+))?"
    r"(?P<percent>%)?"
)
_MONEY = r"(?:[¥$]\s?)?" + _NUMBER + r"(?:\s?(?:元|yuan\b))?"
_DIGITS = r"\+?[0-9]+(?:[ .-][0-9]+)*"

_HALF_WIDTH = str.maketrans("０１２３４５６７８９．％￥：＋－−～", "0123456789.%¥:+--~")

_PATTERNS: dict[Reading, re.Pattern[str]] = {
    Reading.DIGITS: re.compile(f"(?P<digits>{_DIGITS})"),
    Reading.NUMBER: re.compile(f"{_DATE}|{_YEAR}|{_TIME}|(?P<digits>{_PHONE})|{_NUMBER}"),
    Reading.MONEY: re.compile(f"{_DATE}|{_YEAR}|{_TIME}|(?P<digits>{_PHONE})|{_MONEY}"),
    Reading.DATE: re.compile(f"{_DATE}|{_COMPACT_DATE}|{_YEAR}|{_TIME}|(?P<digits>{_PHONE})|{_NUMBER}"),
}


def read(text: str, reading: Reading, language: str) -> str:
    """Return `text` with its numbers written out in `language` (``zh`` or ``en``), everything else as it was.

    Whatever the reading, written dates, times and telephone numbers are read as such, except with ``DIGITS``,
    which reads every digit. What looks like a date and is none is read as numbers.
    """
    grammar = reading_zh if language == "zh" else reading_en
    plain = text.translate(_HALF_WIDTH)
    if reading is not Reading.DIGITS:
        plain = _ISO.sub(" ", _SPAN.sub(grammar.UNTIL, plain))
    words = _reader(reading, grammar)
    if grammar is reading_zh:
        return _PATTERNS[reading].sub(words, plain)
    return _PATTERNS[reading].sub(lambda match: _set_apart(match, words(match)), plain)


def _set_apart(match: re.Match[str], words: str) -> str:
    """Return the words with spaces where a letter touches them: A12 is "A twelve"."""
    before = match.string[: match.start()][-1:]
    after = match.string[match.end() :][:1]
    return f"{' ' if before.isalnum() else ''}{words}{' ' if after.isalnum() else ''}"


def _reader(reading: Reading, grammar: ModuleType) -> Callable[[re.Match[str]], str]:
    def written_out(match: re.Match[str]) -> str:
        found = match.groupdict()
        if found.get("digits"):
            return str(grammar.digits(found["digits"]))
        year = found.get("year") or found.get("cy")
        if year:
            return _date(found, year, grammar) or str(grammar.digits(match.group()))
        if found.get("only_year"):
            return str(grammar.year(int(found["only_year"] or 0)))
        if found.get("hour"):
            return str(grammar.clock(int(found["hour"]) % 24, int(found["minute"])))
        counts = not match.string[: match.start()].endswith("第")  # 第二位 is an ordinal, 两位 a count
        following = match.string[match.end() : match.end() + 1] if counts else ""
        return _number(found, grammar, following, money=reading is Reading.MONEY)

    return written_out


def _date(found: dict[str, str | None], year: str, grammar: ModuleType) -> str:
    """Return the date's words, or nothing when there is no such day."""
    month = next(filter(None, (found.get(name) for name in ("m1", "m2", "m3", "cm"))), "")
    day = next(filter(None, (found.get(name) for name in ("d1", "d2", "d3", "cd"))), "")
    try:
        return str(grammar.date(datetime.date(int(year), int(month), int(day))))
    except ValueError:
        return ""


def _number(found: dict[str, str | None], grammar: ModuleType, following: str, *, money: bool) -> str:
    whole = (found["whole"] or "").replace(",", "")
    part = found["part"] or ""
    if len(whole.lstrip("0")) > MAX_WHOLE_DIGITS:
        return str(grammar.digits(whole))
    sign = grammar.MINUS if found["sign"] else ""
    if found["percent"]:
        return str(grammar.percent(sign, int(whole), part))
    if money:
        amount = Decimal(f"{whole}.{part or 0}").quantize(Decimal("0.01"), ROUND_HALF_UP)
        return (sign if amount else "") + str(grammar.money(int(amount), int(amount * 100) % 100))
    return sign + str(grammar.decimal(int(whole), part, following))
