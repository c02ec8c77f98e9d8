"""The list of flows as a described resource (CTI-I1): new, copy, rename, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from flask import url_for
from sqlalchemy import Select, or_, select

from admin_web.flows.deleting import delete_flow, users_of
from admin_web.resource import Action, Column, Field, Filter, Options, Resource, Tag, ToolbarLink, pairs
from admin_web.resources.saving import publish
from core import audit
from core.database import TenantSession
from core.i18n import LazyText, gettext, lazy
from core.models import Account
from core.permissions import Permission, Principal
from ivr import service
from ivr.models import Flow, FlowVersion, FlowVersionState

CODE = Field(name="code", label=lazy("Code"), required=True, max_length=64)
NAME = Field(name="name", label=lazy("Name"), required=True, max_length=100)


class _Node(msgspec.Struct):
    code: str = ""
    name: str = ""


class _Entry(msgspec.Struct):
    """As much of a flow document as the list shows."""

    entry: str = ""
    nodes: list[_Node] = []

    @property
    def name(self) -> str:
        """Name of the entry node."""
        return next((node.name or node.code for node in self.nodes if node.code == self.entry), "")


def _extras(db: TenantSession, rows: Sequence[Flow]) -> Mapping[str, Any]:
    ids = [row.id for row in rows]
    if not ids:
        return {"entries": {}, "drafts": {}, "editors": {}, "users": {}}
    query = (
        select(FlowVersion.flow_id, FlowVersion.state, FlowVersion.body)
        .join(Flow, Flow.id == FlowVersion.flow_id)
        .where(
            FlowVersion.flow_id.in_(ids),
            or_(FlowVersion.state == FlowVersionState.DRAFT, FlowVersion.version == Flow.published_version),
        )
        .order_by(FlowVersion.version)
    )
    entries, drafts = {}, set()
    for flow_id, state, body in db.execute(query):
        entries[flow_id] = msgspec.json.decode(body, type=_Entry).name
        if state is FlowVersionState.DRAFT:
            drafts.add(flow_id)
    people = {row.updated_by for row in rows if row.updated_by}
    editors = pairs(db, select(Account.id, Account.name).where(Account.id.in_(people))) if people else {}
    return {"entries": entries, "drafts": drafts, "editors": editors, "users": users_of(db, ids)}


def _published(row: Flow) -> Tag:
    if row.published_version:
        return Tag(text=gettext("Version %(version)s", version=row.published_version), colour="green")
    return Tag(text=gettext("Not published"), colour="amber")


def _draft(row: Flow, extras: Mapping[str, Any]) -> Tag | None:
    return Tag(text=gettext("Unpublished changes"), colour="blue") if row.id in extras["drafts"] else None


def _create(db: TenantSession, actor: Principal, row: Flow | None, values: dict[str, Any]) -> Flow:
    assert row is None
    flow = service.create_flow(db, values["code"], values["name"], actor.account_id)
    audit.record(db, actor, "flows.create", flow, {"code": [None, flow.code], "name": [None, flow.name]})
    return flow


def _copy(db: TenantSession, actor: Principal, row: Flow, values: dict[str, Any]) -> LazyText:
    made = service.copy_flow(db, row.id, values["code"], values["name"], actor.account_id)
    audit.record(db, actor, "flows.copy", made, {"code": [row.code, made.code]})
    return lazy("Copied: %(name)s", name=made.name)


def _copy_values(db: TenantSession, row: Flow) -> dict[str, Any]:
    return {
        "code": service.free_code(db, row.code),
        "name": gettext("%(name)s (copy)", name=row.name)[:100],
    }


def _rename(db: TenantSession, actor: Principal, row: Flow, values: dict[str, Any]) -> LazyText:
    before = row.name
    flow = service.rename(db, row.id, values["name"], actor.account_id)
    if before != flow.name:
        audit.record(db, actor, "flows.rename", flow, {"name": [before, flow.name]})
        publish(db, flow)
    return lazy("Saved: %(name)s", name=flow.name)


def _state_options(db: TenantSession) -> Options:
    return [
        ("published", gettext("Published")),
        ("unpublished", gettext("Not published")),
        ("draft", gettext("Unpublished changes")),
    ]


def _in_state(query: Select[Any], state: str) -> Select[Any]:
    drafts = select(FlowVersion.flow_id).where(FlowVersion.state == FlowVersionState.DRAFT)
    match state:
        case "published":
            return query.where(Flow.published_version > 0)
        case "unpublished":
            return query.where(Flow.published_version == 0)
        case "draft":
            return query.where(Flow.id.in_(drafts))
        case _:
            return query.where(Flow.id == 0)


FLOWS = Resource(
    name="flows",
    path="/flows",
    title=lazy("IVR flows"),
    singular=lazy("IVR flow"),
    lead=lazy("What callers hear and can choose before they reach a queue."),
    model=Flow,
    view=Permission.FLOWS_VIEW,
    create=Permission.FLOWS_EDIT,
    remove=Permission.FLOWS_EDIT,
    empty=lazy("No flow yet. Make one with New, or import one somebody shared."),
    columns=(
        Column(name="code", label=lazy("Code"), kind="short"),
        Column(name="name", label=lazy("Name")),
        Column(
            name="entry",
            label=lazy("Entry"),
            value=lambda row, extras: extras["entries"].get(row.id, ""),
        ),
        Column(name="published", label=lazy("Live version"), value=lambda row, _: _published(row)),
        Column(name="draft", label=lazy("Draft"), value=_draft),
        Column(
            name="users",
            label=lazy("Used by"),
            value=lambda row, extras: ", ".join(extras["users"].get(row.id, ())),
        ),
        Column(
            name="editor",
            label=lazy("Editor"),
            value=lambda row, extras: extras["editors"].get(row.updated_by, ""),
        ),
        Column(name="updated_at", label=lazy("Changed"), kind="time"),
    ),
    filters=(
        Filter(
            name="q",
            label=lazy("Code or name"),
            apply=lambda query, text: query.where(
                or_(Flow.code.contains(text, autoescape=True), Flow.name.contains(text, autoescape=True))
            ),
        ),
        Filter(name="state", label=lazy("State"), options=_state_options, apply=_in_state),
    ),
    links=(
        ToolbarLink(
            label=lazy("Import"), icon="upload", endpoint="flows.import", access=Permission.FLOWS_EDIT
        ),
    ),
    actions=(
        Action(
            name="open",
            label=lazy("Open"),
            icon="sitemap",
            permission=Permission.FLOWS_VIEW,
            leads=lambda row: url_for("flows.editor", flow_id=row.id),
        ),
        Action(
            name="rename",
            label=lazy("Rename"),
            icon="pencil",
            permission=Permission.FLOWS_EDIT,
            fields=(NAME,),
            load=lambda db, row: {"name": row.name},
            run_with=_rename,
            more=True,
        ),
        Action(
            name="copy",
            label=lazy("Copy"),
            icon="copy",
            permission=Permission.FLOWS_EDIT,
            fields=(CODE, NAME),
            load=_copy_values,
            run_with=_copy,
            more=True,
        ),
        Action(
            name="file",
            label=lazy("Export"),
            icon="download",
            permission=Permission.FLOWS_VIEW,
            leads=lambda row: url_for("flows.export", flow_id=row.id),
            download=True,
            more=True,
        ),
    ),
    extras=_extras,
    save=_create,
    delete=delete_flow,
    after_create=lambda row: url_for("flows.editor", flow_id=row.id),
    fields=(CODE, NAME),
)
