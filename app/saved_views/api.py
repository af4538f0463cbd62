"""`/saved-views`: settings of lists under a name, one's own and the shared ones."""

from typing import Annotated

from fastapi import Query, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.platform.etags import etag
from app.platform.problems import described
from app.platform.text import Id
from app.saved_views import queries, service
from app.saved_views.schemas import (
    ListName,
    SavedViewChoiceUpdate,
    SavedViewCreate,
    SavedViewRead,
    SavedViewsRead,
    SavedViewUpdate,
)

router = api_router("/saved-views", "saved-views")


@router.get("", response_model=SavedViewsRead, dependencies=[allow("view.own")])
async def list_saved_views(
    session: DbSession, actor: CurrentActor, list_name: Annotated[ListName | None, Query()] = None
) -> SavedViewsRead:
    """The views that one may see, of one list or of all."""
    audit.note(session, record_type="saved_view")
    return SavedViewsRead(views=await queries.list_views(session, actor, list_name=list_name))


@router.post("", status_code=201, response_model=SavedViewRead, dependencies=[allow("view.own")])
async def create_saved_view(
    new: SavedViewCreate, session: DbSession, actor: CurrentActor, response: Response
) -> SavedViewRead:
    """Save a view. To share it asks for `view.share`."""
    view = await service.save_view(session, actor, new=new)
    response.headers["etag"] = etag(view.version)
    response.headers["location"] = f"{router.prefix}/{view.saved_view_id}"
    return view


@router.get("/{saved_view_id}", response_model=SavedViewRead, dependencies=[allow("view.own")])
async def get_saved_view(
    saved_view_id: Id, session: DbSession, actor: CurrentActor, response: Response
) -> SavedViewRead:
    view = await queries.get_view(session, actor, saved_view_id=saved_view_id)
    audit.note(session, record_type="saved_view", record_id=saved_view_id)
    response.headers["etag"] = etag(view.version)
    return view


@router.put("/{saved_view_id}", response_model=SavedViewRead, dependencies=[allow("view.own")])
async def update_saved_view(
    saved_view_id: Id,
    change: SavedViewUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> SavedViewRead:
    """Change the fields given; of a shared view for everybody. An empty body changes nothing."""
    view = await service.change_view(session, actor, saved_view_id=saved_view_id, change=change, if_match=if_match)
    response.headers["etag"] = etag(view.version)
    return view


@router.delete("/{saved_view_id}", status_code=204, dependencies=[allow("view.own")])
async def remove_saved_view(saved_view_id: Id, session: DbSession, actor: CurrentActor, if_match: IfMatch) -> None:
    """Remove a view, a shared one for everybody."""
    await service.remove_view(session, actor, saved_view_id=saved_view_id, if_match=if_match)


@router.put(
    "/{saved_view_id}/choice",
    response_model=SavedViewRead,
    responses=described(409),
    dependencies=[allow("view.own")],
)
async def choose_saved_view(
    saved_view_id: Id, choice: SavedViewChoiceUpdate, session: DbSession, actor: CurrentActor
) -> SavedViewRead:
    """Pin a view to one's own sidebar, five for each list, or let its list begin with it."""
    return await service.choose_view(session, actor, saved_view_id=saved_view_id, choice=choice)
