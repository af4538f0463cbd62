"""
Phase 1, preparation: which records stand at all.

Reads the staged rows. A record that cannot stand gets its fault here, the first that applies; it has its main unit
alone, no warning, and is kept whole for replay. Everything later sees only records without a fault.
"""

from typing import Final

from app.legacy import corrections
from app.legacy.contract import TABLES
from app.legacy.phases.context import Context

READS: Final = tuple(f"s_{table}" for table in TABLES)
WRITES: Final = ("outcome", "reject", "record_count", "correction_use")

_STORED: Final = {
    "contact": (
        ("length(s.first)", "person.first_name"),
        ("length(s.last)", "person.last_name"),
        ("(SELECT max(length(x)) FROM unnest(s.odd_phones) AS x)", "person.phone"),
        ("length(s.licence)", "physician.medical_license_number"),
        ("length(s.job_title)", "physician.job_title"),
    ),
    "patient": (
        ("length(s.first)", "person.first_name"),
        ("length(s.last)", "person.last_name"),
        ("length(s.trial)", "clinical_trial_journey.trial_reference"),
    ),
    # Ten letters are left for what tells two dossiers of one number apart.
    "eap_dossier": (("length(s.number) + 10", "eap_journey.eap_number"), ("length(s.product)", "eap_journey.product")),
    "hospital": (("length(s.name)", "hospital.name"), ("length(s.city)", "hospital.city")),
    "specialization": (("length(s.name)", "specialization.name"),),
    "medical_condition": (
        ("length(s.name)", "medical_condition.name"),
        ("length(s.abbreviation)", "medical_condition.abbreviation"),
    ),
    "systemuser": (
        ("length(regexp_replace(s.name, '\\s*\\S+$', ''))", "person.first_name"),
        ("length(substring(s.name FROM '\\S+$'))", "person.last_name"),
    ),
}
"""What a record gives to a column of ours that holds a number of letters, and that column."""
_SKIPPED: Final = ("DUPLICATE_ROW", "NOT_TRACKED")


def run(context: Context) -> None:
    """Give every faulty record its fault and its outcome."""
    context.analyze(*(f"s_{table}" for table in TABLES))
    for table in TABLES:
        context.stage(f"duplicates of {table}", _duplicates(table))
    context.stage("contacts without identity", _fault("contact", "NO_IDENTITY", "s.blank"))
    context.stage(
        "patients without identity",
        _fault("patient", "NO_IDENTITY", f"s.blank AND NOT {_exists('contact', 's.contact')}"),
    )
    for table in ("medical_condition", "hospital", "specialization"):
        context.stage(f"{table} without name", _fault(table, "MISSING_NAME", "s.name = ''"))
    context.stage(
        "dossiers of no patient", _fault("eap_dossier", "ORPHAN_DOSSIER", f"NOT {_exists('patient', 's.patient')}")
    )
    regarding = (
        f"(coalesce(s.about, 'contact') = 'contact' AND {_exists('contact', 's.about_id')}"
        f" OR coalesce(s.about, 'patient') = 'patient' AND {_exists('patient', 's.about_id')})"
    )
    for table, no_date in (("phonecall", "s.booking IS NULL AND s.call IS NULL"), ("appointment", "s.booking IS NULL")):
        context.stage(f"{table} of nobody", _fault(table, "ORPHAN_CALL", f"NOT {regarding}"))
        context.stage(f"{table} without date", _fault(table, "CALL_WITHOUT_DATE", no_date))
    context.stage("unreadable audit", _fault("audit", "UNREADABLE_AUDIT", "s.changes IS NULL"))
    context.stage(
        "audit of other things",
        _fault(
            "audit", "NOT_TRACKED", "s.changes = 'untracked' OR coalesce(s.about, '') NOT IN ('contact', 'patient')"
        ),
    )
    context.stage("audit of nobody", _fault("audit", "ORPHAN_AUDIT", f"NOT {regarding}"))
    skipped = ", ".join(f"'{reason}'" for reason in _SKIPPED)
    for name, described in TABLES.items():
        context.outcomes(
            f"faulty {name}",
            f"SELECT '{name}', record, '{described.main_unit}',"
            f" CASE WHEN fault IN ({skipped}) THEN 'skipped_by_rule' ELSE 'rejected' END, fault"
            f" FROM legacy.s_{name} WHERE fault IS NOT NULL",
        )
        context.rejects(
            name, f"SELECT record, '{described.main_unit}', fault FROM legacy.s_{name} WHERE fault IS NOT NULL"
        )
        context.stage(
            f"records of {name}",
            'INSERT INTO legacy.record_count (run_id, "table", records)'
            f" SELECT :run, '{name}', count(*) FROM legacy.s_{name}",
        )
    _overlong(context)
    corrections.note_use(context)


def _overlong(context: Context) -> None:
    """Warn where a value is longer than its column: its beginning is stored."""
    longest = dict(
        context.all(
            "SELECT table_name || '.' || column_name, character_maximum_length FROM information_schema.columns"
            " WHERE table_schema = 'public' AND character_maximum_length IS NOT NULL"
        )
    )
    for table, values in _STORED.items():
        too_long = " OR ".join(f"{length} > {longest[column]}" for length, column in values)
        context.warnings(
            f"overlong values of {table}",
            f"SELECT '{table}', s.record, 'VALUE_TOO_LONG' FROM legacy.s_{table} AS s WHERE s.fault IS NULL AND ({too_long})"
            + (
                " AND NOT coalesce('VALUE_TOO_LONG' = ANY (s.warnings), false)"
                if table in {"contact", "patient"}
                else ""
            ),
        )


def _fault(table: str, fault: str, condition: str) -> str:
    return f"UPDATE legacy.s_{table} AS s SET fault = '{fault}' WHERE s.fault IS NULL AND ({condition})"


def _exists(table: str, key: str) -> str:
    return f"EXISTS (SELECT FROM legacy.s_{table} AS e WHERE e.id = {key} AND e.fault IS NULL)"


def _duplicates(table: str) -> str:
    """
    Of rows with one GUID the greatest version counts, then the latest change, then the later record.

    Of exact repeats of it the earliest stays; the other repeats are DUPLICATE_ROW, all else DUPLICATE_ID.
    """
    newest = "version DESC NULLS LAST, modified DESC NULLS LAST, " if table in {"contact", "patient"} else ""
    return f"""
        WITH several AS (
            SELECT id FROM legacy.s_{table} WHERE fault IS NULL GROUP BY id HAVING count(*) > 1
        ), ranked AS (
            SELECT id, record, digest, row_number() OVER (PARTITION BY id ORDER BY {newest}record DESC) AS place
            FROM legacy.s_{table} JOIN several USING (id) WHERE fault IS NULL
        ), best AS (
            SELECT id, digest FROM ranked WHERE place = 1
        ), stays AS (
            SELECT ranked.id, min(record) AS record FROM ranked JOIN best USING (id, digest) GROUP BY ranked.id
        )
        UPDATE legacy.s_{table} AS s
        SET fault = CASE WHEN s.digest = best.digest THEN 'DUPLICATE_ROW' ELSE 'DUPLICATE_ID' END
        FROM best JOIN stays USING (id)
        WHERE s.id = best.id AND s.fault IS NULL AND s.record <> stays.record
    """
