"""Alembic's environment. `core.schema` hands in an open connection; nothing is read from a file."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import BigInteger, Enum, Text

from core.schema import load_models
from core.tables import UtcDateTime


def _render(kind: str, item: Any, generator: Any) -> str | Literal[False]:
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        name = "instant"
    elif isinstance(item, BigInteger) and "sqlite" in item._variant_mapping:
        name = "big_id"
    elif isinstance(item, Text) and "mysql" in item._variant_mapping:
        name = "long_text"
    elif isinstance(item, Enum):
        return f"sa.String(length={item.length})"
    else:
        return False
    generator.imports.add(f"from core.migrations.types import {name}")
    return f"{name}()"


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=load_models(),
    compare_type=True,
    render_as_batch=True,
    render_item=_render,
    user_module_prefix="",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
