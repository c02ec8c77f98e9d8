"""Asks what to export and begins it: a list as a workbook, or the recordings of a list as one archive (CTI-C5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin_web.errors import is_htmx
from admin_web.records import filters
from admin_web.records.access import RECORDS, limits, own_only
from admin_web.records.filters import ListKind
from admin_web.records.jobs import ARCHIVE, EXPORT, TITLES
from core import audit
from core.errors import NotFound
from core.i18n import LazyText, current_language, lazy
from core.jobs import service
from core.permissions import Permission
from core.views import Access, View, current_principal, may, session


def links(kind: ListKind, kept: Mapping[str, Any]) -> list[tuple[str, str, LazyText]]:
    """Return the buttons of a list: icon, address of the drawer, words; those the account may use."""
    found = [("download", url_for("records.export", kind=kind.value, **kept), lazy("Export"))]
    if kind is not ListKind.MISSED and may(Permission.RECORDINGS_DOWNLOAD):
        address = url_for("records.archive", kind=kind.value, **kept)
        found.append(("file-zip", address, lazy("Export recordings")))
    return found


class Export(View):
    """The filtered list as a workbook, made in the background."""

    access: ClassVar[Access] = RECORDS
    job_kind = EXPORT
    endpoint = "records.export"

    def get(self, kind: str) -> ResponseReturnValue:
        """Show what will be exported."""
        which = self._kind(kind)
        chosen = filters.described(session(), which, self._given(which, request.args), limits())
        return render_template(
            "records/export.html",
            chosen=chosen,
            action=url_for(self.endpoint, kind=which.value),
            title=TITLES[self.job_kind, which],
            recordings=self.job_kind == ARCHIVE,
        )

    def post(self, kind: str) -> ResponseReturnValue:
        """Begin it. Raises ``TimeRangeError``, ``FilterError``."""
        which, db, principal = self._kind(kind), session(), current_principal()
        given = self._given(which, request.form)
        filters.parse(which, given, principal.timezone)
        job = service.enqueue(
            db,
            account_id=principal.account_id,
            kind=self.job_kind,
            title=str(TITLES[self.job_kind, which]),
            parameters={"list": which.value, "filters": given, "language": current_language()},
        )
        changes: dict[str, list[Any]] = {name: [None, text] for name, text in given.items()}
        audit.record(db, principal, f"jobs.{self.job_kind.replace('.', '-')}", job, changes)
        db.commit()
        address = url_for("jobs.job", job_id=job.id)
        if is_htmx() and request.headers.get("HX-Target") != "zj-main":
            return Response("", headers={"HX-Location": f'{{"path": "{address}", "target": "#zj-main"}}'})
        return redirect(address, 303)

    def _kind(self, text: str) -> ListKind:
        """Return the list. Raises ``NotFound`` for none, and for messages where the account sees its own calls only:
        they belong to nobody.
        """
        if text not in {each.value for each in ListKind}:
            raise NotFound(kind="list", id=text)
        which = ListKind(text)
        missed_sounds = which is ListKind.MISSED and self.job_kind == ARCHIVE
        if missed_sounds or (which is ListKind.MESSAGES and own_only()):
            raise NotFound(kind="list", id=text)
        return which

    @staticmethod
    def _given(which: ListKind, source: Mapping[str, str]) -> dict[str, str]:
        texts = {name: source.get(name, "").strip()[:100] for name in ("from", "to", *filters.FIELDS[which])}
        return {name: text for name, text in texts.items() if text}


class ExportRecordings(Export):
    """The recordings of the filtered list as one archive, made in the background."""

    access = Permission.RECORDINGS_DOWNLOAD
    job_kind = ARCHIVE
    endpoint = "records.archive"
