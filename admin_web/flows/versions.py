"""A flow's versions: the list, one of them, what differs between two, going back to one."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.flows.answers import JsonView, Seen, body_of
from admin_web.flows.names import names_of
from core import audit
from core.database import TenantSession
from core.i18n import current_language
from core.models import Account
from core.permissions import Permission
from core.views import current_principal, session
from ivr import service
from ivr.models import FlowVersion
from ivr.versions import differences


class Versions(JsonView):
    """The versions, newest first, without their documents."""

    access = Permission.FLOWS_VIEW

    def get(self, flow_id: int) -> ResponseReturnValue:
        """Answer with a page of them; ``next`` is the number to ask below of for the following page, 0 at the end."""
        db = session()
        service.flow_of(db, flow_id)
        rows, following = service.versions(db, flow_id, before=request.args.get("before", 0, int))
        people = _people(db, rows)
        return jsonify({"versions": [_shown(row, people) for row in rows], "next": following})


class Version(JsonView):
    """One version's document."""

    access = Permission.FLOWS_VIEW

    def get(self, flow_id: int, version: int) -> ResponseReturnValue:
        """Answer with it."""
        found = service.version_of(session(), flow_id, version)
        return jsonify({"document": msgspec.to_builtins(service.document_of(found))})


class Compare(JsonView):
    """What differs between two versions."""

    access = Permission.FLOWS_VIEW

    def get(self, flow_id: int, version: int, other: int) -> ResponseReturnValue:
        """Answer with the differences from `version` to `other`."""
        db = session()
        before = service.document_of(service.version_of(db, flow_id, version))
        after = service.document_of(service.version_of(db, flow_id, other))
        found = differences(before, after, names_of(db, before, after), current_language())
        return jsonify({"differences": msgspec.to_builtins(found)})


class Restore(JsonView):
    """Going back: an older version's document becomes the draft."""

    access = Permission.FLOWS_EDIT

    def post(self, flow_id: int, version: int) -> ResponseReturnValue:
        """Do it; answer with the document and its revision."""
        db, principal = session(), current_principal()
        flow = service.flow_of(db, flow_id)
        seen = body_of(Seen)
        draft = service.restore(db, flow_id, version, principal.account_id, revision=seen.revision)
        audit.record(db, principal, "flows.restore", flow, {"version": [None, version]})
        document = msgspec.to_builtins(service.document_of(draft))
        db.commit()
        return jsonify({"revision": flow.revision, "document": document})


def _people(db: TenantSession, rows: list[FlowVersion]) -> dict[int, str]:
    ids = {account_id for row in rows for account_id in (row.saved_by, row.published_by) if account_id}
    if not ids:
        return {}
    found = db.execute(select(Account.id, Account.name).where(Account.id.in_(ids)))
    return {row[0]: row[1] for row in found}


def _shown(row: FlowVersion, people: dict[int, str]) -> dict[str, Any]:
    by = row.published_by or row.saved_by
    return {
        "version": row.version,
        "state": row.state.value,
        "published_at": row.published_at.isoformat() if row.published_at else None,
        "saved_at": row.updated_at.isoformat(),
        "by": people.get(by, "") if by else "",
        "note": row.note,
    }
