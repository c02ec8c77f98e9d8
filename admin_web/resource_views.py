"""Views of a described resource: list with keyset pages, form in a drawer. Actions are in `admin_web.resource_actions`,
the routes of both in `admin_web.resource_routes`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import current_app, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from admin_web.errors import is_htmx
from admin_web.resource import (
    Field,
    Options,
    Resource,
    ShownField,
    field_of_error,
    parse_form,
)
from admin_web.resource_shown import grouped, name_of_row, shown_batch, shown_links, shown_row
from core.database import TenantSession
from core.errors import CallerFault, Conflict, NotFound
from core.i18n import LazyText, gettext, lazy
from core.views import View, current_principal, may, sees_full_numbers, session, visible_number

PAGE_ROWS = 50


class InUseError(Conflict):
    """The database refuses the deletion: something refers to the row."""

    id = "in-use"
    sentence = lazy("It is still in use, so it cannot be deleted.")


class TakenError(Conflict):
    """The database refuses the row: another one has its code, number or name."""

    id = "taken"
    sentence = lazy("Another entry has this code, number or name already.")


class ChangedSinceError(Conflict):
    """Somebody else changed what the form would replace, after it was opened."""

    id = "changed-since"
    sentence = lazy(
        "Somebody else changed this after you opened it. What you entered stands here; save again to put it in place "
        "of theirs, or close and open it anew."
    )


def stamp_of(kind: str, row: Any, values: Mapping[str, Any]) -> str:
    """Return what stands for the values of `row` that a form of `kind` replaces; nothing can be told from it. The order
    of several chosen ones does not count.
    """
    plain = {
        name: sorted(map(str, each)) if isinstance(each, list) else each for name, each in values.items()
    }
    text = json.dumps([kind, row.id, plain], default=str, sort_keys=True)
    return hmac.new(str(current_app.secret_key).encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def list_rows(
    db: TenantSession, resource: Resource, values: Mapping[str, str], before: int
) -> tuple[list[Any], int]:
    """Return a page of rows, newest first, below id `before` (0: from the top), and the next page's `before`."""
    query = reached(db, resource).order_by(resource.model.id.desc()).limit(PAGE_ROWS + 1)
    if before:
        query = query.where(resource.model.id < before)
    for each in resource.filters:
        if values.get(each.name):
            query = each.applied(db, query, values[each.name])
    rows = list(db.scalars(query))
    return rows[:PAGE_ROWS], rows[PAGE_ROWS - 1].id if len(rows) > PAGE_ROWS else 0


def reached(db: TenantSession, resource: Resource) -> Select[Any]:
    """Return the query of the rows that exist for the signed-in account."""
    return resource.reach(db, current_principal(), resource.query(select(resource.model)))


def row_of(db: TenantSession, resource: Resource, row_id: int) -> Any:
    """Return the row in the session's scope. Raises ``NotFound``, for another tenant's too."""
    row = db.scalar(reached(db, resource).where(resource.model.id == row_id))
    if row is None:
        raise NotFound(kind=resource.name, id=row_id)
    return row


def changed(text: LazyText | str, resource: Resource) -> ResponseReturnValue:
    """Return the answer after a change of `resource`'s list."""
    return changed_list(text, url_for(f"resources.{resource.name}"))


def changed_list(text: LazyText | str, home: str) -> ResponseReturnValue:
    """Return the answer after a change: close the drawer, say it, refresh the list at the address `home`."""
    if not is_htmx():
        return redirect(home, 303)
    response = make_response("")
    response.headers["HX-Reswap"] = "none"
    response.headers["HX-Trigger"] = json.dumps(
        {"zj:close-drawer": {}, "zj:toast": {"text": str(text), "kind": "success"}, "zj:changed": {}}
    )
    return response


def gone_to(address: str) -> ResponseReturnValue:
    """Return the answer that leads to a page from a drawer, which closes."""
    if not is_htmx():
        return redirect(address, 303)
    response = make_response("")
    response.headers["HX-Location"] = json.dumps({"path": address, "target": "#zj-main"})
    response.headers["HX-Trigger"] = json.dumps({"zj:close-drawer": {}})
    return response


class ResourceView(View):
    """What the resource's views share; made for one resource by `admin_web.resource_routes`."""

    resource: Resource

    def shown(
        self,
        values: dict[str, Any],
        errors: dict[str, str],
        *,
        new: bool,
        fields: Sequence[Field] | None = None,
    ) -> list[ShownField]:
        """Return the form's (or `fields`) as the template shows them."""
        db = session()
        return [
            self._shown(db, field, values.get(field.name, ""), errors.get(field.name, ""), new)
            for field in (self.resource.fields if fields is None else fields)
        ]

    def _shown(self, db: TenantSession, field: Field, value: Any, error: str, new: bool) -> ShownField:
        fixed = not self.writable(field, new=new)
        options = field.options(db) if field.options else ()
        if fixed and options and not isinstance(value, list):
            value = dict(options).get(str(value), value)
        if fixed and isinstance(value, bool):
            value = gettext("Yes") if value else gettext("No")
        if fixed and field.personal_number and not new:
            value = visible_number(str(value))
        kind = {"phone": "tel"}.get(field.kind, field.kind)
        return ShownField(
            name=field.name,
            label=str(field.label),
            kind="readonly" if fixed and field.kind != "tree" else kind,
            value=value,
            required=field.required,
            hint=str(field.hint or ""),
            max_length=field.max_length,
            min=field.minimum,
            max=field.maximum,
            options=options,
            error=error,
            needs=field.needs,
            blank=str(field.blank or ""),
            section=str(field.section or ""),
            levels_of=field.levels_of,
            groups=grouped(field, options) if field.kind == "tree" else (),
        )

    def writable(self, field: Field, *, new: bool) -> bool:
        """Return whether the account may set `field` now."""
        if field.kind == "readonly" or (field.creating_only and not new):
            return False
        if field.personal_number and not new and not sees_full_numbers():
            return False
        return field.permission is None or may(field.permission)

    def form_page(
        self, row: Any, values: dict[str, Any], errors: dict[str, str], message: str = "", stamp: str = ""
    ) -> str:
        """Return the drawer with the form; `stamp` stands for what is stored of the row."""
        fields = self.shown(values, errors, new=row is None)
        return render_template(
            "resource/form.html",
            resource=self.resource,
            row=row,
            fields=fields,
            message=message,
            stamp=stamp,
            can_save=self.can_save(row),
        )

    def can_save(self, row: Any) -> bool:
        """Return whether the account may save the form of `row` (None: a new one)."""
        if row is None:
            return self.resource.create is not None and may(self.resource.create)
        if self.resource.edit is None or not may(self.resource.edit):
            return False
        extras = self.resource.extras(session(), [row])
        return self.resource.changeable(current_principal(), row, extras)


