"""
An export as rows of text, whatever it was made with: CSV files, Web API pages, Excel workbooks, a lake, parquet,
Microsoft's tool.

Nothing else knows their quirks. `open_export` finds the files by name and content and refuses what cannot be read as a
whole; each source then hands on `Batch`es: records with their number, line and cells in the order of the contract's
fields. A record whose number of cells differs from its header has no cells.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from app.legacy.contract import IGNORE, TABLES, Frame, field_of, rules, table_of, table_of_entity_set
from app.legacy.errors import FatalExport, together
from app.legacy.mapping import Mapping
from app.legacy.sources.configuration import DATA, SCHEMA, ConfigurationSource, tables_in
from app.legacy.sources.csv_files import CsvSource
from app.legacy.sources.excel import ExcelSource
from app.legacy.sources.files import (
    archive_of,
    bare_name,
    is_archive,
    is_gzip,
    is_parquet,
    lies_in,
    members,
    not_read,
    packed,
    size_of,
)
from app.legacy.sources.lake import LakeSource, descriptions_in, is_described, is_description, partitions
from app.legacy.sources.parquet import SUFFIX, ParquetSource, folders
from app.legacy.sources.records import Batch, two_files
from app.legacy.sources.web_api import WebApiSource

__all__ = ["KINDS", "Batch", "Export", "Source", "Survey", "open_export", "survey"]

_NO_TABLES = {"[Content_Types].xml", "optionsets.json", "export.json", "expected.json", "summary.json"}
_ENTITY_SET = re.compile(r"\$metadata#(\w+)")
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


Read = TypeVar("Read")


class Source(Protocol):
    """One table of an export."""

    table: str
    paths: list[Path]
    ignored_columns: list[str]
    columns: dict[str, str]

    def batches(self, size: int) -> Iterator[Batch]:
        """The records in order, at most `size` at a time."""
        ...

    def estimated_records(self) -> int:
        """About how many records there are, without reading them all."""
        ...


OpenSource = Callable[[str, list[Path], dict[str, str]], Source]
"""Opens a table in these files; the columns that a mapping file names are given too."""


class FileFact(NamedTuple):
    """What the ledger keeps of a file: enough to see that a resumed run reads the same."""

    name: str
    bytes: int
    sha256: str


@dataclass
class Export:
    """An export that can be read: its frame of time, option sets, one source per table present."""

    folder: Path
    frame: Frame
    shape: str
    option_sets: dict[tuple[str, str], list[dict[str, Any]]]
    sources: dict[str, Source]
    unread_files: list[str] = field(default_factory=list)
    mapping: Mapping = field(default_factory=Mapping)

    def fingerprint(self) -> list[FileFact]:
        """Name, size and checksum of every file that is read, in order of name."""
        paths = {lies_in(path) for source in self.sources.values() for path in source.paths}
        if any(isinstance(source, LakeSource) for source in self.sources.values()):
            paths |= descriptions_in(self.folder)
        paths |= {self.folder / name for name in ("optionsets.json", "export.json") if (self.folder / name).exists()}
        return [FileFact(path.name, path.stat().st_size, _sha256(path)) for path in sorted(paths)]

    def checksum(self, table: str) -> str:
        """One checksum of the files of a table, in their order."""
        return sha256("".join(_sha256(lies_in(path)) for path in self.sources[table].paths).encode()).hexdigest()


@dataclass
class Survey:
    """What was found in a folder, readable as a whole or not: `refused` says why not."""

    frame: Frame | None
    shape: str
    option_sets: dict[tuple[str, str], list[dict[str, Any]]]
    sources: dict[str, Source]
    unread_files: list[str]
    refused: list[FatalExport]


def open_export(folder: Path, mapping: Mapping | None = None) -> Export:
    """
    The export in a folder, checked as far as can be without reading rows.

    Raises FatalExport with FILE_MISSING, FILE_EMPTY, COLUMN_MISSING or FILE_UNREADABLE: all that is wrong at once, under
    the code of the first.
    """
    mapping = mapping or Mapping()
    found = survey(folder, mapping)
    if found.refused or found.frame is None:
        raise together(found.refused)
    _name_lookups(found.sources)
    return Export(folder, found.frame, found.shape, found.option_sets, found.sources, found.unread_files, mapping)


def survey(folder: Path, mapping: Mapping) -> Survey:
    """Everything that can be understood of an export, and everything that is wrong with it; FatalExport without a folder."""
    if not folder.is_dir():
        raise FatalExport("FILE_MISSING", folder, "there is no such folder; give the folder that holds the export")
    refused: list[FatalExport] = []
    kinds, unread = _by_table(folder, mapping, refused)
    refused += [
        FatalExport("FILE_MISSING", folder, f"no file of the table {name!r}; export it into this folder")
        for name, wanted in TABLES.items()
        if wanted.must_exist and name not in kinds
    ]
    frame = _told(refused, partial(_frame, folder, mapping))
    option_sets = _told(refused, partial(_option_sets, folder, mapping))
    sources: dict[str, Source] = {}
    for name in TABLES:
        if name in kinds and (source := _told(refused, partial(_source, name, kinds[name], mapping))):
            sources[name] = source
            refused += _wrong_columns(name, source, mapping.columns.get(name, {}))
    shape = "+".join(sorted({kind for found in kinds.values() for kind, _ in found}))
    return Survey(frame, shape, option_sets or {}, sources, sorted(unread), refused)


def _by_table(
    folder: Path, mapping: Mapping, refused: list[FatalExport]
) -> tuple[dict[str, list[tuple[str, Path]]], list[str]]:
    """By table its files and what kind they are; and the files that belong to no table."""
    kinds: dict[str, list[tuple[str, Path]]] = {}
    unread: list[str] = []
    in_lake = (_told(refused, partial(partitions, folder)) or {}) if is_described(folder) else {}
    for named, parts in in_lake.items():
        kinds.setdefault(named, []).extend(("lake", path) for path in parts)
    listed = {path for parts in in_lake.values() for path in parts}
    for named, path in folders(folder, mapping.tables, listed):
        kinds.setdefault(named, []).append(("parquet", path))
    paths = [path for path in _files(folder, refused) if path not in listed]
    for path in paths:
        if path.name == DATA:
            for named in _told(refused, partial(tables_in, path)) or ():
                kinds.setdefault(named, []).append(("configuration", path))
            continue
        kind, table = _kind_and_table(path, mapping)
        if table is not None:
            kinds.setdefault(table, []).append((kind, path))
        elif path.name != SCHEMA or path.with_name(DATA) not in paths:
            unread.append(path.relative_to(folder).as_posix())
    return kinds, unread


def _files(folder: Path, refused: list[FatalExport]) -> Iterator[Path]:
    """The files that may be tables, in order of name, those in zip archives too; what nothing here reads is refused."""
    for path in sorted(folder.iterdir()):
        if path.name in _NO_TABLES or not path.is_file() or path.name.startswith(".") or is_description(path):
            continue
        if is_archive(path):
            inside = _told(refused, partial(members, path)) or []
            if any(member.suffix == SUFFIX for member in inside):
                refused.append(
                    FatalExport("FILE_UNREADABLE", path, "it holds parquet files: unpack it into this folder")
                )
            yield from (member for member in inside if member.name not in _NO_TABLES)
        elif what := not_read(path):
            refused.append(FatalExport("FILE_UNREADABLE", path, f"{what}, or take it out of the folder"))
        elif is_gzip(path):
            yield from _told(refused, partial(packed, path)) or ()
        else:
            yield path


def _told(refused: list[FatalExport], read: Callable[[], Read]) -> Read | None:
    """What `read` gives; None where it is refused, which is kept to be told with the rest."""
    try:
        return read()
    except FatalExport as error:
        refused.append(error)
        return None


def _wrong_columns(table: str, source: Source, named: dict[str, str]) -> list[FatalExport]:
    """
    What is wrong with the header of a table.

    Columns that it must have, two that the mapping file names for one field, and those of a view that nobody knows.
    """
    seen = ", ".join([*source.columns.values(), *source.ignored_columns])
    missing = [column for column in TABLES[table].required if column not in source.columns]
    unknown = source.unknown_columns if isinstance(source, ExcelSource) else []
    wrong = []
    if missing:
        why = f"no column {', '.join(missing)}; export all columns, or name them in the mapping file. The header has: {seen}"
        wrong.append(FatalExport("COLUMN_MISSING", source.paths[0], why, line=1))
    by_field: dict[str, list[str]] = {}
    for heading in (*source.columns.values(), *source.ignored_columns):
        if (field_named := named.get(heading.strip().lower(), IGNORE)) != IGNORE:
            by_field.setdefault(field_named, []).append(heading)
    for name, headings in by_field.items():
        if len(headings) > 1:
            # One of them would be left out, and it may be a wish not to be contacted.
            why = f"the mapping file names {', '.join(headings)} all for {name}: leave one"
            wrong.append(FatalExport("FILE_UNREADABLE", source.paths[0], why, line=1))
    if unknown:
        why = (
            f"nobody knows what these headings of a view mean: {', '.join(unknown)}. Name each in the mapping file under"
            f' [columns.{table}], to a field or to "{IGNORE}": one of them may be the wish not to be contacted'
        )
        wrong.append(FatalExport("FILE_UNREADABLE", source.paths[0], why, line=1))
    return wrong


def _kind_and_table(path: Path, mapping: Mapping) -> tuple[str, str | None]:
    """What a file is by its first bytes, and the table it belongs to by name."""
    suffix = "".join(path.suffixes[-2:]).lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    stem = bare_name(path)
    if not archive_of(path) and (suffix == SUFFIX or is_parquet(path)):
        return "parquet", mapping.tables.get(path.name) or mapping.tables.get(stem) or table_of(stem)
    if suffix not in {".csv", ".txt", ".tsv", ".json", ".xlsx", ".csv.gz", ".txt.gz", ".tsv.gz"}:
        return "other", None
    named = mapping.tables.get(path.name) or mapping.tables.get(stem)
    if suffix.endswith(".gz") or archive_of(path):
        # What is packed is a CSV file: a workbook is packed already, and pages lead to one another by their own names.
        return ("csv", named or table_of(stem)) if suffix not in {".json", ".xlsx"} else ("other", None)
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"PK\x03\x04"):
        return "xlsx", named or table_of(path.stem) or table_of_entity_set(path.stem) or table_of(
            path.stem.replace(" ", "_")
        )
    bare = start
    for bom in _BOMS:
        bare = bare.removeprefix(bom)
    if bare.replace(b"\x00", b"").lstrip().startswith((b"{", b"[")) or suffix == ".json":
        # The page itself names its entity set; the file's name stands in where that was not sent along.
        context = _ENTITY_SET.search(start.decode("utf-8", "replace").replace("\x00", ""))
        return "json", (
            named
            or (table_of_entity_set(context[1]) if context else None)
            or table_of_entity_set(stem)
            or table_of(stem)
            or _set_of_page(stem)
        )
    return "csv", named or table_of(stem)


def _set_of_page(stem: str) -> str | None:
    """The table of a further page: its name is the first one's with a number behind."""
    bare = stem.rstrip("0123456789").rstrip("-_. ")
    return table_of_entity_set(bare) if bare != stem else None


