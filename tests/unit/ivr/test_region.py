"""Where numbers are from (CTI-I9), against prefixes anybody can look up."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import phone
import pytest

from core.phone import from_switch
from ivr.china_places import OTHER_NAMES, PLACES, SHARED_CODES
from ivr.region import KEYS, PROVINCES, Region, is_in, region_of


def of(typed: str) -> str | None:
    """Return the key of a number as a carrier sends it."""
    region = region_of(from_switch(typed).stored)
    return region.key if region else None


@pytest.mark.parametrize(
    ("number", "key"),
    [
        ("01012345678", "北京"),
        ("02112345678", "上海"),
        ("02212345678", "天津"),
        ("02312345678", "重庆"),
        ("02012345678", "广东/广州"),
        ("075512345678", "广东/深圳"),
        ("02587654321", "江苏/南京"),
        ("057112345678", "浙江/杭州"),
        ("02787654321", "湖北/武汉"),
        ("04711234567", "内蒙古/呼和浩特"),
        ("09911234567", "新疆/乌鲁木齐"),
        ("08911234567", "西藏/拉萨"),
        ("09791234567", "青海/海西"),
        ("13800138000", "北京"),
        ("13501234567", "北京"),
        ("13902900000", "广东/深圳"),
        ("13800755000", "广东/江门"),
        ("+8613800210000", "上海"),
        ("13012345678", "重庆"),
        ("18612345678", "北京"),
        ("19912345678", "河北/唐山"),
        ("16612345678", "重庆"),
        ("+85223456789", "香港"),
        ("+85328212345", "澳门"),
        ("+886223456789", "台湾"),
    ],
)
def test_well_known_numbers(number: str, key: str) -> None:
    assert of(number) == key


@pytest.mark.parametrize(
    ("number", "key"),
    [
        ("02481234567", "辽宁/沈阳"),
        ("02441234567", "辽宁/本溪"),
        ("02451234567", "辽宁/抚顺"),
        ("02471234567", "辽宁/铁岭"),
        ("02821234567", "四川/资阳"),
        ("02831234567", "四川/眉山"),
        ("02981234567", "陕西/西安"),
        ("02931234567", "陕西/咸阳"),
        ("073121234567", "湖南/株洲"),
        ("073151234567", "湖南/湘潭"),
        ("085121234567", "贵州/遵义"),
        ("085131234567", "贵州/安顺"),
        ("089888123456", "海南/三亚"),
        ("089868123456", "海南/海口"),
        ("089862123456", "海南"),
        ("037121234567", "河南/开封"),
    ],
)
def test_area_codes_that_cities_share(number: str, key: str) -> None:
    assert of("+86" + number[1:]) == key


@pytest.mark.parametrize(
    "number",
    ["", "anonymous", "10086", "95588", "110", "+16502530000", "+861", "+86", "+86755",
     "+8612345678901", "+86abc", "4008123456", "+8614012345678",
    "+86１３８００１３８０００"]
)  # fmt: skip
def test_what_tells_no_region(number: str) -> None:
    assert region_of(number) is None


def _records() -> list[list[str]]:
    """Return province, city, post code and area code of each place in the mobile ranges."""
    data = (Path(phone.__file__).parent / "phone.dat").read_bytes()
    (_, index) = struct.unpack("<4si", data[:8])
    return [record.decode().split("|") for record in set(data[8:index].split(b"\0")) if record]


def test_every_mobile_range_is_in_the_pickers_list() -> None:
    for province, city, _, _ in _records():
        known = OTHER_NAMES.get(f"{province}/{city}", city)
        municipality = not next(each for each in PROVINCES if each.key == province).cities
        assert province in KEYS
        assert municipality or not known or f"{province}/{known}" in KEYS, (province, city)


def test_every_landline_is_in_the_pickers_list() -> None:
    for code in range(10, 1000):
        for subscriber in ("2", "3", "4", "5", "6", "7", "8", "38", "88"):
            region = region_of(f"+86{code}{subscriber.ljust(8, '1')[: 10 if code < 30 else 8]}")
            assert region is None or region.key in KEYS


def test_area_codes_agree_with_those_of_the_mobile_ranges() -> None:
    """Two sources that know nothing of each other."""
    differ = set()
    for province, city, _, code in _records():
        code = code.lstrip("0")
        region = region_of(f"+86{code}" + "9999999")
        known = OTHER_NAMES.get(f"{province}/{city}", city)
        if code in SHARED_CODES:
            continue
        if region is None or (region.province, region.city or known) != (province, known):
            differ.add((province, city))
    # Part of 济南 since 2019, with its area code; the new area inside 保定, with 保定's.
    assert differ == {("山东", "莱芜"), ("河北", "雄安")}


def test_the_shared_codes_name_cities_there_are() -> None:
    for code, cities in SHARED_CODES.items():
        region = region_of(f"+86{code}99999999"[:13])
        for city in filter(None, cities.values()):
            assert any(f"{province}/{city}" in KEYS for province in PLACES)
            assert region is None or f"{region.province}/{city}" in KEYS


def test_the_picker() -> None:
    assert len(PROVINCES) == 34
    guangdong = next(province for province in PROVINCES if province.key == "广东")
    assert guangdong.name_en == "Guangdong"
    assert guangdong.cities["广东/深圳"] == "Shenzhen"
    assert len(guangdong.cities) == 21
    assert sum(len(province.cities) for province in PROVINCES) == len(KEYS) - 34
    assert next(province for province in PROVINCES if province.key == "北京").cities == {}


def test_rules() -> None:
    shenzhen = Region("广东", "深圳")
    assert is_in(shenzhen, ["广东"])
    assert is_in(shenzhen, ["北京", "广东/深圳"])
    assert not is_in(shenzhen, ["广东/广州", "深圳"])
    assert not is_in(Region("海南"), ["海南/海口"])
    assert not is_in(None, ["广东"])


def test_spoken() -> None:
    assert Region("广东", "深圳").spoken("zh") == "广东深圳"
    assert Region("广东", "深圳").spoken("en") == "Shenzhen, Guangdong"
    assert Region("北京").spoken("zh") == "北京"
    assert Region("北京").spoken("en") == "Beijing"
    assert Region("吉林", "吉林").spoken("en") == "Jilin, Jilin"


def test_a_look_up_is_quick() -> None:
    region_of("+8613800138000")
    began = time.process_time()
    for number in range(2000):
        region_of(f"+861380{number:04}000")
    assert (time.process_time() - began) / 2000 < 0.0002
