"""
A later export of the same system: what changed there since the last run becomes a suggested change here.

Nothing that is here is overwritten, whether people have edited it since or not. A record is changed when its text is
not the one that was last seen; of the rows it tells of, every field that differs from ours is suggested.
"""

from typing import Final, NamedTuple

from app.legacy.contract import TABLES
from app.legacy.phases.context import Context
from app.people.birth_dates import written_sql


class Compared(NamedTuple):
    """
    A decision table and the table it went to: key, and our columns with the SQL of what the export says now.

    In the column's own type, since a suggestion holds it as JSON and is accepted by the rules of a PUT.
    """

    decided: str
    target: str
    key: str
    columns: dict[str, str]


_COMPARED: Final = (
    Compared(
        "(SELECT d.*, i.person_id, i.is_new FROM legacy.d_person AS d JOIN legacy.d_person_id AS i USING (p))",
        "person",
        "person_id",
        {
            "first_name": "nullif(d.typed_first, '')",
            "last_name": "nullif(d.typed_last, '')",
            "date_of_birth": "d.date_of_birth",
        },
    ),
    Compared(
        "(SELECT d.*, c.condition_id FROM legacy.d_patient AS d JOIN legacy.d_condition AS c ON c.name = d.condition AND c.is_active)",
        "patient",
        "patient_id",
        {
            "medical_condition_id": "d.condition_id",
            "first_contact_date": "d.first_contact_date",
            "initial_consult_date": "d.initial_consult_date",
        },
    ),
    Compared(
        "(SELECT d.*, c.condition_id FROM legacy.d_lead AS d JOIN legacy.d_condition AS c ON c.name = d.condition AND c.is_active)",
        "patient_lead",
        "lead_id",
        {
            "medical_condition_id": "d.condition_id",
            "status": "CASE d.status WHEN 'lost' THEN 'disqualified' ELSE d.status END",
        },
    ),
    Compared(
        "legacy.d_physician",
        "physician",
        "physician_id",
        {"medical_license_number": "d.licence", "job_title": "d.job_title"},
    ),
    Compared(
        "legacy.d_call",
        "call_history",
        "call_id",
        {"status": "d.status", "outcome": "d.outcome", "call_duration_minutes": "d.minutes", "notes": "d.notes"},
    ),
    Compared(
        "legacy.d_ct_journey",
        "clinical_trial_journey",
        "ct_journey_id",
        {"status": "d.status", "ineligible_reason": "CASE WHEN d.eligible IS DISTINCT FROM 'yes' THEN d.reason END"},
    ),
    Compared(
        "(SELECT d.* FROM legacy.d_eap_journey AS d)",
        "eap_journey",
        "eap_journey_id",
        {"enrollment_date": "d.enrolled"},
    ),
)