def _source(table: str, found: list[tuple[str, Path]], mapping: Mapping) -> Source:
    """The one source of a table; FatalExport where its files are not pages of one set and more than one."""
    paths = [path for _, path in found]
    for path in paths:
        if not path.is_dir() and size_of(path) == 0:
            raise FatalExport("FILE_EMPTY", path, "the file has no bytes; export it again")
    if len({kind for kind, _ in found}) > 1:
        raise two_files(table, paths)
    return KINDS[found[0][0]](table, paths, mapping.columns.get(table, {}))


def _one_file(read: Callable[[str, Path, dict[str, str]], Source]) -> OpenSource:
    """A kind whose tables are one file each."""

    def opened(table: str, paths: list[Path], named_columns: dict[str, str]) -> Source:
        if len(paths) > 1:
            raise two_files(table, paths)
        return read(table, paths[0], named_columns)

    return opened


KINDS: Final[dict[str, OpenSource]] = {
    "csv": _one_file(CsvSource),
    "json": WebApiSource,
    "xlsx": _one_file(ExcelSource),
    "lake": LakeSource,
    "parquet": _one_file(ParquetSource),
    "configuration": _one_file(ConfigurationSource),
}
"""Every kind of export file. A table comes in one kind."""


_LOOKUPS: Final = {
    "contact": {"specialization": "specialization", "hospital": "hospital", "masterid": "contact"},
    "patient": {"medical_condition": "medical_condition", "contact_record": "contact", "physician": "contact"},
    "eap_dossier": {"patient": "patient"},
    "phonecall": {"regardingobjectid": "contact"},
    "appointment": {"regardingobjectid": "contact"},
}


