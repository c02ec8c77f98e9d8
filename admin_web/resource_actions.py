"""What can be done to rows of a described resource: actions with or without a drawer, deletion, and all of it to
many rows at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import make_response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError

from admin_web.resource import Action, BatchAction, Field, field_of_error, parse_form, worded
from admin_web.resource_shown import name_of_row
from admin_web.resource_views import (
    ChangedSinceError,
    InUseError,
    ResourceView,
    changed,
    reached,
    row_of,
    stamp_of,
)
from core.database import TenantSession
from core.errors import CallerFault, Conflict, NotFound
from core.i18n import gettext, lazy, ngettext
from core.views import current_principal, may, session

MAX_BATCH = 500
"""Rows of one batch, at most; a page has fewer."""


class NothingTickedError(CallerFault):
    """A batch needs rows."""

    id = "nothing-ticked"
    status = 422
    sentence = lazy("Tick at least one row first.")


def parsed(
    db: TenantSession, fields: Sequence[Field], form: Mapping[str, list[str]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the typed values of a drawer's fields and the errors at them."""
    options = {field.name: field.options(db) for field in fields if field.options}
    return parse_form(fields, form, options)


def _typed(fields: Sequence[Field], form: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return what was sent, to be shown again beside the errors."""
    return {
        field.name: form.get(field.name, [])
        if field.kind == "tree"
        else "".join(form.get(field.name, [])[:1])
        for field in fields
    }


class NotOfferedError(Conflict):
    """What the row is now rules the action out: the page is old, or the request was made up."""

    id = "not-offered"
    sentence = lazy("This cannot be done to it any more, or not to this one. Look at the list again.")


class ActionView(ResourceView):
    """One of the resource's actions on a row."""

    action_name: str

    @property
    def action(self) -> Action:
        """The action."""
        return next(each for each in self.resource.actions if each.name == self.action_name)

    def get(self, row_id: int) -> ResponseReturnValue:
        """Show the drawer that asks."""
        row = row_of(session(), self.resource, row_id)
        return self.page(row, self._first_values(row), {}, stamp=self._stamp(row))

    def _stamp(self, row: Any) -> str:
        """Return what stands for the values the drawer begins with and replaces; of other drawers nothing."""
        action = self.action
        return "" if action.load is None else stamp_of(action.name, row, action.load(session(), row))

    def _first_values(self, row: Any) -> dict[str, Any]:
        if self.action.load is not None:
            return self.action.load(session(), row)
        return {field.name: field.default for field in self.action.fields}

    def post(self, row_id: int) -> ResponseReturnValue:
        """Do it."""
        db, action = session(), self.action
        row = row_of(db, self.resource, row_id)
        if not action.shown(row):
            raise NotOfferedError()
        form = request.form.to_dict(flat=False)
        values, errors = parsed(db, action.fields, form)
        if self.resource.seen:
            values["seen"] = self._seen()
        message, stamp = "", request.form.get("stamp", "")
        if not errors:
            try:
                if stamp and stamp != (present := self._stamp(row)):
                    stamp = present
                    raise ChangedSinceError()
                text = self._run(db, action, row, values)
                db.commit()
            except CallerFault as error:
                place = field_of_error(error, action.fields)
                if not action.asks or error.status in (403, 404):
                    raise
                errors, message = ({place: error.text()}, "") if place else ({}, error.text())
            else:
                return changed(text, self.resource)
        db.rollback()
        row = row_of(db, self.resource, row_id)
        return self.page(row, _typed(action.fields, form), errors, message, stamp), 422

    @staticmethod
    def _seen() -> str:
        """Return what was seen of the row: the drawer keeps it in its form, the row's button in its address."""
        return request.form.get("seen", request.args.get("seen", ""))

    @staticmethod
    def _run(db: TenantSession, action: Action, row: Any, values: dict[str, Any]) -> Any:
        if action.run_with is not None:
            return action.run_with(db, current_principal(), row, values)
        assert action.run is not None
        return action.run(db, current_principal(), row)

    def page(
        self, row: Any, values: dict[str, Any], errors: dict[str, str], message: str = "", stamp: str = ""
    ) -> str:
        """Return the drawer; `stamp` stands for what is stored of what it replaces."""
        action = self.action
        lines = list(action.about(session(), current_principal(), row)) if action.about else []
        reason = action.locked(row)
        extras = self.resource.extras(session(), [row])
        changeable = self.resource.changeable(current_principal(), row, extras)
        return render_template(
            "resource/dialog.html",
            title=f"{worded(action.label, row)}: {name_of_row(row)}",
            button=gettext("Save") if action.load else worded(action.label, row),
            reason=reason,
            wide=action.wide,
            can_do=reason is None and changeable and may(action.permission),
            danger=action.danger,
            lines=lines,
            fields=self.shown(values, errors, new=True, fields=action.fields),
            seen=self._seen() if self.resource.seen else "",
            stamp=stamp,
            message=message,
        )


class DeleteView(ResourceView):
    """Deletion of a row."""

    def post(self, row_id: int) -> ResponseReturnValue:
        """Do it, or say what keeps it."""
        db = session()
        row = row_of(db, self.resource, row_id)
        assert self.resource.delete is not None
        try:
            self.resource.delete(db, current_principal(), row)
            db.commit()
        except IntegrityError:
            db.rollback()
            raise InUseError() from None
        return changed(lazy("Deleted."), self.resource)


class BatchView(ResourceView):
    """Something done to every ticked row; each is done or refused by itself."""

    batch_name: str

    @property
    def batch(self) -> BatchAction:
        """The batch."""
        return next(each for each in self.resource.batch if each.name == self.batch_name)

    def get(self) -> ResponseReturnValue:
        """Show what will happen to which rows."""
        ticked = _ticked(request.args.getlist("ids"))
        return self.page(ticked, {field.name: field.default for field in self.batch.fields}, {})

    def post(self) -> ResponseReturnValue:
        """Do it to each row, and list what was refused and why."""
        db, batch = session(), self.batch
        ticked = _ticked(request.form.getlist("ids"))
        form = request.form.to_dict(flat=False)
        values, errors = parsed(db, batch.fields, form)
        if errors:
            return self.page(ticked, _typed(batch.fields, form), errors), 422
        refused: list[tuple[str, str]] = []
        rows = self._rows(list(ticked))
        for row_id, seen in ticked.items():
            name = name_of_row(rows[row_id]) if row_id in rows else str(row_id)
            if reason := self._one(
                db, rows.get(row_id), values | ({"seen": seen} if self.resource.seen else {})
            ):
                refused.append((name, reason))
        db.commit()
        done = len(ticked) - len(refused)
        text = ngettext("%(num)d row done.", "%(num)d rows done.", done)
        return self._result(text, refused) if refused else changed(text, self.resource)

    def _one(self, db: TenantSession, row: Any, values: dict[str, Any]) -> str:
        """Do it to one row inside a savepoint; return why not, or nothing."""
        try:
            if row is None:
                raise NotFound()
            with db.begin_nested():
                self.batch.run(db, current_principal(), row, values)
        except CallerFault as error:
            return error.text()
        except IntegrityError:
            return InUseError().text()
        return ""

    def _rows(self, ids: Sequence[int]) -> dict[int, Any]:
        model = self.resource.model
        found = session().scalars(reached(session(), self.resource).where(model.id.in_(ids)))
        return {row.id: row for row in sorted(found, key=lambda row: ids.index(row.id))}

    def page(self, ticked: Mapping[int, str], values: dict[str, Any], errors: dict[str, str]) -> str:
        """Return the drawer. What was seen of the rows stays what it was when they were ticked."""
        batch = self.batch
        rows = list(self._rows(list(ticked)).values())
        names = ", ".join(name_of_row(row) for row in rows)
        count = ngettext("%(num)d row is ticked:", "%(num)d rows are ticked:", len(rows))
        return render_template(
            "resource/dialog.html",
            title=batch.label,
            button=batch.label,
            danger=batch.danger,
            lines=[str(batch.about), f"{count} {names}"],
            fields=self.shown(values, errors, new=True, fields=batch.fields),
            ids=[f"{row.id}:{ticked[row.id]}" if ticked[row.id] else str(row.id) for row in rows],
            message="",
            can_do=True,
        )

    def _result(self, text: str, refused: Sequence[tuple[str, str]]) -> ResponseReturnValue:
        page = render_template("resource/refused.html", title=self.batch.label, text=text, refused=refused)
        response = make_response(page)
        words = {"text": gettext("%(count)s refused.", count=len(refused)), "kind": "danger"}
        response.headers["HX-Trigger"] = json.dumps({"zj:toast": words, "zj:changed": {}})
        return response


def _ticked(texts: Sequence[str]) -> dict[int, str]:
    """Return the ids of the ticked rows and what was seen of each. Raises `NothingTickedError`."""
    ticked: dict[int, str] = {}
    for text in texts:
        row_id, _, seen = text.partition(":")
        if row_id.isascii() and row_id.isdigit() and len(row_id) < 19:
            ticked[int(row_id)] = seen
    if not ticked or len(ticked) > MAX_BATCH:
        raise NothingTickedError()
    return ticked
