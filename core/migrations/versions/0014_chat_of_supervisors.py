"""What supervisors and agents write to each other."""

import sqlalchemy as sa
from alembic import op

from core.migrations.types import TABLE, big_id, instant, long_text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NAME = "desk_chat_line"
INDEXES = (
    ("tenant_id", "agent_id", "supervisor_id", "id"),
    ("tenant_id", "supervisor_id", "read_at"),
    ("tenant_id", "agent_id", "read_at"),
    ("sent_at",),
)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        NAME,
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("supervisor_id", big_id(), nullable=False),
        sa.Column("agent_id", big_id(), nullable=False),
        sa.Column("by_agent", sa.Boolean(), nullable=False),
        sa.Column("text", long_text(), nullable=False),
        sa.Column("sent_at", instant(), nullable=False),
        sa.Column("read_at", instant(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=f"fk_{NAME}_tenant_id"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{NAME}"),
        **TABLE,
    )
    for columns in INDEXES:
        op.create_index(f"ix_{NAME}_{'_'.join(columns)}", NAME, list(columns))


def downgrade() -> None:
    """Take it away."""
    op.drop_table(NAME)
