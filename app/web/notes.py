"""Notes: written about a lead or a patient on the page of their record, above the timeline."""

from uuid import UUID

from fastapi import Path, Request, Response

from app.access.request_guard import CurrentActor, DbSession
from app.notes import service
from app.notes.schemas import NoteCreate
from app.platform.errors import AppError, NotFound
from app.platform.locales import _
from app.web.about import LEADS, PATIENTS, About
from app.web.drafts import draft_is_sent
from app.web.forms import read_form, typed_in
from app.web.page_guard import allow, go_to, known_errors, page_router
from app.web.records import Refused, in_its_place
from app.web.side_effects import lacks_answer, report_is_due, saved

router = page_router()


def _add(about: About) -> None:
    key = Path(alias=about.key)

    @router.post(f"{about.address}/notes", name="write_note", dependencies=[allow("note.write")])
    async def write_note(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        typed = await typed_in(request, NoteCreate)
        given = {name: value for name, value in typed.items() if value != ""} | {about.key: str(record_id)}
        here = (await about.context(session, actor, record_id))["here"]
        try:
            new = read_form(NoteCreate, given, wrong=lacks_answer(typed, "text"))
            async with known_errors(request, session):
                await service.write_note(session, actor, new=new)
                heard = new.adverse_event_heard
                report = await report_is_due(request, session, heard=heard, about_it=about.key, key=record_id)
                await draft_is_sent(session, actor, about, record_id, "note")
        except NotFound:
            raise
        except AppError as error:
            refused = Refused("note", typed)
            return await in_its_place(request, session, actor, about, record_id, refused, error)
        return go_to(request, here, flash=saved(_("The note is saved."), report=report))


for _about in (PATIENTS, LEADS):
    _add(_about)
