"""Announcements (ACC-9): the list, the form, and what stands at the top of everybody's pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import or_, select
from sqlalchemy.exc import SQLAlchemyError

from admin_web.errors import is_htmx
from admin_web.live import EVERYBODY
from admin_web.resource import ShownField, id_in
from core.announcements import service
from core.announcements.models import Announcement
from core.bus import publish_live
from core.i18n import LazyText, gettext, lazy
from core.models import Account
from core.permissions import Permission
from core.redis import RedisError
from core.views import Open, View, current_principal, parts, session

PAGE_ROWS = 50
FOUND = 50
"""Accounts offered for what was typed."""


def tell_pages() -> None:
    """Have open pages of the company look again; without Redis they see it when they are loaded."""
    try:
        publish_live(parts().redis, current_principal().tenant_id, [EVERYBODY], "announcements", {})
    except RedisError:
        return


def _done(text: LazyText) -> ResponseReturnValue:
    if not is_htmx():
        return redirect(url_for("announcements.announcements"), 303)
    response = make_response("")
    response.headers["HX-Reswap"] = "none"
    response.headers["HX-Trigger"] = json.dumps(
        {"zj:close-drawer": {}, "zj:toast": {"text": str(text), "kind": "success"}, "zj:changed": {}}
    )
    return response


class Announcements(View):
    """The list, newest first."""

    access = Permission.ANNOUNCEMENTS_EDIT

    def get(self) -> ResponseReturnValue:
        """Show a page of it."""
        db = session()
        text = request.args.get("q", "").strip()[:100]
        before = request.args.get("before", 0, int)
        query = select(Announcement).order_by(Announcement.id.desc()).limit(PAGE_ROWS + 1)
        if before:
            query = query.where(Announcement.id < before)
        if text:
            query = query.where(
                or_(
                    Announcement.title.contains(text, autoescape=True),
                    Announcement.body.contains(text, autoescape=True),
                )
            )
        rows = db.scalars(query).all()
        shown = rows[:PAGE_ROWS]
        people = select(Account.id, Account.name).where(Account.id.in_({row.author_id for row in shown}))
        home = url_for("announcements.announcements")
        kept: dict[str, Any] = {"q": text} if text else {}
        more = len(rows) > PAGE_ROWS
        part = request.headers.get("HX-Target") == "zj-list"
        return render_template(
            "announcements/table.html" if part else "announcements/list.html",
            rows=shown,
            readers=service.readers(db, shown),
            authors={row[0]: row[1] for row in db.execute(people)},
            filters=[ShownField(name="q", label=gettext("Title or text"), kind="text", value=text)],
            filtered=bool(text),
            home=home,
            here=request.full_path,
            first_href=url_for("announcements.announcements", **kept) if before else "",
            next_href=url_for("announcements.announcements", before=shown[-1].id, **kept) if more else "",
        )


class Form(View):
    """A new announcement, or one to be changed."""

    access = Permission.ANNOUNCEMENTS_EDIT

    def get(self, announcement_id: int = 0) -> ResponseReturnValue:
        """Show the form."""
        if not announcement_id:
            return self._page({"title": "", "body": "", "everybody": True, "targets": []}, {})
        row = service.of_id(session(), announcement_id)
        targets = service.target_ids(session(), row)
        return self._page(
            {"title": row.title, "body": row.body, "everybody": row.everybody, "targets": targets}, {}
        )

    def post(self, announcement_id: int = 0) -> ResponseReturnValue:
        """Save it, or show what is wrong with it at its field."""
        db, form = session(), request.form
        row = service.of_id(db, announcement_id) if announcement_id else None
        values: dict[str, Any] = {
            "title": form.get("title", ""),
            "body": form.get("body", ""),
            "everybody": form.get("everybody") == "1",
            "targets": [found for each in form.getlist("targets") if (found := id_in(each))],
        }
        try:
            service.save(
                db,
                current_principal(),
                row,
                title=values["title"],
                body=values["body"],
                everybody=values["everybody"],
                account_ids=values["targets"],
            )
        except service.AnnouncementError as error:
            db.rollback()
            return self._page(values, {str(error.details["field"]): error.text()}), error.status
        db.after_commit(tell_pages)
        db.commit()
        return _done(lazy("Saved. It stands at the top of the readers' pages."))

    @staticmethod
    def _page(values: dict[str, Any], errors: dict[str, str]) -> str:
        return render_template(
            "announcements/form.html",
            values=values,
            errors=errors,
            chosen=_people(values["targets"]),
            max_title=service.MAX_TITLE,
            max_body=service.MAX_BODY,
        )


def _people(ids: Sequence[int]) -> list[tuple[int, str]]:
    query = select(Account.id, Account.name, Account.login).where(Account.id.in_(ids)).order_by(Account.login)
    return [(row_id, f"{name} ({login})") for row_id, name, login in session().execute(query)]


class Targets(View):
    """Accounts that fit what was typed, for the choice of readers."""

    access = Permission.ANNOUNCEMENTS_EDIT

    def get(self) -> ResponseReturnValue:
        """Answer with at most :data:`FOUND` of them."""
        text = request.args.get("q", "").strip()[:100]
        query = select(Account.id, Account.name, Account.login).where(Account.deleted_at.is_(None))
        if text:
            fits = (
                Account.name.contains(text, autoescape=True),
                Account.login.contains(text, autoescape=True),
            )
            query = query.where(or_(*fits))
        rows = session().execute(query.order_by(Account.login).limit(FOUND))
        return jsonify([{"value": str(row[0]), "text": f"{row[1]} ({row[2]})"} for row in rows])


class Delete(View):
    """Deletion of an announcement."""

    access = Permission.ANNOUNCEMENTS_EDIT

    def post(self, announcement_id: int) -> ResponseReturnValue:
        """Do it."""
        db = session()
        service.remove(db, current_principal(), service.of_id(db, announcement_id))
        db.after_commit(tell_pages)
        db.commit()
        return _done(lazy("Deleted."))


class Mine(View):
    """What the signed-in account has not read yet, as it stands at the top of its pages."""

    access = Open.SIGNED_IN

    def get(self) -> ResponseReturnValue:
        """Show it."""
        return render_template("announcements/mine.html")


class Read(View):
    """Having read one."""

    access = Open.SIGNED_IN

    def post(self, announcement_id: int) -> ResponseReturnValue:
        """Note it and show what is left."""
        db = session()
        service.mark_read(db, current_principal().account_id, announcement_id)
        db.commit()
        return render_template("announcements/mine.html")


def unread_announcements() -> Sequence[Announcement]:
    """Return what stands at the top of the signed-in account's pages; for templates.

    The page of an error has a top too: a database that is away, or a request's broken session, leaves it empty.
    """
    principal = current_principal()
    try:
        with parts().database.transaction(principal.tenant_id, read_only=True) as fresh:
            return service.unread(fresh, principal.account_id)
    except SQLAlchemyError:
        return ()


blueprint = Blueprint("announcements", __name__, url_prefix="/announcements")
blueprint.add_url_rule("", view_func=Announcements.as_view("announcements"))
blueprint.add_url_rule("/new", view_func=Form.as_view("new"))
blueprint.add_url_rule("/<int:announcement_id>", view_func=Form.as_view("edit"))
blueprint.add_url_rule("/<int:announcement_id>/delete", view_func=Delete.as_view("delete"))
blueprint.add_url_rule("/<int:announcement_id>/read", view_func=Read.as_view("read"))
blueprint.add_url_rule("/targets", view_func=Targets.as_view("targets"))
blueprint.add_url_rule("/mine", view_func=Mine.as_view("mine"))
