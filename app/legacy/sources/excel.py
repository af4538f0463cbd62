"""
Excel exports of views: display names as headings, labels for choices, names for lookups.

The three hidden columns at the left carry the GUID, a checksum and the time of the last change. Headings are matched
by the mapping file first, then as the logical name they spell (`First Name` -> firstname), then as the label that the old
system's pages use in one of its languages. A heading that is none of these stops the run: it may be the wish not to be
contacted.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import orjson
from openpyxl import load_workbook

from app.legacy.contract import IGNORE, TABLES, assign_columns, labels
from app.legacy.errors import FatalExport
from app.legacy.sources.files import refuse_bomb
from app.legacy.sources.records import Batch, Record

_HIDDEN: Final = re.compile(r"\(do not modify\) (.*)", re.IGNORECASE)


class ExcelSource:
    """A table in the first sheet of a workbook."""

    def __init__(self, table: str, path: Path, named_columns: dict[str, str]) -> None:
        self.table = table
        self.paths = [path]
        self.names: dict[str, dict[str, str]] = {}
        """Field of a look-up -> name of what it points to, in lower case -> GUID; a view shows names."""
        self._path = path
        refuse_bomb(path)
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
        by_heading = {k.lower(): v for k, v in named_columns.items()}
        self._positions = assign_columns(table, ["" if h.lower() in by_heading else _column(table, h) for h in header])
        for position, heading in enumerate(header):
            if (named := by_heading.get(heading.lower())) and named != IGNORE:
                self._positions[named] = position
        self.columns = {name: header[position] for name, position in self._positions.items()}
        used = set(self._positions.values())
        self.ignored_columns = [h for i, h in enumerate(header) if i not in used and h]
        hidden = {h for h in header if _HIDDEN.fullmatch(h)}
        self.unknown_columns = [h for h in self.ignored_columns if h.lower() not in by_heading and h not in hidden]

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
    return labels().field_of(table, heading) or re.sub(r"\W+", "_", name).strip("_")


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        # Excel knows no zone; a cell at midnight is a day.
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.strftime("%d/%m/%Y %H:%M")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)
