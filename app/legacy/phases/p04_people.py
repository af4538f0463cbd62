"""
Phase 4, people: one human, one row, whatever number of records there were.

Reads contacts and patients. Writes person, contact_point, suggested_change (names, days of birth), duplicate_candidate
and the role caregiver. Base groups come from merges and links; groups are joined on evidence unless they clash; what
is doubtful goes to the review list and is never merged.
"""

from collections.abc import Iterator
from typing import Final

from app.legacy import identity
from app.legacy.phases import people_write
from app.legacy.phases.context import Context
from app.people.names import CONTRACT, Name, compare_names

READS: Final = ("s_contact", "s_patient", "s_systemuser")
WRITES: Final = ("person", "contact_point", "person_contact_type", "suggested_change", "duplicate_candidate")
_ORDER: Final = "active DESC, (tbl = 'patient') DESC, version DESC NULLS LAST, modified DESC NULLS LAST, id"
_KNOWN: Final = """
    LEFT JOIN (
        SELECT DISTINCT ON (l.source, l.source_id) l.source, l.source_id, l.target_id AS person_id
        FROM legacy.lineage AS l JOIN public.person AS x ON x.person_id = l.target_id
        WHERE l.target IN ('person', 'alias:person') ORDER BY l.source, l.source_id, l.run_id, l.target_id
    ) AS k ON k.source = w.tbl AND k.source_id = w.id
"""
_ALL_PAIRS: Final = 50
"""In a group of more persons not every pair is to be looked at. Source: the contract of the legacy export, section 4."""


def run(context: Context) -> None:
    """Decide who is one person, what is known of each, and write it."""
    _base_groups(context)
    _join_equal_names(context)
    _join_compatible_names(context)
    _person_rows(context)
    _review(context)
    _survivors(context)
    people_write.write(context)


def _base_groups(context: Context) -> None:
    """Rows that belong together before any evidence: merged contacts with their survivor, patients with their contact."""
    merged = {
        key: (record, master)
        for key, record, master in context.rows(
            "SELECT id, record, master FROM legacy.s_contact WHERE fault IS NULL AND merged"
        )
    }
    masters = dict(
        context.all(
            "SELECT c.id, c.record FROM legacy.s_contact AS c WHERE c.fault IS NULL AND NOT c.merged AND c.id IN"
            " (SELECT master FROM legacy.s_contact WHERE fault IS NULL AND merged)"
        )
    )

    def survivors() -> Iterator[tuple[int, int | None]]:
        ends: dict[str, str | None] = {}
        for start in merged:
            # Up to the first whose end is known, the end itself, or one of this very way: a circle has no end.
            way: dict[str, None] = {}
            key = start
            while key in merged and key not in ends and key not in way:
                way[key] = None
                key = merged[key][1]
            ends.update(dict.fromkeys(way, ends.get(key) if key in ends else None if key in way else key))
            yield merged[start][0], masters.get(ends[start])

    context.fill("w_chain", "record integer, survivor integer", survivors())
    context.analyze("w_chain")
    # The link of a patient row to its contact: none, ignored (not a lead, other name), differs, same.
    context.table(
        "w_link_name",
        """
        SELECT p.record AS patient, c.record AS contact, coalesce(m.survivor, c.record) AS survivor, c.kind,
               p.first AS pf, p.last AS pl, c.first AS cf, c.last AS cl,
               CASE WHEN p.key_a = '' OR c.key_a = '' THEN 'compatible'
                    WHEN p.key_a IN (c.key_a, c.key_b) OR p.key_b IN (c.key_a, c.key_b) THEN 'equal' END AS grade
        FROM legacy.s_patient AS p
        JOIN legacy.s_contact AS c ON c.id = p.contact AND c.fault IS NULL
        LEFT JOIN legacy.w_chain AS m ON m.record = c.record
        WHERE p.fault IS NULL
        """,
    )
    _grade(context, "SELECT DISTINCT pf, pl, cf, cl FROM legacy.w_link_name WHERE grade IS NULL")
    context.table(
        "w_link",
        """
        SELECT l.patient, l.contact, l.survivor,
               CASE WHEN l.kind <> 'patient-lead' AND g.grade NOT IN ('equal', 'compatible') THEN 'ignored'
                    WHEN g.grade = 'different' THEN 'differs' ELSE 'same' END AS link
        FROM (SELECT n.*, coalesce(n.grade, w.grade) AS decided FROM legacy.w_link_name AS n
              LEFT JOIN legacy.w_grade AS w ON n.grade IS NULL AND (w.af, w.al, w.bf, w.bl) = (n.pf, n.pl, n.cf, n.cl)) AS l
        CROSS JOIN LATERAL (SELECT l.decided AS grade) AS g
        """,
    )
    context.analyze("w_link")
    context.table(
        "w_row",
        """
        WITH behind AS (SELECT coalesce(max(record), 0) AS contacts FROM legacy.s_contact)
        SELECT c.record AS rid, 'contact' AS tbl, c.record, c.id, c.active, c.version, c.modified, c.first, c.last,
               c.key_a, c.key_b, c.given, c.family, c.emails, c.shown_emails, c.phones, c.odd_phones, c.licence, c.birth,
               coalesce(m.survivor, c.record) AS g, m.survivor IS NOT NULL AS is_merged, c.kind
        FROM legacy.s_contact AS c LEFT JOIN legacy.w_chain AS m USING (record) WHERE c.fault IS NULL
        UNION ALL
        SELECT behind.contacts + p.record, 'patient', p.record, p.id, p.active, p.version, p.modified, p.first, p.last,
               p.key_a, p.key_b, p.given, p.family, p.emails, p.shown_emails, NULL, NULL, NULL, NULL,
               CASE WHEN l.link = 'same' THEN l.survivor ELSE behind.contacts + p.record END, false, NULL
        FROM legacy.s_patient AS p CROSS JOIN behind LEFT JOIN legacy.w_link AS l ON l.patient = p.record
        WHERE p.fault IS NULL
        """,
    )
    context.analyze("w_row")


