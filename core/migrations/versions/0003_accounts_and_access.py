"""Roles, groups, rights, announcements, jobs, trunks and the programming interface."""

import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from core.migrations.types import TABLE, big_id, instant, long_text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


DEFAULTS: dict[str, dict[str, Any]] = {
    "account": {
        "code": sa.String(length=32),
        "apply_role": sa.Boolean(),
        "permissions": long_text(),
        "is_group_admin": sa.Boolean(),
        "tasks_need_review": sa.Boolean(),
        "message_quota": sa.Integer(),
        "message_used": sa.Integer(),
        "mobile": sa.String(length=32),
        "email": sa.String(length=254),
        "wecom_id": sa.String(length=64),
        "dingtalk_id": sa.String(length=64),
        "welink_id": sa.String(length=64),
        "must_change_password": sa.Boolean(),
        "totp_secret_encrypted": sa.String(length=255),
        "totp_last_step": big_id(),
        "recovery_hashes": long_text(),
    },
    "tenant": {
        "max_calls": sa.Integer(),
        "calls_per_second": sa.Integer(),
        "outbound_countries": sa.String(length=200),
        "premium_allowed": sa.Boolean(),
        "state_note": sa.String(length=500),
    },
    "web_session": {
        "second_factor": sa.Boolean(),
    },
}
"""New columns of rows that are there get their default for a moment; later rows get it from the code."""


def _fill() -> None:
    """Give every tenant its built-in roles and the numbers of its routes, and every account the row of its role and a
    number.
    """
    connection = op.get_bind()
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    tenants = connection.execute(sa.text("SELECT id, is_operator FROM tenant")).all()
    for tenant_id, is_operator in tenants:
        for kind in ("operator",) if is_operator else ("tenant_admin", "supervisor", "agent"):
            connection.execute(
                sa.text(
                    "INSERT INTO role (tenant_id, code, name, built_in, permissions, created_at, updated_at)"
                    " VALUES (:tenant, :code, '', :kind, '[]', :now, :now)"
                ).bindparams(sa.bindparam("now", type_=instant())),
                {"tenant": tenant_id, "code": kind.replace("_", "-"), "kind": kind, "now": now},
            )
    connection.execute(
        sa.text(
            "UPDATE account SET code = id, role_id = (SELECT role.id FROM role"
            " WHERE role.tenant_id = account.tenant_id AND role.built_in = account.role)"
        )
    )
    connection.execute(
        sa.text(
            "INSERT INTO cti_tenant_number (tenant_id, number, inbound, caller_id, note, created_at, updated_at)"
            " SELECT tenant_id, number, :inbound, :shown, '', created_at, created_at FROM cti_inbound_route"
            " WHERE number IS NOT NULL"
        ),
        {"inbound": True, "shown": False},
    )


def _put_back() -> None:
    """Give every account its built-in role's word again; those without one become agents."""
    op.get_bind().execute(
        sa.text(
            "UPDATE account SET role = COALESCE((SELECT role.built_in FROM role"
            " WHERE role.id = account.role_id), 'agent')"
        )
    )


