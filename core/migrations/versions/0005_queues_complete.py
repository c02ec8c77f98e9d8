"""Queues complete: dispatch rules, skills, announcements, ways out; why an agent was chosen."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from core.migrations.types import big_id

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COLUMNS: tuple[tuple[str, str, Any, str], ...] = (
    ("cti_queue", "rule", sa.String(length=32), "'longest_idle'"),
    ("cti_queue", "last_agent_first", sa.Boolean(), "0"),
    ("cti_queue", "skill_level", sa.Integer(), "1"),
    ("cti_queue", "skill_step_s", sa.Integer(), "0"),
    ("cti_queue", "closed_states", sa.String(length=100), "'not_ready,break,away,wrap_up'"),
    ("cti_queue", "announcement", sa.String(length=500), "''"),
    ("cti_queue", "announcement_voice_id", big_id(), "0"),
    ("cti_queue", "announce_every_s", sa.Integer(), "0"),
    ("cti_queue", "announce_position", sa.Boolean(), "0"),
    ("cti_queue", "announce_wait", sa.Boolean(), "0"),
    ("cti_queue", "overflow_full", sa.String(length=32), "''"),
    ("cti_queue", "overflow_timeout", sa.String(length=32), "''"),
    ("cti_queue", "overflow_nobody", sa.String(length=32), "''"),
    ("cti_queue", "callback_key", sa.String(length=1), "''"),
    ("cti_queue", "announce_agent", sa.Boolean(), "0"),
    ("cti_queue", "missed_limit", sa.Integer(), "0"),
    ("cti_queue_member", "level", sa.Integer(), "5"),
    ("cti_call_offer", "why", sa.String(length=64), "''"),
)
"""Table, column, type, and the value of rows that exist."""
TABLES = ("cti_queue", "cti_queue_member", "cti_call_offer")


def upgrade() -> None:
    """Add the columns; what exists goes on as before."""
    for table in TABLES:
        added = [each[1:] for each in COLUMNS if each[0] == table]
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, kind, value in added:
                batch_op.add_column(sa.Column(name, kind, nullable=False, server_default=sa.text(value)))
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, kind, _ in added:
                batch_op.alter_column(name, existing_type=kind, existing_nullable=False, server_default=None)


def downgrade() -> None:
    """Take them away."""
    for table in reversed(TABLES):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for each in reversed(COLUMNS):
                if each[0] == table:
                    batch_op.drop_column(each[1])