def _join_equal_names(context: Context) -> None:
    """Join groups whose equal names are borne out by an address, a day of birth, a phone or a licence."""
    context.table(
        "w_address",
        "SELECT e.email, w.g, w.rid, w.first, w.last, w.key_a, w.key_b, w.given, w.family"
        " FROM legacy.w_row AS w CROSS JOIN LATERAL unnest(w.emails) AS e(email)",
    )
    context.table(
        "w_shared_address",
        "SELECT a.* FROM legacy.w_address AS a JOIN"
        " (SELECT email FROM legacy.w_address GROUP BY email HAVING min(g) <> max(g)) AS s USING (email)",
    )
    context.analyze("w_address", "w_shared_address")
    # Facts that equal names may share: (fact, key of the name) -> groups. `needs` says that for a pair at least one
    # side must have no address.
    context.table(
        "w_fact",
        """
        WITH named AS (
            SELECT w.rid, w.g, w.birth, w.phones, w.licence, k.key
            FROM legacy.w_row AS w
            CROSS JOIN LATERAL (VALUES (w.key_a), (CASE WHEN w.key_b <> w.key_a THEN w.key_b END)) AS k(key)
            WHERE k.key <> '' AND (w.birth IS NOT NULL OR w.phones IS NOT NULL OR w.licence IS NOT NULL)
        )
        SELECT 'L' AS kind, licence AS fact, key, g, rid FROM named WHERE licence IS NOT NULL
        UNION ALL
        SELECT 'B', birth::text, key, g, rid FROM named WHERE birth IS NOT NULL
        UNION ALL
        SELECT 'P', phone, key, g, rid FROM named CROSS JOIN LATERAL unnest(phones) AS phone
        UNION ALL
        SELECT 'BP', birth::text || phone, key, g, rid FROM named CROSS JOIN LATERAL unnest(phones) AS phone
        WHERE birth IS NOT NULL
        UNION ALL
        SELECT 'E', email, k.key, g, rid FROM legacy.w_shared_address AS a
        CROSS JOIN LATERAL (VALUES (a.key_a), (CASE WHEN a.key_b <> a.key_a THEN a.key_b END)) AS k(key)
        WHERE k.key <> ''
        """,
    )
    context.table(
        "w_common_fact",
        "SELECT f.* FROM legacy.w_fact AS f JOIN (SELECT kind, fact, key FROM legacy.w_fact"
        " GROUP BY kind, fact, key HAVING min(g) <> max(g)) AS s USING (kind, fact, key)",
    )
    context.connection.execute("DROP TABLE legacy.w_fact")
    context.analyze("w_common_fact")
    context.table(
        "w_has_address",
        "SELECT DISTINCT g FROM legacy.w_address WHERE g IN (SELECT g FROM legacy.w_common_fact)",
    )
    # A star is enough to connect all who share a fact: its middle is a group without an address where one is needed.
    star = """
        SELECT DISTINCT hub.hub, f.g FROM (
            SELECT kind, fact, key, min(f.g) FILTER (WHERE f.kind NOT IN ('B', 'P') OR a.g IS NULL) AS hub
            FROM legacy.w_common_fact AS f LEFT JOIN legacy.w_has_address AS a ON a.g = f.g
            GROUP BY kind, fact, key
        ) AS hub JOIN legacy.w_common_fact AS f USING (kind, fact, key)
        WHERE hub.hub <> f.g
    """
    _join(context, star, "w_joined_equal", source="w_row", column="g")


