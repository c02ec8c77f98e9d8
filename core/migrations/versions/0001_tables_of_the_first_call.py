"""Tables of the first call: tenants, accounts, log, customers, flows, telephony's configuration."""

import sqlalchemy as sa
from alembic import op

from core.migrations.types import TABLE, big_id, instant, long_text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
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
    op.create_table(
        "document_version",
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("field", name="pk_document_version"),
        **TABLE,
    )
    op.create_table(
        "tenant",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("is_operator", sa.Boolean(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tenant"),
        sa.UniqueConstraint("code", name="uq_tenant_code"),
        **TABLE,
    )
    op.create_table(
        "account",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("employee_number", sa.String(length=20), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("password_changed_at", instant(), nullable=False),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("locked_until", instant(), nullable=True),
        sa.Column("session_epoch", sa.Integer(), nullable=False),
        sa.Column("last_sign_in_at", instant(), nullable=True),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_account_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_account_tenant_id_id"),
        sa.UniqueConstraint("tenant_id", "login", name="uq_account_tenant_id_login"),
        **TABLE,
    )
    op.create_table(
        "cti_caller_rule",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("pattern", sa.String(length=32), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_caller_rule_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_caller_rule"),
        sa.UniqueConstraint("tenant_id", "kind", "pattern", name="uq_cti_caller_rule_tenant_id_kind_pattern"),
        **TABLE,
    )
    op.create_table(
        "cti_extension",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("bound_number", sa.String(length=32), nullable=False),
        sa.Column("forward_when_offline", sa.Boolean(), nullable=False),
        sa.Column("caller_id", sa.String(length=32), nullable=False),
        sa.Column("outbound_allowed", sa.Boolean(), nullable=False),
        sa.Column("pop_on", sa.String(length=32), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_extension_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_extension"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_cti_extension_tenant_id_id"),
        sa.UniqueConstraint("tenant_id", "number", name="uq_cti_extension_tenant_id_number"),
        **TABLE,
    )
    op.create_table(
        "cti_inbound_route",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=True),
        sa.Column("trunk_address", sa.String(length=64), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("refusal_cause", sa.String(length=48), nullable=False),
        sa.Column("destination", sa.String(length=32), nullable=False),
        sa.Column("destination_id", big_id(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_inbound_route_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_inbound_route"),
        sa.UniqueConstraint("number", name="uq_cti_inbound_route_number"),
        sa.UniqueConstraint("tenant_id", "code", name="uq_cti_inbound_route_tenant_id_code"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_cti_inbound_route_tenant_id_id"),
        sa.UniqueConstraint("trunk_address", name="uq_cti_inbound_route_trunk_address"),
        **TABLE,
    )
    op.create_table(
        "cti_queue",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("max_waiting", sa.Integer(), nullable=False),
        sa.Column("music", sa.String(length=64), nullable=False),
        sa.Column("timeout_s", sa.Integer(), nullable=False),
        sa.Column("ring_timeout_s", sa.Integer(), nullable=False),
        sa.Column("wrap_up_s", sa.Integer(), nullable=False),
        sa.Column("auto_answer", sa.Boolean(), nullable=False),
        sa.Column("record", sa.Boolean(), nullable=False),
        sa.Column("service_level_s", sa.Integer(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_queue_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_queue"),
        sa.UniqueConstraint("tenant_id", "code", name="uq_cti_queue_tenant_id_code"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_cti_queue_tenant_id_id"),
        **TABLE,
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("at", instant(), nullable=False),
        sa.Column("account_id", big_id(), nullable=True),
        sa.Column("account_name", sa.String(length=100), nullable=False),
        sa.Column("ip", sa.String(length=45), nullable=False),
        sa.Column("module", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=48), nullable=False),
        sa.Column("object_kind", sa.String(length=48), nullable=False),
        sa.Column("object_id", big_id(), nullable=True),
        sa.Column("object_name", sa.String(length=200), nullable=False),
        sa.Column("changes", long_text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_audit_entry_account_id"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_audit_entry_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entry"),
        **TABLE,
    )
    op.create_index("ix_audit_entry_tenant_id_at_id", "audit_entry", ["tenant_id", "at", "id"])
    op.create_index(
        "ix_audit_entry_tenant_id_object_kind_object_id",
        "audit_entry",
        ["tenant_id", "object_kind", "object_id"],
    )
    op.create_table(
        "crm_customer",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=False),
        sa.Column("company", sa.String(length=100), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("created_by", big_id(), nullable=True),
        sa.Column("updated_by", big_id(), nullable=True),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "created_by"],
            ["account.tenant_id", "account.id"],
            name="fk_crm_customer_tenant_id_created_by",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "updated_by"],
            ["account.tenant_id", "account.id"],
            name="fk_crm_customer_tenant_id_updated_by",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_crm_customer_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_crm_customer"),
        sa.UniqueConstraint("tenant_id", "phone", name="uq_crm_customer_tenant_id_phone"),
        **TABLE,
    )
    op.create_table(
        "cti_extension_account",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("extension_id", big_id(), nullable=False),
        sa.Column("account_id", big_id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["account.tenant_id", "account.id"],
            name="fk_cti_extension_account_tenant_id_account_id",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "extension_id"],
            ["cti_extension.tenant_id", "cti_extension.id"],
            name="fk_cti_extension_account_tenant_id_extension_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_extension_account_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_extension_account"),
        sa.UniqueConstraint("account_id", name="uq_cti_extension_account_account_id"),
        **TABLE,
    )
    op.create_table(
        "cti_queue_member",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("queue_id", big_id(), nullable=False),
        sa.Column("extension_id", big_id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "extension_id"],
            ["cti_extension.tenant_id", "cti_extension.id"],
            name="fk_cti_queue_member_tenant_id_extension_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["cti_queue.tenant_id", "cti_queue.id"],
            name="fk_cti_queue_member_tenant_id_queue_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_queue_member_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_queue_member"),
        sa.UniqueConstraint("queue_id", "extension_id", name="uq_cti_queue_member_queue_id_extension_id"),
        **TABLE,
    )
    op.create_table(
        "cti_sip_endpoint",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("extension_id", big_id(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("password_encrypted", sa.String(length=255), nullable=False),
        sa.Column("a1_hash", sa.String(length=32), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "extension_id"],
            ["cti_extension.tenant_id", "cti_extension.id"],
            name="fk_cti_sip_endpoint_tenant_id_extension_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_cti_sip_endpoint_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cti_sip_endpoint"),
        sa.UniqueConstraint("extension_id", "kind", name="uq_cti_sip_endpoint_extension_id_kind"),
        sa.UniqueConstraint("user", name="uq_cti_sip_endpoint_user"),
        **TABLE,
    )
    op.create_table(
        "ivr_flow",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("published_version", sa.Integer(), nullable=False),
        sa.Column("updated_by", big_id(), nullable=True),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "updated_by"],
            ["account.tenant_id", "account.id"],
            name="fk_ivr_flow_tenant_id_updated_by",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_ivr_flow_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ivr_flow"),
        sa.UniqueConstraint("tenant_id", "code", name="uq_ivr_flow_tenant_id_code"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_ivr_flow_tenant_id_id"),
        **TABLE,
    )
    op.create_table(
        "web_session",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", big_id(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("last_seen_at", instant(), nullable=False),
        sa.Column("ip", sa.String(length=45), nullable=False),
        sa.Column("user_agent", sa.String(length=255), nullable=False),
        sa.Column("ended_at", instant(), nullable=True),
        sa.Column("ended_why", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["account.tenant_id", "account.id"],
            name="fk_web_session_tenant_id_account_id",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_web_session_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_web_session"),
        sa.UniqueConstraint("token_hash", name="uq_web_session_token_hash"),
        **TABLE,
    )
    op.create_index("ix_web_session_account_id_ended_at", "web_session", ["account_id", "ended_at"])
    op.create_table(
        "ivr_flow_version",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", big_id(), nullable=False),
        sa.Column("flow_id", big_id(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("body", long_text(), nullable=False),
        sa.Column("created_by", big_id(), nullable=True),
        sa.Column("published_at", instant(), nullable=True),
        sa.Column("published_by", big_id(), nullable=True),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "created_by"],
            ["account.tenant_id", "account.id"],
            name="fk_ivr_flow_version_tenant_id_created_by",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "flow_id"],
            ["ivr_flow.tenant_id", "ivr_flow.id"],
            name="fk_ivr_flow_version_tenant_id_flow_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "published_by"],
            ["account.tenant_id", "account.id"],
            name="fk_ivr_flow_version_tenant_id_published_by",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_ivr_flow_version_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ivr_flow_version"),
        sa.UniqueConstraint("flow_id", "version", name="uq_ivr_flow_version_flow_id_version"),
        **TABLE,
    )


def downgrade() -> None:
    op.drop_table("ivr_flow_version")
    op.drop_table("web_session")
    op.drop_table("ivr_flow")
    op.drop_table("cti_sip_endpoint")
    op.drop_table("cti_queue_member")
    op.drop_table("cti_extension_account")
    op.drop_table("crm_customer")
    op.drop_table("audit_entry")
    op.drop_table("cti_queue")
    op.drop_table("cti_inbound_route")
    op.drop_table("cti_extension")
    op.drop_table("cti_caller_rule")
    op.drop_table("account")
    op.drop_table("tenant")
    op.drop_table("document_version")
    op.drop_table("cti_trunk")
