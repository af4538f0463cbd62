from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.exports.errors import ExportRequestNotFound
from app.exports.models import ExportRequest
from app.exports.schemas import ExportRequestFilter
from app.exports.words import WAITING
from app.people.models import DuplicateCandidate
from app.platform import clock
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, fetch_page

_NEWEST = SortKey((ExportRequest.created_at, ExportRequest.export_request_id), (datetime, UUID))


def _seen(actor: Actor) -> ColumnElement[bool]:
    """All for those who decide or inspect, one's own for everybody else."""
    if actor.may("export.decide") or actor.may("audit.read"):
        return true()
    return ExportRequest.requested_by == actor.account_id


def _is(state: str, now: datetime) -> ColumnElement[bool]:
    if state == "expired":
        return and_(ExportRequest.decision.in_(WAITING), ExportRequest.expires_at <= now)
    said = ExportRequest.decision == state
    return and_(said, ExportRequest.expires_at > now) if state in WAITING else said


async def get_request(
    session: AsyncSession, actor: Actor, *, export_request_id: UUID, for_update: bool = False
) -> ExportRequest:
    """The request; ExportRequestNotFound, also for one that the actor may not see."""
    query = select(ExportRequest).where(_seen(actor), ExportRequest.export_request_id == export_request_id)
    if for_update:
        query = query.with_for_update()
    found = await session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise ExportRequestNotFound
    return found


async def list_requests(session: AsyncSession, actor: Actor, *, query: ExportRequestFilter) -> Found[ExportRequest]:
    """A page of requests, newest first."""
    ids = select(ExportRequest.export_request_id, *_NEWEST.columns).where(_seen(actor))
    if query.state is not None:
        ids = ids.where(_is(query.state, clock.now()))
    return await fetch_page(session, ids=ids, query=query, sort=_NEWEST, rows=select(ExportRequest))


async def count_open(session: AsyncSession, actor: Actor, *, most: int) -> int:
    """How many of the actor's own wait for a decision, at most `most`."""
    mine = ExportRequest.requested_by == actor.account_id
    waiting = select(ExportRequest.export_request_id).where(mine, _is("open", clock.now())).limit(most)
    return len((await session.scalars(waiting)).all())


async def may_be_one_human(session: AsyncSession, one: UUID, other: UUID) -> bool:
    """Whether two accounts are one human's as far as is known: one person, or two whom nobody has told apart."""
    query = select(UserAccount.person_id).where(UserAccount.user_account_id.in_((one, other)))
    persons = sorted({person_id for person_id in await session.scalars(query) if person_id is not None})
    if one == other or len(persons) != 2:  # noqa: PLR2004 - a person for each
        return one == other
    pair = select(DuplicateCandidate.decision).where(
        DuplicateCandidate.person_id == persons[0], DuplicateCandidate.other_person_id == persons[1]
    )
    return await session.scalar(pair) in {"open", "same_person"}
