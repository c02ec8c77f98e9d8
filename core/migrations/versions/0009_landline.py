"""Extensions answered on an outside telephone: whether a key takes the call."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    with op.batch_alter_table("cti_extension") as batch_op:
        batch_op.add_column(
            sa.Column("press_to_take", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("cti_extension") as batch_op:
        batch_op.alter_column(
            "press_to_take", existing_type=sa.Boolean(), existing_nullable=False, server_default=None
        )


def downgrade() -> None:
    """Take it away."""
    with op.batch_alter_table("cti_extension") as batch_op:
        batch_op.drop_column("press_to_take")
