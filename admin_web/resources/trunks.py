"""Trunks (ACC-3): the carriers' connections, for the operator; what the switch says of each, and its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy import or_, select

from admin_web.resource import Action, Column, Field, Filter, Options, Resource, Tag, refuse
from admin_web.resources.saving import drop, publish, store
from admin_web.resources.switching import on_and_off
from core import audit, keys, phone
from core.bus import ControllerSilentError, send_command
from core.database import TenantSession
from core.errors import Conflict
from core.i18n import LazyText, lazy
from core.models import Tenant
from core.permissions import Permission, Principal
from core.redis import RedisError
from core.views import parts
from cti import trunks as rules
from cti.controller.trunks import Standing, TrunkState
from cti.models import NumberFormat, TenantNumber, Trunk, TrunkKind

log = structlog.get_logger(__name__)

KINDS = {
    TrunkKind.ADDRESS: lazy("Address"),
    TrunkKind.REGISTRATION: lazy("Registration"),
}
FORMATS = {
    NumberFormat.NATIONAL: lazy("National (010…, 138…, 00…)"),
    NumberFormat.E164: lazy("International without + (8610…)"),
    NumberFormat.E164_PLUS: lazy("International with + (+8610…)"),
}
STATES = {
    TrunkState.OFF: (lazy("Off"), "grey"),
    TrunkState.REFUSED: (lazy("Not usable"), "red"),
    TrunkState.ABSENT: (lazy("Being set up"), "amber"),
    TrunkState.TRYING: (lazy("Registering"), "amber"),
    TrunkState.REGISTERED: (lazy("Registered"), "green"),
    TrunkState.READY: (lazy("Ready"), "green"),
    TrunkState.FAILED: (lazy("Registration failed"), "red"),
    TrunkState.DOWN: (lazy("No answer"), "red"),
}


class TrunkInUseError(Conflict):
    """A trunk that numbers or companies take their calls by is not deleted."""

    id = "trunk-in-use"
    sentence = lazy("%(code)s is used by %(users)s.")


class NotRegisteringError(Conflict):
    """The controller has no such registration to repeat."""

    id = "no-registration"
    sentence = lazy("%(code)s does not register now.")


def kind_options(session: TenantSession) -> Options:
    """Return how a carrier can know us."""
    return [(kind.value, str(text)) for kind, text in KINDS.items()]


def format_options(session: TenantSession) -> Options:
    """Return the ways called numbers are written."""
    return [(each.value, str(text)) for each, text in FORMATS.items()]


def transport_options(session: TenantSession) -> Options:
    """Return the transports; TLS would need a certificate the carriers' profile does not have yet."""
    return [("udp", "UDP"), ("tcp", "TCP")]


def codec_options(session: TenantSession) -> Options:
    """Return the codecs the switch has."""
    return [(name, name) for name in rules.CODECS]


def _extras(session: TenantSession, rows: Sequence[Trunk]) -> Mapping[str, Any]:
    """Return each trunk's state at this cell and its calls now; without Redis, unknown."""
    cell = parts().settings.cell
    try:
        with parts().redis.pipeline(transaction=False) as pipe:
            pipe.exists(keys.cell(cell))
            pipe.hgetall(keys.trunks(cell))
            for row in rows:
                pipe.hlen(keys.trunk_calls(row.id, "in"))
                pipe.hlen(keys.trunk_calls(row.id, "out"))
            alive, stored, *counts = pipe.execute()
    except RedisError:
        return {"standings": None, "calls": {}}
    standings = {int(name): msgspec.json.decode(data, type=Standing) for name, data in stored.items()}
    calls = {row.id: (counts[2 * n], counts[2 * n + 1]) for n, row in enumerate(rows)}
    return {"standings": standings if alive else None, "calls": calls}


def _state(row: Trunk, extras: Mapping[str, Any]) -> Tag:
    if extras["standings"] is None:
        return Tag(text="?")
    standing: Standing | None = extras["standings"].get(row.id)
    text, colour = STATES[standing.state if standing else TrunkState.ABSENT]
    why = " ".join(str(each) for each in (standing.status, standing.reason) if each) if standing else ""
    return Tag(text=f"{text} · {why}" if why else str(text), colour=colour)


def _calls(row: Trunk, extras: Mapping[str, Any]) -> str:
    now = extras["calls"].get(row.id)
    if now is None:
        return "?"
    up = f"↓ {now[0]} ↑ {now[1]}"
    return f"{up} / {row.concurrency}" if row.concurrency else up


