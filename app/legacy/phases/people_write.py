"""
Phase 4, the second half: the people decided on become rows of person and of the tables that hang on it.

Only what is new is written. A person that an earlier run made is found again by any of its records; one address that
somebody who is here already uses stays theirs, and the pair goes to the duplicates to be looked at.
"""

from app.legacy.phases.bulk import indexes_at_the_end
from app.legacy.phases.context import Context
from app.legacy.phases.people_alike import find_alike
from app.legacy.phases.roles import role
from app.legacy.phases.told import held
from app.people.alike import alike_keys, keys_asked
from app.people.countries import country_code
from app.people.names import Name


def write(context: Context) -> None:
    """Write persons, contact points, the review list and the navigators."""
    _identify(context)
    _persons(context)
    _opt_outs(context)
    _contact_points(context)
    find_alike(context)
    _duplicates(context)
    _navigators(context)
    _outcomes(context)


def _identify(context: Context) -> None:
    """Give every person its id: that of an earlier run where one of its records was migrated then."""
    context.table(
        "d_person_id",
        """
        SELECT q.p, q.person_id, q.is_new FROM (
            SELECT d.p, k.person_id IS NULL AS is_new,
                   coalesce(k.person_id, legacy.derived_id(:epoch, 'person', d.founder_tbl || d.founder_id)) AS person_id
            FROM legacy.d_person AS d JOIN (SELECT p, known AS person_id FROM legacy.w_person_row WHERE ord = 1) AS k USING (p)
        ) AS q
        """,
    )
    context.connection.execute("CREATE UNIQUE INDEX ON legacy.d_person_id (p)")
    context.analyze("d_person_id")


def _persons(context: Context) -> None:
    context.fill(
        "w_alike_key",
        "first text, last text, family_key text, given_key text, asked text[]",
        (
            (first, last, *_alike(first, last))
            for first, last in context.rows("SELECT DISTINCT typed_first, typed_last FROM legacy.d_person")
        ),
    )
    context.analyze("w_alike_key")
    context.fill(
        "w_country",
        "typed text, code text",
        (
            (typed, country_code(typed))
            for (typed,) in context.rows("SELECT DISTINCT country FROM legacy.s_contact WHERE country IS NOT NULL")
        ),
    )
    context.table(
        "w_person_country",
        """
        SELECT DISTINCT ON (r.p) r.p, c.code FROM legacy.w_person_row AS r
        JOIN legacy.s_contact AS s ON r.tbl = 'contact' AND s.record = r.record
        JOIN legacy.w_country AS c ON c.typed = s.country WHERE c.code IS NOT NULL ORDER BY r.p, r.ord
        """,
    )
    context.table(
        "w_person_phone",
        """
        SELECT DISTINCT ON (p) p, shown, kind = 'phone' AS valid, is_shared FROM legacy.d_point WHERE kind <> 'email'
        ORDER BY p, kind = 'phone' DESC, is_shared, rank
        """,
    )
    context.table(
        "w_taken",
        "SELECT d.p, x.person_id FROM legacy.d_person AS d JOIN legacy.d_person_id AS i USING (p)"
        " JOIN public.person AS x ON x.email_key = d.email_key AND x.person_id <> i.person_id WHERE i.is_new",
    )
    with indexes_at_the_end(context, "person", context.count("d_person_id WHERE is_new")):
        context.insert(
            "person",
            "person_id, created_at, updated_at, first_name, last_name, family_key, given_key, email, email_key,"
            " phone, phone_e164, phone_valid, date_of_birth, country, do_not_contact_channels, is_active",
            """
            SELECT i.person_id, :now, :now, left(d.first_name, 100), left(d.last_name, 100),
                   k.family_key, k.given_key,
                   CASE WHEN t.p IS NULL THEN left(d.email, 255) END, CASE WHEN t.p IS NULL THEN left(d.email_key, 320) END,
                   left(f.shown, 64), CASE WHEN f.valid THEN f.shown END, f.valid, d.date_of_birth, c.code,
                   array_remove(ARRAY[CASE WHEN d.do_not_email THEN 'email' END, CASE WHEN d.do_not_phone THEN 'phone' END], NULL),
                   d.is_active
            FROM legacy.d_person AS d JOIN legacy.d_person_id AS i USING (p)
            JOIN legacy.w_alike_key AS k ON k.first = d.typed_first AND k.last = d.typed_last
            LEFT JOIN legacy.w_person_phone AS f USING (p)
            LEFT JOIN legacy.w_person_country AS c USING (p)
            LEFT JOIN (SELECT DISTINCT p FROM legacy.w_taken) AS t USING (p)
            WHERE i.is_new ORDER BY i.person_id
            """,
        )
    already = (
        ""
        if context.is_first
        else """
        AND NOT EXISTS (SELECT FROM legacy.lineage AS l WHERE l.source = r.tbl AND l.source_id = r.id
                        AND l.target IN ('person', 'alias:person'))
    """
    )
    context.lineage(
        "persons",
        f"""
        SELECT CASE WHEN i.is_new THEN 'person' ELSE 'alias:person' END, i.person_id, r.tbl, r.id,
               array_remove(ARRAY[
                   CASE WHEN r.id = d.name_id AND r.tbl = d.name_tbl THEN 'first_name' END,
                   CASE WHEN r.id = d.name_id AND r.tbl = d.name_tbl THEN 'last_name' END,
                   CASE WHEN r.id = d.birth_id AND r.tbl = d.birth_tbl THEN 'date_of_birth' END,
                   CASE WHEN d.email_key = ANY (r.emails) THEN 'email' END,
                   CASE WHEN f.shown = ANY (r.phones) OR f.shown = ANY (r.odd_phones) THEN 'phone' END], NULL)
        FROM legacy.w_person_row AS r JOIN legacy.d_person AS d USING (p) JOIN legacy.d_person_id AS i USING (p)
        LEFT JOIN legacy.w_person_phone AS f USING (p)
        WHERE true {already}
        """,
    )


