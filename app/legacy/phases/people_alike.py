"""
Phase 4, after the people are written: pairs that the contract keeps apart without review and people would not.

The contract reads a name in one folding and a birth date to the day; everybody else reads them as people write them.
Who would be recognised by that, or told as a probable duplicate, becomes a pair for somebody to decide on. Nothing is
joined by it, and the review list of the result has the contract's pairs alone.
"""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from app.legacy.phases.context import Context
from app.people.alike import how_alike
from app.people.birth_dates import read_birth_date, written_sql
from app.people.matching import Candidate, Found, find_same_person
from app.people.names import PEOPLE, compare_names, name_of
from app.people.rules import birth_dates_contradict

SAME_ADDRESS: Final = "same address, one person as people write names"
SAME_BIRTH_DATE: Final = "alike as people write names and birth dates"
SAME_PHONE: Final = "same phone, names agree as people write them"


def find_alike(context: Context) -> None:
    """Make d_alike: two persons, one at least of this run, the reason, and the record it is for."""
    context.table(
        "w_fact_of_person",
        """
        WITH fact AS (
            SELECT person_id, 'e' || email_key AS fact FROM public.person WHERE email_key IS NOT NULL
            UNION SELECT person_id, 'p' || phone_e164 FROM public.person WHERE phone_e164 IS NOT NULL
            UNION SELECT person_id, left(kind, 1) || value_key FROM public.contact_point
                  WHERE was IS NULL OR was = 'former'
        )
        SELECT person_id, fact FROM fact WHERE fact IN (SELECT fact FROM fact GROUP BY fact HAVING count(*) > 1)
        UNION ALL
        SELECT person_id, 'b' || extract(year FROM date_of_birth) FROM public.person WHERE date_of_birth IS NOT NULL
        """,
    )
    context.table(
        "w_alike_stored",
        """
        SELECT DISTINCT ON (fact, key, born, CASE WHEN crowd <= 50 THEN person_id END) q.* FROM (
            SELECT f.fact, k.key, x.person_id, x.date_of_birth AS born, x.date_of_birth_precision AS precision,
                   count(*) OVER (PARTITION BY f.fact, k.key, CASE WHEN f.fact ~ '^b' THEN x.date_of_birth END) AS crowd
            FROM legacy.w_fact_of_person AS f
            JOIN public.person AS x USING (person_id)
            CROSS JOIN LATERAL (VALUES (x.family_key), (x.given_key)) AS k(key) WHERE k.key IS NOT NULL
        ) AS q ORDER BY fact, key, born, CASE WHEN crowd <= 50 THEN person_id END, person_id
        """,
    )
    context.table(
        "w_alike_asked",
        """
        SELECT f.fact, k.key, i.person_id, d.date_of_birth AS born FROM legacy.d_person AS d
        JOIN legacy.d_person_id AS i USING (p) JOIN legacy.w_fact_of_person AS f USING (person_id)
        JOIN legacy.w_alike_key AS n ON n.first = d.typed_first AND n.last = d.typed_last
        CROSS JOIN LATERAL unnest(n.asked) AS k(key) WHERE i.is_new
        """,
    )
    context.analyze("w_fact_of_person", "w_alike_stored", "w_alike_asked")
    context.table(
        "w_alike_pair",
        """
        SELECT least(a.person_id, s.person_id) AS a, greatest(a.person_id, s.person_id) AS b,
               bool_or(fact ~ '^e') AS address, bool_or(fact ~ '^p') AS phone
        FROM legacy.w_alike_asked AS a JOIN legacy.w_alike_stored AS s USING (fact, key)
        WHERE a.person_id <> s.person_id
          AND (fact !~ '^b' OR a.born = s.born OR to_char(a.born, 'MMDD') = to_char(s.born, 'DDMM')
               OR to_char(a.born, 'MMDD') IN ('0101', '0630', '0701') OR to_char(s.born, 'MMDD') IN ('0101', '0630', '0701')
               OR s.precision <> 'day')
        GROUP BY 1, 2
        """,
    )
    context.fill("d_alike", "a uuid, b uuid, reason text, tbl text, source_id uuid", _judged(context))


def _judged(context: Context) -> Iterator[tuple[UUID, UUID, str, str, UUID]]:
    """The pairs that are not on the review list already and may be one human, with the reason."""
    for a, b, address, phone, first, last, born, other_first, other_last, other_born, tbl, source in context.rows(
        f"""
        WITH known AS (
            SELECT x.person_id, coalesce(d.typed_first, x.first_name) AS first, coalesce(d.typed_last, x.last_name) AS last,
                   {written_sql("x")} AS born, d.founder_tbl AS tbl, d.founder_id AS source_id
            FROM public.person AS x LEFT JOIN legacy.d_person_id AS i ON i.person_id = x.person_id AND i.is_new
            LEFT JOIN legacy.d_person AS d USING (p)
        )
        SELECT w.a, w.b, w.address, w.phone, a.first, a.last, a.born, b.first, b.last, b.born,
               coalesce(a.tbl, b.tbl), coalesce(a.source_id, b.source_id)
        FROM legacy.w_alike_pair AS w JOIN known AS a ON a.person_id = w.a JOIN known AS b ON b.person_id = w.b
        WHERE NOT EXISTS (SELECT FROM legacy.d_review AS r JOIN legacy.d_person_id AS x ON x.p = r.pa
                          JOIN legacy.d_person_id AS y ON y.p = r.pb
                          WHERE least(x.person_id, y.person_id) = w.a AND greatest(x.person_id, y.person_id) = w.b)
        """
    ):
        one = Candidate(a, name_of(first, last), born and read_birth_date(born))
        other = Candidate(b, name_of(other_first, other_last), other_born and read_birth_date(other_born))
        if reason := _why(one, other, address=address, phone=phone):
            yield a, b, reason, tbl, source


def _why(one: Candidate, other: Candidate, *, address: bool, phone: bool) -> str | None:
    born, other_born = one.date_of_birth, other.date_of_birth
    if address and find_same_person(one.name, born, [other]).found is Found.THE_PERSON:
        return SAME_ADDRESS
    if how_alike(one.name, born, other.name, other_born):
        return SAME_BIRTH_DATE
    agrees = compare_names(one.name, other.name, PEOPLE).grade.agrees
    return SAME_PHONE if phone and agrees and not birth_dates_contradict(born, other_born) else None
