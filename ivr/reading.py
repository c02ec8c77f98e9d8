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

from core import phone
from ivr import reading_en, reading_zh
from ivr.prompt_values import Reading, SystemVariable

MAX_WHOLE_DIGITS = 16
"""Longer numbers are read digit by digit: nobody follows quadrillions."""

_DATE = (
    r"(?P<year>[12][0-9]{3})(?:-(?P<m1>[0-9]{1,2})-(?P<d1>[0-9]{1,2})|/(?P<m2>[0-9]{1,2})/(?P<d2>[0-9]{1,2})"
    r"|年(?P<m3>[0-9]{1,2})月(?P<d3>[0-9]{1,2})日?)(?![0-9])"
)
_YEAR = r"(?<![0-9.,:/-])(?P<only_year>(?:19|20)[0-9]{2})(?=年|[到至](?:19|20)[0-9]{2}年)"
_COMPACT_DATE = r"(?<![0-9])(?P<cy>[12][0-9]{3})(?P<cm>[01][0-9])(?P<cd>[0-3][0-9])(?![0-9])"
_HALF = r"\s?(?P<{name}>[AaPp])(?:[Mm](?![A-Za-z])|\.[Mm]\.)"
_TIME = (
    r"(?<![0-9:])(?P<hour>[01]?[0-9]|2[0-4]):(?P<minute>[0-5][0-9])"
    r"(?::[0-5][0-9](?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?(?![0-9:])"
    rf"(?:{_HALF.format(name='half')})?"
    rf"|(?<![0-9:.])(?P<only_hour>1[0-2]|0?[1-9]){_HALF.format(name='its_half')}"
)
_ISO = re.compile(r"(?<=-[0-9]{2})T(?=[0-2][0-9]:[0-5][0-9])")
"""Between a date and its time (ISO 8601)."""
_SPAN = re.compile(
    r"(?P<before>(?<!:[0-5][0-9]):[0-5][0-9](?:\s?[AaPp](?:[Mm]|\.[Mm]\.))?"
    r"|[0-9](?:%|[\u4e00-\u9fff]{1,2})|[周期][一二三四五六日天])"
    r"\s?[-~–—]\s?(?=[¥$]?[0-9]|[周星][期一二三四五六日天])"
    r"|(?P<day>[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2})\s?[-~–—]\s?(?=[0-9]{4}[-/][0-9]|[0-9]{1,2}/[0-9])"
    r"|(?<=[0-9])\s?~\s?(?=[0-9])"
)
"""Between two of a kind that say what they are: 9:00-18:00, 9点-18点, 100元-200元, 周一-周五, 5~7."""
_PHONE = (
    r"(?<![0-9])(?:\+[0-9]{6,15}|0[0-9]{2,3}-[0-9]{7,8}|[48]00-[0-9]{3,4}-?[0-9]{3,4}|[48]00[0-9]{7}"
    r"|1[3-9][0-9]{9}|0[0-9]+)(?![0-9]|\.[0-9])"
)
_ORDINAL = r"(?<![0-9.,])(?P<ordinal>[0-9]{1,9})(?:[sS][tT]|[nN][dD]|[rR][dD]|[tT][hH])(?![A-Za-z])"
_NUMBER = (
    r"(?:(?P<minus>(?<![0-9A-Za-z])-)?(?P<mark>[¥$])\s?)?(?P<sign>(?<![0-9A-Za-z])-)?"
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.(?P<part>[0-9]+))?"
    r"(?:(?P<percent>%)|(?P<unit>\s?(?:元|(?:yuan|RMB)(?![A-Za-z]))))?"
)
_MARKED = re.compile(r"[¥$]\s?-?[0-9]|[0-9]\s?(?:元|(?:yuan|RMB)(?![A-Za-z]))")
"""Somebody wrote that it is a sum."""
_DIGITS = r"\+?[0-9]+(?:[ .-][0-9]+)*"

_HALF_WIDTH = str.maketrans("０１２３４５６７８９．％￥＄：＋－−～", "0123456789.%¥$:+--~")

_PLAIN = f"{_YEAR}|{_TIME}|(?P<digits>{_PHONE})|{_ORDINAL}|{_NUMBER}"
_PATTERNS: dict[Reading, re.Pattern[str]] = {
    Reading.DIGITS: re.compile(f"(?P<digits>{_DIGITS})"),
    Reading.NUMBER: re.compile(f"{_DATE}|{_PLAIN}"),
    Reading.MONEY: re.compile(f"{_DATE}|{_PLAIN}"),
    Reading.DATE: re.compile(f"{_DATE}|{_COMPACT_DATE}|{_PLAIN}"),
}