def _load(session: TenantSession, row: Trunk) -> dict[str, Any]:
    same = ("code", "name", "host", "port", "transport", "username", "realm", "expires_s", "prefix")
    return {
        **{name: getattr(row, name) for name in (*same, "concurrency", "calls_per_second", "note")},
        "kind": row.kind.value,
        "number_format": row.number_format.value,
        "networks": row.networks.replace(",", "\n"),
        "codecs": [each for each in row.codecs.split(",") if each],
        "password": "",
    }


def _save(session: TenantSession, actor: Principal, row: Trunk | None, values: dict[str, Any]) -> Trunk:
    password = values.pop("password", "")
    _check(row, values, password)
    values["kind"] = TrunkKind(values["kind"])
    values["number_format"] = NumberFormat(values["number_format"])
    values["codecs"] = ",".join(values["codecs"])
    if password:
        values["password_encrypted"] = parts().vault.seal(password)
    row = row or Trunk()
    store(session, actor, "trunks.edit" if row.id else "trunks.add", row, values)
    publish(session, row)
    return row


def _check(row: Trunk | None, values: dict[str, Any], password: str) -> None:
    """Refuse what the switch must not be told; the networks become their stored form."""
    plain = lazy("Letters, digits, dots and dashes only.")
    if row is None and not rules.is_code(values["code"]):
        raise refuse("code", lazy("Lower-case letters, digits and dashes."))
    if not rules.is_host(values["host"]):
        raise refuse("host", lazy("A host name or an address."))
    if values["username"] and not rules.is_user(values["username"]):
        raise refuse("username", plain)
    if values["realm"] and not rules.is_host(values["realm"]):
        raise refuse("realm", plain)
    if not rules.is_prefix(values["prefix"]):
        raise refuse("prefix", lazy("Digits, * and # only."))
    if password and not rules.is_password(password):
        raise refuse("password", lazy("Printable ASCII without spaces, and no ${."))
    if not values["codecs"]:
        raise refuse("codecs", lazy("This field is needed."))
    try:
        networks = rules.networks(values["networks"])
    except ValueError as error:
        raise refuse(
            "networks",
            lazy("%(part)s is no address or network such as 203.0.113.0/24.", part=str(error)[:60]),
        ) from None
    values["networks"] = ",".join(networks)
    if len(values["networks"]) > 500 or len(networks) > rules.MAX_NETWORKS:
        raise refuse("networks", lazy("At most %(maximum)s networks.", maximum=rules.MAX_NETWORKS))
    registers = values["kind"] == TrunkKind.REGISTRATION.value
    if registers and not values["username"]:
        raise refuse("username", lazy("A registration needs a user."))
    if registers and not password and (row is None or not row.password_encrypted):
        raise refuse("password", lazy("A registration needs a password."))


def _register(session: TenantSession, actor: Principal, row: Trunk) -> LazyText:
    made = parts()
    try:
        answer = send_command(
            made.redis,
            made.settings.cell,
            "trunk.register",
            actor.tenant_id,
            actor.account_id,
            {"trunk_id": row.id},
        )
    except (ControllerSilentError, RedisError) as error:
        log.warning("trunk not asked to register", trunk=row.id, error=str(error))
        return lazy("The controller does not answer; the switch tries by itself.")
    if not answer["ok"]:
        raise NotRegisteringError(code=row.code)
    audit.record(session, actor, "trunks.register", row, {})
    return lazy("%(code)s registers again.", code=row.code)


def _delete(session: TenantSession, actor: Principal, row: Trunk) -> None:
    numbers = select(TenantNumber.number).where(TenantNumber.trunk_id == row.id).limit(6)
    users = [phone.display(each) for each in session.scalars(numbers)]
    companies = select(Tenant.name).where(Tenant.outbound_trunk_id == row.id).limit(6)
    users += session.scalars(companies).all()
    if users:
        raise TrunkInUseError(code=row.code, users=", ".join(users[:5]) + (" …" if len(users) > 5 else ""))
    drop(session, actor, "trunks.delete", row)


