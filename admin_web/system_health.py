"""The operator's page of how the running platform is: every check by name, what is wrong first.

What is checked comes from the composition root (`zongji.health`): this folder may not know how other processes are
asked. The page reads neither database nor Redis itself, so that it stands while one of them is away.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Sequence

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from core.clock import now_ms
from core.permissions import Permission
from core.views import View

PLACE = "zj-health"
"""Id of the part that renews itself."""


class State(enum.StrEnum):
    """How a thing is."""

    WRONG = "wrong"
    """Calls or pages do not work, or will stop to."""
    NOTE = "note"
    """It works, but somebody should know; or it cannot be told."""
    WELL = "well"


ORDER = (State.WRONG, State.NOTE, State.WELL)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the page, in the reader's language."""

    key: str
    """Names it in every language, such as ``database`` or ``cell:cell1``."""
    name: str
    state: State
    how: str
    remedy: str = ""
    """What to do; empty when all is well."""
    since_ms: int = 0
    """When it came into this state; 0: not known."""


Look = Callable[[], Sequence[Check]]
"""Looks at everything now, in the current language. Never raises for what is broken: that is what it tells."""


def sorted_checks(checks: Sequence[Check]) -> list[Check]:
    """Return `checks`, what is wrong first, each kind in the order given."""
    return sorted(checks, key=lambda check: ORDER.index(check.state))


def make_blueprint(look: Look) -> Blueprint:
    """Return the page; it shows what `look` finds."""

    class Health(View):
        """How everything is; a part of it renews itself every few seconds."""

        access = Permission.SYSTEM_VIEW
        all_tenants = True

        def get(self) -> ResponseReturnValue:
            """Look and show it."""
            checks = sorted_checks(look())
            partial = request.headers.get("HX-Target") == PLACE
            return render_template(
                "system_health/checks.html" if partial else "system_health/page.html",
                checks=checks,
                wrong=sum(check.state is State.WRONG for check in checks),
                notes=sum(check.state is State.NOTE for check in checks),
                now_ms=now_ms(),
            )

    blueprint = Blueprint("system_health", __name__)
    blueprint.add_url_rule("/platform/health", view_func=Health.as_view("page"))
    return blueprint
