"""`/audit-events`, `/persons/{id}/access-report`, `…/{id}/history`, `/reveals`: what happened, and why."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.description import ACCESS_REASON_HEADER
from app.access.queries import account_names
from app.access.request_guard import CurrentAccess, CurrentActor, DbSession, State, allow, api_router
from app.audit import queries, service
from app.audit.models import AuditEvent
from app.audit.schemas import AuditEventFilter, AuditEventRead
from app.oversight import access_report, export, reveals
from app.oversight.history import versions_of
from app.oversight.records import RECORDS, Record
from app.oversight.schemas import (
    AccessRead,
    AccessReportFilter,
    HistoryFilter,
    RevealAsked,
    RevealRead,
    VersionRead,
)
from app.platform import clock
from app.platform.paging import Page
from app.platform.problems import described
from app.platform.text import Id

events_router = api_router("/audit-events", "oversight")
router = api_router("", "oversight")


async def read(session: AsyncSession, events: list[AuditEvent]) -> list[AuditEventRead]:
    """The events as they are shown, with the names of the accounts."""
    names = await account_names(session, [event.actor_id for event in events])
    return [
        AuditEventRead(
            **{name: getattr(event, name) for name in _COLUMNS},
            actor_name=names.get(event.actor_id) if event.actor_id else None,
            person_ids=event.person_ids or [],
            field_names=event.field_names or [],
        )
        for event in events
    ]


_COLUMNS = [name for name in AuditEventRead.model_fields if name not in {"actor_name", "person_ids", "field_names"}]


def note_question(session: AsyncSession, query: AuditEventFilter) -> None:
    """Looking into the trail is on record too: about whom was asked."""
    people = [] if query.person_id is None else [query.person_id]
    service.note(session, record_type="audit_event", person_ids=people)


@events_router.get("", response_model=Page[AuditEventRead], dependencies=[allow("audit.read")])
async def list_audit_events(
    query: Annotated[AuditEventFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[AuditEventRead]:
    """
    Who did or saw what, newest first.

    `person_id`: who saw this person. `actor_id`, `from_at`, `to_at`: what this account saw between two moments.
    """
    note_question(session, query)
    rows, cursor, total, capped = await queries.list_events(session, actor, query=query)
    return Page(items=await read(session, rows), next_cursor=cursor, total=total, total_is_capped=capped)


@events_router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The events as CSV."}},
    dependencies=[allow("audit.export")],
)
async def export_audit_events(
    query: Annotated[AuditEventFilter, Query()], request: Request, session: DbSession
) -> StreamingResponse:
    """Every event the filter asks for as CSV, newest first; `limit` and `cursor` are not used."""
    note_question(session, query)
    return csv_answer(request, query)


def csv_answer(request: Request, query: AuditEventFilter) -> StreamingResponse:
    """The export as an answer; it reads in transactions of its own, after the request's event is committed."""
    state: State = request.app.state.serving
    lines: AsyncIterator[bytes] = export.csv_of_events(state.database, query=query)
    name = f"audit-events-{clock.today().isoformat()}.csv"
    return StreamingResponse(
        lines,
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


@router.get("/persons/{person_id}/access-report", response_model=Page[AccessRead], dependencies=[allow("audit.read")])
async def get_access_report(
    person_id: Id, query: Annotated[AccessReportFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[AccessRead]:
    """Who looked at this person or changed their data, when, and why; made to be given to the person."""
    return await access_report.who_looked_at(session, actor, person_id=person_id, query=query)


@router.post("/reveals", response_model=RevealRead, responses=described(404), dependencies=[allow("reveal.use")])
async def reveal_fields(asked: RevealAsked, session: DbSession, actor: CurrentActor) -> RevealRead:
    """Single masked values as they are, once, with a stated reason; the fields and the purpose are on record."""
    return await reveals.reveal(session, actor, asked=asked)


def _history_of(record: Record) -> Callable[..., Awaitable[Page[VersionRead]]]:
    async def history(
        record_id: Id,
        query: Annotated[HistoryFilter, Query()],
        session: DbSession,
        actor: CurrentActor,
        access: CurrentAccess,
    ) -> Page[VersionRead]:
        """The versions of this record, newest first: who changed what, when, and why; `as_of` gives one of them."""
        return await versions_of(session, actor, record=record, record_id=record_id, access=access, query=query)

    return history


for _record in RECORDS:
    router.add_api_route(
        f"/{_record.path}/{{record_id}}/history",
        _history_of(_record),
        name=f"list_{_record.record_type}_history",
        response_model=Page[VersionRead],
        openapi_extra={"parameters": [ACCESS_REASON_HEADER]} if _record.has_detail else None,
        dependencies=[allow(_record.permission)],
    )
