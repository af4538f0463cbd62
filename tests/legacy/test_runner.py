"""Runs: twice, stopped, resumed, corrected, undone, later; and who may run beside whom."""

import csv
import io
import re
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn
from sqlalchemy import make_url
from typer.testing import CliRunner

from app.commands import legacy_status as legacy
from app.commands.legacy_screen import Bars
from app.legacy import compat, ledger, repeated, report, runner
from app.legacy.errors import AnotherRun, FatalExport, NotReady, WorkedOn
from app.legacy.phases import p02_schema
from app.legacy.progress import STAGES, Estimate, Event, PhaseBegun, PhaseDone, Planned, Staged, StageDone
from app.legacy.sample import write_sample
from app.legacy.undo import undo
from app.platform.advisory_locks import Lock
from app.platform.embedded import Cluster
from tests.legacy.conftest import checksum


def one(url: str, query: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def do(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def test_a_second_run_changes_nothing_and_undo_restores_the_database(
    url: str, sample_folder: Path, tmp_path: Path
) -> None:
    before = checksum(url)
    first = runner.run(url, sample_folder, result_to=tmp_path / "first")
    after = checksum(url)
    second = runner.run(url, sample_folder, result_to=tmp_path / "second")
    assert (first.finished, second.finished, second.rows_written) == (True, True, 0)
    assert first.rows_written > 500
    assert checksum(url) == after
    for path in sorted((tmp_path / "first").glob("*.csv")):
        again = (tmp_path / "second" / path.name).read_text(encoding="utf-8").splitlines()
        assert sorted(path.read_text(encoding="utf-8").splitlines()) == sorted(again), path.name
    assert all(check.holds for check in runner.verify(url))
    with pytest.raises(NotReady):
        undo(url, run_id=7)
    # A run that changed nothing does not stand in the way.
    assert undo(url) == (1, first.rows_written, 0)
    assert checksum(url) == before
    with pytest.raises(NotReady):
        undo(url)
    assert one(url, "SELECT count(*) FROM audit_event WHERE action = 'undo_legacy_run'") == 2


def test_a_run_is_undone_by_what_the_database_has_noted_of_it(url: str, cluster: Cluster, sample_folder: Path) -> None:
    done = runner.run(url, sample_folder)
    noted = "SELECT count(*) FROM migrated_row WHERE run_id = 1"
    assert one(url, noted) == done.rows_written
    undo(url)
    assert one(url, noted) == 0
    # What was taken away is kept.
    assert one(url, "SELECT count(*) FROM row_history WHERE reason = 'undone: run 1'") == done.rows_written

    runner.run(url, sample_folder)
    # As of a run that was begun by an earlier version and ended by this one.
    do(cluster.url(str(make_url(url).database)), "UPDATE migrated_row SET run_id = 7 WHERE phase = 4")
    expected = checksum(url)
    with pytest.raises(NotReady, match="did not note"):
        undo(url)
    assert checksum(url) == expected
    # Also where the ledger is gone, the number of a run is not given again.
    do(url, "DROP SCHEMA legacy CASCADE")
    with psycopg.connect(url) as connection:
        ledger.create_ledger(connection)
    assert one(url, "SELECT nextval(pg_get_serial_sequence('legacy.run', 'run_id'))") == 8


def test_the_newest_run_is_undone_by_its_number_though_it_changed_nothing(url: str, sample_folder: Path) -> None:
    first = runner.run(url, sample_folder)
    runner.run(url, sample_folder)
    after = checksum(url)
    assert undo(url, run_id=2) == (2, 0, 0)
    assert checksum(url) == after
    runner.run(url, sample_folder)
    assert undo(url, run_id=1) == (1, first.rows_written, 0)


def test_a_run_stops_after_a_phase_and_is_resumed(url: str, sample_folder: Path) -> None:
    whole = runner.run(url, sample_folder)
    expected = checksum(url)
    undo(url)
    for phase in (1, 4, 7):
        done = runner.run(url, sample_folder, until=phase) if phase == 1 else runner.resume(url, until=phase)
        assert not done.finished
    with pytest.raises(NotReady):
        runner.run(url, sample_folder)
    assert runner.resume(url).rows_written == whole.rows_written
    assert checksum(url) == expected


def test_phases_can_be_undone_and_done_again(url: str, sample_folder: Path) -> None:
    runner.run(url, sample_folder)
    expected = checksum(url)
    undo(url, to=5)
    assert one(url, "SELECT count(*) FROM patient") == 0
    assert one(url, "SELECT count(*) FROM person") > 0
    runner.resume(url)
    assert checksum(url) == expected


def test_a_dry_run_leaves_nothing_but_its_result(url: str, sample_folder: Path, tmp_path: Path) -> None:
    before = checksum(url)
    done = runner.run(url, sample_folder, dry_run=True, result_to=tmp_path / "result")
    assert done.rows_written > 500
    assert checksum(url) == before
    assert one(url, "SELECT to_regnamespace('legacy') IS NULL")
    assert (tmp_path / "result" / "summary.json").exists()


def test_undo_is_refused_with_a_list_where_people_have_worked(url: str, sample_folder: Path) -> None:
    runner.run(url, sample_folder)
    do(
        url,
        "UPDATE person SET preferred_name = 'X' WHERE person_id = (SELECT person_id FROM patient ORDER BY 1 LIMIT 1)",
    )
    do(url, "INSERT INTO call_history (person_id, patient_id, call_date, status)"
            " SELECT person_id, patient_id, now(), 'completed' FROM patient ORDER BY patient_id DESC LIMIT 1")  # fmt: skip
    expected = checksum(url)
    with pytest.raises(WorkedOn) as refused:
        undo(url)
    assert {(table, why) for table, _, why in refused.value.records} >= {
        ("person", "was edited"),
        ("patient", "has a row in call_history"),
    }
    assert checksum(url) == expected


@pytest.mark.parametrize(
    ("work", "why"),
    [
        ("UPDATE person SET preferred_name = 'X' WHERE person_id = (SELECT person_id FROM patient LIMIT 1)", "was edited"),
        ("UPDATE patient SET status_reason = 'X' WHERE patient_id = (SELECT patient_id FROM patient LIMIT 1)", "was edited"),
        (
            ("INSERT INTO call_history (person_id, patient_id, call_date, status)"
            " SELECT person_id, patient_id, now(), 'completed' FROM patient LIMIT 1"),
            "has a row in call_history",
        ),
    ],
)  # fmt: skip
def test_undo_that_waited_for_somebodys_work_does_not_take_it_away(
    url: str, sample_folder: Path, work: str, why: str
) -> None:
    runner.run(url, sample_folder)
    with psycopg.connect(url) as somebody, ThreadPoolExecutor(1) as pool:
        somebody.execute(work)
        undone = pool.submit(undo, url)
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        while one(url, waiting) == 0 and not undone.done():
            time.sleep(0.02)
        somebody.commit()
        expected = checksum(url)
        with pytest.raises(WorkedOn) as refused:
            undone.result(timeout=60)
    assert why in {what for _, _, what in refused.value.records}
    assert checksum(url) == expected


def test_the_database_itself_refuses_to_undo_what_people_have_worked_on(url: str, sample_folder: Path) -> None:
    runner.run(url, sample_folder)
    do(url, "UPDATE person SET preferred_name = 'X' WHERE person_id = (SELECT person_id FROM patient LIMIT 1)")
    expected = checksum(url)
    with pytest.raises(psycopg.errors.RestrictViolation):
        do(url, "SELECT undo_legacy_run(1, 1)")
    assert checksum(url) == expected


def test_a_run_that_lost_its_working_tables_does_not_take_work_away_to_begin_anew(
    url: str, sample_folder: Path
) -> None:
    runner.run(url, sample_folder, until=6)
    do(url, "UPDATE person SET preferred_name = 'X' WHERE person_id = (SELECT person_id FROM patient LIMIT 1)")
    do(url, "DROP TABLE legacy.w_alive")
    with pytest.raises(WorkedOn):
        runner.resume(url)
    assert one(url, "SELECT count(*) FROM person WHERE preferred_name = 'X'") == 1


def test_a_later_export_brings_new_rows_and_suggests_what_changed(
    url: str, sample_folder: Path, tmp_path: Path
) -> None:
    runner.run(url, sample_folder)
    later = tmp_path / "later"
    shutil.copytree(sample_folder, later)
    path = later / "contact.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file))
    columns = {name: i for i, name in enumerate(header)}
    with psycopg.connect(url) as connection:
        kept = connection.execute(
            "SELECT l.source_id::text, p.person_id, p.first_name FROM legacy.lineage AS l JOIN person AS p ON p.person_id = l.target_id"
            " WHERE l.target = 'person' AND l.source = 'contact' AND l.fields @> '{first_name}'"
            " AND (SELECT count(*) FROM legacy.lineage AS o WHERE o.target_id = l.target_id AND o.target = 'person') = 1"
            " ORDER BY 1 LIMIT 1"
        ).fetchone()
    assert kept is not None
    changed = 0
    for row in rows:
        if len(row) == len(header) and row[0].strip("{}").lower() == kept[0]:
            row[columns["firstname"]] = "Renamed"
            changed += 1
    assert changed
    new = [""] * len(header)
    new[:4] = ["99999999-2222-4333-8444-555555555555", "Newly", "Arrived", "newly@example.org"]
    new[columns["versionnumber"]] = "99999999"
    rows.append(new)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    done = runner.run(url, later)
    assert done.finished
    assert one(url, "SELECT count(*) FROM person WHERE first_name = 'Newly'") == 1
    assert one(url, f"SELECT first_name FROM person WHERE person_id = '{kept[1]}'") == kept[2], "nothing is overwritten"
    assert one(url, f"SELECT theirs #>> '{{}}' FROM suggested_change WHERE record_id = '{kept[1]}' AND field = 'first_name'"
                    " AND theirs #>> '{}' = 'Renamed'") == "Renamed"  # fmt: skip
    written = one(url, "SELECT sum(rows_written) FROM legacy.phase WHERE run_id = 2")
    assert 0 < written < 12, "only what is new"
    assert runner.run(url, later).rows_written == 0


def test_somebody_who_is_here_keeps_their_address(url: str, sample_folder: Path) -> None:
    runner.run(url, sample_folder)
    email = one(url, "SELECT email_key FROM person WHERE email_key IS NOT NULL ORDER BY person_id LIMIT 1")
    undo(url)
    do(
        url,
        f"INSERT INTO person (first_name, last_name, email, email_key) VALUES ('Here', 'Before', '{email}', '{email}')",
    )
    assert runner.run(url, sample_folder).finished
    assert one(url, f"SELECT first_name FROM person WHERE email_key = '{email}'") == "Here"
    assert one(url, f"SELECT count(*) FROM contact_point WHERE value_key = '{email}'") == 1
    assert one(url, "SELECT count(*) FROM duplicate_candidate WHERE reasons::text LIKE '%somebody%'") == 1
    assert runner.run(url, sample_folder).rows_written == 0
    assert one(url, "SELECT count(*) FROM person WHERE first_name = 'Here'") == 1


def test_what_the_contract_keeps_apart_is_loaded_and_what_is_here_in_some_writing_is_used(
    url: str, tmp_path: Path
) -> None:
    write_sample(tmp_path, contacts=20, seed=3, dirt=0.0)
    guid = "aaaaaaaa-0000-4000-8000-00000000000{}"
    for table, further in (("hospital", ",Köln"), ("specialization", ""), ("medical_condition", ",")):
        with (tmp_path / f"myt_{table}.csv").open("a", encoding="utf-8") as file:
            for number, name in enumerate(("Süd Z", "Sued Z", "sÜD-z")):
                file.write(f"{guid.format(number)},{name}{further}\n")
    doubles = "SELECT array_agg(is_double ORDER BY is_double) FROM {} WHERE name_key = 'sud z'"
    tables = ("hospital", "specialization", "medical_condition")
    before = checksum(url)

    assert runner.run(url, tmp_path).finished
    assert [one(url, doubles.format(table)) for table in tables] == [[False, True]] * 3
    assert runner.run(url, tmp_path).rows_written == 0
    undo(url)
    assert checksum(url) == before

    do(
        url,
        "INSERT INTO hospital (name, city, name_key, city_key) VALUES ('SUED Z', 'Koeln', 'sud z', 'koln')",
    )
    assert runner.run(url, tmp_path).finished
    assert [one(url, doubles.format(table)) for table in tables] == [[False], [False, True], [False, True]]
    assert one(url, "SELECT count(DISTINCT hospital_id) FROM legacy.d_hospital WHERE name_key = 'sud z'") == 1
    assert runner.run(url, tmp_path).rows_written == 0


def test_numbers_of_dossiers_are_loaded_as_they_are_written(url: str, tmp_path: Path) -> None:
    write_sample(tmp_path, contacts=20, seed=3, dirt=0.0)
    with (tmp_path / "myt_patient.csv").open(encoding="utf-8-sig") as file:
        patients = [row["myt_patientid"] for row in csv.DictReader(file)][:2]
    with (tmp_path / "myt_eap_dossier.csv").open("a", encoding="utf-8") as file:
        for number, (patient, written) in enumerate(zip(patients, ("Zz-1", "zz 1"), strict=True)):
            file.write(f"aaaaaaaa-0000-4000-8000-00000000000{number},{written},{patient},,\n")

    assert runner.run(url, tmp_path).finished
    found = "SELECT array_agg(eap_number || is_double ORDER BY is_double) FROM eap_journey WHERE eap_number_key = 'ZZ1'"
    assert sorted(one(url, found)) == ["ZZ-1false", "ZZ1true"] or sorted(one(url, found)) == ["ZZ-1true", "ZZ1false"]
    assert runner.run(url, tmp_path).rows_written == 0


def test_two_persons_whom_a_later_export_joins_stay_and_are_to_be_looked_at(url: str, tmp_path: Path) -> None:
    def export(folder: Path, email: str) -> Path:
        write_sample(folder, contacts=20, seed=3, dirt=0.0)
        rows = [
            [
                "aaaaaaaa-0000-4000-8000-000000000001",
                "Nova",
                "Onlyone",
                "nova@example.org",
                "2024-01-01T10:00:00Z",
                "1",
            ],
            ["aaaaaaaa-0000-4000-8000-000000000002", "Nova", "Onlyone", email, "2024-02-02T10:00:00Z", "2"],
        ]
        with (folder / "contact.csv").open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file))
        with (folder / "contact.csv").open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, header, restval="")
            columns = ("contactid", "firstname", "lastname", "emailaddress1", "myt_booking_date", "versionnumber")
            writer.writerows(dict(zip(columns, row, strict=True)) for row in rows)
        return folder

    runner.run(url, export(tmp_path / "a", "other@example.org"))
    calls = one(url, "SELECT count(*) FROM call_history")
    persons = one(url, "SELECT count(*) FROM person")
    done = runner.run(url, export(tmp_path / "b", "nova@example.org"))
    assert (one(url, "SELECT count(*) FROM call_history"), one(url, "SELECT count(*) FROM person")) == (calls, persons)
    assert done.rows_written == 2, "the new address, and the pair"
    assert one(url, "SELECT reasons[1] FROM duplicate_candidate ORDER BY duplicate_candidate_id DESC LIMIT 1")
    assert runner.run(url, tmp_path / "b").rows_written == 0


