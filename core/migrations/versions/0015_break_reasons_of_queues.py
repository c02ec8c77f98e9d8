"""Own break reasons with which a queue's calls come all the same."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

QUEUE = "cti_queue"
KIND = sa.String(length=2000)


def upgrade() -> None:
    """Add the column: with no own reason calls come."""
    with op.batch_alter_table(QUEUE, schema=None) as batch_op:
        batch_op.add_column(sa.Column("open_reasons", KIND, nullable=False, server_default=sa.text("''")))
    with op.batch_alter_table(QUEUE, schema=None) as batch_op:
        batch_op.alter_column(
            "open_reasons", existing_type=KIND, existing_nullable=False, server_default=None
        )


def downgrade() -> None:
    """Take it away."""
    with op.batch_alter_table(QUEUE, schema=None) as batch_op:
        batch_op.drop_column("open_reasons")
