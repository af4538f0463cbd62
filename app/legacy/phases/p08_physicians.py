"""
Phase 8, physicians: with their hospitals and specialisations, and whose patients they look after.

Reads hospitals, specializations, physician contacts and the patient rows' look-ups. Writes hospital, specialization,
physician, patient_physician_relationship and the roles that all phases have decided.
"""

from typing import Final

from app.legacy.phases.bulk import indexes_at_the_end
from app.legacy.phases.context import Context
from app.legacy.phases.roles import role, write_roles
from app.platform.doubles import key_of_name, key_of_number
from app.platform.folding import fold_words

READS: Final = ("s_hospital", "s_specialization", "s_contact", "s_patient")
WRITES: Final = (
    "hospital",
    "specialization",
    "physician",
    "patient_physician_relationship",
    "person_contact_type",
)


def run(context: Context) -> None:
    """Decide and write the places, the physicians and their patients."""
    _places(context, "specialization", "name, '' AS city")
    _places(context, "hospital", "name, city")
    _physicians(context)
    _relationships(context)
    write_roles(context)


def _places(context: Context, table: str, columns: str) -> None:
    """Rows that fold to the same are one; the spelling of the smaller GUID stays."""
    kept: dict[tuple[str, str], str] = {}
    rows = []
    for key, record, name, city in context.all(
        f"SELECT id, record, {columns} FROM legacy.s_{table} WHERE fault IS NULL ORDER BY id"
    ):
        folded = (fold_words(name) or name, fold_words(city) or city)
        is_first = folded not in kept
        kept.setdefault(folded, key)
        keys = (key_of_name(name[:200]), key_of_name(city[:100]))
        rows.append((key, record, name, city or None, kept[folded], is_first, "|".join(folded), *keys))
    context.fill(
        f"w_{table}",
        "id uuid, record integer, name text, city text, kept uuid, is_first boolean, folded text, name_key text,"
        " city_key text",
        rows,
    )
    is_hospital = table == "hospital"
    same_city = " AND x.city_key = w.city_key" if is_hospital else ""
    new = context.is_new(table, f"{table}_id", f"legacy.derived_id(:epoch, '{table}', w.folded)")
    context.table(
        f"d_{table}",
        f"""
        SELECT w.id, w.name, w.city, w.name_key, w.city_key,
               coalesce(h.found, legacy.derived_id(:epoch, '{table}', w.folded)) AS {table}_id,
               h.found IS NULL AND {new} AS is_new
        FROM legacy.w_{table} AS w LEFT JOIN LATERAL (
            SELECT x.{table}_id AS found FROM public.{table} AS x
            WHERE x.name_key = w.name_key{same_city} OR x.{table}_id = legacy.derived_id(:epoch, '{table}', w.folded)
            ORDER BY x.{table}_id = legacy.derived_id(:epoch, '{table}', w.folded) DESC, lower(x.name) = lower(w.name) DESC,
                     x.is_double, x.{table}_id LIMIT 1
        ) AS h ON true
        WHERE w.is_first
        """,
    )
    city = ("city, city_key, ", "left(city, 100), city_key, ") if is_hospital else ("", "")
    # Two that the contract keeps apart and our keys do not (Köln, Koeln) are both loaded.
    context.insert(
        table,
        f"{table}_id, created_at, updated_at, {city[0]}name, name_key, is_double",
        f"SELECT {table}_id, :now, :now, {city[1]}left(name, 200), name_key,"
        f" row_number() OVER (PARTITION BY name_key, city_key ORDER BY id) > 1 FROM legacy.d_{table} WHERE is_new",
    )
    context.lineage(
        f"{table} rows",
        f"""
        SELECT CASE WHEN d.is_new AND w.is_first THEN '' ELSE 'alias:' END || '{table}', d.{table}_id, '{table}', w.id,
               NULL::text[]
        FROM legacy.w_{table} AS w JOIN legacy.d_{table} AS d ON d.id = w.kept
        """,
    )
    context.outcomes(
        f"{table} rows",
        f"SELECT '{table}', record, 'row', CASE WHEN is_first THEN 'created' ELSE 'merged_into_existing' END, NULL"
        f" FROM legacy.w_{table}",
    )


