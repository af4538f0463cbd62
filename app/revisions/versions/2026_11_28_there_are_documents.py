"""
There are documents: versions whose content lies outside, each with a key of its own; seeds say which master key sealed them.

Revision: 0051_documents.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0051_documents"
down_revision: str | None = "0050_filters_are_terms"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KINDS = (
    "'medical_record', 'lab_result', 'imaging', 'consent', 'approval', 'prescription', 'letter', 'identification', "
    "'other'"
)


def upgrade() -> None:
    op.create_table(
        "document",
        sa.Column("document_id", sa.Uuid(), server_default=sa.text("uuidv7()"), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_by", sa.Uuid(), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.Column("call_id", sa.Uuid(), nullable=True),
        sa.Column("ct_journey_id", sa.Uuid(), nullable=True),
        sa.Column("eap_journey_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"]),
        sa.ForeignKeyConstraint(
            ["patient_id", "person_id"],
            ["patient.patient_id", "patient.person_id"],
            name="fk_document_patient_of_person",
        ),
        sa.ForeignKeyConstraint(
            ["lead_id", "person_id"],
            ["patient_lead.lead_id", "patient_lead.person_id"],
            name="fk_document_lead_of_person",
        ),
        sa.ForeignKeyConstraint(["call_id"], ["call_history.call_id"]),
        sa.ForeignKeyConstraint(["ct_journey_id"], ["clinical_trial_journey.ct_journey_id"]),
        sa.ForeignKeyConstraint(["eap_journey_id"], ["eap_journey.eap_journey_id"]),
        sa.CheckConstraint("num_nonnulls(call_id, ct_journey_id, eap_journey_id) <= 1", name="about_one_record"),
        sa.CheckConstraint(f"kind IN ({KINDS})", name="kind_known"),
        sa.CheckConstraint("num_nonnulls(voided_at, void_reason) <> 1", name="void_has_a_reason"),
    )
    newest_first = [sa.text("created_at DESC"), sa.text("document_id DESC")]
    op.create_index("ix_document_created_at", "document", newest_first)
    for key in ("kind", "person_id"):
        op.create_index(f"ix_document_{key}_created_at", "document", [key, *newest_first])
    for key in ("patient_id", "lead_id", "call_id", "ct_journey_id", "eap_journey_id"):
        present = sa.text(f"{key} IS NOT NULL")
        op.create_index(f"ix_document_{key}_created_at", "document", [key, *newest_first], postgresql_where=present)
    op.create_index(
        "ix_document_expires_on", "document", ["expires_on"], postgresql_where=sa.text("expires_on IS NOT NULL")
    )
    op.execute(
        "CREATE TRIGGER keep_history BEFORE UPDATE ON document FOR EACH ROW "
        "WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION keep_history('document_id')"
    )
    op.create_table(
        "document_version",
        sa.Column("document_version_id", sa.Uuid(), server_default=sa.text("uuidv7()"), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("stored_as", sa.Text(), nullable=False),
        sa.Column("scan_status", sa.Text(), nullable=False),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scan_tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("scan_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["document.document_id"]),
        sa.UniqueConstraint("document_id", "number"),
        sa.UniqueConstraint("stored_as"),
        sa.CheckConstraint("scan_status IN ('not_scanned', 'waiting', 'passed', 'refused')", name="scan_status_known"),
        sa.CheckConstraint("number > 0", name="number_from_one"),
    )
    op.create_index(
        "ix_document_version_scan_due_at",
        "document_version",
        ["scan_due_at"],
        postgresql_where=sa.text("scan_status = 'waiting'"),
    )
    op.create_table(
        "document_key",
        sa.Column("document_version_id", sa.Uuid(), primary_key=True),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["document_version_id"], ["document_version.document_version_id"]),
    )
    op.create_index("ix_document_key_key_version", "document_key", ["key_version"])
    op.add_column(
        "totp_credential", sa.Column("key_version", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("totp_credential", "key_version")
    op.drop_table("document_key")
    op.drop_table("document_version")
    op.drop_table("document")
