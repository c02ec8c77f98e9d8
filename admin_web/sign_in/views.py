"""The sign-in page, and signing out."""

from __future__ import annotations

from flask import current_app, g, make_response, redirect, render_template, request, url_for
from flask import session as form_session
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin_web.next_page import HOME, safe_path
from admin_web.requests import SESSION_COOKIE, set_session_cookie
from admin_web.shell import DemoFacts
from admin_web.sign_in.pace import guarded
from admin_web.sign_in.way import RESET_DONE, step_address
from core.database import ALL_TENANTS
from core.errors import ZongjiError
from core.i18n import gettext
from core.models import Tenant
from core.sessions import SessionOverError, SignInUnfinishedError
from core.sign_in import SignInRefusedError, authenticate
from core.throttle import TooOftenError
from core.views import Open, View, parts, principal_or_none, unfinished_or_none


class SignIn(View):
    """Company, account, password."""

    access = Open.PUBLIC

    def get(self) -> ResponseReturnValue:
        """Show the form, with why one is here."""
        goes_on = safe_path(request.args.get("next"))
        if principal_or_none() is not None:
            return redirect(goes_on)
        unfinished = unfinished_or_none()
        if unfinished is not None:
            return redirect(step_address(unfinished.step, goes_on))
        if request.args.get("why") == RESET_DONE:
            return self._page(success=gettext("Your password is changed. Sign in with the new one."))
        ended = g.get("session_error")
        return self._page(note=ended.text() if ended is not None and request.args.get("why") else "")

    def post(self) -> ResponseReturnValue:
        """Sign in; whatever session this browser had is over."""
        form = request.form
        company, login = form.get("company", ""), form.get("login", "")
        made, address = parts(), request.remote_addr or ""
        try:
            with guarded():
                who = authenticate(
                    made.database,
                    company,
                    login,
                    form.get("password", ""),
                    address,
                    throttle=made.throttle,
                )
        except (SignInRefusedError, TooOftenError) as error:
            return self._refused(error, company, login)
        token = made.sessions.begin(
            who.account_id,
            ip=address,
            user_agent=request.user_agent.string,
            replaces=request.cookies.get(SESSION_COOKIE, ""),
            epoch=who.epoch,
        )
        goes_on = safe_path(form.get("next"))
        try:
            made.sessions.verify(token, ip=address)
        except SignInUnfinishedError as unfinished:
            goes_on = step_address(unfinished.step, goes_on)
        except SessionOverError as error:  # the company's list or state changed this very moment
            return self._refused(error, company, login)
        form_session.clear()  # a new token for forms, as for the session
        response = make_response(redirect(goes_on))
        set_session_cookie(response, token)
        return response

    def _refused(self, error: ZongjiError, company: str, login: str) -> ResponseReturnValue:
        response = make_response(self._page(error=error.text(), company=company, login=login), error.status)
        if isinstance(error, TooOftenError):
            response.headers["Retry-After"] = str(error.retry_after_s)
        return response

    @staticmethod
    def _page(note: str = "", success: str = "", error: str = "", company: str = "", login: str = "") -> str:
        return render_template(
            "sign_in/page.html",
            note=note,
            success=success,
            error=error,
            company=company,
            login=login,
            next=safe_path(request.values.get("next", HOME)),
            demo=_demo_hint(),
        )


def _demo_hint() -> DemoFacts | None:
    """Return what may be said about the demo tenant, if it was made and still exists."""
    facts: DemoFacts | None = current_app.extensions["zongji-demo"]
    if facts is None or not parts().settings.demo:
        return None
    with parts().database.transaction(ALL_TENANTS, read_only=True) as session:
        exists = session.scalar(select(Tenant.id).where(Tenant.code == facts.company)) is not None
    return facts if exists else None


class SignOut(View):
    """End this session, or all of the account's."""

    access = Open.PUBLIC

    def post(self) -> ResponseReturnValue:
        """Do it and show the sign-in page."""
        principal = principal_or_none()
        token = request.cookies.get(SESSION_COOKIE)
        if principal is not None and request.form.get("everywhere"):
            parts().sessions.end_all(principal.account_id, principal)
        elif token:
            parts().sessions.end(token, ip=request.remote_addr or "")
        response = make_response(redirect(url_for("sign_in.page")))
        response.delete_cookie(SESSION_COOKIE, path="/")
        return response
