"""Suggested changes on the pages of leads and patients: taken over, or ours is kept, with one press."""

from uuid import UUID

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.people import suggestions
from app.people.errors import SuggestionNotFound
from app.people.queries import get_suggested_change
from app.platform.actor import Actor
from app.platform.locales import _
from app.web.about import LEADS, PATIENTS, About
from app.web.page_guard import allow, go_to, page_router
from app.web.render import Flash

router = page_router()


async def _require_of(
    session: AsyncSession, actor: Actor, about: About, record_id: UUID, suggested_change_id: UUID
) -> None:
    """SuggestionNotFound for one of another person than the record of the address is about."""
    person = await about.person(session, actor, record_id)
    change = await get_suggested_change(session, actor, suggested_change_id=suggested_change_id)
    if change.person_id != person.person_id:
        raise SuggestionNotFound


def _add(about: About) -> None:
    key = Path(alias=about.key)
    place = f"{about.address}/suggested-changes/{{suggested_change_id}}"

    @router.post(f"{place}/accept", name="accept_suggested_change", dependencies=[allow("suggestion.decide")])
    async def accept(
        request: Request,
        session: DbSession,
        actor: CurrentActor,
        suggested_change_id: UUID,
        record_id: UUID = key,
    ) -> Response:
        await _require_of(session, actor, about, record_id, suggested_change_id)
        await suggestions.accept(session, actor, suggested_change_id=suggested_change_id)
        return go_to(request, f"{about.path}/{record_id}", flash=Flash(_("The suggested value is taken over.")))

    @router.post(f"{place}/reject", name="reject_suggested_change", dependencies=[allow("suggestion.decide")])
    async def reject(
        request: Request,
        session: DbSession,
        actor: CurrentActor,
        suggested_change_id: UUID,
        record_id: UUID = key,
    ) -> Response:
        await _require_of(session, actor, about, record_id, suggested_change_id)
        await suggestions.reject(session, actor, suggested_change_id=suggested_change_id)
        said = Flash(_("Ours is kept. The value is not suggested again."))
        return go_to(request, f"{about.path}/{record_id}", flash=said)


for _about in (PATIENTS, LEADS):
    _add(_about)
