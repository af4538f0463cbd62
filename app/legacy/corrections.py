"""
Corrections of single cells of an export: kept for a record, by its GUID and a hash of what stood in it.

A number says which record is meant in one export alone. So a correction applies to any later export that holds the same
record with the same content; where the record has changed since it is stale. A record without a GUID is known by its
number in a file that is the same to the last byte.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg

from app.legacy.contract import TABLES
from app.legacy.errors import FatalExport, NotReady
from app.legacy.phases.context import Context
from app.legacy.records import digest_of, key_of
from app.legacy.sources import Export

_AT_A_TIME: Final = 2_000
_SHOWN: Final = 20

Connection = psycopg.Connection[Any]


class Corrected(NamedTuple):
    """A correction that is to be applied; `record` is its number where the record has no GUID."""

    correction_id: int
    record: int | None
    column: str
    value: str


Corrections = dict[str, dict[str, list[Corrected]]]
"""table -> hash of a record as it came -> its corrections"""


class Asked(NamedTuple):
    """A line of a file of corrections; at least one of number and hash is there."""

    line: int
    table: str
    record: int | None
    digest: str | None
    column: str
    value: str


class _Found(NamedTuple):
    """The record that a line means: its number now, its GUID, its hash."""

    record: int
    source_id: str | None
    digest: str


def read_corrections(path: Path) -> list[Asked]:
    """The lines of a CSV file of corrections; FatalExport where it is none."""
    found: list[Asked] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                table, record, column = row.get("table") or "", row.get("record") or "", row.get("column") or ""
                digest = (row.get("hash") or "").replace("-", "").lower()
                if (
                    table not in TABLES
                    or column not in TABLES[table].fields
                    or not (record.isdecimal() or (digest and not record))
                ):
                    raise FatalExport("FILE_UNREADABLE", path, f"there is no {table}#{record} {column}", line=line)
                number = int(record) if record else None
                found.append(Asked(line, table, number, digest or None, column, row.get("value") or ""))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FatalExport("FILE_UNREADABLE", path, str(error)) from error
    if not found:
        raise FatalExport("FILE_UNREADABLE", path, "no corrections; the columns are table, record, hash, column, value")
    return found


def keep_corrections(
    connection: Connection, asked: Sequence[Asked], export: Export, *, numbers_of: int, is_same: bool, by: str
) -> None:
    """
    Keep corrections for the records they mean.

    A line with a hash means the record of that content, a line without one the record of that number: NotReady where
    there is none, or where the files are not those of the run `numbers_of` any more.
    """
    if not is_same and any(one.digest is None for one in asked):
        raise NotReady(
            f"the files in {export.folder} are not those that run {numbers_of} has read, so the numbers of the records"
            " mean others now: put the files back, or give the column hash as `crm legacy rejects --csv` prints it"
        )
    found = {table: _find(export, table, [one for one in asked if one.table == table]) for table in TABLES}
    unknown = [one for one in asked if one.line not in found[one.table]]
    if unknown:
        told = [
            f"line {one.line}: there is no record of {one.table} with this hash"
            if one.digest
            else f"line {one.line}: there is no {one.table}#{one.record}"
            for one in unknown[:_SHOWN]
        ]
        raise NotReady("\n".join(["nothing was kept:", *told]))
    for one in asked:
        record, source_id, digest = found[one.table][one.line]
        connection.execute(
            """
            INSERT INTO legacy.correction ("table", record, "column", value, source_id, digest, files, made_by)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT ("table", digest, "column", coalesce(files, ''), (CASE WHEN files IS NULL THEN 0 ELSE record END))
            DO UPDATE SET value = excluded.value, record = excluded.record, made_at = clock_timestamp(),
                made_by = excluded.made_by, withdrawn_at = NULL
            """,
            (
                one.table,
                record,
                one.column,
                one.value,
                source_id,
                digest,
                None if source_id else export.checksum(one.table),
                by,
            ),
        )


def _find(export: Export, table: str, asked: Sequence[Asked]) -> dict[int, _Found]:
    """The record that each line means, by the number of the line."""
    source = export.sources.get(table)
    if source is None or not asked:
        return {}
    by_digest: dict[str, list[Asked]] = {}
    by_number: dict[int, list[Asked]] = {}
    for one in asked:
        if one.digest:
            by_digest.setdefault(one.digest, []).append(one)
        elif one.record:
            by_number.setdefault(one.record, []).append(one)
    found: dict[int, _Found] = {}
    for batch in source.batches(_AT_A_TIME):
        for number, record in enumerate(batch.records(), start=batch.first):
            digest = digest_of(record.raw)
            this = _Found(number, key_of(table, record.cells), digest)
            for one in by_number.get(number, ()):
                found[one.line] = this
            for one in by_digest.get(digest, ()):
                # Of several with the same content the one of that number, where it is among them.
                if one.line not in found or one.record == number:
                    found[one.line] = this
    return found


def load_corrections(connection: Connection, export: Export) -> Corrections:
    """The corrections that apply to the records of an export, should it hold them."""
    found: Corrections = {}
    for correction_id, table, record, digest, files, column, value in connection.execute(
        "SELECT correction_id, \"table\", record, replace(digest::text, '-', ''), files, \"column\", value"
        " FROM legacy.correction WHERE withdrawn_at IS NULL AND digest IS NOT NULL ORDER BY made_at, correction_id"
    ).fetchall():
        if table in export.sources and (files is None or files == export.checksum(table)):
            one = Corrected(correction_id, record if files else None, column, value)
            found.setdefault(table, {}).setdefault(digest, []).append(one)
    return found


def note_use(context: Context) -> None:
    """Note what the export of this run made of each correction: applied, stale (the record is another now), absent."""
    if not context.count("correction"):
        return
    here = " UNION ALL ".join(
        f"SELECT '{table}' AS tbl, id FROM legacy.s_{table} WHERE id IS NOT NULL" for table in TABLES
    )
    context.stage(
        "use of corrections",
        f"""
        INSERT INTO legacy.correction_use (run_id, correction_id, state)
        SELECT :run, c.correction_id,
               CASE WHEN c.correction_id IN (SELECT correction_id FROM legacy.s_corrected) THEN 'applied'
                    WHEN c.source_id IS NULL OR (c."table", c.source_id) IN (SELECT tbl, id FROM ({here}) AS k) THEN 'stale'
                    ELSE 'absent' END
        FROM legacy.correction AS c WHERE c.withdrawn_at IS NULL
        """,
    )


class Listed(NamedTuple):
    """A correction as it is listed: its state in the newest run that stands, the record as it was when it was made."""

    correction: int
    state: str
    table: str
    record: int
    guid: str | None
    hash: str | None
    column: str
    value: str
    made_by: str | None
    made_at: str


def list_corrections(connection: Connection) -> list[Listed]:
    """Every correction that was ever given, in the order in which they were."""
    rows = connection.execute(
        """
        SELECT c.correction_id,
               CASE WHEN c.withdrawn_at IS NOT NULL THEN 'withdrawn' WHEN c.digest IS NULL THEN 'stale'
                    ELSE coalesce(u.state, 'not applied') END,
               c."table", c.record, c.source_id::text, replace(c.digest::text, '-', ''), c."column", c.value, c.made_by,
               to_char(c.made_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        FROM legacy.correction AS c LEFT JOIN LATERAL (
            SELECT u.state FROM legacy.correction_use AS u WHERE u.correction_id = c.correction_id
            ORDER BY u.run_id DESC LIMIT 1) AS u ON true
        ORDER BY c.correction_id
        """
    )
    return [Listed(*row) for row in rows]


def withdraw(connection: Connection, numbers: Sequence[int]) -> None:
    """Let corrections apply no longer; what runs have written by them stays. NotReady where there is no such one."""
    known = {row[0] for row in connection.execute("SELECT correction_id FROM legacy.correction")}
    if unknown := sorted(set(numbers) - known):
        raise NotReady(f"there is no correction {', '.join(map(str, unknown))}")
    connection.execute(
        "UPDATE legacy.correction SET withdrawn_at = clock_timestamp() WHERE correction_id = ANY (%s)", (list(numbers),)
    )
