"""Column types and table options of the migrations, the same as `core.tables` gives the models.

Migrations do not import the models: a step must do tomorrow what it does today.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

TABLE: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_nopad_bin",
    "sqlite_autoincrement": True,
}
"""Options of every table; ``op.create_table(..., **TABLE)``."""


def big_id() -> sa.types.TypeEngine[int]:
    """Return the type of ids and of columns that refer to them."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def instant() -> sa.types.TypeEngine[Any]:
    """Return the type of times: UTC with microseconds."""
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")


def long_text() -> sa.types.TypeEngine[str]:
    """Return the type of text of up to 16 MB."""
    return sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
