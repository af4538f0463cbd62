"""
An export of Microsoft's Configuration Migration tool: data.xml with the records of several tables, data_schema.xml with
their columns.

Both are read as a stream, in a zip archive or beside each other in the folder. They declare no document type; a file that
does is refused at its first declaration, so no entity of XML is ever expanded, and nothing outside the file is read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.parsers import expat  # nosec B407 - a declared document type is refused before any entity of it

import orjson

from app.legacy.contract import TABLES, TYPE_OF_LOOKUP, assign_columns, table_of
from app.legacy.errors import FatalExport
from app.legacy.sources.csv_files import MAX_FIELD
from app.legacy.sources.files import BROKEN, open_bytes, size_of
from app.legacy.sources.records import Batch, Record, in_batches

DATA: Final = "data.xml"
SCHEMA: Final = "data_schema.xml"
_BLOCK: Final = 1 << 16
_LOOKUP: Final = "lookupentity"
_LONG_RECORD: Final = 1 << 10
"""About so many bytes a record has, for an estimate of their number."""

_Fields = dict[str, tuple[str, str]]
"""By the name of a field its value, and the table that it points to."""


class ConfigurationSource:
    """A table of an export of the Configuration Migration tool."""

    def __init__(self, table: str, path: Path, named_columns: dict[str, str]) -> None:
        """`path` is that of data.xml."""
        self.table = table
        self.paths = [path]
        self._path = path
        self._header = _columns(path.with_name(SCHEMA))[table]
        self._positions = assign_columns(table, self._header, named_columns)
        self.columns = {name: self._header[position] for name, position in self._positions.items()}
        used = set(self._positions.values())
        self.ignored_columns = [column for at, column in enumerate(self._header) if at not in used]

    def batches(self, size: int) -> Iterator[Batch]:
        """The records of the table in their order."""
        return in_batches(self._read(), size)

    def _read(self) -> Iterator[Record]:
        fields = TABLES[self.table].fields
        columns = [self.columns.get(name, "") for name in fields]
        key = fields.index(TABLES[self.table].key)
        types = {fields.index(name): fields.index(kind) for name, kind in TYPE_OF_LOOKUP.items() if name in fields}
        for line, guid, found in _records(self._path, self.table):
            cells = [found[column][0] if column in found else "" for column in columns]
            # The record says its GUID itself too; a schema may leave the key's own column out.
            cells[key] = cells[key] or guid
            for lookup, kind in types.items():
                cells[kind] = cells[kind] or (found[columns[lookup]][1] if columns[lookup] in found else "")
            raw = orjson.dumps(
                {name: value for name, (value, _) in found.items()}, option=orjson.OPT_SORT_KEYS
            ).decode()
            yield Record(line, cells, raw)

    def estimated_records(self) -> int:
        """About how many records there are, of all tables: which are whose is not known without reading them."""
        return size_of(self._path) // _LONG_RECORD


def tables_in(data: Path) -> list[str]:
    """The tables that the description beside a data.xml names; FatalExport where it is not there or cannot be read."""
    return list(_columns(data.with_name(SCHEMA)))


def _columns(path: Path) -> dict[str, list[str]]:
    """By table its columns as data_schema.xml names them."""
    found: dict[str, dict[str, None]] = {}
    of: dict[str, None] = {}
    depth = 0
    try:
        for _, begins, tag, attributes in _elements(path):
            if tag == "entity":
                depth += 1 if begins else -1
                # The filter of an entity names entities too, inside it.
                if begins and depth == 1:
                    table = table_of(attributes.get("name", ""))
                    of = found.setdefault(table, {}) if table else {}
            elif tag == "field" and begins and depth == 1 and (name := attributes.get("name", "").lower()):
                of[name] = None
    except FileNotFoundError:
        raise FatalExport(
            "FILE_MISSING", path, f"{DATA} of the Configuration Migration tool lies there without its description"
        ) from None
    return {table: [*columns] for table, columns in found.items()}


def _records(path: Path, table: str) -> Iterator[tuple[int, str, _Fields]]:
    """Line, GUID and fields of each record of a table."""
    inside = False
    depth = 0
    at, guid = 0, ""
    fields: _Fields | None = None
    for line, begins, tag, attributes in _elements(path):
        if tag == "entity":
            inside = begins and table_of(attributes.get("name", "")) == table
        elif not inside:
            continue
        elif tag == "record":
            if begins:
                at, guid, fields = line, attributes.get("id", ""), {}
            elif fields is not None:
                yield at, guid, fields
                fields = None
        elif tag == "field" and fields is not None:
            # The parties of an activity are fields of records inside a field.
            depth += 1 if begins else -1
            name = attributes.get("name", "").lower()
            if begins and depth == 1 and name:
                value = attributes.get("value", "")
                if len(value) > MAX_FIELD:
                    raise FatalExport("FILE_UNREADABLE", path, f"the field {name} is longer than 1 MiB", line=line)
                fields[name] = (value, attributes.get(_LOOKUP, ""))


def _elements(path: Path) -> Iterator[tuple[int, bool, str, dict[str, str]]]:
    """The beginning and the end of each element: line, whether it begins, name without namespace, attributes."""
    seen: list[tuple[int, bool, str, dict[str, str]]] = []
    parser = expat.ParserCreate(namespace_separator=" ")

    def refuse(*_: object) -> None:
        raise FatalExport(
            "FILE_UNREADABLE", path, "it declares a document type, which the Configuration Migration tool never writes",
            line=parser.CurrentLineNumber,
        )  # fmt: skip

    def begin(tag: str, attributes: dict[str, str]) -> None:
        seen.append((parser.CurrentLineNumber, True, tag.rpartition(" ")[2].lower(), attributes))

    def end(tag: str) -> None:
        seen.append((parser.CurrentLineNumber, False, tag.rpartition(" ")[2].lower(), {}))

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    try:
        with open_bytes(path) as file:
            while block := file.read(_BLOCK):
                parser.Parse(block, False)
                yield from seen
                seen.clear()
        parser.Parse(b"", True)
        yield from seen
    except expat.ExpatError as error:
        raise FatalExport("FILE_UNREADABLE", path, f"not XML, or broken off ({error})", line=error.lineno) from error
    except FileNotFoundError:
        raise
    except KeyError as error:
        raise FileNotFoundError(path) from error
    except (*BROKEN, UnicodeError) as error:
        raise FatalExport("FILE_UNREADABLE", path, str(error)) from error
