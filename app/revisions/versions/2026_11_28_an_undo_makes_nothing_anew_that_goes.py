"""
An undo of a migration's run takes what a search and the list of patients know of its people away first.

Else each lead, patient and contact point that went had the search row of its person made anew, and each call and journey
the place of its patient: more work than all the rest of the undo, for rows that went a moment later.

Revision: 0071_quick_undo.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0071_quick_undo"
down_revision: str | None = "0070_pairs_list"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_UNDO = """        PERFORM set_config('crm.insert_only_exception', 'on', true);
"""
_UNDO_QUICKLY = """        PERFORM set_config('crm.insert_only_exception', 'on', true);
        -- Else the triggers would make these rows anew for each of the rows that go.
        DELETE FROM person_search AS s USING migrated_row AS m WHERE m.run_id = undone_run AND m.phase >= first_phase
            AND m.table_name = 'person' AND m.record_id = s.person_id;
        DELETE FROM patient_order AS o USING migrated_row AS m WHERE m.run_id = undone_run AND m.phase >= first_phase
            AND m.table_name = 'patient' AND m.record_id = o.patient_id;
"""
_PLACE = """        IF ids IS NOT NULL THEN
"""
_PLACE_WHO_HAS_ONE = """        IF TG_OP = 'DELETE' THEN
            -- A patient without a place is going too.
            SELECT array_agg(o.patient_id) INTO ids FROM patient_order AS o WHERE o.patient_id = ANY (ids);
        END IF;
        IF ids IS NOT NULL THEN
"""


def _change(function: str, earlier: str, later: str) -> None:
    op.execute(f"""
        DO $do$ BEGIN
            EXECUTE replace(pg_get_functiondef('{function}'::regprocedure), $a${earlier}$a$, $b${later}$b$);
        END $do$
    """)


def upgrade() -> None:
    _change("undo_legacy_run(integer, integer)", _UNDO, _UNDO_QUICKLY)
    _change("keep_patient_order()", _PLACE, _PLACE_WHO_HAS_ONE)


def downgrade() -> None:
    _change("keep_patient_order()", _PLACE_WHO_HAS_ONE, _PLACE)
    _change("undo_legacy_run(integer, integer)", _UNDO_QUICKLY, _UNDO)
