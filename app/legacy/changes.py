"""
A later export of the same system: what changed there since the last run becomes a suggested change here.

Nothing that is here is overwritten, whether people have edited it since or not. A record is changed when its text is
not the one that was last seen, when it is new, and when it is missing. Of the rows it tells of, each field is suggested
of which something else is said than before, and than ours: what was corrected here is not suggested back.
"""

from typing import Final, NamedTuple

from app.legacy.contract import TABLES
from app.legacy.phases.context import Context
from app.legacy.phases.told import held


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
            "first_name": "left(nullif(d.typed_first, ''), 100)",
            "last_name": "left(nullif(d.typed_last, ''), 100)",
            "date_of_birth": "d.date_of_birth::text",
        },
    ),
    Compared(
        "(SELECT d.*, c.condition_id FROM legacy.d_patient AS d LEFT JOIN legacy.d_condition AS c ON c.name = d.condition AND c.is_active)",
        "patient",
        "patient_id",
        {
            "medical_condition_id": "d.condition_id",
            "first_contact_date": "d.first_contact_date",
            "initial_consult_date": "d.initial_consult_date",
        },
    ),
    Compared(
        "(SELECT d.*, c.condition_id FROM legacy.d_lead AS d LEFT JOIN legacy.d_condition AS c ON c.name = d.condition AND c.is_active)",
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
        {"medical_license_number": "left(d.licence, 100)", "job_title": "left(d.job_title, 200)"},
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
        LEFT JOIN (SELECT DISTINCT ON (source, source_id) source, source_id, digest FROM legacy.seen
                   ORDER BY source, source_id, run_id DESC) AS s USING (source, source_id)
        WHERE s.digest IS DISTINCT FROM q.digest
        UNION ALL
        SELECT source, source_id FROM legacy.w_missing
        """,
    )
    context.table(
        "w_changed_target",
        "SELECT DISTINCT replace(l.target, 'alias:', '') AS target, l.target_id FROM legacy.lineage AS l"
        " JOIN legacy.w_changed_record AS c USING (source, source_id)",
    )
    context.analyze("w_changed_target")
    parts = [
        f"""
        SELECT d.person_id, '{compared.target}' AS table_name, h.record_id, '{column}' AS our_field, h.ours, h.version,
               to_jsonb({theirs}) AS theirs, h.before
        FROM {compared.decided} AS d
        JOIN ({held(compared.target, compared.key, column)}) AS h ON h.record_id = d.{compared.key}
        JOIN legacy.w_changed_target AS w ON w.target = '{compared.target}' AND w.target_id = h.record_id
        WHERE NOT d.is_new
        """
        for compared in _COMPARED
        for column, theirs in compared.columns.items()
    ]
    # Two journeys that an export takes for one here may say two things of it.
    context.table(
        "w_said",
        f"""
        SELECT DISTINCT ON (q.record_id, q.our_field) q.*,
               encode(sha256(convert_to(q.theirs::text, 'UTF8')), 'hex') AS value_hash,
               legacy.derived_id(:epoch, 'suggested_change', q.record_id || q.our_field || q.theirs::text) AS id
        FROM ({" UNION ALL ".join(parts)}) AS q WHERE q.theirs IS DISTINCT FROM q.before
        ORDER BY q.record_id, q.our_field, q.theirs::text
        """,
    )
    context.table("w_change", "SELECT * FROM legacy.w_said WHERE theirs IS NOT NULL AND theirs IS DISTINCT FROM ours")
    context.table(
        "w_new_change",
        "SELECT w.* FROM legacy.w_change AS w WHERE"
        f" {context.is_new('suggested_change', 'suggested_change_id', 'w.id')}"
        " AND NOT EXISTS (SELECT FROM public.suggested_change AS x WHERE x.record_id = w.record_id"
        " AND x.field = w.our_field AND x.value_hash = w.value_hash)",
    )
    context.insert(
        "suggested_change",
        "suggested_change_id, created_at, updated_at, person_id, table_name, record_id, field, ours, ours_version, theirs,"
        " value_hash, source",
        "SELECT id, :now, :now, person_id, table_name, record_id, our_field, ours, version, theirs, value_hash, 'import'"
        " FROM legacy.w_new_change",
    )
    source = (
        "LEFT JOIN LATERAL (SELECT l.source, l.source_id FROM legacy.lineage AS l"
        " JOIN legacy.w_changed_record AS c USING (source, source_id) WHERE l.target_id = w.record_id"
        " ORDER BY l.source, l.source_id LIMIT 1) AS l ON true"
    )
    context.lineage(
        "changes",
        "SELECT 'suggested_change', w.id, coalesce(l.source, 'contact'), l.source_id, ARRAY[w.our_field]"
        f" FROM legacy.w_new_change AS w {source}",
    )
    _suggest_again(context, source)
    context.stage(
        "what is said of fields",
        "INSERT INTO legacy.told SELECT :run, record_id, our_field, theirs FROM legacy.w_said",
    )


def _suggest_again(context: Context, source: str) -> None:
    """Open what was suggested once and is said anew, where it was not rejected."""
    context.notices(
        "suggested again",
        f"""
        SELECT 'SUGGESTED_AGAIN', coalesce(l.source, 'contact'), l.source_id, w.table_name, w.record_id, w.our_field
        FROM legacy.w_change AS w JOIN public.suggested_change AS x ON x.record_id = w.record_id AND x.field = w.our_field
            AND x.value_hash = w.value_hash AND x.decision IN ('accepted', 'superseded') {source}
        """,
    )
    context.connection.execute("SELECT set_config('crm.reason', %s, true)", (f"legacy run {context.run_id}",))
    context.written += context.stage(
        "suggested again",
        """
        UPDATE public.suggested_change AS x SET decision = 'open', decided_at = NULL, decided_by = NULL, reason = NULL,
            ours = w.ours, ours_version = w.version, updated_by = NULL
        FROM legacy.w_change AS w WHERE x.record_id = w.record_id AND x.field = w.our_field
            AND x.value_hash = w.value_hash AND x.decision IN ('accepted', 'superseded')
        """,
    )
    context.connection.execute("SELECT set_config('crm.reason', '', true)")


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
