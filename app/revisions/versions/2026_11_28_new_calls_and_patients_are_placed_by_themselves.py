"""
A call that is logged brings the place of its patient forward, and a new patient gets one, without reading other calls.

With the whole place made anew a logged call cost PostgreSQL two fifths more, and a new patient a quarter. A migration that
takes the indexes of a table away while it fills it makes the places afterwards: for each of them the whole table was read.

Revision: 0065_places_forward.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0065_places_forward"
down_revision: str | None = "0064_specializations_list"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# A new call is at most the newest or the next one. Where it is neither, its place is written all the same: anyone who
# voids the newest at once waits for it, or is waited for. Of several calls at once the places are locked in their order.
PLACE_LOGGED_CALL = """
    CREATE FUNCTION place_logged_call() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    BEGIN
        IF (SELECT count(*) FROM (SELECT FROM touched LIMIT 2) AS t) > 1 THEN
            PERFORM order_patients(array_agg(p.patient_id)) FROM patient AS p
            WHERE p.person_id IN (SELECT t.person_id FROM touched AS t);
            RETURN NULL;
        END IF;
        UPDATE patient_order AS o SET
            last_contact_at = greatest(o.last_contact_at, n.last_contact_at),
            next_call_at = least(o.next_call_at, n.next_call_at)
        FROM (
            SELECT p.patient_id,
                   CASE WHEN t.status = 'completed' THEN t.occurs_at END AS last_contact_at,
                   CASE WHEN t.status IN ('scheduled', 'confirmed') AND t.occurs_at >= clock_timestamp()
                        THEN t.occurs_at END AS next_call_at
            FROM touched AS t JOIN patient AS p ON p.person_id = t.person_id
            WHERE t.voided_at IS NULL
        ) AS n
        WHERE o.patient_id = n.patient_id AND (n.last_contact_at IS NOT NULL OR n.next_call_at IS NOT NULL);
        RETURN NULL;
    END
    $body$
"""
# The person may have had calls as a lead. A journey that came in the same statement has made the place already.
PLACE_NEW_PATIENTS = """
    CREATE FUNCTION place_new_patients() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    BEGIN
        INSERT INTO patient_order (patient_id, created_at, owner_id, status, name, owner, last_contact_at, next_call_at)
        SELECT p.patient_id, p.created_at, p.owner_id, p.status,
               lower(concat_ws(' ', n.last_name, n.first_name)),
               lower(coalesce((
                   SELECT a.display_name FROM user_account AS a WHERE a.user_account_id = p.owner_id
               ), '')),
               coalesce((
                   SELECT c.occurs_at FROM call_history AS c
                   WHERE c.person_id = p.person_id AND c.voided_at IS NULL AND c.status = 'completed'
                   ORDER BY c.occurs_at DESC, c.call_id DESC LIMIT 1
               ), '1900-01-01 00:00:00+00'),
               coalesce((
                   SELECT c.occurs_at FROM call_history AS c
                   WHERE c.person_id = p.person_id AND c.voided_at IS NULL AND c.status IN ('scheduled', 'confirmed')
                     AND c.occurs_at >= clock_timestamp()
                   ORDER BY c.occurs_at, c.call_id LIMIT 1
               ), '9999-12-31 00:00:00+00')
        FROM touched AS p JOIN person AS n ON n.person_id = p.person_id
        WHERE p.deleted_at IS NULL
        ON CONFLICT (patient_id) DO NOTHING;
        RETURN NULL;
    END
    $body$
"""
PLACES_COME_LATER = """
    CREATE FUNCTION places_come_later() RETURNS boolean LANGUAGE sql STABLE AS $body$
        SELECT coalesce(current_setting('crm.places', true) = 'later', false)
            AND has_function_privilege(session_user, 'public.undo_legacy_run(integer, integer)', 'EXECUTE')
    $body$
"""
PLACED = (("call_history", "place_logged_call"), ("patient", "place_new_patients"))
JOURNEYS = ("clinical_trial_journey", "eap_journey")


def _keep_by(table: str, function: str, when: str = "") -> None:
    op.execute(
        f"CREATE OR REPLACE TRIGGER keep_patient_order_insert AFTER INSERT ON {table}"
        f" REFERENCING NEW TABLE AS touched FOR EACH STATEMENT {when} EXECUTE FUNCTION {function}()"
    )


def upgrade() -> None:
    op.execute(PLACE_LOGGED_CALL)
    op.execute(PLACE_NEW_PATIENTS)
    op.execute(PLACES_COME_LATER)
    for table, function in (*PLACED, *((journey, "keep_patient_order") for journey in JOURNEYS)):
        _keep_by(table, function, "" if table == "patient" else "WHEN (NOT places_come_later())")


def downgrade() -> None:
    for table, function in PLACED:
        _keep_by(table, "keep_patient_order")
        op.execute(f"DROP FUNCTION {function}()")
    for table in JOURNEYS:
        _keep_by(table, "keep_patient_order")
    op.execute("DROP FUNCTION places_come_later()")
