"""The page of API keys: list, making one (the key is shown once), switching, deleting (ACC-13)."""

from __future__ import annotations

import datetime
import json
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.api import keys, scopes
from admin_web.api.documentation import DocsPage
from admin_web.api.models import ApiKey
from admin_web.api.scopes import MEANINGS, ApiScope
from admin_web.errors import is_htmx
from admin_web.resource import ShownField, Tag
from core.database import utc_now
from core.errors import CallerFault
from core.i18n import LazyText, gettext, lazy
from core.models import Account
from core.permissions import Permission
from core.views import View, current_principal, session


def state_of(row: ApiKey, maker: Account | None, now: datetime.datetime) -> Tag:
    """Return whether the key opens anything now, and why not."""
    if not row.enabled:
        return Tag(text=gettext("Disabled"), colour="grey")
    if row.expires_at is not None and row.expires_at <= now:
        return Tag(text=gettext("Expired"), colour="red")
    if maker is None or not maker.enabled or maker.deleted_at is not None:
        return Tag(text=gettext("Its maker is disabled"), colour="amber")
    return Tag(text=gettext("Enabled"), colour="green")


class KeysPage(View):
    """The list of the company's keys; at most `keys.MAX_KEYS`, so it comes whole."""

    access = Permission.API_VIEW

    def get(self) -> ResponseReturnValue:
        """Show it."""
        db = session()
        rows = list(db.scalars(select(ApiKey).order_by(ApiKey.id.desc())))
        makers = keys.makers(db, rows)
        now = utc_now()
        shown = [
            {
                "row": row,
                "scopes": sorted(each.value for each in scopes.decode(row.scopes)),
                "maker": makers[row.account_id].name,
                "state": state_of(row, makers.get(row.account_id), now),
            }
            for row in rows
        ]
        part = request.headers.get("HX-Target") == "zj-list"
        return render_template("api/table.html" if part else "api/keys.html", keys=shown)


class NewKey(View):
    """The form of a new key, and the key."""

    access = Permission.API_EDIT

    def get(self) -> ResponseReturnValue:
        """Show the form."""
        return _form({"days": "365", "per_minute": "600"}, set(), {})

    def post(self) -> ResponseReturnValue:
        """Make the key and show it, this once."""
        form, db, actor = request.form, session(), current_principal()
        known = {each.value for each in ApiScope}
        wanted = {ApiScope(each) for each in form.getlist("scopes") if each in known}
        try:
            made = keys.make(
                db,
                actor,
                name=form.get("name", ""),
                wanted=wanted,
                days=_whole(form.get("days", "")),
                per_minute=_whole(form.get("per_minute", "")),
            )
            db.commit()
        except CallerFault as error:
            db.rollback()
            values = {name: form.get(name, "") for name in ("name", "days", "per_minute")}
            field = str(error.details.get("field", ""))
            errors = {field: error.text()} if field else {}
            return _form(values, wanted, errors, "" if field else error.text()), error.status
        response = make_response(render_template("api/made.html", made=made, example=_example(made.token)))
        response.headers["HX-Trigger"] = json.dumps({"zj:changed": {}})
        return response


def _whole(text: str) -> int:
    """Return the number in `text`; what is none is -1, which no service takes."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _example(token: str) -> str:
    address = url_for("api.document", _external=True).removesuffix("/openapi.json")
    return f'curl -H "Authorization: Bearer {token}" {address}/queues'


def _form(values: dict[str, str], wanted: set[ApiScope], errors: dict[str, str], message: str = "") -> str:
    days = [(str(each), gettext("%(days)s days", days=each)) for each in keys.LIFETIMES]
    fields: list[ShownField] = [
        ShownField(
            name="name",
            label=gettext("Name"),
            kind="text",
            value=values.get("name", ""),
            required=True,
            max_length=100,
            hint=gettext("What the key is for, such as the system that uses it."),
            error=errors.get("name", ""),
        ),
        ShownField(
            name="days",
            label=gettext("Expires after"),
            kind="select",
            value=values.get("days", ""),
            required=True,
            options=[*days, ("0", gettext("Never"))],
            error=errors.get("days", ""),
        ),
        ShownField(
            name="per_minute",
            label=gettext("Requests a minute"),
            kind="number",
            value=values.get("per_minute", ""),
            required=True,
            min=keys.PER_MINUTE[0],
            max=keys.PER_MINUTE[1],
            error=errors.get("per_minute", ""),
        ),
    ]
    offered = [(each, MEANINGS[each].text) for each in scopes.grantable(current_principal().permissions)]
    return render_template(
        "api/form.html",
        fields=fields,
        scopes=offered,
        wanted=wanted,
        scope_error=errors.get("scopes", ""),
        message=message,
    )


class KeyAction(View):
    """What is done to a key by a button."""

    access = Permission.API_EDIT

    def post(self, key_id: int) -> ResponseReturnValue:
        """Do it, say it, and have the list load anew."""
        db: Any = session()
        row = keys.key_of(db, key_id)
        text = self.carry_out(db, row)
        db.commit()
        if not is_htmx():
            return redirect(url_for("api_keys.keys"), 303)
        response = make_response("")
        response.headers["HX-Reswap"] = "none"
        toast = {"text": str(text), "kind": "success"}
        response.headers["HX-Trigger"] = json.dumps({"zj:toast": toast, "zj:changed": {}})
        return response

    def carry_out(self, db: Any, row: ApiKey) -> LazyText:
        """Change the row and return what to say; each action has its own."""
        raise NotImplementedError


class EnableKey(KeyAction):
    """A key on."""

    def carry_out(self, db: Any, row: ApiKey) -> LazyText:
        """Switch it on."""
        keys.set_enabled(db, current_principal(), row, True)
        return lazy("The key %(name)s works again.", name=row.name)


class DisableKey(KeyAction):
    """A key off; on a page from before somebody else did it, too."""

    def carry_out(self, db: Any, row: ApiKey) -> LazyText:
        """Switch it off."""
        keys.set_enabled(db, current_principal(), row, False)
        return lazy("The key %(name)s opens nothing any more.", name=row.name)


class DeleteKey(KeyAction):
    """A key gone for good."""

    def carry_out(self, db: Any, row: ApiKey) -> LazyText:
        """Delete it."""
        name = row.name
        keys.delete(db, current_principal(), row)
        return lazy("The key %(name)s is deleted.", name=name)


blueprint = Blueprint("api_keys", __name__)
blueprint.add_url_rule("/api-keys", view_func=KeysPage.as_view("keys"))
blueprint.add_url_rule("/api-keys/new", view_func=NewKey.as_view("new"))
blueprint.add_url_rule("/api-keys/<int:key_id>/enable", view_func=EnableKey.as_view("enable"))
blueprint.add_url_rule("/api-keys/<int:key_id>/disable", view_func=DisableKey.as_view("disable"))
blueprint.add_url_rule("/api-keys/<int:key_id>/delete", view_func=DeleteKey.as_view("delete"))
blueprint.add_url_rule("/api/docs", view_func=DocsPage.as_view("docs"))
