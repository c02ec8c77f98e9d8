"""Export of a flow as a file, and import of one (voices and the rest by name, not by number)."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from flask import Response, render_template, request, send_file
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from core import audit
from core.database import TenantSession
from core.errors import CallerFault
from core.i18n import LazyText, lazy
from core.permissions import Permission
from core.views import View, current_principal, session
from cti.models import Extension, Queue
from ivr import checks, service, transfer_document
from ivr.models import Calendar, Flow
from ivr.nodes.base import ReferenceKind
from ivr.transfer_document import Used
from ivr.voices.models import Voice, VoiceState

KIND_WORDS: dict[ReferenceKind, LazyText] = {
    ReferenceKind.QUEUE: lazy("Queue"),
    ReferenceKind.EXTENSION: lazy("Extension"),
    ReferenceKind.VOICE: lazy("Recording"),
    ReferenceKind.FLOW: lazy("IVR flow"),
    ReferenceKind.CALENDAR: lazy("Calendar"),
}

_IDENTITY: dict[ReferenceKind, tuple[Any, dict[str, Any]]] = {
    ReferenceKind.QUEUE: (Queue.id, {"code": Queue.code, "name": Queue.name}),
    ReferenceKind.EXTENSION: (Extension.id, {"code": Extension.number}),
    ReferenceKind.VOICE: (Voice.id, {"name": Voice.name, "digest": Voice.digest}),
    ReferenceKind.FLOW: (Flow.id, {"code": Flow.code, "name": Flow.name}),
    ReferenceKind.CALENDAR: (Calendar.id, {"name": Calendar.name}),
}
"""What each kind is known by outside its company."""


class NoFileError(CallerFault):
    """The form came without a file."""

    id = "no-file"
    status = 422
    sentence = lazy("Choose a file.")


def uses_of(db: TenantSession, flow_id: int, document: Any) -> list[Used]:
    """Return what the document refers to, as other companies may know it."""
    wanted: dict[ReferenceKind, set[int]] = defaultdict(set)
    for _, reference in checks.references(document):
        if reference.id:
            wanted[reference.kind].add(reference.id)
    uses = []
    for kind, ids in wanted.items():
        column, fields = _IDENTITY[kind]
        for row_id, *values in db.execute(select(column, *fields.values()).where(column.in_(ids))):
            itself = kind is ReferenceKind.FLOW and row_id == flow_id
            known = dict(zip(fields, values, strict=True))
            uses.append(Used(kind=kind, id=row_id, itself=itself, **known))
    return uses


def found_here(db: TenantSession, uses: Iterable[Used], own_id: int) -> dict[tuple[ReferenceKind, int], int]:
    """Return the ids here of what `uses` names: by code or number, calendars by name; of voices the same
    recording, else the one of the same name. `own_id` is the imported flow's.
    """
    by_kind: dict[ReferenceKind, list[Used]] = defaultdict(list)
    for used in uses:
        by_kind[used.kind].append(used)
    found: dict[tuple[ReferenceKind, int], int] = {}
    for kind, wanted in by_kind.items():
        for name in ("name", "code", "digest"):  # what is surer comes later and wins
            column, fields = _IDENTITY[kind]
            if name not in fields or (name == "name" and "code" in fields):
                continue
            values = {getattr(used, name) for used in wanted} - {""}
            query = select(fields[name], column).where(fields[name].in_(values)).order_by(column.desc())
            if kind is ReferenceKind.VOICE:
                query = query.where(Voice.state == VoiceState.APPROVED)
            here = {row[0]: row[1] for row in db.execute(query)} if values else {}
            found |= {
                (kind, used.id): here[getattr(used, name)] for used in wanted if getattr(used, name) in here
            }
    found |= {(used.kind, used.id): own_id for used in uses if used.itself}
    return found


class Export(View):
    """The flow as a file: its draft if there is one, else its newest version."""

    access = Permission.FLOWS_VIEW

    def get(self, flow_id: int) -> ResponseReturnValue:
        """Send it."""
        db = session()
        opened = service.open_flow(db, flow_id)
        flow, document = opened.flow, opened.document
        body = transfer_document.write(flow.code, flow.name, document, uses_of(db, flow_id, document))
        response: Response = send_file(
            io.BytesIO(body),
            mimetype="application/json",
            as_attachment=True,
            download_name=f"{flow.code}.flow.json",
        )
        response.headers["Cache-Control"] = "no-store"
        return response


class Importing(View):
    """Takes a file somebody exported and makes a flow of it; says what has to be chosen anew."""

    access = Permission.FLOWS_EDIT

    def get(self) -> ResponseReturnValue:
        """Show the form."""
        return self._form("", "", "", "")

    def post(self) -> ResponseReturnValue:
        """Import the file, or say why not."""
        db, principal = session(), current_principal()
        code, name = request.form.get("code", "").strip()[:64], request.form.get("name", "").strip()[:100]
        file = request.files.get("file")
        try:
            if file is None or not file.filename:
                raise NoFileError()
            given = transfer_document.read(file.read(transfer_document.MAX_BYTES + 1))
            service.require_size(given.flow)
            code = code or given.code or "flow"
            flow = service.create_flow(db, code, name or given.name or code, principal.account_id)
        except service.FlowCodeTaken as error:
            free = service.free_code(db, code)
            db.rollback()
            return self._form(free, name, "", error.text()), error.status
        except CallerFault as error:
            db.rollback()
            return self._form(code, name, error.text(), ""), error.status
        ids = found_here(db, given.uses, flow.id)
        document = transfer_document.replaced(given.flow, ids)
        service.save_draft(
            db, flow.id, service.named(document, flow.name), principal.account_id, revision=flow.revision
        )
        audit.record(db, principal, "flows.import", flow, {"code": [None, flow.code]})
        missing = transfer_document.missing(given.flow, given.uses, ids)
        db.commit()
        return render_template("flows/imported.html", flow=flow, missing=missing, kinds=KIND_WORDS)

    @staticmethod
    def _form(code: str, name: str, error: str, code_error: str) -> str:
        return render_template("flows/import.html", code=code, name=name, error=error, code_error=code_error)
