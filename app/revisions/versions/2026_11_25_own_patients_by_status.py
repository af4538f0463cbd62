"""
One's own patients of a status or a condition are listed without reading all of one's own.

Revision: 0009_own_patients.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009_own_patients"
down_revision: str | None = "0008_people_lists"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NEWEST_FIRST = (sa.text("created_at DESC"), sa.text("patient_id DESC"))


def upgrade() -> None:
    for name, column in (
        ("ix_patient_owner_id_status_created_at", "status"),
        ("ix_patient_owner_id_medical_condition_id_created_at", "medical_condition_id"),
    ):
        op.create_index(
            name,
            "patient",
            ["owner_id", column, *NEWEST_FIRST],
            postgresql_where=sa.text("deleted_at IS NULL"),
        )


def downgrade() -> None:
    op.drop_index("ix_patient_owner_id_medical_condition_id_created_at", table_name="patient")
    op.drop_index("ix_patient_owner_id_status_created_at", table_name="patient")
