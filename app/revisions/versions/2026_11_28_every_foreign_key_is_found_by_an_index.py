"""
Rows that point to a row that is taken away are found by an index.

Taking back a migration of 100,000 contacts did not end in five minutes: for each row the whole of the pointing table was read.

Revision: 0062_foreign_keys
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0062_foreign_keys"
down_revision: str | None = "0061_suggestions_list"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# Where few rows point anywhere, those alone.
_INDEXES = (
    ("ix_call_history_rescheduled_to", "call_history", "rescheduled_to", "WHERE rescheduled_to IS NOT NULL"),
    (
        "ix_patient_lead_converted_to_patient_id",
        "patient_lead",
        "converted_to_patient_id",
        "WHERE converted_to_patient_id IS NOT NULL",
    ),
    (
        "ix_patient_lead_duplicate_of_person_id",
        "patient_lead",
        "duplicate_of_person_id",
        "WHERE duplicate_of_person_id IS NOT NULL",
    ),
    ("ix_patient_medical_condition_id", "patient", "medical_condition_id", ""),
    ("ix_ct_journey_medical_condition_id", "clinical_trial_journey", "medical_condition_id", ""),
    ("ix_eap_journey_medical_condition_id", "eap_journey", "medical_condition_id", ""),
    ("ix_person_contact_type_contact_type_id", "person_contact_type", "contact_type_id", ""),
    ("ix_person_contact_type_hospital_id", "person_contact_type", "hospital_id", "WHERE hospital_id IS NOT NULL"),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, column, which in _INDEXES:
            # What a process that was killed has left of it.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {table} ({column}) {which}")


def downgrade() -> None:
    for name, *_ in _INDEXES:
        op.execute(f"DROP INDEX {name}")
