"""
The owner's function that undoes a migration reads the operator's lineage only where that is a plain table.

A view, a row security policy or a type of the operator's own would let code of the operator run with the owner's rights.

Revision: 0020_plain_lineage
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0020_plain_lineage"
down_revision: str | None = "0019_marked_correction"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_CHECKED = """
    CREATE FUNCTION undo_legacy_run(undone_run integer, first_phase integer) RETURNS bigint LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $body$
    BEGIN
        -- Held to the end of the transaction: what is looked at stays what it is.
        LOCK TABLE legacy.lineage IN ACCESS SHARE MODE;
        IF EXISTS (
            SELECT FROM pg_class AS c WHERE c.oid = 'legacy.lineage'::regclass AND (c.relkind <> 'r' OR c.relrowsecurity)
        ) OR EXISTS (
            SELECT FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
            WHERE a.attrelid = 'legacy.lineage'::regclass AND t.typnamespace <> 'pg_catalog'::regnamespace
        ) THEN
            RAISE EXCEPTION 'legacy.lineage is no plain table' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN undo_legacy_rows(undone_run, first_phase);
    END
    $body$
"""


def upgrade() -> None:
    op.execute("ALTER FUNCTION undo_legacy_run(integer, integer) RENAME TO undo_legacy_rows")
    op.execute(_CHECKED)


def downgrade() -> None:
    op.execute("DROP FUNCTION undo_legacy_run(integer, integer)")
    op.execute("ALTER FUNCTION undo_legacy_rows(integer, integer) RENAME TO undo_legacy_run")
