"""The audit trail as a file."""

from collections.abc import AsyncIterator

from fastapi import Request

from app.access.downloads import CsvFile
from app.access.serving import State
from app.audit.queries import event_chunks
from app.audit.schemas import AuditEventFilter, AuditEventRead
from app.oversight.events import read
from app.platform import clock
from app.platform.db import Database

COLUMNS = (
    "at", "actor_id", "actor_name", "action", "record_type", "record_id", "person_ids", "field_names", "outcome",
    "code", "purpose", "api_key_id", "session_id", "request_id", "audit_event_id",
)  # fmt: skip


def file_of_events(request: Request, query: AuditEventFilter) -> CsvFile:
    """Every event that the filter asks for, newest first."""
    state: State = request.app.state.serving
    name = f"audit-events-{clock.today().isoformat()}.csv"
    return CsvFile(request, name=name, columns=COLUMNS, chunks=_chunks(state.database, query))


async def _chunks(database: Database, query: AuditEventFilter) -> AsyncIterator[list[AuditEventRead]]:
    async for events in event_chunks(database, query=query):
        async with database.session() as session:
            answers = await read(session, events)
        yield answers
