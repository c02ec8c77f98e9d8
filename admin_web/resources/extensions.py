"""Extensions (CTI-E1, E2): who may sign in, what phones register with, where calls go when nobody is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import func, select

from admin_web.resource import Action, Column, Field, Filter, Options, Resource, Tag, pairs, refuse, yes_no
from admin_web.resources.leading import leading_to
from admin_web.resources.numbers import caller_id_options
from admin_web.resources.operator import TENANT_COLUMN, TENANT_FIELD, tenant_filter, tenant_names
from admin_web.resources.saving import drop, publish, store
from core import audit, keys
from core.bus import ControllerSilentError, send_command
from core.database import TenantSession
from core.documents import DestinationKind
from core.errors import Conflict
from core.i18n import LazyText, gettext, lazy
from core.models import Account
from core.permissions import Permission, Principal
from core.redis import RedisError
from core.views import may, parts
from cti import bound_numbers, endpoints
from cti.desk import pop
from cti.models import EndpointKind, Extension, ExtensionAccount, PopTime, QueueMember, SipEndpoint
from cti.refusals import NumberRefusedError

log = structlog.get_logger(__name__)

POPS = {PopTime.RING: lazy("When it rings"), PopTime.ANSWER: lazy("When it is answered")}


class ListedElsewhereError(Conflict):
    """An account may be listed on one extension only (CTI-E2)."""

    id = "listed-elsewhere"
    sentence = lazy("%(accounts)s may already sign in on another extension.")


class ExtensionUsedError(Conflict):
    """Routes, flows or queues lead callers to the extension."""

    id = "extension-used"
    sentence = lazy("This extension cannot be closed: %(users)s lead to it.")


def account_options(session: TenantSession) -> Options:
    """Return the accounts that may be listed."""
    query = (
        select(Account.id, Account.name, Account.login)
        .where(Account.enabled.is_(True), Account.deleted_at.is_(None))
        .order_by(Account.login)
    )
    return [(str(row_id), f"{name} ({login})") for row_id, name, login in session.execute(query)]


def pop_options(session: TenantSession) -> Options:
    """Return when a customer's page can open."""
    return [(kind.value, str(text)) for kind, text in POPS.items()]


def check_pop_url(text: str) -> None:
    """Let pass no page, or one that can be opened for a call (DSK-6). Raises ``FieldError``."""
    if text and not pop.is_address(text):
        names = ", ".join(f"{{{name}}}" for name in pop.VARIABLES)
        raise refuse(
            "pop_url", lazy("An address with http:// or https://; it can contain %(names)s.", names=names)
        )


POP_URL = Field(
    name="pop_url",
    label=lazy("Page of another system"),
    max_length=500,
    hint=lazy(
        "Opens for each call beside the built-in card, such as https://crm.example.com/?phone={caller}."
        " Also {called}, {call_id}, {queue}, {agent} and {extension}."
    ),
)


def _extras(session: TenantSession, rows: Sequence[Extension]) -> Mapping[str, Any]:
    ids = [row.id for row in rows]
    names = select(ExtensionAccount.extension_id, Account.name).join(
        Account, Account.id == ExtensionAccount.account_id
    )
    listed: dict[int, list[str]] = {}
    for extension_id, name in session.execute(names.where(ExtensionAccount.extension_id.in_(ids))):
        listed.setdefault(extension_id, []).append(name)
    users = session.execute(
        select(SipEndpoint.extension_id, SipEndpoint.kind, SipEndpoint.user).where(
            SipEndpoint.extension_id.in_(ids)
        )
    )
    queues = select(QueueMember.extension_id, func.count()).group_by(QueueMember.extension_id)
    return {
        "accounts": listed,
        "users": [tuple(row) for row in users],
        "queues": pairs(session, queues),
        "tenants": tenant_names(session),
        **_live(session, rows),
    }


