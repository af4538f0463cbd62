"""
An undo of a migration's run puts back whom the run has changed: the opt-outs that a later export brought.

They are rows of people of earlier runs. Where nobody has changed such a person since, the row is what it was, its version
too, so that an earlier run can be undone as well; where somebody has, the opt-out stays.

Revision: 0066_undone_opt_outs.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0066_undone_opt_outs"
down_revision: str | None = "0065_places_forward"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_HISTORY = """    BEGIN
        -- Anybody may set the setting: what is no key"""
_HISTORY_RESTORED = """    BEGIN
        -- Anybody may set the setting; it counts inside the owner's functions.
        IF current_setting('crm.restores', true) = 'on'
            AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
        THEN
            RETURN NEW;
        END IF;
        -- Anybody may set the setting: what is no key"""
_UNDO = """        DELETE FROM migrated_row AS m WHERE m.run_id = undone_run AND m.phase >= first_phase;
"""
_UNDO_RESTORES = """        IF first_phase <= 4 THEN
            PERFORM set_config('crm.restores', 'on', true);
            WITH back AS (
                UPDATE person AS p SET do_not_contact_channels = e.do_not_contact_channels, version = e.version,
                    updated_at = e.updated_at, updated_by = e.updated_by
                FROM row_history AS h CROSS JOIN LATERAL jsonb_populate_record(NULL::person, h.row) AS e
                WHERE h.reason = format('legacy run %s', undone_run) AND h.table_name = 'person'
                    AND p.person_id = h.record_id AND p.version = h.version + 1
                RETURNING old.person_id, old.version, to_jsonb(old) AS earlier
            )
            INSERT INTO row_history (table_name, record_id, version, "row", reason)
            SELECT 'person', person_id, version, earlier, format('undone: run %s', undone_run) FROM back;
            GET DIAGNOSTICS removed = ROW_COUNT;
            total := total + removed;
            PERFORM set_config('crm.restores', 'off', true);
        END IF;
        DELETE FROM migrated_row AS m WHERE m.run_id = undone_run AND m.phase >= first_phase;
"""


def _change(function: str, earlier: str, later: str) -> None:
    op.execute(f"""
        DO $do$ BEGIN
            EXECUTE replace(pg_get_functiondef('{function}'::regprocedure), $a${earlier}$a$, $b${later}$b$);
        END $do$
    """)


def upgrade() -> None:
    _change("keep_history()", _HISTORY, _HISTORY_RESTORED)
    _change("undo_legacy_run(integer, integer)", _UNDO, _UNDO_RESTORES)


def downgrade() -> None:
    _change("undo_legacy_run(integer, integer)", _UNDO_RESTORES, _UNDO)
    _change("keep_history()", _HISTORY_RESTORED, _HISTORY)
