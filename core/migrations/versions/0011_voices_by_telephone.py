"""Voices recorded by telephone: what became of each recording."""

import sqlalchemy as sa
from alembic import op

from core.migrations.types import TABLE, big_id, instant, long_text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "ivr_voice_take",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("take", sa.String(length=36), nullable=False),
        sa.Column("voice_id", big_id(), nullable=False),
        sa.Column("refusal", sa.String(length=64), nullable=False),
        sa.Column("details", long_text(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_ivr_voice_take_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ivr_voice_take"),
        sa.UniqueConstraint("take", name="uq_ivr_voice_take_take"),
        **TABLE,
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("ivr_voice_take")
