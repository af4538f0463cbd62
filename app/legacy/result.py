"""
The result of a run as CSV files: every fact of the contract under its own name.

Persons are named by their id here; moments are `YYYY-MM-DDTHH:MM:SSZ`, days `YYYY-MM-DD`, flags true and false, a
record is `table#record`.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

import orjson
import psycopg

from app.legacy.errors import NotReady

_M: Final = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"


def _moment(column: str) -> str:
    return _M.format(column)


FILES: Final[Mapping[str, str]] = {
    "outcomes": """SELECT "table", record, unit, outcome, reason FROM legacy.outcome WHERE run_id = :run""",
    "warnings": """SELECT "table", record, code FROM legacy.warning WHERE run_id = :run""",
    "sources": """SELECT r.tbl AS "table", r.record, i.person_id
        FROM legacy.w_person_row AS r JOIN legacy.d_person_id AS i USING (p)""",
    "persons": """SELECT i.person_id, coalesce(d.first_name, 'Unknown') AS first_name,
        coalesce(d.last_name, 'Unknown') AS last_name, d.email, d.date_of_birth, d.is_active,
        d.do_not_email, d.do_not_phone FROM legacy.d_person AS d JOIN legacy.d_person_id AS i USING (p)""",
    "contact_points": """SELECT i.person_id, d.kind, d.shown AS value, d.is_shared
        FROM legacy.d_point AS d JOIN legacy.d_person_id AS i USING (p) WHERE d.kind <> 'odd'""",
    "roles": " UNION ALL ".join(
        f"SELECT person_id, '{role}' AS role, {_moment('valid_from')} AS valid_from, {_moment('valid_to')} AS valid_to"
        f" FROM legacy.d_role_{role.replace('-', '_')}"
        for role in ("patient-lead", "caregiver", "patient", "physician", "pharmacist")
    ),
    "leads": f"""SELECT 'contact#' || record AS source, person_id, condition, status,
        {_moment("created_at")} AS created_at, {_moment("converted_at")} AS converted_at FROM legacy.d_lead""",
    "patients": """SELECT person_id, condition, first_contact_date, initial_consult_date, status FROM legacy.d_patient""",
    "physicians": """SELECT d.person_id, d.licence AS medical_license_number, s.name AS specialization,
        h.name || '|' || coalesce(h.city, '') AS hospital FROM legacy.d_physician AS d
        LEFT JOIN legacy.d_specialization AS s ON s.id = d.specialization
        LEFT JOIN legacy.d_hospital AS h ON h.id = d.hospital""",
    "relationships": """SELECT a.person_id, y.person_id AS physician_person_id, d.is_primary FROM legacy.d_care AS d
        JOIN legacy.d_person_id AS a ON a.p = d.p JOIN legacy.d_person_id AS y ON y.p = d.physician_p""",
    "calls": f"""SELECT person_id, CASE WHEN patient_id IS NULL THEN 'lead' ELSE 'patient' END AS "on",
        {_moment("booking")} AS booking_date, {_moment("call")} AS call_date, {_moment("reminder")} AS reminder_date,
        status, direction, minutes AS duration_minutes, outcome,
        encode(sha256(convert_to(notes, 'UTF8')), 'hex') AS notes_sha256 FROM legacy.d_call""",
    "ct_journeys": """SELECT person_id, trial AS trial_ref, referral AS referral_date, eligible,
        reason AS ineligible_reason, status FROM legacy.d_ct_journey""",
    "eap_journeys": """SELECT person_id, eap_number, product, enrolled AS enrollment_date, status, source
        FROM legacy.d_eap_journey""",
    "suggested_changes": """SELECT i.person_id, s.field, s.value FROM legacy.d_suggestion AS s
        JOIN legacy.d_person_id AS i USING (p)""",
    "review": "SELECT table_a, record_a, table_b, record_b, reason FROM legacy.d_review",
    "crosswalk": """SELECT 'medical_condition' AS "table", record, condition AS value FROM legacy.w_condition_row
        UNION ALL SELECT 'hospital', w.record, d.name || '|' || coalesce(d.city, '')
        FROM legacy.w_hospital AS w JOIN legacy.d_hospital AS d ON d.id = w.kept
        UNION ALL SELECT 'specialization', w.record, d.name
        FROM legacy.w_specialization AS w JOIN legacy.d_specialization AS d ON d.id = w.kept""",
}
"""File -> the query that gives its rows; columns are named as in the contract."""

_FLAGS: Final = ("is_active", "do_not_email", "do_not_phone", "is_shared", "is_primary")


def write_result(connection: psycopg.Connection[Any], run_id: int, folder: Path) -> None:
    """Write the result folder of a finished run; files that are there are replaced."""
    make_folder(folder)
    counts: dict[str, int] = {}
    for name, query in FILES.items():
        statement = query.replace(":run", str(run_id))
        columns = [
            column.name for column in connection.execute(f"SELECT * FROM ({statement}) AS q LIMIT 0").description or ()
        ]
        shown = ", ".join(
            f"CASE WHEN \"{c}\" THEN 'true' ELSE 'false' END AS \"{c}\"" if c in _FLAGS else f'"{c}"' for c in columns
        )
        with (
            (folder / f"{name}.csv").open("wb") as file,
            connection.cursor() as cursor,
            cursor.copy(f"COPY (SELECT {shown} FROM ({statement}) AS q) TO STDOUT (FORMAT csv, HEADER)") as copy,
        ):
            for block in copy:
                file.write(block)
        counts[name] = cursor.rowcount
    outcomes = {
        "/".join(filter(None, key)): number
        for *key, number in connection.execute(
            'SELECT "table", unit, outcome, reason, count(*) FROM legacy.outcome WHERE run_id = %s GROUP BY 1, 2, 3, 4'
            " ORDER BY 1, 2, 3, 4",
            (run_id,),
        )
    }
    found = dict(
        connection.execute(
            "SELECT name, found FROM legacy.check_result WHERE run_id = %s ORDER BY position", (run_id,)
        ).fetchall()
    )
    groups = [
        {"reason": reason, "first": first, "persons": persons}
        for reason, first, persons in connection.execute(
            "SELECT reason, first, persons FROM legacy.d_review_group ORDER BY persons DESC, reason, first"
        )
    ]
    _summary(
        folder,
        {"fatal": None, "outcomes": outcomes, "counts": counts, "checks": found, "review_groups": groups},
    )


def make_folder(folder: Path) -> None:
    """Make the result folder; NotReady where it cannot be written, which is better found before the run than after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise NotReady(f"the result folder {folder} cannot be written ({error.strerror})") from error


def write_fatal(folder: Path, code: str) -> None:
    """Write the summary of a run that could not begin."""
    make_folder(folder)
    _summary(folder, {"fatal": code, "outcomes": {}, "counts": {}})


def _summary(folder: Path, summary: Mapping[str, Any]) -> None:
    (folder / "summary.json").write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2))
