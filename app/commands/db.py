"""`crm db …`: the schema."""

import asyncio
from typing import Annotated

import typer

from app import setup
from app.commands import database_url, read_settings, say, with_database
from app.platform import schema
from app.platform.embedded import find_binaries, refuse_in_production

commands = typer.Typer(no_args_is_help=True, help="The schema: upgrade, downgrade, schema, reset.")


@commands.command("upgrade")
def db_upgrade(revision: Annotated[str, typer.Argument(help="A revision, or head.")] = "head") -> None:
    """Move the schema up and add the reference data."""
    settings = read_settings()
    with database_url(settings) as url:
        schema.upgrade(url, revision)
        if revision == "head":
            asyncio.run(with_database(settings, url, setup.add_reference_data))
    say.print(f"The schema is at {revision}.")


@commands.command("downgrade")
def db_downgrade(
    revision: Annotated[str, typer.Argument(help="A revision; base empties the schema.")],
) -> None:
    """Move the schema down. Tables that a revision removes are lost with their rows."""
    settings = read_settings()
    with database_url(settings) as url:
        schema.downgrade(url, revision)
    say.print(f"The schema is at {revision}.")


@commands.command("schema")
def db_schema() -> None:
    """Print the schema of the newest revision as SQL: the text of schema.sql."""
    settings = read_settings()
    with database_url(settings) as url:
        schema.upgrade(url)
        typer.echo(schema.print_schema(url, find_binaries(settings.pg_bin) / "pg_dump"), nl=False)


@commands.command("reset")
def db_reset(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Remove every table with its rows and start anew. Refused in production."""
    settings = read_settings()
    refuse_in_production(settings.environment)
    if not yes:
        typer.confirm("Remove every record of this database?", abort=True, err=True)
    with database_url(settings) as url:
        schema.downgrade(url, "base")
        setup.move_to_head(url)
        asyncio.run(with_database(settings, url, setup.add_reference_data))
    say.print("The database is empty and at the newest revision.")
