"""Views of a calendar's months."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.calendars import months
from admin_web.resources.saving import publish, store
from core.database import TenantSession, utc_now
from core.errors import CallerFault, NotFound
from core.i18n import current_language, lazy
from core.permissions import Permission
from core.views import View, current_principal, may, session
from ivr import company_calendars
from ivr.field_words import WEEKDAYS, translated
from ivr.models import Calendar


class NotADayError(CallerFault):
    """What was clicked is no day a calendar can hold."""

    id = "not-a-day"
    status = 422
    sentence = lazy("This is not a day.")


class Month(View):
    """A month of a calendar in a drawer; a click decides a day."""

    access = Permission.FLOWS_VIEW
    method_access = {"POST": Permission.FLOWS_EDIT}

    def get(self, row_id: int) -> ResponseReturnValue:
        """Show it."""
        row = _row(session(), row_id)
        return self._page(row, request.args.get("month", ""))

    def post(self, row_id: int) -> ResponseReturnValue:
        """Decide the day ``date``: the opposite of what it is, or no more by ourselves."""
        db = session()
        row = _row(db, row_id)
        try:
            date = datetime.date.fromisoformat(request.form.get("date", ""))
        except ValueError:
            raise NotADayError() from None
        if not company_calendars.FIRST_YEAR <= date.year <= company_calendars.LAST_YEAR:
            raise NotADayError()
        own = months.turned(company_calendars.decode_days(row.days), date, row.china)
        values = {"days": company_calendars.encode_days(own)}
        store(db, current_principal(), "flows.calendar-edit", row, values)
        publish(db, row)
        db.commit()
        response = self._page(row, f"{date:%Y-%m}")
        response.headers["HX-Trigger"] = "zj:changed"
        return response

    @staticmethod
    def _page(row: Calendar, month: str) -> Response:
        today = utc_now().astimezone(ZoneInfo(current_principal().timezone)).date()
        first = months.month_of(month, today)
        own = company_calendars.decode_days(row.days)
        part = request.headers.get("HX-Target") == "zj-month"
        return make_response(
            render_template(
                "calendars/month.html" if part else "calendars/drawer.html",
                row=row,
                first=first,
                today=today,
                before=months.beside(first, -1),
                after=months.beside(first, 1),
                weeks=months.weeks(first, row.china, own),
                said=company_calendars.SAID[current_language()],
                weekdays=[translated(day) for day in WEEKDAYS],
                can_edit=may(Permission.FLOWS_EDIT),
            )
        )


def _row(db: TenantSession, row_id: int) -> Calendar:
    row = db.scalar(select(Calendar).where(Calendar.id == row_id))
    if row is None:
        raise NotFound(kind="calendar", id=row_id)
    return row


blueprint = Blueprint("calendars", __name__, url_prefix="/calendars")
blueprint.add_url_rule("/<int:row_id>/month", view_func=Month.as_view("month"))
