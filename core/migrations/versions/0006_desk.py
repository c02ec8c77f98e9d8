"""The desk: break reasons, dispositions, wrap-ups, work dealt with; the outside pages of extensions and queues."""

import sqlalchemy as sa
from alembic import op

from core.migrations.types import TABLE, big_id, instant, long_text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _settings()
    _wrap_ups()
    _work_done()
    for table in ("cti_extension", "cti_queue"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(
                sa.Column("pop_url", sa.String(length=500), nullable=False, server_default=sa.text("''"))
            )
            if table == "cti_queue":
                batch_op.add_column(sa.Column("pop_on", sa.String(length=32), nullable=True))
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(
                "pop_url", existing_type=sa.String(length=500), existing_nullable=False, server_default=None
            )


def downgrade() -> None:
    """Take them away."""
    with op.batch_alter_table("cti_queue", schema=None) as batch_op:
        batch_op.drop_column("pop_on")
        batch_op.drop_column("pop_url")
    with op.batch_alter_table("cti_extension", schema=None) as batch_op:
        batch_op.drop_column("pop_url")
    for name in ("desk_work_done", "call_wrap_up", "desk_disposition", "desk_break_reason"):
        op.drop_table(name)


def _settings() -> None:
    """The company's own words."""
    op.create_table(
        "desk_break_reason",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_desk_break_reason_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_desk_break_reason"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_desk_break_reason_tenant_id_id"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_desk_break_reason_tenant_id_name"),
        **TABLE,
    )
    op.create_table(
        "desk_disposition",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("needs_note", sa.Boolean(), nullable=False),
        sa.Column("digit", sa.String(length=1), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_desk_disposition_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_desk_disposition"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_desk_disposition_tenant_id_id"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_desk_disposition_tenant_id_name"),
        **TABLE,
    )


def _wrap_ups() -> None:
    """One for each call and account."""
    op.create_table(
        "call_wrap_up",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", big_id(), nullable=False),
        sa.Column("account_name", sa.String(length=100), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("queue_id", big_id(), nullable=False),
        sa.Column("disposition_id", big_id(), nullable=False),
        sa.Column("disposition", sa.String(length=100), nullable=False),
        sa.Column("note", long_text(), nullable=False),
        sa.Column("next_call_at", instant(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("saved_at", instant(), nullable=True),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_call_wrap_up_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_call_wrap_up"),
        sa.UniqueConstraint(
            "tenant_id", "call_id", "account_id", name="uq_call_wrap_up_tenant_id_call_id_account_id"
        ),
        **TABLE,
    )
    with op.batch_alter_table("call_wrap_up", schema=None) as batch_op:
        batch_op.create_index(
            "ix_call_wrap_up_tenant_id_account_id_saved_at_updated_at",
            ["tenant_id", "account_id", "saved_at", "updated_at"],
        )
        batch_op.create_index(
            "ix_call_wrap_up_tenant_id_account_id_next_call_at", ["tenant_id", "account_id", "next_call_at"]
        )


def _work_done() -> None:
    """Who dealt with what."""
    op.create_table(
        "desk_work_done",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("object_id", big_id(), nullable=False),
        sa.Column("account_id", big_id(), nullable=False),
        sa.Column("account_name", sa.String(length=100), nullable=False),
        sa.Column("remark", sa.String(length=500), nullable=False),
        sa.Column("done_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_desk_work_done_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_desk_work_done"),
        sa.UniqueConstraint(
            "tenant_id", "kind", "object_id", name="uq_desk_work_done_tenant_id_kind_object_id"
        ),
        **TABLE,
    )
