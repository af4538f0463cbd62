"""`crm serve` and `crm worker`: the processes that run, and what starts them again."""

import asyncio
import multiprocessing
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from tempfile import TemporaryDirectory
from typing import Annotated

import structlog
import typer
from granian.constants import Interfaces
from granian.log import LogLevels

from app.commands import read_settings, say
from app.commands.listening import Server, bound, listen
from app.commands.preparing import prepared, with_database
from app.platform import grants
from app.platform.db import Database
from app.platform.embedded import exit_on_sigterm
from app.platform.processes import METRICS_FOLDER, SERVER_PID, ending_with_the_server
from app.platform.secret_key import with_kept_key
from app.platform.settings import OTHER_ROLES, Settings, SettingsError
from app.worker import run_worker

log = structlog.get_logger()

_LOOK_EVERY_SECONDS = 0.5
_PAUSE_SECONDS = 2
"""Before a worker that has ended is started again: one that cannot start does not take the machine."""


def serve(
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Demo data into an empty database; demo keys.")] = False,
) -> None:
    """Serve the API and the pages on CRM_HOST and PORT."""
    settings = with_kept_key(read_settings(), os.environ)
    exit_on_sigterm()
    with bound(settings) as listening, _application_alone(settings) as url:
        if demo:
            # With the whole application, which the process that only starts others does without: 60 MiB, a second.
            from app.commands.demo import show_demo  # noqa: PLC0415

            show_demo(settings, url)
        os.environ["CRM_DATABASE_URL"], os.environ[SERVER_PID] = url, str(os.getpid())
        metrics = _metrics_together() if settings.workers > 1 else nullcontext()
        beside = _worker_beside() if settings.database_url is None else nullcontext()
        listen(listening, settings)
        say.print(f"Serving on [bold]{settings.base_url}[/bold] (API docs: {settings.base_url}/docs)")
        # A worker is a process of its own: it holds what it serves with, not what the commands need.
        multiprocessing.set_start_method("spawn")
        with beside, metrics:
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


@contextmanager
def _metrics_together() -> Iterator[None]:
    """A folder in which the processes count requests together; what is in it goes with the server."""
    with TemporaryDirectory(prefix="crm-metrics-") as folder:
        os.environ[METRICS_FOLDER] = folder
        yield


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
    # The server's own key: what it has sealed, this opens.
    settings = with_kept_key(read_settings(), os.environ)
    with _application_alone(settings) as url:

        async def work(database: Database) -> None:
            async with ending_with_the_server():
                await run_worker(settings, database, url)

        asyncio.run(with_database(settings, url, work))
