"""The way through a sign-in: which page a step has, and where it goes on afterwards."""

from __future__ import annotations

from typing import Final

from flask import make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from admin_web.next_page import HOME, safe_path
from admin_web.requests import SESSION_COOKIE, set_session_cookie
from core.sessions import SignInUnfinishedError, Step
from core.views import parts, principal_or_none, unfinished_or_none

RESET_DONE: Final = "password-reset"
"""Reason for being on the sign-in page that comes after a new password, not from a session's end."""

_PAGES: Final = {
    Step.CODE: "sign_in.code",
    Step.NEW_PASSWORD: "sign_in.new_password",
    Step.SET_UP: "sign_in.set_up",
}


def step_address(step: Step, goes_on: str) -> str:
    """Return the page of `step`, which goes on to the path `goes_on` of this site when all is done."""
    return url_for(_PAGES[step], next=None if goes_on == HOME else goes_on)


def next_of_request() -> str:
    """Return where the request says to go on."""
    return safe_path(request.values.get("next"))


def not_here(step: Step) -> Response | SignInUnfinishedError:
    """Return the sign-in under way if it is at `step`, else a redirect to where this browser belongs."""
    unfinished = unfinished_or_none()
    if unfinished is None:
        here = next_of_request()
        return redirect(here if principal_or_none() else url_for("sign_in.page", next=here))
    if unfinished.step is not step:
        return redirect(step_address(unfinished.step, next_of_request()))
    return unfinished


def step_done(*, second_factor: bool = False) -> tuple[str, str]:
    """Give the session a new token after a step; return it and the address of the next step, or of the page to go on
    with.
    """
    made = parts()
    token = made.sessions.rotate(request.cookies.get(SESSION_COOKIE, ""), second_factor=second_factor)
    goes_on = next_of_request()
    try:
        made.sessions.verify(token, ip=request.remote_addr or "")
    except SignInUnfinishedError as unfinished:
        goes_on = step_address(unfinished.step, goes_on)
    return token, goes_on


def go_on(*, second_factor: bool = False) -> ResponseReturnValue:
    """Answer a finished step: on to the next one or the page."""
    token, address = step_done(second_factor=second_factor)
    response = make_response(redirect(address))
    set_session_cookie(response, token)
    return response