def _live(session: TenantSession, rows: Sequence[Extension]) -> dict[str, Any]:
    """Return what is registered and who is signed in; without Redis, unknown."""
    redis = parts().redis
    try:
        registered: Any = redis.hkeys(keys.registrations(parts().settings.cell))
        with redis.pipeline(transaction=False) as pipe:
            for row in rows:
                pipe.get(keys.extension_holder(row.tenant_id, row.id))
            holders = {row.id: int(value) for row, value in zip(rows, pipe.execute(), strict=True) if value}
    except RedisError:
        return {"registered": None, "holders": {}, "names": {}}
    names = select(Account.id, Account.name).where(Account.id.in_(holders.values()))
    return {
        "registered": {user.decode() for user in registered},
        "holders": holders,
        "names": pairs(session, names),
    }


def _registered(row: Extension, extras: Mapping[str, Any]) -> Tag:
    if extras["registered"] is None:
        return Tag(text="?")
    kinds = [
        kind
        for extension_id, kind, user in extras["users"]
        if extension_id == row.id and user in extras["registered"]
    ]
    if not kinds:
        return Tag(text=gettext("No"))
    words = {EndpointKind.WEB: gettext("Web"), EndpointKind.SIP: gettext("SIP phone")}
    return Tag(text=" + ".join(words[kind] for kind in kinds), colour="green")


def _load(session: TenantSession, row: Extension) -> dict[str, Any]:
    listed = session.scalars(
        select(ExtensionAccount.account_id).where(ExtensionAccount.extension_id == row.id)
    )
    endpoint = session.scalars(
        select(SipEndpoint).where(SipEndpoint.extension_id == row.id, SipEndpoint.kind == EndpointKind.SIP)
    ).one_or_none()
    return {
        "number": row.number,
        "tenant_id": row.tenant_id,
        "accounts": [str(each) for each in listed],
        "bound_number": row.bound_number,
        "forward_when_offline": row.forward_when_offline,
        "press_to_take": row.press_to_take,
        "caller_id": row.caller_id,
        "outbound_allowed": row.outbound_allowed,
        "pop_on": row.pop_on.value,
        "pop_url": row.pop_url,
        "sip_user": endpoint.user if endpoint else "",
        "sip_password": endpoints.password_of(endpoint, parts().vault)
        if endpoint and may(Permission.EXTENSIONS_EDIT)
        else "",
        "sip_domain": parts().settings.sip_domain,
    }


def _save(
    session: TenantSession, actor: Principal, row: Extension | None, values: dict[str, Any]
) -> Extension:
    assert row is not None
    wanted = {int(each) for each in values.pop("accounts", [])}
    values["pop_on"] = PopTime(values["pop_on"])
    check_pop_url(values.get("pop_url", ""))
    _check_bound_number(session, row, values.get("bound_number", row.bound_number))
    store(session, actor, "extensions.edit", row, values)
    _list_accounts(session, actor, row, wanted)
    publish(session, row)
    return row


def _check_bound_number(session: TenantSession, row: Extension, number: str) -> None:
    """Let pass no number, the one there is, or one that can be rung. Raises ``FieldError``."""
    if number == row.bound_number:
        return
    try:
        bound_numbers.require_usable(session, row.tenant_id, number)
    except NumberRefusedError as refusal:
        raise refuse("bound_number", refusal.sentence.filled(**refusal.details)) from None


def _list_accounts(session: TenantSession, actor: Principal, row: Extension, wanted: set[int]) -> None:
    taken = select(Account.name).join(ExtensionAccount, ExtensionAccount.account_id == Account.id)
    elsewhere = session.scalars(
        taken.where(Account.id.in_(wanted), ExtensionAccount.extension_id != row.id)
    ).all()
    if elsewhere:
        raise ListedElsewhereError(field="accounts", accounts=", ".join(elsewhere))
    have = {
        each.account_id: each
        for each in session.scalars(select(ExtensionAccount).where(ExtensionAccount.extension_id == row.id))
    }
    if set(have) == wanted:
        return
    for account_id in set(have) - wanted:
        session.delete(have[account_id])
    session.add_all(
        ExtensionAccount(extension_id=row.id, account_id=each) for each in sorted(wanted - set(have))
    )
    session.flush()
    audit.record(session, actor, "extensions.accounts", row, {"accounts": [sorted(have), sorted(wanted)]})


