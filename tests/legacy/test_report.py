"""The report says in words what a run came to: whom it kept, what waits for people, why records stand as they do."""

import ast
import re
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

import app.legacy
from app.commands import legacy_status as legacy
from app.legacy import report, runner
from app.legacy.words import REASONS
from app.platform.embedded import Cluster
from tests.legacy.test_runner import do, one

_CODE = re.compile(r"\b[A-Z]{2,}(?:_[A-Z]+)+\b")
_NO_REASONS = {"LD_LIBRARY_PATH", "ARROW_DEFAULT_MEMORY_POOL", "FILE_EMPTY", "FILE_MISSING", "FILE_UNREADABLE", "COLUMN_MISSING", "ANOTHER_RUN", "NOT_READY", "WORKED_ON",
               "PHASE_FAILED"}  # fmt: skip
"""Codes of refusals of a whole run, and names in the environment of a process."""


def _codes() -> set[str]:
    """Every code of an outcome or warning that stands in a text of the migration."""
    found: set[str] = set()
    for file in Path(app.legacy.__file__).parent.rglob("*.py"):
        if file.name == "words.py":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        docs = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in docs]
        found |= {text for text in texts if isinstance(text, str) and _CODE.fullmatch(text)}
        found |= {
            code for text in texts if isinstance(text, str) for code in re.findall(r"'([A-Z]{2,}(?:_[A-Z]+)+)'", text)
        }
    return found - _NO_REASONS


def test_every_code_of_an_outcome_or_a_warning_has_words_and_the_other_way_round() -> None:
    assert _codes() == set(REASONS) | set(report.NOTICES)


def test_it_tells_of_this_run_what_it_kept_what_waits_and_for_how_long(
    url: str, cluster: Cluster, sample_folder: Path
) -> None:
    runner.run(url, sample_folder)
    people = one(url, "SELECT count(*) FROM person WHERE person_id IN (SELECT target_id FROM legacy.lineage)")
    pairs = one(url, "SELECT count(*) FROM duplicate_candidate")
    suggestions = one(url, "SELECT count(*) FROM suggested_change")
    rejects = one(url, "SELECT count(*) FROM legacy.reject")
    do(
        cluster.url(str(make_url(url).database)),
        "UPDATE duplicate_candidate SET decision = 'different_people', decided_at = now() WHERE duplicate_candidate_id ="
        " (SELECT duplicate_candidate_id FROM duplicate_candidate LIMIT 1)",
    )
    with psycopg.connect(url) as connection:
        told = report.collect(connection, 1)
    work = told["workload"]
    assert (work["people"], work["new_people"], work["rejects"]) == (people, people, rejects)
    assert (work["pairs"], work["open_pairs"], work["suggestions"]) == (pairs, pairs - 1, suggestions)
    assert work["hours"] == round((2 * (pairs - 1) + 0.5 * suggestions + 5 * rejects) / 60, 1)
    # Initials and nothing more of a name.
    shown = " ".join(example for of_code in told["examples"].values() for example in of_code)
    assert re.search(r"contact#\d+ \(\S\. \S\.\)", shown)
    assert re.fullmatch(r"(?:\w+#\d+(?: \((?:\S\. ?){1,2}\))? ?)+", shown), shown
    page = report.as_html(told)
    assert f"{people:,} new with this run" in page
    assert REASONS["DUPLICATE_ROW"] in page

    runner.run(url, sample_folder)
    with psycopg.connect(url) as connection:
        second, first = (report.collect(connection, run)["workload"] for run in (2, 1))
    assert (second["people"], second["new_people"], second["pairs"], second["rows_written"]) == (people, 0, 0, 0)
    assert first == work


def test_an_equation_is_shown_with_what_was_expected_and_what_was_found(url: str, sample_folder: Path) -> None:
    runner.run(url, sample_folder)
    with psycopg.connect(url) as connection:
        data = report.collect(connection, 1)
    of_contacts = next(check for check in data["checks"] if check["name"].startswith("contact: records"))
    assert of_contacts["expected"] == of_contacts["found"] == data["records"]["contact"]


@pytest.mark.parametrize(
    "lacks",
    [
        "DROP TABLE legacy.notice, legacy.told",
        "DROP TABLE legacy.closing, legacy.correction_use",
        "DROP TABLE legacy.check_result",
        "DROP TABLE legacy.seen",
        "ALTER TABLE legacy.reject DROP COLUMN digest, DROP COLUMN phase",
        "ALTER TABLE legacy.correction DROP COLUMN source_id, DROP COLUMN digest, DROP COLUMN files, DROP COLUMN withdrawn_at",
    ],
)
def test_the_ledger_of_an_earlier_version_is_reported_and_undone(
    lacks: str, url: str, sample_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_DATABASE_URL", url)
    runner.run(url, sample_folder)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(lacks)
    page = tmp_path / "r.html"
    words = (
        ["status"],
        ["verify"],
        ["report"],
        ["report", "--html", str(page)],
        ["rejects"],
        ["rejects", "--corrections"],
    )
    for asked in (*words, ["undo"]):
        with psycopg.connect(url, autocommit=True) as connection:
            # Each command finds it as it was.
            connection.execute(
                lacks.replace("DROP TABLE", "DROP TABLE IF EXISTS").replace("COLUMN", "COLUMN IF EXISTS")
            )
        done = CliRunner().invoke(legacy.commands, asked)
        assert (done.exit_code, done.exception) == (0, None), (asked, done.output, done.exception)
    assert "Legacy migration, run 1" in page.read_text(encoding="utf-8")
