"""A forgotten password: company, account and mobile, then the code and a new password."""

from __future__ import annotations

import time
from typing import Final

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin_web.requests import SESSION_COOKIE
from admin_web.sign_in.pace import RESETS, guarded, limit, wait_from
from admin_web.sign_in.way import RESET_DONE
from core import own_account, passwords
from core.errors import CallerFault, ZongjiError
from core.password_reset import CODE_TIME
from core.throttle import TooOftenError
from core.views import Open, View, parts

BROWSER_COOKIE: Final = "zj_reset"
"""What makes a code this browser's; it says nothing about whether one was sent."""


class Forgotten(View):
    """Asks whose password it is."""

    access = Open.PUBLIC

    def get(self) -> ResponseReturnValue:
        """Show the form."""
        return render_template("sign_in/forgotten.html", error="", form={})

    def post(self) -> ResponseReturnValue:
        """Have a code sent if the three fit, and go on to the next page in any case."""
        began, form = time.monotonic(), request.form
        try:
            limit(RESETS, "password-reset")
        except TooOftenError as error:
            return render_template("sign_in/forgotten.html", error=error.text(), form=form), error.status
        browser = parts().password_reset.ask(
            form.get("company", ""),
            form.get("login", ""),
            form.get("mobile", ""),
            request.remote_addr or "",
        )
        wait_from(began)
        response = make_response(redirect(url_for("sign_in.reset"), 303))
        response.set_cookie(
            BROWSER_COOKIE,
            browser,
            max_age=int(CODE_TIME.total_seconds()),
            httponly=True,
            samesite="Strict",
            secure=parts().settings.effective_public_url.startswith("https:"),
            path="/sign-in",
        )
        return response


class Reset(View):
    """Takes the code and the new password."""

    access = Open.PUBLIC

    def get(self) -> ResponseReturnValue:
        """Show the form; who did not ask for a code in this browser asks first."""
        if not request.cookies.get(BROWSER_COOKIE):
            return redirect(url_for("sign_in.forgotten"))
        return self._page()

    def post(self) -> ResponseReturnValue:
        """Change the password; every session of the account ends, this browser signs in anew."""
        form, browser = request.form, request.cookies.get(BROWSER_COOKIE, "")
        new = form.get("new", "")
        try:
            own_account.require_repeated(new, form.get("again", ""))
            with guarded():
                parts().password_reset.finish(browser, form.get("code", ""), new, request.remote_addr or "")
        except (CallerFault, TooOftenError) as error:
            return self._page(error), error.status
        response = make_response(redirect(url_for("sign_in.page", why=RESET_DONE), 303))
        response.delete_cookie(BROWSER_COOKIE, path="/sign-in")
        response.delete_cookie(SESSION_COOKIE, path="/")
        return response

    @staticmethod
    def _page(error: ZongjiError | None = None) -> str:
        return render_template(
            "sign_in/reset.html",
            error=error.text() if error else "",
            code=request.form.get("code", ""),
            rule=passwords.rule(),
        )
