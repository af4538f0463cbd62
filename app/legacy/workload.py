"""What a run comes to for the people who answer for it: whom it kept, what it joined, what waits and how long that takes."""

from collections.abc import Iterable
from typing import Any, Final

import psycopg

Connection = psycopg.Connection[Any]

MINUTES: Final = {"pairs": 2.0, "suggestions": 0.5, "rejects": 5.0}
"""How long one of each takes a steward, as the migration guide reckons."""

_COUNTS: Final = """
    SELECT
        (SELECT coalesce(sum(records), 0) FROM legacy.record_count WHERE run_id = %(run)s) AS records,
        (SELECT count(DISTINCT target_id) FROM legacy.lineage WHERE target = 'person' AND run_id <= %(run)s) AS people,
        (SELECT count(DISTINCT target_id) FROM legacy.lineage WHERE target = 'person' AND run_id = %(run)s) AS new_people,
        (SELECT count(*) FROM legacy.outcome WHERE run_id = %(run)s AND unit = 'person'
            AND outcome IN ('merged_into_existing', 'linked')) AS joined_records,
        (SELECT count(DISTINCT (target, target_id)) FROM legacy.lineage WHERE run_id = %(run)s
            AND target NOT LIKE 'alias:%%') AS rows_written,
        (SELECT count(*) FROM legacy.reject WHERE run_id = %(run)s) AS rejects,
        (SELECT count(DISTINCT target_id) FROM legacy.lineage WHERE target = 'duplicate_candidate' AND run_id = %(run)s) AS pairs,
        (SELECT count(*) FROM public.duplicate_candidate AS c WHERE c.decision = 'open' AND EXISTS (
            SELECT FROM legacy.lineage AS l WHERE l.target = 'duplicate_candidate' AND l.target_id = c.duplicate_candidate_id
            AND l.run_id = %(run)s)) AS open_pairs,
        (SELECT count(DISTINCT target_id) FROM legacy.lineage WHERE target = 'suggested_change' AND run_id = %(run)s) AS suggestions,
        (SELECT count(*) FROM public.suggested_change AS s WHERE s.decision = 'open' AND EXISTS (
            SELECT FROM legacy.lineage AS l WHERE l.target = 'suggested_change' AND l.target_id = s.suggested_change_id
            AND l.run_id = %(run)s)) AS open_suggestions
"""

_EXAMPLES: Final = """
    SELECT code, "table", record FROM (
        SELECT code, "table", record, row_number() OVER (PARTITION BY code ORDER BY "table", record) AS place FROM (
            SELECT code, "table", record FROM legacy.warning WHERE run_id = %(run)s
            UNION ALL SELECT reason, "table", record FROM legacy.outcome WHERE run_id = %(run)s AND reason IS NOT NULL
        ) AS everything
    ) AS placed WHERE place <= 3
"""


def workload(connection: Connection, run_id: int) -> dict[str, Any]:
    """
    Counts of a run, of what it wrote itself and of what of that is still open, with the hours that these take.

    A pair or suggestion that an earlier run has made counts there.
    """
    cursor = connection.execute(_COUNTS, {"run": run_id})
    row = cursor.fetchone() or ()
    counts: dict[str, Any] = {
        column.name: int(value) for column, value in zip(cursor.description or (), row, strict=True)
    }
    minutes = (
        MINUTES["pairs"] * counts["open_pairs"]
        + MINUTES["suggestions"] * counts["open_suggestions"]
        + MINUTES["rejects"] * counts["rejects"]
    )
    return {**counts, "hours": round(minutes / 60, 1)}


def examples(connection: Connection, run_id: int) -> dict[str, list[str]]:
    """By code up to three records that have it, with the initials of their person where the records are still at hand."""
    found = connection.execute(_EXAMPLES, {"run": run_id}).fetchall()
    initials = _initials(connection, run_id, found)
    told: dict[str, list[str]] = {}
    for code, table, record in sorted(found):
        of = initials.get((table, record))
        told.setdefault(code, []).append(f"{table}#{record}" + (f" ({of})" if of else ""))
    return told


def _initials(connection: Connection, run_id: int, found: Iterable[tuple[str, str, int]]) -> dict[tuple[str, int], str]:
    alive = connection.execute("SELECT to_regclass('legacy.w_alive') IS NOT NULL").fetchone() == (True,)
    if not alive or connection.execute("SELECT run_id FROM legacy.w_alive").fetchone() != (run_id,):
        return {}
    known: dict[tuple[str, int], str] = {}
    for table in ("contact", "patient"):
        records = [record for _, of, record in found if of == table]
        rows = connection.execute(
            f"SELECT s.record, concat_ws(' ', left(p.first_name, 1) || '.', left(p.last_name, 1) || '.')"
            f" FROM legacy.s_{table} AS s JOIN legacy.lineage AS l ON l.source = %s AND l.source_id = s.id"
            " AND l.target IN ('person', 'alias:person') JOIN public.person AS p ON p.person_id = l.target_id"
            " WHERE s.record = ANY (%s)",
            (table, records),
        )
        known |= {(table, record): letters for record, letters in rows}
    return known
