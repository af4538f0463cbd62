"""
Of a table to which versions of records are only added: the newest of each.

Each change of a record is a row of its own, and so is its deletion (`IsDelete`). The newest version of a record counts; one
that was deleted is not in the export.
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Final, Protocol

from app.legacy.contract import TABLES
from app.legacy.sources.records import Batch, Record, in_batches

IS_DELETE: Final = "isdelete"
_BATCH: Final = 5_000
_GREATEST: Final = (1 << 63) - 1
_GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Partition(Protocol):
    """A part of a table."""

    header: list[str]
    columns: dict[str, str]
    ignored_columns: list[str]

    def batches(self, size: int) -> Iterator[Batch]:
        """The rows in order, at most `size` at a time."""
        ...

    def estimated_records(self) -> int:
        """About how many rows there are."""
        ...


def newest(table: str, partitions: Sequence[Partition], size: int) -> Iterator[Batch]:
    """The newest version of each record that was not deleted, in the order of the partitions."""
    # What counts is known before the first record is read again.
    current = _current(table, partitions)
    return in_batches(compress(_records(partitions), current), size)


def with_key(table: str, header: Sequence[str], named: dict[str, str]) -> dict[str, str]:
    """What columns are named: a table of a lake may call its key `Id`."""
    key = TABLES[table].key
    return named if key in header else {"id": key, **named}


def _current(table: str, partitions: Sequence[Partition]) -> bytearray:
    """
    For each row whether it is the newest version of its record, and not its deletion.

    The newest has the greatest number, of equals it is the last. A table may have millions of rows: of each a key of 16
    bytes and its version are held, and they are let go before the rows are read.
    """
    newest_at: dict[bytes, int] = {}
    versions, current = array("q"), bytearray()
    for place, (key, version, is_deleted) in enumerate(_versions(table, partitions)):
        versions.append(version)
        earlier = newest_at.get(key) if key else None
        if earlier is not None and versions[earlier] > version:
            current.append(False)
            continue
        if earlier is not None:
            current[earlier] = False
        newest_at[key] = place
        current.append(not key or not is_deleted)
    return current


def _versions(table: str, partitions: Sequence[Partition]) -> Iterator[tuple[bytes, int, bool]]:
    """Key, version, and whether it says that the record was deleted, of each row; no key for a malformed one."""
    key = TABLES[table].fields.index(TABLES[table].key)
    for partition in partitions:
        header = partition.header
        version = header.index("versionnumber") if "versionnumber" in header else -1
        deleted = header.index(IS_DELETE) if IS_DELETE in header else -1
        for batch in partition.batches(_BATCH):
            at = batch.layout.order[key] if batch.layout else -1
            for _, cells in batch.rows:
                if at < 0 or len(cells) != len(header):
                    yield b"", 0, False
                    continue
                number = cells[version] if version >= 0 else ""
                yield (
                    _key(cells[at].strip().strip("{}").lower()),
                    min(int(number), _GREATEST) if number.isascii() and number.isdigit() else 0,
                    deleted >= 0 and cells[deleted].strip().lower() in {"true", "1"},
                )


def _records(partitions: Sequence[Partition]) -> Iterator[Record]:
    for partition in partitions:
        for batch in partition.batches(_BATCH):
            yield from batch.records()


def _key(guid: str) -> bytes:
    """A GUID in 16 bytes; what is none as it is written."""
    if _GUID.fullmatch(guid):
        return bytes.fromhex(guid.replace("-", ""))
    return guid.encode("utf-8", "surrogateescape")
