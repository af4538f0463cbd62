"""
What the commands share: settings, the database they are about, words on stderr.

Every command attaches to the running database of CRM_DATA_DIR, or starts and stops its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import structlog
from rich.console import Console

from app import earlier_rows, setup
from app.models import metadata
from app.platform import grants, schema
from app.platform.db import Database, create_engine
from app.platform.embedded import kept_running, refuse_in_production, running
from app.platform.errors import Conflict
from app.platform.logs import set_up_logs
from app.platform.roles import APPLICATION, OPERATOR, OWNER
from app.platform.settings import Settings, SettingsError

T = TypeVar("T")

say = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Addresses:
    """
    Where each role logs in to one database.

    In development one address serves where no other is set; in production `owner` and `operator` are then unknown.
    """

    application: str
    owner_if_known: str | None
    operator_if_known: str | None

    @property
    def owner(self) -> str:
        """SettingsError where it is not known."""
        return self._needed(self.owner_if_known, "CRM_OWNER_DATABASE_URL")

    @property
    def operator(self) -> str:
        """SettingsError where it is not known."""
        return self._needed(self.operator_if_known, "CRM_OPERATOR_DATABASE_URL")

    def _needed(self, address: str | None, name: str) -> str:
        if address is None:
            raise SettingsError(f"{name} is needed: this command logs in with it, the application does not")
        return address


@contextmanager
def addresses(settings: Settings) -> Iterator[Addresses]:
    """The configured database, or the embedded one for as long as the block runs."""
    if settings.database_url is not None:
        application = settings.database_url.get_secret_value()
        other = None if settings.is_production else application
        yield Addresses(
            application,
            settings.owner_database_url.get_secret_value() if settings.owner_database_url else other,
            settings.operator_database_url.get_secret_value() if settings.operator_database_url else other,
        )
        return
    refuse_in_production(settings.environment)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        running(settings.data_dir, pg_bin=settings.pg_bin) as cluster,
        kept_running(cluster, tell=structlog.get_logger().warning),
    ):
        yield Addresses(cluster.url(role=APPLICATION), cluster.url(role=OWNER), cluster.url(role=OPERATOR))


@contextmanager
def prepared(settings: Settings) -> Iterator[Addresses]:
    """As `addresses`, with the schema at its head and the reference data there. Conflict: nobody here may move it."""
    with addresses(settings) as found:
        if found.owner_if_known is None:
            schema.refuse_other_revision(found.application, metadata)
        else:
            move_to_head(settings, found.owner_if_known)
        asyncio.run(with_database(settings, found.application, setup.add_reference_data))
        yield found


def move_to_head(settings: Settings, owner: str) -> None:
    """Bring the schema to this code's newest revision, and fill the keys without which nothing is served."""
    setup.move_to_head(owner)
    if schema.lacking(owner, metadata):
        fill_earlier_rows(settings, owner)


def fill_earlier_rows(settings: Settings, owner: str) -> int:
    """Make the keys that earlier rows lack, and refuse them empty from now on; how many rows got some."""
    made = asyncio.run(with_database(settings, owner, earlier_rows.fill))
    schema.tighten(owner, metadata)
    return made


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
    with prepared(settings) if prepare else addresses(settings) as found:
        return asyncio.run(with_database(settings, found.application, work))


def set_up_roles(settings: Settings, found: Addresses) -> tuple[list[str], int]:
    """Make the three roles, set whose everything is and who may do what: the roles that were made, all changes."""
    administrator = settings.admin_database_url.get_secret_value() if settings.admin_database_url else found.owner
    return grants.set_up(
        administrator, metadata, logins=(found.owner_if_known, found.operator_if_known, found.application)
    )


def refuse_with_real_data(settings: Settings, what: str) -> None:
    """Conflict when CRM_ENV is production."""
    if settings.is_production:
        raise Conflict(
            f"{what} is refused with CRM_ENV=production: its records are real.", code="refused_in_production"
        )


def read_settings() -> Settings:
    settings = Settings.from_environment()
    set_up_logs(settings.log_format)
    return settings