def _opt_outs(context: Context) -> None:
    """
    Close the channels that a later export closes, at once; none is opened.

    A wish that was taken back here stays so until it is made again there, or by a record that is new.
    """
    if context.is_first:
        return
    context.table(
        "w_wish",
        f"""
        SELECT q.person_id, q.tbl, q.source_id, q.theirs, q.theirs IS DISTINCT FROM q.before AS is_told,
               array(SELECT c.channel FROM jsonb_array_elements_text(q.theirs) AS c(channel)
                     WHERE (NOT q.before ? c.channel OR c.channel = ANY (q.of_new)) AND NOT q.ours ? c.channel) AS closes
        FROM (
            SELECT i.person_id, d.founder_tbl AS tbl, d.founder_id AS source_id, h.ours, coalesce(h.before, '[]') AS before,
                   to_jsonb(array_remove(ARRAY[CASE WHEN d.do_not_email THEN 'email' END,
                                               CASE WHEN d.do_not_phone THEN 'phone' END], NULL)) AS theirs,
                   coalesce(n.channels, '{{}}') AS of_new
            FROM legacy.d_person AS d JOIN legacy.d_person_id AS i USING (p)
            JOIN ({held("person", "person_id", "do_not_contact_channels")}) AS h ON h.record_id = i.person_id
            LEFT JOIN (
                SELECT r.p, array_agg(DISTINCT w.channel) AS channels
                FROM legacy.w_person_row AS r JOIN legacy.s_contact AS c ON r.tbl = 'contact' AND c.record = r.record
                CROSS JOIN LATERAL (VALUES (CASE WHEN c.do_not_email THEN 'email' END),
                                           (CASE WHEN c.do_not_phone THEN 'phone' END)) AS w(channel)
                WHERE w.channel IS NOT NULL AND NOT EXISTS (
                    SELECT FROM legacy.seen AS s WHERE s.source = 'contact' AND s.source_id = c.id)
                GROUP BY r.p
            ) AS n USING (p)
            WHERE NOT i.is_new
        ) AS q
        """,
    )
    # Also what says in the history that no person has done it, and lets an undo find it.
    context.connection.execute("SELECT set_config('crm.reason', %s, true)", (f"legacy run {context.run_id}",))
    context.written += context.stage(
        "opt-outs",
        """
        UPDATE public.person AS t SET updated_by = NULL, do_not_contact_channels =
            array(SELECT c FROM unnest(t.do_not_contact_channels || w.closes) AS c ORDER BY c)
        FROM legacy.w_wish AS w WHERE w.person_id = t.person_id AND w.closes <> '{}'
        """,
    )
    context.connection.execute("SELECT set_config('crm.reason', '', true)")
    context.stage(
        "what is said of channels",
        "INSERT INTO legacy.told SELECT :run, person_id, 'do_not_contact_channels', theirs FROM legacy.w_wish WHERE is_told",
    )
    context.notices(
        "opt-outs",
        "SELECT 'OPT_OUT_TAKEN_OVER', tbl, source_id, 'person', person_id, 'do_not_contact_channels' FROM legacy.w_wish"
        " WHERE closes <> '{}'",
    )


