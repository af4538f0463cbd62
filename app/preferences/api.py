"""`/me/preferences`: how the account that asks sees its pages."""

from fastapi import Request, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.platform.etags import etag
from app.preferences import service
from app.preferences.schemas import PreferencesRead, PreferencesUpdate

router = api_router("/me", "me")


@router.get("/preferences", response_model=PreferencesRead, dependencies=[allow("preferences.own")])
async def get_preferences(
    request: Request, session: DbSession, actor: CurrentActor, response: Response
) -> PreferencesRead:
    """One's own preferences; what was not chosen is as the settings say."""
    found = await service.preferences_of(session, request.app.state.settings, account_id=actor.account_id)
    audit.note(session, record_type="account_preference", record_id=actor.account_id)
    response.headers["etag"] = etag(found.version)
    return found


@router.put("/preferences", response_model=PreferencesRead, dependencies=[allow("preferences.own")])
async def update_preferences(
    change: PreferencesUpdate,
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> PreferencesRead:
    """Change the fields given; null goes back to what the settings say. An empty body changes nothing."""
    found = await service.change_preferences(
        session, request.app.state.settings, actor, change=change, if_match=if_match
    )
    response.headers["etag"] = etag(found.version)
    return found
