"""
A sample of the months in which both systems live: three exports with edits here and there between, and what comes of each.

Every person is called after what happens to them there. `expected/N.json` is all that differs after run N: what waits and
what was decided, what is listed, who is kept apart for review, who may not be written to, and who there is.
"""

import json
from pathlib import Path
from typing import Any

import psycopg

from app.legacy import runner
from app.legacy.corrections import list_corrections

SAMPLE = Path(__file__).parent / "samples" / "months"
_CALLED = "concat_ws(' ', p.first_name, p.last_name)"
_NAMED = """
    coalesce((SELECT name FROM hospital WHERE hospital_id::text = {0} #>> '{{}}'),
             (SELECT name FROM specialization WHERE specialization_id::text = {0} #>> '{{}}'),
             (SELECT name FROM medical_condition WHERE medical_condition_id::text = {0} #>> '{{}}'), {0} #>> '{{}}')
"""
QUERIES = {
    "people": f"""
        SELECT {_CALLED}, p.email, p.phone, p.country, p.is_active, array_to_string(p.do_not_contact_channels, ' '),
               (SELECT string_agg(l.status, ' ' ORDER BY l.status) FROM patient_lead AS l WHERE l.person_id = p.person_id),
               (SELECT string_agg(a.status, ' ' ORDER BY a.status) FROM patient AS a WHERE a.person_id = p.person_id)
        FROM person AS p ORDER BY 1, 2""",
    "calls": f"""
        SELECT {_CALLED}, to_char(c.booking_date AT TIME ZONE 'UTC', 'YYYY-MM-DD'), c.status
        FROM call_history AS c JOIN person AS p USING (person_id) ORDER BY 1, 2""",
    "suggestions": f"""
        SELECT {_CALLED}, s.table_name, s.field, {_NAMED.format("s.ours")}, {_NAMED.format("s.theirs")}, s.decision
        FROM suggested_change AS s JOIN person AS p USING (person_id) ORDER BY 1, 2, 3, 5""",
    "listed": """
        SELECT n.code, n."table", right(n.source_id::text, 4), n.target, n.field FROM legacy.notice AS n
        WHERE n.run_id = (SELECT max(run_id) FROM legacy.run) ORDER BY 1, 2, 3, 4, 5""",
    "warnings": """
        SELECT w.code, w."table", w.record FROM legacy.warning AS w
        WHERE w.run_id = (SELECT max(run_id) FROM legacy.run) ORDER BY 1, 2, 3""",
    "pairs": """
        SELECT array_to_string(ARRAY(SELECT concat_ws(' ', p.first_name, p.last_name) FROM person AS p
               WHERE p.person_id IN (d.person_id, d.other_person_id) ORDER BY 1), ' and '), d.decision
        FROM duplicate_candidate AS d ORDER BY 1""",
}


def _found(url: str) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        found: dict[str, Any] = {
            name: [list(row) for row in connection.execute(query.encode()).fetchall()]
            for name, query in QUERIES.items()
        }
        found["corrections"] = [[one.table, one.column, one.value, one.state] for one in list_corrections(connection)]
    return found


def test_three_exports_with_edits_between_come_out_exactly(url: str) -> None:
    for number in (1, 2, 3):
        assert runner.run(url, SAMPLE / str(number)).finished
        expected = json.loads((SAMPLE / "expected" / f"{number}.json").read_text(encoding="utf-8"))
        assert _found(url) == expected
        assert all(check.holds for check in runner.verify(url))
        edits = SAMPLE / "edits" / f"{number}.sql"
        if edits.exists():
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(edits.read_bytes())
        corrections = SAMPLE / "edits" / f"{number}.csv"
        if corrections.exists():
            runner.keep_corrections(url, corrections)
    assert runner.run(url, SAMPLE / "3").rows_written == 0
