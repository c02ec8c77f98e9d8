"""Missed calls that somebody dealt with: the mark, with a remark, and taking it back (CTI-C3)."""

from __future__ import annotations

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import exists, or_, select

from admin_web.records.access import RECORDS, limits, own_only
from admin_web.resource import ShownField
from admin_web.resource_views import changed_list
from core import audit
from core.database import TenantSession
from core.errors import Conflict, NotFound
from core.i18n import gettext, lazy
from core.views import View, current_principal, session
from cti.desk import marks
from cti.desk.models import WorkDone, WorkKind
from cti.records.models import CallOffer, CallRecord

REMARK_LENGTH = 500


class NotHandledError(Conflict):
    """Nobody dealt with it: there is nothing to take back."""

    id = "not-handled"
    sentence = lazy("This is open already.")


def missed_call(db: TenantSession, row_id: int) -> CallRecord:
    """Return a missed call the asking account may see. Raises ``NotFound``."""
    query = select(CallRecord).where(CallRecord.id == row_id, CallRecord.missed.is_(True))
    own_of, within = own_only(), limits()
    if within is not None:
        query = query.where(within.has())
    if own_of:
        offered = exists().where(CallOffer.record_id == CallRecord.id, CallOffer.agent_id == own_of)
        query = query.where(or_(CallRecord.agent_id == own_of, offered))
    row = db.scalar(query)
    if row is None:
        raise NotFound(kind="call", id=row_id)
    return row


def mark_of(db: TenantSession, record: CallRecord) -> WorkDone | None:
    """Return who dealt with a missed call, if anybody did."""
    return marks.mark_of(db, WorkKind.MISSED, record.id)


class Handled(View):
    """A missed call was dealt with; who did it first stays."""

    access = RECORDS

    def get(self, row_id: int) -> ResponseReturnValue:
        """Show the drawer that asks for a remark."""
        db = session()
        mark = mark_of(db, missed_call(db, row_id))
        return self._page(mark.remark if mark else "", "")

    def post(self, row_id: int) -> ResponseReturnValue:
        """Keep it."""
        db, principal = session(), current_principal()
        record = missed_call(db, row_id)
        remark = request.form.get("remark", "").strip()
        if len(remark) > REMARK_LENGTH:
            return self._page(remark, gettext("At most %(maximum)s characters.", maximum=REMARK_LENGTH)), 422
        mark = mark_of(db, record)
        before = [None, None] if mark is None else [mark.account_name, mark.remark]
        if mark is None:
            mark, new = marks.mark(db, principal, WorkKind.MISSED, record.id, remark)
            if not new:
                first = lazy("%(name)s has just dealt with this.", name=mark.account_name)
                return changed_list(first, url_for("records.missed"))
        else:
            mark.remark = remark
            db.flush()
        changes = {"handled_by": [before[0], mark.account_name], "remark": [before[1], remark]}
        entry = audit.record(db, principal, "records.handled", record, changes)
        entry.object_name = record.call_id
        db.commit()
        return changed_list(lazy("Saved."), url_for("records.missed"))

    @staticmethod
    def _page(remark: str, error: str) -> str:
        field = ShownField(
            name="remark",
            label=gettext("Remark"),
            kind="textarea",
            value=remark,
            max_length=REMARK_LENGTH,
            error=error,
        )
        return render_template(
            "resource/dialog.html",
            title=gettext("Missed call dealt with"),
            button=gettext("Mark as handled"),
            fields=[field],
            can_do=True,
        )


class Reopened(View):
    """A missed call that was said to be dealt with is open again."""

    access = RECORDS

    def post(self, row_id: int) -> ResponseReturnValue:
        """Do it."""
        db, principal = session(), current_principal()
        record = missed_call(db, row_id)
        mark = mark_of(db, record)
        if mark is None:
            raise NotHandledError()
        changes = {"handled_by": [mark.account_name, None], "remark": [mark.remark, None]}
        if not marks.unmark(db, mark):
            raise NotHandledError()
        entry = audit.record(db, principal, "records.reopened", record, changes)
        entry.object_name = record.call_id
        db.commit()
        return changed_list(lazy("Saved."), url_for("records.missed"))
