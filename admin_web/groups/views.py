"""Views of user groups: the tree, and for each group its form, move, recharge, trust, deletion, history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin_web.errors import is_htmx
from admin_web.groups import queries
from admin_web.resource import Field, Options, ShownField, field_of_error, parse_form
from core.errors import CallerFault
from core.groups import quotas, service
from core.groups.models import UserGroup
from core.i18n import LazyText, gettext, lazy
from core.permissions import Permission
from core.views import View, current_principal, may, session

NAME = Field(name="name", label=lazy("Name"), required=True, max_length=100)
AMOUNT = Field(
    name="amount",
    label=lazy("Messages"),
    required=True,
    max_length=11,
    hint=lazy("A minus sign takes back what is not used."),
)
NOTE = Field(name="note", label=lazy("Note"), max_length=200)


def reachable(group_id: int) -> UserGroup:
    """Return a group the signed-in account administers. Raises ``NotFound``."""
    service.require_reach(session(), current_principal(), group_id)
    return service.group_of(session(), group_id)


def done(text: LazyText) -> ResponseReturnValue:
    """Return the answer after a change: close the drawer, say it, refresh the tree."""
    if not is_htmx():
        return redirect(url_for("groups.groups"), 303)
    response = make_response("")
    response.headers["HX-Reswap"] = "none"
    response.headers["HX-Trigger"] = json.dumps(
        {"zj:close-drawer": {}, "zj:toast": {"text": str(text), "kind": "success"}, "zj:changed": {}}
    )
    return response


class Tree(View):
    """The tree."""

    access = Permission.GROUPS_VIEW

    def get(self) -> ResponseReturnValue:
        """Show it."""
        principal = current_principal()
        reach = principal.group_reach
        partial = request.headers.get("HX-Target") == "zj-list"
        return render_template(
            "groups/tree.html" if partial else "groups/page.html",
            rows=queries.shown_tree(session(), reach),
            whole=reach is None,
            may_edit_groups=may(Permission.GROUPS_EDIT),
            gives=quotas.gives_for_company(principal),
        )


class History(View):
    """Changes of quota, of everything within reach or of one group and its members."""

    access = Permission.GROUPS_VIEW

    def get(self, row_id: int = 0) -> ResponseReturnValue:
        """Show a page of it."""
        group = reachable(row_id) if row_id else None
        before = request.args.get("before", 0, int)
        entries, after = queries.history(session(), current_principal().group_reach, row_id, before)
        here: dict[str, Any] = {"row_id": row_id} if row_id else {}
        endpoint = "groups.group_history" if row_id else "groups.history"
        return render_template(
            "groups/history.html",
            group=group,
            entries=entries,
            first_href=url_for(endpoint, **here) if before else "",
            next_href=url_for(endpoint, before=after, **here) if after else "",
        )


class GroupForm(View):
    """A drawer with fields; subclasses say which, and what is done with them."""

    access = Permission.GROUPS_EDIT

    def fields(self, group: UserGroup | None) -> list[Field]:
        """Return the fields."""
        raise NotImplementedError

    def values(self, group: UserGroup | None) -> dict[str, Any]:
        """Return what they show at first."""
        return {}

    def title(self, group: UserGroup | None) -> str:
        """Return the drawer's heading."""
        raise NotImplementedError

    def about(self, group: UserGroup | None) -> str:
        """Return what is said above the fields."""
        return ""

    def save(self, group: UserGroup | None, values: dict[str, Any]) -> LazyText:
        """Do it and return what is said afterwards. Raises ``CallerFault``."""
        raise NotImplementedError

    def get(self, row_id: int = 0) -> ResponseReturnValue:
        """Show the form."""
        group = reachable(row_id) if row_id else None
        return self._page(group, self.values(group), {})

    def post(self, row_id: int = 0) -> ResponseReturnValue:
        """Save it; errors come back at their fields."""
        group = reachable(row_id) if row_id else None
        fields = self.fields(group)
        options: dict[str, Options] = {each.name: each.options(session()) for each in fields if each.options}
        values, errors = parse_form(fields, request.form.to_dict(flat=False), options)
        message = ""
        if not errors:
            try:
                text = self.save(group, values)
                session().commit()
                return done(text)
            except CallerFault as error:
                place = field_of_error(error, fields)
                errors, message = ({place: error.text()}, "") if place else ({}, error.text())
        session().rollback()
        group = reachable(row_id) if row_id else None
        return self._page(group, request.form, errors, message), 422

    def _page(
        self, group: UserGroup | None, values: Mapping[str, Any], errors: dict[str, str], message: str = ""
    ) -> str:
        shown = [
            ShownField(
                name=each.name,
                label=str(each.label),
                kind=each.kind,
                value=values.get(each.name, each.default),
                required=each.required,
                hint=str(each.hint or ""),
                max_length=each.max_length,
                options=each.options(session()) if each.options else (),
                error=errors.get(each.name, ""),
            )
            for each in self.fields(group)
        ]
        return render_template(
            "groups/form.html",
            title=self.title(group),
            about=self.about(group),
            fields=shown,
            message=message,
        )