def _forget_at_switch(session: TenantSession, actor: Principal, tenant_id: int, users: Sequence[str]) -> None:
    """Have the switch forget what it cached of `users` after the commit (CTI-E4)."""

    def send() -> None:
        for user in users:
            try:
                made = parts()
                send_command(
                    made.redis,
                    made.settings.cell,
                    "directory.flush",
                    tenant_id,
                    actor.account_id,
                    {"user": user},
                )
            except (ControllerSilentError, RedisError) as error:
                log.warning("directory not flushed at the switch", user=user, error=str(error))

    session.after_commit(send)


def _regenerate(session: TenantSession, actor: Principal, row: Extension) -> LazyText:
    made = parts()
    found = session.scalars(select(SipEndpoint).where(SipEndpoint.extension_id == row.id)).all()
    for endpoint in found:
        endpoints.regenerate(endpoint, made.vault, made.settings.sip_domain)
    audit.record(session, actor, "extensions.password", row, {"sip_password": ["", "new"]})
    publish(session, row)
    _forget_at_switch(session, actor, row.tenant_id, [endpoint.user for endpoint in found])
    return lazy("%(number)s has a new SIP password; type it into the phone.", number=row.number)


def _open(
    session: TenantSession, actor: Principal, row: Extension | None, values: dict[str, Any]
) -> Extension:
    assert row is None
    number = values["number"]
    if not (number.isascii() and number.isdigit() and 3 <= len(number) <= 8):
        raise refuse("number", lazy("3 to 8 digits."))
    tenant_id = int(values["tenant_id"])
    if session.scalar(
        select(Extension.id).where(Extension.tenant_id == tenant_id, Extension.number == number)
    ):
        raise refuse("number", lazy("The company has this extension already."))
    # The rows belong to one tenant: a session of that scope makes them, after this one has let go of the write lock.
    session.rollback()
    made = parts()
    with made.database.transaction(tenant_id) as own:
        opened = endpoints.open_extension(own, made.vault, made.settings.sip_domain, number=number)
        audit.record(own, actor, "extensions.open", opened)
        publish(own, opened)
        own.commit()
    return opened


def _close(session: TenantSession, actor: Principal, row: Extension) -> None:
    leading = leading_to(session, DestinationKind.EXTENSION, row.id)
    if leading:
        raise ExtensionUsedError(users=", ".join(leading))
    users = session.scalars(select(SipEndpoint.user).where(SipEndpoint.extension_id == row.id)).all()
    queues = session.scalars(select(QueueMember).where(QueueMember.extension_id == row.id)).all()
    publish(session, *queues)
    _forget_at_switch(session, actor, row.tenant_id, users)
    drop(session, actor, "extensions.close", row)


def _sip_user(row: Extension, extras: Mapping[str, Any]) -> str:
    return next(
        (
            user
            for extension_id, kind, user in extras["users"]
            if extension_id == row.id and kind is EndpointKind.SIP
        ),
        "",
    )


COLUMNS = (
    Column(name="number", label=lazy("Number")),
    Column(
        name="accounts",
        label=lazy("May sign in"),
        value=lambda row, extras: ", ".join(extras["accounts"].get(row.id, ())),
    ),
    Column(
        name="holder",
        label=lazy("Signed in"),
        value=lambda row, extras: extras["names"].get(extras["holders"].get(row.id), ""),
    ),
    Column(name="registered", label=lazy("Registered now"), value=_registered),
    Column(name="sip_user", label=lazy("SIP user"), value=_sip_user),
    Column(
        name="queues",
        label=lazy("Queues"),
        kind="number",
        value=lambda row, extras: extras["queues"].get(row.id, 0),
    ),
    Column(
        name="outbound_allowed",
        label=lazy("Manual outbound"),
        value=lambda row, _: yes_no(row.outbound_allowed),
    ),
    Column(name="caller_id", label=lazy("Caller ID"), kind="own_number"),
)
FILTERS = (
    Filter(
        name="q",
        label=lazy("Number"),
        apply=lambda query, text: query.where(Extension.number.contains(text, autoescape=True)),
    ),
)

