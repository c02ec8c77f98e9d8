"""Supervision: thresholds."""

import sqlalchemy as sa
from alembic import op

from core.migrations.types import TABLE, big_id, instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

LIMITS = ("wait_amber_s", "wait_red_s", "waiting_amber", "waiting_red", "level_amber", "level_red")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "cti_queue_threshold",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("queue_id", big_id(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in LIMITS),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["cti_queue.tenant_id", "cti_queue.id"],
            name="fk_cti_queue_threshold_tenant_id_queue_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_queue_threshold_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_queue_threshold"),
        sa.UniqueConstraint("queue_id", name="uq_cti_queue_threshold_queue_id"),
        **TABLE,
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("cti_queue_threshold")