def _join_compatible_names(context: Context) -> None:
    """Join what the first pass left where one address carries compatible names."""
    context.table(
        "w_name_at_address",
        """
        SELECT DISTINCT s.email, coalesce(j.top, s.g) AS g, s.first, s.last, s.key_a, s.key_b, s.given, s.family,
               s.key_a ~ '[^ -~]' AS is_foreign
        FROM legacy.w_shared_address AS s LEFT JOIN legacy.w_joined_equal AS j ON j.number = s.g
        """,
    )
    context.analyze("w_name_at_address")
    context.table(
        "w_name_pair",
        """
        SELECT DISTINCT least(a.g, b.g) AS a, greatest(a.g, b.g) AS b,
               a.first AS af, a.last AS al, b.first AS bf, b.last AS bl,
               CASE WHEN a.key_a = '' OR b.key_a = '' THEN 'compatible' END AS grade
        FROM legacy.w_name_at_address AS a JOIN legacy.w_name_at_address AS b ON a.email = b.email AND a.g < b.g
        WHERE a.key_a = '' OR b.key_a = ''
           OR NOT (a.key_a IN (b.key_a, b.key_b) OR a.key_b IN (b.key_a, b.key_b))
              AND (a.family = b.family OR a.given = b.given OR a.is_foreign OR b.is_foreign
                   OR split_part(a.key_a, '/', 1) IN (split_part(b.key_a, '/', 1), split_part(b.key_b, '/', 1))
                   OR split_part(a.key_b, '/', 1) IN (split_part(b.key_a, '/', 1), split_part(b.key_b, '/', 1)))
        """,
    )
    _grade(context, "SELECT DISTINCT af, al, bf, bl FROM legacy.w_name_pair WHERE grade IS NULL")
    context.table(
        "w_graded_pair",
        """
        SELECT p.a, p.b, coalesce(p.grade, w.grade) AS grade
        FROM legacy.w_name_pair AS p
        LEFT JOIN legacy.w_grade AS w ON p.grade IS NULL AND (w.af, w.al, w.bf, w.bl) = (p.af, p.al, p.bf, p.bl)
        """,
    )
    context.table(
        "w_row_joined",
        "SELECT w.rid, coalesce(j.top, w.g) AS g, w.first, w.last, w.birth FROM legacy.w_row AS w"
        " LEFT JOIN legacy.w_joined_equal AS j ON j.number = w.g"
        " WHERE coalesce(j.top, w.g) IN (SELECT a FROM legacy.w_graded_pair WHERE grade = 'compatible'"
        " UNION SELECT b FROM legacy.w_graded_pair WHERE grade = 'compatible')",
    )
    _join(
        context,
        "SELECT DISTINCT a, b FROM legacy.w_graded_pair WHERE grade = 'compatible'",
        "w_joined_compatible",
        source="w_row_joined",
        column="g",
    )


