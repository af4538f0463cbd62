"""The migration is closed: signed for, on record, and nothing is run, corrected or undone after it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from typer.testing import CliRunner

from app.commands import legacy_status as legacy
from app.legacy import closing, report, runner
from app.legacy.checks import Check
from app.legacy.errors import AnotherRun, Closed, NotReady, PhaseFailed
from app.legacy.progress import Event, PhaseBegun, Staged
from app.legacy.undo import undo
from tests.legacy.conftest import checksum
from tests.legacy.exports import write_export
from tests.legacy.test_runner import do, one

SIGNED = "Ada Visser, data steward"


def test_a_closed_migration_takes_no_run_correction_or_undo(url: str, sample_folder: Path, tmp_path: Path) -> None:
    runner.run(url, sample_folder)
    closed = closing.close(url, signed_by=f"  {SIGNED} ")
    assert (closed.run_id, closed.signed_by) == (1, SIGNED)
    assert closed.pairs == one(url, "SELECT count(*) FROM duplicate_candidate WHERE decision = 'open'") > 0
    assert closed.suggestions == one(url, "SELECT count(*) FROM suggested_change WHERE decision = 'open'") > 0
    corrections = tmp_path / "corrections.csv"
    corrections.write_text("table,record,column,value\ncontact,1,firstname,Ada\n", encoding="utf-8")
    after = checksum(url)
    tries: tuple[Callable[[], object], ...] = (
        lambda: runner.run(url, sample_folder),
        lambda: runner.run(url, sample_folder, dry_run=True),
        lambda: runner.keep_corrections(url, corrections),
        lambda: undo(url),
        lambda: undo(url, rest=True),
        lambda: closing.close(url, signed_by="Somebody else"),
    )
    for refused in tries:
        with pytest.raises(Closed, match=r"closed with run 1 on .*, signed for by Ada Visser, data steward"):
            refused()
    assert checksum(url) == after
    assert one(url, "SELECT count(*) FROM legacy.run") == 1
    told = one(url, "SELECT purpose FROM audit_event WHERE action = 'close_legacy'")
    assert told.startswith(f"run 1, signed for by {SIGNED}")

    closing.reopen(url, reason="an export was forgotten")
    assert runner.run(url, sample_folder).rows_written == 0
    assert closing.close(url, signed_by=SIGNED).run_id == 2
    assert one(url, "SELECT count(*) FROM legacy.closing") == 2
    assert one(url, "SELECT purpose FROM audit_event WHERE action = 'reopen_legacy'").startswith(
        "an export was forgotten"
    )


def test_nothing_is_closed_that_is_not_at_its_end(url: str, sample_folder: Path) -> None:
    with pytest.raises(NotReady, match="no migration"):
        closing.close(url, signed_by=SIGNED)
    runner.run(url, sample_folder, until=4)
    with pytest.raises(NotReady, match="run 1 is not finished"):
        closing.close(url, signed_by=SIGNED)
    runner.resume(url)
    with pytest.raises(NotReady, match="name them"):
        closing.close(url, signed_by="  ")
    with pytest.raises(NotReady, match="run 1 came after run 7"):
        closing.close(url, signed_by=SIGNED, run_id=7)
    with pytest.raises(NotReady, match="not closed"):
        closing.reopen(url, reason="to try")
    do(url, "DELETE FROM legacy.outcome WHERE (\"table\", unit) = ('contact', 'person')")
    with pytest.raises(PhaseFailed, match=r"stays open: .*contact"):
        closing.close(url, signed_by=SIGNED)
    with psycopg.connect(url) as connection:
        assert report.collect(connection, 1)["closing"] is None


def test_the_command_runs_the_last_export_signs_and_says_what_waits(
    url: str, sample_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_DATABASE_URL", url)
    invoke = CliRunner().invoke
    done = invoke(legacy.commands, ["close", "--signed-by", SIGNED, "--source", str(sample_folder)])
    assert done.exit_code == 0, done.output
    assert "Run 1 is finished" in done.stdout
    assert f"closed with run 1, signed for by {SIGNED}" in done.stdout
    assert "pair(s) who may be one person" in done.stdout
    assert f"signed for by {SIGNED}" in invoke(legacy.commands, ["status"]).stdout
    page, data = tmp_path / "r.html", tmp_path / "r.json"
    assert invoke(legacy.commands, ["report", "--html", str(page), "--json", str(data)]).exit_code == 0
    assert f"Signed for by {SIGNED}" in page.read_text(encoding="utf-8")
    assert orjson.loads(data.read_bytes())["closing"]["signed_by"] == SIGNED
    for words in (["run", "--source", str(sample_folder)], ["rejects", "--withdraw", "1"], ["undo"]):
        assert invoke(legacy.commands, words).exit_code == 1
    assert invoke(legacy.commands, ["reopen", "--reason", "an export was forgotten"]).exit_code == 0
    assert invoke(legacy.commands, ["undo"]).exit_code == 0


def test_wrong_words_get_a_sentence_and_a_code_never_a_traceback(
    url: str, sample_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_DATABASE_URL", url)
    invoke = CliRunner().invoke
    file = tmp_path / "a-file"
    file.write_text("x", encoding="utf-8")
    below_a_file, missing = str(file / "there"), str(tmp_path / "missing" / "r.html")
    before = [
        (["report"], 1), (["status", "--nonsense"], 2), (["plan"], 2), (["verify"], 1), (["resume"], 1), (["undo"], 1),
        (["rejects"], 1), (["retry", below_a_file], 5), (["reopen", "--reason", "x"], 1), (["close"], 2),
        (["close", "--signed-by", SIGNED], 1), (["run", "--source", str(file)], 5), (["plan", "--source", below_a_file], 5),
        (["run", "--source", str(sample_folder), "--mapping", below_a_file], 5),
        (["run", "--source", str(sample_folder), "--mapping", str(sample_folder)], 5),
        (["run", "--source", str(sample_folder), "--until", "11"], 2),
        (["sample", str(sample_folder)], 1), (["sample", below_a_file], 1),
        (["map", "init", "--source", str(sample_folder), "--output", below_a_file], 1),
        (["map", "init", "--source", below_a_file, "--output", str(tmp_path / "m.toml")], 5),
        (["compat", "disable"], 2), (["compat", "enable"], 2),
    ]  # fmt: skip
    after = [
        (["report", "--run", "99"], 1), (["report", "--run", "0"], 1), (["report", "--html", missing], 1),
        (["report", "--json", below_a_file], 1), (["undo", "--run", "99"], 1), (["rejects", "--withdraw", "99"], 1),
        (["close", "--signed-by", " "], 1), (["reopen", "--reason", " "], 1),
    ]  # fmt: skip
    wrong = []
    for asked in (before, after):
        for words, code in asked:
            got = invoke(legacy.commands, words)
            traceback = got.exception is not None and not isinstance(got.exception, SystemExit)
            if got.exit_code != code or traceback or not got.output.strip():
                wrong.append((words, got.exit_code, got.exception, got.output[-200:]))
        runner.run(url, sample_folder) if asked is before else None
    assert wrong == []


def test_a_closing_and_a_run_that_begins_at_once_do_not_pass_each_other(
    url: str, sample_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []

    def close_now(event: Event) -> None:
        if isinstance(event, Staged | PhaseBegun):
            with pytest.raises(AnotherRun):
                closing.close(url, signed_by=SIGNED)
            refused.append(type(event).__name__)

    assert runner.run(url, sample_folder, on_event=close_now).finished
    assert set(refused) == {"Staged", "PhaseBegun"}

    look_again = runner.verify

    def run_now(at: str) -> list[Check]:
        with pytest.raises(AnotherRun):
            runner.run(url, sample_folder)
        with pytest.raises(AnotherRun):
            undo(url)
        refused.append("run")
        return look_again(at)

    monkeypatch.setattr(runner, "verify", run_now)
    assert closing.close(url, signed_by=SIGNED).run_id == 1
    assert refused[-1] == "run"
    with pytest.raises(Closed):
        runner.run(url, sample_folder)


def test_the_command_signs_for_no_run_but_its_own(
    url: str, sample_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_DATABASE_URL", url)
    sign = closing.close

    def after_another_run(*args: Any, **named: Any) -> closing.Closing:
        runner.run(url, write_export(tmp_path / "later"))
        return sign(*args, **named)

    monkeypatch.setattr(closing, "close", after_another_run)
    done = CliRunner().invoke(legacy.commands, ["close", "--signed-by", SIGNED, "--source", str(sample_folder)])

    assert done.exit_code == 1
    assert "run 2 came after run 1" in " ".join(done.output.split())
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM legacy.closing").fetchone() == (0,)
