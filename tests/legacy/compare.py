"""
Compare a result folder with the expected facts of an export, fact by fact.

`person` in the expected facts is a key of its own; the rows that are that person carry it over to our ids, so persons
are compared as sets of source rows first.
"""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

_PERSON_FILES = (
    "contact_points", "roles", "patients", "physicians", "calls", "ct_journeys", "eap_journeys", "suggested_changes",
)  # fmt: skip


def read_result(folder: Path) -> dict[str, list[dict[str, str]]]:
    """The rows of every file of a result folder, by name."""
    csv.field_size_limit(1 << 24)
    found = {}
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            found[path.stem] = list(csv.DictReader(file))
    return found


def differences(result: Path, expected: dict[str, Any]) -> dict[str, tuple[list[Any], list[Any]]]:
    """For every fact that differs what is missing from the result and what is too much; empty when all agree."""
    found = read_result(result)
    rows_of: dict[str, set[str]] = {}
    for row in found["sources"]:
        rows_of.setdefault(row["person_id"], set()).add(f"{row['table']}#{row['record']}")
    ours = {person: frozenset(rows) for person, rows in rows_of.items()}
    theirs = {p["key"]: frozenset(p["sources"]) for p in expected["persons"]}
    person_of_row = {row: person for person, rows in ours.items() for row in rows}

    report: dict[str, tuple[list[Any], list[Any]]] = {}

    def compare(name: str, want: Counter[Any], got: Counter[Any]) -> None:
        missing, extra = want - got, got - want
        if missing or extra:
            report[name] = (sorted(missing.elements(), key=repr), sorted(extra.elements(), key=repr))

    compare("sources", Counter(map(_rows, theirs.values())), Counter(map(_rows, ours.values())))
    for name in ("outcomes", "warnings"):
        want = Counter(_fact(row, {}) for row in expected[name])
        got = Counter(
            _fact({**_without(row, "table", "record"), "source": f"{row['table']}#{row['record']}"}, {})
            for row in found[name]
        )
        compare(name, want, got)
    compare(
        "persons",
        Counter(
            _fact({**_without(p, "key", "sources"), "rows": _rows(theirs[p["key"]])}, {}) for p in expected["persons"]
        ),
        Counter(_fact({**_without(p, "person_id"), "rows": _rows(ours[p["person_id"]])}, {}) for p in found["persons"]),
    )
    for name in (*_PERSON_FILES, "leads"):
        want = Counter(
            _fact({**_without(row, "person"), "rows": _rows(theirs[row["person"]])}, {}) for row in expected[name]
        )
        got = Counter(
            _fact({**_without(row, "person_id"), "rows": _rows(ours[row["person_id"]])}, {}) for row in found[name]
        )
        compare(name, want, got)
    compare(
        "relationships",
        Counter(
            (_rows(theirs[r["person"]]), _rows(theirs[r["physician"]]), str(r["is_primary"]).lower())
            for r in expected["relationships"]
        ),
        Counter(
            (_rows(ours[r["person_id"]]), _rows(ours[r["physician_person_id"]]), r["is_primary"])
            for r in found["relationships"]
        ),
    )
    compare(
        "review",
        Counter({tuple(sorted((_rows(theirs[r["a"]]), _rows(theirs[r["b"]])))): 1 for r in expected["review"]}),
        Counter({
            tuple(sorted((_rows(ours[person_of_row[f"{r['table_a']}#{r['record_a']}"]]),
                          _rows(ours[person_of_row[f"{r['table_b']}#{r['record_b']}"]])))): 1
            for r in found["review"]
        }),
    )  # fmt: skip
    compare(
        "crosswalk",
        Counter((row["source"], row["value"]) for row in expected["crosswalk"]),
        Counter((f"{row['table']}#{row['record']}", row["value"]) for row in found["crosswalk"]),
    )
    fused = [
        pair for pair in expected["must_not_merge"]
        if {person_of_row.get(row) for row in theirs[pair["a"]]} & {person_of_row.get(row) for row in theirs[pair["b"]]}
    ]  # fmt: skip
    if fused:
        report["must_not_merge"] = ([], fused)
    summary = json.loads((result / "summary.json").read_text(encoding="utf-8"))
    compare("summary", Counter(expected["counts"]["outcomes"]), Counter(summary["outcomes"]))
    return report


def _rows(rows: frozenset[str]) -> str:
    return " ".join(sorted(rows))


def _without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _fact(row: dict[str, Any], _: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, _text(value)) for name, value in row.items()))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
