"""
Rows in which something does not fit together are found by an index of their own, so that they can be listed.

Revision: 0023_faulty_rows.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0023_faulty_rows"
down_revision: str | None = "0022_two_years"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_FAULTY = {
    ("patient_lead", "lead_id"): """
        (status = 'nurture' AND wake_up_on IS NULL)
        OR (status <> 'nurture' AND wake_up_on IS NOT NULL)
        OR (status = 'duplicate' AND duplicate_of_person_id IS NULL)
        OR (status <> 'duplicate' AND duplicate_of_person_id IS NOT NULL)
        OR (status = 'disqualified' AND reason_code IS NULL)
        OR (reason_code IS NOT NULL AND (status <> 'disqualified' OR CAST(reason_code AS text) NOT IN (
            'not_a_patient', 'outside_service_country', 'no_serious_condition', 'condition_not_supported',
            'wants_medical_advice_only', 'spam_test', 'under_age_no_guardian', 'deceased', 'other')))
        """,
    ("patient", "patient_id"): """
        deleted_at IS NULL AND status IN ('paused', 'withdrawn') AND coalesce(status_reason, '') = ''
        """,
    ("call_history", "call_id"): """
        voided_at IS NULL AND (
            (status = 'cancelled' AND outcome IS NOT NULL)
            OR (status = 'no_show'
                AND lower(outcome) IN ('reached', 'refused', 'callback_requested', 'language_barrier'))
            OR (call_date IS NULL AND booking_date IS NULL))
        """,
    ("person_contact_type", "person_contact_type_id"): "valid_to <= valid_from",
}


def upgrade() -> None:
    for (table, key), condition in _FAULTY.items():
        op.create_index(f"ix_{table}_faulty", table, [key], postgresql_where=sa.text(condition))


def downgrade() -> None:
    for table, _ in _FAULTY:
        op.drop_index(f"ix_{table}_faulty", table_name=table)
