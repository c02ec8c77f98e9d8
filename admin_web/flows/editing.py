"""The editor of one flow: its page, saving the draft, checking, publishing, throwing the draft away."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import jsonify, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.flows.answers import JsonView, Seen, body_of, shown
from admin_web.flows.deleting import delete_flow
from admin_web.flows.pickers import known, pickers, system_variables
from core import audit
from core.database import TenantSession
from core.i18n import current_language
from core.models import Account
from core.permissions import Permission
from core.views import current_principal, may, parts, session
from cti import publishing
from ivr import checks, nodes, service
from ivr.models import FlowVersion


class Saving(msgspec.Struct):
    """What the editor sends to have its document kept."""

    document: msgspec.Raw
    revision: int
    """The one the document began from."""


class Document(msgspec.Struct):
    """A document by itself."""

    document: msgspec.Raw


class Publication(Seen):
    """The draft that is to be published, and what is new in it."""

    note: str = ""


class Editor(JsonView):
    """The editor of one flow: the page, saving the draft, deletion."""

    access = Permission.FLOWS_VIEW
    method_access = {"PUT": Permission.FLOWS_EDIT, "DELETE": Permission.FLOWS_EDIT}
    pages = frozenset({"GET", "HEAD"})

    def get(self, flow_id: int) -> ResponseReturnValue:
        """Show it."""
        db = session()
        opened = service.open_flow(db, flow_id)
        return render_template("flows/editor.html", flow=opened.flow, data=editor_data(db, opened))

    def put(self, flow_id: int) -> ResponseReturnValue:
        """Keep what was sent as the draft; answer with its new revision and its problems."""
        db = session()
        service.flow_of(db, flow_id)
        given = body_of(Saving)
        document = service.read_document(bytes(given.document))
        service.save_draft(db, flow_id, document, current_principal().account_id, revision=given.revision)
        revision = service.flow_of(db, flow_id).revision
        problems = shown(checks.check(document, known(db, flow_id)))
        db.commit()
        return jsonify({"revision": revision, "problems": problems})

    def delete(self, flow_id: int) -> ResponseReturnValue:
        """Delete the flow, or say who uses it."""
        db = session()
        delete_flow(db, current_principal(), service.flow_of(db, flow_id, lock=True))
        db.commit()
        return jsonify({"ok": True})


class Check(JsonView):
    """What is wrong with a document that may never have been saved."""

    access = Permission.FLOWS_VIEW

    def post(self, flow_id: int) -> ResponseReturnValue:
        """Answer with its problems."""
        db = session()
        service.flow_of(db, flow_id)
        document = service.read_document(bytes(body_of(Document).document))
        return jsonify({"problems": shown(checks.check(document, known(db, flow_id)))})


class Publish(JsonView):
    """Make the draft what new calls hear."""

    access = Permission.FLOWS_EDIT

    def post(self, flow_id: int) -> ResponseReturnValue:
        """Publish; 422 with ``problems`` when something is missing."""
        db, principal = session(), current_principal()
        flow = service.flow_of(db, flow_id)
        given = body_of(Publication)
        before, note = flow.published_version, given.note
        made = service.publish(
            db, flow_id, principal.account_id, known(db, flow_id), note=note, revision=given.revision
        )
        changes: dict[str, list[Any]] = {"published_version": [before, made.version]}
        if note.strip():
            changes["note"] = [None, note.strip()[:500]]
        audit.record(db, principal, "flows.publish", flow, changes)
        publishing.publish(db, parts().redis, flow)
        db.commit()
        return jsonify({"version": made.version, "revision": flow.revision})


class Draft(JsonView):
    """The draft as a thing to be thrown away."""

    access = Permission.FLOWS_EDIT

    def delete(self, flow_id: int) -> ResponseReturnValue:
        """Throw it away; answer with the document that is edited from now on."""
        db, principal = session(), current_principal()
        service.flow_of(db, flow_id)
        seen = body_of(Seen)
        flow = service.discard_draft(db, flow_id, principal.account_id, revision=seen.revision)
        audit.record(db, principal, "flows.discard", flow, {})
        db.commit()
        opened = service.open_flow(db, flow_id)
        return jsonify({"revision": flow.revision, "document": msgspec.to_builtins(opened.document)})


def editor_data(db: TenantSession, opened: service.Opened) -> dict[str, Any]:
    """Return what the editor's page begins with."""
    flow, problems = opened.flow, checks.check(opened.document, known(db, opened.flow.id))
    return {
        "flow": {
            "id": flow.id,
            "code": flow.code,
            "name": flow.name,
            "published_version": flow.published_version,
        },
        "document": msgspec.to_builtins(opened.document),
        "draft": _draft(db, opened.draft, flow.revision),
        "revision": flow.revision,
        "problems": shown(problems),
        "node_types": nodes.describe(current_language()),
        "system_variables": system_variables(),
        "pickers": pickers(db),
        "rights": {"edit": may(Permission.FLOWS_EDIT)},
        "urls": _urls(flow.id),
        "locale": current_language(),
    }


def _draft(db: TenantSession, draft: FlowVersion | None, revision: int) -> dict[str, Any] | None:
    if draft is None:
        return None
    name = db.scalar(select(Account.name).where(Account.id == draft.saved_by)) if draft.saved_by else None
    return {
        "version": draft.version,
        "saved_at": draft.updated_at.isoformat(),
        "saved_by": name or "",
        "revision": revision,
    }


def _urls(flow_id: int) -> dict[str, str]:
    here = url_for("flows.editor", flow_id=flow_id)
    names = ("check", "publish", "versions", "try", "live", "export", "draft")
    urls = {name: f"{here}/{name}" for name in names}
    return {
        **urls,
        "try_it": urls["try"],
        "save": here,
        "list": url_for("resources.flows"),
        "voices": "/voices",
    }
