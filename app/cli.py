"""
The command `crm`. Each command calls one function of a package; stdout carries the result alone, all else stderr.

A command's module is imported when it is called: everything together takes two seconds, one of them half of that.
"""

import sys
from importlib import import_module
from typing import Any, Final

import typer
from rich.console import Console
from typer.core import TyperGroup
from typer.main import get_command, get_group

from app.platform.embedded import EmbeddedError
from app.platform.errors import AppError, Conflict, Invalid, Unavailable
from app.platform.settings import SettingsError

_COMMANDS: Final = {
    "serve": "app.commands.serve:serve",
    "worker": "app.commands.serve:worker",
    "demo": "app.commands.demo:demo",
    "doctor": "app.commands.doctor:doctor",
    "db": "app.commands.db:commands",
    "backup": "app.commands.backups:commands",
    "api-key": "app.commands.api_keys:commands",
    "user": "app.commands.users:commands",
    "secret": "app.commands.secrets:commands",
    "legacy": "app.commands.legacy_status:commands",
}
"""The name of each command to its module and what it is there: a function, or a group of commands."""


class Commands(TyperGroup):
    """The group of all commands, of which a run imports the one it calls, and the help all."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the library's signature
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            group = get_group(found)
            group.name = cmd_name
            return group
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name)(found)
        return get_command(alone)


cli = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@cli.callback()
def crm() -> None:
    """myTomorrows CRM"""  # noqa: D403 - a name


_say = Console(stderr=True, highlight=False)


def main() -> None:
    """Run the command; a refusal is one line on stderr and exit code 1, wrong settings 2, no answer of a part 3."""
    try:
        cli()
    except (SettingsError, EmbeddedError) as error:
        _say.print(str(error), style="red", markup=False)
        sys.exit(2)
    except AppError as error:
        _say.print(f"{error.error_detail} ({error.error_code})", style="red", markup=False)
        # A part that is needed did not answer: as a database that does not.
        sys.exit(3 if isinstance(error, Unavailable) else 1)
    except Exception as error:
        # What only an error of the database needs: its kinds, and the whole application.
        from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

        if not isinstance(error, (DBAPIError, OSError)):
            raise
        from app.main import CONSTRAINT_ERRORS  # noqa: PLC0415
        from app.platform.problems import translate  # noqa: PLC0415

        known = translate(error, CONSTRAINT_ERRORS)
        if isinstance(known, (Conflict, Invalid)):
            _say.print(f"[red]{known.error_detail}[/red] ({known.error_code})")
            sys.exit(1)
        if reason := _why_not_reached(error):
            _say.print(f"The database cannot be reached: {reason}", style="red", markup=False)
            sys.exit(3)
        # The message of a database error may quote a row; its kind is enough to act on.
        _say.print(f"[red]The database did not carry this out: {type(error).__name__}.[/red]")
        sys.exit(3)


def _why_not_reached(error: Exception) -> str | None:
    """What the client library says of a connection that it did not get (no row, no password); None for other errors."""
    from psycopg import OperationalError  # noqa: PLC0415 - as above
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    cause = error.orig if isinstance(error, DBAPIError) else None
    return str(cause) if isinstance(cause, OperationalError) and cause.diag.sqlstate is None else None