def _alike(first: str, last: str) -> tuple[str | None, str | None, str]:
    """The keys of a name as it was typed, and those that people who may be its bearer are looked for by, as an array."""
    name = Name(first[:100], last[:100])
    asked = ",".join(f'"{key}"' for key in keys_asked(name))
    return *alike_keys(name), f"{{{asked}}}"


def _contact_points(context: Context) -> None:
    """All addresses and phones but those that stand in the person's own row already and are not shared."""
    new = context.is_new("contact_point", "contact_point_id", "q.contact_point_id")
    context.table(
        "d_contact_point",
        f"""
        SELECT q.*, {new} AS is_new FROM (
            SELECT legacy.derived_id(:epoch, 'contact_point', i.person_id || w.kind || w.key) AS contact_point_id,
                   i.person_id, w.p, CASE WHEN w.kind = 'email' THEN 'email' ELSE 'phone' END AS kind,
                   w.shown, left(CASE WHEN w.kind = 'odd' THEN 'typed:' || lower(w.key) ELSE w.key END, 320) AS value_key,
                   w.is_shared, w.ord
            FROM legacy.d_point AS w JOIN legacy.d_person_id AS i USING (p)
            JOIN legacy.d_person AS d USING (p) LEFT JOIN legacy.w_person_phone AS f USING (p)
            LEFT JOIN (SELECT DISTINCT p FROM legacy.w_taken) AS t USING (p)
            WHERE NOT coalesce(w.kind = 'email' AND w.key = d.email_key AND t.p IS NULL AND i.is_new, false)
              AND NOT coalesce(w.kind <> 'email' AND w.shown = f.shown AND NOT w.is_shared AND i.is_new, false)
        ) AS q
        """,
    )
    # A later export finds people as they are now: what stands in their own row needs no second place.
    standing = (
        ""
        if context.is_first
        else """
        AND NOT EXISTS (SELECT FROM public.person AS x WHERE x.person_id = d.person_id
                        AND (x.email_key = d.value_key OR x.phone_e164 = d.value_key OR x.phone = d.shown))
        AND NOT EXISTS (SELECT FROM public.contact_point AS x WHERE x.person_id = d.person_id AND x.kind = d.kind
                        AND x.value_key = d.value_key)
    """
    )
    # Two that begin alike and are too long are one.
    context.table(
        "w_new_point",
        "SELECT DISTINCT ON (d.person_id, d.kind, d.value_key) d.* FROM legacy.d_contact_point AS d"
        f" WHERE d.is_new {standing} ORDER BY d.person_id, d.kind, d.value_key, d.ord, d.shown",
    )
    with indexes_at_the_end(context, "contact_point", context.count("w_new_point")):
        context.insert(
            "contact_point",
            "contact_point_id, created_at, updated_at, person_id, kind, value, value_key, is_shared",
            "SELECT contact_point_id, :now, :now, person_id, kind, left(shown, 255), value_key, is_shared"
            " FROM legacy.w_new_point ORDER BY person_id",
        )
    context.lineage(
        "contact points",
        "SELECT 'contact_point', d.contact_point_id, r.tbl, r.id, NULL::text[] FROM legacy.w_new_point AS d"
        " JOIN legacy.w_person_row AS r ON r.p = d.p AND r.ord = d.ord",
    )


