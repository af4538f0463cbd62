from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.queries import account_names
from app.exports import queries
from app.exports.models import ExportRequest
from app.exports.schemas import ExportRequestFilter, ExportRequestRead
from app.exports.words import WAITING
from app.platform import clock
from app.platform.actor import Actor
from app.platform.answers import answer
from app.platform.paging import Found


async def read(session: AsyncSession, requests: Sequence[ExportRequest]) -> list[ExportRequestRead]:
    """The requests as they are shown, with the names of the accounts."""
    names = await account_names(session, [key for one in requests for key in (one.requested_by, one.decided_by)])
    now = clock.now()
    return [
        answer(
            ExportRequestRead,
            one,
            state="expired" if one.decision in WAITING and one.expires_at <= now else one.decision,
            requested_by_name=names[one.requested_by],
            decided_by_name=None if one.decided_by is None else names.get(one.decided_by),
        )
        for one in requests
    ]


async def find(session: AsyncSession, actor: Actor, *, query: ExportRequestFilter) -> Found[ExportRequestRead]:
    """A page of requests as they are shown."""
    found = await queries.list_requests(session, actor, query=query)
    return Found(
        await read(session, found.rows), found.next_cursor, found.total, found.total_is_capped, found.record_type
    )
