"""The web's session: Flask-SQLAlchemy on the process's own engine and metadata, scoped to the signed-in
account.

``db.session`` begins with the request and ends with it. Its scope is what `scope_of_request` returns (None
before sign-in: no tenant's rows can be read). For GET, HEAD and OPTIONS it is read-only and takes no write
lock; otherwise its first statement takes SQLite's: commit before waiting for anything else, such as a command
to the switch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, has_request_context, request
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import Engine

from core.database import Base, Database, Scope, TenantSession

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class RequestSession(TenantSession, FlaskSession):
    """A request's session."""

    def __init__(self, db: FlaskDatabase, **options: Any) -> None:
        read_only = has_request_context() and request.method in SAFE_METHODS
        super().__init__(db, scope=db.scope_of_request(), read_only=read_only, **options)

    def get_bind(self, mapper: Any = None, clause: Any = None, bind: Any = None, **options: Any) -> Any:
        """Return the process's engine: the reading one for safe methods."""
        database = self._db.database
        return bind or (database.reading_engine if self.info["read_only"] else database.engine)


class FlaskDatabase(SQLAlchemy):
    """The extension; made in the web's composition root: ``FlaskDatabase(database, scope).init_app(app)``."""

    def __init__(self, database: Database, scope_of_request: Callable[[], Scope | None]) -> None:
        self.database = database
        self.scope_of_request = scope_of_request
        super().__init__(
            metadata=Base.metadata,
            disable_autonaming=True,
            session_options={"class_": RequestSession, "expire_on_commit": False},
        )

    def init_app(self, app: Flask) -> None:
        """Register with `app`."""
        app.config["SQLALCHEMY_DATABASE_URI"] = self.database.engine.url
        super().init_app(app)

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> Engine:
        return self.database.engine

    def _apply_driver_defaults(self, options: dict[str, Any], app: Flask) -> None:
        """Nothing: the engine is made."""
