"""IVR flows: list, and an outline editor of nodes; drafts are saved whole, publishing says what is missing where."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from core import audit
from core.database import TenantSession
from core.errors import CallerFault, NotFound
from core.i18n import current_language
from core.permissions import Permission
from core.views import View, current_principal, parts, session
from cti import publishing
from cti.models import Extension, Queue
from ivr import checks, service
from ivr.models import Flow, FlowVersion, FlowVersionState
from ivr.nodes.base import ReferenceKind
from ivr.problems import Problem


def flow_of(db: TenantSession, flow_id: int) -> Flow:
    """Return the flow in the session's scope. Raises ``NotFound``."""
    flow = db.scalar(select(Flow).where(Flow.id == flow_id))
    if flow is None:
        raise NotFound(kind="flow", id=flow_id)
    return flow


def known(db: TenantSession) -> checks.Known:
    """Return what a flow of this tenant may refer to."""
    return {
        ReferenceKind.QUEUE: set(db.scalars(select(Queue.id))),
        ReferenceKind.EXTENSION: set(db.scalars(select(Extension.id))),
    }


def shown(problems: list[Problem]) -> list[dict[str, Any]]:
    """Return problems as the editor shows them, in the reader's language."""
    language = current_language()
    return [
        {
            "node": each.node,
            "field": each.field,
            "severity": each.severity.value,
            "text": each.sentence(language),
        }
        for each in problems
    ]


class FlowList(View):
    """All flows; a new one begins with its code and name."""

    access = Permission.FLOWS_VIEW
    method_access = {"POST": Permission.FLOWS_EDIT}

    def get(self) -> ResponseReturnValue:
        """Show the list."""
        return self._page({}, "")

    def post(self) -> ResponseReturnValue:
        """Make a flow and open it."""
        db, form = session(), request.form
        code, name = form.get("code", "").strip()[:64], form.get("name", "").strip()[:100]
        try:
            flow = service.create_flow(db, code or name, name, current_principal().account_id)
        except service.FlowCodeTaken as error:
            db.rollback()
            return self._page({"code": code, "name": name}, error.text()), error.status
        audit.record(db, current_principal(), "flows.create", flow)
        db.commit()
        return redirect(url_for("flows.editor", flow_id=flow.id), 303)

    @staticmethod
    def _page(values: dict[str, str], error: str) -> str:
        db = session()
        drafts = select(FlowVersion.flow_id).where(FlowVersion.state == FlowVersionState.DRAFT)
        flows = db.scalars(select(Flow).order_by(Flow.id.desc())).all()
        return render_template(
            "flows/list.html", flows=flows, drafts=set(db.scalars(drafts)), values=values, error=error
        )


class Editor(View):
    """The editor of one flow: the page, saving the draft (JSON), and what is wrong with it."""

    access = Permission.FLOWS_VIEW
    method_access = {"PUT": Permission.FLOWS_EDIT}

    def get(self, flow_id: int) -> ResponseReturnValue:
        """Show it."""
        db = session()
        flow = flow_of(db, flow_id)
        document = service.load_draft(db, flow_id)
        targets = {
            "queue": [[row_id, name] for row_id, name in db.execute(select(Queue.id, Queue.name))],
            "extension": [
                [row_id, number] for row_id, number in db.execute(select(Extension.id, Extension.number))
            ],
        }
        return render_template(
            "flows/editor.html",
            flow=flow,
            document=msgspec.to_builtins(document),
            targets=targets,
            problems=shown(checks.check(document, known(db))),
        )

    def put(self, flow_id: int) -> ResponseReturnValue:
        """Keep what was sent as the draft; answer with its problems."""
        db = session()
        flow_of(db, flow_id)
        document = service.read_document(request.get_data())
        service.save_draft(db, flow_id, document, current_principal().account_id)
        db.commit()
        return jsonify({"ok": True, "problems": shown(checks.check(document, known(db)))})


class Publish(View):
    """Make the draft what new calls hear."""

    access = Permission.FLOWS_EDIT

    def post(self, flow_id: int) -> ResponseReturnValue:
        """Publish; 422 with ``problems`` when something is missing."""
        db, principal = session(), current_principal()
        flow = flow_of(db, flow_id)
        try:
            published = service.publish(db, flow_id, principal.account_id, known(db))
        except service.FlowNotReady as error:
            db.rollback()
            answer = {"error": error.id, "message": error.text(), "problems": shown(error.problems)}
            return jsonify(answer), error.status
        except CallerFault as error:
            db.rollback()
            return jsonify({"error": error.id, "message": error.text(), "problems": []}), error.status
        audit.record(
            db,
            principal,
            "flows.publish",
            flow,
            {"published_version": [published.version - 1, published.version]},
        )
        publishing.publish(db, parts().redis, flow)
        db.commit()
        return jsonify({"ok": True, "version": published.version})


blueprint = Blueprint("flows", __name__, url_prefix="/flows")
blueprint.add_url_rule("", view_func=FlowList.as_view("flows"))
blueprint.add_url_rule("/<int:flow_id>", view_func=Editor.as_view("editor"))
blueprint.add_url_rule("/<int:flow_id>/publish", view_func=Publish.as_view("publish"))
