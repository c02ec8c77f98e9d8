"""Companies, for the operator (ACC-3): opened, suspended, closed; their limits; a way in for their administrators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import false, func, or_, select

from admin_web.resource import Action, Column, Field, Filter, Options, Resource, Tag, pairs, refuse, yes_no
from admin_web.resources.access_ranges import CLEAR_RANGES
from admin_web.resources.saving import publish, store
from core import accounts, keys, tenants
from core.bus import send_command
from core.database import TenantSession
from core.i18n import LazyText, gettext, lazy, ngettext
from core.models import Account, BuiltInRole, Tenant, TenantState
from core.permissions import Permission, Principal
from core.plain_text import require_plain
from core.redis import RedisError
from core.views import parts
from cti.models import Extension, TenantNumber, Trunk

STATES = {
    TenantState.ACTIVE: (lazy("Active"), "green"),
    TenantState.SUSPENDED: (lazy("Suspended"), "amber"),
    TenantState.CLOSED: (lazy("Closed"), "grey"),
}


def language_options(session: TenantSession) -> Options:
    """Return the languages of the interface."""
    return [("zh", "中文"), ("en", "English")]


def state_options(session: TenantSession) -> Options:
    """Return the states of a company."""
    return [(state.value, str(text)) for state, (text, _colour) in STATES.items()]


def trunk_options(session: TenantSession) -> Options:
    """Return the trunks a company's calls can take."""
    rows = session.execute(select(Trunk.id, Trunk.name, Trunk.code).order_by(Trunk.name))
    return [(str(row_id), f"{name} ({code})") for row_id, name, code in rows]


def _state(row: Tenant) -> Tag:
    text, colour = STATES[row.state]
    return Tag(text=f"{text} · {row.state_note}" if row.state_note else str(text), colour=colour)


def _extras(session: TenantSession, rows: Sequence[Tenant]) -> Mapping[str, Any]:
    """Return what each company has, and its calls up now (None: Redis is away); four queries and one round trip."""
    ids = [row.id for row in rows]

    def count(model: Any, *conditions: Any) -> dict[Any, Any]:
        query = select(model.tenant_id, func.count()).where(model.tenant_id.in_(ids), *conditions)
        return pairs(session, query.group_by(model.tenant_id))

    try:
        with parts().redis.pipeline(transaction=False) as pipe:
            for row_id in ids:
                pipe.scard(keys.calls(row_id))
            calls: dict[int, int] | None = dict(zip(ids, pipe.execute(), strict=True))
    except RedisError:
        calls = None
    return {
        "accounts": count(Account, Account.deleted_at.is_(None)),
        "extensions": count(Extension),
        "numbers": count(TenantNumber),
        "calls": calls,
    }


def _calls(row: Tenant, extras: Mapping[str, Any]) -> str:
    up = "?" if extras["calls"] is None else str(extras["calls"].get(row.id, 0))
    return f"{up} / {row.max_calls}" if row.max_calls else up


def _load(session: TenantSession, row: Tenant) -> dict[str, Any]:
    names = (
        "code",
        "name",
        "language",
        "max_calls",
        "calls_per_second",
        "premium_allowed",
        "voices_need_review",
    )
    return {
        **{name: getattr(row, name) for name in names},
        "outbound_trunk_id": row.outbound_trunk_id or "",
        "outbound_countries": row.outbound_countries.replace(",", ", "),
        "admin_login": "",
        "admin_password": "",
    }


def _save(session: TenantSession, actor: Principal, row: Tenant | None, values: dict[str, Any]) -> Tenant:
    login, password = values.pop("admin_login", ""), values.pop("admin_password", "")
    values["outbound_trunk_id"] = int(values["outbound_trunk_id"]) if values["outbound_trunk_id"] else None
    try:
        values["outbound_countries"] = tenants.countries(values["outbound_countries"])
    except tenants.UnknownCountryError as error:
        raise refuse(
            "outbound_countries", tenants.UnknownCountryError.sentence.filled(**error.details)
        ) from None
    require_plain("name", values["name"])
    if row is not None:
        store(session, actor, "tenants.edit", row, values)
        publish(session, row)
        return row
    if not login:
        raise refuse("admin_login", lazy("This field is needed."))
    if not password:
        raise refuse("admin_password", lazy("This field is needed."))
    first = {name: values.pop(name) for name in ("code", "name", "language")}
    row = accounts.open_tenant(session, actor=actor, **first)
    store(session, actor, "tenants.edit", row, values)
    admin = accounts.create_account(
        session,
        login=login,
        name=login,
        role=BuiltInRole.TENANT_ADMIN,
        password=password,
        actor=actor,
        tenant_id=row.id,
    )
    admin.must_change_password = True
    session.flush()
    publish(session, row, admin)
    return row


