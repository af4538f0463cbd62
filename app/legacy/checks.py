"""
The equation and the checks: what must hold after a run, and any day later.

Records of a table = the sum of outcomes of its main unit; a further unit sums up to the records where it is present;
no unit of a record has two outcomes; every row decided on is here; the faults of a plain copy have not come back.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import psycopg

from app.legacy.contract import TABLES, rules

Connection = psycopg.Connection[Any]


class Check(NamedTuple):
    """One thing that was looked at: what should be, what is."""

    name: str
    expected: int | None
    found: int

    @property
    def holds(self) -> bool:
        """Whether what is, is what should be; a count without an expectation only tells."""
        return self.expected is None or self.expected == self.found


def equation(connection: Connection, run_id: int, *, staged: bool = True) -> list[Check]:
    """
    The equation of every table and further unit, and the units with more than one outcome.

    `staged`: the records are still there to count the further units that are present.
    """
    checks = []
    records = dict(
        connection.execute('SELECT "table", records FROM legacy.record_count WHERE run_id = %s', (run_id,)).fetchall()
    )
    sums = {
        (table, unit): number
        for table, unit, number in connection.execute(
            'SELECT "table", unit, count(*) FROM legacy.outcome WHERE run_id = %s GROUP BY 1, 2', (run_id,)
        )
    }
    for name, table in TABLES.items():
        checks.append(
            Check(
                f"{name}: records = outcomes of {table.main_unit}",
                records.get(name, 0),
                sums.get((name, table.main_unit), 0),
            )
        )
    for (of_table, unit), query in _PRESENT.items() if staged else ():
        (present,) = connection.execute(query).fetchone() or (0,)
        checks.append(Check(f"{of_table}: {unit} present = outcomes", present, sums.get((of_table, unit), 0)))
    (double,) = connection.execute(
        'SELECT count(*) FROM (SELECT FROM legacy.outcome WHERE run_id = %s GROUP BY "table", record, unit'
        " HAVING count(*) > 1) AS q",
        (run_id,),
    ).fetchone() or (0,)
    checks.append(Check("units with more than one outcome", 0, double))
    return checks


_PRESENT = {
    ("contact", "role"): "SELECT count(*) FROM legacy.s_contact WHERE fault IS NULL",
    ("contact", "booking"): "SELECT count(*) FROM legacy.s_contact"
    " WHERE fault IS NULL AND (booking IS NOT NULL OR reminder IS NOT NULL OR no_show)",
    ("patient", "person"): "SELECT count(*) FROM legacy.s_patient WHERE fault IS NULL",
    ("patient", "ct_journey"): "SELECT count(*) FROM legacy.s_patient WHERE fault IS NULL AND has_ct",
    ("patient", "eap_journey"): "SELECT count(*) FROM legacy.s_patient WHERE fault IS NULL AND eap_date IS NOT NULL",
    ("patient", "physician"): "SELECT count(*) FROM legacy.s_patient WHERE fault IS NULL AND physician_given",
}

_ARRIVED = {
    "person": "SELECT count(*) FROM legacy.d_person_id AS d WHERE NOT EXISTS"
    " (SELECT FROM public.person AS t WHERE t.person_id = d.person_id)",
    "patient_lead": "SELECT count(*) FROM legacy.d_lead AS d WHERE NOT EXISTS"
    " (SELECT FROM public.patient_lead AS t WHERE t.lead_id = d.lead_id AND t.person_id = d.person_id)",
    "patient": "SELECT count(*) FROM legacy.d_patient AS d WHERE NOT EXISTS"
    " (SELECT FROM public.patient AS t WHERE t.patient_id = d.patient_id AND t.person_id = d.person_id)",
    "call_history": "SELECT count(*) FROM legacy.d_call AS d WHERE NOT EXISTS"
    " (SELECT FROM public.call_history AS t WHERE t.call_id = d.call_id AND t.person_id = d.person_id)",
    "physician": "SELECT count(*) FROM legacy.d_physician AS d WHERE NOT EXISTS"
    " (SELECT FROM public.physician AS t WHERE t.physician_id = d.physician_id AND t.person_id = d.person_id)",
    "clinical_trial_journey": "SELECT count(*) FROM legacy.d_ct_journey AS d WHERE NOT EXISTS"
    " (SELECT FROM public.clinical_trial_journey AS t WHERE t.ct_journey_id = d.ct_journey_id)",
    "eap_journey": "SELECT count(*) FROM legacy.d_eap_journey AS d WHERE NOT EXISTS"
    " (SELECT FROM public.eap_journey AS t WHERE t.eap_journey_id = d.eap_journey_id)",
}

_AS_DECIDED = {
    "person": """SELECT count(*) FROM legacy.d_person AS d JOIN legacy.d_person_id AS i USING (p)
        JOIN public.person AS t USING (person_id) WHERE i.is_new
        AND (t.first_name, t.last_name, t.date_of_birth, t.is_active)
            IS DISTINCT FROM (left(d.first_name, 100), left(d.last_name, 100), d.date_of_birth, d.is_active)""",
    "patient_lead": """SELECT count(*) FROM legacy.d_lead AS d JOIN public.patient_lead AS t USING (lead_id) WHERE d.is_new
        AND (t.created_at, t.converted_at) IS DISTINCT FROM (d.created_at, d.converted_at)""",
    "patient": """SELECT count(*) FROM legacy.d_patient AS d JOIN public.patient AS t USING (patient_id) WHERE d.is_new
        AND (t.first_contact_date, t.initial_consult_date, t.status)
            IS DISTINCT FROM (d.first_contact_date, d.initial_consult_date, d.status)""",
    "call_history": """SELECT count(*) FROM legacy.d_call AS d JOIN public.call_history AS t USING (call_id) WHERE d.is_new
        AND (t.booking_date, t.call_date, t.reminder_date, t.status, t.call_duration_minutes, t.outcome, t.notes)
            IS DISTINCT FROM (d.booking, d.call, d.reminder, d.status, d.minutes, d.outcome, d.notes)""",
    "clinical_trial_journey": """SELECT count(*) FROM legacy.d_ct_journey AS d
        JOIN public.clinical_trial_journey AS t USING (ct_journey_id) WHERE d.is_new
        AND (t.referral_date, t.status) IS DISTINCT FROM (d.referral, d.status)""",
}


def still_here(connection: Connection, run_id: int, keys: Mapping[str, str]) -> list[Check]:
    """Per table how many of the rows a run wrote are gone since; `keys` names the tables' keys."""
    checks = []
    for table, key in keys.items():
        (gone,) = connection.execute(
            f"SELECT count(DISTINCT l.target_id) FROM legacy.lineage AS l WHERE l.run_id = %s AND l.target = '{table}'"
            f" AND NOT EXISTS (SELECT FROM public.{table} AS t WHERE t.{key} = l.target_id)",
            (run_id,),
        ).fetchone() or (0,)
        checks.append(Check(f"{table}: rows written that are gone since", None, gone))
    return checks


