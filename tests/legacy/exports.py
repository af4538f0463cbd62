"""Small exports for one test: a tidy synthetic one with records of the test's own behind it."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.legacy.sample import write_sample

Row = Mapping[str, str]
_OURS = ("patient", "eap_dossier", "medical_condition", "hospital", "specialization")


def guid(number: int) -> str:
    """A GUID that no synthetic record has."""
    return f"aaaaaaaa-0000-4000-8000-{number:012x}"


def file_of(folder: Path, table: str) -> Path:
    """The file of a table in such an export."""
    return folder / f"{f'myt_{table}' if table in _OURS else table}.csv"


def header_of(folder: Path, table: str) -> list[str]:
    """The columns of a table as its file names them."""
    with file_of(folder, table).open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file))


def write_export(folder: Path, *, at_front: bool = False, **rows: Sequence[Row]) -> Path:
    """Write a tidy export and these rows of each table behind its records, or before them; return the folder."""
    write_sample(folder, contacts=20, seed=3, dirt=0.0)
    for table, added in rows.items():
        path = file_of(folder, table)
        header = header_of(folder, table)
        bare = {name.removeprefix("myt_"): name for name in header}
        lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(lines[0])
            if not at_front:
                file.writelines(lines[1:])
            writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
            writer.writerows({bare.get(name, name): cell for name, cell in row.items()} for row in added)
            if at_front:
                file.writelines(lines[1:])
    return folder


def number_of(folder: Path, table: str, text: str) -> int:
    """The number of the first record whose line holds a text."""
    with file_of(folder, table).open(encoding="utf-8-sig", newline="") as file:
        next(reader := csv.reader(file))
        return next(number for number, row in enumerate(reader, start=1) if text in row)
