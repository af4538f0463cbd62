"""
The old tables as read-only views over the new ones, for reports and tools that still read them.

Schema `legacy_compat`: contact, patient, eap_dossier, medical_condition, hospital, with the old columns under the old
names. A role of its own, `legacy_reader`, may read these views and nothing else; both exist only after
`crm legacy compat enable --reason …`. Reading a view leaves no audit event of the application: anyone who is granted the role
is named on the security page.
"""

from typing import Any, Final

import psycopg

from app.legacy import ledger
from app.legacy.errors import NotReady

ROLE: Final = "legacy_reader"


def _guid(target: str, key: str, source: str) -> str:
    """SQL: the legacy GUID of one of our rows, else our own id."""
    return (
        f"coalesce((SELECT l.source_id FROM legacy.lineage AS l WHERE l.target = '{target}' AND l.target_id = {key}"
        f" AND l.source = '{source}' ORDER BY l.run_id, l.source_id LIMIT 1), {key})"
    )


VIEWS: Final = {
    "medical_condition": f"""
        SELECT {_guid("medical_condition", "m.medical_condition_id", "medical_condition")} AS medical_conditonid,
               m.name, m.abbreviation
        FROM public.medical_condition AS m
    """,
    "hospital": f"""
        SELECT {_guid("hospital", "h.hospital_id", "hospital")} AS hospitalid, h.name, h.city FROM public.hospital AS h
    """,
    "contact": f"""
        SELECT {_guid("person", "p.person_id", "contact")} AS contactid, p.first_name AS firstname, p.last_name AS lastname,
               p.email, t.contact_type, c.name AS medical_condition, b.booking_date, b.reminder_date,
               coalesce(b.no_show, false) AS no_show, y.job_title, s.name AS specialization, y.medical_license_number,
               {_guid("hospital", "y.hospital_id", "hospital")} AS hospital
        FROM public.person AS p
        LEFT JOIN LATERAL (
            SELECT CASE k.type_name WHEN 'patient-lead' THEN 'patient - lead' ELSE k.type_name END AS contact_type
            FROM public.person_contact_type AS r JOIN public.contact_type AS k USING (contact_type_id)
            WHERE r.person_id = p.person_id AND k.type_name IN ('patient-lead', 'physician', 'pharmacist')
            ORDER BY r.valid_from, k.type_name LIMIT 1
        ) AS t ON true
        LEFT JOIN LATERAL (
            SELECT l.medical_condition_id FROM public.patient_lead AS l WHERE l.person_id = p.person_id
            ORDER BY l.created_at DESC, l.lead_id DESC LIMIT 1
        ) AS l ON true
        LEFT JOIN public.medical_condition AS c ON c.medical_condition_id = l.medical_condition_id
        LEFT JOIN LATERAL (
            SELECT h.booking_date, h.reminder_date, h.no_show FROM public.call_history AS h
            WHERE h.person_id = p.person_id AND h.booking_date IS NOT NULL AND h.voided_at IS NULL
            ORDER BY h.occurs_at DESC, h.call_id DESC LIMIT 1
        ) AS b ON true
        LEFT JOIN public.physician AS y ON y.person_id = p.person_id
        LEFT JOIN public.specialization AS s ON s.specialization_id = y.specialization_id
        WHERE t.contact_type IS NOT NULL
    """,
    "patient": f"""
        SELECT {_guid("patient", "a.patient_id", "patient")} AS patientid, p.first_name AS firstname, p.last_name AS lastname,
               p.email, a.first_contact_date, a.initial_consult_date,
               {_guid("medical_condition", "a.medical_condition_id", "medical_condition")} AS medical_condition,
               j.trial_reference AS trial_id, j.eligible, j.ineligible_reason, j.referral_date AS ct_referral_date,
               e.enrollment_date AS eap_enrollment_date, {_guid("person", "a.person_id", "contact")} AS contact_record,
               {_guid("person", "y.person_id", "contact")} AS physician, j.status AS ct_outcome
        FROM public.patient AS a JOIN public.person AS p USING (person_id)
        LEFT JOIN LATERAL (
            SELECT c.* FROM public.clinical_trial_journey AS c WHERE c.patient_id = a.patient_id
            ORDER BY c.referral_date DESC NULLS LAST, c.ct_journey_id DESC LIMIT 1
        ) AS j ON true
        LEFT JOIN LATERAL (
            SELECT x.enrollment_date FROM public.eap_journey AS x WHERE x.patient_id = a.patient_id
            ORDER BY x.enrollment_date DESC NULLS LAST, x.eap_journey_id DESC LIMIT 1
        ) AS e ON true
        LEFT JOIN public.patient_physician_relationship AS r
            ON r.patient_id = a.patient_id AND r.is_primary AND r.end_date IS NULL
        LEFT JOIN public.physician AS y ON y.physician_id = r.physician_id
        WHERE a.deleted_at IS NULL
    """,
    "eap_dossier": f"""
        SELECT {_guid("eap_journey", "x.eap_journey_id", "eap_dossier")} AS eap_dossier_id, x.eap_number,
               {_guid("patient", "x.patient_id", "patient")} AS patient, x.product, x.enrollment_date AS eap_enrollment_date
        FROM public.eap_journey AS x JOIN public.patient AS a USING (patient_id) WHERE a.deleted_at IS NULL
    """,
}
"""View -> the old columns over the new tables. Where a person has several leads or journeys the latest is shown, as then."""


def enable(url: str, reason: str) -> None:
    """Make the views and the role; an audit event keeps the reason. Made anew when they are there."""
    if not reason.strip():
        raise NotReady("a reason is needed: who reads the old shapes, until when")
    with psycopg.connect(url) as connection:
        ledger.create_ledger(connection)
        _drop(connection)
        connection.execute("CREATE SCHEMA legacy_compat")
        for name, query in VIEWS.items():
            connection.execute(f"CREATE VIEW legacy_compat.{name} WITH (security_barrier) AS {query}")
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone() is None:
            try:
                connection.execute(f"CREATE ROLE {ROLE} NOLOGIN")
            except psycopg.errors.InsufficientPrivilege as refused:
                raise NotReady(
                    f"this account may not make roles: have an administrator run CREATE ROLE {ROLE} NOLOGIN, then try again"
                ) from refused
        connection.execute(f"GRANT USAGE ON SCHEMA legacy_compat TO {ROLE}")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA legacy_compat TO {ROLE}")
        connection.execute("CREATE INDEX IF NOT EXISTS ix_lineage_target ON legacy.lineage (target_id, target)")
        _note(connection, "enable_legacy_compat", reason)


def disable(url: str, reason: str) -> None:
    """Take the views away and the role's rights with them; an audit event keeps the reason."""
    with psycopg.connect(url) as connection:
        _drop(connection)
        _note(connection, "disable_legacy_compat", reason)


def _drop(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SET client_min_messages = warning")
    connection.execute("DROP SCHEMA IF EXISTS legacy_compat CASCADE")


def _note(connection: psycopg.Connection[Any], action: str, reason: str) -> None:
    connection.execute(
        "INSERT INTO public.audit_event (action, record_type, outcome, purpose) VALUES (%s, 'legacy_compat', 'done', %s)",
        (action, reason),
    )
