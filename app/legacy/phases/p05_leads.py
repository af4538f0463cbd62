"""
Phase 5, leads: one for each contact that asked for help and is not a merged copy.

Reads contacts and the patient rows that point to them. Writes patient_lead (those still open or lost; converted ones
are written with their patients in phase 6, they name them) and the roles patient-lead and caregiver.
"""

from typing import Final

from app.legacy.contract import rules
from app.legacy.phases.bulk import indexes_at_the_end
from app.legacy.phases.context import Context
from app.legacy.phases.roles import role

READS: Final = ("s_contact", "s_patient")
WRITES: Final = ("patient_lead", "person_contact_type")


def run(context: Context) -> None:
    """Decide every lead; write those that are not converted."""
    unknown = rules().unknown_condition
    context.table(
        "w_born_contact",
        """
        SELECT c.record, coalesce(c.born, CASE WHEN c.kind = 'patient-lead' THEN f.first_contact::timestamp AT TIME ZONE :tz END,
                                  :now) AS created_at
        FROM legacy.s_contact AS c LEFT JOIN (
            SELECT t.record, min(p.first_contact) AS first_contact
            FROM legacy.w_link AS l JOIN legacy.s_patient AS p ON p.record = l.patient
            CROSS JOIN LATERAL (VALUES (l.contact), (CASE WHEN l.survivor <> l.contact THEN l.survivor END)) AS t(record)
            WHERE l.link <> 'ignored' GROUP BY t.record
        ) AS f USING (record)
        WHERE c.fault IS NULL
        """,
    )
    context.table(
        "w_born_patient",
        """
        SELECT record, coalesce(born, first_contact::timestamp AT TIME ZONE :tz,
                                initial_consult::timestamp AT TIME ZONE :tz, :now) AS created_at
        FROM legacy.s_patient WHERE fault IS NULL
        """,
    )
    context.table(
        "w_conversion",
        """
        SELECT t.record,
               min(coalesce(p.born, p.initial_consult::timestamp AT TIME ZONE :tz,
                            p.first_contact::timestamp AT TIME ZONE :tz, :now)) AS converted_at,
               (array_agg(r.p ORDER BY r.ord, r.id))[1] AS patient_p
        FROM legacy.w_link AS l JOIN legacy.s_patient AS p ON p.record = l.patient
        JOIN legacy.w_person_row AS r ON r.tbl = 'patient' AND r.record = l.patient
        CROSS JOIN LATERAL (VALUES (l.contact), (CASE WHEN l.survivor <> l.contact THEN l.survivor END)) AS t(record)
        WHERE l.link <> 'ignored' AND t.record IS NOT NULL GROUP BY t.record
        """,
    )
    context.table(
        "w_contact_condition",
        """
        SELECT c.record, l.condition, coalesce(l.repaired, false) AS repaired, c.condition_given
        FROM legacy.s_contact AS c LEFT JOIN legacy.w_label AS l ON l.label = c.condition WHERE c.fault IS NULL
        """,
    )
    context.analyze("w_born_contact", "w_born_patient", "w_conversion", "w_contact_condition")
    new = context.is_new("patient_lead", "lead_id", "q.lead_id")
    context.table(
        "d_lead",
        f"""
        SELECT q.*, {new} AS is_new FROM (
            SELECT r.p, i.person_id, r.record, r.id, legacy.derived_id(:epoch, 'lead', r.id::text) AS lead_id,
                   coalesce(w.condition, '{unknown}') AS condition,
                   CASE WHEN v.record IS NOT NULL THEN 'converted' WHEN r.active THEN 'new' ELSE 'lost' END AS status,
                   b.created_at, greatest(v.converted_at, CASE WHEN v.record IS NOT NULL THEN b.created_at END) AS converted_at,
                   v.patient_p
            FROM legacy.w_person_row AS r JOIN legacy.d_person_id AS i USING (p)
            JOIN legacy.w_born_contact AS b USING (record) JOIN legacy.w_contact_condition AS w USING (record)
            LEFT JOIN legacy.w_conversion AS v USING (record)
            WHERE r.tbl = 'contact' AND r.kind = 'patient-lead' AND NOT r.is_merged
        ) AS q
        """,
    )
    context.analyze("d_lead")
    write(context, "d.status <> 'converted'", "NULL::uuid")
    role(
        context,
        "patient-lead",
        """
        SELECT person_id, min(created_at) AS valid_from,
               CASE WHEN bool_and(status = 'converted') THEN max(converted_at) END AS valid_to,
               'contact' AS tbl, (array_agg(id ORDER BY created_at, id))[1] AS source_id
        FROM legacy.d_lead GROUP BY person_id
        """,
    )
    role(
        context,
        "caregiver",
        """
        SELECT i.person_id, min(b.created_at) AS valid_from, NULL::timestamptz AS valid_to, 'contact' AS tbl,
               (array_agg(o.id ORDER BY b.created_at, o.id))[1] AS source_id
        FROM (SELECT DISTINCT r.p FROM legacy.w_link AS l JOIN legacy.w_person_row AS r
              ON r.tbl = 'contact' AND r.record = l.contact WHERE l.link = 'differs') AS c
        JOIN legacy.d_person_id AS i USING (p)
        JOIN legacy.w_person_row AS o ON o.p = c.p AND o.tbl = 'contact'
        JOIN legacy.w_born_contact AS b ON b.record = o.record
        GROUP BY i.person_id
        """,
    )
    context.outcomes(
        "roles of contacts",
        """
        SELECT 'contact', record, 'role',
               CASE WHEN kind = 'patient-lead' THEN CASE WHEN is_merged THEN 'linked' ELSE 'created' END
                    WHEN row_number() OVER (PARTITION BY p, kind ORDER BY ord) = 1 THEN 'created'
                    ELSE 'merged_into_existing' END, NULL
        FROM legacy.w_person_row WHERE tbl = 'contact'
        """,
    )
    context.warnings(
        "conditions of leads",
        """
        SELECT 'contact', w.record,
               CASE WHEN NOT w.condition_given THEN 'CONDITION_MISSING'
                    WHEN w.condition IS NULL THEN 'CONDITION_UNKNOWN' ELSE 'CONDITION_LABEL_REPAIRED' END
        FROM legacy.w_contact_condition AS w JOIN legacy.w_person_row AS r ON r.tbl = 'contact' AND r.record = w.record
        WHERE (w.condition IS NULL AND r.kind = 'patient-lead') OR w.repaired
        """,
    )


def write(context: Context, which: str, patient: str) -> None:
    """Write the new leads that `which` names; `patient` is the SQL for the patient they were converted to."""
    with indexes_at_the_end(context, "patient_lead", context.count(f"d_lead AS d WHERE d.is_new AND {which}")):
        context.insert(
            "patient_lead",
            "lead_id, created_at, updated_at, person_id, medical_condition_id, source, status, converted_to_patient_id,"
            " converted_at, closed_at, reason_code, reason",
            f"""
            SELECT d.lead_id, d.created_at, :now, d.person_id, c.condition_id, 'import',
                   CASE d.status WHEN 'lost' THEN 'disqualified' ELSE d.status END, {patient}, d.converted_at,
                   CASE WHEN d.status = 'lost' THEN :now END, CASE WHEN d.status = 'lost' THEN 'other' END,
                   CASE WHEN d.status = 'lost' THEN 'inactive in the old system' END
            FROM legacy.d_lead AS d JOIN legacy.d_condition AS c ON c.name = d.condition WHERE d.is_new AND {which}
            """,
        )
    context.lineage(
        "leads",
        f"SELECT 'patient_lead', lead_id, 'contact', id, NULL::text[] FROM legacy.d_lead AS d WHERE d.is_new AND {which}",
    )
