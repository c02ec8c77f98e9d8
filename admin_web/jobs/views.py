"""Views of one's own background jobs: list, page, file, cancel, retry."""

from __future__ import annotations

import json
from urllib.parse import quote

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.errors import is_htmx
from admin_web.jobs.shown import shown
from core import audit
from core.errors import Forbidden, NotFound
from core.i18n import LazyText, lazy
from core.jobs import service
from core.jobs.models import BackgroundJob
from core.permissions import require
from core.store import FileStore, NoSuchFileError
from core.views import Open, View, current_principal, parts, session

PAGE_ROWS = 30


class QueuesTakenAwayError(Forbidden):
    """The file has calls of queues that its owner does not supervise any more."""

    id = "queues-taken-away"
    sentence = lazy("This file has calls of queues you no longer supervise. Make it again for those you do.")


class GroupsTakenAwayError(Forbidden):
    """The file has accounts of groups that its owner does not administer any more."""

    id = "groups-taken-away"
    sentence = lazy(
        "This file has accounts of groups you no longer administer. Make it again for those you do."
    )


def own_job(job_id: int) -> BackgroundJob:
    """Return a job of the signed-in person. Raises ``NotFound``, for anybody else's too."""
    return service.job_of(session(), job_id, account_id=current_principal().account_id)


def own_file(job_id: int, *, lock: bool = False) -> BackgroundJob:
    """Return a job whose file the signed-in person may have: who has as much as it was made with. Raises ``NotFound``,
    ``Forbidden``.
    """
    db, job, principal = session(), own_job(job_id), current_principal()
    if lock:
        db.refresh(job, with_for_update=True)
    limits = service.limits_of(job)
    require(principal, *limits.needs)
    if not limits.queues_covered(principal):
        raise QueuesTakenAwayError()
    if not limits.groups_covered(db, principal):
        raise GroupsTakenAwayError()
    return job


class JobList(View):
    """One's jobs, newest first; the list looks again by itself while something is under way."""

    access = Open.SIGNED_IN

    def get(self) -> ResponseReturnValue:
        """Show a page of it."""
        before = request.args.get("before", 0, int)
        query = (
            select(BackgroundJob)
            .where(BackgroundJob.account_id == current_principal().account_id)
            .order_by(BackgroundJob.id.desc())
            .limit(PAGE_ROWS + 1)
        )
        if before:
            query = query.where(BackgroundJob.id < before)
        rows = session().scalars(query).all()
        jobs = [shown(row) for row in rows[:PAGE_ROWS]]
        partial = request.headers.get("HX-Target") == "zj-list"
        return render_template(
            "jobs/table.html" if partial else "jobs/list.html",
            jobs=jobs,
            here=url_for("jobs.jobs", before=before or None),
            active=any(job.active for job in jobs),
            first_href=url_for("jobs.jobs") if before else "",
            next_href=url_for("jobs.jobs", before=jobs[-1].id) if len(rows) > PAGE_ROWS else "",
        )


class JobPage(View):
    """One job: progress, what became of it, its file, what can be done next."""

    access = Open.SIGNED_IN

    def get(self, job_id: int) -> ResponseReturnValue:
        """Show it."""
        partial = request.headers.get("HX-Target") == "zj-job"
        return render_template(
            "jobs/job.html" if partial else "jobs/page.html", job=shown(own_job(job_id), whole=True)
        )


class JobFile(View):
    """The file a job made. One with secrets is given by POST, once, and then removed."""

    access = Open.SIGNED_IN

    def get(self, job_id: int) -> ResponseReturnValue:
        """Send it."""
        job = own_file(job_id)
        if not job.file_key or job.file_once:
            raise NotFound(kind="file", id=job_id)
        store = FileStore(parts().settings.store_dir)
        try:
            size = store.size(job.file_key)
            response = _file(job, Response(store.read(job.file_key)), size)
        except NoSuchFileError:
            raise NotFound(kind="file", id=job_id) from None
        if request.method == "GET":
            _log_download(job)
        return response

    def post(self, job_id: int) -> ResponseReturnValue:
        """Send it and remove it."""
        db, job = session(), own_file(job_id, lock=True)
        store = FileStore(parts().settings.store_dir)
        if not job.file_key or not job.file_once:
            raise NotFound(kind="file", id=job_id)
        try:
            body = b"".join(store.read(job.file_key))
        except NoSuchFileError:
            raise NotFound(kind="file", id=job_id) from None
        service.forget_file(db, store, job)
        audit.record(db, current_principal(), "jobs.download", job, {})
        db.commit()
        return _file(job, Response(body), len(body))


def _log_download(job: BackgroundJob) -> None:
    """Write the log's line in a transaction of its own, for the request's session is a reading one."""
    principal = current_principal()
    with parts().database.transaction(principal.scope) as own:
        audit.record(own, principal, "jobs.download", own.get_one(BackgroundJob, job.id), {})
        own.commit()


def _file(job: BackgroundJob, response: Response, size: int) -> Response:
    response.content_type = (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        if job.file_name.endswith(".xlsx")
        else "application/octet-stream"
    )
    plain = "".join(
        each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in job.file_name
    )
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(job.file_name, safe='')}"
    )
    response.headers["Content-Length"] = str(size)
    response.headers["Cache-Control"] = "no-store"
    return response


class JobCancel(View):
    """Stops a job; what it did by then stays."""

    access = Open.SIGNED_IN

    def post(self, job_id: int) -> ResponseReturnValue:
        """Do it."""
        job = own_job(job_id)
        service.cancel(session(), job)
        audit.record(session(), current_principal(), "jobs.cancel", job, {})
        session().commit()
        return _told(job_id, lazy("Cancelled. What was done by then stays."))


class JobRetry(View):
    """Queues a failed or cancelled job again; it goes on where it got to."""

    access = Open.SIGNED_IN

    def post(self, job_id: int) -> ResponseReturnValue:
        """Do it."""
        job = own_job(job_id)
        service.retry(session(), job)
        audit.record(session(), current_principal(), "jobs.retry", job, {})
        session().commit()
        return _told(job_id, lazy("It goes on where it got to."))


def _told(job_id: int, text: LazyText) -> ResponseReturnValue:
    if not is_htmx():
        return redirect(url_for("jobs.job", job_id=job_id), 303)
    response = make_response("")
    response.headers["HX-Reswap"] = "none"
    response.headers["HX-Trigger"] = json.dumps(
        {"zj:toast": {"text": str(text), "kind": "success"}, "zj:changed": {}}
    )
    return response


blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")
blueprint.add_url_rule("", view_func=JobList.as_view("jobs"))
blueprint.add_url_rule("/<int:job_id>", view_func=JobPage.as_view("job"))
blueprint.add_url_rule("/<int:job_id>/file", view_func=JobFile.as_view("file"))
blueprint.add_url_rule("/<int:job_id>/cancel", view_func=JobCancel.as_view("cancel"))
blueprint.add_url_rule("/<int:job_id>/retry", view_func=JobRetry.as_view("retry"))
