"""`/clinical-trials`: the trials that journeys lead into."""

from typing import Annotated

from fastapi import Query, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.journeys.trial import queries, service
from app.journeys.trial.schemas import (
    TrialCreate,
    TrialFilter,
    TrialRead,
    TrialUpdate,
)
from app.platform.etags import etag
from app.platform.paging import Page
from app.platform.text import Id

router = api_router("/clinical-trials", "clinical trials")


@router.post("", status_code=201, response_model=TrialRead, dependencies=[allow("trial.write")])
async def create_clinical_trial(
    new: TrialCreate, session: DbSession, actor: CurrentActor, response: Response
) -> TrialRead:
    """Add a trial by its registry number."""
    trial = await service.add_trial(session, actor, new=new)
    response.headers["etag"] = etag(trial.version)
    response.headers["location"] = f"{router.prefix}/{trial.clinical_trial_id}"
    return TrialRead.model_validate(trial)


@router.get("", response_model=Page[TrialRead], dependencies=[allow("trial.read")])
async def list_clinical_trials(
    query: Annotated[TrialFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[TrialRead]:
    """Trials, newest first."""
    found = await queries.list_trials(session, actor, query=query)
    return audit.show_page(session, found, map(TrialRead.model_validate, found.rows))


@router.get("/{clinical_trial_id}", response_model=TrialRead, dependencies=[allow("trial.read")])
async def get_clinical_trial(
    clinical_trial_id: Id, session: DbSession, actor: CurrentActor, response: Response
) -> TrialRead:
    trial = await queries.get_trial(session, actor, clinical_trial_id=clinical_trial_id)
    response.headers["etag"] = etag(trial.version)
    return TrialRead.model_validate(trial)


@router.put("/{clinical_trial_id}", response_model=TrialRead, dependencies=[allow("trial.write")])
async def update_clinical_trial(
    clinical_trial_id: Id,
    change: TrialUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> TrialRead:
    """Change the fields given; an empty body changes nothing."""
    trial = await service.change_trial(
        session, actor, clinical_trial_id=clinical_trial_id, change=change, if_match=if_match
    )
    response.headers["etag"] = etag(trial.version)
    return TrialRead.model_validate(trial)
