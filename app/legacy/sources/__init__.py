"""
An export as rows of text, whatever it was made with: CSV files, Web API pages, Excel workbooks.

Nothing else knows their quirks. `open_export` finds the files by name and content and refuses what cannot be read as a
whole; each source then hands on `Batch`es: records with their number, line and cells in the order of the contract's
fields. A record whose number of cells differs from its header has no cells.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from app.legacy.contract import TABLES, Frame, field_of, rules, table_of, table_of_entity_set
from app.legacy.errors import FatalExport
from app.legacy.mapping import Mapping
from app.legacy.sources.csv_files import CsvSource
from app.legacy.sources.excel import ExcelSource
from app.legacy.sources.records import Batch, two_files
from app.legacy.sources.web_api import WebApiSource

__all__ = ["KINDS", "Batch", "Export", "Source", "open_export"]

_NO_TABLES = {"optionsets.json", "export.json", "expected.json", "summary.json"}
_ENTITY_SET = re.compile(r"\$metadata#(\w+)")
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


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
        paths = {path for source in self.sources.values() for path in source.paths}
        paths |= {self.folder / name for name in ("optionsets.json", "export.json") if (self.folder / name).exists()}
        return [FileFact(path.name, path.stat().st_size, _sha256(path)) for path in sorted(paths)]

    def checksum(self, table: str) -> str:
        """One checksum of the files of a table, in their order."""
        return sha256("".join(_sha256(path) for path in self.sources[table].paths).encode()).hexdigest()


def open_export(folder: Path, mapping: Mapping | None = None) -> Export:
    """
    The export in a folder, checked as far as can be without reading rows.

    Raises FatalExport with FILE_MISSING, FILE_EMPTY, COLUMN_MISSING or FILE_UNREADABLE.
    """
    mapping = mapping or Mapping()
    if not folder.is_dir():
        raise FatalExport("FILE_MISSING", folder, "there is no such folder; give the folder that holds the export")
    kinds: dict[str, list[tuple[str, Path]]] = {}
    unread: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.name in _NO_TABLES or not path.is_file() or path.name.startswith("."):
            continue
        kind, table = _kind_and_table(path, mapping)
        if table is None:
            unread.append(path.name)
        else:
            kinds.setdefault(table, []).append((kind, path))
    for name, wanted in TABLES.items():
        if wanted.must_exist and name not in kinds:
            raise FatalExport("FILE_MISSING", folder, f"no file of the table {name!r}; export it into this folder")
    frame = _frame(folder, mapping)
    option_sets = _option_sets(folder, mapping)
    sources: dict[str, Source] = {}
    for table_name in TABLES:
        if table_name in kinds:
            source = sources[table_name] = _source(table_name, kinds[table_name], mapping)
            missing = [c for c in TABLES[table_name].required if c not in source.columns]
            if missing and source.columns is not None:
                raise FatalExport(
                    "COLUMN_MISSING",
                    source.paths[0],
                    f"no column {', '.join(missing)}; export all columns, or name them in the mapping file",
                    line=1,
                )
    _name_lookups(sources)
    shape = "+".join(sorted({kind for found in kinds.values() for kind, _ in found}))
    return Export(folder, frame, shape, option_sets, sources, sorted(unread), mapping)


def _kind_and_table(path: Path, mapping: Mapping) -> tuple[str, str | None]:
    """What a file is by its first bytes, and the table it belongs to by name."""
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".txt", ".tsv", ".json", ".xlsx"}:
        return "other", None
    named = mapping.tables.get(path.name) or mapping.tables.get(path.stem)
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
        stem = path.stem
        return "json", (
            named
            or (table_of_entity_set(context[1]) if context else None)
            or table_of_entity_set(stem)
            or table_of(stem)
            or _set_of_page(stem)
        )
    return "csv", named or table_of(path.stem)


def _set_of_page(stem: str) -> str | None:
    """The table of a further page: its name is the first one's with a number behind."""
    bare = stem.rstrip("0123456789").rstrip("-_. ")
    return table_of_entity_set(bare) if bare != stem else None


def _source(table: str, found: list[tuple[str, Path]], mapping: Mapping) -> Source:
    """The one source of a table; FatalExport where its files are not pages of one set and more than one."""
    paths = [path for _, path in found]
    for path in paths:
        if path.stat().st_size == 0:
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
