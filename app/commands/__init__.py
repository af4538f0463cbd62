"""
What the commands share: settings, the database they are about, words on stderr.

Every command attaches to the running database of CRM_DATA_DIR, or starts and stops its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog
from rich.console import Console

from app import setup
from app.platform.db import Database, create_engine
from app.platform.embedded import kept_running, refuse_in_production, running
from app.platform.logs import set_up_logs
from app.platform.settings import Settings

T = TypeVar("T")

say = Console(stderr=True, highlight=False)


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The configured database, or the embedded one for as long as the block runs."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    refuse_in_production(settings.environment)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        running(settings.data_dir, pg_bin=settings.pg_bin) as cluster,
        kept_running(cluster, tell=structlog.get_logger().warning),
    ):
        yield cluster.url()


@contextmanager
def prepared(settings: Settings) -> Iterator[str]:
    """As `database_url`, with the schema at its head and the reference data there."""
    with database_url(settings) as url:
        setup.move_to_head(url)
        asyncio.run(with_database(settings, url, setup.add_reference_data))
        yield url


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
