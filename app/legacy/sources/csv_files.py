"""
Maker-portal CSV: one file per table.

The delimiter is the commonest of `,` `;` and tab in the header; quoting is RFC 4180. A byte-order mark decides UTF-8
or UTF-16, else UTF-8; a single record that is not UTF-8 is read as Windows-1252.
"""

import csv
import re
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TextIO

from app.legacy.contract import TABLES, assign_columns
from app.legacy.errors import FatalExport
from app.legacy.sources.records import Batch, Layout
from app.legacy.values import guid

MAX_FIELD: Final = 1 << 20
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_END: Final = "\x00the end\x00"
_RECORDS_IN_A_FIELD: Final = 2
"""So many lines of one field that look like records are records, which a stray quote has swallowed."""


class CsvSource:
    """A table in a CSV file."""

    def __init__(self, table: str, path: Path, named_columns: dict[str, str]) -> None:
        self.table = table
        self.paths = [path]
        self._path = path
        self._encoding = _encoding(path)
        csv.field_size_limit(MAX_FIELD)
        with self._open() as file:
            try:
                header_text = file.readline()
                while header_text.count('"') % 2 and (more := file.readline()):
                    header_text += more
            except UnicodeError as error:
                raise FatalExport("FILE_UNREADABLE", path, f"not {self._encoding} ({error})", line=1) from error
            unquoted = re.sub(r'"(?:[^"]|"")*"', "", header_text)
            self._delimiter = max(",;\t", key=unquoted.count)
            header = next(csv.reader([header_text], delimiter=self._delimiter), [])
        self._header = [cell.strip().lower() for cell in header]
        if not any(self._header):
            raise FatalExport("FILE_UNREADABLE", path, "the first line names no columns", line=1)
        self._positions = assign_columns(table, self._header, named_columns)
        self.columns = {name: self._header[position] for name, position in self._positions.items()}
        used = set(self._positions.values())
        self.ignored_columns = [c for i, c in enumerate(self._header) if i not in used]

    def batches(self, size: int) -> Iterator[Batch]:
        """The records in order; FatalExport where the file stops being readable."""
        order = [self._positions.get(name, -1) for name in TABLES[self.table].fields]
        layout = Layout(order, len(self._header), self._encoding != "utf-8-sig" or _is_utf8(self._path))
        record = 0
        batch = Batch(1, [], layout)
        with self._open() as file:
            reader = csv.reader(_with_end(file), delimiter=self._delimiter)
            try:
                next(reader)
                line = reader.line_num
                for cells in reader:
                    start, line = line + 1, reader.line_num
                    if cells and cells[-1].endswith(_END):
                        # Read as a part of the last field: its quotes are still open.
                        self._refuse_open_quotes(start, cells)
                        break
                    if line > start:
                        self._refuse_swallowed_records(start, cells)
                    if not cells:
                        continue  # a blank line holds no record
                    record += 1
                    batch.rows.append((start, cells))
                    if len(batch.rows) >= size:
                        yield batch
                        batch = Batch(record + 1, [], layout)
            except csv.Error as error:
                raise FatalExport(
                    "FILE_UNREADABLE", self._path, f"{error}; a quote that is never closed?", line=reader.line_num
                ) from error
            except UnicodeError as error:
                raise FatalExport("FILE_UNREADABLE", self._path, str(error), line=reader.line_num) from error
        if batch.rows:
            yield batch

    def _refuse_open_quotes(self, start: int, cells: list[str]) -> None:
        if cells != [_END]:
            line = start + sum(len(_LINE_END.findall(cell)) for cell in cells[:-1])
            raise FatalExport(
                "FILE_UNREADABLE",
                self._path,
                "a quote is opened here and never closed: the file ends inside it",
                line=line,
            )

    def _refuse_swallowed_records(self, start: int, cells: list[str]) -> None:
        """A stray quote makes one field of the records up to the next quote; two or more of them look like it."""
        key, width = self._positions.get(TABLES[self.table].key, -1), len(self._header)
        line = start
        for cell in cells:
            lines = _LINE_END.split(cell)
            if len(lines) >= _RECORDS_IN_A_FIELD:
                inside = (next(csv.reader([text], delimiter=self._delimiter), []) for text in lines)
                swallowed = sum(len(row) == width and guid(row[key]) is not None for row in inside) if key >= 0 else 0
                if swallowed >= _RECORDS_IN_A_FIELD:
                    raise FatalExport(
                        "FILE_UNREADABLE",
                        self._path,
                        f"a field in quotes holds {swallowed} lines that look like records: is there a stray quote in this"
                        " line? Write it twice, or export the table again",
                        line=line,
                    )
            line += len(lines) - 1

    def estimated_records(self) -> int:
        """About how many records there are, from the length of the first megabyte's lines."""
        size = self._path.stat().st_size
        with self._path.open("rb") as file:
            start = file.read(1 << 20)
        lines = max(start.count(b"\n"), 1)
        return max(round(size / len(start) * lines) - 1, 0)

    def _open(self) -> TextIO:
        errors = "surrogateescape" if self._encoding == "utf-8-sig" else "strict"
        return self._path.open(encoding=self._encoding, errors=errors, newline="")


def _with_end(file: Iterable[str]) -> Iterator[str]:
    """The lines of a file and one that no file has behind them: it is a record of its own unless a quote is open."""
    yield from file
    yield _END


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    # utf-8-sig drops the mark where there is one and is plain UTF-8 where there is none.
    return "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"


def _is_utf8(path: Path) -> bool:
    """Whether a whole file is UTF-8: then no record of it need be looked at."""
    decoder = getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
