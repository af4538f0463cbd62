from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.about.models import KEYS
from app.about.queries import IN_SPECIAL, columns_of
from app.audit import service as audit
from app.calls.service import VOIDED_WITHOUT_REASON
from app.notes import queries
from app.notes.models import Note
from app.notes.schemas import NoteCreate, NoteUpdate
from app.people.side_effects import Heard, side_effect_heard
from app.platform import clock
from app.platform.actor import Actor
from app.platform.etags import etag, require_match
from app.platform.stored_fields import StoredFields

_NEW = StoredFields(Note, NoteCreate, special=IN_SPECIAL)
_CHANGED = StoredFields(Note, NoteUpdate)


async def write_note(session: AsyncSession, actor: Actor, *, new: NoteCreate) -> Note:
    """
    A new note. It may be about somebody who has died or withdrawn.

    The NotFound of what it is about; Invalid when that is of two people.
    """
    note = Note(
        **_NEW.values(new),
        **await columns_of(session, actor, new),
        created_by=actor.account_id,
        updated_by=actor.account_id,
    )
    session.add(note)
    await session.flush()
    _note(session, note)
    if note.adverse_event_heard:
        await side_effect_heard(session, actor, _heard_in(note))
    return await queries.get_note(session, actor, note_id=note.note_id)


async def change_note(
    session: AsyncSession, actor: Actor, *, note_id: UUID, change: NoteUpdate, if_match: str | None = None
) -> Note:
    """Change the fields given; the earlier version stays in row_history. NoteNotFound; Stale."""
    note = await queries.get_note(session, actor, note_id=note_id, for_update=True)
    require_match(if_match, etag(note.version))
    was_heard = note.adverse_event_heard
    _CHANGED.set_given(note, change)
    await session.flush()
    _note(session, note, change.model_fields_set)
    if note.adverse_event_heard and not was_heard:
        await side_effect_heard(session, actor, _heard_in(note))
    return await queries.get_note(session, actor, note_id=note_id)


async def void_note(
    session: AsyncSession, actor: Actor, *, note_id: UUID, reason: str | None, if_match: str | None = None
) -> None:
    """
    Take a note that was written by mistake out of sight; the row stays.

    NoteNotFound; Stale; Forbidden for the note of somebody else without `note.void_any`.
    """
    note = await queries.get_note(session, actor, note_id=note_id, for_update=True)
    if actor.account_id is None or note.created_by != actor.account_id:
        actor.require("note.void_any")
    require_match(if_match, etag(note.version))
    note.voided_at, note.voided_by = clock.now(), actor.account_id
    note.void_reason = reason or VOIDED_WITHOUT_REASON
    await session.flush()
    _note(session, note, ["voided_at"])


def _heard_in(note: Note) -> Heard:
    """The side effect that a note tells of: about what the note is about."""
    named = {name: getattr(note, name) for name in KEYS}
    return Heard({name: key for name, key in named.items() if key is not None}, note.text)


def _note(session: AsyncSession, note: Note, fields: Iterable[str] = ()) -> None:
    audit.note(session, record_type="note", record_id=note.note_id, person_ids=[note.person_id], fields=fields)
