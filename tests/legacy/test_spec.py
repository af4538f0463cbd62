"""Every case of the specification, migrated in one run; and the tables of the guide, printed from them."""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.legacy import runner
from app.legacy.contract import TABLES
from tests.legacy.compare import read_result
from tests.legacy.spec import REFERENCES, Case, Record
from tests.legacy.spec.cases import CASES
from tests.printed import assert_printed

_GONE = "deadbeef-0000-4000-8000-000000000000"
_OPTIONS = {
    ("contact", "contact_type"): ("patient - lead", "physician", "pharmacist"),
    ("contact", "medical_condition"): ("Glioblastoma", "Idiopatic Pulmonary Fibrosis", "Lou Gehrig’s disease", "Rare disease, other"),
    ("patient", "eligible"): ("Yes", "No", "To be determined"),
    ("patient", "ct_outcome"): ("Referred", "In screening", "Rejected by site"),
    ("eap_dossier", "product"): ("SYN-101", "SYN-202"),
    ("phonecall", "call_outcome"): ("Reached", "Voicemail"),
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """The files of a result, and where each record of each case went to."""

    files: dict[str, list[dict[str, str]]]
    sources: dict[tuple[int, str], str]
    persons: dict[str, str]

    def person(self, case: int, name: str) -> str:
        return self.persons[self.sources[case, name]]


def _key(case: int, records: Mapping[str, Record], name: str) -> str:
    return f"{case:08x}-0000-4000-8000-{list(records).index(name):012x}"


def _cells(number: int, records: Mapping[str, Record], name: str) -> dict[str, str]:
    record = records[name]
    key_column = TABLES[record.table].key
    cells = {column: str(value) for column, value in record.cells.items()}
    given = cells.get(key_column)
    cells[key_column] = (
        _key(number, records, name) if given is None else _key(number, records, given) if given in records else given
    )
    for column, value in cells.items():
        if column in REFERENCES or (column == "medical_condition" and record.table == "patient"):
            cells[column] = _GONE if value == "@gone" else _key(number, records, value) if value in records else value
        else:
            cells[column] = _own(number, value)
    return cells


def _own(number: int, value: str) -> str:
    return value.replace("~", f"c{number}.example.org")


def write_cases(folder: Path) -> dict[tuple[int, str], str]:
    """Write all cases as one export under the prefix `new_`; where each record stands."""
    folder.mkdir()
    sources: dict[tuple[int, str], str] = {}
    rows: dict[str, list[dict[str, str]]] = {table: [] for table in TABLES}
    for number, case in enumerate(CASES):
        for name, record in case.records.items():
            rows[record.table].append(_cells(number, case.records, name))
            sources[number, name] = f"{record.table}#{len(rows[record.table])}"
    for table, described in TABLES.items():
        name = table if table in {"contact", "phonecall", "appointment", "audit", "systemuser"} else f"new_{table}"
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, described.fields, restval="")
            file.write(";".join(described.fields) + "\n")
            writer.writer = csv.writer(file, delimiter=";")
            writer.writerows(rows[table])
    options: dict[str, dict[str, list[dict[str, object]]]] = {
        f"new_{t}" if t not in {"contact", "phonecall"} else t: {} for t, _ in _OPTIONS
    }
    for (table, column), labels in _OPTIONS.items():
        there = options.get(f"new_{table}", options.get(table))
        assert there is not None
        there[f"new_{column}"] = [
            {"value": 727000000 + i, "label": label, "language": 1033} for i, label in enumerate(labels)
        ]
    (folder / "optionsets.json").write_text(json.dumps(options), encoding="utf-8")
    (folder / "export.json").write_text('{"exported_at": "2025-06-30T12:00:00Z", "time_zone": "Europe/Amsterdam"}')
    return sources


