"""
Deaths and withdrawals are on record with what they closed; those who came back afterwards stand on a list.

Revision: 0031_departures.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0031_departures"
down_revision: str | None = "0030_partial"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "person_departure",
        _key("person_departure_id"),
        _created_at(),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("departed_on", sa.Date(), nullable=False),
        sa.Column("source", sa.String(200), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("closed", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("listed", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_how", sa.Text(), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        *_edited(),
        sa.CheckConstraint("kind IN ('deceased', 'withdrawn')", name="kind_known"),
        sa.CheckConstraint("kind <> 'deceased' OR source IS NOT NULL", name="death_has_a_source"),
        sa.CheckConstraint("kind <> 'withdrawn' OR reason IS NOT NULL", name="withdrawal_has_a_reason"),
        sa.CheckConstraint("ended_how IN ('undone', 'returned')", name="end_known"),
        sa.CheckConstraint("num_nonnulls(ended_at, ended_how, ended_reason) IN (0, 3)", name="ended_whole"),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"]),
    )
    op.create_index(
        "uq_person_departure_current",
        "person_departure",
        ["person_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_person_departure_person_id",
        "person_departure",
        ["person_id", sa.text("created_at DESC"), sa.text("person_departure_id DESC")],
    )
    op.create_table(
        "came_back",
        _key("came_back_id"),
        _created_at(),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("intake_submission_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("close_reason", sa.Text(), nullable=True),
        *_edited(),
        sa.CheckConstraint("kind IN ('deceased', 'withdrawn')", name="kind_known"),
        sa.CheckConstraint("num_nonnulls(closed_at, close_reason) <> 1", name="closed_with_a_reason"),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"]),
        sa.ForeignKeyConstraint(["intake_submission_id"], ["intake_submission.intake_submission_id"]),
        sa.ForeignKeyConstraint(["owner_id"], ["user_account.user_account_id"]),
    )
    op.create_index("ix_came_back_person_id", "came_back", ["person_id"])
    newest_first = [sa.text("created_at DESC"), sa.text("came_back_id DESC")]
    op.create_index("ix_came_back_created_at", "came_back", newest_first)
    op.create_index("ix_came_back_open", "came_back", newest_first, postgresql_where=sa.text("closed_at IS NULL"))
    op.create_index("uq_came_back_intake_submission_id", "came_back", ["intake_submission_id"], unique=True)
    for table, key in (("person_departure", "person_departure_id"), ("came_back", "came_back_id")):
        op.execute(
            f"CREATE TRIGGER keep_history BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION keep_history('{key}')"
        )
    # Patients who died or withdrew before are so as persons too; when that was is what their events say.
    op.execute(
        """
        INSERT INTO person_departure (person_id, kind, departed_on, source, reason)
        SELECT p.person_id, p.status, coalesce(e.happened_at, p.updated_at)::date,
               CASE p.status WHEN 'deceased' THEN 'On record before sources were kept.' END,
               coalesce(p.status_reason, 'On record before reasons were kept.')
        FROM patient AS p LEFT JOIN LATERAL (
            SELECT max(happened_at) AS happened_at FROM journey_event
            WHERE patient_id = p.patient_id AND to_status = p.status
        ) AS e ON true
        WHERE p.status IN ('deceased', 'withdrawn')
        """
    )


def downgrade() -> None:
    op.drop_table("came_back")
    op.drop_table("person_departure")


def _key(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), server_default=sa.text("uuidv7()"), primary_key=True)


def _created_at() -> sa.Column[object]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def _edited() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
