"""
`crm legacy …`: plan, run, watch, correct, undo and check a migration.

Exit codes: 0 done; 1 refused (see the message); 2 the export cannot be read; 3 a check does not hold; 4 another
migration is at work; 130 interrupted (resume). stdout carries the result alone, all else goes to stderr.
"""

import csv
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.legacy import compat, ledger, report, result, runner, sample, starter
from app.legacy.checks import Check
from app.legacy.contract import TABLES
from app.legacy.errors import AnotherRun, FatalExport, LegacyError, NotReady, PhaseFailed
from app.legacy.progress import Event, OnEvent, PhaseBegun, PhaseDone, Staged, StageDone
from app.legacy.staging import Corrections
from app.legacy.undo import undo

Url = Callable[[], AbstractContextManager[str]]

_say = Console(stderr=True, highlight=False)
_CHECKLIST = (
    "A backup of this database was made and restored once for practice.",
    "The export is whole: record counts of the old system were written down at its time.",
    "Rejects below are understood; corrections are in a file for `crm legacy retry`.",
    "Unknown options and spellings are in the mapping file (`crm legacy map init`).",
    "Who works here during the run was told; the old system is read-only or a later export is planned.",
)


def commands(url: Url) -> typer.Typer:  # noqa: C901, PLR0915  # a list of commands, each a few lines
    """The commands; `url` opens the database they work on."""
    app = typer.Typer(no_args_is_help=True, help="The migration from the old CRM.")
    maps = typer.Typer(no_args_is_help=True, help="The mapping file.")
    views = typer.Typer(no_args_is_help=True, help="Read-only views in the old shapes, for tools that still read them.")
    app.add_typer(maps, name="map")
    app.add_typer(views, name="compat")
    source_option = Annotated[Path, typer.Option(help="The folder that holds the export.")]
    mapping_option = Annotated[Path | None, typer.Option(help="The mapping file (TOML).")]
    result_option = Annotated[Path | None, typer.Option(help="Write the result as CSV files into this folder.")]
    until_option = Annotated[int | None, typer.Option(min=1, max=10, help="Stop after this phase.")]

    @app.command("plan")
    def plan_command(
        source: source_option,
        mapping: mapping_option = None,
        *,
        as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    ) -> None:
        """Read everything, try everything, write nothing: counts, dirt, rejects, time for each phase, a checklist."""
        found: list[dict[str, Any]] = []
        with _exits(), url() as address, _progress() as on_event:
            runner.run(
                address, source, mapping=mapping, dry_run=True, on_event=on_event,
                inspect=lambda connection, run_id: found.append(report.collect(connection, run_id)),
            )  # fmt: skip
        if as_json:
            _print(found[0])
        else:
            _show_plan(found[0])

    @app.command("run")
    def run_command(
        source: source_option,
        mapping: mapping_option = None,
        until: until_option = None,
        result: result_option = None,
        *,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything and take it back.")] = False,
    ) -> None:
        """Migrate an export, phase by phase."""
        with _exits(result), url() as address, _progress() as on_event:
            done = runner.run(
                address, source, mapping=mapping, until=until, result_to=result, dry_run=dry_run, on_event=on_event
            )
        _show_done(done, dry_run=dry_run)

    @app.command("resume")
    def resume_command(until: until_option = None, result: result_option = None) -> None:
        """Go on with the run that was stopped, failed or killed."""
        with _exits(), url() as address, _progress() as on_event:
            done = runner.resume(address, until=until, result_to=result, on_event=on_event)
        _show_done(done)

    @app.command("status")
    def status_command(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
        """Show the runs and their phases."""
        with _exits(), url() as address, psycopg.connect(address) as connection:
            runs = _runs(connection)
        if as_json:
            _print(runs)
            return
        if not runs:
            typer.echo("No migration was ever run here.")
        for run in runs:
            typer.echo(
                f"run {run['run_id']}: {run['status']}, phase {run['phase']} of 10, {run['rows']} rows, from {run['source']}"
            )
            if run["message"]:
                typer.echo(f"  {run['message']}")

    @app.command("rejects")
    def rejects_command(
        *, as_csv: Annotated[bool, typer.Option("--csv", help="With the records as they came.")] = False
    ) -> None:
        """List the rejected and skipped records of the newest run."""
        with _exits(), url() as address, psycopg.connect(address) as connection:
            rows = _rejects(connection)
            if as_csv:
                # The records as they came are personal data: who reads them is on record.
                connection.execute(
                    "INSERT INTO public.audit_event (action, record_type, outcome, purpose)"
                    " VALUES ('legacy_rejects', 'legacy_run', 'done', %s)",
                    (f"{len(rows)} records shown to {runner.who()}",),
                )
        if as_csv:
            writer = csv.writer(sys.stdout)
            writer.writerow(("table", "record", "unit", "line", "reason", "raw"))
            writer.writerows([[_harmless(cell) for cell in row] for row in rows])
            return
        for table, record, unit, line, reason, _ in rows:
            typer.echo(f"{table}#{record} (line {line}, {unit}): {reason}")
        _say.print(
            f"{len(rows)} record(s). Correct them in a CSV table,record,column,value; then `crm legacy retry FILE`."
        )

    @app.command("retry")
    def retry_command(
        corrections: Annotated[Path, typer.Argument(help="CSV with the columns table, record, column, value.")],
        result: result_option = None,
    ) -> None:
        """Run the newest run's export again with corrected cells; only what is new is written."""
        with _exits(), url() as address, _progress() as on_event:
            found = read_corrections(corrections)
            source, mapping = runner.keep_corrections(address, found)
            with psycopg.connect(address) as connection:
                all_of_them = runner.stored_corrections(connection)
            done = runner.run(
                address, source, mapping=mapping, result_to=result, on_event=on_event, corrections=all_of_them
            )
        _show_done(done)

    @app.command("report")
    def report_command(
        html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")] = None,
        json: Annotated[Path | None, typer.Option(help="Write the report as JSON.")] = None,
        run: Annotated[int | None, typer.Option(help="Of this run; the newest otherwise.")] = None,
    ) -> None:
        """Write the report of a run."""
        with _exits(), url() as address, psycopg.connect(address) as connection:
            newest = runner.last_run(connection)
            if newest is None:
                raise NotReady("no migration was ever run here")
            data = report.collect(connection, run or newest[0])
        if html:
            html.write_text(report.as_html(data), encoding="utf-8")
        if json:
            json.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
        if not html and not json:
            _print(data)

    @app.command("undo")
    def undo_command(
        to: Annotated[int, typer.Option(min=0, max=9, help="Keep the phases up to this one.")] = 0,
        run: Annotated[int | None, typer.Option(help="Undo this run; else the newest that wrote something.")] = None,
    ) -> None:
        """Take back what a run wrote; refused with a list where people have worked on it since."""
        with _exits(), url() as address:
            run_id, removed = undo(address, run_id=run, to=to)
        typer.echo(f"Run {run_id}: {removed} row(s) taken back" + (f" down to phase {to}." if to else "."))

    @app.command("verify")
    def verify_command(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
        """Look at the equation and the checks of the newest finished run again."""
        with _exits(), url() as address:
            found = runner.verify(address)
        if as_json:
            _print([{**check._asdict(), "holds": check.holds} for check in found])
        else:
            _show_checks(found)
        if not all(check.holds for check in found):
            raise typer.Exit(3)

    @app.command("sample")
    def sample_command(
        folder: Annotated[Path, typer.Argument(help="An empty or new folder.")],
        contacts: Annotated[int, typer.Option(min=20, help="About how many contacts.")] = 200,
        seed: Annotated[int, typer.Option(help="The same seed gives the same export.")] = 1,
    ) -> None:
        """Write a synthetic export to try the migration with."""
        with _exits():
            written = sample.write_sample(folder, contacts=contacts, seed=seed)
        typer.echo(f"{written} records in {folder}; next: crm legacy plan --source {folder}")

    @maps.command("init")
    def map_init_command(
        source: source_option,
        output: Annotated[Path, typer.Option(help="Where to write it.")] = Path("legacy-mapping.toml"),
    ) -> None:
        """Write a starter of the mapping file from an export: what was understood, what was not."""
        with _exits():
            starter.write_starter(source, output)
        typer.echo(f"{output} written; read it, then: crm legacy plan --source {source} --mapping {output}")

    @views.command("enable")
    def enable_command(reason: Annotated[str, typer.Option(help="Why; kept in the audit log.")]) -> None:
        """Make the views and the role legacy_reader that may read them and nothing else."""
        with _exits(), url() as address:
            compat.enable(address, reason)
        typer.echo("The schema legacy_compat is there; grant the role legacy_reader to whoever reads it.")

    @views.command("disable")
    def disable_command(reason: Annotated[str, typer.Option(help="Why; kept in the audit log.")]) -> None:
        """Take the views and the role away."""
        with _exits(), url() as address:
            compat.disable(address, reason)
        typer.echo("The schema legacy_compat is gone.")

    return app


def read_corrections(path: Path) -> Corrections:
    """The corrections of a CSV file; FatalExport where it is none."""
    found: Corrections = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                table, record, column = row.get("table") or "", row.get("record") or "", row.get("column") or ""
                if table not in TABLES or column not in TABLES[table].fields or not record.isdigit():
                    raise FatalExport("FILE_UNREADABLE", path, f"there is no {table}#{record} {column}", line=line)
                found.setdefault((table, int(record)), {})[column] = row.get("value") or ""
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FatalExport("FILE_UNREADABLE", path, str(error)) from error
    if not found:
        raise FatalExport("FILE_UNREADABLE", path, "no corrections; the columns are table, record, column, value")
    return found


@contextmanager
def _exits(result_to: Path | None = None) -> Iterator[None]:
    """Turn what went wrong into one message and an exit code that says what it was."""
    try:
        yield
    except FatalExport as error:
        if result_to:
            result.write_fatal(result_to, error.code)
        _say.print(f"[red]{error}[/red]", soft_wrap=True)
        raise typer.Exit(2) from error
    except AnotherRun as error:
        _say.print(f"[red]{error}[/red]", soft_wrap=True)
        raise typer.Exit(4) from error
    except PhaseFailed as error:
        _say.print(f"[red]{error}[/red]", soft_wrap=True)
        raise typer.Exit(3) from error
    except LegacyError as error:
        _say.print(f"[red]{error}[/red]", soft_wrap=True)
        raise typer.Exit(1) from error
    except psycopg.errors.DiskFull as error:
        _say.print(
            "[red]The database's disk is full. The phase was rolled back: make room, then `crm legacy resume`.[/red]"
        )
        raise typer.Exit(1) from error
    except psycopg.OperationalError as error:
        _say.print(
            "[red]The connection to the database was lost. Nothing is half done: `crm legacy resume` goes on.[/red]"
        )
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        _say.print("Stopped after the last whole phase; `crm legacy resume` goes on.")
        raise typer.Exit(130) from error


class Bars:
    """Progress on a terminal: a bar for staging, a line for each phase and its stages."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._staging: dict[str, TaskID] = {}
        self._phase = TaskID(0)
        self._began = time.perf_counter()

    def __call__(self, event: Event) -> None:
        match event:
            case Staged(table, records, expected):
                task = self._staging.get(table)
                if task is None:
                    task = self._staging[table] = self._progress.add_task(f"read {table}", total=expected, rate="")
                speed = records / max(time.perf_counter() - self._began, 1e-6)
                self._progress.update(task, completed=records, total=expected, rate=f"{speed:,.0f} rows/s")
            case PhaseBegun(number, name):
                self._phase = self._progress.add_task(f"{number} {name}", total=None, rate="")
            case StageDone(name):
                self._progress.update(self._phase, rate=name)
            case PhaseDone(_, _, seconds, rows):
                self._progress.update(self._phase, total=1, completed=1, rate=f"{rows:,} rows in {seconds:.1f} s")


def _print_phase(event: Event) -> None:
    """Progress elsewhere: a line for each phase."""
    if isinstance(event, PhaseDone):
        speed = event.rows / event.seconds if event.seconds else 0
        _say.print(
            f"phase {event.number} {event.name}: {event.rows} rows in {event.seconds:.1f} s ({speed:,.0f} rows/s)"
        )


@contextmanager
def _progress() -> Iterator[OnEvent]:
    if not _say.is_terminal:
        yield _print_phase
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    with Progress(*columns, console=_say) as progress:
        yield Bars(progress)


def _print(data: Any) -> None:
    typer.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2, default=str).decode())


def _harmless(cell: Any) -> Any:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def _runs(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    if not ledger.has_ledger(connection):
        return []
    rows = connection.execute(
        "SELECT r.run_id, r.status, r.source, r.message, coalesce(max(p.phase), 0), coalesce(sum(p.rows_written), 0)::bigint"
        " FROM legacy.run AS r LEFT JOIN legacy.phase AS p USING (run_id) GROUP BY r.run_id ORDER BY r.run_id"
    )
    return [dict(zip(("run_id", "status", "source", "message", "phase", "rows"), row, strict=True)) for row in rows]


def _rejects(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    if not ledger.has_ledger(connection):
        raise NotReady("no migration was ever run here")
    return connection.execute(
        'SELECT "table", record, unit, line, reason, raw FROM legacy.reject WHERE run_id ='
        " (SELECT max(run_id) FROM legacy.run WHERE status <> 'undone') ORDER BY 1, 2, 3"
    ).fetchall()


def _show_done(done: runner.Done, *, dry_run: bool = False) -> None:
    if dry_run:
        typer.echo(f"Dry run: {done.rows_written} row(s) would be written ({done.seconds:.1f} s). Nothing was.")
    elif done.finished:
        typer.echo(f"Run {done.run_id} is finished: {done.rows_written} change(s) in {done.seconds:.1f} s.")
    else:
        typer.echo(f"Run {done.run_id} is stopped; `crm legacy resume` goes on.")


def _show_plan(data: dict[str, Any]) -> None:
    out = Console(highlight=False)
    total = sum(phase["seconds"] for phase in data["phases"])
    counts = Table("table", "records", title="What is there")
    for table, records in data["records"].items():
        counts.add_row(table, f"{records:,}")
    dirt = Table("table", "warning", "records", title="Dirt found")
    for row in data["warnings_by_code"]:
        dirt.add_row(row["table"], row["code"], f"{row['records']:,}")
    refused = Table("table", "unit", "outcome", "reason", "records", title="What would be rejected or skipped")
    for row in data["outcomes"]:
        if row["reason"]:
            refused.add_row(row["table"], row["unit"], row["outcome"], row["reason"], f"{row['records']:,}")
    times = Table(
        "phase", "name", "seconds", "rows", title=f"Time measured: {total:.1f} s and the reading of the files"
    )
    for phase in data["phases"]:
        times.add_row(str(phase["phase"]), phase["name"], f"{phase['seconds']:.1f}", f"{phase['rows_written']:,}")
    for table in (counts, dirt, refused, times):
        out.print(table)
    unread = data["run"]["unread"]
    if unread.get("files"):
        out.print("Files that belong to no table:", ", ".join(unread["files"]))
    for name, columns in unread.get("columns", {}).items():
        out.print(f"Columns of {name} that are not read:", ", ".join(columns))
    out.print("Before the run:")
    for item in _CHECKLIST:
        out.print(f"  \\[ ] {item}")


def _show_checks(found: list[Check]) -> None:
    for check in found:
        mark = "ok  " if check.holds else "FAIL"
        should = "" if check.expected is None else f" (should be {check.expected})"
        typer.echo(f"{mark} {check.name}: {check.found}{should}")
