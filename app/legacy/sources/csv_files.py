"""
Maker-portal CSV: one file per table.

The delimiter is the commonest of `,` `;` `|` and tab in the header, or the one that a first line `sep=;` names, as Excel
writes it; quoting is RFC 4180. A byte-order mark decides UTF-8 or UTF-16, else the zero bytes of the first line do; a single
record that is not UTF-8 is read as Windows-1252. A file may be packed with gzip, or lie in a zip archive.
"""

import csv
import re
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Final, TextIO

from app.legacy.contract import TABLES, assign_columns
from app.legacy.errors import FatalExport
from app.legacy.sources.files import BROKEN, open_bytes, size_of
from app.legacy.sources.records import Batch, Layout
from app.legacy.values import guid

MAX_FIELD: Final = 1 << 20
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_SEPARATOR: Final = re.compile(r"sep=(.)", re.IGNORECASE)
_END: Final = "\x00the end\x00"
_RECORDS_IN_A_FIELD: Final = 2
"""So many lines of one field that look like records are records, which a stray quote has swallowed."""


class CsvSource:
    """A table in a CSV file."""

    def __init__(
        self,
        table: str,
        path: Path,
        named_columns: dict[str, str],
        *,
        header: list[str] | None = None,
        delimiter: str = ",",
    ) -> None:
        """`header` names the columns of a file that has none; then `delimiter` divides its cells."""
        self.table = table
        self.paths = [path]
        self._path = path
        try:
            self._encoding = _encoding(path)
        except BROKEN as error:
            raise FatalExport("FILE_UNREADABLE", path, f"it is packed, and damaged ({error})") from error
        csv.field_size_limit(MAX_FIELD)
        self._delimiter, self._lines_before, self._has_header = delimiter, 0, header is None
        header = self._read_header() if header is None else header
        self.header = [cell.strip().lower() for cell in header]
        if not any(self.header):
            raise FatalExport("FILE_UNREADABLE", path, "the first line names no columns", line=1)
        self._positions = assign_columns(table, self.header, named_columns)
        self.columns = {name: self.header[position] for name, position in self._positions.items()}
        used = set(self._positions.values())
        self.ignored_columns = [c for i, c in enumerate(self.header) if i not in used]

    def _read_header(self) -> list[str]:
        with self._open() as file:
            try:
                text = file.readline()
                named = _SEPARATOR.fullmatch(text.strip("\r\n"))
                if named:
                    self._lines_before = 1
                    text = file.readline()
                while text.count('"') % 2 and (more := file.readline()):
                    text += more
            except (UnicodeError, *BROKEN) as error:
                raise FatalExport("FILE_UNREADABLE", self._path, f"not {self._encoding} ({error})", line=1) from error
        unquoted = re.sub(r'"(?:[^"]|"")*"', "", text)
        self._delimiter = named[1] if named else max(",;|\t", key=unquoted.count)
        return next(csv.reader([text], delimiter=self._delimiter), [])

    def batches(self, size: int) -> Iterator[Batch]:
        """The records in order; FatalExport where the file stops being readable."""
        order = [self._positions.get(name, -1) for name in TABLES[self.table].fields]
        layout = Layout(order, len(self.header), self._encoding != "utf-8-sig" or _is_utf8(self._path))
        record = 0
        batch = Batch(1, [], layout)
        with self._open() as file:
            before = self._lines_before
            reader = csv.reader(_with_end(file), delimiter=self._delimiter)
            try:
                if self._has_header:
                    next(reader)
                line = reader.line_num + before
                for cells in reader:
                    start, line = line + 1, reader.line_num + before
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
                    "FILE_UNREADABLE",
                    self._path,
                    f"{error}; a quote that is never closed?",
                    line=reader.line_num + before,
                ) from error
            except (UnicodeError, *BROKEN) as error:
                raise FatalExport("FILE_UNREADABLE", self._path, str(error), line=reader.line_num + before) from error
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
        key, width = self._positions.get(TABLES[self.table].key, -1), len(self.header)
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
        size = size_of(self._path)
        with open_bytes(self._path) as file:
            start = file.read(1 << 20)
        lines = max(start.count(b"\n"), 1)
        return max(round(size / len(start) * lines) - 1, 0)

    def _open(self) -> TextIO:
        """The text behind the line that names the delimiter."""
        errors = "surrogateescape" if self._encoding == "utf-8-sig" else "strict"
        file = TextIOWrapper(open_bytes(self._path), encoding=self._encoding, errors=errors, newline="")
        for _ in range(self._lines_before):
            file.readline()
        return file


def _with_end(file: Iterable[str]) -> Iterator[str]:
    """The lines of a file and one that no file has behind them: it is a record of its own unless a quote is open."""
    yield from file
    yield _END


def _encoding(path: Path) -> str:
    with open_bytes(path) as file:
        start = file.read(512)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    # The header is of letters that have a zero byte in UTF-16: behind them, or before.
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) > len(start) // 4:
        return "utf-16-be" if even > odd else "utf-16-le"
    # utf-8-sig drops the mark where there is one and is plain UTF-8 where there is none.
    return "utf-8-sig"


def _is_utf8(path: Path) -> bool:
    """Whether a whole file is UTF-8: then no record of it need be looked at."""
    decoder = getincrementaldecoder("utf-8")()
    try:
        with open_bytes(path) as file:
            while block := file.read(1 << 20):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except (UnicodeDecodeError, *BROKEN):
        return False
    return True
