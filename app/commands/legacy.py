"""
`crm legacy …`: plan, run, correct, undo and check a migration. The group itself and `status` stand in legacy_status.py.
"""

import asyncio
import csv
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import psycopg
import typer

from app.commands import read_settings, say
from app.commands.legacy_screen import progress, show_checks, show_done, show_plan
from app.commands.legacy_status import exits, print_json
from app.commands.preparing import prepared, with_database
from app.legacy import closing, compat, ledger, report, runner, sample, starter
from app.legacy.corrections import Listed, list_corrections, withdraw
from app.legacy.errors import NotReady
from app.legacy.locks import who
from app.legacy.mapping import read_mapping
from app.legacy.result import write_fatal
from app.legacy.undo import undo
from app.people.search import rows as search

commands = typer.Typer()
"""All but `status`, which stands where the group is."""
maps = typer.Typer(no_args_is_help=True, help="The mapping file.")
views = typer.Typer(no_args_is_help=True, help="Read-only views in the old shapes, for tools that still read them.")
commands.add_typer(maps, name="map")
commands.add_typer(views, name="compat")

_Source = Annotated[Path, typer.Option(help="The folder that holds the export.")]
_Mapping = Annotated[Path | None, typer.Option(help="The mapping file (TOML).")]
_Result = Annotated[Path | None, typer.Option(help="Write the result as CSV files into this folder.")]
_Until = Annotated[int | None, typer.Option(min=1, max=10, help="Stop after this phase.")]


@contextmanager
def _database() -> Iterator[str]:
    """The operator's address of a prepared database."""
    with prepared(read_settings()) as found:
        yield found.operator


