"""Where a number is from (CTI-I9): province and city of Chinese mobiles and landlines. Pure, offline.

Mobiles by their first seven digits, from the ranges in the package `phone` (499,527 of them, 5 MB in memory,
some 20 µs a look-up); landlines by area code, from `ivr.china_places`. A mobile keeps its range when its owner
changes carrier or moves: this says where the number was given out.
"""

from __future__ import annotations

import functools
from typing import Any, Final

import msgspec

from ivr.china_places import MORE_CODES, OTHER_NAMES, PLACES, SHARED_CODES

_MOBILE_DIGITS: Final = 11
_ABROAD: Final = {"+852": "香港", "+853": "澳门", "+886": "台湾"}


class Region(msgspec.Struct, frozen=True):
    """A province and, where it has cities and the number tells, the city; short Chinese names."""

    province: str
    city: str = ""

    @property
    def key(self) -> str:
        """Return ``广东/深圳``, or ``北京``."""
        return f"{self.province}/{self.city}" if self.city else self.province

    def spoken(self, language: str) -> str:
        """Return the name as it is said: ``广东深圳``, ``Shenzhen, Guangdong``."""
        if language == "zh":
            return self.province + self.city
        return ", ".join(filter(None, (_CITIES.get(self.key, ""), PLACES[self.province][0])))


class Province(msgspec.Struct, frozen=True):
    """A province of the picker."""

    key: str
    name_en: str
    cities: dict[str, str]
    """Key (``广东/深圳``) to English name, in the usual order."""


def _parse(province: str) -> dict[str, tuple[str, str]]:
    """Return the cities of a province: name to English name and area code; a municipality's under no name."""
    _, text = PLACES[province]
    cities = {}
    for entry in filter(None, text.split(", ")):
        words = entry.split(" ")
        code = words.pop() if words[-1].isdigit() else ""
        name = words.pop(0) if not words[0].isascii() else ""
        cities[name] = (" ".join(words), code)
    return cities


_PARSED: Final = {province: _parse(province) for province in PLACES}
_CITIES: Final = {
    f"{province}/{city}": english
    for province, cities in _PARSED.items()
    for city, (english, _) in cities.items()
    if city
}
_BY_CODE: Final = {
    code: Region(province, city)
    for province, cities in _PARSED.items()
    for city, (_, code) in cities.items()
    if code
} | {code: Region(*key.split("/")) for code, key in MORE_CODES.items()}

PROVINCES: Final[tuple[Province, ...]] = tuple(
    Province(
        province,
        english,
        {key: name for key, name in _CITIES.items() if key.startswith(f"{province}/")},
    )
    for province, (english, _) in PLACES.items()
)
"""Everything a rule can choose: every region `region_of` gives is here."""

KEYS: Final[frozenset[str]] = frozenset(PLACES) | frozenset(_CITIES)
"""Every key: ``广东``, ``广东/深圳``."""


def region_of(number: str) -> Region | None:
    """Return the region of a number in stored form (`core.phone`), or None when it tells none."""
    for prefix, province in _ABROAD.items():
        if number.startswith(prefix):
            return Region(province)
    national = number.removeprefix("+86")
    if national == number or not (national.isascii() and national.isdigit()):
        return None
    if len(national) == _MOBILE_DIGITS and national[0] == "1" and national[1] in "3456789":
        return _of_mobile(national)
    return _of_landline(national)


def is_in(region: Region | None, keys: list[str]) -> bool:
    """Return whether `region` is one of `keys`, or in a province among them."""
    return region is not None and (region.province in keys or region.key in keys)


def _of_landline(national: str) -> Region | None:
    code = next((national[:n] for n in (3, 2) if national[:n] in _BY_CODE), "")
    subscriber = national[len(code) :]
    if not code or not 5 <= len(subscriber) <= 8:
        return None
    region = _BY_CODE[code]
    cities = SHARED_CODES.get(code, {})
    city = next((cities[subscriber[:n]] for n in (2, 1, 0) if subscriber[:n] in cities), region.city)
    return Region(region.province, city)


def _of_mobile(national: str) -> Region | None:
    found = _ranges().find(national)
    if found is None or found["province"] not in PLACES:
        return None
    province, city = found["province"], found["city"]
    city = OTHER_NAMES.get(f"{province}/{city}", city)
    return Region(province, city) if f"{province}/{city}" in _CITIES else Region(province)


@functools.cache
def _ranges() -> Any:
    from phone import Phone

    return Phone()
