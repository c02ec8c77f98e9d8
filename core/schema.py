"""Bringing a database to the shape the code expects, and saying whether it has it.

Used by ``zongji`` at set-up and by the tests; a new step is made with ``python -m core.schema "what it
does"``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, event, text
from sqlalchemy.engine import Connection

from core.database import Base, make_engine

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (
    "core",
    "crm",
    "billing",
    "ivr",
    "cti",
    "dialer",
    "sms",
    "agent_desktop",
    "admin_web",
)
"""Folders that may hold tables, in the architecture's order."""

LOCK_TIMEOUT_S = 120
"""How long a second process waits while the first one migrates."""


class SchemaError(Exception):
    """The database could not be brought to the expected shape; the text says why."""


def load_models() -> MetaData:
    """Import every folder's ``models.py`` and return the metadata they filled."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("models.py")):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return Base.metadata


def upgrade(address: str, revision: str = "head") -> None:
    """Bring the database at `address` to `revision`. Safe when several processes do so at once."""
    with _migrating(address) as config:
        command.upgrade(config, revision)


def downgrade(address: str, revision: str) -> None:
    """Take the database at `address` back to `revision`; ``base`` is empty."""
    with _migrating(address) as config:
        command.downgrade(config, revision)


def current(address: str) -> str | None:
    """Return the database's revision, None when it is empty."""
    with _connection(address) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """Return the newest revision there is."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def check(address: str) -> list[str]:
    """Return how the database and the models differ, one sentence each; empty when they agree."""
    metadata = load_models()
    with _connection(address) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [repr(difference) for difference in compare_metadata(context, metadata)]


def new_revision(message: str) -> Path:
    """Write a migration that turns the newest revision into what the models say; return its file, to be
    reviewed.
    """
    number = f"{int(head()) + 1:04d}" if head() != "None" else "0001"
    engine = make_engine("sqlite://")
    try:
        with _migrating_with(engine) as config:
            command.upgrade(config, "head")
            script = command.revision(config, message, autogenerate=True, rev_id=number)
    finally:
        engine.dispose()
    assert script is not None
    assert not isinstance(script, list)
    return Path(script.path)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "core" / "migrations"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


@contextmanager
def _connection(address: str) -> Iterator[Connection]:
    engine = make_engine(address)
    try:
        with engine.connect().execution_options(writes=False) as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _migrating(address: str) -> Iterator[Config]:
    engine = make_engine(address, busy_timeout_s=LOCK_TIMEOUT_S)
    try:
        with _migrating_with(engine) as config:
            yield config
    finally:
        engine.dispose()


@contextmanager
def _migrating_with(engine: Engine) -> Iterator[Config]:
    """Yield Alembic's configuration with a connection on which nobody else migrates; commits at the end."""
    config = _config()
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _without_foreign_keys(connection: Any, record: Any) -> None:
            # A table is changed by making a new one; dropping the old one must not cascade.
            connection.cursor().execute("PRAGMA foreign_keys = OFF")

    with engine.begin() as connection:
        config.attributes["connection"] = connection
        if engine.dialect.name == "sqlite":
            yield config
            broken = connection.execute(text("PRAGMA foreign_key_check")).all()
            if broken:
                raise SchemaError(f"rows refer to rows that are not there: {broken[:5]}")
            return
        lock = {"name": f"zongji-schema-{engine.url.database}", "wait": LOCK_TIMEOUT_S}
        if connection.scalar(text("SELECT GET_LOCK(:name, :wait)"), lock) != 1:
            raise SchemaError("another process is migrating this database")
        try:
            yield config
        finally:
            connection.scalar(text("SELECT RELEASE_LOCK(:name)"), lock)


if __name__ == "__main__":
    sys.stdout.write(f"{new_revision(sys.argv[1])}\n")