@commands.command("plan")
def plan_command(
    source: _Source,
    mapping: _Mapping = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Read everything, try everything, write nothing: counts, dirt, rejects, time for each phase, a checklist."""
    found: list[dict[str, Any]] = []
    with exits(), _database() as address, progress() as on_event:
        runner.run(
            address, source, mapping=mapping, dry_run=True, on_event=on_event,
            inspect=lambda connection, run_id: found.append(report.collect(connection, run_id)),
        )  # fmt: skip
    if as_json:
        print_json(found[0])
    else:
        show_plan(found[0])


@commands.command("run")
def run_command(
    source: _Source,
    mapping: _Mapping = None,
    until: _Until = None,
    result: _Result = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything and take it back.")] = False,
) -> None:
    """Migrate an export, phase by phase."""
    with (
        exits(lambda error: write_fatal(result, error.code) if result else None),
        _database() as address,
        progress() as on_event,
    ):
        done = runner.run(
            address, source, mapping=mapping, until=until, result_to=result, dry_run=dry_run, on_event=on_event
        )
        if not dry_run:
            _make_searchable(address)
    show_done(done, dry_run=dry_run)


@commands.command("resume")
def resume_command(until: _Until = None, result: _Result = None) -> None:
    """Go on with the run that was stopped, failed or killed."""
    with exits(), _database() as address, progress() as on_event:
        done = runner.resume(address, until=until, result_to=result, on_event=on_event)
        _make_searchable(address)
    show_done(done)


@commands.command("rejects")
def rejects_command(
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="With the records as they came.")] = False,
    corrections: Annotated[bool, typer.Option("--corrections", help="What was corrected instead.")] = False,
    withdrawn: Annotated[
        list[int] | None, typer.Option("--withdraw", help="Let this correction apply no longer; may be repeated.")
    ] = None,
) -> None:
    """List the rejected and skipped records of the newest run, or the corrections that were given."""
    with exits(), _database() as address, psycopg.connect(address) as connection:
        if not ledger.has_ledger(connection):
            raise NotReady("no migration was ever run here")
        if corrections or withdrawn:
            ledger.create_ledger(connection)
            if withdrawn:
                ledger.refuse_closed(connection)
                withdraw(connection, withdrawn)
            given = list_corrections(connection)
            _note_shown(connection, f"{len(given)} corrections")
        else:
            rows = _rejects(connection)
            if as_csv:
                _note_shown(connection, f"{len(rows)} records")
    if corrections or withdrawn:
        _show_corrections(given, as_csv=as_csv)
        return
    if as_csv:
        _write_csv(("table", "record", "unit", "line", "reason", "hash", "raw"), rows)
        return
    for table, record, unit, line, reason, *_ in rows:
        typer.echo(f"{table}#{record} (line {line}, {unit}): {reason}")
    say.print(
        f"{len(rows)} record(s). Correct them in a CSV table,record,hash,column,value (`--csv` has the hash, by which a"
        " record is known in a later export); then `crm legacy retry FILE`."
    )


@commands.command("retry")
def retry_command(
    corrections: Annotated[
        Path, typer.Argument(help="CSV with the columns table, record, column, value and, from `rejects --csv`, hash.")
    ],
    result: _Result = None,
) -> None:
    """Keep corrected cells for the records they belong to, and run the newest run's export again."""
    with exits(), _database() as address, progress() as on_event:
        source, mapping = runner.keep_corrections(address, corrections)
        done = runner.run(address, source, mapping=mapping, result_to=result, on_event=on_event)
        _make_searchable(address)
    show_done(done)


@commands.command("report")
def report_command(
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the report as JSON.")] = None,
    run: Annotated[int | None, typer.Option(help="Of this run; the newest otherwise.")] = None,
) -> None:
    """Write the report of a run."""
    with exits(), _database() as address, psycopg.connect(address) as connection:
        newest = runner.last_run(connection)
        if newest is None:
            raise NotReady("no migration was ever run here")
        # An earlier version of this program may have made the ledger.
        ledger.create_ledger(connection)
        try:
            data = report.collect(connection, newest[0] if run is None else run)
        except LookupError as error:
            raise NotReady(f"there is no run {run}; `crm legacy status` lists them") from error
        if html:
            html.write_text(report.as_html(data), encoding="utf-8")
        if json:
            json.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
    if not html and not json:
        print_json(data)


@commands.command("undo")
def undo_command(
    to: Annotated[int, typer.Option(min=0, max=9, help="Keep the phases up to this one.")] = 0,
    run: Annotated[int | None, typer.Option(help="Undo this run; else the newest that wrote something.")] = None,
    *,
    rest: Annotated[bool, typer.Option("--rest", help="Leave whom people have worked on, whole.")] = False,
) -> None:
    """Take back what a run wrote; refused with a list where people have worked on it since."""
    if rest and to:
        raise typer.BadParameter("--rest takes back a run as a whole: it does not go with --to")
    with exits(), _database() as address:
        run_id, removed, kept = undo(address, run_id=run, to=to, rest=rest)
    typer.echo(f"Run {run_id}: {removed} row(s) taken back" + (f" down to phase {to}." if to else "."))
    if kept:
        typer.echo(f"{kept} row(s) stay: people have worked on them, or they belong to those.")


@commands.command("verify")
def verify_command(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Look at the equation and the checks of the newest finished run again."""
    with exits(), _database() as address:
        found = runner.verify(address)
    if as_json:
        print_json([{**check._asdict(), "holds": check.holds} for check in found])
    else:
        show_checks(found)
    if not all(check.holds for check in found):
        raise typer.Exit(3)


@commands.command("close")
def close_command(
    signed_by: Annotated[str, typer.Option(help="Who signs for it: name and role.")],
    source: Annotated[Path | None, typer.Option(help="The folder of the last export, which is migrated first.")] = None,
    mapping: _Mapping = None,
) -> None:
    """End the migration: run the last export, check, sign. No run, correction or undo is taken after it."""
    with exits(), _database() as address:
        run_id = None
        if source:
            with progress() as on_event:
                done = runner.run(address, source, mapping=mapping, on_event=on_event)
                _make_searchable(address)
            show_done(done)
            run_id = done.run_id
        closed = closing.close(address, signed_by=signed_by, run_id=run_id)
    typer.echo(f"The migration is closed with run {closed.run_id}, signed for by {closed.signed_by}.")
    if closed.pairs or closed.suggestions:
        typer.echo(
            f"Still to be decided in the CRM: {closed.pairs:,} pair(s) who may be one person,"
            f" {closed.suggestions:,} suggested value(s)."
        )
    typer.echo("Keep the evidence: crm legacy report --html FILE --json FILE")


@commands.command("reopen")
def reopen_command(reason: Annotated[str, typer.Option(help="Why; kept in the ledger and in the audit log.")]) -> None:
    """Open a closed migration again."""
    with exits(), _database() as address:
        closing.reopen(address, reason=reason)
    typer.echo("The migration is open again; the closing stays on record.")


@commands.command("sample")
def sample_command(
    folder: Annotated[Path, typer.Argument(help="An empty or new folder.")],
    contacts: Annotated[int, typer.Option(min=20, help="About how many contacts.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same export.")] = 1,
) -> None:
    """Write a synthetic export to try the migration with."""
    with exits():
        written = sample.write_sample(folder, contacts=contacts, seed=seed)
    typer.echo(f"{written} records in {_shown(folder)}; next: crm legacy plan --source {_shown(folder)}")


@maps.command("init")
def map_init_command(
    source: _Source,
    output: Annotated[Path, typer.Option(help="Where to write it.")] = Path("legacy-mapping.toml"),
    mapping: _Mapping = None,
) -> None:
    """Write a starter of the mapping file from an export: what was understood, what was not, what may be meant."""
    with exits():
        starter.write_starter(source, output, read_mapping(mapping) if mapping else None)
    typer.echo(
        f"{_shown(output)} written; read it, then: crm legacy plan --source {_shown(source)} --mapping {_shown(output)}"
    )


@views.command("enable")
def enable_command(reason: Annotated[str, typer.Option(help="Why; kept in the audit log.")]) -> None:
    """Make the views and the role legacy_reader that may read them and nothing else."""
    with exits(), _database() as address:
        compat.enable(address, reason)
    typer.echo("The schema legacy_compat is there; grant the role legacy_reader to anyone who reads it.")


@views.command("disable")
def disable_command(reason: Annotated[str, typer.Option(help="Why; kept in the audit log.")]) -> None:
    """Take the views and the role away."""
    with exits(), _database() as address:
        compat.disable(address, reason)
    typer.echo("The schema legacy_compat is gone.")


def _shown(path: Path) -> str:
    """A path on the screen; its bytes need not be UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _make_searchable(address: str) -> None:
    """Let the people of the run be found, in batches of their own; one that is killed is caught up by the worker."""
    made = asyncio.run(with_database(read_settings(), address, search.fill))
    if made:
        say.print(f"{made:,} people can be found by their names.")


def _note_shown(connection: psycopg.Connection[Any], what: str) -> None:
    """The records as they came are personal data: who reads them is on record."""
    connection.execute(
        "INSERT INTO public.audit_event (action, record_type, outcome, purpose)"
        " VALUES ('legacy_rejects', 'legacy_run', 'done', %s)",
        (f"{what} shown to {who()}",),
    )


def _show_corrections(given: list[Listed], *, as_csv: bool) -> None:
    if as_csv:
        _write_csv(Listed._fields, given)
        return
    for one in given:
        typer.echo(f"{one.correction}: {one.state}, {one.table}#{one.record} {one.column}: {one.value}")
    say.print(
        f"{len(given)} correction(s). `--withdraw NUMBER` lets one apply no longer; what was written by it stays."
    )


def _write_csv(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(header)
    writer.writerows([[_harmless(cell) for cell in row] for row in rows])


def _harmless(cell: Any) -> Any:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def _rejects(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    ledger.create_ledger(connection)
    return connection.execute(
        "SELECT \"table\", record, unit, line, reason, replace(digest::text, '-', ''), raw FROM legacy.reject"
        " WHERE run_id = (SELECT max(run_id) FROM legacy.run WHERE status <> 'undone') ORDER BY 1, 2, 3"
    ).fetchall()
