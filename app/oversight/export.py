"""The audit trail as CSV that a spreadsheet opens as text: no cell begins like a formula."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

from app.access.queries import account_names
from app.audit.models import AuditEvent
from app.audit.queries import event_chunks
from app.audit.schemas import AuditEventFilter
from app.platform.db import Database

COLUMNS = (
    "at", "actor_id", "actor_name", "action", "record_type", "record_id", "person_ids", "field_names", "outcome",
    "code", "purpose", "api_key_id", "session_id", "request_id", "audit_event_id",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: Any) -> str:
    """`value` as a cell: several values with blanks between, and what begins like a formula after an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        text = " ".join(map(str, value))
    elif hasattr(value, "isoformat"):
        text = value.isoformat()
    else:
        text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def line(values: list[Any]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([cell(value) for value in values])
    return written.getvalue()


async def csv_of_events(database: Database, *, query: AuditEventFilter) -> AsyncIterator[bytes]:
    """The lines, a chunk of events at a time: memory holds one chunk, however long the trail is."""
    # The mark makes spreadsheets read UTF-8.
    yield ("\ufeff" + line(list(COLUMNS))).encode()
    async for events in event_chunks(database, query=query):
        async with database.session() as session:
            names = await account_names(session, [event.actor_id for event in events])
        yield "".join(line(_row(event, names)) for event in events).encode()


def _row(event: AuditEvent, names: dict[Any, str]) -> list[Any]:
    shown = {"actor_name": names.get(event.actor_id)}
    return [shown[name] if name in shown else getattr(event, name) for name in COLUMNS]
