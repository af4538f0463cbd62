"""
The command `crm`. Each command calls one function of a package; stdout carries the result alone, all else stderr.

Every command attaches to the running database of CRM_DATA_DIR, or starts and stops its own.
"""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Annotated, TypeVar

import httpx
import typer
from fastapi import FastAPI
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from sqlalchemy.exc import DBAPIError

from app import setup
from app.access import service as access
from app.access.policy import Role
from app.audit import service as audit
from app.cli_users import commands as user_commands
from app.demo.accounts import KEYS_FILE, demo_keys, demo_users, has_nobody
from app.demo.load import DEMO_SEED, Loader
from app.legacy.cli import commands as legacy_commands
from app.main import CONSTRAINT_ERRORS, create_app
from app.platform import clock, schema
from app.platform.db import Database, create_engine
from app.platform.embedded import EmbeddedError, exit_on_sigterm, find_binaries, refuse_in_production, running
from app.platform.errors import AppError, Conflict, Invalid
from app.platform.logs import set_up_logs
from app.platform.problems import translate
from app.platform.processes import SERVER_PID, ending_with_the_server
from app.platform.secret_key import with_kept_key
from app.platform.settings import Settings, SettingsError
from app.worker import run_worker

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="myTomorrows CRM")
db = typer.Typer(no_args_is_help=True, help="The schema: upgrade, downgrade, schema, reset.")
api_key = typer.Typer(no_args_is_help=True, help="API keys for machines.")
demo_data = typer.Typer(no_args_is_help=True, help="Synthetic data for trying.")
cli.add_typer(demo_data, name="demo")
cli.add_typer(db, name="db")
cli.add_typer(api_key, name="api-key")

say = Console(stderr=True, highlight=False)


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The configured database, or the embedded one for as long as the block runs."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    refuse_in_production(settings.environment)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with running(settings.data_dir, pg_bin=settings.pg_bin) as cluster:
        yield cluster.url()


@contextmanager
def prepared(settings: Settings) -> Iterator[str]:
    """As `database_url`, with the schema at its head and the reference data there."""
    with database_url(settings) as url:
        setup.move_to_head(url)
        asyncio.run(with_database(settings, url, setup.add_reference_data))
        yield url


T = TypeVar("T")


