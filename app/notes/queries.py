from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.about.queries import narrowed, of_a_deleted_patient
from app.notes.errors import NoteNotFound
from app.notes.models import Note
from app.notes.schemas import NoteFilter
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, fetch_page

_LOADED = (joinedload(Note.person, innerjoin=True),)
NEWEST_FIRST = SortKey((Note.created_at, Note.note_id), (datetime, UUID))


async def get_note(
    session: AsyncSession, actor: Actor, *, note_id: UUID, include_voided: bool = False, for_update: bool = False
) -> Note:
    """
    The note with its person.

    NoteNotFound, for a voided one too unless it is asked for, and for one about a patient who is deleted.
    """
    query = select(Note).where(Note.note_id == note_id, ~of_a_deleted_patient(Note))
    if not _sees_voided(actor, include_voided=include_voided):
        query = query.where(Note.voided_at.is_(None))
    if for_update:
        query = query.with_for_update(of=Note)
    found = (await session.scalars(query.options(*_LOADED).execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise NoteNotFound
    return found


def filtered(actor: Actor, query: NoteFilter) -> Select[Any]:
    """The keys of the notes that a filter asks for, with the columns they are ordered by."""
    ids = narrowed(select(Note.note_id, *NEWEST_FIRST.columns), Note, query)
    if not _sees_voided(actor, include_voided=query.include_voided == "true"):
        ids = ids.where(Note.voided_at.is_(None))
    if query.created_by is not None:
        ids = ids.where(Note.created_by == query.created_by)
    if query.is_pinned is not None:
        ids = ids.where(Note.is_pinned.is_(query.is_pinned == "true"))
    return ids


async def list_notes(session: AsyncSession, actor: Actor, *, query: NoteFilter) -> Found[Note]:
    """A page of notes, newest first."""
    return await fetch_page(
        session,
        ids=filtered(actor, query),
        query=query,
        sort=NEWEST_FIRST,
        rows=select(Note).options(*_LOADED),
        person=Note.person_id,
    )


def _sees_voided(actor: Actor, *, include_voided: bool) -> bool:
    if include_voided:
        actor.require("note.read_voided")
    return include_voided
