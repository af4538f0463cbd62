"""What every source hands on."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from app.legacy.errors import FatalExport
from app.legacy.sources.files import lies_in
from app.legacy.values import decode_windows_1252

_NOT_UTF8: Final = re.compile("[\udc80-\udcff]")


class Record(NamedTuple):
    """
    A record: its line in the file, its cells in the order of the contract's fields, as it came, and whether repaired.

    A column that is absent gives ''; a malformed record has no cells. `raw` is JSON text. `repaired`: it was no UTF-8 and
    is read as Windows-1252.
    """

    line: int
    cells: list[str] | None
    raw: str
    repaired: bool = False


class Layout(NamedTuple):
    """How the cells of a file's lines lie: position of each field (-1: absent), cells in a line, whether all is UTF-8."""

    order: list[int]
    width: int
    is_utf8: bool


@dataclass(slots=True)
class Batch:
    """
    Some records of one table, in order; `first` is the number of the first (from 1, over all pages).

    With a layout the rows are (line, cells of the file) and become records where `records` is asked: in a worker.
    """

    first: int
    rows: list[Any] = field(default_factory=list)
    layout: Layout | None = None

    def records(self) -> Iterator[Record]:
        """The records."""
        if self.layout is None:
            yield from self.rows
            return
        order, width, is_utf8 = self.layout
        # An absent column is read behind the last one.
        in_order = itemgetter(*(i if i >= 0 else width for i in order))
        for line, cells in self.rows:
            repaired = not is_utf8 and bool(_NOT_UTF8.search("".join(cells)))
            meant = [_as_windows_1252(cell) for cell in cells] if repaired else cells
            fields = [*in_order([*meant, ""])] if len(meant) == width else None
            yield Record(line, fields, orjson.dumps(meant).decode(), repaired)


def in_batches(records: Iterable[Record], size: int) -> Iterator[Batch]:
    """Records by `size`, in their order."""
    batch = Batch(1)
    for record in records:
        batch.rows.append(record)
        if len(batch.rows) >= size:
            yield batch
            batch = Batch(batch.first + len(batch.rows))
    if batch.rows:
        yield batch


def two_files(table: str, paths: Sequence[Path]) -> FatalExport:
    """What is said where a table comes in more files than one, and nothing tells which is meant."""
    names = ", ".join(lies_in(path).name + f" ({path.name})" * (lies_in(path) != path) for path in paths)
    return FatalExport(
        "FILE_UNREADABLE",
        lies_in(paths[0]).parent,
        f"more than one file of the table {table!r}: {names}; leave the one that is meant",
    )


def _as_windows_1252(cell: str) -> str:
    return cell if cell.isascii() else decode_windows_1252(cell.encode("utf-8", "surrogateescape"))
