"""The shell: what every template may use, the start page, the language."""

from __future__ import annotations

import dataclasses
import datetime
import time
from typing import Any

from babel.dates import format_datetime, get_timezone
from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    make_response,
    redirect,
    request,
)
from flask.typing import ResponseReturnValue

from admin_web import menu as menu_module
from admin_web.assets import Assets
from admin_web.errors import is_htmx
from admin_web.next_page import safe_path
from admin_web.requests import LANGUAGE_COOKIE, THEME_COOKIE, timezone
from admin_web.resource_shown import is_tag
from admin_web.security import csp_nonce
from core import keys, phone
from core.clock import from_ms
from core.i18n import LANGUAGES, current_language, gettext, ngettext
from core.permissions import Permission
from core.redis import RedisError
from core.roles import BUILT_IN_NAMES
from core.settings import SwitchKind
from core.views import Open, View, current_principal, may, parts, principal_or_none, shown_number

SWITCH_KNOWN_S = 10.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class DemoFacts:
    """What the composition root knows of the demo tenant, for the sign-in and test call pages."""

    company: str
    password: str
    logins: tuple[tuple[str, str], ...]
    """Login and name."""
    number: str
    """What callers dial to reach its route."""


_switch_seen: dict[str, Any] = {"until": 0.0, "kind": ""}


def switch_kind() -> str:
    """Return which switch is driven: what the controller reports, else what the settings say (kept for 10 s)."""
    now = time.monotonic()
    if now >= _switch_seen["until"]:
        settings = parts().settings
        kind = settings.effective_switch.value
        try:
            reported: Any = parts().redis.hget(keys.cell(settings.cell), "switch")
            kind = reported.decode() if reported else kind
        except RedisError:
            pass
        _switch_seen.update(until=now + SWITCH_KNOWN_S, kind=kind)
    return str(_switch_seen["kind"])


def script_words() -> dict[str, str]:
    """Return the texts the shell's scripts show."""
    return {
        "close": gettext("Close"),
        "offline": gettext("The server cannot be reached. Calls go on; please try again."),
        "no-recording": gettext("There is no recording to play."),
        "connected": gettext("Connected"),
        "connecting": gettext("Connecting"),
        "remove": gettext("Remove"),
        "nothing-found": gettext("Nothing fits."),
        "idle-title": gettext("Are you still there?"),
        "idle-text": gettext("Nothing was done here for a while. You will be signed out in a moment."),
        "idle-stay": gettext("Stay signed in"),
        "signed-out-in-call": gettext(
            "You are signed out. Your call goes on; when it ends, the sign-in page says why."
        ),
    }


def local_time(moment: datetime.datetime | int | None, form: str = "yyyy-MM-dd HH:mm:ss") -> str:
    """Return an instant (aware, or milliseconds since the epoch) in the tenant's zone."""
    if not moment:
        return ""
    aware = from_ms(moment) if isinstance(moment, int) else moment
    return str(
        format_datetime(
            aware, form, tzinfo=get_timezone(timezone()), locale="zh" if current_language() == "zh" else "en"
        )
    )


def duration(seconds: float | None) -> str:
    """Return a length as people read it: ``1:05`` or ``1:02:03``."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def set_up_templates(
    app: Flask, assets: Assets, shell_entries: list[str], extra_menu: list[menu_module.Item]
) -> None:
    """Give `app`'s templates their functions and variables."""
    environment = app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.tests["zj_tag"] = is_tag
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters.update(
        local_time=local_time, duration=duration, phone=shown_number, own_number=phone.display
    )
    environment.globals.update(
        vite_asset=assets.tags,
        vite_url=assets.url,
        icon=assets.icon,
        csp_nonce=csp_nonce,
        script_words=script_words,
        may=may,
    )

    @app.context_processor
    def _variables() -> dict[str, Any]:
        principal = principal_or_none()
        variables: dict[str, Any] = {
            "language": current_language(),
            "theme": "dark" if request.cookies.get(THEME_COOKIE) == "dark" else "light",
            "layout": "plain.html",
            "extra_entries": (),
            "identity": None,
        }
        if principal is not None:
            swaps = is_htmx() and request.headers.get("HX-Target") in {None, "zj-main"}
            variables["identity"] = principal
            variables["role_name"] = (
                str(BUILT_IN_NAMES[principal.built_in_role])
                if principal.built_in_role is not None
                else principal.role_name
            )
            variables["layout"] = "main.html" if swaps else "shell.html"
            if not is_htmx():
                variables["extra_entries"] = shell_entries if may(Permission.DESK_USE) else ()
                variables["menu"] = menu_module.build(extra_menu, is_operator=principal.is_operator)
                variables["simulator"] = switch_kind() == SwitchKind.SWITCHSIM.value
        return variables

    app.extensions["zongji-menu"] = extra_menu


class Home(View):
    """The first page an account may see."""

    access = Open.SIGNED_IN

    def get(self) -> ResponseReturnValue:
        """Go there."""
        principal = current_principal()
        groups = menu_module.build(current_app.extensions["zongji-menu"], is_operator=principal.is_operator)
        entries = [entry for group in groups for entry in group.entries]
        if not entries:
            abort(404)
        return redirect(entries[0].href)


class Language(View):
    """Choose the language of pages in this browser."""

    access = Open.PUBLIC

    def post(self) -> ResponseReturnValue:
        """Remember it for a year and go back."""
        language = request.form.get("language", "")
        response = make_response(redirect(safe_path(request.form.get("next", "/")), 303))
        if language in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=31_536_000, samesite="Lax", httponly=True)
        return response


blueprint = Blueprint("shell", __name__)
blueprint.add_url_rule("/", view_func=Home.as_view("home"))
blueprint.add_url_rule("/language", view_func=Language.as_view("language"))
