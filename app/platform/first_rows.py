"""The one row of a key, such as an account's preferences, when it is written for the first time."""

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.db import Base


async def made_first(session: AsyncSession, model: type[Base], **values: Any) -> bool:
    """
    Make a row unless its key has one; whether it was made now. Of two at once the second waits, and finds the first's.

    Ask it before the row is locked and its version compared: no row cannot be locked.
    """
    key = inspect(model).primary_key
    made = insert(model).values(**values).on_conflict_do_nothing(index_elements=list(key)).returning(*key)
    return (await session.execute(made)).first() is not None
