"""
Rows that belong to another row keep their earlier versions: synonyms and codes of a condition, contact points.

What is taken out of the lists of a condition is filed as well. A removed row cannot name who removes it: the setting
`crm.actor` does.

Revision: 0013_child_rows.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013_child_rows"
down_revision: str | None = "0012_undo_checks"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LISTS = ("condition_synonym", "condition_code")
TABLES = (*LISTS, "contact_point")

KEEP_REMOVED = """
    CREATE FUNCTION keep_removed() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    BEGIN
        INSERT INTO row_history (table_name, record_id, version, "row", replaced_by, reason)
        VALUES (TG_TABLE_NAME, (to_jsonb(OLD) ->> TG_ARGV[0])::uuid, OLD.version, to_jsonb(OLD),
                nullif(current_setting('crm.actor', true), '')::uuid,
                nullif(current_setting('crm.reason', true), ''));
        RETURN OLD;
    END
    $body$
"""


def upgrade() -> None:
    op.execute(KEEP_REMOVED)
    for table in TABLES:
        op.add_column(
            table,
            sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        )
        op.add_column(table, sa.Column("updated_by", sa.Uuid(), nullable=True))
        op.add_column(table, sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False))
        op.execute(
            f"CREATE TRIGGER keep_history BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION keep_history('{table}_id')"
        )
    for table in LISTS:
        op.execute(
            f"CREATE TRIGGER keep_removed BEFORE DELETE ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION keep_removed('{table}_id')"
        )


def downgrade() -> None:
    for table in LISTS:
        op.execute(f"DROP TRIGGER keep_removed ON {table}")
    for table in TABLES:
        op.execute(f"DROP TRIGGER keep_history ON {table}")
        for column in ("version", "updated_by", "updated_at"):
            op.drop_column(table, column)
    op.execute("DROP FUNCTION keep_removed")