def _duplicates(context: Context) -> None:
    context.table(
        "w_duplicate",
        """
        SELECT least(q.a, q.b) AS a, greatest(q.a, q.b) AS b, array_agg(DISTINCT q.reason) AS reasons,
               min(q.tbl) AS tbl, min(q.source_id::text)::uuid AS source_id
        FROM (
            SELECT x.person_id AS a, y.person_id AS b, r.reason, r.table_a AS tbl, w.id AS source_id
            FROM legacy.d_review AS r JOIN legacy.d_person_id AS x ON x.p = r.pa JOIN legacy.d_person_id AS y ON y.p = r.pb
            JOIN legacy.w_person_row AS w ON w.tbl = r.table_a AND w.record = r.record_a
            UNION ALL
            SELECT i.person_id, t.person_id, 'the address is somebody''s who is here', d.founder_tbl, d.founder_id
            FROM legacy.w_taken AS t JOIN legacy.d_person_id AS i USING (p) JOIN legacy.d_person AS d USING (p)
            UNION ALL
            SELECT k.other_person_id, k.person_id, 'one person in a later export', d.founder_tbl, d.founder_id
            FROM legacy.w_known_persons AS k JOIN legacy.d_person_id AS i ON i.person_id = k.other_person_id
            JOIN legacy.d_person AS d USING (p)
            UNION ALL
            SELECT a, b, reason, tbl, source_id FROM legacy.d_alike
        ) AS q WHERE q.a <> q.b GROUP BY 1, 2
        """,
    )
    new = context.is_new("duplicate_candidate", "duplicate_candidate_id", "q.id")
    context.table(
        "d_duplicate",
        f"""
        SELECT q.*, {new} AND NOT EXISTS (SELECT FROM public.duplicate_candidate AS x
                                          WHERE x.person_id = q.a AND x.other_person_id = q.b) AS is_new
        FROM (SELECT w.*, legacy.derived_id(:epoch, 'duplicate', w.a::text || w.b::text) AS id
              FROM legacy.w_duplicate AS w) AS q
        """,
    )
    with indexes_at_the_end(context, "duplicate_candidate", context.count("d_duplicate WHERE is_new")):
        context.insert(
            "duplicate_candidate",
            "duplicate_candidate_id, created_at, updated_at, person_id, other_person_id, reasons",
            "SELECT id, :now, :now, a, b, reasons FROM legacy.d_duplicate WHERE is_new",
        )
    context.lineage(
        "duplicates",
        "SELECT 'duplicate_candidate', id, tbl, source_id, NULL::text[] FROM legacy.d_duplicate WHERE is_new",
    )


