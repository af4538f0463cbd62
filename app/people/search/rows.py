"""
The rows that are searched: written with the names of a person, made anew where they are missing or of earlier rules.

`keep_new` and `keep` belong into the transaction that makes or renames somebody. Whatever goes past them - a revision
that finds people there, rows loaded in bulk, new rules of folding - is caught up by `fill`, in batches that each stand
when the next begins.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.search.folding import VERSION, Folded, fold_names
from app.platform.db import Database

NAME_FIELDS: Final = ("first_name", "last_name", "middle_name", "preferred_name")
_BATCH: Final = 5_000
_READ_AT_ONCE: Final = 100_000
"""Keys of people without a row: who they are is found out by reading everybody's, so it is asked seldom."""
_EARLIER_NAMES: Final = 20
"""So many earlier versions of somebody are looked at, the newest first."""


def columns_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What the fast path writes of a new person: the words, those somebody would type, and the rules they are from."""
    folded = fold_names(fields[name] for name in NAME_FIELDS)
    return {"words": " ".join(folded.all), "written": list(_of_dictionary(folded)), "folding": VERSION}


async def keep_new(session: AsyncSession, person_id: UUID, fields: Mapping[str, Any]) -> None:
    """Write the words of a person who was made in this transaction with these names."""
    await _write(session, {person_id: fold_names(fields[name] for name in NAME_FIELDS)})


async def keep(session: AsyncSession, person_id: UUID) -> None:
    """Write the words of a person who stands in the database as they are now called; earlier names stay found."""
    names = await _names(session, [person_id])
    await _write(session, {key: fold_names(fields) for key, fields in names.items()})


async def fill(database: Database) -> int:
    """
    Make the rows that are missing, the person who was made first at first, and those of earlier rules anew; how many.

    Each batch is committed; a call that is killed loses nothing, and the next goes on where it stopped. A row that
    somebody writes meanwhile stays theirs.
    """
    made = 0
    for query in (_MISSING, _STALE):
        after: dict[str, Any] = {"at": datetime.min.replace(tzinfo=UTC), "last": UUID(int=0)}
        while True:
            async with database.unit_of_work() as session:
                await session.execute(_AS_LONG_AS_IT_TAKES)
                found = [tuple(row) for row in await session.execute(query, {**after, "version": VERSION})]
            for start in range(0, len(found), _BATCH):
                keys = [person_id for person_id, _ in found[start : start + _BATCH]]
                async with database.unit_of_work() as session:
                    await session.execute(_AS_LONG_AS_IT_TAKES)
                    names = await _names(session, keys)
                    await _write(session, {key: fold_names(names[key]) for key in keys if key in names}, is_late=True)
            made += len(found)
            if len(found) < _READ_AT_ONCE:
                break
            after = dict(zip(("last", "at"), found[-1], strict=True))
    return made


async def count_words(database: Database) -> int:
    """Count anew how many people have each written word, and drop the words that nobody has; how many there are."""
    async with database.unit_of_work() as session:
        await session.execute(_AS_LONG_AS_IT_TAKES)
        await session.execute(_COUNTED)
        return int(await session.scalar(text("SELECT count(*) FROM search_word")) or 0)


async def _names(session: AsyncSession, person_ids: Sequence[UUID]) -> dict[UUID, list[str | None]]:
    """Every name that these people have and, from their history, had; today's first."""
    found: dict[UUID, list[str | None]] = defaultdict(list)
    for person_id, *fields in await session.execute(_NAMES, {"ids": list(person_ids), "most": _EARLIER_NAMES}):
        found[person_id] += fields
    return found


async def _write(session: AsyncSession, folded: Mapping[UUID, Folded], *, is_late: bool = False) -> None:
    """Write these rows, new ones with the next numbers; `is_late`: only where nobody has written one since."""
    if not folded:
        return
    values = {
        "ids": list(folded),
        "words": [" ".join(words.all) for words in folded.values()],
        "written": sorted({word for one in folded.values() for word in _of_dictionary(one)}),
        "version": VERSION,
    }
    await session.execute(_LATE_ROWS if is_late else _ROWS, values)


