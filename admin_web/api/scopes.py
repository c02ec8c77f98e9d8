"""Scopes of keys (ACC-13): what a key may be used for, and which rights of its maker each one stands on."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable

import msgspec

from core.i18n import LazyText, lazy
from core.permissions import Permission


class ApiScope(enum.StrEnum):
    """Everything a key can be given."""

    ACCOUNTS_READ = "accounts:read"
    ACCOUNTS_WRITE = "accounts:write"
    EXTENSIONS_READ = "extensions:read"
    EXTENSIONS_WRITE = "extensions:write"
    QUEUES_READ = "queues:read"
    QUEUES_WRITE = "queues:write"
    LIVE_READ = "live:read"
    CALLS_MAKE = "calls:make"
    RECORDS_READ = "records:read"
    RECORDINGS_READ = "recordings:read"
    NUMBERS_FULL = "numbers:full"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a scope is for. One of `needed` must be among the maker's rights; all of `gives` that are go to the key."""

    text: LazyText
    needed: tuple[Permission, ...]
    also: tuple[Permission, ...] = ()

    @property
    def gives(self) -> frozenset[Permission]:
        """Rights the scope passes on, as far as the maker has them."""
        return frozenset(self.needed + self.also)


MEANINGS: dict[ApiScope, Meaning] = {
    ApiScope.ACCOUNTS_READ: Meaning(
        text=lazy("See accounts: names, roles, state."), needed=(Permission.ACCOUNTS_VIEW,)
    ),
    ApiScope.ACCOUNTS_WRITE: Meaning(
        text=lazy("Create and change accounts, enable and disable them."),
        needed=(Permission.ACCOUNTS_EDIT,),
        also=(Permission.ACCOUNTS_VIEW,),
    ),
    ApiScope.EXTENSIONS_READ: Meaning(
        text=lazy("See extensions and who may sign in on them."), needed=(Permission.EXTENSIONS_VIEW,)
    ),
    ApiScope.EXTENSIONS_WRITE: Meaning(
        text=lazy("Change extensions: listed accounts, bound number, forwarding."),
        needed=(Permission.EXTENSIONS_EDIT,),
        also=(Permission.EXTENSIONS_VIEW,),
    ),
    ApiScope.QUEUES_READ: Meaning(
        text=lazy("See queues and their members."), needed=(Permission.QUEUES_VIEW,)
    ),
    ApiScope.QUEUES_WRITE: Meaning(
        text=lazy("Change queues and their members."),
        needed=(Permission.QUEUES_EDIT,),
        also=(Permission.QUEUES_VIEW,),
    ),
    ApiScope.LIVE_READ: Meaning(
        text=lazy("Follow what is going on now: agents, queues, calls."), needed=(Permission.SUPERVISE_VIEW,)
    ),
    ApiScope.CALLS_MAKE: Meaning(
        text=lazy("Place calls for agents (click-to-call) and hang them up."),
        needed=(Permission.DESK_USE, Permission.SUPERVISE_ACT),
    ),
    ApiScope.RECORDS_READ: Meaning(
        text=lazy("Read call records; without the right to see all, those of the key's maker."),
        needed=(Permission.RECORDS_VIEW, Permission.RECORDS_OWN),
    ),
    ApiScope.RECORDINGS_READ: Meaning(
        text=lazy("Download recordings of the calls it may read; each download is logged."),
        needed=(Permission.RECORDINGS_DOWNLOAD,),
        also=(Permission.RECORDS_VIEW, Permission.RECORDS_OWN),
    ),
    ApiScope.NUMBERS_FULL: Meaning(
        text=lazy("See telephone numbers in full; without it four digits are hidden."),
        needed=(Permission.NUMBERS_FULL,),
    ),
}

_NAMES = frozenset(each.value for each in ApiScope)


def decode(stored: str) -> frozenset[ApiScope]:
    """Return the scopes of a stored JSON list; names another version had are left out."""
    return frozenset(ApiScope(name) for name in msgspec.json.decode(stored, type=list[str]) if name in _NAMES)


def encode(scopes: Iterable[ApiScope]) -> str:
    """Return `scopes` as they are stored: a JSON list in the order of their declaration."""
    given = set(scopes)
    return msgspec.json.encode([each.value for each in ApiScope if each in given]).decode()


def grantable(permissions: frozenset[Permission]) -> list[ApiScope]:
    """Return the scopes an account with `permissions` can give a key."""
    return [each for each, meaning in MEANINGS.items() if permissions & set(meaning.needed)]


def rights(scopes: Iterable[ApiScope], permissions: frozenset[Permission]) -> frozenset[Permission]:
    """Return what a key may do now: what its scopes pass on, as far as its maker has it at present."""
    passed = frozenset[Permission]().union(*(MEANINGS[scope].gives for scope in scopes))
    return passed & permissions
