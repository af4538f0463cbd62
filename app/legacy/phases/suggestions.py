"""Values that differ from the survivor's: written once all phases have found theirs, as suggested changes."""

from typing import Final

from app.legacy.phases.bulk import indexes_at_the_end
from app.legacy.phases.context import Context
from app.legacy.phases.told import held
from app.people.birth_dates import written_sql

_FIELDS: Final = (
    ("person", "person_id", "first_name"),
    ("person", "person_id", "last_name"),
    ("person", "person_id", "date_of_birth"),
    ("patient", "patient_id", "medical_condition_id"),
    ("physician", "physician_id", "medical_license_number"),
    ("eap_journey", "eap_journey_id", "enrollment_date"),
)
_NOT_HELD: Final = "".join(
    f" AND NOT (w.our_field = '{column}' AND EXISTS (SELECT FROM ({held(target, key, column)}) AS h"
    " WHERE h.record_id = w.record_id AND w.theirs IN (h.ours, h.before)))"
    for target, key, column in _FIELDS
)
"""A later export finds rows as they are now: what they hold, or held before it was corrected here, is not suggested."""


def write_suggestions(context: Context) -> None:
    """Write the values that differ from the survivor's as suggested changes, those that all phases have found."""
    context.table(
        "w_suggested",
        """
        SELECT q.*, encode(sha256(convert_to(q.theirs::text, 'UTF8')), 'hex') AS value_hash,
               legacy.derived_id(:epoch, 'suggested_change', q.record_id || q.our_field || q.theirs::text) AS id
        FROM (
            SELECT i.person_id, 'person' AS table_name, i.person_id AS record_id, f.our_field,
                   to_jsonb(f.theirs) AS theirs, s.tbl, s.source_id, s.field
            FROM legacy.d_suggestion AS s JOIN legacy.d_person_id AS i USING (p) JOIN legacy.d_person AS d USING (p)
            CROSS JOIN LATERAL (VALUES
                ('first_name', CASE WHEN s.field = 'name' AND s.first <> '' AND s.first IS DISTINCT FROM d.first_name THEN s.first END),
                ('last_name', CASE WHEN s.field = 'name' AND s.last <> '' AND s.last IS DISTINCT FROM d.last_name THEN s.last END),
                ('date_of_birth', CASE WHEN s.field = 'date_of_birth' THEN s.value END)
            ) AS f(our_field, theirs)
            WHERE f.theirs IS NOT NULL AND s.about IS NULL
            UNION ALL
            SELECT i.person_id, a.table_name, s.about, a.our_field, to_jsonb(coalesce(c.condition_id::text, s.value)),
                   s.tbl, s.source_id, s.field
            FROM legacy.d_suggestion AS s JOIN legacy.d_person_id AS i USING (p)
            JOIN (VALUES ('medical_condition', 'patient', 'medical_condition_id'),
                         ('medical_license_number', 'physician', 'medical_license_number'),
                         ('eap_enrollment_date', 'eap_journey', 'enrollment_date')
                 ) AS a(field, table_name, our_field) USING (field)
            LEFT JOIN legacy.d_condition AS c ON s.field = 'medical_condition' AND c.name = s.value
            WHERE s.about IS NOT NULL
        ) AS q
        """,
    )
    new = context.is_new("suggested_change", "suggested_change_id", "w.id")
    context.table(
        "w_new_suggestion",
        f"SELECT DISTINCT ON (w.record_id, w.our_field, w.value_hash) w.* FROM legacy.w_suggested AS w WHERE {new}"
        " AND NOT EXISTS (SELECT FROM public.suggested_change AS x WHERE x.record_id = w.record_id"
        f" AND x.field = w.our_field AND x.value_hash = w.value_hash) {'' if context.is_first else _NOT_HELD}"
        " ORDER BY w.record_id, w.our_field, w.value_hash, w.tbl, w.source_id",
    )
    # Every table a suggestion is about has its value in to_jsonb(row): one statement for all of them.
    with indexes_at_the_end(context, "suggested_change", context.count("w_new_suggestion")):
        context.insert(
            "suggested_change",
            "suggested_change_id, created_at, updated_at, person_id, table_name, record_id, field, ours, ours_version, theirs,"
            " value_hash, source",
            f"""
            SELECT w.id, :now, :now, w.person_id, w.table_name, w.record_id, w.our_field, nullif(o.ours -> w.our_field, 'null'),
                   coalesce((o.ours ->> 'version')::integer, 1), w.theirs, w.value_hash, 'import'
            FROM legacy.w_new_suggestion AS w
            LEFT JOIN LATERAL (
                SELECT to_jsonb(x) || jsonb_build_object('date_of_birth', {written_sql("x")}) AS ours FROM public.person AS x WHERE w.table_name = 'person' AND x.person_id = w.record_id
                UNION ALL
                SELECT to_jsonb(x) FROM public.patient AS x WHERE w.table_name = 'patient' AND x.patient_id = w.record_id
                UNION ALL
                SELECT to_jsonb(x) FROM public.physician AS x WHERE w.table_name = 'physician' AND x.physician_id = w.record_id
                UNION ALL
                SELECT to_jsonb(x) FROM public.eap_journey AS x WHERE w.table_name = 'eap_journey' AND x.eap_journey_id = w.record_id
            ) AS o ON true
            """,
        )
    context.lineage(
        "suggestions",
        "SELECT 'suggested_change', id, tbl, source_id, ARRAY[our_field] FROM legacy.w_new_suggestion",
    )
