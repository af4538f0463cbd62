"""Every column of an export: what a change there does here, as the guide says it."""

from collections import defaultdict
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from app.legacy import runner
from app.legacy.contract import TABLES
from app.legacy.report import NOTICES
from tests.legacy.exports import guid, write_export
from tests.printed import assert_printed

Row = dict[str, str]
_AHEAD, _LATER, _PAST = "2090-01-01T10:00:00Z", "2090-02-02T10:00:00Z", "2024-01-01T10:00:00Z"
_CONTACT, _PATIENT, _DOSSIER, _CALL, _MEETING, _OTHER, _THING, _SECOND = range(8)
_PHYSICIAN: Final = {"contact_type": "physician"}


class Case(NamedTuple):
    """One change of one column: its values before and after, what is told of it, and what else there is."""

    table: str
    column: str
    before: str
    after: str
    told: str = "changed"
    contact: Row | None = None
    patient: Row | None = None


def _key(case: int, what: int) -> str:
    return guid((case + 1) * 16 + what)


CASES: Final = (
    Case("contact", "firstname", "Anna", "Annabel"),
    Case("contact", "lastname", "", "Quokka"),
    Case("contact", "email", "", "another@example.org"),
    Case("contact", "contact_type", "patient - lead", "physician"),
    Case("contact", "medical_condition", "Glioblastoma", "Duchenne Muscular Dystrophy"),
    Case("contact", "booking_date", _AHEAD, "", "cleared, ahead"),
    Case("contact", "booking_date", _AHEAD, _LATER, "moved, ahead"),
    Case("contact", "booking_date", _PAST, "", "cleared, past"),
    Case("contact", "reminder_date", _AHEAD, _LATER, contact={"booking_date": _LATER}),
    Case("contact", "no_show", "", "True", contact={"booking_date": _PAST}),
    Case("contact", "job_title", "Nurse", "Head nurse", contact=_PHYSICIAN),
    Case("contact", "specialization", "#1", "#2", contact=_PHYSICIAN),
    Case("contact", "medical_license_number", "L1", "L2", contact=_PHYSICIAN),
    Case("contact", "hospital", "#1", "#2", contact=_PHYSICIAN),
    Case("contact", "statecode", "0", "1", "made inactive"),
    Case("contact", "statecode", "1", "0", "made active"),
    Case("contact", "statuscode", "1", "2"),
    Case("contact", "merged", "", "True", "and masterid: merged into another"),
    Case("contact", "telephone1", "+31612340001", "+31612340002"),
    Case("contact", "telephone1", "+31612340003", "", "cleared"),
    Case("contact", "mobilephone", "", "+31612340004"),
    Case("contact", "birthdate", "1980-01-01", "1981-01-01"),
    Case("contact", "birthdate", "1980-01-01", "", "cleared"),
    Case("contact", "address1_country", "NL", "Belgium"),
    Case("contact", "donotemail", "", "True", "set"),
    Case("contact", "donotemail", "True", "", "taken back"),
    Case("contact", "donotphone", "", "True", "set"),
    Case("contact", "versionnumber", "1", "2"),
    Case("patient", "firstname", "Anna", "Annabel", patient={}),
    Case("patient", "lastname", "", "Quokka", patient={}),
    Case("patient", "email", "", "further@example.org", patient={}),
    Case("patient", "first_contact_date", "2024-01-01", "2024-02-02", patient={}),
    Case("patient", "initial_consult_date", "2024-01-01", "2024-02-02", patient={}),
    Case("patient", "medical_condition", "#3", "#4", patient={}),
    Case("patient", "trial_id", "NCT99000001", "NCT99000002", patient={}),
    Case("patient", "eligible", "Yes", "No", patient={"trial_id": "NCT99000003"}),
    Case("patient", "ineligible_reason", "", "age", patient={"trial_id": "NCT99000003", "eligible": "No"}),
    Case("patient", "ct_referral_date", "2024-01-01", "2024-02-02", patient={"trial_id": "NCT99000003"}),
    Case("patient", "eap_enrollment_date", "2024-01-01", "2024-02-02", patient={}),
    Case("patient", "contact_record", "", "itself", "filled: the lead became a patient", patient={}),
    Case("patient", "physician", "", "other", patient={}),
    Case("patient", "ct_outcome", "Referred", "In screening", patient={"trial_id": "NCT99000003"}),
    Case("patient", "statecode", "0", "1", "made inactive", patient={}),
    Case("patient", "versionnumber", "1", "2", patient={}),
    Case("eap_dossier", "eap_number", "E-1", "E-2", patient={}),
    Case("eap_dossier", "patient", "itself", "second", patient={}),
    Case("eap_dossier", "product", "SYN-101", "SYN-202", patient={}),
    Case("eap_dossier", "eap_enrollment_date", "", "2024-01-01", patient={}),
    Case("eap_dossier", "eap_enrollment_date", "2024-01-01", "2024-02-02", "moved", patient={}),
    Case("phonecall", "regardingobjectid", "itself", "other"),
    Case("phonecall", "scheduledstart", _AHEAD, _LATER),
    Case("phonecall", "actualstart", _PAST, "2024-02-02T10:00:00Z"),
    Case("phonecall", "actualdurationminutes", "5", "7"),
    Case("phonecall", "directioncode", "True", "False"),
    Case("phonecall", "statecode", "0", "1"),
    Case("phonecall", "call_outcome", "Voicemail", "Reached"),
    Case("phonecall", "subject", "One", "Two"),
    Case("phonecall", "description", "One", "Two"),
    Case("phonecall", "ownerid", "", "user"),
    Case("appointment", "regardingobjectid", "itself", "other"),
    Case("appointment", "scheduledstart", _AHEAD, _LATER),
    Case("appointment", "scheduledend", _AHEAD, _LATER),
    Case("appointment", "statecode", "0", "2"),
    Case("appointment", "subject", "One", "Two"),
    Case("appointment", "description", "One", "Two"),
    Case("appointment", "ownerid", "", "user"),
    Case("hospital", "name", "Alpha Clinic", "Beta Clinic"),
    Case("hospital", "city", "Bath", "Leeds"),
    Case("specialization", "name", "Alpha Medicine", "Beta Medicine"),
    Case("medical_condition", "name", "Alpha Sample Disease", "Beta Sample Disease"),
    Case("medical_condition", "abbreviation", "ASD", "BSD"),
    Case("systemuser", "fullname", "Una User", "Una Other"),
    Case("systemuser", "internalemailaddress", "", "una.user@example.org"),
    Case("systemuser", "isdisabled", "False", "True"),
)
NOT_TRIED: Final = {
    **{(table.name, table.key): "a record with another key is another record" for table in TABLES.values()},
    **{
        (table, column): "what was read first stays: when something began, and who owns it"
        for table in ("contact", "patient")
        for column in ("createdon", "modifiedon", "overriddencreatedon", "ownerid")
    },
    ("contact", "masterid"): "with merged",
    ("phonecall", "regardingobjecttypecode"): "with regardingobjectid",
    ("appointment", "regardingobjecttypecode"): "with regardingobjectid",
    **{
        (
            "audit",
            column,
        ): "a record of the audit does not change; a new one brings the calls and journeys that it tells of"
        for column in ("objecttypecode", "objectid", "action", "changedata", "userid", "createdon")
    },
}


