"""Access control (访问控制, ACC-11; manual 002 §2.29-2.31): the networks a company's people and programs come from."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from admin_web.resource import ShownField
from admin_web.resource_views import TakenError, changed_list
from core.access import service
from core.access.models import AccessRange
from core.access.networks import InvalidNetworkError, Network, parse
from core.errors import CallerFault, InvalidField, NotFound
from core.i18n import gettext, lazy
from core.permissions import Permission
from core.views import View, current_principal, parts, session

PAGE_ROWS = 50


class NameMissingError(InvalidField):
    """A range has a name, so that one knows later whose it is."""

    sentence = lazy("This field is needed.")


def search(text: str, ip: str, before: int) -> list[AccessRange]:
    """Return a page of ranges and one more, newest first, below id `before` (0: from the top).

    `text` is part of a name; `ip` an address or network, which finds the ranges it lies in, or part of a written one.
    """
    query = select(AccessRange).order_by(AccessRange.id.desc())
    if text:
        query = query.where(AccessRange.name.contains(text, autoescape=True))
    if ip:
        wide = [each.id for each in session().scalars(select(AccessRange)) if _covers(each, ip)]
        query = query.where(or_(AccessRange.network.contains(ip, autoescape=True), AccessRange.id.in_(wide)))
    if before:
        query = query.where(AccessRange.id < before)
    return list(session().scalars(query.limit(PAGE_ROWS + 1)))


def _covers(row: AccessRange, text: str) -> bool:
    try:
        wanted: Network = parse(text)
    except InvalidNetworkError:
        return False
    own = parse(row.network)
    return own.version == wanted.version and wanted.subnet_of(own)  # type: ignore[arg-type]


class AccessView(View):
    """What the views share."""

    access = Permission.ACCESS_VIEW

    @staticmethod
    def row(row_id: int) -> AccessRange:
        """Return the company's row. Raises ``NotFound``, for another company's too."""
        row = session().get(AccessRange, row_id)
        if row is None:
            raise NotFound(kind="access-range", id=row_id)
        return row

    @staticmethod
    def commit() -> None:
        """Commit; every process looks at its open pages and streams at once."""
        session().after_commit(parts().sessions.changed)
        session().commit()


class List(AccessView):
    """The list, with one's own address."""

    def get(self) -> ResponseReturnValue:
        """Show a page of it."""
        name, ip = (request.args.get(each, "").strip()[:100] for each in ("name", "ip"))
        before = request.args.get("before", 0, int)
        rows = search(name, ip, before)
        kept = {key: value for key, value in (("name", name), ("ip", ip)) if value}
        more = len(rows) > PAGE_ROWS
        part = request.headers.get("HX-Target") == "zj-list"
        return render_template(
            "access/table.html" if part else "access/list.html",
            rows=rows[:PAGE_ROWS],
            own_address=current_principal().ip,
            covers_own=lambda row: _covers(row, current_principal().ip),
            access_edit=Permission.ACCESS_EDIT,
            filters=[
                ShownField(name="name", label=gettext("Name"), kind="text", value=name),
                ShownField(name="ip", label=gettext("IP"), kind="text", value=ip),
            ],
            filtered=bool(kept),
            here=request.full_path,
            first_href=url_for("access_control.page", **_query(kept)) if before else "",
            next_href=url_for("access_control.page", **_query(kept, before=rows[PAGE_ROWS - 1].id))
            if more
            else "",
        )


def _query(kept: dict[str, str], **more: Any) -> dict[str, Any]:
    return {**kept, **more}


class New(AccessView):
    """A new range."""

    access = Permission.ACCESS_EDIT

    def get(self) -> ResponseReturnValue:
        """Show the form."""
        return self._form({}, {})

    def post(self) -> ResponseReturnValue:
        """Add it; what is refused comes back at its field."""
        given = {name: request.form.get(name, "").strip() for name in ("name", "network", "sure")}
        try:
            if not given["name"]:
                raise NameMissingError(field="name")
            row = service.add(
                session(),
                current_principal(),
                name=given["name"][:100],
                network=given["network"],
                sure=bool(given["sure"]),
            )
            self.commit()
        except IntegrityError:
            session().rollback()
            return self._form(given, {"network": TakenError().text()}), 422
        except CallerFault as error:
            session().rollback()
            return self._form(given, {str(error.details.get("field", "network")): error.text()}), 422
        return changed_list(lazy("Saved: %(name)s", name=row.name), url_for("access_control.page"))

    @staticmethod
    def _form(given: dict[str, str], errors: dict[str, str]) -> str:
        return render_template(
            "access/new.html", given=given, errors=errors, own_address=current_principal().ip
        )


class Delete(AccessView):
    """Deleting a range, after a look at what it does to oneself."""

    access = Permission.ACCESS_EDIT

    def get(self, row_id: int) -> ResponseReturnValue:
        """Ask."""
        return self._form(self.row(row_id))

    def post(self, row_id: int) -> ResponseReturnValue:
        """Do it."""
        row = self.row(row_id)
        try:
            service.delete(session(), current_principal(), row, sure=bool(request.form.get("sure")))
            self.commit()
        except service.LockOutError as error:
            session().rollback()
            return self._form(self.row(row_id), error.text()), 422
        return changed_list(lazy("Deleted."), url_for("access_control.page"))

    @staticmethod
    def _form(row: AccessRange, error: str = "") -> str:
        who = current_principal()
        last = len(service.networks_of(session(), who.tenant_id)) == 1
        return render_template(
            "access/delete.html",
            row=row,
            error=error,
            last=last,
            locks_out=service.would_lock_out(session(), who, row),
            own_address=who.ip,
        )


blueprint = Blueprint("access_control", __name__, url_prefix="/access-control")
blueprint.add_url_rule("", view_func=List.as_view("page"))
blueprint.add_url_rule("/new", view_func=New.as_view("new"))
blueprint.add_url_rule("/<int:row_id>/delete", view_func=Delete.as_view("delete"))
