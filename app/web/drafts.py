"""What somebody is typing is kept on the server while they type: of a lead or a patient, a call to log or a note."""

from uuid import UUID

from fastapi import Path, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.drafts import queries, service
from app.drafts.errors import DraftNotFound
from app.drafts.schemas import DraftRead, DraftSave
from app.platform.actor import Actor
from app.platform.errors import NotFound
from app.platform.locales import _
from app.web.about import LEADS, PATIENTS, About
from app.web.forms import read_form
from app.web.page_guard import allow, go_to, page_router
from app.web.render import DOCK, Flash, wanted_block

router = page_router()

FIELDS = frozenset({"call", "note"})
_NOT_TYPED = frozenset({"csrf_token"})


class NoSuchDraft(NotFound):
    detail = _("No draft of this kind is kept.")


async def draft_of(session: AsyncSession, actor: Actor, about: About, record_id: UUID, field: str) -> DraftRead | None:
    """What the actor has typed of this field and not sent; None when there is nothing, or they may keep no drafts."""
    if not actor.may("draft.own"):
        return None
    try:
        found = await queries.get_draft(session, actor, kind=about.kind, record_id=record_id, field=field)
    except DraftNotFound:
        return None
    return DraftRead.model_validate(found)


async def draft_is_sent(session: AsyncSession, actor: Actor, about: About, record_id: UUID, field: str) -> None:
    """What was typed is stored as what it is: its draft goes, in the same transaction."""
    if await draft_of(session, actor, about, record_id, field) is not None:
        await service.remove_draft(session, actor, kind=about.kind, record_id=record_id, field=field)


def _add(about: About) -> None:
    key = Path(alias=about.key)
    place = f"{about.address}/drafts/{{draft_field}}"

    @router.post(place, name="keep_draft", dependencies=[allow("draft.own")])
    async def keep_draft(
        request: Request, session: DbSession, actor: CurrentActor, draft_field: str, record_id: UUID = key
    ) -> Response:
        if draft_field not in FIELDS:
            raise NoSuchDraft
        person = await about.person(session, actor, record_id)
        form = await request.form()
        content = {name: value for name, value in form.items() if isinstance(value, str) and name not in _NOT_TYPED}
        await service.save_draft(
            session,
            actor,
            kind=about.kind,
            record_id=record_id,
            field=draft_field,
            saved=read_form(DraftSave, {"content": content, "person_id": str(person.person_id)}),
        )
        return Response(status_code=204)

    @router.post(f"{place}/discard", name="discard_draft", dependencies=[allow("draft.own")])
    async def discard_draft(
        request: Request, session: DbSession, actor: CurrentActor, draft_field: str, record_id: UUID = key
    ) -> Response:
        """Once is as good as twice."""
        if draft_field not in FIELDS:
            raise NoSuchDraft
        await about.context(session, actor, record_id)
        await draft_is_sent(session, actor, about, record_id, draft_field)
        if draft_field == "call" and wanted_block(request) == DOCK:
            # The panel begins anew, with its timer.
            return RedirectResponse(f"{about.path}/{record_id}/calls/new", 303)
        return go_to(request, f"{about.path}/{record_id}", flash=Flash(_("What was typed is discarded.")))


for _about in (PATIENTS, LEADS):
    _add(_about)
