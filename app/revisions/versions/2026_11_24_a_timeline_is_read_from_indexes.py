"""
A patient's timeline is read from indexes: events by when they happened, decided suggestions, links to physicians.

Revision: 0007_timeline.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007_timeline"
down_revision: str | None = "0006_jobs"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

OWNERS = ("lead_id", "patient_id", "ct_journey_id", "eap_journey_id")


def upgrade() -> None:
    for owner in OWNERS:
        op.create_index(
            f"ix_journey_event_{owner}_happened_at",
            "journey_event",
            [owner, sa.text("happened_at DESC"), sa.text("journey_event_id DESC")],
            postgresql_where=sa.text(f"{owner} IS NOT NULL"),
        )
    op.create_index(
        "ix_suggested_change_person_id_decided_at",
        "suggested_change",
        ["person_id", sa.text("decided_at DESC"), sa.text("suggested_change_id DESC")],
        postgresql_where=sa.text("decided_at IS NOT NULL"),
    )
    op.create_index(
        "ix_patient_physician_relationship_patient_id",
        "patient_physician_relationship",
        ["patient_id", sa.text("created_at DESC"), sa.text("patient_physician_id DESC")],
    )


def downgrade() -> None:
    op.drop_index("ix_patient_physician_relationship_patient_id", table_name="patient_physician_relationship")
    op.drop_index("ix_suggested_change_person_id_decided_at", table_name="suggested_change")
    for owner in reversed(OWNERS):
        op.drop_index(f"ix_journey_event_{owner}_happened_at", table_name="journey_event")
