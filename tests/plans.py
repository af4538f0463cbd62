"""PostgreSQL's plans, for tests that a list is read from its index."""

from typing import Any

from sqlalchemy import Executable, Select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.paging import SortKey


async def plan(session: AsyncSession, query: Executable) -> str:
    """The plan of a query where reading whole tables is too dear: in small ones it would always be cheapest."""
    for way in ("seqscan", "bitmapscan", "mergejoin", "hashjoin"):
        await session.execute(text(f"SET LOCAL enable_{way} = off"))
    compiled: Any = query.compile(  # type: ignore[attr-defined]  # every statement that is executed here has it
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"literal_binds": True},
    )
    written = str(compiled).replace(":", r"\:")
    return "\n".join((await session.scalars(text(f"EXPLAIN {written}"))).all())


async def plan_of_page(session: AsyncSession, ids: Select[Any], sort: SortKey) -> str:
    """The plan of a list's first page, as fetch_page asks for it."""
    order = [column.asc() if sort.ascending else column.desc() for column in sort.columns]
    return await plan(session, ids.order_by(*order).limit(51))
