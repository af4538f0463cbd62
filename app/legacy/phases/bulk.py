"""
Loading an empty table: its indexes and foreign keys are taken away for the time and built at the end.

All inside the phase's transaction, so a reader sees either the table before or the table after, and a killed phase leaves
nothing behind. Foreign keys are checked by one join instead of a look-up for each row. Only on a first load, and only
where a good part of the table is new: a table that is in use keeps its indexes, and nobody waits for the lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg import sql

from app.legacy.phases.context import Context

_WORTH_IT: Final = 5_000
_STILL_WORTH_IT: Final = 4


@contextmanager
def indexes_at_the_end(context: Context, target: str, new_rows: int) -> Iterator[None]:
    """Take the indexes and foreign keys of a table away while the block fills it, where that is worth it."""
    # A dry run is one long transaction: it must not keep the tables locked for all that time.
    if (
        context.is_dry
        or not context.is_first
        or new_rows < _WORTH_IT
        or _rows_there(context, target) > _STILL_WORTH_IT * new_rows
    ):
        yield
        return
    foreign = context.all(
        f"SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        f" WHERE conrelid = 'public.{target}'::regclass AND contype = 'f' AND conparentid = 0 ORDER BY conname"
    )
    # A unique constraint that another table's foreign key leans on has to stay, as has the primary key.
    constraints = context.all(
        f"""
        SELECT c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint AS c
        WHERE c.conrelid = 'public.{target}'::regclass AND c.contype IN ('u', 'x')
        AND NOT EXISTS (SELECT FROM pg_constraint AS f WHERE f.contype = 'f' AND f.conindid = c.conindid)
        ORDER BY c.conname
        """
    )
    indexes = context.all(
        f"""
        SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index AS i
        WHERE i.indrelid = 'public.{target}'::regclass
        AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)
        ORDER BY 1
        """
    )
    for name, _ in [*foreign, *constraints]:
        _alter(context, target, "DROP CONSTRAINT {}", name)
    for name, _ in indexes:
        context.connection.execute(f"DROP INDEX public.{name}")
    yield
    for name, definition in [*constraints, *foreign]:
        context.stage(f"{target}: {name}", f'ALTER TABLE public.{target} ADD CONSTRAINT "{name}" {definition}')
    for name, definition in indexes:
        context.stage(f"{target}: {name}", definition)
    context.connection.execute(f"ANALYZE public.{target}")


def _rows_there(context: Context, target: str) -> int:
    return int(context.all(f"SELECT count(*) FROM public.{target}")[0][0])


def _alter(context: Context, target: str, change: str, name: str) -> None:
    context.connection.execute(
        sql.SQL("ALTER TABLE {} " + change).format(sql.Identifier("public", target), sql.Identifier(name))
    )
