"""A database that a command can work with: the schema at its head, the reference data, the roles."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from app import earlier_rows, setup
from app.commands import Addresses, addresses, read_settings
from app.models import metadata
from app.platform import grants, schema
from app.platform.db import Database, create_engine
from app.platform.settings import Settings

T = TypeVar("T")


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
    """Make the roles, set whose everything is and who may do what: the roles that were made, all changes."""
    archive = settings.archive_database_url
    return grants.set_up(
        administrator(settings, found),
        metadata,
        logins=(
            found.owner_if_known,
            found.operator_if_known,
            found.application,
            archive.get_secret_value() if archive else None,
        ),
    )


def administrator(settings: Settings, found: Addresses) -> str:
    """Who logs in before there are roles: the administrator where one is known, else the owner."""
    return settings.admin_database_url.get_secret_value() if settings.admin_database_url else found.owner
