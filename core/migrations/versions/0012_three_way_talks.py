"""Three-way talks of a call."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

RECORD = "cti_call_record"
KIND = sa.String(length=2000)


def upgrade() -> None:
    """Add the column; of past calls none is known."""
    with op.batch_alter_table(RECORD, schema=None) as batch_op:
        batch_op.add_column(sa.Column("conferences", KIND, nullable=False, server_default=sa.text("'[]'")))
    with op.batch_alter_table(RECORD, schema=None) as batch_op:
        batch_op.alter_column("conferences", existing_type=KIND, existing_nullable=False, server_default=None)


def downgrade() -> None:
    """Take it away."""
    with op.batch_alter_table(RECORD, schema=None) as batch_op:
        batch_op.drop_column("conferences")