class ListView(ResourceView):
    """The list: filter bar, toolbar, table, pager."""

    def get(self) -> ResponseReturnValue:
        """Show a page of it."""
        resource, db = self.resource, session()
        values = {each.name: request.args.get(each.name, "").strip()[:100] for each in resource.filters}
        rows, after = list_rows(db, resource, values, request.args.get("before", 0, int))
        extras = resource.extras(db, rows)
        filters = [
            ShownField(
                name=each.name,
                label=str(each.label),
                kind=each.kind or ("select" if each.options else "text"),
                max_length=100,
                value=values[each.name],
                options=each.options(db) if each.options else (),
            )
            for each in resource.filters
        ]
        home = url_for(f"resources.{resource.name}")
        kept: dict[str, Any] = {name: value for name, value in values.items() if value}
        page = (
            "resource/table.html" if request.headers.get("HX-Target") == "zj-list" else "resource/list.html"
        )
        return render_template(
            page,
            resource=resource,
            rows=[shown_row(resource, row, extras) for row in rows],
            batch=shown_batch(resource),
            links=shown_links(resource, kept),
            filters=filters,
            home=home,
            here=request.full_path,
            first_href=url_for(f"resources.{resource.name}", **kept) if request.args.get("before") else "",
            next_href=url_for(f"resources.{resource.name}", before=after, **kept) if after else "",
            filtered=bool(kept),
        )


class FormView(ResourceView):
    """The form of one row, or of a new one."""

    def get(self, row_id: int = 0) -> ResponseReturnValue:
        """Show it."""
        db, resource = session(), self.resource
        row = row_of(db, resource, row_id) if row_id else None
        values = resource.field_values(db, row)
        if row is None and resource.copied is not None and (after := request.args.get("after", 0, int)):
            values |= resource.copied(db, row_of(db, resource, after))
        return self.form_page(row, values, {}, stamp=self._stamp(row))

    def _stamp(self, row: Any) -> str:
        """Return what stands for the values of `row` that this account's form replaces; of a new row nothing."""
        if row is None:
            return ""
        stored = self.resource.field_values(session(), row)
        mine = [field.name for field in self.resource.fields if self.writable(field, new=False)]
        return stamp_of(self.resource.name, row, {name: stored.get(name) for name in mine})

    def post(self, row_id: int = 0) -> ResponseReturnValue:
        """Save it; errors come back at their fields."""
        db, resource = session(), self.resource
        row = row_of(db, resource, row_id) if row_id else None
        writable = [field for field in resource.fields if self.writable(field, new=row is None)]
        options: dict[str, Options] = {field.name: field.options(db) for field in writable if field.options}
        given: Mapping[str, list[str]] = request.form.to_dict(flat=False)
        values, errors = parse_form(writable, given, options)
        message, stamp = "", request.form.get("stamp", "")
        if not errors:
            try:
                assert resource.save is not None
                if stamp and stamp != (present := self._stamp(row)):
                    stamp = present
                    raise ChangedSinceError()
                saved = resource.save(db, current_principal(), row, values)
                db.commit()
            except IntegrityError:
                message = TakenError().text()
            except CallerFault as error:
                place = field_of_error(error, writable)
                errors, message = ({place: error.text()}, "") if place else ({}, error.text())
            else:
                if row is None and resource.after_create is not None:
                    return gone_to(resource.after_create(saved))
                return changed(lazy("Saved: %(name)s", name=name_of_row(saved)), resource)
        return self._again(row_id, given, errors, message, stamp), 422

    def _again(
        self, row_id: int, given: Mapping[str, list[str]], errors: dict[str, str], message: str, stamp: str
    ) -> str:
        db = session()
        db.rollback()
        row = row_of(db, self.resource, row_id) if row_id else None
        values = self.resource.field_values(db, row)
        for field in self.resource.fields:
            if self.writable(field, new=row is None) and field.kind != "password":
                texts = given.get(field.name, [])
                values[field.name] = (
                    texts
                    if field.kind in ("choices", "tree")
                    else bool(texts)
                    if field.kind == "checkbox"
                    else "".join(texts[:1])
                )
        return self.form_page(row, values, errors, message, stamp)
