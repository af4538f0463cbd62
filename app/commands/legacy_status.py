"""
The group `crm legacy`, and `crm legacy status`, which is looked at while a run is at work.

It imports what it needs and no more, so it answers within a second; the other commands stand in `legacy.py`, which is
imported when one of them is called.

Exit codes: 0 done; 1 refused (see the message); 2 wrong words on the command line; 3 a check does not hold; 4 another
migration is at work; 5 the export or a file of it cannot be read; 6 broken off by disk or connection (resume); 130
interrupted (resume). stdout carries the result alone, all else goes to stderr.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any, Final

import orjson
import psycopg
import typer
from sqlalchemy.exc import OperationalError as SqlalchemyOperationalError
from typer.core import TyperGroup
from typer.main import get_group

from app.commands import addresses, read_settings, say
from app.legacy import ledger
from app.legacy.errors import AnotherRun, FatalExport, LegacyError, PhaseFailed


class _Commands(TyperGroup):
    """The commands of the migration; those beside `status` are imported where one of them is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *self._others().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or self._others().get_command(ctx, cmd_name)

    @staticmethod
    def _others() -> TyperGroup:
        return get_group(import_module("app.commands.legacy").commands)


commands = typer.Typer(cls=_Commands, no_args_is_help=True, help="The migration from the old CRM.")


@commands.callback()
def legacy() -> None:
    """The migration from the old CRM."""


@commands.command("status")
def status_command(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Show the runs and their phases."""
    with (
        exits(),
        addresses(read_settings()) as found,
        psycopg.connect(found.operator) as connection,
    ):
        runs = _runs(connection)
        closed = ledger.closing(connection)
    if as_json:
        print_json(runs)
        return
    if not runs:
        typer.echo("No migration was ever run here.")
    for run in runs:
        typer.echo(
            f"run {run['run_id']}: {run['status']}, phase {run['phase']} of 10,"
            f" {run['rows']} rows, from {run['source']}"
        )
        if run["message"]:
            typer.echo(f"  {run['message']}")
    if closed:
        typer.echo(str(closed).partition(" Nothing was done")[0])


@contextmanager
def exits(on_fatal: Callable[[FatalExport], object] | None = None) -> Iterator[None]:
    """Turn what went wrong into one message and an exit code that says what it was."""
    try:
        yield
    except (*_HANDLED, SqlalchemyOperationalError) as raised:
        # The schema is looked at through SQLAlchemy, the rest without it: a database that is not there is one thing.
        error = raised.orig if isinstance(raised, SqlalchemyOperationalError) else raised
        if not isinstance(error, _HANDLED):
            raise
        if on_fatal and isinstance(error, FatalExport):
            on_fatal(error)
        code, sentence = next((code, sentence) for kind, code, sentence in _ENDS if isinstance(error, kind))
        told = sentence or str(error)
        if isinstance(error, OSError):
            told = f"{error.filename or 'A file'}: {error.strerror or error}. {sentence}"
        elif isinstance(error, psycopg.OperationalError) and error.pgconn:  # it never had that connection
            told = f"The database cannot be reached: {error}\n{_NOT_HALF_DONE}"
        say.print(told, soft_wrap=True, markup=False, style=None if isinstance(error, KeyboardInterrupt) else "red")
        raise typer.Exit(code) from raised


_HANDLED: Final = (LegacyError, psycopg.OperationalError, OSError, UnicodeEncodeError, KeyboardInterrupt)
_NOT_HALF_DONE: Final = "A run that had begun is not half done: `crm legacy resume` goes on."
_ENDS: Final[tuple[tuple[type[BaseException], int, str], ...]] = (
    (FatalExport, 5, ""),
    (AnotherRun, 4, ""),
    (PhaseFailed, 3, ""),
    (LegacyError, 1, ""),
    (
        psycopg.errors.DiskFull,
        6,
        "The database's disk is full. The phase was rolled back: make room, then `crm legacy resume`.",
    ),
    (
        psycopg.OperationalError,
        6,
        "The connection to the database was lost. Nothing is half done: `crm legacy resume` goes on.",
    ),
    (OSError, 1, "Nothing was changed by this step."),
    (UnicodeEncodeError, 2, "A word of the command line is not UTF-8 and cannot be kept. Write it in UTF-8."),
    (KeyboardInterrupt, 130, "Stopped after the last whole phase; `crm legacy resume` goes on."),
)
"""What ends a command, the more special before the general: the exit code, and what is said where it says nothing."""


def print_json(data: Any) -> None:
    typer.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2, default=str).decode())


def _runs(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    if not ledger.has_ledger(connection):
        return []
    rows = connection.execute(
        "SELECT r.run_id, r.status, r.source, r.message, coalesce(max(p.phase), 0),"
        " coalesce(sum(p.rows_written), 0)::bigint"
        " FROM legacy.run AS r LEFT JOIN legacy.phase AS p USING (run_id) GROUP BY r.run_id ORDER BY r.run_id"
    )
    return [dict(zip(("run_id", "status", "source", "message", "phase", "rows"), row, strict=True)) for row in rows]