def test_two_runs_at_a_time_and_changed_files_are_refused(url: str, sample_folder: Path, tmp_path: Path) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (Lock.LEGACY_RUN.value,))
        with pytest.raises(AnotherRun):
            runner.run(url, sample_folder)
    copy = tmp_path / "copy"
    shutil.copytree(sample_folder, copy)
    runner.run(url, copy, until=2)
    (copy / "myt_hospital.csv").write_text("myt_hospitalid,myt_name,myt_city\n", encoding="utf-8")
    with pytest.raises(NotReady):
        runner.resume(url)
    (copy / "contact.csv").unlink()
    with pytest.raises(FatalExport):
        runner.resume(url)


def test_a_file_that_turns_out_unreadable_leaves_nothing_to_resume(
    url: str, sample_folder: Path, tmp_path: Path
) -> None:
    before = checksum(url)
    copy = tmp_path / "copy"
    shutil.copytree(sample_folder, copy)
    with (copy / "myt_patient.csv").open("a", encoding="utf-8") as file:
        file.write(f'"{"x" * (1 << 21)}')
    with pytest.raises(FatalExport):
        runner.run(url, copy)
    assert checksum(url) == before
    assert runner.run(url, sample_folder).finished


def test_every_row_leads_back_to_a_record_and_the_report_tells_it(url: str, sample_folder: Path) -> None:
    runner.run(url, sample_folder)
    with psycopg.connect(url) as connection:
        for table, key in (("person", "person_id"), ("patient_lead", "lead_id"), ("patient", "patient_id"), ("call_history", "call_id"),
                           ("contact_point", "contact_point_id"), ("person_contact_type", "person_contact_type_id"),
                           ("clinical_trial_journey", "ct_journey_id"), ("eap_journey", "eap_journey_id"),
                           ("suggested_change", "suggested_change_id"), ("patient_physician_relationship", "patient_physician_id")):  # fmt: skip
            without = connection.execute(
                f"SELECT count(*) FROM {table} AS t WHERE NOT EXISTS"
                f" (SELECT FROM legacy.lineage AS l WHERE l.target = '{table}' AND l.target_id = t.{key} AND l.source_id IS NOT NULL)"
            ).fetchone()
            assert without == (0,), table
        data = report.collect(connection, 1)
    assert all(check["holds"] for check in data["checks"])
    page = report.as_html(data)
    assert page.count("<svg") == 3
    assert "http" not in page.replace("http-equiv", "")