def arrival(connection: Connection, *, just_written: bool) -> list[Check]:
    """Per table how many decided rows are not here, and (right after a run) not as decided: none, each time."""
    checks = []
    for table, query in _ARRIVED.items():
        (missing,) = connection.execute(query).fetchone() or (0,)
        checks.append(Check(f"{table}: decided rows that are not here", 0 if just_written else None, missing))
    if just_written:
        for table, query in _AS_DECIDED.items():
            (other,) = connection.execute(query).fetchone() or (0,)
            checks.append(Check(f"{table}: rows that are not as decided", 0, other))
    return checks


_FAULTS = {
    "leads_created_at_a_booking": (
        """SELECT count(*) FROM legacy.d_lead AS d JOIN legacy.s_contact AS c USING (record)
           WHERE d.created_at = c.booking AND c.born IS DISTINCT FROM c.booking AND d.created_at <> :now""",
        0,
    ),
    "ct_eligible_not_mapped": (
        "SELECT count(*) FROM legacy.d_ct_journey WHERE eligible NOT IN ('yes', 'no')",
        0,
    ),
    "persons_without_email": (
        "SELECT count(*) FROM legacy.d_person AS d WHERE NOT EXISTS (SELECT FROM legacy.d_point AS p WHERE p.p = d.p AND p.kind = 'email')",
        None,
    ),
    "shared_addresses": (
        "SELECT count(*) FROM legacy.d_point WHERE kind = 'email' AND is_shared",
        None,
    ),
    "persons_from_several_contacts": (
        "SELECT count(*) FROM (SELECT p FROM legacy.w_person_row WHERE tbl = 'contact' GROUP BY p HAVING count(*) > 1) AS q",
        None,
    ),
    "patients_from_several_rows": (
        "SELECT count(*) FROM (SELECT p FROM legacy.w_person_row WHERE tbl = 'patient' GROUP BY p HAVING count(*) > 1) AS q",
        None,
    ),
    "leads_with_unknown_condition": ("SELECT count(*) FROM legacy.d_lead WHERE condition = ':unknown'", None),
    "leads_with_misspelt_condition": (
        "SELECT count(*) FROM legacy.d_lead AS d JOIN legacy.s_contact AS c USING (record) WHERE c.condition LIKE '%Idiopatic%'",
        None,
    ),
    "calls_on_unconverted_leads": ("SELECT count(*) FROM legacy.d_call WHERE patient_id IS NULL", None),
    "pharmacists": ("SELECT count(*) FROM legacy.d_role_pharmacist", None),
    "physicians": ("SELECT count(*) FROM legacy.d_physician", None),
    "patient_physician_links": ("SELECT count(*) FROM legacy.d_care", None),
    "ct_journeys_without_trial": ("SELECT count(*) FROM legacy.d_ct_journey WHERE trial IS NULL", None),
    "eap_journeys_without_dossier": ("SELECT count(*) FROM legacy.d_eap_journey WHERE source = 'patient'", None),
}
"""Faults of a plain copy (contract, section 8): the number there is, and where it is known, the number there must be."""


