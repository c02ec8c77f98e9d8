"""Numbers, money, dates and digits as people say them (CTI-I4)."""

from __future__ import annotations

import datetime
import decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import reading_en, reading_zh
from ivr.prompt_values import Reading
from ivr.reading import read


@pytest.mark.parametrize(
    ("number", "chinese", "english"),
    [
        (0, "零", "zero"),
        (2, "二", "two"),
        (10, "十", "ten"),
        (15, "十五", "fifteen"),
        (20, "二十", "twenty"),
        (101, "一百零一", "one hundred and one"),
        (110, "一百一十", "one hundred and ten"),
        (222, "两百二十二", "two hundred and twenty-two"),
        (1001, "一千零一", "one thousand and one"),
        (1010, "一千零一十", "one thousand and ten"),
        (2000, "两千", "two thousand"),
        (10_000, "一万", "ten thousand"),
        (10_010, "一万零一十", "ten thousand and ten"),
        (20_000, "两万", "twenty thousand"),
        (100_010, "十万零一十", "one hundred thousand and ten"),
        (120_200, "十二万零二百", "one hundred and twenty thousand two hundred"),
        (1_000_001, "一百万零一", "one million and one"),
        (10_203_040, "一千零二十万三千零四十", "ten million two hundred and three thousand and forty"),
        (200_000_000, "两亿", "two hundred million"),
        (100_000_001, "一亿零一", "one hundred million and one"),
        (120_000_000_000, "一千二百亿", "one hundred and twenty billion"),
    ],
)
def test_whole_numbers(number: int, chinese: str, english: str) -> None:
    assert reading_zh.integer(number) == chinese
    assert reading_en.integer(number) == english


_ZH_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2}


def _zh_value(words: str) -> int:
    """Read Chinese back, by its own grammar."""
    total = section = figure = 0
    for character in words:
        if character in _ZH_DIGITS:
            figure = _ZH_DIGITS[character]
        elif character in "十百千":
            section += (figure or 1) * {"十": 10, "百": 100, "千": 1000}[character]
            figure = 0
        elif character == "万":
            total += (section + figure) * 10**4
            section = figure = 0
        elif character == "亿":
            total = (total + section + figure) * 10**8
            section = figure = 0
    return total + section + figure


@given(st.integers(0, 10**12 - 1))
def test_every_chinese_number_reads_back(number: int) -> None:
    words = reading_zh.integer(number)
    assert _zh_value(words) == number
    assert "零零" not in words
    assert words == "零" or not words.endswith("零")


@pytest.mark.parametrize(
    ("text", "chinese", "english"),
    [
        ("12.30", "十二元三角", "twelve yuan and thirty fen"),
        ("¥100.05", "一百元零五分", "one hundred yuan and five fen"),
        ("2元", "两元", "two yuan"),
        ("0.5", "五角", "fifty fen"),
        ("0", "零元", "zero yuan"),
        ("1,234.5", "一千二百三十四元五角", "one thousand two hundred and thirty-four yuan and fifty fen"),
        ("-3.14", "负三元一角四分", "minus three yuan and fourteen fen"),
        ("9.999", "十元", "ten yuan"),
        ("2005.60", "两千零五元六角", "two thousand and five yuan and sixty fen"),
        ("200.2", "两百元两角", "two hundred yuan and twenty fen"),
        ("-0.001", "零元", "zero yuan"),
    ],
)
def test_money(text: str, chinese: str, english: str) -> None:
    assert read(text, Reading.MONEY, "zh") == chinese
    assert read(text, Reading.MONEY, "en") == english


@pytest.mark.parametrize(
    ("text", "chinese", "english"),
    [
        ("2026-11-21", "二〇二六年十一月二十一日", "November twenty-first, twenty twenty-six"),
        ("20261121", "二〇二六年十一月二十一日", "November twenty-first, twenty twenty-six"),
        ("2026年2月2日", "二〇二六年二月二日", "February second, twenty twenty-six"),
        ("2005/10/30", "二〇〇五年十月三十日", "October thirtieth, two thousand and five"),
        ("1905-03-12", "一九〇五年三月十二日", "March twelfth, nineteen oh five"),
        ("14:05", "十四点零五分", "two oh five p m"),
        ("02:00", "两点", "two o'clock a m"),
        ("14:30", "十四点三十分", "two thirty p m"),
        ("9:00-18:00", "九点到十八点", "nine o'clock a m to six o'clock p m"),
        (
            "2026-11-21T14:30:00+08:00",
            "二〇二六年十一月二十一日 十四点三十分",
            "November twenty-first, twenty twenty-six two thirty p m",
        ),
    ],
)
def test_dates_and_times(text: str, chinese: str, english: str) -> None:
    assert read(text, Reading.DATE, "zh") == chinese
    assert read(text, Reading.DATE, "en") == english


