"""Export: the filtered list, as a job. Import: upload, columns, trial, import; the last two are jobs."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeTimedSerializer

from admin_web.accounts.listing import FILTERS
from admin_web.accounts_transfer import importing
from admin_web.accounts_transfer.columns import REQUIRED, SKIP, TARGETS, guess
from admin_web.accounts_transfer.jobs import CHECK, EXPORT, IMPORT
from admin_web.accounts_transfer.reading import MAX_ROWS, Table, UnreadableFileError, read_table
from admin_web.accounts_transfer.workbook import chunks_then_removed, write_workbook
from admin_web.errors import is_htmx
from admin_web.jobs.views import own_job
from core import audit
from core.errors import CallerFault, Conflict
from core.i18n import current_language, gettext, lazy
from core.jobs import service
from core.jobs.models import BackgroundJob, JobState
from core.permissions import Permission
from core.store import FileStore, NoSuchFileError
from core.views import View, current_principal, parts, session

PREVIEW_ROWS = 5
UPLOAD_VALID_S = 24 * 3600


class UploadGoneError(CallerFault):
    """What was uploaded is no longer there."""

    id = "upload-gone"
    status = 410
    sentence = lazy("The uploaded file is no longer there. Upload it again.")


class NotCheckedError(Conflict):
    """Only what was tried can be imported."""

    id = "not-checked"
    sentence = lazy("The trial has not ended well; look at its state.")


def _begin(job: BackgroundJob) -> ResponseReturnValue:
    """Log and commit a job that was asked for, and go to its page."""
    audit.record(session(), current_principal(), f"jobs.{job.kind.replace('.', '-')}", job, {})
    session().commit()
    address = url_for("jobs.job", job_id=job.id)
    if is_htmx() and request.headers.get("HX-Target") != "zj-main":
        return Response("", headers={"HX-Location": f'{{"path": "{address}", "target": "#zj-main"}}'})
    return redirect(address, 303)


class Export(View):
    """Asks what to export, and begins it."""

    access = Permission.ACCOUNTS_VIEW

    def get(self) -> ResponseReturnValue:
        """Show what will be exported."""
        db = session()
        chosen = []
        for each in FILTERS:
            text = request.args.get(each.name, "").strip()[:100]
            if text:
                words = dict(each.options(db)) if each.options else {}
                chosen.append((each.name, str(each.label), text, words.get(text, text).strip()))
        return render_template("accounts_transfer/export.html", chosen=chosen)

    def post(self) -> ResponseReturnValue:
        """Begin the export."""
        filters = {
            each.name: text for each in FILTERS if (text := request.form.get(each.name, "").strip()[:100])
        }
        job = service.enqueue(
            session(),
            account_id=current_principal().account_id,
            kind=EXPORT,
            title=gettext("Export of accounts"),
            parameters={"filters": filters, "language": current_language()},
        )
        return _begin(job)


class Template(View):
    """An empty workbook with the headings and an example."""

    access = Permission.ACCOUNTS_EDIT

    def get(self) -> ResponseReturnValue:
        """Send it."""
        path = write_workbook(
            gettext("Accounts"), importing.headings(), [[target.sample for target in TARGETS]]
        )
        body = b"".join(chunks_then_removed(path))
        response = Response(
            body, content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        )
        response.headers["Content-Disposition"] = "attachment; filename=accounts.xlsx"
        return response


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="accounts-upload")


def _store() -> FileStore:
    return FileStore(parts().settings.store_dir)


class Upload(View):
    """Takes the file and shows its columns."""

    access = Permission.ACCOUNTS_EDIT

    def get(self) -> ResponseReturnValue:
        """Show the form."""
        return self._form("")

    def post(self) -> ResponseReturnValue:
        """Take the file."""
        file = request.files.get("file")
        data = file.read() if file else b""
        try:
            if file is None or not file.filename:
                raise UnreadableFileError(field="file", reason=lazy("Choose a file."))
            table = read_table(data)
        except UnreadableFileError as error:
            return self._form(error.text()), 422
        principal = current_principal()
        key = f"uploads/{principal.tenant_id}/{secrets.token_hex(16)}"
        _store().put(key, [data])
        token = _serializer().dumps([key, principal.account_id, file.filename[-100:]])
        return _mapping_page(token, file.filename[-100:], table, guess(table.header), {}, update=False)

    def _form(self, error: str) -> str:
        return render_template("accounts_transfer/upload.html", error=error, max_rows=MAX_ROWS)


def _mapping_page(
    token: str, name: str, table: Table, mapping: dict[str, int], errors: dict[str, str], *, update: bool
) -> str:
    return render_template(
        "accounts_transfer/mapping.html",
        token=token,
        name=name,
        header=table.header,
        preview=table.rows[:PREVIEW_ROWS],
        count=len(table.rows),
        targets=TARGETS,
        mapping=mapping,
        errors=errors,
        update=update,
        skip=SKIP,
    )


class Check(View):
    """Takes the choice of columns and begins the trial."""

    access = Permission.ACCOUNTS_EDIT

    def post(self) -> ResponseReturnValue:
        """Begin it, or say which column is missing."""
        principal = current_principal()
        token = request.form.get("token", "")
        try:
            key, account_id, name = _serializer().loads(token, max_age=UPLOAD_VALID_S)
            if account_id != principal.account_id or not key.startswith(f"uploads/{principal.tenant_id}/"):
                raise UploadGoneError()
            table = read_table(b"".join(_store().read(key)))
        except (BadSignature, NoSuchFileError):
            raise UploadGoneError() from None
        mapping, errors = _chosen(table)
        update = request.form.get("update") == "1"
        if errors:
            return _mapping_page(token, name, table, mapping, errors, update=update), 422
        job = service.enqueue(
            session(),
            account_id=principal.account_id,
            kind=CHECK,
            title=gettext("Trial: %(file)s", file=name),
            parameters={"mapping": mapping, "update": update, "language": current_language(), "file": name},
            input_key=key,
        )
        return _begin(job)


def _chosen(table: Table) -> tuple[dict[str, int], dict[str, str]]:
    mapping: dict[str, int] = {}
    errors: dict[str, str] = {}
    for target in TARGETS:
        at = request.form.get(target.name, SKIP, int)
        mapping[target.name] = at if 0 <= at < len(table.header) else SKIP
        if mapping[target.name] == SKIP and target.name in REQUIRED:
            errors[target.name] = gettext("Choose the column with this.")
        elif mapping[target.name] != SKIP and list(mapping.values()).count(mapping[target.name]) > 1:
            errors[target.name] = gettext("Another field has this column already.")
    return mapping, errors


class Apply(View):
    """Begins the import of what a trial of the same person looked at."""

    access = Permission.ACCOUNTS_EDIT

    def post(self, job_id: int) -> ResponseReturnValue:
        """Begin it."""
        trial = own_job(job_id)
        if trial.kind != CHECK or trial.state is not JobState.DONE:
            raise NotCheckedError()
        given: dict[str, Any] = msgspec.json.decode(trial.parameters)
        db = session()
        db.refresh(trial, with_for_update=True)
        if not trial.input_key:
            raise UploadGoneError()
        job = service.enqueue(
            db,
            account_id=trial.account_id,
            kind=IMPORT,
            title=gettext("Import: %(file)s", file=given["file"]),
            parameters={**given, "language": current_language()},
            input_key=trial.input_key,
        )
        trial.input_key = ""  # the file belongs to the import now: it is taken once
        return _begin(job)


blueprint = Blueprint("accounts_transfer", __name__, url_prefix="/accounts")
blueprint.add_url_rule("/export", view_func=Export.as_view("export"))
blueprint.add_url_rule("/import", view_func=Upload.as_view("import_form"))
blueprint.add_url_rule("/import/template", view_func=Template.as_view("template"))
blueprint.add_url_rule("/import/check", view_func=Check.as_view("check"))
blueprint.add_url_rule("/import/apply/<int:job_id>", view_func=Apply.as_view("apply"))