def _physicians(context: Context) -> None:
    context.table(
        "w_physician_row",
        """
        SELECT r.p, r.ord, r.id, r.licence, c.job_title, c.active, b.created_at, s.kept AS specialization,
               h.kept AS hospital
        FROM legacy.w_person_row AS r JOIN legacy.s_contact AS c ON c.record = r.record
        JOIN legacy.w_born_contact AS b ON b.record = r.record
        LEFT JOIN legacy.w_specialization AS s ON s.id = c.specialization
        LEFT JOIN legacy.w_hospital AS h ON h.id = c.hospital
        WHERE r.tbl = 'contact' AND r.kind = 'physician'
        """,
    )
    first = " ".join(
        f"(array_agg({c} ORDER BY ord) FILTER (WHERE {c} IS NOT NULL))[1] AS {c},"
        for c in ("licence", "specialization", "hospital", "job_title")
    )
    context.table(
        "d_physician",
        f"""
        SELECT q.*, NOT q.is_here AND NOT EXISTS (SELECT FROM legacy.lineage AS t
               WHERE t.target = 'physician' AND t.target_id = q.physician_id) AS is_new
        FROM (
            SELECT g.*, i.person_id, x.physician_id IS NOT NULL AS is_here,
                   coalesce(x.physician_id, legacy.derived_id(:epoch, 'physician', i.person_id::text)) AS physician_id
            FROM (SELECT p, {first} bool_or(active) AS is_active, min(created_at) AS created_at,
                         (array_agg(id ORDER BY ord))[1] AS source_id,
                         (array_agg(id ORDER BY created_at, id))[1] AS born_of
                  FROM legacy.w_physician_row GROUP BY p) AS g
            JOIN legacy.d_person_id AS i USING (p) LEFT JOIN public.physician AS x ON x.person_id = i.person_id
        ) AS q
        """,
    )
    context.fill(
        "w_licence_key",
        "licence text, licence_key text",
        (
            (licence, key_of_number(licence[:100]))
            for (licence,) in context.rows("SELECT DISTINCT licence FROM legacy.d_physician WHERE licence IS NOT NULL")
        ),
    )
    with indexes_at_the_end(context, "physician", context.count("d_physician WHERE is_new")):
        context.insert(
            "physician",
            "physician_id, created_at, updated_at, person_id, hospital_id, job_title, specialization_id,"
            " medical_license_number, licence_key, is_active",
            """
            SELECT d.physician_id, d.created_at, :now, d.person_id, h.hospital_id, left(d.job_title, 200), s.specialization_id,
                   left(d.licence, 100), k.licence_key, d.is_active
            FROM legacy.d_physician AS d LEFT JOIN legacy.w_licence_key AS k USING (licence)
            LEFT JOIN legacy.d_hospital AS h ON h.id = d.hospital
            LEFT JOIN legacy.d_specialization AS s ON s.id = d.specialization WHERE d.is_new
            """,
        )
    context.lineage(
        "physicians",
        """
        SELECT CASE WHEN d.is_new THEN 'physician' ELSE 'alias:physician' END, d.physician_id, 'contact', r.id,
               array_remove(ARRAY[CASE WHEN r.licence = d.licence THEN 'medical_license_number' END,
                                  CASE WHEN r.specialization = d.specialization THEN 'specialization_id' END,
                                  CASE WHEN r.hospital = d.hospital THEN 'hospital_id' END,
                                  CASE WHEN r.job_title = d.job_title THEN 'job_title' END], NULL)
        FROM legacy.d_physician AS d JOIN legacy.w_physician_row AS r USING (p)
        WHERE d.is_new OR NOT EXISTS (SELECT FROM legacy.lineage AS l WHERE l.source = 'contact' AND l.source_id = r.id
                                      AND l.target IN ('physician', 'alias:physician'))
        """,
    )
    role(
        context,
        "physician",
        "SELECT person_id, created_at AS valid_from, NULL::timestamptz AS valid_to, 'contact' AS tbl,"
        " born_of AS source_id FROM legacy.d_physician",
    )
    role(
        context,
        "pharmacist",
        """
        SELECT i.person_id, min(b.created_at) AS valid_from, NULL::timestamptz AS valid_to, 'contact' AS tbl,
               (array_agg(r.id ORDER BY b.created_at, r.id))[1] AS source_id
        FROM legacy.w_person_row AS r JOIN legacy.d_person_id AS i USING (p)
        JOIN legacy.w_born_contact AS b ON b.record = r.record
        WHERE r.tbl = 'contact' AND r.kind = 'pharmacist' GROUP BY i.person_id
        """,
    )
    context.stage(
        "other licences",
        """
        INSERT INTO legacy.d_suggestion (p, field, value, about, tbl, source_id)
        SELECT DISTINCT ON (r.p, r.licence) r.p, 'medical_license_number', r.licence, d.physician_id, 'contact', r.id
        FROM legacy.w_physician_row AS r JOIN legacy.d_physician AS d USING (p)
        WHERE r.licence <> d.licence ORDER BY r.p, r.licence, r.ord
        """,
    )
    context.warnings(
        "look-ups of contacts",
        """
        SELECT 'contact', c.record, 'ORPHAN_LOOKUP' FROM legacy.s_contact AS c
        WHERE c.fault IS NULL AND (
            c.specialization_given AND NOT EXISTS (SELECT FROM legacy.w_specialization AS s WHERE s.id = c.specialization)
            OR c.hospital_given AND NOT EXISTS (SELECT FROM legacy.w_hospital AS h WHERE h.id = c.hospital))
        """,
    )