@pytest.fixture(scope="module")
def result(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("spec")
    sources = write_cases(folder / "export")
    runner.run(new_database(), folder / "export", result_to=folder / "result")
    files = read_result(folder / "result")
    persons = {f"{row['table']}#{row['record']}": row["person_id"] for row in files["sources"]}
    return Result(files, sources, persons)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{case.rule}: {case.title}" for case in CASES])
def test_records_become_what_the_rules_say(number: int, result: Result) -> None:
    case = CASES[number]
    if case.persons is not None:
        groups = [set(group.split("+")) for group in case.persons.split()]
        for group in groups:
            assert len({result.person(number, name) for name in group}) == 1, f"{group} is one person"
        assert len({result.person(number, next(iter(group))) for group in groups}) == len(groups), (
            "the others are others"
        )
    outcomes = {
        (f"{r['table']}#{r['record']}", r["unit"]): " ".join(filter(None, (r["outcome"], r["reason"])))
        for r in result.files["outcomes"]
    }
    for what, expected in case.outcomes.items():
        name, unit = what.split(".")
        assert outcomes.get((result.sources[number, name], unit)) == expected, what
    for name, codes in case.warnings.items():
        here = {
            r["code"] for r in result.files["warnings"] if f"{r['table']}#{r['record']}" == result.sources[number, name]
        }
        assert here == codes, name
    if case.review is not None:
        ours = {
            result.person(number, name): name for name in case.records if result.sources[number, name] in result.persons
        }
        found = {
            frozenset(
                (result.persons[f"{r['table_a']}#{r['record_a']}"], result.persons[f"{r['table_b']}#{r['record_b']}"])
            )
            for r in result.files["review"]
        }
        expected_pairs = {frozenset(result.person(number, name) for name in pair) for pair in case.review}
        assert {pair for pair in found if pair <= set(ours)} == expected_pairs
    for file, by_record in case.facts.items():
        for name, expected_rows in by_record.items():
            person = result.person(number, name)
            there = [r for r in result.files[file] if r["person_id"] == person]
            for row in expected_rows:
                wanted = {column: _own(number, value) for column, value in row.items()}
                assert any(wanted.items() <= found_row.items() for found_row in there), (file, name, wanted, there)


def test_calls_and_journeys_are_no_more_than_the_cases_say(result: Result) -> None:
    for number, case in enumerate(CASES):
        for file in ("calls", "ct_journeys", "eap_journeys"):
            for name, rows in case.facts.get(file, {}).items():
                person = result.person(number, name)
                assert len([r for r in result.files[file] if r["person_id"] == person]) == len(rows), (
                    case.title,
                    file,
                    name,
                )


def _shown(value: str) -> str:
    return value.replace("|", "\\|").replace("~", "example.org")


def _row(name: str, record: Record) -> str:
    usual = {"contact_type": "patient - lead", "medical_condition": "Glioblastoma", "statecode": "0"}
    cells = [f"{c}={_shown(str(v))}" for c, v in record.cells.items() if str(v) and usual.get(c) != str(v)]
    return f"{record.table} **{name}**: {', '.join(cells)}"


def _out(case: Case) -> str:
    parts = []
    if case.persons:
        parts.append(f"persons {case.persons}")
    parts += [f"{what} {outcome}" for what, outcome in case.outcomes.items()]
    parts += [f"{name}: {', '.join(sorted(codes))}" for name, codes in case.warnings.items() if codes]
    if case.review:
        parts.append(f"to review: {', '.join(sorted(case.review))}")
    for file, by_record in case.facts.items():
        for name, rows in by_record.items():
            parts += [
                f"{file} of {name}: " + ", ".join(f"{c}={_shown(v) or 'empty'}" for c, v in r.items()) for r in rows
            ]
    return "<br>".join(parts)


def rule_table(rule: str) -> str:
    """The cases of one rule as a table of the guide."""
    lines = ["| case | records in | what becomes of them |", "| --- | --- | --- |"]
    for case in CASES:
        if case.rule == rule:
            records = "<br>".join(_row(name, record) for name, record in case.records.items())
            lines.append(f"| {case.title} | {records} | {_out(case)} |")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("rule", sorted({case.rule for case in CASES}))
def test_the_guide_shows_the_cases(rule: str) -> None:
    assert_printed("docs/MIGRATION_GUIDE.md", rule, rule_table(rule))
