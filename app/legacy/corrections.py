"""Corrections of single cells of an export, as a CSV file."""

import csv
from pathlib import Path

from app.legacy.contract import TABLES
from app.legacy.errors import FatalExport
from app.legacy.staging import Corrections


def read_corrections(path: Path) -> Corrections:
    """The corrections of a CSV file; FatalExport where it is none."""
    found: Corrections = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                table, record, column = row.get("table") or "", row.get("record") or "", row.get("column") or ""
                if table not in TABLES or column not in TABLES[table].fields or not record.isdigit():
                    raise FatalExport("FILE_UNREADABLE", path, f"there is no {table}#{record} {column}", line=line)
                found.setdefault((table, int(record)), {})[column] = row.get("value") or ""
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FatalExport("FILE_UNREADABLE", path, str(error)) from error
    if not found:
        raise FatalExport("FILE_UNREADABLE", path, "no corrections; the columns are table, record, column, value")
    return found
