"""Composition of the web application: admin and desk in one shell (they do not import each other)."""

from __future__ import annotations

from flask import Flask

from admin_web import system_health
from admin_web.app import create_app, make_parts
from admin_web.menu import Item
from admin_web.shell import DemoFacts
from agent_desktop import views as desk
from core import phone
from core.i18n import lazy
from core.permissions import Permission
from core.settings import Settings
from zongji import demo
from zongji.health import Health

DESK_ITEM = Item(
    group="work",
    title=lazy("Agent desktop"),
    endpoint="agent_desktop.desk",
    icon="headset",
    access=Permission.DESK_USE,
)


def make_application(settings: Settings) -> Flask:
    """Return the whole web application for `settings`."""
    facts = DemoFacts(
        company=demo.COMPANY,
        password=demo.PASSWORD,
        logins=tuple((login, name) for login, name, *_rest in demo.PEOPLE),
        number=phone.parse(demo.NUMBER).stored,
    )
    made = make_parts(settings)
    health = Health(settings, made.database, made.redis, web=True)
    return create_app(
        settings,
        blueprints=[desk.blueprint, system_health.make_blueprint(health.look)],
        shell_entries=[desk.SHELL_ENTRY],
        menu=[DESK_ITEM],
        demo=facts,
        parts=made,
    )
