"""How Chinese says numbers. Sums of money, dates and times as in announcements of the mainland."""

from __future__ import annotations

import datetime
import re

MINUS = "负"
UNTIL = "到"
_DIGIT = "零一二三四五六七八九"
_SPOKEN_DIGIT = "零幺二三四五六七八九"
"""Digit by digit, 1 is said yāo, so that it is not taken for 7 (qī)."""

_BETWEEN = {" ": "，", "-": "，", "+": "加", ".": "点"}

_MEASURES = "人位个名次天年周秒分件条张种笔家台只元块角公斤箱盒间套遍双辆座场倍批页步瓶杯袋包根片款项点千万亿"
"""First characters of measure words; 二月, 二号 and 二楼 are no counts and not here."""
_COUNTS = re.compile(rf"(?!年级|分之)[{_MEASURES}]|小时|星期")
_UNITS = rf"[{_MEASURES}月日号时楼层岁级折度期小星百多余]"
"""What may stand after a number that is no sum of money."""
COUNTED = re.compile(rf"\s?{_UNITS}")
COUNTED_SPAN = re.compile(
    rf"((?<![0-9.:/-])[0-9]{{1,5}}(?:\.[0-9]+)?)\s?[-–—]\s?(?=[0-9]{{1,5}}(?:\.[0-9]+)?(?:{_UNITS}|%))"
)
"""Two numbers of one thing: 3-5个, 9-18点."""
LARGE = re.compile("[百千万亿]")
DIALLED = re.compile(
    rf"((?:拨打?|致电|热线|电话)[:是为]?\s?)([0-9]{{3,}}(?:-[0-9]+)*)(?![0-9%]|\.[0-9]|\s?{_UNITS})"
)
"""A number that is named to be called: 110, 95588."""


def digits(text: str) -> str:
    """Return each digit of `text`, 1 as 幺; groups that were set apart get a pause."""
    spoken = (_SPOKEN_DIGIT[int(c)] if c.isdigit() else _BETWEEN.get(c, "") for c in text)
    return "".join(spoken)


def integer(value: int) -> str:
    """Return a whole number from 0 below 10^16 in words, such as 十万零一十 or 两千二百."""
    return _integer(value, leading=True)


def counted(value: int, unit: str) -> str:
    """Return a number with a measure word: 2 alone becomes 两 (两元, but 十二元)."""
    return ("两" if value == 2 else integer(value)) + unit


def decimal(whole: int, part: str, following: str = "") -> str:
    """Return a number with its decimals one by one: 三点一四. A 2 before a measure word, `following`, is 两 (两位)."""
    if whole == 2 and not part and _COUNTS.match(following.lstrip()):
        return "两"
    return integer(whole) + ("点" + "".join(_DIGIT[int(c)] for c in part) if part else "")


def percent(sign: str, whole: int, part: str) -> str:
    """Return a percentage: 百分之十二点五."""
    return f"百分之{sign}{decimal(whole, part)}"


def money(yuan: int, fen: int) -> str:
    """Return a sum: 十二元三角, 一百元零五分, 五角."""
    jiao, rest = divmod(fen, 10)
    words = counted(yuan, "元") if yuan or not fen else ""
    if jiao:
        words += counted(jiao, "角")
    if rest:
        words += ("零" if yuan and not jiao else "") + counted(rest, "分")
    return words


def dollars(whole: int, cents: int) -> str:
    """Return a sum in dollars: 五美元二十美分."""
    words = counted(whole, "美元") if whole or not cents else ""
    return words + (counted(cents, "美分") if cents else "")


def ordinal(value: int) -> str:
    """Return an ordinal: 第二十一."""
    return f"第{integer(value)}"


def date(day: datetime.date) -> str:
    """Return a date: 二〇二六年十一月二十一日."""
    return f"{year(day.year)}年{integer(day.month)}月{integer(day.day)}日"


def year(value: int) -> str:
    """Return a year, figure by figure: 二〇二六."""
    return "".join(_DIGIT[int(c)] for c in f"{value:04}").replace("零", "〇")


def clock(hour: int, minute: int) -> str:
    """Return a time of day: 九点, 十四点零五分; the end of a day is 二十四点."""
    if not minute:
        return counted(hour, "点")
    return counted(hour, "点") + ("零" if minute < 10 else "") + integer(minute) + "分"


def _integer(value: int, *, leading: bool) -> str:
    for size, name in ((10**8, "亿"), (10**4, "万")):
        if value >= size:
            high, low = divmod(value, size)
            words = ("两" if high == 2 and leading else _integer(high, leading=leading)) + name
            if not low:
                return words
            return words + ("零" if low < size // 10 else "") + _integer(low, leading=False)
    return _below_ten_thousand(value, leading=leading)


def _below_ten_thousand(value: int, *, leading: bool) -> str:
    if value < 10:
        return _DIGIT[value]
    words, gap = "", False
    for size, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        figure = value // size % 10
        if not figure:
            gap = bool(words)
            continue
        words += "零" if gap else ""
        gap = False
        if leading and not words and size >= 100 and figure == 2:
            words += "两" + name
        elif leading and not words and size == 10 and figure == 1:
            words += name
        else:
            words += _DIGIT[figure] + name
    return words
