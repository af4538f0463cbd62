"""Files in the store that no version names: of uploads that were refused or killed, of documents that were erased."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from app.documents.queries import named_in_the_store
from app.platform.db import Database
from app.platform.file_store import FileStore

LEFT_FOR = timedelta(days=1)
"""A file is there before its row is: no upload takes a day."""
_AT_ONCE = 500


async def remove_leftovers(database: Database, store: FileStore, *, now: datetime) -> int:
    """Remove the files that nobody can read any more and that are a day old; how many there were. StoreFailed."""
    removed, names = 0, (name for name, put_at in store.names() if put_at <= now - LEFT_FOR)
    while batch := await asyncio.to_thread(_some, names):
        async with database.unit_of_work() as session:
            known = await named_in_the_store(session, batch)
        for name in batch:
            if name not in known:
                await asyncio.to_thread(store.delete, name)
                removed += 1
    return removed


def _some(names: Iterator[str]) -> list[str]:
    return list(islice(names, _AT_ONCE))
