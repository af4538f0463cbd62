"""
Access to one person's data can be opened with a reason and reviewed; closed months of the audit trail are indexed.

Revision: 0005_oversight.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005_oversight"
down_revision: str | None = "0004_legacy"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# A month that ended more than a day ago takes no more events. Days later than that only wait; nothing is lost by it.
CLOSE_PARTITIONS = r"""
    CREATE FUNCTION close_audit_partitions() RETURNS integer LANGUAGE plpgsql
    SET maintenance_work_mem = '256MB' AS $body$
    DECLARE
        month record;
        closed integer := 0;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('close_audit_partitions'));
        FOR month IN
            SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'audit_event'::regclass AND c.relname ~ '^audit_event_\d{4}_\d\d$'
              AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month 1 day' <= now() AT TIME ZONE 'UTC'
              AND to_regclass(c.relname || '_person_ids') IS NULL
            ORDER BY c.relname
        LOOP
            EXECUTE format('CREATE INDEX %I ON %I USING gin (person_ids)', month.name || '_person_ids', month.name);
            EXECUTE format(
                'CREATE INDEX %I ON %I (action, audit_event_id DESC)', month.name || '_action', month.name);
            closed := closed + 1;
        END LOOP;
        RETURN closed;
    END
    $body$
    """


def upgrade() -> None:
    op.create_table(
        "access_opening",
        sa.Column("access_opening_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("review_note", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('break_glass', 'outside_caseload', 'reveal')", name=op.f("ck_access_opening_kind_known")
        ),
        sa.CheckConstraint("btrim(reason) <> ''", name=op.f("ck_access_opening_reason_not_blank")),
        sa.CheckConstraint("expires_at >= created_at", name=op.f("ck_access_opening_ends_after_it_begins")),
        sa.CheckConstraint(
            "verdict IN ('justified', 'not_justified', 'follow_up')", name=op.f("ck_access_opening_verdict_known")
        ),
        sa.CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) = (verdict IS NULL)",
            name=op.f("ck_access_opening_reviewed_whole"),
        ),
        sa.CheckConstraint("reviewed_by <> user_account_id", name=op.f("ck_access_opening_nobody_reviews_their_own")),
        sa.ForeignKeyConstraint(
            ["user_account_id"], ["user_account.user_account_id"], name=op.f("fk_access_opening_user_account_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"], name=op.f("fk_access_opening_person_id")),
        sa.ForeignKeyConstraint(
            ["reviewed_by"], ["user_account.user_account_id"], name=op.f("fk_access_opening_reviewed_by")
        ),
        sa.PrimaryKeyConstraint("access_opening_id", name=op.f("pk_access_opening")),
    )
    newest = [sa.text("created_at DESC"), sa.text("access_opening_id DESC")]
    op.create_index("ix_access_opening_user_account_id_expires_at", "access_opening", ["user_account_id", "expires_at"])
    op.create_index("ix_access_opening_person_id", "access_opening", ["person_id", "created_at"])
    op.create_index("ix_access_opening_kind", "access_opening", ["kind", *newest])
    op.create_index(
        "ix_access_opening_unreviewed",
        "access_opening",
        ["kind", *newest],
        postgresql_where=sa.text("reviewed_at IS NULL"),
    )
    op.execute(
        "CREATE TRIGGER keep_history BEFORE UPDATE ON access_opening FOR EACH ROW "
        "WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION keep_history('access_opening_id')"
    )
    op.create_index(
        "ix_audit_event_not_done",
        "audit_event",
        ["outcome", "audit_event_id"],
        postgresql_where=sa.text("outcome <> 'done'::text"),
    )
    op.create_index(
        "ix_audit_event_purpose",
        "audit_event",
        ["purpose", "audit_event_id"],
        postgresql_where=sa.text("purpose IS NOT NULL"),
    )
    op.execute(CLOSE_PARTITIONS)


def downgrade() -> None:
    op.execute("DROP FUNCTION close_audit_partitions")
    op.drop_index("ix_audit_event_purpose", table_name="audit_event")
    op.drop_index("ix_audit_event_not_done", table_name="audit_event")
    op.drop_table("access_opening")