def read(text: str, reading: Reading, language: str) -> str:
    """Return `text` with its numbers written out in `language` (``zh`` or ``en``), everything else as it was.

    Whatever the reading, written dates, times, sums and telephone numbers are read as such, except with ``DIGITS``,
    which reads every digit. What looks like a date and is none is read as numbers. With ``MONEY`` a number is a sum
    unless it counts something (11月, 30 minutes), or other sums of the text are marked as such and it is not.
    """
    grammar = reading_zh if language == "zh" else reading_en
    plain = text.translate(_HALF_WIDTH)
    if reading is not Reading.DIGITS:
        plain = _spans(_ISO.sub(" ", plain), grammar)
        plain = grammar.DIALLED.sub(lambda match: match[1] + str(grammar.digits(match[2])), plain)
    every_number_is_a_sum = reading is Reading.MONEY and not _MARKED.search(plain)
    words = _reader(reading, grammar, every_number_is_a_sum)
    if grammar is reading_zh:
        return _PATTERNS[reading].sub(words, plain)
    return _PATTERNS[reading].sub(lambda match: _set_apart(match, words(match)), plain)


def read_system(name: SystemVariable, value: str, reading: Reading, language: str) -> str:
    """Return a system variable's value in words. Telephone numbers are said as they are dialled here, without the
    country's code; one that is withheld is nothing to say. A place in a queue is always a number.
    """
    if name in (SystemVariable.CALLER_NUMBER, SystemVariable.CALLED_NUMBER):
        withheld = phone.of_stored(value).kind is phone.NumberKind.WITHHELD
        value = "" if withheld else phone.display(value)
    if name is SystemVariable.QUEUE_POSITION:
        reading = Reading.NUMBER
    return read(value, reading, language)


def _spans(text: str, grammar: ModuleType) -> str:
    """Return the text with the dashes that mean "to" as that word."""
    text = _SPAN.sub(lambda match: (match["before"] or match["day"] or "") + grammar.UNTIL, text)
    return str(grammar.COUNTED_SPAN.sub(lambda match: match[1] + grammar.UNTIL, text))


def _set_apart(match: re.Match[str], words: str) -> str:
    """Return the words with spaces where a letter touches them: A12 is "A twelve"."""
    before = match.string[: match.start()][-1:]
    after = match.string[match.end() :][:1]
    return f"{' ' if before.isalnum() else ''}{words}{' ' if after.isalnum() else ''}"


def _reader(reading: Reading, grammar: ModuleType, all_sums: bool) -> Callable[[re.Match[str]], str]:
    def written_out(match: re.Match[str]) -> str:
        found = match.groupdict()
        if found.get("digits"):
            return str(grammar.digits(found["digits"]))
        year = found.get("year") or found.get("cy")
        if year:
            return _date(found, year, grammar) or str(grammar.digits(match.group()))
        if found.get("only_year"):
            return str(grammar.year(int(found["only_year"] or 0)))
        if found.get("hour") or found.get("only_hour"):
            return _time(found, grammar)
        if found.get("ordinal"):
            return str(grammar.ordinal(int(found["ordinal"] or 0)))
        return _number(match, reading, grammar, all_sums)

    return written_out


def _time(found: dict[str, str | None], grammar: ModuleType) -> str:
    hour, minute = int(found.get("hour") or found["only_hour"] or 0), int(found.get("minute") or 0)
    half = (found.get("half") or found.get("its_half") or "").lower()
    if half and hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    return str(grammar.clock(hour % 24 if minute else hour, minute))


def _date(found: dict[str, str | None], year: str, grammar: ModuleType) -> str:
    """Return the date's words, or nothing when there is no such day."""
    month = next(filter(None, (found.get(name) for name in ("m1", "m2", "m3", "cm"))), "")
    day = next(filter(None, (found.get(name) for name in ("d1", "d2", "d3", "cd"))), "")
    try:
        return str(grammar.date(datetime.date(int(year), int(month), int(day))))
    except ValueError:
        return ""


def _number(match: re.Match[str], reading: Reading, grammar: ModuleType, all_sums: bool) -> str:
    whole, part = (match["whole"] or "").replace(",", ""), match["part"] or ""
    unit = match["unit"] or ""
    if len(whole.lstrip("0")) > MAX_WHOLE_DIGITS:
        return str(grammar.digits(whole)) + unit
    sign = grammar.MINUS if match["sign"] or match["minus"] else ""
    if match["percent"]:
        return str(grammar.percent(sign, int(whole), part))
    after = unit + match.string[match.end() : match.end() + 20]
    if grammar.LARGE.match(after) or not _is_sum(match, part, reading, grammar, all_sums):
        following = "" if _is_ordinal(match) else after
        return sign + str(grammar.decimal(int(whole), part, following)) + unit
    amount = Decimal(f"{whole}.{part or 0}").quantize(Decimal("0.01"), ROUND_HALF_UP)
    say = grammar.dollars if match["mark"] == "$" else grammar.money
    return (sign if amount else "") + str(say(int(amount), int(amount * 100) % 100))


def _is_ordinal(match: re.Match[str]) -> bool:
    """Return whether the number tells a place in an order: 第二位, where 两位 would be a count."""
    return match.string.endswith("第", 0, match.start())


def _is_sum(match: re.Match[str], part: str, reading: Reading, grammar: ModuleType, all_sums: bool) -> bool:
    if match["mark"]:
        return True
    if reading is not Reading.MONEY:
        return bool(match["unit"]) and 0 < len(part) <= 2
    if match["unit"]:
        return True
    if _is_ordinal(match) or grammar.COUNTED.match(match.string, match.end()):
        return False
    return all_sums or len(part) == 2
