"""One's own account (ACC-1, ACC-2): password, language, second factor, sessions."""

from __future__ import annotations

from flask import Blueprint

from admin_web.me import views

blueprint = Blueprint("me", __name__, url_prefix="/me")
blueprint.add_url_rule("", view_func=views.Page.as_view("page"))
blueprint.add_url_rule("/password", view_func=views.Password.as_view("password"))
blueprint.add_url_rule("/language", view_func=views.Language.as_view("language"))
blueprint.add_url_rule("/second-factor", view_func=views.SecondFactor.as_view("second_factor"))
blueprint.add_url_rule("/second-factor/off", view_func=views.SecondFactorOff.as_view("second_factor_off"))
blueprint.add_url_rule("/second-factor/codes", view_func=views.RecoveryCodes.as_view("recovery_codes"))
blueprint.add_url_rule("/sessions/<int:session_id>/end", view_func=views.EndSession.as_view("end_session"))

__all__ = ["blueprint"]
