"""
An undo of a migration's run opens the suggested changes again that the run has settled, and settles those it has opened.

They are rows of earlier runs. Where nobody has decided on one since, the row is what it was, its version too, so that an
earlier run can be undone as well.

Revision: 0072_undone_suggestions.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0072_undone_suggestions"
down_revision: str | None = "0071_quick_undo"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_UNDO = """        DELETE FROM migrated_row AS m WHERE m.run_id = undone_run AND m.phase >= first_phase;
"""
_UNDO_OPENS = """        PERFORM set_config('crm.restores', 'on', true);
        WITH back AS (
            UPDATE suggested_change AS s SET decision = e.decision, decided_at = e.decided_at, decided_by = e.decided_by,
                reason = e.reason, ours = e.ours, ours_version = e.ours_version, version = e.version,
                updated_at = e.updated_at, updated_by = e.updated_by
            FROM row_history AS h CROSS JOIN LATERAL jsonb_populate_record(NULL::suggested_change, h.row) AS e
            WHERE h.reason = format('legacy run %s', undone_run) AND h.table_name = 'suggested_change'
                AND s.suggested_change_id = h.record_id AND s.version = h.version + 1
            RETURNING old.suggested_change_id, old.version, to_jsonb(old) AS earlier
        )
        INSERT INTO row_history (table_name, record_id, version, "row", reason)
        SELECT 'suggested_change', suggested_change_id, version, earlier, format('undone: run %s', undone_run) FROM back;
        GET DIAGNOSTICS removed = ROW_COUNT;
        total := total + removed;
        PERFORM set_config('crm.restores', 'off', true);
        DELETE FROM migrated_row AS m WHERE m.run_id = undone_run AND m.phase >= first_phase;
"""


def _change(function: str, earlier: str, later: str) -> None:
    op.execute(f"""
        DO $do$ BEGIN
            EXECUTE replace(pg_get_functiondef('{function}'::regprocedure), $a${earlier}$a$, $b${later}$b$);
        END $do$
    """)


def upgrade() -> None:
    _change("undo_legacy_run(integer, integer)", _UNDO, _UNDO_OPENS)


def downgrade() -> None:
    _change("undo_legacy_run(integer, integer)", _UNDO_OPENS, _UNDO)
