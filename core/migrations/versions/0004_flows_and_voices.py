"""Flows complete: voices, calendars, messages left, notes of calls."""

import json
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from core.migrations.types import TABLE, big_id, instant, long_text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _flows()
    _voices()
    _notes()


def downgrade() -> None:
    """Take them away."""
    _notes_back()
    _voices_back()
    _flows_back()


def _flows() -> None:
    """Versions with a note and who saved them, what flows use, calendars."""
    with op.batch_alter_table("ivr_flow", schema=None) as batch_op:
        batch_op.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default=sa.text("0")))
    with op.batch_alter_table("ivr_flow", schema=None) as batch_op:
        batch_op.alter_column(
            "revision", existing_type=sa.Integer(), existing_nullable=False, server_default=None
        )
    with op.batch_alter_table("ivr_flow_version", schema=None) as batch_op:
        batch_op.add_column(sa.Column("saved_by", big_id(), nullable=True))
        batch_op.add_column(
            sa.Column("note", sa.String(length=500), nullable=False, server_default=sa.text("''"))
        )
        batch_op.create_foreign_key(
            "fk_ivr_flow_version_tenant_id_saved_by",
            "account",
            ["tenant_id", "saved_by"],
            ["tenant_id", "id"],
        )
    with op.batch_alter_table("ivr_flow_version", schema=None) as batch_op:
        batch_op.alter_column(
            "note", existing_type=sa.String(length=500), existing_nullable=False, server_default=None
        )
    op.create_table(
        "ivr_flow_use",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("flow_id", big_id(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("used_id", big_id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "flow_id"],
            ["ivr_flow.tenant_id", "ivr_flow.id"],
            name="fk_ivr_flow_use_tenant_id_flow_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_ivr_flow_use_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ivr_flow_use"),
        sa.UniqueConstraint(
            "flow_id", "version", "kind", "used_id", name="uq_ivr_flow_use_flow_id_version_kind_used_id"
        ),
        **TABLE,
    )
    with op.batch_alter_table("ivr_flow_use", schema=None) as batch_op:
        batch_op.create_index("ix_ivr_flow_use_tenant_id_kind_used_id", ["tenant_id", "kind", "used_id"])
    op.create_table(
        "ivr_calendar",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("china", sa.Boolean(), nullable=False),
        sa.Column("days", long_text(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_ivr_calendar_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ivr_calendar"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_ivr_calendar_tenant_id_id"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_ivr_calendar_tenant_id_name"),
        **TABLE,
    )
    _note_uses()


def _note_uses() -> None:
    """Write down what the versions there are use: nodes so far lead to queues and extensions, and play voices."""
    connection = op.get_bind()
    versions = connection.execute(sa.text("SELECT tenant_id, flow_id, version, body FROM ivr_flow_version"))
    for tenant_id, flow_id, version, body in versions.all():
        try:
            used = set(_used(json.loads(body)))
        except ValueError:  # no flow: it uses nothing, and cannot be opened before either
            continue
        for kind, used_id in used:
            connection.execute(
                sa.text(
                    "INSERT INTO ivr_flow_use (tenant_id, flow_id, version, kind, used_id)"
                    " VALUES (:tenant_id, :flow_id, :version, :kind, :used_id)"
                ),
                {
                    "tenant_id": tenant_id,
                    "flow_id": flow_id,
                    "version": version,
                    "kind": kind,
                    "used_id": used_id,
                },
            )


def _used(value: object) -> Iterator[tuple[str, int]]:
    if isinstance(value, list):
        for each in value:
            yield from _used(each)
    elif isinstance(value, dict):
        if value.get("kind") == "voice" and value.get("voice_id"):
            yield "voice", int(value["voice_id"])
        if value.get("to") in ("queue", "extension") and value.get("target_id"):
            yield value["to"], int(value["target_id"])
        for each in value.values():
            yield from _used(each)


def _flows_back() -> None:
    op.drop_table("ivr_calendar")
    op.drop_table("ivr_flow_use")
    with op.batch_alter_table("ivr_flow_version", schema=None) as batch_op:
        batch_op.drop_constraint("fk_ivr_flow_version_tenant_id_saved_by", type_="foreignkey")
        batch_op.drop_column("note")
        batch_op.drop_column("saved_by")
    with op.batch_alter_table("ivr_flow", schema=None) as batch_op:
        batch_op.drop_column("revision")


def _voices() -> None:
    """The voice library, whether a company's voices are reviewed, the speech service over HTTP."""
    op.create_table(
        "ivr_voice",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("text", long_text(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("length_ms", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("file_key", sa.String(length=200), nullable=False),
        sa.Column("peaks", long_text(), nullable=False),
        sa.Column("created_by", big_id(), nullable=True),
        sa.Column("reviewed_by", big_id(), nullable=True),
        sa.Column("reviewed_at", instant(), nullable=True),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "created_by"],
            ["account.tenant_id", "account.id"],
            name="fk_ivr_voice_tenant_id_created_by",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_ivr_voice_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ivr_voice"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_ivr_voice_tenant_id_id"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_ivr_voice_tenant_id_name"),
        **TABLE,
    )
    with op.batch_alter_table("ivr_voice", schema=None) as batch_op:
        batch_op.create_index("ix_ivr_voice_state_id", ["state", "id"])
    op.create_table(
        "ivr_speech_service",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("shape", sa.String(length=32), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("key_encrypted", sa.String(length=1000), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("voice_zh", sa.String(length=100), nullable=False),
        sa.Column("voice_en", sa.String(length=100), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("headers", long_text(), nullable=False),
        sa.Column("body", long_text(), nullable=False),
        sa.Column("timeout_s", sa.Integer(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ivr_speech_service"),
        **TABLE,
    )
    with op.batch_alter_table("tenant", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("voices_need_review", sa.Boolean(), nullable=False, server_default=sa.true())
        )
    with op.batch_alter_table("tenant", schema=None) as batch_op:
        batch_op.alter_column(
            "voices_need_review", existing_type=sa.Boolean(), existing_nullable=False, server_default=None
        )


def _voices_back() -> None:
    with op.batch_alter_table("tenant", schema=None) as batch_op:
        batch_op.drop_column("voices_need_review")
    op.drop_table("ivr_speech_service")
    op.drop_table("ivr_voice")


def _notes() -> None:
    """What callers said by key, wishes to be called back, and messages among the recordings."""
    op.create_table(
        "cti_call_note",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("record_id", big_id(), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("flow_id", big_id(), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("node_name", sa.String(length=100), nullable=False),
        sa.Column("queue_id", big_id(), nullable=False),
        sa.Column("agent_id", big_id(), nullable=False),
        sa.Column("noted_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "record_id"],
            ["cti_call_record.tenant_id", "cti_call_record.id"],
            name="fk_cti_call_note_tenant_id_record_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_call_note_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_call_note"),
        sa.UniqueConstraint("record_id", "position", name="uq_cti_call_note_record_id_position"),
        **TABLE,
    )
    op.create_index("ix_cti_call_note_tenant_id_call_id", "cti_call_note", ["tenant_id", "call_id"])
    op.create_index(
        "ix_cti_call_note_tenant_id_kind_noted_at", "cti_call_note", ["tenant_id", "kind", "noted_at"]
    )
    op.create_table(
        "cti_callback",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("caller", sa.String(length=32), nullable=False),
        sa.Column("queue_id", big_id(), nullable=False),
        sa.Column("asked_at", instant(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("done_by", big_id(), nullable=False),
        sa.Column("done_at", instant(), nullable=True),
        sa.Column("remark", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_callback_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_callback"),
        sa.UniqueConstraint(
            "tenant_id", "call_id", "position", name="uq_cti_callback_tenant_id_call_id_position"
        ),
        **TABLE,
    )
    op.create_index(
        "ix_cti_callback_tenant_id_state_asked_at_id",
        "cti_callback",
        ["tenant_id", "state", "asked_at", "id"],
    )
    op.create_index(
        "ix_cti_callback_tenant_id_queue_id_state_asked_at",
        "cti_callback",
        ["tenant_id", "queue_id", "state", "asked_at"],
    )
    with op.batch_alter_table("cti_recording", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("kind", sa.String(length=32), nullable=False, server_default=sa.text("'talk'"))
        )
        batch_op.add_column(sa.Column("heard_at", instant(), nullable=True))
        batch_op.add_column(sa.Column("heard_by", big_id(), nullable=False, server_default=sa.text("0")))
    with op.batch_alter_table("cti_recording", schema=None) as batch_op:
        batch_op.alter_column(
            "kind", existing_type=sa.String(length=32), existing_nullable=False, server_default=None
        )
        batch_op.alter_column(
            "heard_by", existing_type=big_id(), existing_nullable=False, server_default=None
        )
        batch_op.create_index(
            "ix_cti_recording_tenant_id_kind_started_at_id", ["tenant_id", "kind", "started_at", "id"]
        )


def _notes_back() -> None:
    with op.batch_alter_table("cti_recording", schema=None) as batch_op:
        batch_op.drop_index("ix_cti_recording_tenant_id_kind_started_at_id")
        batch_op.drop_column("heard_by")
        batch_op.drop_column("heard_at")
        batch_op.drop_column("kind")
    op.drop_table("cti_callback")
    op.drop_table("cti_call_note")
