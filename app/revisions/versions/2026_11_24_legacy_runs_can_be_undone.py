"""
A legacy run can be undone; a role may end the moment it begins; a caregiver's lead becomes the patient they care for.

`undo_legacy_run` is one of the two functions that may take rows out of insert-only tables; it leaves an audit event. It
takes away what the lineage of the run says it wrote, the tables that name others first. The schema `legacy` itself is
made by the first run and dropped only by command.

Revision: 0004_legacy.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0004_legacy"
down_revision: str | None = "0003_sign_in"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

UNDO = """
    CREATE FUNCTION undo_legacy_run(undone_run integer, first_phase integer) RETURNS bigint
    LANGUAGE plpgsql AS $body$
    DECLARE
        target record;
        removed bigint;
        total bigint := 0;
    BEGIN
        -- Not as a SET clause of the function: that takes a superuser, whom the application is not.
        PERFORM set_config('crm.insert_only_exception', 'on', true);
        FOR target IN
            SELECT * FROM (VALUES
                ('eap_journey', 'eap_journey_id'),
                ('clinical_trial_journey', 'ct_journey_id'),
                ('clinical_trial', 'clinical_trial_id'),
                ('call_history', 'call_id'),
                ('patient_physician_relationship', 'patient_physician_id'),
                ('suggested_change', 'suggested_change_id'),
                ('duplicate_candidate', 'duplicate_candidate_id'),
                ('patient_lead', 'lead_id'),
                ('patient', 'patient_id'),
                ('physician', 'physician_id'),
                ('hospital', 'hospital_id'),
                ('specialization', 'specialization_id'),
                ('person_contact_type', 'person_contact_type_id'),
                ('contact_point', 'contact_point_id'),
                ('person', 'person_id'),
                ('medical_condition', 'medical_condition_id'),
                ('contact_type', 'contact_type_id')
            ) AS t(name, key)
        LOOP
            EXECUTE format(
                'DELETE FROM public.%I AS t USING (SELECT DISTINCT target_id FROM legacy.lineage '
                'WHERE run_id = $1 AND phase >= $2 AND target = %L) AS w WHERE t.%I = w.target_id',
                target.name, target.name, target.key) USING undone_run, first_phase;
            GET DIAGNOSTICS removed = ROW_COUNT;
            total := total + removed;
        END LOOP;
        PERFORM set_config('crm.insert_only_exception', 'off', true);
        INSERT INTO public.audit_event (action, record_type, outcome, purpose)
        VALUES ('undo_legacy_run', 'legacy_run', 'done', format('run %s from phase %s', undone_run, first_phase));
        RETURN total;
    END
    $body$
"""


def upgrade() -> None:
    op.drop_constraint("period_in_order", "person_contact_type", type_="check")
    op.create_check_constraint("period_in_order", "person_contact_type", "valid_to >= valid_from")
    op.drop_constraint("fk_patient_lead_patient_of_person", "patient_lead", type_="foreignkey")
    op.create_foreign_key(
        "fk_patient_lead_converted_to_patient_id",
        "patient_lead",
        "patient",
        ["converted_to_patient_id"],
        ["patient_id"],
    )
    op.execute(UNDO)


def downgrade() -> None:
    # The ledger tells of rows that go with their tables; what it says would be untrue of a database made anew.
    op.execute("DROP SCHEMA IF EXISTS legacy_compat CASCADE")
    op.execute("DROP SCHEMA IF EXISTS legacy CASCADE")
    op.execute("DROP FUNCTION undo_legacy_run")
    op.drop_constraint("fk_patient_lead_converted_to_patient_id", "patient_lead", type_="foreignkey")
    op.create_foreign_key(
        "fk_patient_lead_patient_of_person",
        "patient_lead",
        "patient",
        ["converted_to_patient_id", "person_id"],
        ["patient_id", "person_id"],
    )
    op.drop_constraint("period_in_order", "person_contact_type", type_="check")
    op.create_check_constraint("period_in_order", "person_contact_type", "valid_to > valid_from")
