"""Views of a described resource: list with keyset pages, form in a drawer, actions, deletion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from admin_web.errors import is_htmx
from admin_web.resource import Field, Options, Resource, ShownField, Tag, field_of_error, parse_form
from core.database import TenantSession
from core.errors import CallerFault, Conflict, NotFound
from core.i18n import LazyText, gettext, lazy
from core.permissions import Permission
from core.views import View, current_principal, may, session

PAGE_ROWS = 50


class InUseError(Conflict):
    """The database refuses the deletion: something refers to the row."""

    id = "in-use"
    sentence = lazy("It is still in use, so it cannot be deleted.")


class TakenError(Conflict):
    """The database refuses the row: another one has its code, number or name."""

    id = "taken"
    sentence = lazy("Another entry has this code, number or name already.")


def list_rows(
    db: TenantSession, resource: Resource, values: Mapping[str, str], before: int
) -> tuple[list[Any], int]:
    """Return a page of rows, newest first, below id `before` (0: from the top), and the next page's `before`."""
    query = resource.query(select(resource.model)).order_by(resource.model.id.desc()).limit(PAGE_ROWS + 1)
    if before:
        query = query.where(resource.model.id < before)
    for each in resource.filters:
        if values.get(each.name):
            query = each.apply(query, values[each.name])
    rows = list(db.scalars(query))
    return rows[:PAGE_ROWS], rows[PAGE_ROWS - 1].id if len(rows) > PAGE_ROWS else 0


def row_of(db: TenantSession, resource: Resource, row_id: int) -> Any:
    """Return the row in the session's scope. Raises ``NotFound``, for another tenant's too."""
    row = db.scalar(resource.query(select(resource.model)).where(resource.model.id == row_id))
    if row is None:
        raise NotFound(kind=resource.name, id=row_id)
    return row


def changed(text: LazyText | str, resource: Resource) -> ResponseReturnValue:
    """Return the answer after a change: close the drawer, say it, refresh the list."""
    if not is_htmx():
        return redirect(url_for(f"resources.{resource.name}"), 303)
    response = make_response("")
    response.headers["HX-Reswap"] = "none"
    response.headers["HX-Trigger"] = json.dumps(
        {"zj:close-drawer": {}, "zj:toast": {"text": str(text), "kind": "success"}, "zj:changed": {}}
    )
    return response


class ResourceView(View):
    """What the resource's views share; made for one resource by :func:`add_resource`."""

    resource: Resource

    def shown(self, values: dict[str, Any], errors: dict[str, str], *, new: bool) -> list[ShownField]:
        """Return the form's fields as the template shows them."""
        db = session()
        return [
            self._shown(db, field, values.get(field.name, ""), errors.get(field.name, ""), new)
            for field in self.resource.fields
        ]

    def _shown(self, db: TenantSession, field: Field, value: Any, error: str, new: bool) -> ShownField:
        fixed = not self.writable(field, new=new)
        options = field.options(db) if field.options else ()
        if fixed and options and not isinstance(value, list):
            value = dict(options).get(str(value), value)
        if fixed and isinstance(value, bool):
            value = gettext("Yes") if value else gettext("No")
        return ShownField(
            name=field.name,
            label=str(field.label),
            kind="readonly" if fixed else {"phone": "tel"}.get(field.kind, field.kind),
            value=value,
            required=field.required,
            hint=str(field.hint or ""),
            max_length=field.max_length,
            min=field.minimum,
            max=field.maximum,
            options=options,
            error=error,
        )

    def writable(self, field: Field, *, new: bool) -> bool:
        """Return whether the account may set `field` now."""
        if field.kind == "readonly" or (field.creating_only and not new):
            return False
        return field.permission is None or may(field.permission)

    def form_page(self, row: Any, values: dict[str, Any], errors: dict[str, str], message: str = "") -> str:
        """Return the drawer with the form."""
        fields = self.shown(values, errors, new=row is None)
        allowed = self.resource.edit if row is not None else self.resource.create
        return render_template(
            "resource/form.html",
            resource=self.resource,
            row=row,
            fields=fields,
            message=message,
            can_save=allowed is not None and may(allowed),
        )


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
                kind="select" if each.options else "text",
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
            rows=[(row, [cell(column, row, extras) for column in resource.columns]) for row in rows],
            filters=filters,
            home=home,
            here=request.full_path,
            first_href=url_for(f"resources.{resource.name}", **kept) if request.args.get("before") else "",
            next_href=url_for(f"resources.{resource.name}", before=after, **kept) if after else "",
            filtered=bool(kept),
        )


