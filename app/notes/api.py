"""`/notes`: write, list, correct, void. A note is about a person or a record of theirs."""

from typing import Annotated

from fastapi import Query, Response

from app.access.request_guard import ChangeReason, CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.notes import queries, service
from app.notes.schemas import NoteCreate, NoteFilter, NoteRead, NoteUpdate, YesNo
from app.platform.etags import etag
from app.platform.paging import Page
from app.platform.problems import described
from app.platform.text import Id

router = api_router("/notes", "notes")


@router.post("", status_code=201, response_model=NoteRead, responses=described(404), dependencies=[allow("note.write")])
async def create_note(new: NoteCreate, session: DbSession, actor: CurrentActor, response: Response) -> NoteRead:
    """Write a note. Every POST is a note of its own."""
    note = await service.write_note(session, actor, new=new)
    response.headers["etag"] = etag(note.version)
    response.headers["location"] = f"{router.prefix}/{note.note_id}"
    return NoteRead.model_validate(note)


@router.get("", response_model=Page[NoteRead], dependencies=[allow("note.read")])
async def list_notes(query: Annotated[NoteFilter, Query()], session: DbSession, actor: CurrentActor) -> Page[NoteRead]:
    """Notes, newest first."""
    found = await queries.list_notes(session, actor, query=query)
    return audit.show_page(session, found, map(NoteRead.model_validate, found.rows))


@router.get("/{note_id}", response_model=NoteRead, dependencies=[allow("note.read")])
async def get_note(
    note_id: Id,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    include_voided: Annotated[YesNo | None, Query()] = None,
) -> NoteRead:
    note = await queries.get_note(session, actor, note_id=note_id, include_voided=include_voided == "true")
    audit.note(session, record_type="note", record_id=note_id)
    response.headers["etag"] = etag(note.version)
    return NoteRead.model_validate(note)


@router.put("/{note_id}", response_model=NoteRead, dependencies=[allow("note.write")])
async def update_note(
    note_id: Id, change: NoteUpdate, session: DbSession, actor: CurrentActor, response: Response, if_match: IfMatch
) -> NoteRead:
    """Correct the fields given; the earlier version is kept. An empty body changes nothing."""
    note = await service.change_note(session, actor, note_id=note_id, change=change, if_match=if_match)
    response.headers["etag"] = etag(note.version)
    return NoteRead.model_validate(note)


@router.delete("/{note_id}", status_code=204, dependencies=[allow("note.void_own")])
async def void_note(
    note_id: Id, session: DbSession, actor: CurrentActor, if_match: IfMatch, reason: ChangeReason
) -> None:
    """Void a note that was written by mistake: it leaves GET and lists; the row stays, with the reason stated."""
    await service.void_note(session, actor, note_id=note_id, reason=reason, if_match=if_match)