def _join(context: Context, pairs: str, name: str, *, source: str, column: str) -> None:
    """Make the table `name` (number, top): groups of components in which no two clash, and what they become."""
    connected = identity.components(context.rows(pairs))
    context.fill("w_component", "number integer, top integer", connected.items())
    connected.clear()
    context.analyze("w_component")

    def joined() -> Iterator[tuple[int, int]]:
        groups: list[identity.Group] = []
        current: int | None = None
        for top, number, firsts, lasts, births in context.rows(
            f"""
            SELECT c.top, c.number, array_agg(w.first), array_agg(w.last),
                   array_agg(DISTINCT w.birth::text) FILTER (WHERE w.birth IS NOT NULL)
            FROM legacy.w_component AS c JOIN legacy.{source} AS w ON w.{column} = c.number
            GROUP BY c.top, c.number ORDER BY c.top, c.number
            """
        ):
            if top != current:
                yield from _if_no_clash(current, groups)
                groups, current = [], top
            names = tuple({identity.folded(f, n): None for f, n in zip(firsts, lasts, strict=True)})
            groups.append(identity.Group(number, names, frozenset(births or ())))
        yield from _if_no_clash(current, groups)

    rows = list(joined())
    context.fill(name, "number integer, top integer", rows)
    context.analyze(name)


def _if_no_clash(top: int | None, groups: list[identity.Group]) -> Iterator[tuple[int, int]]:
    if top is not None and not identity.clash(groups):
        yield from ((group.number, top) for group in groups)


def _grade(context: Context, query: str) -> None:
    """Make w_grade: the grade of every distinct pair of names that SQL cannot tell by itself."""
    context.fill(
        "w_grade",
        "af text, al text, bf text, bl text, grade text",
        (
            (af, al, bf, bl, compare_names(Name(af, al), Name(bf, bl), CONTRACT).grade)
            for af, al, bf, bl in context.rows(query)
        ),
    )
    context.analyze("w_grade")


def _person_rows(context: Context) -> None:
    """
    Every row with its person `p` (a number of this run), its place `ord` among the person's rows, and `known`.

    Who was one in an earlier export stays one, and who was two stays two: a row that was migrated is of the person that it
    was migrated to (`known`), a new row of a group is of the first known person in it. Where this export says otherwise
    people look at it: w_known_persons has those whom it joins, w_split those whom it takes apart.
    """
    context.table(
        "w_grouped",
        f"""
        SELECT w.*, coalesce(c.top, e.top, w.g) AS grp, {"NULL::uuid" if context.is_first else "k.person_id"} AS known
        FROM legacy.w_row AS w
        LEFT JOIN legacy.w_joined_equal AS e ON e.number = w.g
        LEFT JOIN legacy.w_joined_compatible AS c ON c.number = coalesce(e.top, w.g)
        {"" if context.is_first else _KNOWN}
        """,
    )
    context.analyze("w_grouped")
    context.table(
        "w_known_group",
        f"SELECT DISTINCT ON (grp) grp, known FROM legacy.w_grouped WHERE known IS NOT NULL ORDER BY grp, {_ORDER}",
    )
    context.table(
        "w_person_row",
        f"""
        SELECT q.*, row_number() OVER (PARTITION BY q.p ORDER BY {_ORDER})::integer AS ord
        FROM (
            SELECT w.rid, w.tbl, w.record, w.id, w.active, w.version, w.modified, w.first, w.last, w.key_a, w.key_b, w.given,
                   w.family, w.emails, w.shown_emails, w.phones, w.odd_phones, w.licence, w.birth, w.g, w.is_merged, w.kind,
                   w.grp, coalesce(w.known, k.known) AS known,
                   min(w.rid) OVER (PARTITION BY coalesce(w.known, k.known), CASE WHEN k.grp IS NULL THEN w.grp END) AS p
            FROM legacy.w_grouped AS w LEFT JOIN legacy.w_known_group AS k USING (grp)
        ) AS q
        """,
    )
    context.connection.execute("CREATE UNIQUE INDEX ON legacy.w_person_row (p, ord)")
    context.analyze("w_person_row")
    context.table(
        "w_known_persons",
        "SELECT g.grp, g.known AS person_id, k.known AS other_person_id FROM legacy.w_grouped AS g"
        " JOIN legacy.w_known_group AS k USING (grp) WHERE g.known <> k.known GROUP BY 1, 2, 3",
    )
    context.table(
        "w_split",
        "SELECT known AS person_id, count(DISTINCT grp) AS persons FROM legacy.w_grouped WHERE known IS NOT NULL"
        " GROUP BY known HAVING count(DISTINCT grp) > 1",
    )


