"""The statements that the ordinary path sends for a request, taken from the running application."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import asyncpg
import httpx
from sqlalchemy import event

from app.main import create_app
from app.platform.db import Database, create_engine
from app.platform.settings import Settings

Sent = tuple[str, Sequence[str | None]]
"""A statement's text with $1, $2, …, and the values as text."""


async def statements_of(database_url: str, *, key: str, targets: Sequence[str]) -> list[list[Sent]]:
    """What GET of each target sends by the ordinary path; the transaction's own BEGIN and COMMIT are left out."""
    settings = Settings.model_validate({"database_url": database_url, "fast_paths": False})
    database = Database(create_engine(settings, database_url))
    transport = httpx.ASGITransport(app=create_app(settings, database))
    found = []
    async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
        for target in targets:
            with recording(database) as sent:
                answer = await client.get(target, headers={"Authorization": f"Bearer {key}"})
            answer.raise_for_status()
            found.append(sent)
    await database.close()
    return found


@contextmanager
def recording(database: Database) -> Iterator[list[Sent]]:
    sent: list[Sent] = []

    def note(_connection: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        sent.append((text, [_as_text(value) for value in values or ()]))

    def note_at_the_driver(logged: asyncpg.connection.LoggedQuery) -> None:
        if not logged.query.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            note(None, None, logged.query, logged.args)

    def taken(connection: Any, *_: Any) -> None:
        # A search sends its statements past SQLAlchemy; what SQLAlchemy prepares is not logged here.
        connection.driver_connection.add_query_logger(note_at_the_driver)

    def given_back(connection: Any, *_: Any) -> None:
        connection.driver_connection.remove_query_logger(note_at_the_driver)

    engine = database.engine.sync_engine
    listeners = (("before_cursor_execute", note), ("checkout", taken), ("checkin", given_back))
    for name, listener in listeners:
        event.listen(engine, name, listener)
    try:
        yield sent
    finally:
        for name, listener in listeners:
            event.remove(engine, name, listener)


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, (list, tuple)):
        return "{" + ",".join(str(item) for item in value) + "}"
    return value.isoformat() if isinstance(value, datetime) else str(value)