TRUNKS = Resource(
    name="trunks",
    path="/platform/trunks",
    title=lazy("Trunks"),
    singular=lazy("Trunk"),
    lead=lazy("The carriers calls come and go by. A change reaches the switch at once; calls stay up."),
    model=Trunk,
    view=Permission.TRUNKS_VIEW,
    edit=Permission.TRUNKS_EDIT,
    create=Permission.TRUNKS_EDIT,
    remove=Permission.TRUNKS_EDIT,
    all_tenants=True,
    empty=lazy("No trunk yet. Add the first carrier with New."),
    extras=_extras,
    load=_load,
    save=_save,
    delete=_delete,
    columns=(
        Column(name="name", label=lazy("Name"), value=lambda row, _: f"{row.name} ({row.code})"),
        Column(name="kind", label=lazy("Kind"), value=lambda row, _: str(KINDS[row.kind])),
        Column(name="host", label=lazy("Host"), value=lambda row, _: f"{row.host}:{row.port}"),
        Column(name="state", label=lazy("At the switch"), value=_state),
        Column(name="calls", label=lazy("Calls now / allowed"), value=_calls, kind="number"),
        Column(
            name="calls_per_second",
            label=lazy("Per second"),
            kind="number",
            value=lambda row, _: row.calls_per_second or "–",
        ),
    ),
    filters=(
        Filter(
            name="q",
            label=lazy("Code, name or host"),
            apply=lambda query, text: query.where(
                or_(*(each.contains(text, autoescape=True) for each in (Trunk.code, Trunk.name, Trunk.host)))
            ),
        ),
    ),
    actions=(
        *on_and_off(
            Permission.TRUNKS_EDIT,
            "trunks.switch",
            on=lazy("%(code)s is being set up at the switch."),
            off=lazy("%(code)s is off; its calls stay up."),
        ),
        Action(
            name="register",
            label=lazy("Register again"),
            icon="refresh",
            permission=Permission.TRUNKS_EDIT,
            run=_register,
            shown=lambda row: row.enabled and row.kind is TrunkKind.REGISTRATION,
        ),
    ),
    fields=(
        Field(name="name", label=lazy("Name"), required=True, max_length=100),
        Field(
            name="code",
            label=lazy("Code"),
            required=True,
            max_length=63,
            creating_only=True,
            hint=lazy("Name of the gateway at the switch: lower-case letters, digits and dashes."),
        ),
        Field(
            name="kind",
            label=lazy("Kind"),
            kind="select",
            required=True,
            options=kind_options,
            default=TrunkKind.ADDRESS.value,
            hint=lazy("How the carrier knows us: by our address, or by a registration with a password."),
        ),
        Field(name="host", label=lazy("Host"), required=True, max_length=253),
        Field(
            name="port",
            label=lazy("Port"),
            kind="number",
            required=True,
            minimum=1,
            maximum=65535,
            default=5060,
        ),
        Field(
            name="transport",
            label=lazy("Transport"),
            kind="select",
            required=True,
            options=transport_options,
            default="udp",
        ),
        Field(
            name="networks",
            label=lazy("Networks its calls come from"),
            kind="textarea",
            max_length=1500,
            hint=lazy(
                "One address or network a line; the host's own address counts. Others' calls are refused."
            ),
        ),
        Field(name="username", label=lazy("User"), max_length=100),
        Field(
            name="password",
            label=lazy("Password"),
            kind="password",
            max_length=100,
            hint=lazy("Never shown again. Leave it empty to keep the one there is."),
        ),
        Field(name="realm", label=lazy("Realm"), max_length=253, hint=lazy("Empty: the host.")),
        Field(
            name="expires_s",
            label=lazy("Registration lasts (seconds)"),
            kind="number",
            required=True,
            minimum=60,
            maximum=86_400,
            default=600,
        ),
        Field(
            name="codecs",
            label=lazy("Codecs"),
            kind="choices",
            options=codec_options,
            default=["PCMA", "PCMU"],
        ),
        Field(
            name="number_format",
            label=lazy("Called numbers"),
            kind="select",
            required=True,
            options=format_options,
            default=NumberFormat.NATIONAL.value,
        ),
        Field(
            name="prefix",
            label=lazy("Prefix"),
            max_length=16,
            hint=lazy("Put before every called number."),
        ),
        Field(
            name="concurrency",
            label=lazy("Calls at once"),
            kind="number",
            maximum=99_999,
            default=0,
            hint=lazy("In and out together. 0 is no limit."),
        ),
        Field(
            name="calls_per_second",
            label=lazy("Calls per second"),
            kind="number",
            maximum=1000,
            default=0,
            hint=lazy("New calls out. 0 is no limit."),
        ),
        Field(name="note", label=lazy("Note"), kind="textarea", max_length=500),
    ),
)
