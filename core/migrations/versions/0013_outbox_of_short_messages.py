"""The outbox of short messages."""

import sqlalchemy as sa
from alembic import op

from core.migrations.types import big_id, instant, long_text

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLE = "sms_message"
INDEXES = (
    ("state", "next_at"),
    ("tenant_id", "call_id"),
    ("tenant_id", "mobile", "queued_at"),
    ("tenant_id", "id"),
    ("tenant_id", "state", "id"),
    ("tenant_id", "asked_at"),
)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        TABLE,
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("mobile", sa.String(length=32), nullable=False),
        sa.Column("text", long_text(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("flow_id", big_id(), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("node_name", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("asked_at", instant(), nullable=False),
        sa.Column("queued_at", instant(), nullable=False),
        sa.Column("next_at", instant(), nullable=True),
        sa.Column("ended_at", instant(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_sms_message_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sms_message"),
        sa.UniqueConstraint("tenant_id", "key", name="uq_sms_message_tenant_id_key"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        sqlite_autoincrement=True,
    )
    for columns in INDEXES:
        op.create_index(f"ix_{TABLE}_{'_'.join(columns)}", TABLE, list(columns))


def downgrade() -> None:
    """Take it away."""
    op.drop_table(TABLE)
