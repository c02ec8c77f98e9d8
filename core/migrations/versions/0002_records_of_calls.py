"""Records of calls: calls, legs, offers, recordings."""

import sqlalchemy as sa
from alembic import op

from core.migrations.types import TABLE, big_id, instant, long_text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cti_call_leg",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("leg_uuid", sa.String(length=64), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("direction", sa.String(length=32), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("started_at", instant(), nullable=False),
        sa.Column("answered_at", instant(), nullable=True),
        sa.Column("ended_at", instant(), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("ended_by", sa.String(length=64), nullable=False),
        sa.Column("from_number", sa.String(length=32), nullable=False),
        sa.Column("to_number", sa.String(length=32), nullable=False),
        sa.Column("agent_id", big_id(), nullable=False),
        sa.Column("extension", sa.String(length=20), nullable=False),
        sa.Column("sip_call_id", sa.String(length=200), nullable=False),
        sa.Column("network_address", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=200), nullable=False),
        sa.Column("codec", sa.String(length=32), nullable=False),
        sa.Column("quality", long_text(), nullable=False),
        sa.Column("core_uuid", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_call_leg_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_call_leg"),
        sa.UniqueConstraint("leg_uuid", name="uq_cti_call_leg_leg_uuid"),
        **TABLE,
    )
    op.create_index("ix_cti_call_leg_tenant_id_call_id", "cti_call_leg", ["tenant_id", "call_id"])

    op.create_table(
        "cti_call_record",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("direction", sa.String(length=32), nullable=False),
        sa.Column("route_id", big_id(), nullable=False),
        sa.Column("route_code", sa.String(length=64), nullable=False),
        sa.Column("trunk_address", sa.String(length=64), nullable=False),
        sa.Column("caller", sa.String(length=32), nullable=False),
        sa.Column("called", sa.String(length=32), nullable=False),
        sa.Column("caller_id", sa.String(length=32), nullable=False),
        sa.Column("arrived_at", instant(), nullable=False),
        sa.Column("answered_at", instant(), nullable=True),
        sa.Column("talk_at", instant(), nullable=True),
        sa.Column("ended_at", instant(), nullable=False),
        sa.Column("length_s", sa.Integer(), nullable=False),
        sa.Column("wait_s", sa.Integer(), nullable=False),
        sa.Column("talk_s", sa.Integer(), nullable=False),
        sa.Column("ended_in", sa.String(length=32), nullable=False),
        sa.Column("ended_detail", sa.String(length=200), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("refusal", sa.String(length=64), nullable=False),
        sa.Column("agent_id", big_id(), nullable=False),
        sa.Column("agent_name", sa.String(length=100), nullable=False),
        sa.Column("extension_id", big_id(), nullable=False),
        sa.Column("extension", sa.String(length=20), nullable=False),
        sa.Column("queue_id", big_id(), nullable=False),
        sa.Column("queue_name", sa.String(length=100), nullable=False),
        sa.Column("missed", sa.Boolean(), nullable=False),
        sa.Column("missed_count", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("path", long_text(), nullable=False),
        sa.Column("segments", long_text(), nullable=False),
        sa.Column("cell", sa.String(length=64), nullable=False),
        sa.Column("core_uuid", sa.String(length=64), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_call_record_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_call_record"),
        sa.UniqueConstraint("tenant_id", "call_id", name="uq_cti_call_record_tenant_id_call_id"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_cti_call_record_tenant_id_id"),
        **TABLE,
    )
    op.create_index(
        "ix_cti_call_record_tenant_id_agent_id_arrived_at",
        "cti_call_record",
        ["tenant_id", "agent_id", "arrived_at"],
    )
    op.create_index(
        "ix_cti_call_record_tenant_id_arrived_at_id", "cti_call_record", ["tenant_id", "arrived_at", "id"]
    )
    op.create_index(
        "ix_cti_call_record_tenant_id_called_arrived_at",
        "cti_call_record",
        ["tenant_id", "called", "arrived_at"],
    )
    op.create_index(
        "ix_cti_call_record_tenant_id_caller_arrived_at",
        "cti_call_record",
        ["tenant_id", "caller", "arrived_at"],
    )
    op.create_index(
        "ix_cti_call_record_tenant_id_queue_id_arrived_at",
        "cti_call_record",
        ["tenant_id", "queue_id", "arrived_at"],
    )

    op.create_table(
        "cti_recording",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("agent_id", big_id(), nullable=False),
        sa.Column("started_at", instant(), nullable=False),
        sa.Column("length_ms", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("peaks_key", sa.String(length=200), nullable=False),
        sa.Column("bytes", big_id(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_recording_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_recording"),
        sa.UniqueConstraint(
            "tenant_id", "call_id", "segment", name="uq_cti_recording_tenant_id_call_id_segment"
        ),
        **TABLE,
    )
    op.create_table(
        "cti_call_offer",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("record_id", big_id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("leg_uuid", sa.String(length=64), nullable=False),
        sa.Column("agent_id", big_id(), nullable=False),
        sa.Column("agent_name", sa.String(length=100), nullable=False),
        sa.Column("extension_id", big_id(), nullable=False),
        sa.Column("queue_id", big_id(), nullable=False),
        sa.Column("endpoint", sa.String(length=64), nullable=False),
        sa.Column("offered_at", instant(), nullable=False),
        sa.Column("answered_at", instant(), nullable=True),
        sa.Column("ended_at", instant(), nullable=True),
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "record_id"],
            ["cti_call_record.tenant_id", "cti_call_record.id"],
            name="fk_cti_call_offer_tenant_id_record_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_call_offer_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_call_offer"),
        sa.UniqueConstraint("record_id", "leg_uuid", name="uq_cti_call_offer_record_id_leg_uuid"),
        **TABLE,
    )
    op.create_index(
        "ix_cti_call_offer_tenant_id_agent_id_offered_at",
        "cti_call_offer",
        ["tenant_id", "agent_id", "offered_at"],
    )


def downgrade() -> None:
    op.drop_table("cti_call_offer")
    op.drop_table("cti_recording")
    op.drop_table("cti_call_record")
    op.drop_table("cti_call_leg")