EXTENSIONS = Resource(
    name="extensions",
    path="/extensions",
    title=lazy("Extensions"),
    singular=lazy("Extension"),
    lead=lazy("What agents sign in on. Extensions are opened and closed by the operator."),
    model=Extension,
    view=Permission.EXTENSIONS_VIEW,
    edit=Permission.EXTENSIONS_EDIT,
    columns=COLUMNS,
    filters=FILTERS,
    empty=lazy("No extension yet. The operator opens extensions for your company."),
    extras=_extras,
    load=_load,
    save=_save,
    actions=(
        Action(
            name="regenerate",
            label=lazy("New password"),
            icon="key",
            permission=Permission.EXTENSIONS_EDIT,
            run=_regenerate,
            question=lazy("Make new SIP passwords? Phones with the old one cannot register any more."),
        ),
    ),
    fields=(
        Field(name="number", label=lazy("Number"), kind="readonly"),
        Field(
            name="accounts", label=lazy("May sign in"), kind="choices", options=account_options, default=[]
        ),
        Field(name="sip_user", label=lazy("SIP user"), kind="readonly"),
        Field(name="sip_password", label=lazy("SIP password"), kind="readonly"),
        Field(name="sip_domain", label=lazy("SIP domain"), kind="readonly"),
        Field(
            name="pop_on",
            label=lazy("Customer's page opens"),
            kind="select",
            required=True,
            options=pop_options,
        ),
        POP_URL,
        Field(name="outbound_allowed", label=lazy("May dial out by hand"), kind="checkbox"),
        Field(
            name="caller_id",
            label=lazy("Caller ID"),
            kind="select",
            options=caller_id_options,
            blank=lazy("None"),
            hint=lazy("What called parties see: one of the company's numbers that may be shown."),
        ),
        Field(
            name="bound_number",
            label=lazy("Landline or mobile"),
            kind="phone",
            personal_number=True,
            hint=lazy(
                "Who signs in with a landline is called on it. A landline with its area code, a mobile with 0 or"
                " without."
            ),
        ),
        Field(
            name="forward_when_offline",
            label=lazy("Ring that number when no phone is registered"),
            kind="checkbox",
            hint=lazy(
                "Direct calls also when nobody is signed in; a queue's calls only when somebody is signed in."
            ),
        ),
        Field(
            name="press_to_take",
            label=lazy("Calls are taken on it with key 1"),
            kind="checkbox",
            hint=lazy("So that neither a mailbox nor an announcement of the network takes a customer."),
        ),
    ),
)

ALL_EXTENSIONS = Resource(
    name="all_extensions",
    path="/platform/extensions",
    title=lazy("All extensions"),
    singular=lazy("Extension"),
    lead=lazy("Extensions of every company."),
    model=Extension,
    view=Permission.EXTENSIONS_OPEN,
    create=Permission.EXTENSIONS_OPEN,
    remove=Permission.EXTENSIONS_OPEN,
    all_tenants=True,
    columns=(TENANT_COLUMN, *COLUMNS),
    filters=(*FILTERS, tenant_filter(Extension)),
    empty=lazy("No extension yet. Open one for a company with New."),
    extras=_extras,
    save=_open,
    delete=_close,
    fields=(
        TENANT_FIELD,
        Field(name="number", label=lazy("Number"), required=True, max_length=8, hint=lazy("3 to 8 digits.")),
    ),
)
