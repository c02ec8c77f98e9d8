"""Records complete: region, who was offered last, entering the queue, the threshold, who hung up, the source."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from core.migrations.types import TABLE, big_id, instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RECORD = "cti_call_record"
NEW: tuple[tuple[str, Any, str], ...] = (
    ("region", sa.String(length=64), "''"),
    ("service_level_s", sa.Integer(), "0"),
    ("ended_by", sa.String(length=64), "''"),
    ("last_agent_id", big_id(), "0"),
    ("last_agent_name", sa.String(length=100), "''"),
    ("last_extension_id", big_id(), "0"),
    ("last_extension", sa.String(length=20), "''"),
    ("source_call_id", sa.String(length=64), "''"),
)
INDEXES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "ix_cti_call_record_tenant_id_direction_arrived_at_id",
        ("tenant_id", "direction", "arrived_at", "id"),
    ),
    ("ix_cti_call_record_tenant_id_missed_arrived_at_id", ("tenant_id", "missed", "arrived_at", "id")),
    ("ix_cti_call_record_tenant_id_extension_id_arrived_at", ("tenant_id", "extension_id", "arrived_at")),
)


def upgrade() -> None:
    """Make the columns and fill what older records can tell."""
    with op.batch_alter_table(RECORD, schema=None) as batch_op:
        for name, kind, default in NEW:
            batch_op.add_column(sa.Column(name, kind, nullable=False, server_default=sa.text(default)))
        batch_op.add_column(sa.Column("queue_entered_at", instant(), nullable=True))
    with op.batch_alter_table(RECORD, schema=None) as batch_op:
        for name, kind, _ in NEW:
            batch_op.alter_column(name, existing_type=kind, existing_nullable=False, server_default=None)
    _fill()
    for name, columns in INDEXES:
        op.create_index(name, RECORD, list(columns))
    _agent_states()


def downgrade() -> None:
    """Take them away."""
    op.drop_table("cti_agent_state_span")
    for name, _ in INDEXES:
        op.drop_index(name, table_name=RECORD)
    with op.batch_alter_table(RECORD, schema=None) as batch_op:
        for name, _, _ in NEW:
            batch_op.drop_column(name)
        batch_op.drop_column("queue_entered_at")


def _fill() -> None:
    """Who was offered last, from the offers; the queue's threshold as it is now."""
    for statement in (
        "UPDATE cti_call_record SET last_agent_id = COALESCE((SELECT o.agent_id FROM cti_call_offer o"
        " WHERE o.record_id = cti_call_record.id ORDER BY o.position DESC LIMIT 1), 0)",
        "UPDATE cti_call_record SET last_agent_name = COALESCE((SELECT o.agent_name FROM cti_call_offer o"
        " WHERE o.record_id = cti_call_record.id ORDER BY o.position DESC LIMIT 1), '')",
        "UPDATE cti_call_record SET last_extension_id = COALESCE((SELECT o.extension_id FROM cti_call_offer o"
        " WHERE o.record_id = cti_call_record.id ORDER BY o.position DESC LIMIT 1), 0)",
    ):
        op.execute(statement)
    op.execute(
        "UPDATE cti_call_record SET last_extension ="
        " COALESCE((SELECT e.number FROM cti_extension e WHERE e.id = cti_call_record.last_extension_id), '')"
        " WHERE last_extension_id <> 0"
    )
    op.execute(
        "UPDATE cti_call_record SET service_level_s ="
        " COALESCE((SELECT q.service_level_s FROM cti_queue q WHERE q.id = cti_call_record.queue_id), 0)"
        " WHERE queue_id <> 0"
    )


def _agent_states() -> None:
    """How long agents stood in which state."""
    op.create_table(
        "cti_agent_state_span",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("account_id", big_id(), nullable=False),
        sa.Column("account_name", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("began_at", instant(), nullable=False),
        sa.Column("ended_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_agent_state_span_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_agent_state_span"),
        sa.UniqueConstraint(
            "tenant_id",
            "account_id",
            "began_at",
            name="uq_cti_agent_state_span_tenant_id_account_id_began_at",
        ),
        **TABLE,
    )
    op.create_index(
        "ix_cti_agent_state_span_tenant_id_began_at", "cti_agent_state_span", ["tenant_id", "began_at"]
    )