def _value(number: int, value: str) -> str:
    """What a word for a record means."""
    things = {"itself": _CONTACT, "other": _OTHER, "second": _SECOND, "user": _THING}
    if value == "itself" and CASES[number].table == "eap_dossier":
        return _key(number, _PATIENT)
    if value.startswith("#"):
        return guid(int(value[1:]))
    return _key(number, things[value]) if value in things else value


def _records(number: int, case: Case, *, later: bool) -> dict[str, list[Row]]:
    letters = chr(97 + number // 26) + chr(97 + number % 26)
    name = {"firstname": "Anna", "lastname": f"Quoll{letters}"}
    email = f"quoll{letters}@example.org"
    contact = {"contactid": _key(number, _CONTACT), **name, "emailaddress1": email, "contact_type": "patient - lead",
               "medical_condition": "Glioblastoma", "statecode": "0", "versionnumber": "1"} | (case.contact or {})  # fmt: skip
    rows: dict[str, list[Row]] = {"contact": [contact]}
    if case.patient is not None:
        rows["patient"] = [{"patientid": _key(number, _PATIENT), **name, "email": email, "statecode": "0",
                            "contact_record": _key(number, _CONTACT), "medical_condition": guid(3)} | case.patient]  # fmt: skip
    made: dict[str, Row] = {
        "contact": contact,
        "patient": rows.get("patient", [{}])[0],
        "eap_dossier": {"eap_dossier_id": _key(number, _DOSSIER), "patient": _key(number, _PATIENT), "product": "SYN-101",
                        "eap_number": f"E-{letters}"},
        "phonecall": {"activityid": _key(number, _CALL), "regardingobjecttypecode": "contact", "statecode": "0",
                      "regardingobjectid": _key(number, _CONTACT), "scheduledstart": _AHEAD},
        "appointment": {"activityid": _key(number, _MEETING), "regardingobjecttypecode": "contact", "statecode": "0",
                        "regardingobjectid": _key(number, _CONTACT), "scheduledstart": _AHEAD},
        "hospital": {"hospitalid": _key(number, _THING), "name": f"Clinic {letters}", "city": "Bath"},
        "specialization": {"specializationid": _key(number, _THING)},
        "medical_condition": {"medical_conditonid": _key(number, _THING), "name": f"Sample disease {letters}"},
        "systemuser": {"systemuserid": _key(number, _THING), "fullname": f"User {letters}", "isdisabled": "False"},
    }  # fmt: skip
    if case.table not in {"contact", "patient"}:
        rows[case.table] = [made[case.table]]
    row = made[case.table]
    if case.column == "actualstart":
        row |= {"scheduledstart": "", "statecode": "1"}
    if case.table == "phonecall" and case.column in {"actualdurationminutes", "call_outcome", "statecode"}:
        row |= {"scheduledstart": _PAST, "statecode": "1"}
    column = "emailaddress1" if (case.table, case.column) == ("contact", "email") else case.column
    column = "jobtitle" if column == "job_title" else column
    value = _value(number, case.after if later else case.before)
    # A name or address that is empty before is the usual one.
    if value or later or column not in {"lastname", "email", "emailaddress1"}:
        row[column] = value
    values = (case.before, case.after)
    if case.column == "merged":
        values = ("", "other")
        contact["masterid"] = _key(number, _OTHER) if later else ""
    if "other" in values:
        other = {"firstname": "Bert", "lastname": f"Quail{letters}", "emailaddress1": f"quail{letters}@example.org"}
        kind = "physician" if case.column == "physician" else "patient - lead"
        rows["contact"] = [*rows["contact"], {"contactid": _key(number, _OTHER), **other, "contact_type": kind}]
    if "second" in values:
        second = {"firstname": "Cleo", "lastname": f"Quelea{letters}", "email": f"quelea{letters}@example.org"}
        rows["patient"] = [*rows["patient"], {"patientid": _key(number, _SECOND), **second}]
    if "user" in values:
        rows["systemuser"] = [made["systemuser"]]
    return rows


def export_of_columns(folder: Path, *, later: bool) -> Path:
    """The export before or after all these changes."""
    rows: dict[str, list[Row]] = defaultdict(list)
    rows["hospital"] = [{"hospitalid": guid(n), "name": f"Hospital {n}", "city": "Bath"} for n in (1, 2)]
    rows["specialization"] = [{"specializationid": guid(n), "name": f"Speciality {n}"} for n in (1, 2)]
    names = {3: "Huntington Disease", 4: "Cystic Fibrosis"}
    rows["medical_condition"] = [{"medical_conditonid": guid(n), "name": name} for n, name in names.items()]
    for number, case in enumerate(CASES):
        for table, records in _records(number, case, later=later).items():
            rows[table] += records
    return write_export(folder, at_front=False, **rows)


def _effects(url: str) -> dict[int, set[str]]:
    """By the case: what the second run did."""
    found: dict[int, set[str]] = defaultdict(set)
    with psycopg.connect(url) as connection:
        people: dict[UUID, str] = dict(
            connection.execute(
                "SELECT DISTINCT ON (target_id) target_id, source_id::text FROM legacy.lineage"
                " WHERE target IN ('person', 'alias:person') ORDER BY target_id, run_id, source"
            ).fetchall()
        )
        for person_id, table, field in connection.execute(
            "SELECT s.person_id, s.table_name, s.field FROM suggested_change AS s JOIN migrated_row AS m"
            " ON m.record_id = s.suggested_change_id WHERE m.run_id = 2"
        ):
            found[_case_of(people[person_id])].add(f"suggested: {table}.{field}")
        for target, source_id in connection.execute(
            "SELECT target, source_id::text FROM legacy.lineage WHERE run_id = 2 AND target NOT LIKE 'alias:%'"
            " AND target NOT IN ('suggested_change', 'clinical_trial')"
        ):
            found[_case_of(source_id)].add(f"at once: a new {target}")
        for code, source_id, target, field in connection.execute(
            "SELECT code, source_id::text, target, field FROM legacy.notice WHERE run_id = 2"
        ):
            of = ".".join(filter(None, (target, field)))
            effect = "at once: the channel is closed" if code == "OPT_OUT_TAKEN_OVER" else f"listed: {code}"
            found[_case_of(source_id)].add(effect + (f" ({of})" if of and code != "OPT_OUT_TAKEN_OVER" else ""))
    return found


def _case_of(key: str) -> int:
    return int(key[-12:], 16) // 16 - 1


def column_table(effects: dict[int, set[str]]) -> str:
    """The table of the guide."""
    lines = ["| table | column | there | here |", "| --- | --- | --- | --- |"]
    for number, case in enumerate(CASES):
        done = "<br>".join(sorted(effects[number])) or "nothing"
        lines.append(f"| {case.table} | {case.column} | {case.told} | {done} |")
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (table, column), reason in NOT_TRIED.items():
        reasons[table, reason].append(column)
    lines += [f"| {table} | {', '.join(columns)} | | {reason} |" for (table, reason), columns in reasons.items()]
    return "\n".join(lines) + "\n"


def test_the_guide_says_what_a_change_of_each_column_does(url: str, tmp_path: Path) -> None:
    runner.run(url, export_of_columns(tmp_path / "first", later=False))
    later = export_of_columns(tmp_path / "later", later=True)
    runner.run(url, later)
    effects = _effects(url)
    assert [case for number, case in enumerate(CASES) if not effects[number] and case.told != "taken back"] == []
    assert runner.run(url, later).rows_written == 0
    assert_printed("docs/MIGRATION_GUIDE.md", "columns", column_table(effects))


def test_the_guide_says_what_is_listed() -> None:
    lines = "".join(f"| {code} | {told} |\n" for code, told in sorted(NOTICES.items()))
    assert_printed("docs/MIGRATION_GUIDE.md", "notices", f"| listed as | means |\n| --- | --- |\n{lines}")


def test_every_column_has_its_case() -> None:
    tried = {(case.table, case.column) for case in CASES}
    assert tried | set(NOT_TRIED) == {(table.name, column) for table in TABLES.values() for column in table.fields}
    assert tried & set(NOT_TRIED) == set()
