"""The left menu: what there is, in groups, shown as far as the account may."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from flask import current_app, url_for

from core.i18n import LazyText, lazy
from core.permissions import Permission
from core.views import Access, Open, may


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
        group="work",
        title=lazy("Supervision"),
        endpoint="supervision.page",
        icon="headphones",
        access=Permission.SUPERVISE_VIEW,
        operator=False,
    ),
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
        title=lazy("Outbound calls"),
        endpoint="records.outbound",
        icon="phone-call",
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
        group="records",
        title=lazy("Messages left"),
        endpoint="left_messages.voicemails",
        icon="microphone",
        access=(Permission.RECORDS_VIEW, Permission.RECORDS_OWN),
        operator=False,
    ),
    Item(
        group="records",
        title=lazy("Short messages"),
        endpoint="resources.short_messages",
        icon="message-2",
        access=Permission.SMS_VIEW,
        operator=False,
    ),
    Item(
        group="records",
        title=lazy("Reports"),
        endpoint="reports.first",
        icon="chart-bar",
        access=Permission.RECORDS_VIEW,
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
        title=lazy("Our numbers"),
        endpoint="resources.numbers",
        icon="phone",
        access=Permission.ROUTES_VIEW,
        operator=False,
    ),
    Item(
        group="centre",
        title=lazy("IVR flows"),
        endpoint="resources.flows",
        icon="sitemap",
        access=Permission.FLOWS_VIEW,
        operator=False,
    ),
    Item(
        group="centre",
        title=lazy("Calendars"),
        endpoint="resources.calendars",
        icon="calendar",
        access=Permission.FLOWS_VIEW,
        operator=False,
    ),
    Item(
        group="centre",
        title=lazy("Voices"),
        endpoint="resources.voices",
        icon="volume",
        access=Permission.VOICES_VIEW,
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
        title=lazy("Break reasons"),
        endpoint="resources.break_reasons",
        icon="coffee",
        access=Permission.QUEUES_VIEW,
        operator=False,
    ),
    Item(
        group="centre",
        title=lazy("Dispositions"),
        endpoint="resources.dispositions",
        icon="check",
        access=Permission.QUEUES_VIEW,
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
        title=lazy("User groups"),
        endpoint="groups.groups",
        icon="users-group",
        access=Permission.GROUPS_VIEW,
    ),
    Item(
        group="company",
        title=lazy("Roles"),
        endpoint="resources.roles",
        icon="key",
        access=Permission.ROLES_VIEW,
    ),
    Item(
        group="company",
        title=lazy("Announcements"),
        endpoint="announcements.announcements",
        icon="speakerphone",
        access=Permission.ANNOUNCEMENTS_EDIT,
    ),
    Item(
        group="company",
        title=lazy("API keys"),
        endpoint="api_keys.keys",
        icon="key",
        access=Permission.API_VIEW,
    ),
    Item(
        group="company",
        title=lazy("Webhooks"),
        endpoint="webhooks.endpoints",
        icon="webhook",
        access=Permission.API_VIEW,
    ),
    Item(
        group="company",
        title=lazy("Access control"),
        endpoint="access_control.page",
        icon="shield",
        access=Permission.ACCESS_VIEW,
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
        title=lazy("Platform live"),
        endpoint="platform_live.page",
        icon="device-desktop",
        access=Permission.SYSTEM_VIEW,
        operator=True,
    ),
    Item(
        group="platform",
        title=lazy("System health"),
        endpoint="system_health.page",
        icon="circle-check",
        access=Permission.SYSTEM_VIEW,
        operator=True,
    ),
    Item(
        group="platform",
        title=lazy("Trunks"),
        endpoint="resources.trunks",
        icon="plug-connected",
        access=Permission.TRUNKS_VIEW,
        operator=True,
    ),
    Item(
        group="platform",
        title=lazy("Numbers"),
        endpoint="resources.all_numbers",
        icon="phone",
        access=Permission.TRUNKS_VIEW,
        operator=True,
    ),
    Item(
        group="platform",
        title=lazy("Voices to review"),
        endpoint="resources.voice_reviews",
        icon="volume",
        access=Permission.VOICES_REVIEW,
        operator=True,
    ),
    Item(
        group="platform",
        title=lazy("Speech service"),
        endpoint="voices.speech",
        icon="speakerphone",
        access=Permission.SYSTEM_VIEW,
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
    Item(group="work", title=lazy("My tasks"), endpoint="jobs.jobs", icon="download", access=Open.SIGNED_IN),
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
