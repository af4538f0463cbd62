"""
A folder that Synapse Link for Dataverse fills: `model.json` names tables, columns and partitions; these have no header.

A partition is only added to: each change of a record is a row of its own, and so is its deletion (`IsDelete`). The newest
version of a record counts; one that was deleted is not in the export.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import orjson

from app.legacy.contract import TABLES, table_of
from app.legacy.errors import FatalExport
from app.legacy.sources.csv_files import CsvSource
from app.legacy.sources.records import Batch, Record

MODEL: Final = "model.json"
_BATCH: Final = 5_000


class LakeSource:
    """A table in the partitions of a lake folder."""

    def __init__(self, table: str, paths: list[Path], named_columns: dict[str, str]) -> None:
        self.table = table
        self.paths = paths
        self._header = [column.lower() for column in _columns(table, _folder_of(paths[0]))]
        key = TABLES[table].key
        named = named_columns if key in self._header else {"id": key, **named_columns}
        self._partitions = [CsvSource(table, path, named, header=self._header) for path in paths]
        self.columns = self._partitions[0].columns
        self.ignored_columns = self._partitions[0].ignored_columns

    def batches(self, size: int) -> Iterator[Batch]:
        """The newest version of each record that was not deleted, in the order of the partitions."""
        newest = self._newest()
        batch = Batch(1, [])
        for place, (guid, _, is_deleted, record) in enumerate(self._rows()):
            if guid and (newest[guid] != place or is_deleted):
                continue
            batch.rows.append(record)
            if len(batch.rows) >= size:
                yield batch
                batch = Batch(batch.first + len(batch.rows), [])
        if batch.rows:
            yield batch

    def estimated_records(self) -> int:
        """About how many versions of records there are."""
        return sum(partition.estimated_records() for partition in self._partitions)

    def _newest(self) -> dict[str, int]:
        """By GUID the place of its newest version: the greatest number, of equals the last."""
        found: dict[str, tuple[int, int]] = {}
        for place, (guid, version, _, _) in enumerate(self._rows()):
            if guid:
                found[guid] = max(found.get(guid, (-1, -1)), (version, place))
        return {guid: place for guid, (_, place) in found.items()}

    def _rows(self) -> Iterator[tuple[str, int, bool, Record]]:
        """GUID in lower case, version, whether it says that the record was deleted, and the record."""
        fields = TABLES[self.table].fields
        key = fields.index(TABLES[self.table].key)
        version = self._header.index("versionnumber") if "versionnumber" in self._header else -1
        deleted = self._header.index("isdelete") if "isdelete" in self._header else -1
        for partition in self._partitions:
            for batch in partition.batches(_BATCH):
                for record in batch.records():
                    if record.cells is None:
                        yield "", 0, False, record
                        continue
                    cells = orjson.loads(record.raw)
                    number = cells[version] if version >= 0 else ""
                    yield (
                        record.cells[key].strip().strip("{}").lower(),
                        int(number) if number.isascii() and number.isdigit() else 0,
                        deleted >= 0 and cells[deleted].strip().lower() in {"true", "1"},
                        record,
                    )


def partitions(folder: Path) -> dict[str, list[Path]]:
    """By table the partitions that `model.json` names; FatalExport where one is missing or the file cannot be read."""
    found: dict[str, list[Path]] = {}
    for entity in _entities(folder):
        name = str(entity.get("name", ""))
        table = table_of(name)
        if table is None:
            continue
        named = [str(partition.get("location") or "") for partition in entity.get("partitions") or ()]
        paths = [_local(folder, location) for location in named if location]
        if missing := [location for location, path in zip(named, paths, strict=False) if path is None]:
            raise FatalExport(
                "FILE_MISSING", folder, f"{MODEL} names partitions that are not here: {', '.join(missing)}"
            )
        found[table] = [path for path in paths if path] or sorted((folder / name).glob("*.csv"))
    return {table: paths for table, paths in found.items() if paths}


def _local(folder: Path, location: str) -> Path | None:
    """The file that an address of the lake means: the same folder and name here."""
    parts = [part for part in unquote(urlsplit(location).path).split("/") if part not in {"", ".", ".."}]
    candidates = (folder.joinpath(*parts[at:]) for at in range(len(parts)))
    return next((path for path in candidates if path.is_file()), None)


def _columns(table: str, folder: Path) -> list[str]:
    entity = next(entity for entity in _entities(folder) if table_of(str(entity.get("name", ""))) == table)
    return [str(attribute.get("name", "")) for attribute in entity.get("attributes") or ()]


def _folder_of(path: Path) -> Path:
    return next(above for above in path.parents if (above / MODEL).is_file())


def _entities(folder: Path) -> list[dict[str, Any]]:
    path = folder / MODEL
    try:
        entities = json.loads(path.read_bytes()).get("entities")
    except (ValueError, AttributeError) as error:
        raise FatalExport("FILE_UNREADABLE", path, f"not the description of a lake folder ({error})") from error
    if not isinstance(entities, list) or not all(isinstance(entity, dict) for entity in entities):
        raise FatalExport("FILE_UNREADABLE", path, "expected a list of entities")
    return entities