def _name_lookups(sources: dict[str, Source]) -> None:
    """Give Excel views the GUIDs of what their look-ups name; a name that two records have stays a name."""
    wanted = {
        target
        for table, source in sources.items()
        if isinstance(source, ExcelSource)
        for target in _LOOKUPS.get(table, {}).values()
    }
    names = {table: _guids_by_name(sources[table]) for table in wanted if table in sources}
    for table, source in sources.items():
        if isinstance(source, ExcelSource):
            source.names = {name: names[target] for name, target in _LOOKUPS.get(table, {}).items() if target in names}


def _guids_by_name(source: Source) -> dict[str, str]:
    fields = TABLES[source.table].fields
    key = fields.index(TABLES[source.table].key)
    parts = [fields.index(name) for name in ("name", "firstname", "lastname") if name in fields]
    found: dict[str, str | None] = {}
    for batch in source.batches(1_000):
        for record in batch.records():
            if record.cells is not None:
                name = " ".join(record.cells[at].strip() for at in parts).strip().lower()
                found[name] = None if name in found else record.cells[key]
    return {name: guid for name, guid in found.items() if name and guid}


def _frame(folder: Path, mapping: Mapping) -> Frame:
    path = folder / "export.json"
    data = _json_file(path) if path.exists() else {}
    exported_at = mapping.exported_at or data.get("exported_at")
    if not exported_at:
        raise FatalExport(
            "FILE_MISSING", path, 'write {"exported_at": "2025-06-30T12:00:00Z", "time_zone": "Europe/Amsterdam"} there'
        )
    try:
        at = datetime.fromisoformat(str(exported_at))
        frame = Frame(
            at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC),
            mapping.time_zone or data.get("time_zone") or rules().time_zone,
        )
        _ = frame.zone
    except (ValueError, KeyError, OSError) as error:
        raise FatalExport("FILE_UNREADABLE", path, f"exported_at or time_zone is not valid ({error})") from error
    return frame


