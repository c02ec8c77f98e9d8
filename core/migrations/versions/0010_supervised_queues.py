"""Queues an account supervises; holds of a call."""

import sqlalchemy as sa
from alembic import op

from core.migrations.types import long_text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

RECORD = "cti_call_record"
NEW = (("holds", sa.String(length=2000), "'[]'"), ("hold_s", sa.Integer(), "0"))


def upgrade() -> None:
    """Add the columns: everybody supervises all queues as before, and of past calls no hold is known."""
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("supervised_queues", long_text(), nullable=True))
    with op.batch_alter_table(RECORD, schema=None) as batch_op:
        for name, kind, default in NEW:
            batch_op.add_column(sa.Column(name, kind, nullable=False, server_default=sa.text(default)))
    with op.batch_alter_table(RECORD, schema=None) as batch_op:
        for name, kind, _ in NEW:
            batch_op.alter_column(name, existing_type=kind, existing_nullable=False, server_default=None)


def downgrade() -> None:
    """Take them away."""
    with op.batch_alter_table(RECORD, schema=None) as batch_op:
        for name, _, _ in NEW:
            batch_op.drop_column(name)
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_column("supervised_queues")