def cell(column: Any, row: Any, extras: Mapping[str, Any]) -> Any:
    """Return what stands in a cell."""
    return column.value(row, extras) if column.value else getattr(row, column.name)


class FormView(ResourceView):
    """The form of one row, or of a new one."""

    def get(self, row_id: int = 0) -> ResponseReturnValue:
        """Show it."""
        row = row_of(session(), self.resource, row_id) if row_id else None
        return self.form_page(row, self.resource.field_values(session(), row), {})

    def post(self, row_id: int = 0) -> ResponseReturnValue:
        """Save it; errors come back at their fields."""
        db, resource = session(), self.resource
        row = row_of(db, resource, row_id) if row_id else None
        writable = [field for field in resource.fields if self.writable(field, new=row is None)]
        options: dict[str, Options] = {field.name: field.options(db) for field in writable if field.options}
        given: Mapping[str, list[str]] = request.form.to_dict(flat=False)
        values, errors = parse_form(writable, given, options)
        message = ""
        if not errors:
            try:
                assert resource.save is not None
                saved = resource.save(db, current_principal(), row, values)
                db.commit()
            except IntegrityError:
                message = TakenError().text()
            except CallerFault as error:
                place = field_of_error(error, writable)
                errors, message = ({place: error.text()}, "") if place else ({}, error.text())
            else:
                name = (
                    getattr(saved, "name", "") or getattr(saved, "code", "") or getattr(saved, "number", "")
                )
                return changed(lazy("Saved: %(name)s", name=name), resource)
        return self._again(row_id, given, errors, message), 422

    def _again(
        self, row_id: int, given: Mapping[str, list[str]], errors: dict[str, str], message: str
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
                    if field.kind == "choices"
                    else bool(texts)
                    if field.kind == "checkbox"
                    else "".join(texts[:1])
                )
        return self.form_page(row, values, errors, message)


class ActionView(ResourceView):
    """One of the resource's actions on a row."""

    action_name: str

    def post(self, row_id: int) -> ResponseReturnValue:
        """Do it."""
        db = session()
        action = next(each for each in self.resource.actions if each.name == self.action_name)
        text = action.run(db, current_principal(), row_of(db, self.resource, row_id))
        db.commit()
        return changed(text, self.resource)


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


def add_resource(blueprint: Blueprint, resource: Resource) -> None:
    """Give `blueprint` the routes of `resource`, each with its access."""
    shared: dict[str, Any] = {"resource": resource, "all_tenants": resource.all_tenants}

    def view(kind: type[ResourceView], name: str, access: Permission, **more: Any) -> Any:
        made = type(f"{kind.__name__}_{name}", (kind,), {**shared, "access": access, **more})
        return cast(type[ResourceView], made).as_view(name)

    name, path = resource.name, resource.path
    blueprint.add_url_rule(path, view_func=view(ListView, name, resource.view))
    if resource.save is not None and resource.edit is not None:
        rights = {"POST": resource.edit}
        blueprint.add_url_rule(
            f"{path}/<int:row_id>",
            view_func=view(FormView, f"{name}_edit", resource.view, method_access=rights),
        )
    if resource.save is not None and resource.create is not None:
        blueprint.add_url_rule(f"{path}/new", view_func=view(FormView, f"{name}_new", resource.create))
    if resource.delete is not None and resource.remove is not None:
        blueprint.add_url_rule(
            f"{path}/<int:row_id>/delete", view_func=view(DeleteView, f"{name}_delete", resource.remove)
        )
    for action in resource.actions:
        function = view(ActionView, f"{name}_{action.name}", action.permission, action_name=action.name)
        blueprint.add_url_rule(f"{path}/<int:row_id>/{action.name}", view_func=function)


def is_tag(value: Any) -> bool:
    """Return whether a cell is a tag; a test for templates."""
    return isinstance(value, Tag)


def shown_actions(resource: Resource, row: Any) -> Sequence[Any]:
    """Return the actions the account may have done to `row`; for templates."""
    return [action for action in resource.actions if may(action.permission) and action.shown(row)]
