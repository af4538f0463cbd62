"""
A folder that Synapse Link for Dataverse fills: `model.json` names tables, columns and partitions; these have no header.

A partition is only added to: each change of a record is a row of its own, and so is its deletion (`IsDelete`). The newest
version of a record counts; one that was deleted is not in the export.
"""

import json
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from app.legacy.contract import TABLES, table_of
from app.legacy.errors import FatalExport
from app.legacy.sources.csv_files import CsvSource
from app.legacy.sources.records import Batch, Record

MODEL: Final = "model.json"
_BATCH: Final = 5_000
_GREATEST: Final = (1 << 63) - 1
_GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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
        current = self._current()
        batch = Batch(1, [])
        for record, is_current in zip(self._records(), current, strict=True):
            if not is_current:
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

    def _current(self) -> bytearray:
        """
        For each row whether it is the newest version of its record, and not its deletion.

        The newest has the greatest number, of equals it is the last. A table may have millions of rows: of each a key of 16
        bytes and its version are held, and they are let go before the rows are read.
        """
        newest: dict[bytes, int] = {}
        versions, current = array("q"), bytearray()
        for place, (key, version, is_deleted) in enumerate(self._versions()):
            versions.append(version)
            earlier = newest.get(key) if key else None
            if earlier is not None and versions[earlier] > version:
                current.append(False)
                continue
            if earlier is not None:
                current[earlier] = False
            newest[key] = place
            current.append(not key or not is_deleted)
        return current

    def _versions(self) -> Iterator[tuple[bytes, int, bool]]:
        """Key, version, and whether it says that the record was deleted, of each row; no key for a malformed one."""
        version = self._header.index("versionnumber") if "versionnumber" in self._header else -1
        deleted = self._header.index("isdelete") if "isdelete" in self._header else -1
        key = TABLES[self.table].fields.index(TABLES[self.table].key)
        for partition in self._partitions:
            for batch in partition.batches(_BATCH):
                at = batch.layout.order[key] if batch.layout else -1
                for _, cells in batch.rows:
                    if at < 0 or len(cells) != len(self._header):
                        yield b"", 0, False
                        continue
                    number = cells[version] if version >= 0 else ""
                    yield (
                        _key(cells[at].strip().strip("{}").lower()),
                        min(int(number), _GREATEST) if number.isascii() and number.isdigit() else 0,
                        deleted >= 0 and cells[deleted].strip().lower() in {"true", "1"},
                    )

    def _records(self) -> Iterator[Record]:
        for partition in self._partitions:
            for batch in partition.batches(_BATCH):
                yield from batch.records()


def _key(guid: str) -> bytes:
    """A GUID in 16 bytes; what is none as it is written."""
    if _GUID.fullmatch(guid):
        return bytes.fromhex(guid.replace("-", ""))
    return guid.encode("utf-8", "surrogateescape")


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
