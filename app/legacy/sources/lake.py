"""
A folder that Synapse Link for Dataverse fills: a description names tables, columns and partitions.

The description is `model.json`, whose partitions have no header, or a manifest of the Common Data Model
(`*.manifest.cdm.json`) with a file for each table; a manifest says of a partition whether its first line is a header. A
partition is a CSV file or a parquet file, and is only added to: the newest version of a record counts.
"""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from app.legacy.contract import table_of
from app.legacy.errors import FatalExport
from app.legacy.sources.csv_files import CsvSource
from app.legacy.sources.files import is_parquet
from app.legacy.sources.parquet import ParquetRows
from app.legacy.sources.records import Batch, two_files
from app.legacy.sources.versions import Partition, newest, with_key

MODEL: Final = "model.json"
_FORMAT: Final = "is.partition.format."


class _Part(NamedTuple):
    """A partition, whether its first line names the columns, and what divides its cells."""

    path: Path
    has_header: bool = False
    delimiter: str = ","


class _Described(NamedTuple):
    """A table as a description has it: its columns and its partitions."""

    columns: list[str]
    parts: list[_Part]


class LakeSource:
    """A table in the partitions of a lake folder."""

    def __init__(self, table: str, paths: list[Path], named_columns: dict[str, str]) -> None:
        self.table = table
        self.paths = paths
        described = _described(_folder_of(paths[0]))[table]
        self._header = described.columns
        named = with_key(table, self._header, named_columns)
        self._partitions: list[Partition] = []
        for kind, parts in groupby(described.parts, lambda part: is_parquet(part.path)):
            if kind:
                self._partitions.append(self._rows(table, [part.path for part in parts], named))
            else:
                self._partitions += [self._opened(part, named) for part in parts]
        self.columns = self._partitions[0].columns
        self.ignored_columns = self._partitions[0].ignored_columns

    def _opened(self, part: _Part, named: dict[str, str]) -> CsvSource:
        if not part.has_header:
            return CsvSource(self.table, part.path, named, header=self._header, delimiter=part.delimiter)
        source = CsvSource(self.table, part.path, named)
        if source.header != self._header:
            raise FatalExport(
                "FILE_UNREADABLE",
                part.path,
                "its first line names other columns than the description of the folder",
                line=1,
            )
        return source

    def _rows(self, table: str, paths: list[Path], named: dict[str, str]) -> ParquetRows:
        rows = ParquetRows(table, paths, named, header=self._header)
        if set(rows.found) != set(self._header):
            raise FatalExport(
                "FILE_UNREADABLE",
                paths[0],
                f"it has other columns than the description of the folder. It has: {', '.join(rows.found)}",
            )
        return rows

    def batches(self, size: int) -> Iterator[Batch]:
        """The newest version of each record that was not deleted, in the order of the partitions."""
        return newest(self.table, self._partitions, size)

    def estimated_records(self) -> int:
        """About how many versions of records there are."""
        return sum(partition.estimated_records() for partition in self._partitions)


def is_described(folder: Path) -> bool:
    """Whether a folder says by a description of its own what lies in it."""
    return bool(_descriptions(folder))


def is_description(path: Path) -> bool:
    """Whether a file describes a lake folder, or a table in one."""
    return path.name == MODEL or path.name.lower().endswith(".cdm.json")


def descriptions_in(folder: Path) -> set[Path]:
    """Every file in a folder, and below it, that may describe what lies there: they decide how partitions are read."""
    return {path for path in folder.rglob("*.json") if is_description(path)}


def partitions(folder: Path) -> dict[str, list[Path]]:
    """By table the partitions that are described; FatalExport where one is missing or a description cannot be read."""
    return {table: [part.path for part in found.parts] for table, found in _described(folder).items()}


def _described(folder: Path) -> dict[str, _Described]:
    """By table what the descriptions in a folder say; two that name other partitions of one table are refused."""
    found: dict[str, _Described] = {}
    for path in _descriptions(folder):
        of_file = _of_model(path) if path.name == MODEL else _of_manifest(path, {path})
        for table, described in of_file:
            if not described.parts:
                continue
            if found.setdefault(table, described) != described:
                raise two_files(
                    table, [*dict.fromkeys(part.path for d in (found[table], described) for part in d.parts)]
                )
    return found


