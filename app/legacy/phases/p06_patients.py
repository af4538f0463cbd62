"""
Phase 6, patients: one for each person with patient rows, and the leads that became them.

Reads patient rows. Writes patient and the converted leads of phase 5; decides the role patient.
"""

from typing import Final

from app.legacy.contract import rules
from app.legacy.phases import p05_leads
from app.legacy.phases.bulk import indexes_at_the_end
from app.legacy.phases.context import Context
from app.legacy.phases.roles import role

READS: Final = ("s_patient", "s_medical_condition", "s_contact")
WRITES: Final = ("patient", "patient_lead")


def run(context: Context) -> None:
    """Decide every patient and write it."""
    context.table(
        "w_patient_condition",
        """
        SELECT p.record, r.p, r.ord, r.id, p.condition_given, k.condition AS looked_up, o.condition AS option
        FROM legacy.s_patient AS p
        JOIN legacy.w_person_row AS r ON r.tbl = 'patient' AND r.record = p.record
        LEFT JOIN legacy.w_condition_row AS k ON k.id = p.condition
        LEFT JOIN legacy.w_link AS l ON l.patient = p.record AND l.link <> 'ignored'
        LEFT JOIN legacy.w_contact_condition AS o ON o.record = l.contact
        WHERE p.fault IS NULL
        """,
    )
    context.table(
        "w_chosen_condition",
        "SELECT DISTINCT ON (p) p, coalesce(looked_up, option) AS condition FROM legacy.w_patient_condition"
        " WHERE coalesce(looked_up, option) IS NOT NULL ORDER BY p, ord",
    )
    new = context.is_new("patient", "person_id", "q.person_id")
    context.table(
        "d_patient",
        f"""
        SELECT q.*, {new} AND NOT EXISTS (SELECT FROM public.patient AS t WHERE t.person_id = q.person_id) AS is_new
        FROM (
            SELECT g.p, i.person_id,
                   coalesce(x.patient_id, legacy.derived_id(:epoch, 'patient', i.person_id::text)) AS patient_id,
                   coalesce(c.condition, '{rules().unknown_condition}') AS condition, g.first_contact_date,
                   g.initial_consult_date, CASE WHEN g.is_active THEN 'active' ELSE 'inactive' END AS status,
                   g.created_at, g.born_of
            FROM (
                SELECT r.p, min(s.first_contact) AS first_contact_date, min(s.initial_consult) AS initial_consult_date,
                       bool_or(s.active) AS is_active, min(b.created_at) AS created_at,
                       (array_agg(r.id ORDER BY b.created_at, r.id))[1] AS born_of
                FROM legacy.w_person_row AS r JOIN legacy.s_patient AS s ON s.record = r.record
                JOIN legacy.w_born_patient AS b ON b.record = r.record
                WHERE r.tbl = 'patient' GROUP BY r.p
            ) AS g
            JOIN legacy.d_person_id AS i USING (p)
            LEFT JOIN legacy.w_chosen_condition AS c USING (p)
            LEFT JOIN public.patient AS x ON x.person_id = i.person_id
        ) AS q
        """,
    )
    context.connection.execute("CREATE UNIQUE INDEX ON legacy.d_patient (p)")
    context.analyze("d_patient", "w_patient_condition")
    with indexes_at_the_end(context, "patient", context.count("d_patient WHERE is_new")):
        context.insert(
            "patient",
            "patient_id, created_at, updated_at, person_id, medical_condition_id, first_contact_date, initial_consult_date, status",
            "SELECT d.patient_id, d.created_at, :now, d.person_id, c.condition_id, d.first_contact_date,"
            " d.initial_consult_date, d.status FROM legacy.d_patient AS d"
            " JOIN legacy.d_condition AS c ON c.name = d.condition WHERE d.is_new",
        )
    context.lineage(
        "patients",
        """
        SELECT CASE WHEN d.is_new THEN 'patient' ELSE 'alias:patient' END, d.patient_id, 'patient', r.id,
               array_remove(ARRAY[
                   CASE WHEN coalesce(w.looked_up, w.option) = d.condition THEN 'medical_condition_id' END,
                   CASE WHEN s.first_contact = d.first_contact_date THEN 'first_contact_date' END,
                   CASE WHEN s.initial_consult = d.initial_consult_date THEN 'initial_consult_date' END], NULL)
        FROM legacy.d_patient AS d JOIN legacy.w_person_row AS r ON r.p = d.p AND r.tbl = 'patient'
        JOIN legacy.s_patient AS s ON s.record = r.record JOIN legacy.w_patient_condition AS w ON w.record = r.record
        WHERE d.is_new OR NOT EXISTS (SELECT FROM legacy.lineage AS l WHERE l.source = 'patient' AND l.source_id = r.id
                                      AND l.target IN ('patient', 'alias:patient'))
        """,
    )
    p05_leads.write(
        context,
        "d.status = 'converted'",
        "(SELECT x.patient_id FROM legacy.d_patient AS x WHERE x.p = d.patient_p)",
    )
    role(
        context,
        "patient",
        "SELECT person_id, created_at AS valid_from, NULL::timestamptz AS valid_to, 'patient' AS tbl,"
        " born_of AS source_id FROM legacy.d_patient",
    )
    context.stage(
        "other conditions",
        """
        INSERT INTO legacy.d_suggestion (p, field, value, about, tbl, source_id)
        SELECT DISTINCT ON (w.p, v.condition) w.p, 'medical_condition', v.condition, d.patient_id, 'patient', w.id
        FROM legacy.w_patient_condition AS w JOIN legacy.d_patient AS d USING (p)
        CROSS JOIN LATERAL (VALUES (w.looked_up), (w.option)) AS v(condition)
        WHERE v.condition <> d.condition ORDER BY w.p, v.condition, w.ord
        """,
    )
    context.outcomes(
        "patients",
        """
        SELECT 'patient', record, 'patient',
               CASE WHEN row_number() OVER (PARTITION BY p ORDER BY ord) = 1 THEN 'created' ELSE 'merged_into_existing' END,
               NULL
        FROM legacy.w_person_row WHERE tbl = 'patient'
        """,
    )
    context.warnings(
        "conditions of patients",
        """
        SELECT 'patient', record, 'ORPHAN_CONDITION_LOOKUP' FROM legacy.w_patient_condition
        WHERE condition_given AND looked_up IS NULL
        UNION ALL
        SELECT 'patient', record, 'CONDITION_MISMATCH' FROM legacy.w_patient_condition WHERE looked_up <> option
        UNION ALL
        SELECT 'patient', record, CASE WHEN condition_given THEN 'CONDITION_UNKNOWN' ELSE 'CONDITION_MISSING' END
        FROM legacy.w_patient_condition WHERE looked_up IS NULL AND option IS NULL
        """,
    )
