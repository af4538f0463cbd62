"""
Patients are listed by name, owner, status, last contact and next call, and by the stage of their open journeys.

A table of its own, so that a call does not make a new version of its patient. Kept by triggers in the transaction of
what it follows. The patients who are here get their rows in batches, each a transaction of its own, while people work;
what a process that was killed has left is made anew.

Revision: 0060_patient_order.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0060_patient_order"
down_revision: str | None = "0059_reached_nobody"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

ORDER_PATIENTS = """
    CREATE OR REPLACE FUNCTION order_patients(ids uuid[]) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    BEGIN
        -- Anyone who changes the same patient at once waits here; the next statement sees what they have committed.
        PERFORM FROM patient_order WHERE patient_id = ANY (ids) ORDER BY patient_id FOR NO KEY UPDATE;
        DELETE FROM patient_order AS o USING patient AS p
        WHERE o.patient_id = ANY (ids) AND p.patient_id = o.patient_id AND p.deleted_at IS NOT NULL;
        INSERT INTO patient_order AS o (
            patient_id, created_at, owner_id, status, name, owner, last_contact_at, next_call_at,
            clinical_trial_stage, eap_stage
        )
        SELECT p.patient_id, p.created_at, p.owner_id, p.status,
               lower(concat_ws(' ', n.last_name, n.first_name)), lower(coalesce(a.display_name, '')),
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
               ), '9999-12-31 00:00:00+00'),
               (
                   SELECT j.status FROM clinical_trial_journey AS j
                   WHERE j.patient_id = p.patient_id AND j.status NOT IN ('not_pursued', 'pre_screen_failed', 'declined_by_patient', 'referral_withdrawn', 'site_rejected', 'screen_failed', 'withdrew_consent', 'completed', 'discontinued', 'lost_to_follow_up', 'trial_closed', 'deceased', 'entered_in_error')
                   ORDER BY j.created_at DESC, j.ct_journey_id DESC LIMIT 1
               ),
               (
                   SELECT j.status FROM eap_journey AS j
                   WHERE j.patient_id = p.patient_id AND j.status NOT IN ('closed', 'not_pursued', 'not_eligible', 'redirect_to_trial', 'refused', 'sponsor_declined', 'withdrawn', 'deceased', 'programme_closed', 'transitioned_to_commercial')
                   ORDER BY j.created_at DESC, j.eap_journey_id DESC LIMIT 1
               )
        FROM patient AS p
        JOIN person AS n ON n.person_id = p.person_id
        LEFT JOIN user_account AS a ON a.user_account_id = p.owner_id
        WHERE p.patient_id = ANY (ids) AND p.deleted_at IS NULL
        ORDER BY p.patient_id
        ON CONFLICT (patient_id) DO UPDATE SET (
            created_at, owner_id, status, name, owner, last_contact_at, next_call_at, clinical_trial_stage, eap_stage
        ) = ROW (
            excluded.created_at, excluded.owner_id, excluded.status, excluded.name, excluded.owner,
            excluded.last_contact_at, excluded.next_call_at, excluded.clinical_trial_stage, excluded.eap_stage
        ) WHERE o.* IS DISTINCT FROM excluded.*;
    END
    $body$
"""
KEEP_PATIENT_ORDER = """
    CREATE OR REPLACE FUNCTION keep_patient_order() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    DECLARE
        ids uuid[];
    BEGIN
        CASE TG_TABLE_NAME
            WHEN 'person' THEN
                SELECT array_agg(p.patient_id) INTO ids FROM patient AS p WHERE p.person_id = NEW.person_id;
            WHEN 'user_account' THEN
                SELECT array_agg(p.patient_id) INTO ids FROM patient AS p
                WHERE p.owner_id = NEW.user_account_id AND p.deleted_at IS NULL;
            WHEN 'call_history' THEN
                SELECT array_agg(p.patient_id) INTO ids FROM patient AS p
                WHERE p.person_id IN (SELECT t.person_id FROM touched AS t);
            ELSE
                SELECT array_agg(DISTINCT t.patient_id) INTO ids FROM touched AS t;
        END CASE;
        IF ids IS NOT NULL THEN
            PERFORM order_patients(ids);
        END IF;
        RETURN NULL;
    END
    $body$
"""
FOLLOWED = {
    "patient": ("insert", "update"),
    "call_history": ("insert", "update", "delete"),
    "clinical_trial_journey": ("insert", "update", "delete"),
    "eap_journey": ("insert", "update", "delete"),
}
RENAMED = {"person": ("first_name", "last_name"), "user_account": ("display_name",)}


_COLUMNS = ("name", "last_contact_at", "next_call_at")
INDEXES = (
    *((f"ix_patient_order_{column}", f"({column}, patient_id)") for column in ("owner", "status", *_COLUMNS)),
    *(
        (f"ix_patient_order_{first}_{column}", f"({first}, {column}, patient_id)")
        for first in ("owner_id", "status")
        for column in _COLUMNS
    ),
    *(
        (
            f"ix_patient_order_{stage}_created_at",
            f"({stage}, created_at DESC, patient_id DESC) WHERE {stage} IS NOT NULL",
        )
        for stage in ("clinical_trial_stage", "eap_stage")
    ),
)
# Whatever changes a patient's place locks the person first: a batch has what was committed before it, and what is begun
# meanwhile finds its row.
_FILL = """
    DO $body$
    DECLARE
        ids uuid[];
        last uuid := '00000000-0000-0000-0000-000000000000';
    BEGIN
        LOOP
            SELECT array_agg(n.patient_id ORDER BY n.patient_id) INTO ids FROM (
                SELECT p.patient_id FROM patient AS p WHERE p.patient_id > last ORDER BY p.patient_id LIMIT 2000
            ) AS n;
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


def upgrade() -> None:
    op.execute("DROP TABLE IF EXISTS patient_order")
    op.create_table(
        "patient_order",
        sa.Column("patient_id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("last_contact_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_call_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clinical_trial_stage", sa.Text(), nullable=True),
        sa.Column("eap_stage", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.patient_id"], ondelete="CASCADE"),
    )
    op.execute(ORDER_PATIENTS)
    op.execute(KEEP_PATIENT_ORDER)
    for table, changes in FOLLOWED.items():
        for change in changes:
            rows = "OLD" if change == "delete" else "NEW"
            op.execute(
                f"CREATE OR REPLACE TRIGGER keep_patient_order_{change} AFTER {change.upper()} ON {table}"
                f" REFERENCING {rows} TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_patient_order()"
            )
    for table, renamed in RENAMED.items():
        old, new = (", ".join(f"{row}.{column}" for column in renamed) for row in ("OLD", "NEW"))
        op.execute(
            f"CREATE OR REPLACE TRIGGER keep_patient_order_update AFTER UPDATE OF {', '.join(renamed)} ON {table}"
            f" FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION keep_patient_order()"
        )
    with op.get_context().autocommit_block():
        op.execute(_FILL)
        for name, columns in INDEXES:
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON patient_order {columns}")


def downgrade() -> None:
    for table in RENAMED:
        op.execute(f"DROP TRIGGER keep_patient_order_update ON {table}")
    for table, changes in FOLLOWED.items():
        for change in changes:
            op.execute(f"DROP TRIGGER keep_patient_order_{change} ON {table}")
    op.drop_table("patient_order")
    op.execute("DROP FUNCTION keep_patient_order()")
    op.execute("DROP FUNCTION order_patients(uuid[])")
