"""`/call-history` and `/patients/{patient_id}/calls`: book, log, correct, book anew, void; nothing is overwritten."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.fast_paths import with_fast_path
from app.access.request_guard import ChangeReason, CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.calls import fast_path, queries, service
from app.calls.answers import made, read
from app.calls.models import CallHistory
from app.calls.schemas import (
    CallFilter,
    CallMade,
    CallOfPatientFilter,
    CallRead,
    CallUpdate,
    NewCall,
    Rebooking,
    YesNo,
)
from app.people.schemas import SearchPage
from app.platform import clock
from app.platform.etags import etag
from app.platform.paging import Found, Page
from app.platform.problems import described
from app.platform.settings import Settings
from app.platform.text import Id

router = api_router("/call-history", "calls")
of_patients = api_router("/patients", "calls")


def _page(session: AsyncSession, found: Found[CallHistory], person_ids: Iterable[UUID] = ()) -> Page[CallRead]:
    now = clock.now()
    return audit.show_page(session, found, (read(row, now) for row in found.rows), person_ids=person_ids)


async def _changed(session: AsyncSession, call: CallHistory, request: Request, response: Response) -> CallMade:
    settings: Settings = request.app.state.settings
    warnings = await queries.booking_warnings(session, call, default_zone=settings.default_time_zone)
    response.headers["etag"] = etag(call.version)
    return made(call, clock.now(), warnings=warnings)


async def _made(session: AsyncSession, call: CallHistory, request: Request, response: Response) -> CallMade:
    response.headers["location"] = f"{router.prefix}/{call.call_id}"
    return await _changed(session, call, request, response)


@router.post(
    "",
    status_code=201,
    response_model=CallMade,
    dependencies=[allow("call.create")],
    responses=described(404),
)
@with_fast_path(fast_path.create_call)
async def create_call(
    new: NewCall,
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
) -> CallMade:
    """Book or log a call with a patient or a lead. Every POST is a call of its own."""
    return await _made(session, await service.log_call(session, actor, new=new), request, response)


@router.get("", response_model=SearchPage[CallRead], dependencies=[allow("call.read")])
async def list_calls(query: Annotated[CallFilter, Query()], session: DbSession, actor: CurrentActor) -> Page[CallRead]:
    """Calls, newest first. `q` needs the permission to search."""
    return _page(session, await queries.list_calls(session, actor, query=query))


@router.get("/{call_id}", response_model=CallRead, dependencies=[allow("call.read")])
async def get_call(
    call_id: Id,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    include_voided: Annotated[YesNo | None, Query()] = None,
) -> CallRead:
    call = await queries.get_call(session, actor, call_id=call_id, include_voided=include_voided == "true")
    audit.note(session, record_type="call_history", record_id=call_id)
    response.headers["etag"] = etag(call.version)
    return read(call, clock.now())


@router.put("/{call_id}", response_model=CallMade, dependencies=[allow("call.write")])
async def update_call(
    call_id: Id,
    change: CallUpdate,
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> CallMade:
    """Correct the fields given; the earlier version is kept. An empty body changes nothing."""
    call = await service.correct_call(session, actor, call_id=call_id, change=change, if_match=if_match)
    return await _changed(session, call, request, response)


@router.delete("/{call_id}", status_code=204, dependencies=[allow("call.void_own")])
async def void_call(
    call_id: Id,
    session: DbSession,
    actor: CurrentActor,
    if_match: IfMatch,
    reason: ChangeReason,
) -> None:
    """Void a call that was entered by mistake: it leaves GET and lists; the row stays, with the reason stated."""
    await service.void_call(session, actor, call_id=call_id, reason=reason, if_match=if_match)


@router.post("/{call_id}/reschedule", status_code=201, response_model=CallMade, dependencies=[allow("call.write")])
async def reschedule_call(
    call_id: Id, booking: Rebooking, request: Request, session: DbSession, actor: CurrentActor, response: Response
) -> CallMade:
    """Book anew and close the old booking; the answer is the new call."""
    call = await service.reschedule_call(session, actor, call_id=call_id, booking=booking)
    return await _made(session, call, request, response)


@of_patients.get("/{patient_id}/calls", response_model=Page[CallRead], dependencies=[allow("call.read")])
async def list_calls_of_patient(
    patient_id: Id, query: Annotated[CallOfPatientFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[CallRead]:
    """All calls with the patient's person, newest first, also those from before it was a patient."""
    person_id, found = await queries.list_calls_of_patient(session, actor, patient_id=patient_id, query=query)
    return _page(session, found, [person_id])
