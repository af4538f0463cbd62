"""
The last contact of a patient is the newest call in which somebody was spoken with, not one that reached nobody.

Revision: 0068_last_contact.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0068_last_contact"
down_revision: str | None = "0065_second_person"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

IS_CONTACT = """
    CREATE FUNCTION is_contact(status text, outcome text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $body$
        SELECT status = 'completed'
            AND (outcome IS NULL OR lower(outcome) NOT IN ('voicemail', 'wrong_number', 'no_answer'))
    $body$
"""
# By the name of the call within each function.
PLACED_BY = {"order_patients(uuid[])": "c", "place_new_patients()": "c", "place_logged_call()": "t"}
# In batches, while people work. Whatever changes a patient's place locks the person first.
ORDER_AGAIN = """
    DO $body$
    DECLARE
        ids uuid[];
        last uuid := '00000000-0000-0000-0000-000000000000';
    BEGIN
        LOOP
            SELECT array_agg(o.patient_id ORDER BY o.patient_id) INTO ids FROM (
                SELECT patient_id FROM patient_order WHERE patient_id > last ORDER BY patient_id LIMIT 2000
            ) AS o;
            EXIT WHEN ids IS NULL;
            PERFORM FROM person AS n
            WHERE n.person_id IN (SELECT p.person_id FROM patient AS p WHERE p.patient_id = ANY (ids))
            ORDER BY n.person_id FOR NO KEY UPDATE;
            PERFORM order_patients(ids);
            last := ids[cardinality(ids)];
            COMMIT;
        END LOOP;
    END
    $body$
"""


def _say(old: str, new: str) -> None:
    for function, call in PLACED_BY.items():
        before, after = old.format(call), new.format(call)
        text = f"replace(pg_get_functiondef('{function}'::regprocedure), $old${before}$old$, $new${after}$new$)"
        op.execute(f"DO $do$ BEGIN EXECUTE {text}; END $do$")


def upgrade() -> None:
    op.execute("DROP FUNCTION IF EXISTS is_contact(text, text)")
    op.execute(IS_CONTACT)
    _say("{0}.status = 'completed'", "is_contact({0}.status, {0}.outcome)")
    with op.get_context().autocommit_block():
        op.execute(ORDER_AGAIN)


def downgrade() -> None:
    _say("is_contact({0}.status, {0}.outcome)", "{0}.status = 'completed'")
    op.execute("DROP FUNCTION is_contact(text, text)")
    op.execute("SELECT order_patients(ARRAY(SELECT patient_id FROM patient_order))")
