"""`crm db …`: the schema."""

import asyncio
from typing import Annotated

import typer

from app import setup
from app.commands import addresses, read_settings, refuse_with_real_data, say
from app.commands.preparing import fill_earlier_rows, move_to_head, set_up_roles, with_database
from app.people.search import rows as search
from app.platform import schema
from app.platform.embedded import find_binaries

commands = typer.Typer(
    no_args_is_help=True, help="The schema and who may do what: upgrade, downgrade, schema, reset, roles."
)


@commands.command("upgrade")
def db_upgrade(revision: Annotated[str, typer.Argument(help="A revision, or head.")] = "head") -> None:
    """Move the schema up, give the rows that are here their keys, add the reference data, let people be found."""
    settings = read_settings()
    with addresses(settings) as found:
        schema.upgrade(found.owner, revision)
        if revision == "head":
            fill_earlier_rows(settings, found.owner)
            asyncio.run(with_database(settings, found.owner, setup.add_reference_data))
            asyncio.run(with_database(settings, found.owner, search.fill))
    say.print(f"The schema is at {revision}.")


@commands.command("downgrade")
def db_downgrade(
    revision: Annotated[str, typer.Argument(help="A revision; base empties the schema.")],
) -> None:
    """Move the schema down. Tables that a revision removes are lost with their rows. Refused in production."""
    settings = read_settings()
    refuse_with_real_data(settings, "Moving the schema down")
    with addresses(settings) as found:
        schema.downgrade(found.owner, revision)
    say.print(f"The schema is at {revision}.")


@commands.command("schema")
def db_schema() -> None:
    """Print the schema of the newest revision as SQL: the text of schema.sql."""
    settings = read_settings()
    with addresses(settings) as found:
        schema.upgrade(found.owner)
        typer.echo(schema.print_schema(found.owner, find_binaries(settings.pg_bin) / "pg_dump"), nl=False)


@commands.command("reset")
def db_reset(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Remove every table with its rows and start anew. Refused in production."""
    settings = read_settings()
    refuse_with_real_data(settings, "Emptying the database")
    if not yes:
        typer.confirm("Remove every record of this database?", abort=True, err=True)
    with addresses(settings) as found:
        schema.downgrade(found.owner, "base", drops_trail=True)
        move_to_head(settings, found.owner)
        asyncio.run(with_database(settings, found.owner, setup.add_reference_data))
    say.print("The database is empty and at the newest revision.")


@commands.command("roles")
def db_roles() -> None:
    """
    Make the roles owner, operator and application, and set whose everything is and who may do what.

    For a new database, one made from schema.sql and one that a single account has made. Safe to run again.
    """
    settings = read_settings()
    with addresses(settings) as found:
        made, changed = set_up_roles(settings, found)
    say.print(f"Roles made: {', '.join(made) or 'none'}; {changed} owners and grants set.")