def test_the_report_lists_dates_that_could_not_be_entered_here(url: str, sample_folder: Path) -> None:
    runner.run(url, sample_folder)
    with psycopg.connect(url) as connection:
        [(person_id, patient_id)] = connection.execute(
            "SELECT person_id, patient_id FROM patient JOIN legacy.lineage ON target_id = patient_id LIMIT 1"
        ).fetchall()
        before = report.collect(connection, 1)["implausible_dates"]
        connection.execute("UPDATE patient SET first_contact_date = '1970-05-05' WHERE patient_id = %s", (patient_id,))
        connection.execute("UPDATE person SET date_of_birth = '1980-05-05' WHERE person_id = %s", (person_id,))
        data = report.collect(connection, 1)
        connection.rollback()
    found = {(one["target_id"], one["field"], one["code"]) for one in data["implausible_dates"]}
    assert found - {(one["target_id"], one["field"], one["code"]) for one in before} >= {
        (str(patient_id), "first_contact_date", "too_long_ago"),
        (str(patient_id), "first_contact_date", "before_birth"),
    }
    assert "first_contact_date" in report.as_html(data)


def test_the_old_shapes_can_be_read_after_they_are_enabled(cluster: Cluster, url: str, sample_folder: Path) -> None:
    runner.run(url, sample_folder)
    with pytest.raises(NotReady):
        compat.enable(url, "the role is not there, and this account may not make it")
    administrator = cluster.url(one(url, "SELECT current_database()"), role="postgres")
    do(administrator, "CREATE ROLE legacy_reader NOLOGIN")
    compat.enable(url, "the weekly report until March")
    with psycopg.connect(administrator) as connection:
        connection.execute("SET ROLE legacy_reader")
        columns = {
            name: [c.name for c in connection.execute(f"SELECT * FROM legacy_compat.{name} LIMIT 0").description or ()]
            for name in compat.VIEWS
        }
        assert columns["contact"][:4] == ["contactid", "firstname", "lastname", "email"]
        assert columns["patient"][-2:] == ["physician", "ct_outcome"]
        assert columns["medical_condition"] == ["medical_conditonid", "name", "abbreviation"]
        row = connection.execute("SELECT count(*), count(DISTINCT patientid) FROM legacy_compat.patient").fetchone()
        assert row is not None
        assert row[0] == row[1] > 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM public.person")
    assert (
        one(url, "SELECT purpose FROM audit_event WHERE action = 'enable_legacy_compat'")
        == "the weekly report until March"
    )
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT v.firstname, v.lastname, v.email, v.first_contact_date, c.name FROM legacy_compat.patient AS v"
            " JOIN legacy_compat.medical_condition AS c ON c.medical_conditonid = v.medical_condition"
            " WHERE v.patientid IN (SELECT id FROM legacy.s_patient)"
        ).fetchall()
        ours = connection.execute(
            "SELECT p.first_name, p.last_name, p.email, a.first_contact_date, c.name FROM patient AS a JOIN person AS p USING (person_id)"
            " JOIN medical_condition AS c ON c.medical_condition_id = a.medical_condition_id"
        ).fetchall()
    assert sorted(map(str, found)) == sorted(map(str, ours))
    compat.disable(url, "done")
    assert one(url, "SELECT to_regnamespace('legacy_compat') IS NULL")