def _change_state(
    session: TenantSession, actor: Principal, row: Tenant, state: TenantState, note: str = ""
) -> None:
    tenants.change_state(session, actor, row, state, note)
    session.flush()
    publish(session, row)
    session.after_commit(parts().sessions.changed)


def _going_on(session: TenantSession, actor: Principal, row: Tenant) -> Sequence[str]:
    up = _extras(session, [row])["calls"]
    now = gettext("How many of its calls are up is not known at the moment.")
    if up is not None:
        now = ngettext("%(num)s of its calls is up.", "%(num)s of its calls are up.", up.get(row.id, 0))
    return [
        gettext(
            "Its people are signed out at once, its API keys stop, new calls are refused and recorded as refused."
        ),
        gettext("Calls that are up go on until they end, unless you tick the box."),
        now,
    ]


def _suspend(session: TenantSession, actor: Principal, row: Tenant, values: dict[str, Any]) -> LazyText:
    _change_state(session, actor, row, TenantState.SUSPENDED, values["note"])
    if values["end_calls"]:
        session.after_commit(lambda: end_calls(actor, row.id))
        return lazy("%(name)s is suspended and its calls are being ended.", name=row.name)
    return lazy("%(name)s is suspended: its people are signed out, its calls are refused.", name=row.name)


def _resume(session: TenantSession, actor: Principal, row: Tenant) -> LazyText:
    _change_state(session, actor, row, TenantState.ACTIVE)
    return lazy("%(name)s is active again.", name=row.name)


def _close(session: TenantSession, actor: Principal, row: Tenant, values: dict[str, Any]) -> LazyText:
    if values["code"].strip().lower() != row.code:
        raise refuse("code", lazy("This is not the company's code."))
    _change_state(session, actor, row, TenantState.CLOSED, values["note"])
    return lazy("%(name)s is closed. Its records are kept.", name=row.name)


def _reopen(session: TenantSession, actor: Principal, row: Tenant) -> LazyText:
    _change_state(session, actor, row, TenantState.SUSPENDED)
    return lazy("%(name)s is suspended now; resume it to open its doors.", name=row.name)


def _way_in(session: TenantSession, actor: Principal, row: Tenant, values: dict[str, Any]) -> LazyText:
    account = tenants.way_in(session, actor, row, values["login"], values["password"])
    publish(session, account)
    session.after_commit(parts().sessions.changed)
    return lazy(
        "%(login)s can sign in as administrator and has to choose a new password then.", login=account.login
    )


def end_calls(actor: Principal, tenant_id: int) -> None:
    """Have every cell hang up the company's calls. Raises ``ControllerSilentError`` when one does not answer."""
    made = parts()
    cells: Any = made.redis.smembers(keys.cells())
    for cell in sorted(each.decode() for each in cells):
        send_command(made.redis, cell, "tenant.end_calls", tenant_id, actor.account_id, {})


def _ordinary(state: TenantState) -> Any:
    return lambda row: not row.is_operator and row.state is state


_NOTE = Field(name="note", label=lazy("Reason, for operators"), max_length=200)

ACTIONS = (
    Action(
        name="suspend",
        label=lazy("Suspend"),
        icon="ban",
        permission=Permission.TENANTS_EDIT,
        run_with=_suspend,
        about=_going_on,
        fields=(
            _NOTE,
            Field(name="end_calls", label=lazy("End its calls now"), kind="checkbox", default=False),
        ),
        shown=_ordinary(TenantState.ACTIVE),
        danger=True,
    ),
    Action(
        name="resume",
        label=lazy("Resume"),
        icon="player-play",
        permission=Permission.TENANTS_EDIT,
        run=_resume,
        shown=_ordinary(TenantState.SUSPENDED),
    ),
    Action(
        name="close",
        label=lazy("Close"),
        icon="x",
        permission=Permission.TENANTS_EDIT,
        run_with=_close,
        about=lambda session, actor, row: [
            gettext("The company stays as it is, with its records, and nobody can sign in."),
            gettext("Its numbers stay its own until you give them to somebody else."),
        ],
        fields=(
            Field(
                name="code", label=lazy("Type the company's code to confirm"), required=True, max_length=64
            ),
            _NOTE,
        ),
        shown=_ordinary(TenantState.SUSPENDED),
        danger=True,
        more=True,
    ),
    Action(
        name="reopen",
        label=lazy("Reopen"),
        icon="refresh",
        permission=Permission.TENANTS_EDIT,
        run=_reopen,
        shown=_ordinary(TenantState.CLOSED),
    ),
    Action(
        name="way-in",
        label=lazy("Administrator"),
        icon="key",
        permission=Permission.TENANTS_EDIT,
        run_with=_way_in,
        about=lambda session, actor, row: [
            gettext(
                "Makes a new administrator, or lets one whose login is known in again with a new password."
            ),
        ],
        fields=(
            Field(name="login", label=lazy("Account"), required=True, max_length=64),
            Field(
                name="password",
                label=lazy("New password"),
                kind="password",
                required=True,
                max_length=128,
                hint=lazy("To be replaced at the next sign-in."),
            ),
        ),
        shown=lambda row: not row.is_operator,
        more=True,
    ),
    CLEAR_RANGES,
)