def suggest_changes(context: Context) -> None:
    """Suggest what the changed records of a later export say otherwise; nothing on a first run."""
    if context.is_first:
        return
    unseen = " UNION ALL ".join(
        f"SELECT '{table}' AS source, s.id AS source_id, s.digest FROM legacy.s_{table} AS s WHERE s.fault IS NULL"
        for table in TABLES
    )
    context.table(
        "w_changed_record",
        f"""
        SELECT q.source, q.source_id FROM ({unseen}) AS q
        JOIN (SELECT DISTINCT ON (source, source_id) source, source_id, digest FROM legacy.seen
              ORDER BY source, source_id, run_id DESC) AS s USING (source, source_id)
        WHERE s.digest <> q.digest
        """,
    )
    context.table(
        "w_changed_target",
        "SELECT DISTINCT replace(l.target, 'alias:', '') AS target, l.target_id FROM legacy.lineage AS l"
        " JOIN legacy.w_changed_record AS c USING (source, source_id)",
    )
    context.analyze("w_changed_target")
    parts = []
    for decided, target, key, columns in _COMPARED:
        for column, theirs in columns.items():
            ours = f"to_jsonb({written_sql('t')})" if column == "date_of_birth" else f"to_jsonb(t) -> '{column}'"
            parts.append(
                f"""
                SELECT d.person_id, '{target}' AS table_name, d.{key} AS record_id, '{column}' AS our_field,
                       {ours} AS ours, t.version, to_jsonb({theirs}) AS theirs
                FROM {decided} AS d JOIN public.{target} AS t USING ({key})
                JOIN legacy.w_changed_target AS w ON w.target = '{target}' AND w.target_id = d.{key}
                WHERE NOT d.is_new AND ({theirs}) IS NOT NULL AND {ours} IS DISTINCT FROM to_jsonb({theirs})
                """
            )
    context.table(
        "w_change",
        f"""
        SELECT q.*, encode(sha256(convert_to(q.theirs::text, 'UTF8')), 'hex') AS value_hash,
               legacy.derived_id(:epoch, 'suggested_change', q.record_id || q.our_field || q.theirs::text) AS id
        FROM ({" UNION ALL ".join(parts)}) AS q
        """,
    )
    context.table(
        "w_new_change",
        "SELECT DISTINCT ON (w.record_id, w.our_field, w.value_hash) w.* FROM legacy.w_change AS w WHERE"
        f" {context.is_new('suggested_change', 'suggested_change_id', 'w.id')}"
        " AND NOT EXISTS (SELECT FROM public.suggested_change AS x WHERE x.record_id = w.record_id"
        " AND x.field = w.our_field AND x.value_hash = w.value_hash)"
        # Two journeys that an export takes for one here say the same of it.
        " ORDER BY w.record_id, w.our_field, w.value_hash, w.theirs::text",
    )
    context.insert(
        "suggested_change",
        "suggested_change_id, created_at, updated_at, person_id, table_name, record_id, field, ours, ours_version, theirs,"
        " value_hash, source",
        "SELECT id, :now, :now, person_id, table_name, record_id, our_field, nullif(ours, 'null'), version, theirs,"
        " value_hash, 'import' FROM legacy.w_new_change",
    )
    context.lineage(
        "changes",
        "SELECT 'suggested_change', w.id, coalesce(l.source, 'contact'), l.source_id, ARRAY[w.our_field]"
        " FROM legacy.w_new_change AS w LEFT JOIN LATERAL (SELECT l.source, l.source_id FROM legacy.lineage AS l"
        " JOIN legacy.w_changed_record AS c USING (source, source_id) WHERE l.target_id = w.record_id"
        " ORDER BY l.source, l.source_id LIMIT 1) AS l ON true",
    )


_MAIN: Final = {
    "contact": "person",
    "patient": "patient",
    "eap_dossier": "eap_journey",
    "phonecall": "call_history",
    "appointment": "call_history",
    "systemuser": "person",
}
"""By the table of the export: the row of ours that its record is looked up by."""


def list_missing(context: Context) -> None:
    """List the records that an earlier export had and this one has not. What came of them stays here."""
    if context.is_first:
        return
    staged = " UNION ALL ".join(
        f"SELECT '{table}' AS source, s.id AS source_id FROM legacy.s_{table} AS s WHERE s.id IS NOT NULL"
        for table in TABLES
    )
    context.table(
        "w_missing",
        f"""
        SELECT q.source, q.source_id FROM (SELECT DISTINCT source, source_id FROM legacy.seen) AS q
        LEFT JOIN ({staged}) AS s USING (source, source_id) WHERE s.source IS NULL
        """,
    )
    mains = ", ".join(f"('{table}', '{target}')" for table, target in _MAIN.items())
    context.notices(
        "missing records",
        f"""
        SELECT 'RECORD_MISSING', w.source, w.source_id, l.target, l.target_id, NULL::text FROM legacy.w_missing AS w
        LEFT JOIN (VALUES {mains}) AS m(source, target) ON m.source = w.source
        LEFT JOIN LATERAL (
            SELECT replace(l.target, 'alias:', '') AS target, l.target_id FROM legacy.lineage AS l
            WHERE l.source = w.source AND l.source_id = w.source_id
            ORDER BY replace(l.target, 'alias:', '') = m.target DESC NULLS LAST, l.run_id, l.target, l.target_id LIMIT 1
        ) AS l ON true
        """,
    )


def remember(context: Context) -> None:
    """Keep a digest of every record's text, so that a later export's changes are seen."""
    seen = " UNION ALL ".join(
        f"SELECT '{table}' AS source, s.id, s.digest FROM legacy.s_{table} AS s WHERE s.fault IS NULL"
        for table in TABLES
    )
    known = (
        ""
        if context.is_first
        else (
            " WHERE NOT EXISTS (SELECT FROM (SELECT DISTINCT ON (source, source_id) source, source_id, digest FROM legacy.seen"
            " ORDER BY source, source_id, run_id DESC) AS k WHERE (k.source, k.source_id, k.digest) = (q.source, q.id, q.digest))"
        )
    )
    context.stage(
        "remember the records",
        f"INSERT INTO legacy.seen (run_id, source, source_id, digest) SELECT :run, q.* FROM ({seen}) AS q{known}",
    )
