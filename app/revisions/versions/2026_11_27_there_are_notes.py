"""
There are notes: about a person and one of their records, corrected with their past, voided and not deleted.

Revision: 0043_notes.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0043_notes"
down_revision: str | None = "0042_extensions"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "note",
        sa.Column("note_id", sa.Uuid(), server_default=sa.text("uuidv7()"), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("adverse_event_heard", sa.Boolean(), nullable=True),
        sa.Column("is_pinned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
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
            name="fk_note_patient_of_person",
        ),
        sa.ForeignKeyConstraint(
            ["lead_id", "person_id"],
            ["patient_lead.lead_id", "patient_lead.person_id"],
            name="fk_note_lead_of_person",
        ),
        sa.ForeignKeyConstraint(["call_id"], ["call_history.call_id"]),
        sa.ForeignKeyConstraint(["ct_journey_id"], ["clinical_trial_journey.ct_journey_id"]),
        sa.ForeignKeyConstraint(["eap_journey_id"], ["eap_journey.eap_journey_id"]),
        sa.CheckConstraint("num_nonnulls(call_id, ct_journey_id, eap_journey_id) <= 1", name="about_one_record"),
        sa.CheckConstraint("num_nonnulls(voided_at, void_reason) <> 1", name="void_has_a_reason"),
    )
    newest_first = [sa.text("created_at DESC"), sa.text("note_id DESC")]
    op.create_index("ix_note_created_at", "note", newest_first)
    for key in ("created_by", "person_id"):
        op.create_index(f"ix_note_{key}_created_at", "note", [key, *newest_first])
    for key in ("patient_id", "lead_id", "call_id", "ct_journey_id", "eap_journey_id"):
        present = sa.text(f"{key} IS NOT NULL")
        op.create_index(f"ix_note_{key}_created_at", "note", [key, *newest_first], postgresql_where=present)
    op.execute(
        "CREATE TRIGGER keep_history BEFORE UPDATE ON note FOR EACH ROW "
        "WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION keep_history('note_id')"
    )


def downgrade() -> None:
    op.drop_table("note")
