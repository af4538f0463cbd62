"""
People sign in: sessions, passwords, second factors, passkeys, one-time links; mails; keys with scopes and rotation.

Revision: 0003_sign_in.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003_sign_in"
down_revision: str | None = "0002_calls"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "outgoing_mail",
        sa.Column("outgoing_mail_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("to_address", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("outgoing_mail_id", name=op.f("pk_outgoing_mail")),
    )
    op.create_index(
        "ix_outgoing_mail_due_at",
        "outgoing_mail",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("sent_at IS NULL"),
    )
    op.create_table(
        "outside_sign_in",
        sa.Column("state_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("holder_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("code_verifier", sa.Text(), nullable=False),
        sa.Column("next_path", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_sha256", name=op.f("pk_outside_sign_in")),
    )
    op.create_index("ix_outside_sign_in_expires_at", "outside_sign_in", ["expires_at"], unique=False)
    op.create_table(
        "passkey_challenge",
        sa.Column("holder_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("ceremony", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "ceremony IN ('enrol', 'sign_in', 'second_factor', 'unlock')",
            name=op.f("ck_passkey_challenge_ceremony_known"),
        ),
        sa.PrimaryKeyConstraint("holder_sha256", "ceremony", name=op.f("pk_passkey_challenge")),
    )
    op.create_index("ix_passkey_challenge_expires_at", "passkey_challenge", ["expires_at"], unique=False)
    op.create_table(
        "sign_in_attempt",
        sa.Column("sign_in_attempt_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("known_device", sa.Boolean(), nullable=False),
        sa.Column("succeeded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("sign_in_attempt_id", name=op.f("pk_sign_in_attempt")),
    )
    op.create_index("ix_sign_in_attempt_account_sha256_at", "sign_in_attempt", ["account_sha256", "at"], unique=False)
    op.create_index("ix_sign_in_attempt_source_at", "sign_in_attempt", ["source", "at"], unique=False)
    op.create_table(
        "held_form",
        sa.Column("held_form_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_account_id"], ["user_account.user_account_id"], name=op.f("fk_held_form_user_account_id")
        ),
        sa.PrimaryKeyConstraint("held_form_id", name=op.f("pk_held_form")),
    )
    op.create_index("ix_held_form_user_account_id", "held_form", ["user_account_id"], unique=False)
    op.create_table(
        "known_device",
        sa.Column("known_device_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("reference_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_account_id"], ["user_account.user_account_id"], name=op.f("fk_known_device_user_account_id")
        ),
        sa.PrimaryKeyConstraint("known_device_id", name=op.f("pk_known_device")),
        sa.UniqueConstraint(
            "user_account_id", "reference_sha256", name=op.f("uq_known_device_user_account_id_reference_sha256")
        ),
    )
    op.create_index("ix_known_device_last_used_at", "known_device", ["last_used_at"], unique=False)
    op.create_table(
        "one_time_link",
        sa.Column("one_time_link_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('invitation', 'reset')", name=op.f("ck_one_time_link_purpose_known")),
        sa.ForeignKeyConstraint(
            ["user_account_id"], ["user_account.user_account_id"], name=op.f("fk_one_time_link_user_account_id")
        ),
        sa.PrimaryKeyConstraint("one_time_link_id", name=op.f("pk_one_time_link")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_one_time_link_token_sha256")),
    )
    op.create_index("ix_one_time_link_user_account_id", "one_time_link", ["user_account_id"], unique=False)
    op.create_table(
        "outside_identity",
        sa.Column("outside_identity_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_account_id"], ["user_account.user_account_id"], name=op.f("fk_outside_identity_user_account_id")
        ),
        sa.PrimaryKeyConstraint("outside_identity_id", name=op.f("pk_outside_identity")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_outside_identity_issuer_subject")),
    )
    op.create_index("ix_outside_identity_user_account_id", "outside_identity", ["user_account_id"], unique=False)
    op.create_table(
        "passkey",
        sa.Column("passkey_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("transports", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_account_id"], ["user_account.user_account_id"], name=op.f("fk_passkey_user_account_id")
        ),
        sa.PrimaryKeyConstraint("passkey_id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
    )
    op.create_index("ix_passkey_user_account_id", "passkey", ["user_account_id"], unique=False)
    op.create_table(
        "password_credential",
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_account_id"], ["user_account.user_account_id"], name=op.f("fk_password_credential_user_account_id")
        ),
        sa.PrimaryKeyConstraint("user_account_id", name=op.f("pk_password_credential")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("recovery_code_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("code_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_account_id"], ["user_account.user_account_id"], name=op.f("fk_recovery_code_user_account_id")
        ),
        sa.PrimaryKeyConstraint("recovery_code_id", name=op.f("pk_recovery_code")),
        sa.UniqueConstraint(
            "user_account_id", "code_sha256", name=op.f("uq_recovery_code_user_account_id_code_sha256")
        ),
    )
    op.create_table(
        "totp_credential",
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("secret_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_account_id"], ["user_account.user_account_id"], name=op.f("fk_totp_credential_user_account_id")
        ),
        sa.PrimaryKeyConstraint("user_account_id", name=op.f("pk_totp_credential")),
    )
    op.create_table(
        "web_session",
        sa.Column("web_session_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("reference_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("browser", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "end_reason IN ('signed_out', 'ended_by_user', 'ended_by_admin', 'disabled', 'role_changed', 'password_changed', 'expired')",
            name=op.f("ck_web_session_end_reason_known"),
        ),
        sa.CheckConstraint("stage IN ('second_factor', 'enrolment', 'open')", name=op.f("ck_web_session_stage_known")),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_web_session_ended_for_a_reason")),
        sa.CheckConstraint("octet_length(reference_sha256) = 32", name=op.f("ck_web_session_reference_is_sha256")),
        sa.ForeignKeyConstraint(
            ["user_account_id"], ["user_account.user_account_id"], name=op.f("fk_web_session_user_account_id")
        ),
        sa.PrimaryKeyConstraint("web_session_id", name=op.f("pk_web_session")),
        sa.UniqueConstraint("reference_sha256", name=op.f("uq_web_session_reference_sha256")),
    )
    op.create_index(
        "ix_web_session_user_account_id",
        "web_session",
        ["user_account_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.add_column("api_key", sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column("api_key", sa.Column("replaced_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_api_key_replaced_by"), "api_key", "api_key", ["replaced_by"], ["api_key_id"])


def downgrade() -> None:
    op.drop_constraint(op.f("fk_api_key_replaced_by"), "api_key", type_="foreignkey")
    op.drop_column("api_key", "replaced_by")
    op.drop_column("api_key", "scopes")
    op.drop_index(
        "ix_web_session_user_account_id", table_name="web_session", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_table("web_session")
    op.drop_table("totp_credential")
    op.drop_table("recovery_code")
    op.drop_table("password_credential")
    op.drop_index("ix_passkey_user_account_id", table_name="passkey")
    op.drop_table("passkey")
    op.drop_index("ix_outside_identity_user_account_id", table_name="outside_identity")
    op.drop_table("outside_identity")
    op.drop_index("ix_one_time_link_user_account_id", table_name="one_time_link")
    op.drop_table("one_time_link")
    op.drop_index("ix_known_device_last_used_at", table_name="known_device")
    op.drop_table("known_device")
    op.drop_index("ix_held_form_user_account_id", table_name="held_form")
    op.drop_table("held_form")
    op.drop_index("ix_sign_in_attempt_source_at", table_name="sign_in_attempt")
    op.drop_index("ix_sign_in_attempt_account_sha256_at", table_name="sign_in_attempt")
    op.drop_table("sign_in_attempt")
    op.drop_index("ix_passkey_challenge_expires_at", table_name="passkey_challenge")
    op.drop_table("passkey_challenge")
    op.drop_index("ix_outside_sign_in_expires_at", table_name="outside_sign_in")
    op.drop_table("outside_sign_in")
    op.drop_index("ix_outgoing_mail_due_at", table_name="outgoing_mail", postgresql_where=sa.text("sent_at IS NULL"))
    op.drop_table("outgoing_mail")