def _place_field(group: UserGroup | None) -> Field:
    """Return the choice of the group above; at the top of all only for whose rights cover the company."""
    principal = current_principal()

    def places(db: Any) -> Options:
        below = service.subtree_ids(db, group.id) if group is not None else set()
        return [each for each in service.options(db, principal.group_reach) if int(each[0]) not in below]

    return Field(
        name="parent",
        label=lazy("Below"),
        kind="select",
        options=places,
        required=principal.group_reach is not None,
        hint=lazy("Empty: at the top.") if principal.group_reach is None else None,
    )


class Create(GroupForm):
    """A new group, at the top or below another one."""

    def fields(self, group: UserGroup | None) -> list[Field]:
        """Return name and place."""
        return [NAME, _place_field(None)]

    def values(self, group: UserGroup | None) -> dict[str, Any]:
        """Return the place it was asked for at."""
        return {"parent": group.id if group else ""}

    def title(self, group: UserGroup | None) -> str:
        """Return the heading."""
        return gettext("New group")

    def save(self, group: UserGroup | None, values: dict[str, Any]) -> LazyText:
        """Make it."""
        parent = int(values["parent"]) if values["parent"] else None
        made = service.create_group(session(), current_principal(), values["name"], parent)
        return lazy("Saved: %(name)s", name=made.name)


class Edit(GroupForm):
    """A group's name and place; its quota goes along."""

    def fields(self, group: UserGroup | None) -> list[Field]:
        """Return name and, unless it is the top of one's own reach, place."""
        assert group is not None
        own = current_principal().group_reach == group.id
        return [NAME] if own else [NAME, _place_field(group)]

    def values(self, group: UserGroup | None) -> dict[str, Any]:
        """Return what it is."""
        assert group is not None
        return {"name": group.name, "parent": group.parent_id or ""}

    def title(self, group: UserGroup | None) -> str:
        """Return the heading."""
        assert group is not None
        return group.name

    def about(self, group: UserGroup | None) -> str:
        """Say what moving does."""
        return gettext("A group that moves takes its members, the groups below it and its quota along.")

    def save(self, group: UserGroup | None, values: dict[str, Any]) -> LazyText:
        """Rename and move it."""
        assert group is not None
        actor = current_principal()
        service.rename_group(session(), actor, group, values["name"])
        if "parent" in values:
            service.move_group(session(), actor, group, int(values["parent"]) if values["parent"] else None)
        return lazy("Saved: %(name)s", name=group.name)


class Recharge(GroupForm):
    """充值: gives a group messages, or takes free ones back."""

    def fields(self, group: UserGroup | None) -> list[Field]:
        """Return amount and note."""
        return [AMOUNT, NOTE]

    def title(self, group: UserGroup | None) -> str:
        """Return the heading."""
        assert group is not None
        return gettext("Recharge %(name)s", name=group.name)

    def about(self, group: UserGroup | None) -> str:
        """Say what there is."""
        assert group is not None
        if current_principal().group_reach == group.id:  # what is above it is not told either
            raise quotas.NotYoursToGiveError()
        free = service.available(session(), group.id)
        if group.parent_id is None:
            return gettext(
                "It has %(quota)s messages, %(free)s of them not handed on. What it gets comes out of the company.",
                quota=group.quota,
                free=free,
            )
        return gettext(
            "It has %(quota)s messages, %(free)s of them not handed on. %(parent)s above it can give %(left)s.",
            quota=group.quota,
            free=free,
            parent=service.group_of(session(), group.parent_id).name,
            left=service.available(session(), group.parent_id),
        )

    def save(self, group: UserGroup | None, values: dict[str, Any]) -> LazyText:
        """Do it."""
        assert group is not None
        amount = quotas.parse_amount(values["amount"])
        service.recharge_group(session(), current_principal(), group, amount, values["note"])
        return lazy("%(name)s has %(quota)s messages now.", name=group.name, quota=group.quota)


class Review(View):
    """Sets review or trust: what the button named."""

    access = Permission.GROUPS_EDIT

    def post(self, row_id: int) -> ResponseReturnValue:
        """Do it."""
        group = reachable(row_id)
        needed = request.form.get("needed") == "1"
        service.set_review(session(), current_principal(), group, needed)
        session().commit()
        if needed:
            return done(lazy("Tasks of %(name)s wait for approval now.", name=group.name))
        return done(lazy("Tasks of %(name)s need no approval now.", name=group.name))


class Delete(View):
    """Deletes an empty group."""

    access = Permission.GROUPS_EDIT

    def post(self, row_id: int) -> ResponseReturnValue:
        """Do it, or say what keeps it."""
        group = reachable(row_id)
        service.delete_group(session(), current_principal(), group)
        session().commit()
        return done(lazy("Deleted."))


blueprint = Blueprint("groups", __name__, url_prefix="/groups")
blueprint.add_url_rule("", view_func=Tree.as_view("groups"))
blueprint.add_url_rule("/history", view_func=History.as_view("history"))
blueprint.add_url_rule("/new", view_func=Create.as_view("new"))
blueprint.add_url_rule("/<int:row_id>/new", view_func=Create.as_view("new_below"))
blueprint.add_url_rule("/<int:row_id>", view_func=Edit.as_view("edit"))
blueprint.add_url_rule("/<int:row_id>/recharge", view_func=Recharge.as_view("recharge"))
blueprint.add_url_rule("/<int:row_id>/review", view_func=Review.as_view("review"))
blueprint.add_url_rule("/<int:row_id>/delete", view_func=Delete.as_view("delete"))
blueprint.add_url_rule("/<int:row_id>/history", view_func=History.as_view("group_history"))