def _review(context: Context) -> None:
    """Pairs that may be one human and were not joined, each once, with the strongest reason; of a large group a part."""
    context.table(
        "w_review_member",
        """
        WITH fact AS (
            SELECT f.kind || ':' || f.fact || ':' || f.key AS grp,
                   CASE f.kind WHEN 'E' THEN 'same address, equal names' WHEN 'L' THEN 'same licence'
                               ELSE 'equal names, same birth date or phone' END AS reason, f.rid
            FROM legacy.w_common_fact AS f
            UNION ALL
            SELECT 'licence:' || licence, 'same licence', rid FROM legacy.w_person_row WHERE licence IN (
                SELECT licence FROM legacy.w_person_row WHERE licence IS NOT NULL
                GROUP BY licence HAVING min(p) <> max(p))
        )
        SELECT DISTINCT ON (f.grp, r.p) f.grp, f.reason, f.rid, r.p FROM fact AS f
        JOIN legacy.w_person_row AS r USING (rid) ORDER BY f.grp, r.p, f.rid
        """,
    )
    context.table(
        "w_review_address",
        """
        WITH top AS (
            -- One row of each group that was graded at an address stands for it.
            SELECT coalesce(e.top, s.g) AS g, min(s.rid) AS rid, min(r.p) AS p
            FROM legacy.w_shared_address AS s JOIN legacy.w_person_row AS r USING (rid)
            LEFT JOIN legacy.w_joined_equal AS e ON e.number = s.g GROUP BY 1
        )
        SELECT a.rid AS ra, b.rid AS rb, a.p AS pa, b.p AS pb, 'same address, ' || g.grade || ' names' AS reason
        FROM legacy.w_graded_pair AS g JOIN top AS a ON a.g = g.a JOIN top AS b ON b.g = g.b
        WHERE g.grade IN ('compatible', 'doubtful') AND a.p <> b.p
        """,
    )
    connected = identity.components(context.rows("SELECT pa, pb FROM legacy.w_review_address"))
    context.fill("w_review_component", "p integer, top integer", connected.items())
    context.stage(
        "those who are connected at addresses",
        "INSERT INTO legacy.w_review_member SELECT DISTINCT ON (c.p) 'address:' || c.top, 'same address', x.rid, c.p"
        " FROM legacy.w_review_component AS c JOIN (SELECT pa AS p, ra AS rid FROM legacy.w_review_address"
        " UNION SELECT pb, rb FROM legacy.w_review_address) AS x USING (p) ORDER BY c.p, x.rid",
    )
    # Of many each is paired with one: the first in the order of rows, which is not that of the file.
    context.table(
        "w_review_crowd",
        f"""
        SELECT m.grp, min(m.reason) AS reason, count(*) AS persons,
               (array_agg(m.rid ORDER BY r.active DESC, (r.tbl = 'patient') DESC, r.version DESC NULLS LAST,
                                         r.modified DESC NULLS LAST, r.id))[1] AS first_rid
        FROM legacy.w_review_member AS m JOIN legacy.w_person_row AS r USING (rid)
        GROUP BY m.grp HAVING count(*) > {_ALL_PAIRS}
        """,
    )
    context.table(
        "d_review_group",
        "SELECT c.reason, r.tbl || '#' || r.record AS first, c.persons FROM legacy.w_review_crowd AS c"
        " JOIN legacy.w_person_row AS r ON r.rid = c.first_rid",
    )
    context.analyze("w_review_member", "w_review_crowd", "w_review_component")
    context.table(
        "w_review_pair",
        """
        WITH few AS (
            SELECT * FROM legacy.w_review_member WHERE grp NOT IN (SELECT grp FROM legacy.w_review_crowd)
        )
        SELECT a.rid AS ra, b.rid AS rb, a.p AS pa, b.p AS pb, a.reason
        FROM few AS a JOIN few AS b ON a.grp = b.grp AND a.p < b.p WHERE a.grp NOT LIKE 'address:%'
        UNION ALL
        SELECT c.first_rid, m.rid, f.p, m.p, c.reason FROM legacy.w_review_crowd AS c
        JOIN legacy.w_person_row AS f ON f.rid = c.first_rid
        JOIN legacy.w_review_member AS m ON m.grp = c.grp AND m.p <> f.p
        UNION ALL
        SELECT w.* FROM legacy.w_review_address AS w JOIN legacy.w_review_component AS k ON k.p = w.pa
        WHERE 'address:' || k.top NOT IN (SELECT grp FROM legacy.w_review_crowd)
        UNION ALL
        SELECT c.rid, p.rid, c.p, p.p, 'patient row of another name'
        FROM legacy.w_link AS l
        JOIN legacy.w_person_row AS c ON c.tbl = 'contact' AND c.record = l.contact
        JOIN legacy.w_person_row AS p ON p.tbl = 'patient' AND p.record = l.patient
        WHERE l.link = 'differs' AND c.p <> p.p
        """,
    )
    context.table(
        "d_review",
        """
        SELECT DISTINCT ON (least(w.pa, w.pb), greatest(w.pa, w.pb))
               least(w.pa, w.pb) AS pa, greatest(w.pa, w.pb) AS pb, a.tbl AS table_a, a.record AS record_a,
               b.tbl AS table_b, b.record AS record_b, w.reason
        FROM legacy.w_review_pair AS w
        JOIN legacy.w_person_row AS a ON a.rid = w.ra JOIN legacy.w_person_row AS b ON b.rid = w.rb
        ORDER BY least(w.pa, w.pb), greatest(w.pa, w.pb), w.reason, a.id, b.id
        """,
    )