def _relationships(context: Context) -> None:
    context.table(
        "w_care",
        """
        SELECT r.p, r.ord, r.record, r.id, d.p AS physician_p,
               CASE WHEN d.id IS NULL THEN 'ORPHAN_PHYSICIAN' WHEN d.p = r.p THEN 'SELF_PHYSICIAN'
                    WHEN y.p IS NULL THEN 'NOT_A_PHYSICIAN' END AS fault
        FROM legacy.s_patient AS s JOIN legacy.w_person_row AS r ON r.tbl = 'patient' AND r.record = s.record
        LEFT JOIN legacy.w_person_row AS d ON d.tbl = 'contact' AND d.id = s.physician
        LEFT JOIN legacy.d_physician AS y ON y.p = d.p
        WHERE s.fault IS NULL AND s.physician_given
        """,
    )
    new = context.is_new("patient_physician_relationship", "patient_physician_id", "q.id")
    context.table(
        "d_care",
        f"""
        SELECT q.*, {new} AS is_new FROM (
            SELECT f.p, f.physician_p, f.record, f.id AS source_id, a.patient_id, y.physician_id,
                   row_number() OVER (PARTITION BY f.p ORDER BY f.ord) = 1 AS is_primary,
                   legacy.derived_id(:epoch, 'care', a.patient_id::text || y.physician_id::text) AS id
            FROM (SELECT DISTINCT ON (p, physician_p) * FROM legacy.w_care WHERE fault IS NULL
                  ORDER BY p, physician_p, ord) AS f
            JOIN legacy.d_patient AS a USING (p) JOIN legacy.d_physician AS y ON y.p = f.physician_p
        ) AS q
        """,
    )
    # Somebody may have named a primary physician here since: theirs stays.
    context.table(
        "w_new_care",
        """
        SELECT d.*, d.is_primary AND NOT EXISTS (
                   SELECT FROM public.patient_physician_relationship AS x WHERE x.patient_id = d.patient_id AND x.is_primary
               ) AS primary_now
        FROM legacy.d_care AS d WHERE d.is_new AND NOT EXISTS (
            SELECT FROM public.patient_physician_relationship AS x WHERE x.patient_id = d.patient_id
            AND x.physician_id = d.physician_id AND x.relationship_type = 'treating' AND x.end_date IS NULL)
        """,
    )
    with indexes_at_the_end(context, "patient_physician_relationship", context.count("w_new_care")):
        context.insert(
            "patient_physician_relationship",
            "patient_physician_id, created_at, updated_at, patient_id, physician_id, relationship_type, is_primary",
            "SELECT id, :now, :now, patient_id, physician_id, 'treating', primary_now FROM legacy.w_new_care",
        )
    context.lineage(
        "relationships",
        "SELECT 'patient_physician_relationship', id, 'patient', source_id, NULL::text[] FROM legacy.w_new_care",
    )
    context.outcomes(
        "physicians of patients",
        """
        SELECT 'patient', w.record, 'physician',
               CASE WHEN w.fault IS NOT NULL THEN 'rejected' WHEN d.record IS NOT NULL THEN 'created'
                    ELSE 'merged_into_existing' END, w.fault
        FROM legacy.w_care AS w LEFT JOIN legacy.d_care AS d ON d.record = w.record
        """,
    )
    context.rejects("patient", "SELECT record, 'physician', fault FROM legacy.w_care WHERE fault IS NOT NULL")