def faults(connection: Connection, now: str) -> list[Check]:
    """What a plain copy would have lost or fused, counted."""
    return [
        Check(
            name,
            expected,
            (
                connection.execute(
                    query.replace(":now", f"timestamptz '{now}'").replace(":unknown", rules().unknown_condition)
                ).fetchone()
                or (0,)
            )[0],
        )
        for name, (query, expected) in _FAULTS.items()
    ]


def checksum(connection: Connection) -> str:
    """
    A checksum over every row of every table but the schema legacy, what tells of the past (audit_event, row_history,
    migrated_row), and what a search is made of. The references that are drawn by chance are left out of the rows.

    The order of rows does not matter; two databases with the same rows have the same checksum.
    """
    total = []
    tables = connection.execute(
        "SELECT c.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)"
        " FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname NOT LIKE 'audit_event%'"
        " AND c.relname NOT IN ('row_history', 'migrated_row', 'person_search', 'search_word', 'patient_order')"
        " AND (c.relname, a.attname) NOT IN (('person', 'reference'), ('patient_lead', 'reference'))"
        " GROUP BY c.relname ORDER BY c.relname"
    ).fetchall()
    for table, columns in tables:
        row = connection.execute(
            f'SELECT count(*), coalesce(sum(hashtextextended(ROW({columns})::text, 7)), 0) FROM public."{table}"'
        ).fetchone()
        total.append(f"{table}:{row[0]}:{row[1]}" if row else table)
    found = connection.execute("SELECT md5(%s)", (" ".join(total),)).fetchone()
    return str(found[0]) if found else ""
