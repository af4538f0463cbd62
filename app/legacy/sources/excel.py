"""
Excel exports of views: display names as headings, labels for choices, names for lookups.

The three hidden columns at the left carry the GUID, a checksum and the time of the last change. Headings are matched
by the mapping file first, then as the logical name they spell (`First Name` -> firstname).
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

import orjson
from openpyxl import load_workbook

from app.legacy.contract import TABLES, assign_columns
from app.legacy.errors import FatalExport
from app.legacy.sources.records import Batch, Record

_HIDDEN: Final = re.compile(r"\(do not modify\) (.*)", re.IGNORECASE)
_LARGEST_EXPANDED: Final = 4 << 30
_LARGEST_RATIO: Final = 200


class ExcelSource:
    """A table in the first sheet of a workbook."""

    def __init__(self, table: str, path: Path, named_columns: dict[str, str]) -> None:
        self.table = table
        self.paths = [path]
        self.names: dict[str, dict[str, str]] = {}
        """Field of a look-up -> name of what it points to, in lower case -> GUID; a view shows names."""
        self._path = path
        _refuse_bomb(path)
        header: list[str] = []
        self._records = 0
        for number, row in enumerate(self._sheet_rows()):
            if number == 0:
                header = [_text(cell).strip() for cell in row]
            else:
                self._records += 1
        if not any(header):
            raise FatalExport("FILE_UNREADABLE", path, "the first row names no columns", line=1)
        self._header = header
        self._positions = assign_columns(
            table, [_column(table, heading) for heading in header], {k.lower(): v for k, v in named_columns.items()}
        )
        by_heading = {k.lower(): v for k, v in named_columns.items()}
        for position, heading in enumerate(header):
            if named := by_heading.get(heading.lower()):
                self._positions[named] = position
        self.columns = {name: header[position] for name, position in self._positions.items()}
        used = set(self._positions.values())
        self.ignored_columns = [h for i, h in enumerate(header) if i not in used and h]

    def batches(self, size: int) -> Iterator[Batch]:
        """The records in order of the sheet."""
        order = [self._positions.get(name, -1) for name in TABLES[self.table].fields]
        looked_up = [(TABLES[self.table].fields.index(name), names) for name, names in self.names.items()]
        batch = Batch(1, [])
        rows = self._sheet_rows()
        next(rows, None)
        for record, row in enumerate(rows, start=1):
            cells = [_text(cell) for cell in row]
            cells += [""] * (len(self._header) - len(cells))
            fields = [cells[i] if i >= 0 else "" for i in order]
            for at, names in looked_up:
                fields[at] = names.get(fields[at].strip().lower(), fields[at])
            batch.rows.append(Record(record + 1, fields, orjson.dumps(cells).decode()))
            if len(batch.rows) >= size:
                yield batch
                batch = Batch(record + 1, [])
        if batch.rows:
            yield batch

    def estimated_records(self) -> int:
        """How many records there are."""
        return self._records

    def _sheet_rows(self) -> Iterator[tuple[Any, ...]]:
        try:
            book = load_workbook(self._path, read_only=True, data_only=True)
        except (BadZipFile, KeyError, ValueError, OSError) as error:
            raise FatalExport("FILE_UNREADABLE", self._path, f"not a workbook ({error})") from error
        try:
            sheet = book.worksheets[0]
            for row in sheet.iter_rows(values_only=True):
                if any(cell is not None for cell in row):
                    yield row
        finally:
            book.close()


def _column(table: str, heading: str) -> str:
    """The logical name a heading spells."""
    if hidden := _HIDDEN.fullmatch(heading):
        what = hidden[1].strip().lower()
        return "modifiedon" if what == "modified on" else "" if what == "row checksum" else TABLES[table].key
    name = heading.strip().lower()
    fields = TABLES[table].fields
    for spelt in (name, re.sub(r"\W+", "_", name).strip("_"), re.sub(r"\W+", "", name)):
        if spelt in fields:
            return spelt
    return re.sub(r"\W+", "_", name).strip("_")


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        # Excel knows no zone; a cell at midnight is a day.
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.strftime("%d/%m/%Y %H:%M")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def _refuse_bomb(path: Path) -> None:
    """Raise FatalExport for a workbook that would unpack to absurd sizes."""
    try:
        with ZipFile(path) as archive:
            packed = sum(entry.compress_size for entry in archive.infolist()) or 1
            expanded = sum(entry.file_size for entry in archive.infolist())
    except BadZipFile as error:
        raise FatalExport("FILE_UNREADABLE", path, f"not a workbook ({error})") from error
    if expanded > _LARGEST_EXPANDED or (expanded > 64 << 20 and expanded / packed > _LARGEST_RATIO):
        raise FatalExport("FILE_UNREADABLE", path, "unpacks to an absurd size")