def _survivors(context: Context) -> None:
    """What is known of each person: the first of its rows that has a value gives it, the rest become suggestions."""
    context.table(
        "w_pick",
        """
        SELECT p,
               coalesce(min(ord) FILTER (WHERE first <> '' AND last <> ''),
                        min(ord) FILTER (WHERE first <> '' OR last <> ''), 1) AS name_ord,
               min(ord) FILTER (WHERE birth IS NOT NULL) AS birth_ord,
               coalesce(min(ord) FILTER (WHERE tbl = 'contact' AND NOT is_merged), 1) AS founder_ord,
               bool_or(active) AS is_active
        FROM legacy.w_person_row GROUP BY p
        """,
    )
    context.table(
        "w_do_not",
        "SELECT r.p, bool_or(c.do_not_email) AS email, bool_or(c.do_not_phone) AS phone FROM legacy.s_contact AS c"
        " JOIN legacy.w_person_row AS r ON r.tbl = 'contact' AND r.record = c.record"
        " WHERE c.fault IS NULL AND (c.do_not_email OR c.do_not_phone) GROUP BY r.p",
    )
    context.table(
        "w_point",
        """
        SELECT p, kind, key, (array_agg(shown ORDER BY ord, place))[1] AS shown,
               min(ord) AS ord, min(ord::bigint * 1000 + place) AS rank
        FROM (
            SELECT r.p, 'email' AS kind, e.key, e.shown, r.ord, e.place FROM legacy.w_person_row AS r
            CROSS JOIN LATERAL unnest(r.emails, r.shown_emails) WITH ORDINALITY AS e(key, shown, place)
            UNION ALL
            SELECT r.p, 'phone', e.key, e.key, r.ord, e.place FROM legacy.w_person_row AS r
            CROSS JOIN LATERAL unnest(r.phones) WITH ORDINALITY AS e(key, place)
            UNION ALL
            SELECT r.p, 'odd', e.key, e.key, r.ord, e.place FROM legacy.w_person_row AS r
            CROSS JOIN LATERAL unnest(r.odd_phones) WITH ORDINALITY AS e(key, place)
        ) AS q
        GROUP BY p, kind, key
        """,
    )
    context.table(
        "d_point",
        """
        SELECT w.*, s.key IS NOT NULL AS is_shared FROM legacy.w_point AS w
        LEFT JOIN (SELECT kind, key FROM legacy.w_point WHERE kind <> 'odd'
                   GROUP BY kind, key HAVING count(*) > 1) AS s USING (kind, key)
        """,
    )
    context.analyze("d_point", "w_pick")
    context.table(
        "d_person",
        """
        SELECT k.p, n.first AS typed_first, n.last AS typed_last, n.key_a, n.key_b,
               nullif(n.first, '') AS first_name, nullif(n.last, '') AS last_name,
               b.birth AS date_of_birth, k.is_active,
               coalesce(d.email, false) AS do_not_email, coalesce(d.phone, false) AS do_not_phone,
               e.key AS email_key, e.shown AS email,
               f.tbl AS founder_tbl, f.record AS founder_record, f.id AS founder_id,
               n.tbl AS name_tbl, n.id AS name_id, b.tbl AS birth_tbl, b.id AS birth_id
        FROM legacy.w_pick AS k
        JOIN legacy.w_person_row AS n ON n.p = k.p AND n.ord = k.name_ord
        JOIN legacy.w_person_row AS f ON f.p = k.p AND f.ord = k.founder_ord
        LEFT JOIN legacy.w_person_row AS b ON b.p = k.p AND b.ord = k.birth_ord
        LEFT JOIN legacy.w_do_not AS d ON d.p = k.p
        LEFT JOIN (SELECT DISTINCT ON (p) p, key, shown FROM legacy.d_point
                   WHERE kind = 'email' AND NOT is_shared ORDER BY p, rank) AS e ON e.p = k.p
        """,
    )
    context.analyze("d_person")
    context.table(
        "d_suggestion",
        """
        SELECT DISTINCT ON (r.p, least(r.key_a, r.key_b)) r.p, 'name' AS field,
               btrim(r.first || ' ' || r.last) AS value, r.first, r.last, NULL::uuid AS about, r.tbl, r.id AS source_id
        FROM legacy.w_person_row AS r JOIN legacy.d_person AS d USING (p)
        WHERE r.key_a <> '' AND d.key_a <> ''
          AND NOT (r.key_a IN (d.key_a, d.key_b) OR r.key_b IN (d.key_a, d.key_b))
        ORDER BY r.p, least(r.key_a, r.key_b), r.ord
        """,
    )
    context.stage(
        "other days of birth",
        """
        INSERT INTO legacy.d_suggestion (p, field, value, tbl, source_id)
        SELECT DISTINCT ON (r.p, r.birth) r.p, 'date_of_birth', r.birth::text, r.tbl, r.id
        FROM legacy.w_person_row AS r JOIN legacy.d_person AS d USING (p)
        WHERE r.birth <> d.date_of_birth ORDER BY r.p, r.birth, r.ord
        """,
    )
