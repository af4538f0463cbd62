"""`crm serve`, `crm worker`, `crm demo load`: the commands that run the application itself."""

import asyncio
import logging
import multiprocessing
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Annotated

import httpx
import structlog
import typer
from fastapi import FastAPI
from granian.constants import Interfaces
from granian.log import LogLevels
from rich.progress import Progress, TimeElapsedColumn

from app.access import service as access
from app.commands import prepared, read_settings, refuse_with_real_data, say, with_database
from app.commands.listening import Server, bound, listen
from app.demo.accounts import KEYS_FILE, demo_keys, demo_users, has_nobody
from app.demo.load import DEMO_SEED, Loader
from app.main import create_app
from app.platform import clock, grants
from app.platform.db import Database
from app.platform.embedded import exit_on_sigterm
from app.platform.logs import set_up_logs
from app.platform.processes import SERVER_PID, ending_with_the_server
from app.platform.secret_key import with_kept_key
from app.platform.settings import OTHER_ROLES, Settings, SettingsError
from app.worker import run_worker

log = structlog.get_logger()

_LOOK_EVERY_SECONDS = 0.5
_PAUSE_SECONDS = 2
"""Before a worker that has ended is started again: one that cannot start does not take the machine."""

demo = typer.Typer(no_args_is_help=True, help="Synthetic data for trying.")


def serve(
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Demo data into an empty database; demo keys.")] = False,
) -> None:
    """Serve the API and the pages on CRM_HOST and PORT."""
    settings = with_kept_key(read_settings(), os.environ)
    exit_on_sigterm()
    with bound(settings) as listening, _application_alone(settings) as url:
        if demo:
            _show_demo(settings, url)
        os.environ["CRM_DATABASE_URL"], os.environ[SERVER_PID] = url, str(os.getpid())
        beside = _worker_beside() if settings.database_url is None else nullcontext()
        listen(listening, settings)
        say.print(f"Serving on [bold]{settings.base_url}[/bold] (API docs: {settings.base_url}/docs)")
        # A worker is a process of its own: it holds what it serves with, not what the commands need.
        multiprocessing.set_start_method("spawn")
        with beside:
            Server(
                "app.main:app_from_environment",
                listening,
                factory=True,
                interface=Interfaces.ASGI,
                address=settings.host,
                port=settings.port,
                workers=settings.workers,
                backpressure=_room_for_connections(),
                # A process that is killed is replaced; one that dies again within some seconds ends the server.
                respawn_failed_workers=True,
                log_level=LogLevels.warning,
            ).serve()


_FILES_OF_OUR_OWN = 256
_MOST_CONNECTIONS = 16_384


def _room_for_connections() -> int:
    """
    How many connections a worker process takes: as many as the system lets it hold.

    The server counts connections, idle ones too, and by itself takes a thousand: as many clients that send nothing kept
    everybody else out, health checks included.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _FILES_OF_OUR_OWN
    allowed = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(allowed - _FILES_OF_OUR_OWN, _FILES_OF_OUR_OWN)


@contextmanager
def _application_alone(settings: Settings) -> Iterator[str]:
    """
    The application's address of a prepared database, for a process that serves: it and its children know no other.

    SettingsError and Conflict in production, where they could log in as the owner.
    """
    others = [name for name in OTHER_ROLES.values() if os.environ.pop(name, None)]
    if settings.is_production:
        if others:
            raise SettingsError(f"A process that serves must not know {', '.join(others)}: give it to commands alone")
        assert settings.database_url is not None  # noqa: S101 - production has refused to start without
        grants.refuse_owner(settings.database_url.get_secret_value())
    with prepared(settings) as found:
        yield found.application


@contextmanager
def _worker_beside() -> Iterator[None]:
    """A worker process for as long as the server runs: nobody starts one by hand for a database that comes with us."""
    is_over = threading.Event()

    def keep() -> None:
        while not is_over.is_set():
            process = subprocess.Popen([sys.argv[0], "worker"])  # noqa: S603 - this very command
            while process.poll() is None and not is_over.wait(_LOOK_EVERY_SECONDS):
                pass
            if process.poll() is None:
                process.terminate()
                process.wait()
            elif not is_over.wait(_PAUSE_SECONDS):
                log.warning("The worker beside the server has ended; it is started again.", code=process.returncode)

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        is_over.set()
        keeper.join()


def worker() -> None:
    """Work on what is due: mail, retention, partitions. Ends on SIGTERM, after the job at hand."""
    settings = read_settings()
    with _application_alone(settings) as url:

        async def work(database: Database) -> None:
            async with ending_with_the_server():
                await run_worker(settings, database, url)

        asyncio.run(with_database(settings, url, work))


@demo.command("load")
def demo_load() -> None:
    """Load the demo data into an empty development database and print the demo keys and users."""
    settings = with_kept_key(read_settings(), os.environ)
    with prepared(settings) as found:
        _show_demo(settings, found.application)


def _show_demo(settings: Settings, url: str) -> None:
    """The demo data, loaded once, and a key for each role, on stderr."""
    refuse_with_real_data(settings, "Loading demo data")

    async def work(database: Database) -> tuple[dict[str, str], dict[str, access.DemoUser]]:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_empty = await has_nobody(database)
        keys = await demo_keys(database, settings.data_dir)
        if is_empty:
            # One line for each of its thousand requests would hide what matters.
            set_up_logs(settings.log_format, level=logging.WARNING)
            await _load_demo(create_app(settings, database), settings, keys)
            set_up_logs(settings.log_format)
        return keys, await demo_users(database, settings.secret_key)

    keys, people = asyncio.run(with_database(settings, url, work))
    say.print(f"Demo keys, kept in {settings.data_dir / KEYS_FILE}:")
    for role, key in keys.items():
        say.print(f"  {role:<18} {key}", soft_wrap=True)
    say.print(f"Demo users for {settings.base_url}/sign-in; codes of the second step: {settings.base_url}/mailbox")
    for role, user in people.items():
        say.print(f"  {role:<18} {user.email:<32} {user.password}", soft_wrap=True)


async def _load_demo(app: FastAPI, settings: Settings, keys: dict[str, str]) -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=settings.base_url) as client:
        loader = Loader(client, keys, seed=DEMO_SEED, now=clock.now())
        if say.is_terminal:
            with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=say) as bar:
                task = bar.add_task("Demo data", total=None)
                await loader.load(lambda done, total: bar.update(task, completed=done, total=total))
            return
        say.print("Loading demo data ...")
        made = await loader.load(lambda _done, _total: None)
        say.print(f"Demo data: {made} people.")
