"""For load balancers and Prometheus: is this process well, and its figures. Neither tells anything about anybody."""

from __future__ import annotations

from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry
from sqlalchemy import literal, select
from sqlalchemy.exc import SQLAlchemyError

from core.database import ALL_TENANTS
from core.metrics import CONTENT_TYPE, exposition
from core.redis import RedisError
from core.views import Open, Parts, View, parts


def checks(made: Parts) -> dict[str, bool]:
    """Return which neighbours answer."""
    found = {"database": True, "redis": True}
    try:
        with made.database.transaction(ALL_TENANTS, read_only=True) as session:
            session.execute(select(literal(1)))
    except SQLAlchemyError:
        found["database"] = False
    try:
        made.redis.ping()
    except RedisError:
        found["redis"] = False
    return found


class Alive(View):
    """200 when database and Redis answer, else 503 with what does not."""

    access = Open.PUBLIC

    def get(self) -> ResponseReturnValue:
        """Answer."""
        found = checks(parts())
        return jsonify({"ok": all(found.values()), **found}), 200 if all(found.values()) else 503


def make_blueprint(registry: CollectorRegistry) -> Blueprint:
    """Return ``/healthz`` and ``/metrics`` (this worker's figures, to askers on this host only)."""

    class Metrics(View):
        """Figures of this worker."""

        access = Open.MACHINE

        def get(self) -> ResponseReturnValue:
            """Answer on loopback only; what a proxy on this host passes on is somebody else's."""
            if request.remote_addr not in {"127.0.0.1", "::1"} or "X-Forwarded-For" in request.headers:
                abort(404)
            return Response(exposition(registry), content_type=CONTENT_TYPE)

    blueprint = Blueprint("health", __name__)
    blueprint.add_url_rule("/healthz", view_func=Alive.as_view("alive"))
    blueprint.add_url_rule("/metrics", view_func=Metrics.as_view("metrics"))
    return blueprint
