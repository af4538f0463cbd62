"""
Which programs a schema serves: that of its own revision, and earlier ones that no revision since has ended.

A program knows no revision that is newer than itself, so the database tells it: it may go on, and be started again,
beside the program that has moved the schema.
"""

from sqlalchemy import exists, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.db import INTERNAL, Base, Rows
from app.platform.newest_revision import head_revision


class ServedProgram(Base, rows=Rows.OWNERS):
    """A revision whose program works on this schema: `earliest_program` of a revision ends those before that one."""

    __tablename__ = "served_program"

    revision: Mapped[str] = mapped_column(primary_key=True, info=INTERNAL)


IS_SAID = text("SELECT to_regclass('served_program') IS NOT NULL")
SERVES_THIS_PROGRAM = select(exists().where(ServedProgram.revision == head_revision()))
"""Asked of a schema of another revision: one that is older cannot name this one."""


async def is_served(session: AsyncSession) -> bool:
    """Whether this program works on the schema, which a newer one has moved."""
    return bool((await session.execute(IS_SAID)).scalar_one()) and bool(
        (await session.execute(SERVES_THIS_PROGRAM)).scalar_one()
    )
