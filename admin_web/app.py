"""The Flask application: its parts wired, its rules installed. Blueprints of other folders come in as arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Flask
from flask_babel import Babel
from werkzeug.middleware.proxy_fix import ProxyFix

from admin_web import (
    errors,
    health,
    live,
    live_platform_views,
    requests,
    resources,
    security,
    shell,
    switch_directory,
)
from admin_web.access_control import blueprint as access_blueprint
from admin_web.accounts_transfer.views import blueprint as accounts_transfer_blueprint
from admin_web.announcements import blueprint as announcements_blueprint
from admin_web.announcements import unread_announcements
from admin_web.api.blueprint import blueprint as api_blueprint
from admin_web.api.pages import blueprint as api_keys_blueprint
from admin_web.assets import Assets
from admin_web.calendars import blueprint as calendars_blueprint
from admin_web.demo import blueprint as demo_blueprint
from admin_web.flows import blueprint as flows_blueprint
from admin_web.groups import blueprint as groups_blueprint
from admin_web.jobs import blueprint as jobs_blueprint
from admin_web.left_messages import blueprint as left_messages_blueprint
from admin_web.me import blueprint as me_blueprint
from admin_web.menu import Item
from admin_web.records import blueprint as records_blueprint
from admin_web.reports import blueprint as reports_blueprint
from admin_web.shell import DemoFacts
from admin_web.sign_in import blueprint as sign_in_blueprint
from admin_web.supervision import blueprint as supervision_blueprint
from admin_web.voices import blueprint as voices_blueprint
from admin_web.webhooks.views import blueprint as webhooks_blueprint
from core import i18n, redis
from core import settings as settings_module
from core.crypto import Vault
from core.database import Database
from core.flask_db import FlaskDatabase
from core.i18n import current_language
from core.messages import LogSender
from core.metrics import make_registry
from core.password_reset import PasswordReset
from core.sessions import Sessions
from core.settings import Settings
from core.throttle import Throttle
from core.views import Parts, check_classified, install, scope_of_request

MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""Largest body of a request; pages that take files say so themselves."""


def make_parts(settings: Settings) -> Parts:
    """Build what the process needs from `settings`. Nothing is connected yet."""
    database = Database.from_settings(settings)
    client = redis.from_settings(settings)
    sessions = Sessions(database, client, idle_timeout_s=settings.idle_timeout_s)
    throttle = Throttle(client)
    return Parts(
        settings=settings,
        database=database,
        db=FlaskDatabase(database, scope_of_request),
        redis=client,
        sessions=sessions,
        vault=Vault.from_settings(settings),
        throttle=throttle,
        password_reset=PasswordReset(
            database=database, sessions=sessions, throttle=throttle, sender=LogSender()
        ),
    )


def create_app(
    settings: Settings | None = None,
    *,
    blueprints: Sequence[Blueprint] = (),
    shell_entries: Sequence[str] = (),
    menu: Sequence[Item] = (),
    demo: DemoFacts | None = None,
    parts: Parts | None = None,
) -> Flask:
    """Return the application.

    `blueprints` are those of other folders, `shell_entries` their scripts for every page of who may use the desk,
    `menu` their entries of the left menu, `demo` what may be said of the demo tenant.
    Raises ``UnclassifiedRouteError`` when a route declares no access.
    """
    settings = settings or (parts.settings if parts else settings_module.load())
    parts = parts or make_parts(settings)
    app = Flask("admin_web", static_folder="static")
    secure = settings.effective_public_url.startswith("https:")
    app.config.update(
        SECRET_KEY=settings.secret("forms"),
        SESSION_COOKIE_NAME="zj_form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        WTF_CSRF_TIME_LIMIT=None,
        BABEL_DEFAULT_LOCALE=settings.default_language,
        BABEL_DEFAULT_TIMEZONE=settings.default_timezone,
        BABEL_TRANSLATION_DIRECTORIES=str(i18n.DIRECTORY),
    )
    if secure:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    install(app, parts)
    parts.db.init_app(app)
    Babel(app, locale_selector=current_language, timezone_selector=requests.timezone)
    assets = Assets()
    shell.set_up_templates(app, assets, list(shell_entries), list(menu))
    app.jinja_env.globals.update(unread_announcements=unread_announcements)
    registry = make_registry("web", "0.1.0")
    requests.install(app, registry, secure_cookie=secure)
    csrf = security.install(app)
    errors.install(app)
    app.extensions["zongji-demo"] = demo
    app.extensions["zongji-live"] = live.Live(parts)
    api = api_blueprint(app)
    own: list[Any] = [
        shell.blueprint,
        sign_in_blueprint,
        me_blueprint,
        access_blueprint,
        resources.blueprint(),
        flows_blueprint,
        calendars_blueprint,
        records_blueprint,
        left_messages_blueprint,
        reports_blueprint,
        supervision_blueprint,
        demo_blueprint,
        announcements_blueprint,
        groups_blueprint,
        jobs_blueprint,
        accounts_transfer_blueprint,
        voices_blueprint,
    ]
    own += [
        live.blueprint,
        live_platform_views.blueprint,
        health.make_blueprint(registry),
        switch_directory.blueprint,
        api,
        api_keys_blueprint,
        webhooks_blueprint,
    ]
    app.url_map.converters["int"] = requests.RowIdConverter
    for blueprint in [*own, *blueprints]:
        app.register_blueprint(blueprint)
    check_classified(app)
    security.exempt_machines(app, csrf)
    return app
