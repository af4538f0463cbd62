"""`/drafts`: one's own, each by what it is typed for. Nobody reads those of somebody else."""

from typing import Annotated

from fastapi import Path, Query, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.drafts import queries, service
from app.drafts.schemas import DraftFilter, DraftRead, DraftSave, Field, Kind
from app.platform.etags import etag
from app.platform.paging import Page
from app.platform.text import Id

router = api_router("/drafts", "drafts")
_PLACE = "/{draft_kind}/{draft_record_id}/{draft_field}"
InKind = Annotated[Kind, Path()]
InField = Annotated[Field, Path()]


@router.get("", response_model=Page[DraftRead], dependencies=[allow("draft.own")])
async def list_drafts(
    query: Annotated[DraftFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[DraftRead]:
    """One's own drafts, the one that was saved last at the front. Each is removed at `expires_at`."""
    found = await queries.list_drafts(session, actor, query=query)
    return audit.show_page(session, found, map(DraftRead.model_validate, found.rows))


@router.get(_PLACE, response_model=DraftRead, dependencies=[allow("draft.own")])
async def get_draft(
    draft_kind: InKind,
    draft_record_id: Id,
    draft_field: InField,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
) -> DraftRead:
    draft = await queries.get_draft(session, actor, kind=draft_kind, record_id=draft_record_id, field=draft_field)
    audit.note(session, record_type="draft", record_id=draft.draft_id)
    response.headers["etag"] = etag(draft.version)
    return DraftRead.model_validate(draft)


@router.put(_PLACE, response_model=DraftRead, dependencies=[allow("draft.own")])
async def save_draft(
    draft_kind: InKind,
    draft_record_id: Id,
    draft_field: InField,
    saved: DraftSave,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> DraftRead:
    """
    Keep what is being typed, for 30 days from now. Without `If-Match` the last one to save wins; `version` in the
    answer tells whether somebody has saved in between.
    """
    draft = await service.save_draft(
        session,
        actor,
        kind=draft_kind,
        record_id=draft_record_id,
        field=draft_field,
        saved=saved,
        if_match=if_match,
    )
    response.headers["etag"] = etag(draft.version)
    return DraftRead.model_validate(draft)


@router.delete(_PLACE, status_code=204, dependencies=[allow("draft.own")])
async def remove_draft(
    draft_kind: InKind, draft_record_id: Id, draft_field: InField, session: DbSession, actor: CurrentActor
) -> None:
    """Remove a draft that was sent, or is not wanted."""
    await service.remove_draft(session, actor, kind=draft_kind, record_id=draft_record_id, field=draft_field)