def test_commands_say_what_happened_by_their_exit_codes(
    url: str, sample_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_DATABASE_URL", url)
    app = legacy.commands
    invoke = CliRunner().invoke
    assert (
        invoke(app, ["run", "--source", str(tmp_path / "nowhere"), "--result", str(tmp_path / "fatal")]).exit_code == 5
    )
    assert '"fatal": "FILE_MISSING"' in (tmp_path / "fatal" / "summary.json").read_text(encoding="utf-8")
    assert invoke(app, ["resume"]).exit_code == 1
    plan = invoke(app, ["plan", "--source", str(sample_folder)])
    assert (plan.exit_code, "What would be rejected" in plan.stdout) == (0, True)
    pairs, suggestions = re.search(
        r"For people afterwards: (\d+) pair.*?(\d+)\s+suggested", plan.stdout, re.DOTALL
    ).groups()  # type: ignore[union-attr]
    assert int(pairs) > 0 < int(suggestions)
    assert (
        "change(s)" in invoke(app, ["run", "--source", str(sample_folder), "--result", str(tmp_path / "result")]).stdout
    )
    assert " 0 change(s)" in invoke(app, ["run", "--source", str(sample_folder)]).stdout
    assert invoke(app, ["verify"]).exit_code == 0
    assert "MALFORMED_RECORD" in invoke(app, ["rejects", "--csv"]).stdout
    assert (
        invoke(app, ["report", "--html", str(tmp_path / "r.html"), "--json", str(tmp_path / "r.json")]).exit_code == 0
    )
    assert "finished" in invoke(app, ["status"]).stdout
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("table,record,column,value\ncontact,1,nothing,x\n", encoding="utf-8")
    assert invoke(app, ["retry", str(wrong)]).exit_code == 5
    assert invoke(app, ["undo"]).exit_code == 0


def test_a_run_tells_how_it_goes_on(url: str, sample_folder: Path) -> None:
    told: list[Event] = []
    done = runner.run(url, sample_folder, on_event=told.append)
    numbers = range(1, len(runner.PHASES) + 1)
    assert [event.number for event in told if isinstance(event, PhaseBegun)] == list(numbers)
    finished = [event for event in told if isinstance(event, PhaseDone)]
    assert [event.number for event in finished] == list(numbers)
    assert sum(event.rows for event in finished) == done.rows_written
    assert all(event.records <= event.expected for event in told if isinstance(event, Staged))
    assert any(isinstance(event, StageDone) for event in told)
    stages, phase = dict.fromkeys(numbers, 0), 0
    for event in told:
        if isinstance(event, PhaseBegun):
            phase = event.number
        elif isinstance(event, StageDone):
            stages[phase] += 1
    assert {n for n, count in stages.items() if abs(count - STAGES[n]) > max(2, count / 5)} == set(), str(stages)
    screen = Console(file=io.StringIO(), width=120, force_terminal=True)
    with Progress(TextColumn("{task.description} {task.fields[rate]}"), console=screen) as progress:
        bars = Bars(progress)
        for event in told:
            bars(event)
        descriptions = [task.description for task in progress.tasks]
        whole = progress.tasks[0]
    assert (whole.description, whole.completed) == ("the whole run", 100)
    assert "read contact" in descriptions
    assert f"{len(runner.PHASES)} {runner.PHASES[-1][0]}" in descriptions
    assert all(task.finished for task in progress.tasks if not task.description.startswith("read"))


def test_the_time_that_is_left_follows_from_what_is_done_of_what_is_planned() -> None:
    now = [0.0]
    estimate = Estimate(clock=lambda: now[0])
    assert (estimate.done, estimate.left) == (0, None)
    estimate(Planned(1_000, range(1, 11)))
    now[0] = 21.0
    estimate(Staged("contact", 500, 600))
    share = estimate.done
    assert estimate.left == pytest.approx(21 * (1 - share) / share)
    assert 0.2 < share < 0.25
    estimate(PhaseBegun(4, "persons", 2))
    before = estimate.done
    for _ in range(5):
        estimate(StageDone("one"))
    assert before < estimate.done < 1
    for number in range(1, 11):
        estimate(PhaseDone(number, "any", 1.0, 1))
    assert estimate.done == pytest.approx(1)
    assert estimate.left == pytest.approx(0)
    resumed = Estimate(clock=lambda: now[0])
    resumed(Planned(0, (9, 10)))
    now[0] += 10
    resumed(PhaseDone(9, "journeys", 10.0, 1))
    assert resumed.left is not None
    assert resumed.left < 3


def test_the_database_knows_the_tables_that_the_phases_write(url: str) -> None:
    with psycopg.connect(url) as connection:
        assert dict(connection.execute("SELECT name, key FROM legacy_targets()").fetchall()) == p02_schema.TARGETS


def test_the_same_export_again_is_not_read_and_its_ledger_says_the_same(
    new_database: Callable[[], str], sample_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledgers = {}
    for way in ("not read", "read"):
        url = new_database()
        read: list[Event] = []
        runner.run(url, sample_folder)
        before = checksum(url)
        with monkeypatch.context() as patched:
            if way == "read":
                patched.setattr(repeated, "run_before", lambda *_: None)
            done = runner.run(url, sample_folder, result_to=tmp_path / way, on_event=read.append)
        assert (done.rows_written, checksum(url), bool(read)) == (0, before, way == "read")
        assert all(check.holds for check in runner.verify(url))
        with psycopg.connect(url) as connection:
            data = report.collect(connection, 2)
        ledgers[way] = [data[part] for part in ("records", "outcomes", "warnings", "rejects", "notices", "checks")]
        assert len(data["phases"]) == 10
        undo(url)
        assert one(url, "SELECT count(*) FROM person") == 0
    assert ledgers["read"] == ledgers["not read"]
    for file in (tmp_path / "read").iterdir():
        other = (tmp_path / "not read" / file.name).read_text(encoding="utf-8")
        assert sorted(file.read_text(encoding="utf-8").splitlines()) == sorted(other.splitlines()), file.name


def test_an_export_is_read_again_where_anything_may_come_out_otherwise(
    url: str, sample_folder: Path, tmp_path: Path
) -> None:
    def is_read(source: Path, **named: Any) -> bool:
        events: list[Any] = []
        runner.run(url, source, on_event=events.append, **named)
        return bool(events)

    later = shutil.copytree(sample_folder, tmp_path / "later")
    export = orjson.loads((later / "export.json").read_bytes())
    (later / "export.json").write_bytes(orjson.dumps({**export, "exported_at": "2025-07-30T12:00:00Z"}))
    mapping = tmp_path / "mapping.toml"
    mapping.write_text("", encoding="utf-8")
    assert [is_read(sample_folder), is_read(sample_folder)] == [True, False]
    assert [is_read(later), is_read(sample_folder), is_read(sample_folder)] == [True, True, False]
    assert [is_read(sample_folder, mapping=mapping), is_read(sample_folder)] == [True, True]
    do(url, "INSERT INTO legacy.correction (\"table\", record, \"column\", value) VALUES ('contact', 1, 'email', 'x')")
    assert [is_read(sample_folder), is_read(sample_folder)] == [True, False]
    do(url, "UPDATE legacy.correction SET withdrawn_at = clock_timestamp()")
    assert [is_read(sample_folder), is_read(sample_folder)] == [True, False]
    do(url, 'UPDATE legacy.run SET versions = versions || \'{"crm": "0"}\'')
    assert [is_read(sample_folder), is_read(sample_folder)] == [True, False]
    do(url, "DROP TABLE legacy.w_alive")
    assert is_read(sample_folder)
