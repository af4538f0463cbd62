"""
`/export-requests`: what a second person is asked to agree to. An export is asked for, and taken out, on the page of its
list.
"""

from typing import Annotated

from fastapi import Query

from app.access.request_guard import CurrentActor, DbSession, allow, api_router
from app.audit import service as audit
from app.exports import answers, queries, service
from app.exports.models import ExportRequest
from app.exports.schemas import ExportDecision, ExportRequestFilter, ExportRequestRead
from app.platform.paging import Page
from app.platform.problems import described
from app.platform.text import Id

router = api_router("/export-requests", "exports")


@router.get("", response_model=Page[ExportRequestRead], dependencies=[allow("export.read")])
async def list_export_requests(
    query: Annotated[ExportRequestFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[ExportRequestRead]:
    """One's own requests, and for those who decide all of them, newest first."""
    found = await answers.find(session, actor, query=query)
    return audit.show_page(session, found, found.rows)


@router.get("/{export_request_id}", response_model=ExportRequestRead, dependencies=[allow("export.read")])
async def get_export_request(export_request_id: Id, session: DbSession, actor: CurrentActor) -> ExportRequestRead:
    request = await queries.get_request(session, actor, export_request_id=export_request_id)
    audit.note(session, record_type="export_request", record_id=export_request_id)
    return await _read(session, request)


@router.post(
    "/{export_request_id}/decision",
    response_model=ExportRequestRead,
    responses=described(409),
    dependencies=[allow("export.decide")],
)
async def decide_export_request(
    export_request_id: Id, wanted: ExportDecision, session: DbSession, actor: CurrentActor
) -> ExportRequestRead:
    """Agree to an export or refuse it; not one's own, and once. An approved one can be taken out for 24 hours."""
    request = await service.decide(session, actor, export_request_id=export_request_id, wanted=wanted)
    return await _read(session, request)


@router.post(
    "/{export_request_id}/withdrawal",
    response_model=ExportRequestRead,
    responses=described(409),
    dependencies=[allow("export.read")],
)
async def withdraw_export_request(export_request_id: Id, session: DbSession, actor: CurrentActor) -> ExportRequestRead:
    """Take back one's own request before it is decided."""
    return await _read(session, await service.withdraw(session, actor, export_request_id=export_request_id))


async def _read(session: DbSession, request: ExportRequest) -> ExportRequestRead:
    (shown,) = await answers.read(session, [request])
    return shown
