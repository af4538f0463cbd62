"""Mails to colleagues, in the language that each reads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.db import tables_that_say
from app.platform.locales import language, read_in


@asynccontextmanager
async def in_the_language_of(session: AsyncSession, account_id: UUID) -> AsyncIterator[None]:
    """
    Within the block sentences are in the language that the account has chosen; without a choice in that of the request,
    or of the settings where there is none.
    """
    (choices,) = tables_that_say("language_of_account")
    chosen: str | None = await session.scalar(select(choices.c.language).where(choices.c.user_account_id == account_id))
    with read_in(chosen or language()):
        yield
