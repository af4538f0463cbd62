"""
There are tasks: about a person and one of their records, due, owned, closed, and coming again.

Revision: 0040_tasks.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0040_tasks"
down_revision: str | None = "0035_no_name_key"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "task",
        sa.Column("task_id", sa.Uuid(), server_default=sa.text("uuidv7()"), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_time_zone", sa.String(64), nullable=True),
        sa.Column("due_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Uuid(), nullable=True),
        sa.Column("repeat_every", sa.Integer(), nullable=True),
        sa.Column("repeat_unit", sa.Text(), nullable=True),
        sa.Column("repeat_until", sa.Date(), nullable=True),
        sa.Column("repeats_from", sa.Date(), nullable=True),
        sa.Column("next_task_id", sa.Uuid(), nullable=True),
        sa.Column("rule", sa.String(50), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.Column("call_id", sa.Uuid(), nullable=True),
        sa.Column("ct_journey_id", sa.Uuid(), nullable=True),
        sa.Column("eap_journey_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user_account.user_account_id"]),
        sa.ForeignKeyConstraint(["next_task_id"], ["task.task_id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"]),
        sa.ForeignKeyConstraint(
            ["patient_id", "person_id"],
            ["patient.patient_id", "patient.person_id"],
            name="fk_task_patient_of_person",
        ),
        sa.ForeignKeyConstraint(
            ["lead_id", "person_id"],
            ["patient_lead.lead_id", "patient_lead.person_id"],
            name="fk_task_lead_of_person",
        ),
        sa.ForeignKeyConstraint(["call_id"], ["call_history.call_id"]),
        sa.ForeignKeyConstraint(["ct_journey_id"], ["clinical_trial_journey.ct_journey_id"]),
        sa.ForeignKeyConstraint(["eap_journey_id"], ["eap_journey.eap_journey_id"]),
        sa.CheckConstraint("num_nonnulls(call_id, ct_journey_id, eap_journey_id) <= 1", name="about_one_record"),
        sa.CheckConstraint("status IN ('open', 'done', 'cancelled')", name="status_known"),
        sa.CheckConstraint("num_nonnulls(due_on, due_at) = 1", name="due_once"),
        sa.CheckConstraint("(status = 'done') = (done_at IS NOT NULL)", name="done_has_a_time"),
        sa.CheckConstraint("repeat_unit IN ('day', 'week', 'month')", name="repeat_unit_known"),
        sa.CheckConstraint("repeat_every >= 1", name="repeat_every_positive"),
        sa.CheckConstraint(
            "num_nonnulls(repeat_every, repeat_unit, repeats_from) IN (0, 3) "
            "AND (repeat_until IS NULL OR repeat_every IS NOT NULL)",
            name="repeats_whole",
        ),
    )
    order = ["due_by", "task_id"]
    op.create_index("ix_task_due_by", "task", order)
    op.create_index("ix_task_status_due_by", "task", ["status", *order])
    op.create_index("ix_task_owner_id_status_due_by", "task", ["owner_id", "status", *order])
    op.create_index(
        "ix_task_status_due_by_of_nobody",
        "task",
        ["status", *order],
        postgresql_where=sa.text("owner_id IS NULL"),
    )
    op.create_index("ix_task_person_id_due_by", "task", ["person_id", *order])
    for key in ("patient_id", "lead_id", "call_id", "ct_journey_id", "eap_journey_id"):
        present = sa.text(f"{key} IS NOT NULL")
        op.create_index(f"ix_task_{key}_due_by", "task", [key, *order], postgresql_where=present)
    op.create_index("uq_task_next_task_id", "task", ["next_task_id"], unique=True)
    op.create_index(
        "ix_task_person_id_done_at",
        "task",
        ["person_id", sa.text("done_at DESC"), sa.text("task_id DESC")],
        postgresql_where=sa.text("done_at IS NOT NULL"),
    )
    op.execute(
        "CREATE TRIGGER keep_history BEFORE UPDATE ON task FOR EACH ROW "
        "WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION keep_history('task_id')"
    )


def downgrade() -> None:
    op.drop_table("task")