def test_a_day_that_does_not_exist_is_read_as_digits() -> None:
    assert read("2026-02-30", Reading.DATE, "zh") == "二零二六，零二，三零"


def test_digit_by_digit_one_is_yao() -> None:
    assert read("138-0013", Reading.DIGITS, "zh") == "幺三八，零零幺三"
    assert read("+86 110", Reading.DIGITS, "en") == "plus eight six, one one zero"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("您前面有12位", "您前面有十二位"),
        ("等2分钟，2位，2月2日", "等两分钟，两位，二月二日"),
        ("涨了12.5%", "涨了百分之十二点五"),
        ("请拨400-820-8820", "请拨四零零，八二零，八八二零"),
        ("13800138000", "幺三八零零幺三八零零零"),
        ("营业时间9:00", "营业时间九点"),
        ("１２个", "十二个"),
        ("A-3", "A-三"),
        ("余额2元", "余额两元"),
        ("第2位", "第二位"),
        ("2公里", "两公里"),
        ("2026年", "二〇二六年"),
        ("零下−5度", "零下负五度"),
        ("-12", "负十二"),
        ("3.14", "三点一四"),
        ("-3%", "百分之负三"),
        ("没有数字", "没有数字"),
        ("1" * 17, "幺" * 17),
    ],
)
def test_numbers_inside_a_chinese_text(text: str, expected: str) -> None:
    assert read(text, Reading.NUMBER, "zh") == expected


def test_english_numbers_stand_apart_from_letters() -> None:
    assert read("gate A12, 2km", Reading.NUMBER, "en") == "gate A twelve, two km"


def test_a_point_between_single_figures_is_said() -> None:
    assert read("10.2", Reading.DIGITS, "zh") == "幺零点二"
    assert read("10.2", Reading.DIGITS, "en") == "one zero point two"


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_every_sum_of_money_reads_back(amount: decimal.Decimal) -> None:
    words = read(str(amount), Reading.MONEY, "zh")
    yuan, _, rest = words.partition("元") if "元" in words else ("零", "", words)
    jiao, _, fen = rest.partition("角") if "角" in rest else ("零", "", rest)
    back = _zh_value(yuan) * 100 + _zh_value(jiao) * 10 + _zh_value(fen.removesuffix("分"))
    assert back == int(amount * 100)


@given(st.dates(datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)))
def test_every_date_reads_back(day: datetime.date) -> None:
    words = read(f"{day:%Y-%m-%d}", Reading.DATE, "zh")
    year, _, rest = words.partition("年")
    month, _, date = rest.partition("月")
    figures = "".join(str("〇一二三四五六七八九".index(character)) for character in year)
    assert (int(figures), _zh_value(month), _zh_value(date.removesuffix("日"))) == (
        day.year,
        day.month,
        day.day,
    )


@given(st.times())
def test_every_time_of_day_reads_back(time: datetime.time) -> None:
    hour, _, rest = read(f"{time:%H:%M}", Reading.NUMBER, "zh").partition("点")
    assert (_zh_value(hour), _zh_value(rest.removesuffix("分"))) == (time.hour, time.minute)


@given(st.text(), st.sampled_from(list(Reading)), st.sampled_from(["zh", "en"]))
def test_no_text_raises_and_no_digit_is_left(text: str, reading: Reading, language: str) -> None:
    assert not any(character in "0123456789" for character in read(text, reading, language))


@given(st.from_regex(r"[-¥0-9.,:/% +]{1,40}", fullmatch=True), st.sampled_from(list(Reading)))
def test_no_jumble_of_figures_raises(text: str, reading: Reading) -> None:
    assert not any(character in "0123456789" for character in read(text, reading, "zh"))