async def with_database(settings: Settings, url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run `work` on a database of its own pool and close it."""
    database = Database(create_engine(settings, url))
    try:
        return await work(database)
    finally:
        await database.close()


def in_database(work: Callable[[Database], Awaitable[T]], *, prepare: bool = True) -> T:
    """What most commands are: settings, a prepared database, one piece of work."""
    settings = read_settings()
    with prepared(settings) if prepare else database_url(settings) as url:
        return asyncio.run(with_database(settings, url, work))


def read_settings() -> Settings:
    settings = Settings.from_environment()
    set_up_logs(settings.log_format)
    return settings


@cli.command()
def serve(
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Demo data into an empty database; demo keys.")] = False,
) -> None:
    """Serve the API and the pages on CRM_HOST and PORT."""
    settings = with_kept_key(read_settings(), os.environ)
    exit_on_sigterm()
    with prepared(settings) as url:
        if demo:
            _show_demo(settings, url)
        os.environ["CRM_DATABASE_URL"], os.environ[SERVER_PID] = url, str(os.getpid())
        beside = _worker_beside() if settings.database_url is None else nullcontext()
        say.print(f"Serving on [bold]{settings.base_url}[/bold] (API docs: {settings.base_url}/docs)")
        with beside:
            Granian(
                "app.main:app_from_environment",
                factory=True,
                interface=Interfaces.ASGI,
                address=settings.host,
                port=settings.port,
                workers=settings.workers,
                log_level=LogLevels.warning,
            ).serve()


@contextmanager
def _worker_beside() -> Iterator[None]:
    """A worker process for as long as the server runs: nobody starts one by hand for a database that comes with us."""
    process = subprocess.Popen([sys.argv[0], "worker"])  # noqa: S603 - this very command
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@cli.command()
def worker() -> None:
    """Work on what is due: mail, retention, partitions. Ends on SIGTERM, after the job at hand."""
    settings = read_settings()
    with prepared(settings) as url:

        async def work(database: Database) -> None:
            async with ending_with_the_server():
                await run_worker(settings, database, url)

        asyncio.run(with_database(settings, url, work))


@demo_data.command("load")
def demo_load() -> None:
    """Load the demo data into an empty development database and print the demo keys and users."""
    settings = with_kept_key(read_settings(), os.environ)
    with prepared(settings) as url:
        _show_demo(settings, url)


def _show_demo(settings: Settings, url: str) -> None:
    """The demo data, loaded once, and a key for each role, on stderr."""
    refuse_in_production(settings.environment)

    async def work(database: Database) -> tuple[dict[str, str], dict[str, access.DemoUser]]:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_empty = await has_nobody(database)
        keys = await demo_keys(database, settings.data_dir)
        if is_empty:
            # One line for each of its thousand requests would hide what matters.
            set_up_logs(settings.log_format, level=logging.WARNING)
            await _load_demo(create_app(settings, database), keys)
            set_up_logs(settings.log_format)
        return keys, await demo_users(database, settings.secret_key)

    keys, people = asyncio.run(with_database(settings, url, work))
    say.print(f"Demo keys, kept in {settings.data_dir / KEYS_FILE}:")
    for role, key in keys.items():
        say.print(f"  {role:<18} {key}", soft_wrap=True)
    say.print(f"Demo users for {settings.base_url}/sign-in; codes of the second step: {settings.base_url}/mailbox")
    for role, user in people.items():
        say.print(f"  {role:<18} {user.email:<32} {user.password}", soft_wrap=True)


async def _load_demo(app: FastAPI, keys: dict[str, str]) -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
        loader = Loader(client, keys, seed=DEMO_SEED, now=clock.now())
        if say.is_terminal:
            with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=say) as bar:
                task = bar.add_task("Demo data", total=None)
                await loader.load(lambda done, total: bar.update(task, completed=done, total=total))
            return
        say.print("Loading demo data ...")
        made = await loader.load(lambda _done, _total: None)
        say.print(f"Demo data: {made} people.")


@db.command("upgrade")
def db_upgrade(revision: Annotated[str, typer.Argument(help="A revision, or head.")] = "head") -> None:
    """Move the schema up and add the reference data."""
    settings = read_settings()
    with database_url(settings) as url:
        schema.upgrade(url, revision)
        if revision == "head":
            asyncio.run(with_database(settings, url, setup.add_reference_data))
    say.print(f"The schema is at {revision}.")


@db.command("downgrade")
def db_downgrade(
    revision: Annotated[str, typer.Argument(help="A revision; base empties the schema.")],
) -> None:
    """Move the schema down. Tables that a revision removes are lost with their rows."""
    settings = read_settings()
    with database_url(settings) as url:
        schema.downgrade(url, revision)
    say.print(f"The schema is at {revision}.")


@db.command("schema")
def db_schema() -> None:
    """Print the schema of the newest revision as SQL: the text of schema.sql."""
    settings = read_settings()
    with database_url(settings) as url:
        schema.upgrade(url)
        typer.echo(schema.print_schema(url, find_binaries(settings.pg_bin) / "pg_dump"), nl=False)


@db.command("reset")
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


@api_key.command("create")
def api_key_create(
    role: Annotated[Role, typer.Option(help="What the key may do.")],
    name: Annotated[str, typer.Option(help="Whose key it is: a service account is opened under this name.")],
) -> None:
    """Make an API key and print it, the only time it is shown."""

    async def work(database: Database) -> str:
        actor = access.command_actor()
        async with database.unit_of_work() as session:
            key = await access.create_service_key(session, actor, role=role, name=name)
            await audit.write_event(session, actor, action="create_api_key")
        return key

    typer.echo(in_database(work))


# Late, because its commands open the database as the others do.
cli.add_typer(user_commands(in_database, read_settings), name="user")
cli.add_typer(legacy_commands(lambda: prepared(read_settings())), name="legacy")


def main() -> None:
    """Run the command; a refusal is one line on stderr and exit code 1, wrong settings exit code 2."""
    try:
        cli()
    except (SettingsError, EmbeddedError) as error:
        say.print(str(error), style="red", markup=False)
        sys.exit(2)
    except AppError as error:
        say.print(f"{error.error_detail} ({error.error_code})", style="red", markup=False)
        sys.exit(1)
    except (DBAPIError, OSError) as error:
        known = translate(error, CONSTRAINT_ERRORS)
        if isinstance(known, (Conflict, Invalid)):
            say.print(f"[red]{known.error_detail}[/red] ({known.error_code})")
            sys.exit(1)
        # The message of a database error may quote a row; its kind is enough to act on.
        say.print(f"[red]The database did not carry this out: {type(error).__name__}.[/red]")
        sys.exit(3)