def _of_dictionary(folded: Folded) -> list[str]:
    """The words in which a typing error is looked for: three letters or more."""
    return sorted({word for word in folded.written if len(word) > 2})  # noqa: PLR2004


_AS_LONG_AS_IT_TAKES = text("SET LOCAL statement_timeout = 0")
_MISSING = text(
    "SELECT p.person_id, p.created_at AS at FROM person AS p WHERE (p.created_at, p.person_id) > (:at, :last)"
    " AND NOT EXISTS (SELECT FROM person_search AS s WHERE s.person_id = p.person_id)"
    f" ORDER BY p.created_at, p.person_id LIMIT {_READ_AT_ONCE}"
)
"""Newest first is the order of their numbers, and no number is below 1: a search goes through them down to it."""
_STALE = text(
    "SELECT person_id, CAST(:at AS timestamptz) AS at FROM person_search"
    f" WHERE person_id > :last AND folding <> :version ORDER BY person_id LIMIT {_READ_AT_ONCE}"
)
_NAMES = text(
    f"""
    SELECT person_id, {", ".join(NAME_FIELDS)} FROM person WHERE person_id = ANY (:ids)
    UNION ALL
    SELECT p.person_id, h.* FROM unnest(:ids) AS p(person_id), LATERAL (
        SELECT DISTINCT {", ".join(f"row ->> '{name}' AS {name}" for name in NAME_FIELDS)} FROM (
            SELECT row FROM row_history WHERE table_name = 'person' AND record_id = p.person_id
            ORDER BY version DESC LIMIT :most
        ) AS v
    ) AS h
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid())))
_NEW_ROWS = """
    WITH new_words AS (
        INSERT INTO search_word (word) SELECT w FROM unnest(:written) AS w
        WHERE NOT EXISTS (SELECT FROM search_word AS s WHERE s.word = w)
    )
    INSERT INTO person_search (person_id, is_active, date_of_birth, words, marks, folding)
    SELECT p.person_id, p.is_active, p.date_of_birth, f.words, search_marks(p.person_id), :version
    FROM unnest(:ids, :words) WITH ORDINALITY AS f(person_id, words, place) JOIN person AS p USING (person_id)
    ORDER BY f.place
    ON CONFLICT (person_id) DO UPDATE
    SET words = excluded.words, marks = excluded.marks, folding = excluded.folding
"""
_PARAMETERS = (
    bindparam("ids", type_=ARRAY(Uuid())),
    bindparam("words", type_=ARRAY(Text())),
    bindparam("written", type_=ARRAY(Text())),
)
_ROWS = text(_NEW_ROWS).bindparams(*_PARAMETERS)
_LATE_ROWS = text(_NEW_ROWS + " WHERE person_search.folding <> excluded.folding").bindparams(*_PARAMETERS)
_COUNTED = text(
    """
    WITH counted AS MATERIALIZED (
        SELECT w AS word, count(*)::integer AS people
        FROM person_search, unnest(string_to_array(words, ' ')) AS w WHERE char_length(w) > 2 GROUP BY w
    ), first_ones AS MATERIALIZED (
        SELECT min(search_word_id) AS search_word_id, word FROM search_word GROUP BY word
    ), unused AS (
        DELETE FROM search_word AS s WHERE NOT EXISTS (
            SELECT FROM counted JOIN first_ones AS f USING (word) WHERE f.search_word_id = s.search_word_id)
    )
    UPDATE search_word AS s SET people = c.people FROM counted AS c JOIN first_ones AS f USING (word)
    WHERE f.search_word_id = s.search_word_id AND NOT s.people BETWEEN c.people * 0.9 AND c.people * 1.1
    """
)
