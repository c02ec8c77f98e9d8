"""Numbers, money, dates and digits as people say them (CTI-I4)."""

from __future__ import annotations

import datetime
import decimal
import time

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


@pytest.mark.parametrize(
    ("text", "chinese", "english"),
    [
        ("00:00", "零点", "midnight"),
        ("12:00", "十二点", "noon"),
        ("9:00-24:00", "九点到二十四点", "nine o'clock a m to midnight"),
        ("12:05", "十二点零五分", "twelve oh five p m"),
        ("9:00 AM - 5:30 p.m.", "九点到十七点三十分", "nine o'clock a m to five thirty p m"),
        ("12:30 am", "零点三十分", "twelve thirty a m"),
        ("9am", "九点", "nine o'clock a m"),
        (
            "2026-11-21T14:30:00-05:00",
            "二〇二六年十一月二十一日 十四点三十分",
            "November twenty-first, twenty twenty-six two thirty p m",
        ),
    ],
)
def test_noon_midnight_and_halves_of_the_day(text: str, chinese: str, english: str) -> None:
    assert read(text, Reading.NUMBER, "zh") == chinese
    assert read(text, Reading.NUMBER, "en") == english


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9点-18点", "九点到十八点"),
        ("9-18点", "九到十八点"),
        ("3-5个工作日", "三到五个工作日"),
        ("100元-200元", "一百元到两百元"),
        ("5%-10%", "百分之五到百分之十"),
        ("10月1日-7日", "十月一日到七日"),
        ("周一-周五9:00-18:00", "周一到周五九点到十八点"),
        ("2~3天", "二到三天"),
        ("2026-2027年", "二〇二六到二〇二七年"),
        ("2026-10-01-2026-10-07", "二〇二六年十月一日到二〇二六年十月七日"),
        ("余额 -5 元", "余额 负五 元"),
    ],
)
def test_a_dash_between_two_of_a_kind_is_to_and_no_minus(text: str, expected: str) -> None:
    assert read(text, Reading.NUMBER, "zh") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("您11月份的话费为12.50元", "您十一月份的话费为十二元五角"),
        ("您11月的账单是12.50", "您十一月的账单是十二元五角"),
        ("通话30分钟，共2.50", "通话三十分钟，共两元五角"),
        ("在2号窗口缴费20元", "在二号窗口缴费二十元"),
        ("1.2万元", "一点二万元"),
        ("100多元", "一百多元"),
        ("5元5角", "五元五角"),
        ("100块", "一百块"),
        ("第3期 20", "第三期 二十元"),
        ("-¥5.00", "负五元"),
        ("$5.20", "五美元二十美分"),
    ],
)
def test_what_is_no_sum_is_not_read_as_one(text: str, expected: str) -> None:
    assert read(text, Reading.MONEY, "zh") == expected


def test_in_english_what_is_counted_is_no_sum() -> None:
    text = "On the 15th: 30 minutes, 12.50. That is $1.01"
    said = "On the fifteenth: thirty minutes, twelve yuan and fifty fen. That is one dollar and one cent"
    assert read(text, Reading.MONEY, "en") == said


@pytest.mark.parametrize("reading", [Reading.NUMBER, Reading.DATE])
def test_a_written_sum_is_one_whatever_the_reading(reading: Reading) -> None:
    assert read("共12.50元，¥3", reading, "zh") == "共十二元五角，三元"
    assert read("单价1.234元", reading, "zh") == "单价一点二三四元"
    assert read("12.50 yuan", reading, "en") == "twelve yuan and fifty fen"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("请拨打110", "请拨打幺幺零"),
        ("客服热线：95588，电话10086", "客服热线:九五五八八，电话幺零零八六"),
        ("通电话100分钟", "通电话一百分钟"),
        ("4008208820", "四零零八二零八八二零"),
        ("2点，2套，2万元，2年级", "两点，两套，两万元，二年级"),
    ],
)
def test_numbers_people_dial_and_count_in_chinese(text: str, expected: str) -> None:
    assert read(text, Reading.NUMBER, "zh") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call 13800138000.", "Call one three eight zero zero one three eight zero zero zero."),
        ("Dial 110 or 95588.", "Dial one one zero or ninety-five thousand five hundred and eighty-eight."),
        ("1st, 2nd, 21st, 101st", "first, second, twenty-first, one hundred and first"),
        ("3-5 days", "three to five days"),
    ],
)
def test_numbers_inside_an_english_text(text: str, expected: str) -> None:
    assert read(text, Reading.NUMBER, "en") == expected


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


@pytest.mark.parametrize("piece", ["1-", "1,111", "1 ", "9 a", "拨打111-", "1点-", "¥-"])
@pytest.mark.parametrize("reading", list(Reading))
def test_the_longest_text_is_read_in_an_instant(piece: str, reading: Reading) -> None:
    """It is read anew each time it is played, while other calls wait."""
    text = (piece * 2000)[:2000]
    begun = time.process_time()
    read(text, reading, "zh")
    once = time.process_time() - begun
    begun = time.process_time()
    for _ in range(10):
        read(text[:200], reading, "zh")
    assert once < 0.05 + 4 * (time.process_time() - begun), "time grows with the length alone"