FIELDS = (
    Field(
        name="code",
        label=lazy("Code"),
        required=True,
        max_length=64,
        creating_only=True,
        hint=lazy("What its people type as their company."),
    ),
    Field(name="name", label=lazy("Name"), required=True, max_length=100),
    Field(
        name="language",
        label=lazy("Language"),
        kind="select",
        required=True,
        options=language_options,
        default="zh",
    ),
    Field(
        name="max_calls",
        label=lazy("Calls at once"),
        kind="number",
        maximum=100_000,
        default=0,
        hint=lazy("In and out together, at most; 0 is no limit."),
    ),
    Field(
        name="calls_per_second",
        label=lazy("New outbound calls a second"),
        kind="number",
        maximum=1_000,
        default=0,
        hint=lazy("At most; 0 is no limit."),
    ),
    Field(
        name="outbound_trunk_id",
        label=lazy("Trunk of outbound calls"),
        kind="select",
        options=trunk_options,
        hint=lazy("For calls whose shown number has no trunk of its own. None: no calls to the outside."),
    ),
    Field(
        name="outbound_countries",
        label=lazy("Countries that may be called"),
        max_length=200,
        default="CN",
        hint=lazy("Codes of two letters, such as CN, HK."),
    ),
    Field(
        name="premium_allowed",
        label=lazy("Premium-rate numbers may be called"),
        kind="checkbox",
        default=False,
    ),
    Field(
        name="voices_need_review",
        label=lazy("Voices are reviewed before use"),
        kind="checkbox",
        default=True,
    ),
    Field(name="admin_login", label=lazy("First administrator's account"), max_length=64, creating_only=True),
    Field(
        name="admin_password",
        label=lazy("First administrator's password"),
        kind="password",
        max_length=128,
        creating_only=True,
        hint=lazy("To be replaced at the first sign-in."),
    ),
)


TENANTS = Resource(
    name="tenants",
    path="/platform/companies",
    title=lazy("Companies"),
    singular=lazy("Company"),
    lead=lazy("Everybody who uses this installation."),
    model=Tenant,
    view=Permission.TENANTS_VIEW,
    edit=Permission.TENANTS_EDIT,
    create=Permission.TENANTS_EDIT,
    all_tenants=True,
    empty=lazy("No company yet. Open one with New."),
    columns=(
        Column(name="code", label=lazy("Code")),
        Column(name="name", label=lazy("Name")),
        Column(name="state", label=lazy("State"), value=lambda row, _: _state(row)),
        Column(name="calls", label=lazy("Calls up"), kind="number", value=_calls),
        Column(
            name="accounts",
            label=lazy("Accounts"),
            kind="number",
            value=lambda row, extras: extras["accounts"].get(row.id, 0),
        ),
        Column(
            name="extensions",
            label=lazy("Extensions"),
            kind="number",
            value=lambda row, extras: extras["extensions"].get(row.id, 0),
        ),
        Column(
            name="numbers",
            label=lazy("Numbers"),
            kind="number",
            value=lambda row, extras: extras["numbers"].get(row.id, 0),
        ),
        Column(
            name="outbound",
            label=lazy("May call out"),
            value=lambda row, _: yes_no(row.outbound_trunk_id is not None),
        ),
        Column(name="created_at", label=lazy("Created"), kind="time"),
    ),
    filters=(
        Filter(
            name="q",
            label=lazy("Code or name"),
            apply=lambda query, text: query.where(
                or_(Tenant.code.contains(text, autoescape=True), Tenant.name.contains(text, autoescape=True))
            ),
        ),
        Filter(
            name="state",
            label=lazy("State"),
            options=state_options,
            apply=lambda query, text: query.where(
                Tenant.state == TenantState(text) if text in set(TenantState) else false()
            ),
        ),
    ),
    extras=_extras,
    actions=ACTIONS,
    load=_load,
    save=_save,
    fields=FIELDS,
)
