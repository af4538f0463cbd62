from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.openings import queries
from app.access.openings.models import AccessOpening
from app.access.openings.schemas import OpeningFilter, OpeningRead
from app.access.queries import account_names
from app.audit import service as audit
from app.platform.actor import Actor
from app.platform.answers import answer
from app.platform.paging import Page


async def read(session: AsyncSession, openings: Sequence[AccessOpening]) -> list[OpeningRead]:
    """The openings as they are shown, with the names of the accounts."""
    names = await account_names(session, [opening.user_account_id for opening in openings])
    return [answer(OpeningRead, opening, opened_by_name=names[opening.user_account_id]) for opening in openings]


async def page_of_openings(session: AsyncSession, actor: Actor, *, query: OpeningFilter) -> Page[OpeningRead]:
    found = await queries.list_openings(session, actor, query=query)
    return audit.show_page(session, found, await read(session, found.rows))
