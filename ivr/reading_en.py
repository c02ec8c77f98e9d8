"""How English says numbers."""

from __future__ import annotations

import datetime
import re

MINUS = "minus "
UNTIL = " to "
_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ("", "", *["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"])
_GROUPS = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}

_UNITS = (
    r"(?:seconds?|minutes?|mins?|hours?|days?|nights?|weeks?|months?|years?|times|calls?|messages?|people|persons?"
    r"|callers?|customers?|items?|points?|orders?|percent|kilometres?|kilograms?|km|kg)\b"
)
"""What may stand after a number that is no sum of money."""
COUNTED = re.compile(rf"\s?{_UNITS}", re.IGNORECASE)
COUNTED_SPAN = re.compile(
    rf"((?<![0-9.:/-])[0-9]{{1,5}}(?:\.[0-9]+)?)\s?[-–—]\s?(?=[0-9]{{1,5}}(?:\.[0-9]+)?(?:\s?{_UNITS}|%))",
    re.IGNORECASE,
)
"""Two numbers of one thing: 3-5 days."""
LARGE = re.compile(r"\s(?:hundred|thousand|million|billion)\b", re.IGNORECASE)
DIALLED = re.compile(
    r"(\b(?:call|dial|phone|telephone|hotline)(?: us)?(?: at| on)?:?\s)([0-9]{3,}(?:-[0-9]+)*)"
    rf"(?![0-9%]|\.[0-9]|\s?{_UNITS})",
    re.IGNORECASE,
)
"""A number that is named to be called."""


def digits(text: str) -> str:
    """Return each digit of `text`; groups that were set apart get a pause."""
    words: list[str] = []
    for character in text:
        if character.isdigit():
            words.append(_ONES[int(character)])
        elif character == "+":
            words.append("plus")
        elif character == ".":
            words.append("point")
        elif words:
            words[-1] += ","
    return " ".join(words)


def integer(value: int) -> str:
    """Return a whole number from 0 below 10^16 in words, such as ``one thousand and five``."""
    if value < 20:
        return _ONES[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    if value < 1000:
        hundreds, rest = divmod(value, 100)
        return f"{_ONES[hundreds]} hundred" + (f" and {integer(rest)}" if rest else "")
    size, name = next(group for group in _GROUPS if value >= group[0])
    high, low = divmod(value, size)
    if not low:
        return f"{integer(high)} {name}"
    return f"{integer(high)} {name} {'and ' if low < 100 else ''}{integer(low)}"


def decimal(whole: int, part: str, following: str = "") -> str:
    """Return a number with its decimals one by one: ``three point one four``. `following` matters in Chinese
    only.
    """
    return integer(whole) + (" point " + " ".join(_ONES[int(c)] for c in part) if part else "")


def percent(sign: str, whole: int, part: str) -> str:
    """Return a percentage: ``twelve point five percent``."""
    return f"{sign}{decimal(whole, part)} percent"


def money(yuan: int, fen: int) -> str:
    """Return a sum in yuan and fen: ``twelve yuan and thirty fen``."""
    parts = []
    if yuan or not fen:
        parts.append(f"{integer(yuan)} yuan")
    if fen:
        parts.append(f"{integer(fen)} fen")
    return " and ".join(parts)


def dollars(whole: int, cents: int) -> str:
    """Return a sum in dollars and cents: ``five dollars and twenty cents``."""
    parts = []
    if whole or not cents:
        parts.append(f"{integer(whole)} dollar{'' if whole == 1 else 's'}")
    if cents:
        parts.append(f"{integer(cents)} cent{'' if cents == 1 else 's'}")
    return " and ".join(parts)


def date(day: datetime.date) -> str:
    """Return a date: ``November twenty-first, twenty twenty-six``."""
    return f"{_MONTHS[day.month - 1]} {ordinal(day.day)}, {year(day.year)}"


def clock(hour: int, minute: int) -> str:
    """Return a time of day: ``two oh five p m``, ``nine o'clock a m``, ``noon``, ``midnight``."""
    if not minute and not hour % 12:
        return "noon" if hour == 12 else "midnight"
    half = "a m" if hour < 12 else "p m"
    spoken_hour = integer(hour % 12 or 12)
    if not minute:
        return f"{spoken_hour} o'clock {half}"
    return f"{spoken_hour} {'oh ' if minute < 10 else ''}{integer(minute)} {half}"


def ordinal(value: int) -> str:
    """Return an ordinal: ``twenty-first``."""
    words = integer(value)
    last = re.split("[- ]", words)[-1]
    head = words.removesuffix(last)
    if last in _ORDINALS:
        last = _ORDINALS[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "th"
    return head + last


def year(value: int) -> str:
    """Return a year: ``twenty twenty-six``, ``nineteen oh five``, ``two thousand and five``."""
    century, rest = divmod(value, 100)
    if 2000 <= value < 2010 or (not century % 10 and not rest):
        return integer(value)
    if not rest:
        return f"{integer(century)} hundred"
    return f"{integer(century)} {'oh ' if rest < 10 else ''}{integer(rest)}"
