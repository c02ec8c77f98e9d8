"""The pages of one's own account. Every change acts on the account that is signed in, whatever was sent."""

from __future__ import annotations

import json
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin_web.errors import is_htmx
from admin_web.me.browsers import browser_in_words
from admin_web.requests import LANGUAGE_COOKIE
from admin_web.sign_in.pace import guarded
from admin_web.sign_in.steps import offer_values
from core import own_account, passwords, second_factor
from core.errors import CallerFault, ZongjiError
from core.i18n import LANGUAGES, LazyText, lazy
from core.models import Account
from core.sign_in import check_password
from core.throttle import TooOftenError
from core.views import Open, View, current_principal, parts, session


class OwnView(View):
    """Shows a page again with what was refused, said at its form."""

    access = Open.SIGNED_IN

    def refused(self, form: str, error: ZongjiError) -> ResponseReturnValue:
        """Return the page with `error` at `form`."""
        return page(form, error), error.status


def page(form: str = "", error: ZongjiError | None = None) -> str:
    """Return the page of one's own account, with `error` at the form of that name."""
    who = current_principal()
    account = session().get_one(Account, who.account_id)
    own = [
        {"row": row, "browser": browser_in_words(row.user_agent), "here": row.id == who.session_id}
        for row in parts().sessions.of_account(who.account_id)
    ]
    return render_template(
        "me/page.html",
        account=account,
        factor_on=second_factor.is_on(account),
        codes_left=second_factor.recovery_codes_left(account),
        required=who.is_operator,
        sessions=own,
        rule=passwords.rule(login=who.login, company=who.tenant_code),
        wrong={form: error.text()} if error else {},
    )


def done(text: LazyText) -> ResponseReturnValue:
    """Return the answer after a change: the page anew, and `text` in the corner."""
    if not is_htmx():
        return redirect(url_for("me.page"), 303)
    response = make_response(page())
    response.headers["HX-Push-Url"] = url_for("me.page")
    response.headers["HX-Trigger"] = json.dumps({"zj:toast": {"text": str(text), "kind": "success"}})
    return response


class Page(OwnView):
    """The page."""

    def get(self) -> ResponseReturnValue:
        """Show it."""
        return page()


class Password(OwnView):
    """A new password."""

    def get(self) -> ResponseReturnValue:
        """The form is on the page (an address kept from a refused change)."""
        return redirect(url_for("me.page"))

    def post(self) -> ResponseReturnValue:
        """Change it; every other session ends."""
        form, made = request.form, parts()
        new = form.get("new", "")
        try:
            own_account.require_repeated(new, form.get("again", ""))
            with guarded():
                own_account.change_password(
                    made.database, made.sessions, current_principal(), form.get("present", ""), new
                )
        except (CallerFault, TooOftenError) as error:
            return self.refused("password", error)
        return done(lazy("Your password is changed; your other sessions have ended."))


class Language(OwnView):
    """The language of one's pages, in every browser."""

    def get(self) -> ResponseReturnValue:
        """The form is on the page."""
        return redirect(url_for("me.page"))

    def post(self) -> ResponseReturnValue:
        """Keep it, and use it here at once: the shell is in it too, so the whole page comes anew."""
        language = request.form.get("language", "")
        own_account.choose_language(parts().database, parts().sessions, current_principal(), language)
        response = make_response(redirect(url_for("me.page"), 303))
        if is_htmx():
            response = make_response("")
            response.headers["HX-Redirect"] = url_for("me.page")
        if language in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=31_536_000, samesite="Lax", httponly=True)
        else:
            response.delete_cookie(LANGUAGE_COOKIE)
        return response


class SecondFactor(OwnView):
    """Setting up the second factor."""

    def get(self) -> ResponseReturnValue:
        """Show a fresh secret, or what there is to do with the present one."""
        return self._page()

    def post(self) -> ResponseReturnValue:
        """Confirm the secret by the password and a code, and show the recovery codes, this once.

        Without the password, whoever finds an open browser could lock its owner out.
        """
        made, who = parts(), current_principal()
        try:
            offer = second_factor.open_offer(made.vault, request.form.get("offer", ""), who.account_id)
            with guarded():
                check_password(made.database, who.account_id, request.form.get("password", ""), who.ip)
                codes = second_factor.turn_on(
                    made.database, made.vault, who, offer, request.form.get("code", "")
                )
        except (CallerFault, TooOftenError) as error:
            return self._page(error), error.status
        made.sessions.changed()
        return render_template("me/codes.html", codes=codes)

    def _page(self, error: ZongjiError | None = None) -> str:
        who = current_principal()
        on = second_factor.is_on(session().get_one(Account, who.account_id))
        values: dict[str, Any] = {} if on else offer_values(who.account_id, who.tenant_code, who.login)
        return render_template(
            "me/second_factor.html",
            on=on,
            required=who.is_operator,
            error=error.text() if error else "",
            **values,
        )


class SecondFactorOff(OwnView):
    """Doing without the second factor."""

    def get(self) -> ResponseReturnValue:
        """The form is on the second factor's page."""
        return redirect(url_for("me.second_factor"))

    def post(self) -> ResponseReturnValue:
        """Switch it off, with password and code."""
        made, form = parts(), request.form
        try:
            with guarded():
                second_factor.turn_off(
                    made.database,
                    made.vault,
                    current_principal(),
                    form.get("password", ""),
                    form.get("code", ""),
                )
        except (CallerFault, TooOftenError) as error:
            return _factor_page(error), error.status
        made.sessions.changed()
        return done(lazy("The second factor is off."))


class RecoveryCodes(OwnView):
    """New recovery codes in place of the old ones."""

    def get(self) -> ResponseReturnValue:
        """The form is on the second factor's page."""
        return redirect(url_for("me.second_factor"))

    def post(self) -> ResponseReturnValue:
        """Make them, with password and code, and show them this once."""
        made, form = parts(), request.form
        try:
            with guarded():
                codes = second_factor.renew_recovery_codes(
                    made.database,
                    made.vault,
                    current_principal(),
                    form.get("password", ""),
                    form.get("code", ""),
                )
        except (CallerFault, TooOftenError) as error:
            return _factor_page(error), error.status
        return render_template("me/codes.html", codes=codes)


def _factor_page(error: ZongjiError) -> str:
    return render_template(
        "me/second_factor.html", on=True, required=current_principal().is_operator, error=error.text()
    )


class EndSession(OwnView):
    """Ending another of one's own sessions."""

    def post(self, session_id: int) -> ResponseReturnValue:
        """End it; somebody else's does not exist."""
        parts().sessions.end_one(current_principal(), session_id)
        return done(lazy("The session has ended."))
