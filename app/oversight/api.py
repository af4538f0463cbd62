"""
`/audit-events`, `/persons/{id}/access-report`, `…/{id}/history`, `/reveals`, `/standing-faults`, `/doubles`: what
happened, and why; and what does not fit.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse

from app.access.description import ACCESS_REASON_HEADER
from app.access.request_guard import CurrentAccess, CurrentActor, DbSession, allow, api_router
from app.audit import service as audit
from app.audit.schemas import AuditEventFilter, AuditEventRead
from app.oversight import access_report, reveals
from app.oversight.doubles import list_doubles
from app.oversight.events import note_question, page_of_events
from app.oversight.export import file_of_events
from app.oversight.history import versions_of
from app.oversight.records import RECORDS, Record
from app.oversight.schemas import (
    AccessRead,
    AccessReportFilter,
    DoubleFilter,
    DoubleRead,
    FaultyRecordRead,
    HistoryFilter,
    RevealRead,
    RevealRequest,
    StandingFaultFilter,
    VersionRead,
)
from app.oversight.standing_faults import list_faulty_records
from app.platform.paging import Page
from app.platform.problems import described
from app.platform.text import Id

events_router = api_router("/audit-events", "oversight")
router = api_router("", "oversight")


@events_router.get("", response_model=Page[AuditEventRead], dependencies=[allow("audit.read")])
async def list_audit_events(
    query: Annotated[AuditEventFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[AuditEventRead]:
    """
    Who did or saw what, newest first.

    `person_id`: who saw this person. `actor_id`, `from_at`, `to_at`: what this account saw between two moments.
    """
    note_question(session, query)
    return await page_of_events(session, actor, query=query)


@events_router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The events as CSV."}},
    dependencies=[allow("audit.export")],
)
async def export_audit_events(
    query: Annotated[AuditEventFilter, Query()], request: Request, session: DbSession
) -> Response:
    """Every event the filter asks for as CSV, newest first; `limit` and `cursor` are not used."""
    note_question(session, query)
    return file_of_events(request, query)


@router.get("/persons/{person_id}/access-report", response_model=Page[AccessRead], dependencies=[allow("audit.read")])
async def get_access_report(
    person_id: Id, query: Annotated[AccessReportFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[AccessRead]:
    """Who looked at this person or changed their data, when, and why; made to be given to the person."""
    return await access_report.page_of_looks(session, actor, person_id=person_id, query=query)


@router.get("/standing-faults", response_model=Page[FaultyRecordRead], dependencies=[allow("fault.read")])
async def list_standing_faults(
    query: Annotated[StandingFaultFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[FaultyRecordRead]:
    """
    Records in which something does not fit together, as in migrated ones: which field, and what is wrong with it.

    An edit may not make such a fault, and is not refused for one that it does not touch. A record leaves the list when
    it is mended.

    First come the records whose fields contradict each other, then those with a date that cannot be, table by table.
    For the latter one request looks at so many rows at most: a page may be short or empty and have a `next_cursor`. The
    total is what has been found so far, and is capped as long as there are rows to look at.
    """
    found = await list_faulty_records(session, actor, query=query)
    return audit.show_page(session, found, found.rows)


@router.get("/doubles", response_model=Page[DoubleRead], dependencies=[allow("fault.read")])
async def list_double_records(
    query: Annotated[DoubleFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[DoubleRead]:
    """
    Hospitals, conditions and the like that stand beside another one of the same name or number in some writing.

    They stood so before the rule, or were migrated. Nothing joins them: a record leaves the list when one of the two
    gets a name of its own. Physicians of one licence leave it when somebody has decided whether they are one human.
    """
    found = await list_doubles(session, actor, query=query)
    return audit.show_page(session, found, found.rows)


@router.post("/reveals", response_model=RevealRead, responses=described(404), dependencies=[allow("reveal.use")])
async def reveal_fields(wanted: RevealRequest, session: DbSession, actor: CurrentActor) -> RevealRead:
    """Single masked values as they are, once, with a stated reason; the fields and the purpose are on record."""
    return await reveals.reveal(session, actor, wanted=wanted)


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
        openapi_extra={"parameters": [ACCESS_REASON_HEADER]} if any(mark.detail for mark in _record.marks) else None,
        dependencies=[allow(_record.permission)],
    )
