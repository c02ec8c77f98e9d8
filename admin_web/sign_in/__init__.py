"""Signing in and out, the steps a sign-in may still need, and the way back in for who forgot the password."""

from __future__ import annotations

from flask import Blueprint

from admin_web.sign_in import forgotten, idle, steps, views

blueprint = Blueprint("sign_in", __name__)
blueprint.add_url_rule("/sign-in", view_func=views.SignIn.as_view("page"))
blueprint.add_url_rule("/sign-out", view_func=views.SignOut.as_view("out"))
blueprint.add_url_rule("/sign-in/code", view_func=steps.CodeStep.as_view("code"))
blueprint.add_url_rule("/sign-in/new-password", view_func=steps.NewPasswordStep.as_view("new_password"))
blueprint.add_url_rule("/sign-in/set-up", view_func=steps.SetUpStep.as_view("set_up"))
blueprint.add_url_rule("/sign-in/forgotten", view_func=forgotten.Forgotten.as_view("forgotten"))
blueprint.add_url_rule("/sign-in/reset", view_func=forgotten.Reset.as_view("reset"))
blueprint.add_url_rule("/live/session", view_func=idle.Left.as_view("left"))
blueprint.add_url_rule("/session/stay", view_func=idle.Stay.as_view("stay"))

__all__ = ["blueprint"]