def upgrade() -> None:
    op.create_table(
        "access_range",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_access_range_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_access_range"),
        sa.UniqueConstraint("tenant_id", "network", name="uq_access_range_tenant_id_network"),
        **TABLE,
    )
    op.create_table(
        "announcement",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("body", long_text(), nullable=False),
        sa.Column("everybody", sa.Boolean(), nullable=False),
        sa.Column("author_id", big_id(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_announcement_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_announcement"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_announcement_tenant_id_id"),
        **TABLE,
    )
    with op.batch_alter_table("announcement", schema=None) as batch_op:
        batch_op.create_index("ix_announcement_tenant_id_everybody", ["tenant_id", "everybody"])

    op.create_table(
        "background_job",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("account_id", big_id(), nullable=False),
        sa.Column("kind", sa.String(length=48), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("parameters", long_text(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("result", long_text(), nullable=False),
        sa.Column("file_key", sa.String(length=200), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("input_key", sa.String(length=200), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("started_at", instant(), nullable=True),
        sa.Column("ended_at", instant(), nullable=True),
        sa.Column("lease_until", instant(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("file_expires_at", instant(), nullable=True),
        sa.Column("file_once", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_background_job_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_background_job"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_background_job_tenant_id_id"),
        **TABLE,
    )
    with op.batch_alter_table("background_job", schema=None) as batch_op:
        batch_op.create_index("ix_background_job_state_id", ["state", "id"])
        batch_op.create_index("ix_background_job_tenant_id_account_id_id", ["tenant_id", "account_id", "id"])

    # Nothing wrote trunks before this step.
    op.drop_table("cti_trunk")
    op.create_table(
        "cti_trunk",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("transport", sa.String(length=8), nullable=False),
        sa.Column("networks", sa.String(length=500), nullable=False),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.Column("password_encrypted", sa.String(length=255), nullable=False),
        sa.Column("realm", sa.String(length=253), nullable=False),
        sa.Column("expires_s", sa.Integer(), nullable=False),
        sa.Column("codecs", sa.String(length=100), nullable=False),
        sa.Column("number_format", sa.String(length=32), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("calls_per_second", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cti_trunk"),
        sa.UniqueConstraint("code", name="uq_cti_trunk_code"),
        **TABLE,
    )
    op.create_table(
        "cti_tenant_number",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("trunk_id", big_id(), nullable=True),
        sa.Column("inbound", sa.Boolean(), nullable=False),
        sa.Column("caller_id", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_tenant_number_tenant_id"),
        sa.ForeignKeyConstraint(["trunk_id"], ["cti_trunk.id"], name="fk_cti_tenant_number_trunk_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_tenant_number"),
        sa.UniqueConstraint("number", name="uq_cti_tenant_number_number"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_cti_tenant_number_tenant_id_id"),
        **TABLE,
    )
    op.create_table(
        "outbox_event",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("at", instant(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("body", long_text(), nullable=False),
        sa.Column("done_at", instant(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_outbox_event_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_event"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_outbox_event_tenant_id_id"),
        sa.UniqueConstraint("tenant_id", "key", name="uq_outbox_event_tenant_id_key"),
        **TABLE,
    )
    with op.batch_alter_table("outbox_event", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_event_done_at_id", ["done_at", "id"])

    op.create_table(
        "outbox_interest",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("consumer", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("since", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_outbox_interest_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_interest"),
        sa.UniqueConstraint(
            "tenant_id", "consumer", "kind", name="uq_outbox_interest_tenant_id_consumer_kind"
        ),
        **TABLE,
    )
    with op.batch_alter_table("outbox_interest", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_interest_kind_tenant_id", ["kind", "tenant_id"])

    op.create_table(
        "quota_entry",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("at", instant(), nullable=False),
        sa.Column("actor_id", big_id(), nullable=False),
        sa.Column("group_id", big_id(), nullable=True),
        sa.Column("account_id", big_id(), nullable=True),
        sa.Column("source_group_id", big_id(), nullable=True),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_quota_entry_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_quota_entry"),
        **TABLE,
    )
    with op.batch_alter_table("quota_entry", schema=None) as batch_op:
        batch_op.create_index("ix_quota_entry_tenant_id_id", ["tenant_id", "id"])

    op.create_table(
        "role",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("built_in", sa.String(length=32), nullable=True),
        sa.Column("permissions", long_text(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_role_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_role"),
        sa.UniqueConstraint("tenant_id", "code", name="uq_role_tenant_id_code"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_role_tenant_id_id"),
        **TABLE,
    )
    op.create_table(
        "user_group",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("parent_id", big_id(), nullable=True),
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("tasks_need_review", sa.Boolean(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "parent_id"],
            ["user_group.tenant_id", "user_group.id"],
            name="fk_user_group_tenant_id_parent_id",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_user_group_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_user_group"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_user_group_tenant_id_id"),
        **TABLE,
    )
    with op.batch_alter_table("user_group", schema=None) as batch_op:
        batch_op.create_index("ix_user_group_tenant_id_parent_id", ["tenant_id", "parent_id"])

    op.create_table(
        "webhook_endpoint",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("account_id", big_id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("secret_encrypted", sa.String(length=255), nullable=False),
        sa.Column("old_secret_encrypted", sa.String(length=255), nullable=False),
        sa.Column("old_secret_until", instant(), nullable=True),
        sa.Column("kinds", long_text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_why", sa.String(length=32), nullable=False),
        sa.Column("failing_since", instant(), nullable=True),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["account.tenant_id", "account.id"],
            name="fk_webhook_endpoint_tenant_id_account_id",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_webhook_endpoint_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_endpoint"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_webhook_endpoint_tenant_id_id"),
        **TABLE,
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("endpoint_id", big_id(), nullable=False),
        sa.Column("event_id", big_id(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", instant(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("attempted_at", instant(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=200), nullable=False),
        sa.Column("delivered_at", instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"],
            ["webhook_endpoint.tenant_id", "webhook_endpoint.id"],
            name="fk_webhook_delivery_tenant_id_endpoint_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "event_id"],
            ["outbox_event.tenant_id", "outbox_event.id"],
            name="fk_webhook_delivery_tenant_id_event_id",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_webhook_delivery_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_delivery"),
        sa.UniqueConstraint("endpoint_id", "event_id", name="uq_webhook_delivery_endpoint_id_event_id"),
        **TABLE,
    )
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.create_index(
            "ix_webhook_delivery_state_next_at_endpoint_id", ["state", "next_at", "endpoint_id"]
        )
        batch_op.create_index(
            "ix_webhook_delivery_endpoint_id_state_next_at", ["endpoint_id", "state", "next_at"]
        )
        batch_op.create_index("ix_webhook_delivery_tenant_id_event_id", ["tenant_id", "event_id"])
        batch_op.create_index(
            "ix_webhook_delivery_tenant_id_endpoint_id_id", ["tenant_id", "endpoint_id", "id"]
        )

    op.create_table(
        "announcement_target",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("announcement_id", big_id(), nullable=False),
        sa.Column("account_id", big_id(), nullable=False),
        sa.Column("read_at", instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["account.tenant_id", "account.id"],
            name="fk_announcement_target_tenant_id_account_id",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "announcement_id"],
            ["announcement.tenant_id", "announcement.id"],
            name="fk_announcement_target_tenant_id_announcement_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_announcement_target_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_announcement_target"),
        sa.UniqueConstraint(
            "announcement_id", "account_id", name="uq_announcement_target_announcement_id_account_id"
        ),
        **TABLE,
    )
    with op.batch_alter_table("announcement_target", schema=None) as batch_op:
        batch_op.create_index(
            "ix_announcement_target_tenant_id_account_id_read_at", ["tenant_id", "account_id", "read_at"]
        )

    op.create_table(
        "api_key",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", long_text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("account_id", big_id(), nullable=False),
        sa.Column("expires_at", instant(), nullable=True),
        sa.Column("last_used_at", instant(), nullable=True),
        sa.Column("last_used_ip", sa.String(length=45), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["account.tenant_id", "account.id"],
            name="fk_api_key_tenant_id_account_id",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_api_key_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_api_key_tenant_id_id"),
        sa.UniqueConstraint("token_hash", name="uq_api_key_token_hash"),
        **TABLE,
    )
    op.create_table(
        "reset_code",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("account_id", big_id(), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("expires_at", instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("used_at", instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["account.tenant_id", "account.id"],
            name="fk_reset_code_tenant_id_account_id",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_reset_code_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reset_code"),
        sa.UniqueConstraint("browser_hash", name="uq_reset_code_browser_hash"),
        **TABLE,
    )
    with op.batch_alter_table("reset_code", schema=None) as batch_op:
        batch_op.create_index(
            "ix_reset_code_tenant_id_account_id_created_at", ["tenant_id", "account_id", "created_at"]
        )

    op.create_table(
        "api_idempotent_answer",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("api_key_id", big_id(), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", long_text(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "api_key_id"],
            ["api_key.tenant_id", "api_key.id"],
            name="fk_api_idempotent_answer_tenant_id_api_key_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_api_idempotent_answer_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_idempotent_answer"),
        sa.UniqueConstraint("api_key_id", "key", name="uq_api_idempotent_answer_api_key_id_key"),
        **TABLE,
    )
    with op.batch_alter_table("api_idempotent_answer", schema=None) as batch_op:
        batch_op.create_index("ix_api_idempotent_answer_created_at", ["created_at"])

    op.create_table(
        "api_call",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", big_id(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["account.tenant_id", "account.id"],
            name="fk_api_call_tenant_id_account_id",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_api_call_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_call"),
        sa.UniqueConstraint("tenant_id", "call_id", name="uq_api_call_tenant_id_call_id"),
        **TABLE,
    )

    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("code", sa.String(length=32), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(sa.Column("role_id", big_id(), nullable=True))
        batch_op.add_column(
            sa.Column("apply_role", sa.Boolean(), nullable=False, server_default=sa.text("1"))
        )
        batch_op.add_column(
            sa.Column("permissions", long_text(), nullable=False, server_default=sa.text("'[]'"))
        )
        batch_op.add_column(sa.Column("group_id", big_id(), nullable=True))
        batch_op.add_column(
            sa.Column("is_group_admin", sa.Boolean(), nullable=False, server_default=sa.text("0"))
        )
        batch_op.add_column(
            sa.Column("tasks_need_review", sa.Boolean(), nullable=False, server_default=sa.text("0"))
        )
        batch_op.add_column(
            sa.Column("message_quota", sa.Integer(), nullable=False, server_default=sa.text("0"))
        )
        batch_op.add_column(
            sa.Column("message_used", sa.Integer(), nullable=False, server_default=sa.text("0"))
        )
        batch_op.add_column(
            sa.Column("mobile", sa.String(length=32), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("email", sa.String(length=254), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("wecom_id", sa.String(length=64), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("dingtalk_id", sa.String(length=64), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("welink_id", sa.String(length=64), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("must_change_password", sa.Boolean(), nullable=False, server_default=sa.text("0"))
        )
        batch_op.add_column(
            sa.Column(
                "totp_secret_encrypted", sa.String(length=255), nullable=False, server_default=sa.text("''")
            )
        )
        batch_op.add_column(sa.Column("totp_confirmed_at", instant(), nullable=True))
        batch_op.add_column(
            sa.Column("totp_last_step", big_id(), nullable=False, server_default=sa.text("0"))
        )
        batch_op.add_column(
            sa.Column("recovery_hashes", long_text(), nullable=False, server_default=sa.text("'[]'"))
        )
        batch_op.add_column(sa.Column("deleted_at", instant(), nullable=True))
        batch_op.create_index("ix_account_tenant_id_deleted_at_id", ["tenant_id", "deleted_at", "id"])
        batch_op.create_index("ix_account_tenant_id_group_id", ["tenant_id", "group_id"])
        batch_op.create_foreign_key(
            "fk_account_tenant_id_group_id", "user_group", ["tenant_id", "group_id"], ["tenant_id", "id"]
        )
        batch_op.create_foreign_key(
            "fk_account_tenant_id_role_id", "role", ["tenant_id", "role_id"], ["tenant_id", "id"]
        )

    with op.batch_alter_table("tenant", schema=None) as batch_op:
        batch_op.add_column(sa.Column("max_calls", sa.Integer(), nullable=False, server_default=sa.text("0")))
        batch_op.add_column(
            sa.Column("calls_per_second", sa.Integer(), nullable=False, server_default=sa.text("0"))
        )
        batch_op.add_column(sa.Column("outbound_trunk_id", big_id(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "outbound_countries", sa.String(length=200), nullable=False, server_default=sa.text("'CN'")
            )
        )
        batch_op.add_column(
            sa.Column("premium_allowed", sa.Boolean(), nullable=False, server_default=sa.text("0"))
        )
        batch_op.add_column(
            sa.Column("state_note", sa.String(length=500), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(sa.Column("state_changed_at", instant(), nullable=True))

    with op.batch_alter_table("web_session", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("second_factor", sa.Boolean(), nullable=False, server_default=sa.text("0"))
        )

    _fill()
    with op.batch_alter_table("account") as batch_op:
        batch_op.create_unique_constraint("uq_account_tenant_id_code", ["tenant_id", "code"])
        batch_op.drop_column("role")
    for table, columns in DEFAULTS.items():
        with op.batch_alter_table(table) as batch_op:
            for column, kind in columns.items():
                batch_op.alter_column(
                    column, existing_type=kind, existing_nullable=False, server_default=None
                )


def downgrade() -> None:
    with op.batch_alter_table("web_session", schema=None) as batch_op:
        batch_op.drop_column("second_factor")

    with op.batch_alter_table("tenant", schema=None) as batch_op:
        batch_op.drop_column("state_changed_at")
        batch_op.drop_column("state_note")
        batch_op.drop_column("premium_allowed")
        batch_op.drop_column("outbound_countries")
        batch_op.drop_column("outbound_trunk_id")
        batch_op.drop_column("calls_per_second")
        batch_op.drop_column("max_calls")

    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("role", sa.String(length=32), nullable=False, server_default="agent"))
    _put_back()
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.alter_column(
            "role", existing_type=sa.String(length=32), existing_nullable=False, server_default=None
        )
        batch_op.drop_constraint("fk_account_tenant_id_role_id", type_="foreignkey")
        batch_op.drop_constraint("fk_account_tenant_id_group_id", type_="foreignkey")
        batch_op.drop_constraint("uq_account_tenant_id_code", type_="unique")
        batch_op.drop_index("ix_account_tenant_id_group_id")
        batch_op.drop_index("ix_account_tenant_id_deleted_at_id")
        batch_op.drop_column("deleted_at")
        batch_op.drop_column("recovery_hashes")
        batch_op.drop_column("totp_last_step")
        batch_op.drop_column("totp_confirmed_at")
        batch_op.drop_column("totp_secret_encrypted")
        batch_op.drop_column("must_change_password")
        batch_op.drop_column("welink_id")
        batch_op.drop_column("dingtalk_id")
        batch_op.drop_column("wecom_id")
        batch_op.drop_column("email")
        batch_op.drop_column("mobile")
        batch_op.drop_column("message_used")
        batch_op.drop_column("message_quota")
        batch_op.drop_column("tasks_need_review")
        batch_op.drop_column("is_group_admin")
        batch_op.drop_column("group_id")
        batch_op.drop_column("permissions")
        batch_op.drop_column("apply_role")
        batch_op.drop_column("role_id")
        batch_op.drop_column("code")

    op.drop_table("api_call")
    op.drop_table("api_idempotent_answer")
    op.drop_table("reset_code")
    op.drop_table("api_key")
    op.drop_table("announcement_target")
    op.drop_table("webhook_delivery")
    op.drop_table("webhook_endpoint")
    op.drop_table("user_group")
    op.drop_table("role")
    op.drop_table("quota_entry")
    op.drop_table("outbox_interest")
    op.drop_table("outbox_event")
    op.drop_table("cti_tenant_number")
    op.drop_table("cti_trunk")
    op.create_table(
        "cti_trunk",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cti_trunk"),
        sa.UniqueConstraint("address", name="uq_cti_trunk_address"),
        sa.UniqueConstraint("name", name="uq_cti_trunk_name"),
        **TABLE,
    )
    op.drop_table("background_job")
    op.drop_table("announcement")
    op.drop_table("access_range")