def _tables(path: Path, called: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Of each entity that is one of our tables: the table, the name that stands at `called`, and what is said of it."""
    for entity in _entities(path):
        name = str(entity.get(called, ""))
        if (table := table_of(name)) is not None:
            yield table, name, entity


def _of_model(path: Path) -> Iterator[tuple[str, _Described]]:
    folder = path.parent
    for table, name, entity in _tables(path, "name"):
        named = [str(partition.get("location") or "") for partition in _objects(entity, "partitions")]
        paths = _all_local(folder, named, path) or sorted((folder / name).glob("*.csv"))
        columns = [str(attribute.get("name", "")).lower() for attribute in _objects(entity, "attributes")]
        yield table, _Described(columns, [_Part(part) for part in paths])


def _of_manifest(path: Path, read: set[Path]) -> Iterator[tuple[str, _Described]]:
    """The tables of a manifest, and of those that it leads to; `read` keeps a circle of them from being endless."""
    for table, name, entity in _tables(path, "entityName"):
        parts = [
            _part(place, partition, path)
            for partition in _objects(entity, "dataPartitions")
            for place in _all_local(path.parent, [str(partition.get("location") or "")], path)
        ]
        for pattern in _objects(entity, "dataPartitionPatterns"):
            parts += [
                _part(place, pattern, path)
                for place in _matching(path, pattern)
                if place not in {p.path for p in parts}
            ]
        parts = parts or [_Part(place) for place in sorted((path.parent / name).glob("*.csv"))]
        columns = _attributes(path, str(entity.get("entityPath") or ""), name) if parts else []
        yield table, _Described(columns, parts)
    for below in _objects(_json(path), "subManifests"):
        for further in _all_local(path.parent, [str(below.get("definition") or "")], path):
            if further not in read:
                yield from _of_manifest(further, read | {further})


def _part(path: Path, described: dict[str, Any], manifest: Path) -> _Part:
    """A partition by its traits. Those of a form that nothing here reads are refused."""
    said: dict[str, str] = {}
    for trait in _objects(described, "exhibitsTraits"):
        kind = str(trait.get("traitReference") or "").lower()
        if kind.startswith(_FORMAT) and kind.removeprefix(_FORMAT) not in {"csv", "parquet"}:
            raise FatalExport(
                "FILE_UNREADABLE",
                manifest,
                f"the partition {path.name} is no CSV or parquet file ({kind}): export the table as CSV",
            )
        said |= {str(a.get("name")).lower(): str(a.get("value")) for a in _objects(trait, "arguments")}
    delimiter = said.get("delimiter", ",")
    if said.get("escape", '"') not in {'"', ""} or len(delimiter) != 1:
        raise FatalExport(
            "FILE_UNREADABLE", manifest, f"the partition {path.name} has quotes or cells that are set off by other signs than"
            " in CSV files: export the table as CSV",
        )  # fmt: skip
    return _Part(path, said.get("columnheaders", "").lower() == "true", delimiter)


def _matching(manifest: Path, pattern: dict[str, Any]) -> list[Path]:
    """The files that a pattern of partitions means."""
    glob = str(pattern.get("globPattern") or "").lstrip("/")
    if not glob:
        raise FatalExport(
            "FILE_UNREADABLE", manifest, "it names partitions by a regular expression: list them under dataPartitions, or"
            " give a globPattern",
        )  # fmt: skip
    parts = [part for part in _place(str(pattern.get("rootLocation") or "")).split("/") if part not in {"", ".", ".."}]
    root = manifest.parent.joinpath(*parts)
    return sorted(path for path in root.rglob("*") if path.is_file() and _fits(path.relative_to(root).as_posix(), glob))


def _fits(name: str, glob: str) -> bool:
    return fnmatchcase(name, glob) or fnmatchcase(name, glob.removeprefix("**/"))


def _attributes(manifest: Path, entity_path: str, name: str) -> list[str]:
    """The columns of a table, as the file that a manifest leads to defines it."""
    (path,) = _all_local(manifest.parent, [entity_path.rpartition("/")[0]], manifest) or [manifest]
    for definition in _objects(_json(path), "definitions"):
        if str(definition.get("entityName", "")) == entity_path.rpartition("/")[2]:
            return [*_names(definition.get("hasAttributes"))]
    raise FatalExport("FILE_UNREADABLE", path, f"it does not define the columns of {name}")


def _names(attributes: Any) -> Iterator[str]:
    """The names of attributes; those of a group stand in it."""
    for attribute in attributes if isinstance(attributes, list) else ():
        if isinstance(attribute, dict):
            group = attribute.get("attributeGroupReference")
            if isinstance(group, dict):
                yield from _names(group.get("members"))
            else:
                yield str(attribute.get("name", "")).lower()
        else:
            yield str(attribute).lower()


def _all_local(folder: Path, locations: list[str], description: Path) -> list[Path]:
    """The files that addresses of the lake mean here; FatalExport where one is not here."""
    paths = {location: _local(folder, location) for location in locations if location}
    if missing := [location for location, path in paths.items() if path is None]:
        raise FatalExport(
            "FILE_MISSING", folder, f"{description.name} names files that are not here: {', '.join(missing)}"
        )
    return [path for path in paths.values() if path]


def _local(folder: Path, location: str) -> Path | None:
    """The file that an address of the lake means: the same folder and name here."""
    parts = [part for part in _place(location).split("/") if part not in {"", ".", ".."}]
    candidates = (folder.joinpath(*parts[at:]) for at in range(len(parts)))
    return next((path for path in candidates if path.is_file()), None)


def _place(location: str) -> str:
    """The path in an address, without the part that names a store (`https:` and its machine, or `local:`)."""
    return unquote(urlsplit(location).path)


def _folder_of(path: Path) -> Path:
    """The folder whose description names a partition."""
    return next(
        above
        for above in path.parents
        if is_described(above) and any(path in paths for paths in partitions(above).values())
    )


def _descriptions(folder: Path) -> list[Path]:
    model = folder / MODEL
    return [model] * model.is_file() + sorted(folder.glob("*.manifest.cdm.json"))


def _entities(path: Path) -> list[dict[str, Any]]:
    entities = _json(path).get("entities")
    if not isinstance(entities, list) or not all(isinstance(entity, dict) for entity in entities):
        raise FatalExport("FILE_UNREADABLE", path, "expected a list of entities")
    return entities


def _objects(of: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = of.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        raise FatalExport("FILE_UNREADABLE", path, f"not the description of a lake folder ({error})") from error
    if not isinstance(data, dict):
        raise FatalExport("FILE_UNREADABLE", path, "not the description of a lake folder (no object)")
    return data