def _option_sets(folder: Path, mapping: Mapping) -> dict[tuple[str, str], list[dict[str, Any]]]:
    path = folder / "optionsets.json"
    if not path.exists():
        if mapping.options:
            return {}
        raise FatalExport("FILE_MISSING", path, "export the option sets, or give their values in the mapping file")
    data = _json_file(path)
    from_file: dict[tuple[str, str], list[dict[str, Any]]] = {}
    tables = data.get("optionsets", data)
    if not isinstance(tables, dict):
        raise FatalExport("FILE_UNREADABLE", path, "expected table -> column -> options")
    for table_name, columns in tables.items():
        table = table_of(table_name)
        if table is None or not isinstance(columns, dict):
            continue
        for column, options in columns.items():
            if (name := field_of(table, column)) and isinstance(options, list):
                from_file.setdefault((table, name), []).extend(o for o in options if isinstance(o, dict))
    return from_file


def _json_file(path: Path) -> dict[str, Any]:
    if path.stat().st_size == 0:
        raise FatalExport("FILE_EMPTY", path, "the file has no bytes; export it again")
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, UnicodeDecodeError) as error:
        raise FatalExport("FILE_UNREADABLE", path, f"not JSON ({error})") from error
    if not isinstance(data, dict):
        raise FatalExport("FILE_UNREADABLE", path, "expected an object")
    return data


def _sha256(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
