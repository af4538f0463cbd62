"""Every foreign key has an index by which the rows are found that point to a row, or points where no row is removed."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.legacy.phases import p02_schema
from app.models import metadata
from app.platform.db import Rows

OF_THE_LIBRARY: Final = "procrastinate_"
"""The queue's own tables: few jobs wait at a time."""

_BARE: Final = """
    SELECT c.conrelid::regclass::text || '.' || string_agg(a.attname, '+' ORDER BY k.place), c.confrelid::regclass::text
    FROM pg_constraint AS c
    CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k(attnum, place)
    JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
    WHERE c.contype = 'f' AND c.conparentid = 0 AND c.connamespace = 'public'::regnamespace
      AND NOT EXISTS (
        SELECT FROM pg_index AS i
        WHERE i.indrelid = c.conrelid AND i.indisvalid AND i.indkey[0] = ANY (c.conkey)
          -- A part of the rows is enough where it is that of the rows that point somewhere.
          AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid)
               = format('(%s IS NOT NULL)', (SELECT attname FROM pg_attribute
                                             WHERE attrelid = i.indrelid AND attnum = i.indkey[0]))))
    GROUP BY c.oid, c.conrelid, c.confrelid
"""


def rows_are_removed(table: str) -> bool:
    """Whether a row of a table is ever taken away: by the application, or by the undo of a migration."""
    return table in p02_schema.TARGETS or metadata.tables[table].info["rows"] not in {Rows.RECORD, Rows.INSERT_ONLY}


async def test_every_foreign_key_has_an_index_or_points_where_no_row_is_removed(session: AsyncSession) -> None:
    bare = (await session.execute(text(_BARE))).all()
    assert [key for key, table in bare if not key.startswith(OF_THE_LIBRARY) and rows_are_removed(table)] == []
    # The question finds what has none: accounts stay.
    assert ("patient.owner_id", "user_account") in bare
