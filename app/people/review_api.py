"""`/suggested-changes` and `/duplicate-candidates`: what waits for somebody to decide about people's records."""

from typing import Annotated

from fastapi import Query, Response

from app.access.request_guard import CurrentActor, DbSession, allow, api_router
from app.audit import service as audit
from app.people import queries, suggestions
from app.people.schemas import (
    DuplicateCandidateFilter,
    DuplicateCandidateRead,
    DuplicateDecisionIn,
    SuggestedChangeFilter,
    SuggestedChangeRead,
    SuggestionAcceptance,
    SuggestionDecisionIn,
)
from app.platform.etags import etag
from app.platform.paging import Page
from app.platform.text import Id

suggested_changes = api_router("/suggested-changes", "suggested changes")
duplicate_candidates = api_router("/duplicate-candidates", "duplicate candidates")


@suggested_changes.get("", response_model=Page[SuggestedChangeRead], dependencies=[allow("suggestion.read")])
async def list_suggested_changes(
    query: Annotated[SuggestedChangeFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[SuggestedChangeRead]:
    """Values that arrived for existing records and differ from ours, newest first."""
    found = await queries.list_suggested_changes(session, actor, query=query)
    return audit.show_page(session, found, map(SuggestedChangeRead.model_validate, found.rows))


@suggested_changes.get(
    "/{suggested_change_id}", response_model=SuggestedChangeRead, dependencies=[allow("suggestion.read")]
)
async def get_suggested_change(
    suggested_change_id: Id, session: DbSession, actor: CurrentActor, response: Response
) -> SuggestedChangeRead:
    found = await queries.get_suggested_change(session, actor, suggested_change_id=suggested_change_id)
    audit.note(session, record_type="suggested_change", record_id=suggested_change_id)
    response.headers["etag"] = etag(found.version)
    return SuggestedChangeRead.model_validate(found)


@suggested_changes.post(
    "/{suggested_change_id}/accept",
    response_model=SuggestedChangeRead,
    dependencies=[allow("suggestion.decide")],
)
async def accept_suggested_change(
    suggested_change_id: Id, decision: SuggestionAcceptance, session: DbSession, actor: CurrentActor
) -> SuggestedChangeRead:
    """
    Take the value over.

    409 `our_value_changed` when ours is another one than when the suggestion was made; 422 where the new value needs a
    `reason_code`.
    """
    why = suggestions.Why(decision.reason, decision.reason_code)
    accepted = await suggestions.accept(session, actor, suggested_change_id=suggested_change_id, why=why)
    return SuggestedChangeRead.model_validate(accepted)


@suggested_changes.post(
    "/{suggested_change_id}/reject",
    response_model=SuggestedChangeRead,
    dependencies=[allow("suggestion.decide")],
)
async def reject_suggested_change(
    suggested_change_id: Id, decision: SuggestionDecisionIn, session: DbSession, actor: CurrentActor
) -> SuggestedChangeRead:
    """Keep ours. The same value is not suggested again."""
    rejected = await suggestions.reject(session, actor, suggested_change_id=suggested_change_id, reason=decision.reason)
    return SuggestedChangeRead.model_validate(rejected)


@duplicate_candidates.get("", response_model=Page[DuplicateCandidateRead], dependencies=[allow("suggestion.read")])
async def list_duplicate_candidates(
    query: Annotated[DuplicateCandidateFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[DuplicateCandidateRead]:
    """Pairs of persons who may be one human, newest first."""
    found = await queries.list_duplicate_candidates(session, actor, query=query)
    return audit.show_page(session, found, map(DuplicateCandidateRead.model_validate, found.rows))


@duplicate_candidates.get(
    "/{duplicate_candidate_id}", response_model=DuplicateCandidateRead, dependencies=[allow("suggestion.read")]
)
async def get_duplicate_candidate(
    duplicate_candidate_id: Id, session: DbSession, actor: CurrentActor, response: Response
) -> DuplicateCandidateRead:
    pair = await queries.get_duplicate_candidate(session, actor, duplicate_candidate_id=duplicate_candidate_id)
    audit.note(
        session,
        record_type="duplicate_candidate",
        record_id=duplicate_candidate_id,
    )
    response.headers["etag"] = etag(pair.version)
    return DuplicateCandidateRead.model_validate(pair)


@duplicate_candidates.post(
    "/{duplicate_candidate_id}/decide",
    response_model=DuplicateCandidateRead,
    dependencies=[allow("suggestion.decide")],
)
async def decide_duplicate_candidate(
    duplicate_candidate_id: Id, decision: DuplicateDecisionIn, session: DbSession, actor: CurrentActor
) -> DuplicateCandidateRead:
    """Say whether they are one human. "Different people" is kept, so that nobody is asked twice."""
    pair = await suggestions.decide_duplicate(
        session,
        actor,
        duplicate_candidate_id=duplicate_candidate_id,
        decision=decision.decision,
        reason=decision.reason,
    )
    return DuplicateCandidateRead.model_validate(pair)
