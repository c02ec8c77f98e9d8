"""The left menu: what there is, in groups, shown as far as the account may."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from flask import current_app, url_for

from core.i18n import LazyText, lazy
from core.permissions import Permission
from core.views import Access, may


@dataclasses.dataclass(frozen=True, kw_only=True)
class Item:
    """One entry: shown when its endpoint exists and the account has its access."""

    group: str
    title: LazyText
    endpoint: str
    icon: str
    access: Access
    operator: bool | None = None
    """True: the operator's only; False: everybody's but the operator's."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """An entry ready to be shown."""

    title: str
    href: str
    icon: str


@dataclasses.dataclass(frozen=True)
class Group:
    """A heading and its entries."""

    title: str
    entries: list[Entry]


GROUPS: dict[str, LazyText] = {
    "platform": lazy("Platform"),
    "work": lazy("Workplace"),
    "records": lazy("Records"),
    "centre": lazy("Call centre"),
    "company": lazy("Company"),
}


ITEMS: tuple[Item, ...] = (
    Item(
        group="records",
        title=lazy("Inbound calls"),
        endpoint="records.inbound",
        icon="phone-incoming",
        access=(Permission.RECORDS_VIEW, Permission.RECORDS_OWN),
        operator=False,
    ),
    Item(
        group="records",
        title=lazy("Missed calls"),
        endpoint="records.missed",
        icon="phone-off",
        access=(Permission.RECORDS_VIEW, Permission.RECORDS_OWN),
        operator=False,
    ),
    Item(
        group="centre",
        title=lazy("Inbound routes"),
        endpoint="resources.routes",
        icon="route",
        access=Permission.ROUTES_VIEW,
        operator=False,
    ),
    Item(
        group="centre",
        title=lazy("IVR flows"),
        endpoint="flows.flows",
        icon="sitemap",
        access=Permission.FLOWS_VIEW,
        operator=False,
    ),
    Item(
        group="centre",
        title=lazy("Queues"),
        endpoint="resources.queues",
        icon="stack-2",
        access=Permission.QUEUES_VIEW,
        operator=False,
    ),
    Item(
        group="centre",
        title=lazy("Extensions"),
        endpoint="resources.extensions",
        icon="dialpad",
        access=Permission.EXTENSIONS_VIEW,
        operator=False,
    ),
    Item(
        group="centre",
        title=lazy("Caller rules"),
        endpoint="resources.caller_rules",
        icon="shield",
        access=Permission.ROUTES_EDIT,
        operator=False,
    ),
    Item(
        group="company",
        title=lazy("Customers"),
        endpoint="resources.customers",
        icon="address-book",
        access=Permission.CUSTOMERS_VIEW,
        operator=False,
    ),
    Item(
        group="company",
        title=lazy("Accounts"),
        endpoint="resources.accounts",
        icon="users",
        access=Permission.ACCOUNTS_VIEW,
    ),
    Item(
        group="company",
        title=lazy("Log"),
        endpoint="resources.audit",
        icon="history",
        access=Permission.AUDIT_VIEW,
    ),
    Item(
        group="platform",
        title=lazy("Companies"),
        endpoint="resources.tenants",
        icon="building",
        access=Permission.TENANTS_VIEW,
        operator=True,
    ),
    Item(
        group="platform",
        title=lazy("All routes"),
        endpoint="resources.all_routes",
        icon="world",
        access=Permission.ROUTES_OPEN,
        operator=True,
    ),
    Item(
        group="platform",
        title=lazy("All extensions"),
        endpoint="resources.all_extensions",
        icon="device-desktop",
        access=Permission.EXTENSIONS_OPEN,
        operator=True,
    ),
    Item(
        group="work", title=lazy("Test call"), endpoint="demo.page", icon="flask", access=Permission.DEMO_CALL
    ),
)


def build(extra: Iterable[Item], *, is_operator: bool) -> list[Group]:
    """Return the menu of the signed-in account."""
    groups: dict[str, list[Entry]] = {name: [] for name in GROUPS}
    for item in [*extra, *ITEMS]:
        if item.endpoint not in current_app.view_functions or not may(item.access):
            continue
        if item.operator is not None and item.operator != is_operator:
            continue
        groups[item.group].append(Entry(str(item.title), url_for(item.endpoint), item.icon))
    return [Group(str(GROUPS[name]), entries) for name, entries in groups.items() if entries]
