"""
The mapping file: what the people of one organisation know about their export and the contract cannot.

TOML with the tables `[tables]`, `[columns.<table>]`, `[options.<table>.<column>]`, `[dates]` and `[conditions]`;
`crm legacy map init` writes a starter from an export. Everything in it is optional.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.legacy.contract import IGNORE, TABLES
from app.legacy.errors import FatalExport

DATE_BEHAVIOURS: Final = ("user-local", "wall-clock")
"""`user-local`: UTC as written (the rule). `wall-clock`: a `Z` was sent along with a local time."""


@dataclass(frozen=True)
class Mapping:
    """A mapping file's content; empty when there is none."""

    tables: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    options: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    dates: dict[tuple[str, str], str] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)
    exported_at: str | None = None
    time_zone: str | None = None


def _headings(path: Path, table: str, named: dict[str, str]) -> dict[str, str]:
    """Heading in lower case -> field; FatalExport where one heading is written in two ways, for two fields."""
    found: dict[str, str] = {}
    for heading, column in named.items():
        if found.setdefault(heading.lower(), column) != column:
            raise FatalExport("FILE_UNREADABLE", path, f"columns.{table}: {heading!r} is named for two fields")
    return found


def read_mapping(path: Path) -> Mapping:
    """A mapping file's content; FatalExport where it is not TOML or names what does not exist."""
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FatalExport("FILE_UNREADABLE", path, f"not a mapping file ({error})") from error
    known = {"tables", "columns", "options", "dates", "conditions", "exported_at", "time_zone"}
    if unknown := set(data) - known:
        raise FatalExport("FILE_UNREADABLE", path, f"unknown: {', '.join(sorted(unknown))}")
    columns = {table: _headings(path, table, named) for table, named in data.get("columns", {}).items()}
    options = {
        (table, column): {str(value): str(label) for value, label in labels.items()}
        for table, by_column in data.get("options", {}).items()
        for column, labels in by_column.items()
    }
    dates = {}
    for dotted, behaviour in data.get("dates", {}).items():
        table, _, column = dotted.partition(".")
        if behaviour not in DATE_BEHAVIOURS:
            raise FatalExport("FILE_UNREADABLE", path, f"dates.{dotted}: one of {', '.join(DATE_BEHAVIOURS)}")
        dates[table, column] = behaviour
    for table, column in [
        *((t, c) for t, named in columns.items() for c in named.values() if c != IGNORE),
        *options,
        *dates,
    ]:
        if table not in TABLES or column not in TABLES[table].fields:
            raise FatalExport("FILE_UNREADABLE", path, f"there is no {table}.{column}")
    for name, table in data.get("tables", {}).items():
        if table not in TABLES:
            raise FatalExport("FILE_UNREADABLE", path, f"tables: {name}: there is no table {table}")
    return Mapping(
        tables=dict(data.get("tables", {})),
        columns=columns,
        options=options,
        dates=dates,
        conditions=dict(data.get("conditions", {})),
        exported_at=str(data["exported_at"]) if "exported_at" in data else None,
        time_zone=data.get("time_zone"),
    )
