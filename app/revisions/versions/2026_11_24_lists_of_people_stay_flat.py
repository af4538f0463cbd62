"""
People by birth date, inactive people, and patients with deleted ones are listed without reading every row.

Revision: 0008_people_lists.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008_people_lists"
down_revision: str | None = "0007_timeline"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NEWEST_PERSON = (sa.text("created_at DESC"), sa.text("person_id DESC"))
NEWEST_PATIENT = (sa.text("created_at DESC"), sa.text("patient_id DESC"))


def upgrade() -> None:
    op.create_index(
        "ix_person_date_of_birth_created_at",
        "person",
        ["date_of_birth", *NEWEST_PERSON],
        postgresql_where=sa.text("date_of_birth IS NOT NULL"),
    )
    op.create_index(
        "ix_person_inactive_created_at",
        "person",
        [*NEWEST_PERSON],
        postgresql_where=sa.text("is_active IS FALSE"),
    )
    op.drop_index("ix_patient_created_at", table_name="patient")
    op.create_index("ix_patient_created_at", "patient", [*NEWEST_PATIENT])


def downgrade() -> None:
    op.drop_index("ix_patient_created_at", table_name="patient")
    op.create_index(
        "ix_patient_created_at", "patient", [*NEWEST_PATIENT], postgresql_where=sa.text("deleted_at IS NULL")
    )
    op.drop_index("ix_person_inactive_created_at", table_name="person")
    op.drop_index("ix_person_date_of_birth_created_at", table_name="person")