def _navigators(context: Context) -> None:
    """Users of the old system become persons with the role patient-navigator: calls name who made them."""
    new = context.is_new("person", "person_id", "q.person_id")
    context.table(
        "d_navigator",
        f"""
        SELECT q.*, {new} AS is_new FROM (
            SELECT s.id, s.record, s.disabled, legacy.derived_id(:epoch, 'person', 'systemuser' || s.id) AS person_id,
                   nullif(btrim(regexp_replace(s.name, '\\S+$', '')), '') AS first_name,
                   nullif(substring(s.name FROM '\\S+$'), '') AS last_name,
                   CASE WHEN row_number() OVER (PARTITION BY s.email ORDER BY s.id) = 1
                         AND NOT EXISTS (SELECT FROM legacy.d_point AS p WHERE p.kind = 'email' AND p.key = s.email)
                         AND NOT EXISTS (SELECT FROM public.person AS x WHERE x.email_key = s.email) THEN s.email END AS email
            FROM legacy.s_systemuser AS s WHERE s.fault IS NULL
        ) AS q
        """,
    )
    context.insert(
        "person",
        "person_id, created_at, updated_at, first_name, last_name, email, email_key, is_active",
        "SELECT d.person_id, :now, :now, left(d.first_name, 100), left(d.last_name, 100), d.email, d.email, NOT d.disabled"
        " FROM legacy.d_navigator AS d WHERE d.is_new",
    )
    context.lineage(
        "navigators",
        "SELECT 'person', person_id, 'systemuser', id, NULL::text[] FROM legacy.d_navigator WHERE is_new",
    )
    role(context, "patient-navigator", "SELECT person_id, :now AS valid_from, NULL::timestamptz AS valid_to,"
         " 'systemuser' AS tbl, id AS source_id FROM legacy.d_navigator")  # fmt: skip
    context.outcomes("navigators", "SELECT 'systemuser', record, 'row', 'created', NULL FROM legacy.d_navigator")


def _outcomes(context: Context) -> None:
    context.outcomes(
        "persons",
        """
        SELECT r.tbl, r.record, 'person',
               CASE WHEN r.tbl = d.founder_tbl AND r.id = d.founder_id THEN 'created'
                    WHEN r.is_merged OR l.link = 'same' THEN 'linked' ELSE 'merged_into_existing' END, NULL
        FROM legacy.w_person_row AS r JOIN legacy.d_person AS d USING (p)
        LEFT JOIN legacy.w_link AS l ON r.tbl = 'patient' AND l.patient = r.record
        """,
    )
    for table in ("contact", "patient"):
        context.warnings(
            f"cells of {table}",
            f"SELECT '{table}', record, unnest(warnings) FROM legacy.s_{table} WHERE fault IS NULL AND warnings IS NOT NULL",
        )
    context.warnings(
        "links",
        """
        SELECT 'patient', l.patient, CASE l.link WHEN 'ignored' THEN 'CONTACT_NOT_A_LEAD' ELSE 'PATIENT_NAME_DIFFERS' END
        FROM legacy.w_link AS l WHERE l.link IN ('ignored', 'differs')
        UNION ALL
        SELECT 'patient', p.record, 'PATIENT_WITHOUT_CONTACT' FROM legacy.s_patient AS p
        WHERE p.fault IS NULL AND NOT EXISTS (SELECT FROM legacy.w_link AS l WHERE l.patient = p.record)
        UNION ALL
        SELECT r.tbl, r.record, 'PERSON_SPLIT' FROM legacy.w_person_row AS r JOIN legacy.w_split AS s ON s.person_id = r.known
        UNION ALL
        SELECT g.tbl, g.record, 'PERSONS_JOINED' FROM legacy.w_grouped AS g
        JOIN legacy.w_known_persons AS k ON k.grp = g.grp AND k.person_id = g.known
        UNION ALL
        SELECT 'contact', c.record, 'MASTER_CHAIN_BROKEN' FROM legacy.w_chain AS c WHERE c.survivor IS NULL
        UNION ALL
        SELECT 'contact', r.record, 'DUPLICATE_LICENSE' FROM legacy.w_person_row AS r WHERE r.licence IN (
            SELECT licence FROM legacy.w_person_row WHERE licence IS NOT NULL GROUP BY licence HAVING min(p) <> max(p))
        """,
    )
