"""
Parquet: a file for each table, or a folder of parts as Spark, a pipeline or Synapse Link with its Delta Lake format writes.

A Delta table is what its log (`_delta_log`) says it is: files lie in its folder that a later commit took out of it. The files
themselves are opened by a process of its own (`app/legacy/parquet_rows.py`), which is given no secret and little memory;
it needs the package pyarrow, an extra.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast
from urllib.parse import unquote

import orjson

from app.legacy.contract import IGNORE, TABLES, assign_columns, field_of, table_of
from app.legacy.errors import FatalExport
from app.legacy.sources.files import refuse_size
from app.legacy.sources.records import Batch, Layout
from app.legacy.sources.versions import IS_DELETE, newest, with_key

LOG: Final = "_delta_log"
SUFFIX: Final = ".parquet"
LAKE: Final = "deltalake"
"""The folder in which Synapse Link keeps its Delta tables."""

_PROGRAM: Final = [sys.executable, "-I", "-m", "app.legacy.parquet_rows"]
_NEEDED: Final = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")
_NOT_INSTALLED: Final = (
    "it is parquet, and what reads it is not installed: `pip install 'mytomorrows-crm[parquet]'`, or an image that is built with"
    " `--build-arg PARQUET=yes`. Or export the table as CSV"
)
_STAGED: Final = "_partitioned"
_COMMIT: Final = re.compile(r"(\d{20})\.json")
_CHECKPOINT: Final = re.compile(r"(\d{20})\.checkpoint(?:\.\d{10}\.(\d{10}))?\.parquet")
_NAMED_MAPPING: Final = 2
"""The version of the protocol from which columns may be called otherwise in the files."""

_KNOWN_FEATURES: Final = frozenset({"timestampNtz", "vacuumProtocolCheck"})
"""What a Delta table may ask of its reader that needs nothing here: what a moment is, the files say themselves."""


class ParquetRows:
    """Rows of parquet files that are one table, in the order of the files."""

    def __init__(
        self,
        table: str,
        paths: Sequence[Path],
        named_columns: dict[str, str],
        *,
        header: list[str] | None = None,
        may_lack: bool = False,
    ) -> None:
        """`header` is the order of the columns, from elsewhere; with `may_lack` an older file may have fewer of them."""
        self.table = table
        self._paths = paths
        described = _describe(paths)
        self._records: int = sum(one["rows"] for one in described)
        self.found: list[str] = [*dict.fromkeys(name for one in described for name, _ in one["columns"])]
        """Every column that is in the files."""
        if not may_lack:
            for path, one in zip(paths, described, strict=True):
                _refuse_other_columns(path, [name for name, _ in one["columns"]], self.found)
        textless: dict[str, str] = {}
        for one in described:
            textless |= {name: kind for name, kind in one["columns"] if kind}
        named = with_key(table, header or self.found, named_columns)
        whole = header or self.found
        for column, position in assign_columns(table, whole, named).items():
            if kind := textless.get(whole[position]):
                raise FatalExport(
                    "FILE_UNREADABLE",
                    paths[0],
                    f"the column {whole[position]}, which is the field {column}, is of the type {kind}, which nothing here"
                    f' reads: write it as a text, or name it in the mapping file "{IGNORE}"',
                )
        self.header = [name for name in whole if name not in textless]
        self._positions = assign_columns(table, self.header, named)
        self.columns = {name: self.header[position] for name, position in self._positions.items()}
        used = set(self._positions.values())
        self.ignored_columns = [c for at, c in enumerate(self.header) if at not in used] + sorted(textless)

    def batches(self, size: int) -> Iterator[Batch]:
        """The rows in order; FatalExport where a file stops being readable."""
        layout = Layout([self._positions.get(name, -1) for name in TABLES[self.table].fields], len(self.header), True)
        batch = Batch(1, [], layout)
        packed = sum(path.stat().st_size for path in self._paths)
        expanded = 0
        for path, said, length in _asked("rows", self._paths, self.header):
            expanded += length
            refuse_size(path, packed, expanded)
            for row, cells in enumerate(said["rows"], start=said["first"]):
                batch.rows.append((row, cells))
                if len(batch.rows) >= size:
                    yield batch
                    batch = Batch(batch.first + len(batch.rows), [], layout)
        if batch.rows:
            yield batch

    def estimated_records(self) -> int:
        """How many rows there are."""
        return self._records


class ParquetSource:
    """A table in a parquet file, or in a folder of them."""

    def __init__(self, table: str, path: Path, named_columns: dict[str, str]) -> None:
        self.table = table
        found = _parts(path)
        _refuse_divided(table, path, found.divided_by, named_columns)
        if not found.paths:
            # A Delta table without a row: the log alone says which columns it would have.
            positions = assign_columns(table, found.header or [], with_key(table, found.header or [], named_columns))
            self._rows = None
            self.columns = {name: (found.header or [])[at] for name, at in positions.items()}
            self.ignored_columns = [name for name in found.header or [] if name not in self.columns.values()]
        else:
            self._rows = ParquetRows(
                table, found.paths, named_columns, header=found.header, may_lack=found.header is not None
            )
            self.columns, self.ignored_columns = self._rows.columns, self._rows.ignored_columns
        self.ignored_columns = [*self.ignored_columns, *found.divided_by]
        self.paths = [*found.paths, *found.log]

    def batches(self, size: int) -> Iterator[Batch]:
        """The rows in order; where a column tells what was deleted, the newest version of each record."""
        if self._rows is None:
            return iter(())
        return newest(self.table, [self._rows], size) if IS_DELETE in self._rows.header else self._rows.batches(size)

    def estimated_records(self) -> int:
        """How many rows there are."""
        return self._rows.estimated_records() if self._rows else 0


class _Parts(NamedTuple):
    """The files of a table, its columns where a log says so, columns that stand in the names of folders, the files of the log."""

    paths: list[Path]
    header: list[str] | None = None
    divided_by: tuple[str, ...] = ()
    log: tuple[Path, ...] = ()


def folders(folder: Path, tables: Mapping[str, str], listed: set[Path]) -> Iterator[tuple[str, Path]]:
    """
    The folders of parquet parts in an export, each with its table; `tables` are the mapping file's, `listed` files are others'.

    They lie in the export's folder, or in the one where Synapse Link keeps them.
    """
    for path in sorted([*folder.iterdir(), *(folder / LAKE).glob("*")]):
        stem = path.name.removesuffix(SUFFIX).removesuffix(_STAGED)
        table = tables.get(path.name) or table_of(stem)
        if (
            table
            and path.is_dir()
            and ((path / LOG).is_dir() or any(part not in listed for part in _visible(path, "*" + SUFFIX)))
        ):
            yield table, path


def _visible(folder: Path, pattern: str) -> list[Path]:
    """The files below a folder; those that begin with `_` or `.`, or lie in such a folder, are no rows of it."""
    return [
        path
        for path in sorted(folder.rglob(pattern))
        if path.is_file() and not any(name.startswith(("_", ".")) for name in path.relative_to(folder).parts)
    ]


def _parts(path: Path) -> _Parts:
    if not path.is_dir():
        return _Parts([path])
    if (path / LOG).is_dir():
        return _of_log(path)
    paths = _visible(path, "*" + SUFFIX)
    if others := [other for other in _visible(path, "*") if other.suffix not in {SUFFIX, ".crc"}]:
        names = ", ".join(other.relative_to(path).as_posix() for other in others[:5])
        raise FatalExport("FILE_UNREADABLE", path, f"it holds files that are no parquet files: {names}; leave one kind")
    between = (name for part in paths for name in part.relative_to(path).parts[:-1])
    return _Parts(paths, divided_by=tuple(dict.fromkeys(n.partition("=")[0].lower() for n in between if "=" in n)))


def _refuse_divided(table: str, path: Path, columns: Sequence[str], named: dict[str, str]) -> None:
    """A column by which the rows are divided stands in the names of folders alone."""
    for column in columns:
        if named.get(column, field_of(table, column)) not in {None, IGNORE}:
            raise FatalExport(
                "FILE_UNREADABLE",
                path,
                f"the column {column} stands in the names of its folders, which nothing here reads: write the table without"
                " dividing it by this column",
            )


def _refuse_other_columns(path: Path, columns: list[str], all_columns: list[str]) -> None:
    if missing := [name for name in all_columns if name not in columns]:
        raise FatalExport(
            "FILE_UNREADABLE",
            path,
            f"it has not the columns of the other parts: no {', '.join(missing)}. It has: {', '.join(columns)}",
        )


def _describe(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Of each file its columns and the number of its rows; FatalExport for one that would unpack to an absurd size."""
    for path in paths:
        if path.stat().st_size == 0:
            raise FatalExport("FILE_EMPTY", path, "the file has no bytes; export it again")
    described = []
    for path, said, _ in _asked("describe", paths):
        cells = said["rows"] * len(said["columns"])
        refuse_size(path, path.stat().st_size, max(said["bytes"], cells))
        described.append(said)
    return described


def _asked(what: str, paths: Sequence[Path], columns: Sequence[str] = ()) -> Iterator[tuple[Path, dict[str, Any], int]]:
    """What the process that opens parquet files says of each of these, and how long that is; FatalExport where it cannot."""
    if find_spec("pyarrow") is None:
        raise FatalExport("FILE_UNREADABLE", paths[0], _NOT_INSTALLED)
    # None of our secrets. Its own memory: that of the library takes more address space than it uses.
    environment = {name: os.environ[name] for name in _NEEDED if name in os.environ}
    environment["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    request = {"what": what, "paths": [str(path.absolute()) for path in paths], "columns": columns}
    path = paths[0]
    with subprocess.Popen(  # noqa: S603 - our own program
        _PROGRAM, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        stdin, stdout = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        try:
            try:
                stdin.write(orjson.dumps(request) + b"\n")
                stdin.close()
            except BrokenPipeError:
                pass  # it has ended already, and is asked why below
            for line in stdout:
                said = _line(line)
                if "file" in said:
                    path = paths[said["file"]]
                elif "error" in said:
                    raise FatalExport("FILE_UNREADABLE", path, str(said["error"]), line=said["row"])
                elif "end" in said:
                    return
                else:
                    yield path, said, len(line)
            raise FatalExport("FILE_UNREADABLE", path, f"the reading of it broke off ({_ending(process.wait())}): it is"
                " damaged, or not made in good faith. Write it again, or export the table as CSV")  # fmt: skip
        finally:
            process.kill()


def _line(line: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {"error": "the reading of it broke off in the middle of a row", "row": None}
    return said if isinstance(said, dict) else {}


def _ending(code: int) -> str:
    """How a process ended, in words."""
    try:
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
    except ValueError:
        return f"signal {-code}"


def _of_log(folder: Path) -> _Parts:
    """A Delta table as its log has it: the newest whole checkpoint and the commits behind it."""
    log = folder / LOG
    commits = {int(found[1]): path for path in log.iterdir() if (found := _COMMIT.fullmatch(path.name))}
    whole, checkpoint = _newest_checkpoint(log)
    wanted = range(whole + 1, max([whole, *commits]) + 1)
    if missing := [number for number in wanted if number not in commits]:
        raise FatalExport(
            "FILE_MISSING", log, f"the log of the table has no commit {missing[0]}: copy the folder again, whole"
        )
    if not checkpoint and not commits:
        raise FatalExport("FILE_MISSING", log, "the log of the table has no commit: copy the folder again, whole")
    read = [*checkpoint, *(commits[number] for number in wanted)]
    live: dict[str, None] = {}
    metadata: dict[str, Any] = {}
    for path, said in _entries(checkpoint, read[len(checkpoint) :]):
        try:
            if protocol := said.get("protocol"):
                _refuse_features(path, protocol)
            if added := said.get("add"):
                _refuse_vectors(path, added)
                live[unquote(str(added["path"]))] = None
            if removed := said.get("remove"):
                live.pop(unquote(str(removed["path"])), None)
        except (ValueError, KeyError, TypeError) as error:
            raise FatalExport("FILE_UNREADABLE", path, f"not a log of a Delta table ({error!r})") from error
        metadata = said.get("metaData") or metadata
    try:
        mapping = dict(metadata.get("configuration") or {}).get("delta.columnMapping.mode", "none")
        divided_by = tuple(str(name).lower() for name in metadata.get("partitionColumns") or ())
        names = [str(field["name"]).lower() for field in json.loads(metadata["schemaString"])["fields"]]
    except (ValueError, KeyError, TypeError) as error:
        raise FatalExport("FILE_UNREADABLE", log, "the log of the table does not say its columns") from error
    if mapping != "none":
        raise _not_read(log, "columns with other names in its files (columnMapping)")
    header = [name for name in names if name not in divided_by]
    return _Parts(_here(folder, live), header, divided_by, tuple(read))


def _newest_checkpoint(log: Path) -> tuple[int, list[Path]]:
    """The version and the files of the newest checkpoint that is there as a whole; -1 where there is none."""
    parts: dict[tuple[int, int], list[Path]] = {}
    for path in sorted(log.iterdir()):
        if found := _CHECKPOINT.fullmatch(path.name):
            parts.setdefault((int(found[1]), int(found[2] or 1)), []).append(path)
    whole = [(version, paths) for (version, number), paths in parts.items() if len(paths) == number]
    return max(whole, default=(-1, []))


def _entries(checkpoint: list[Path], commits: list[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The entries of a log in their order."""
    if checkpoint:
        for path, said, _ in _asked("checkpoint", checkpoint):
            yield path, said["said"]
    for path in commits:
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if not line.strip():
                continue
            try:
                entry = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise FatalExport(
                    "FILE_UNREADABLE", path, f"not a log of a Delta table ({error})", line=number
                ) from error
            if not isinstance(entry, dict) or not all(isinstance(said, dict) for said in entry.values()):
                raise FatalExport("FILE_UNREADABLE", path, "not a log of a Delta table", line=number)
            yield path, entry


def _refuse_features(path: Path, protocol: dict[str, Any]) -> None:
    version = int(protocol.get("minReaderVersion") or 1)
    if version > _NAMED_MAPPING and (unknown := set(protocol.get("readerFeatures") or ()) - _KNOWN_FEATURES):
        raise _not_read(path, ", ".join(sorted(map(str, unknown))))


def _refuse_vectors(path: Path, added: dict[str, Any]) -> None:
    if added.get("deletionVector"):
        raise _not_read(path, "rows that are deleted without their file being written again (deletionVectors)")


def _not_read(path: Path, what: str) -> FatalExport:
    return FatalExport(
        "FILE_UNREADABLE",
        path,
        f"the Delta table uses what nothing here reads: {what}. Write it again without, or export the table as CSV",
    )


def _here(folder: Path, names: Mapping[str, None]) -> list[Path]:
    """The files of a table; FatalExport where one is not here, or not in its folder."""
    paths = {name: folder / name for name in names}
    if missing := [
        n for n, path in paths.items() if ".." in path.parts or not path.is_relative_to(folder) or not path.is_file()
    ]:
        raise FatalExport(
            "FILE_MISSING", folder, f"the log of the table names files that are not here: {', '.join(missing)}"
        )
    return [*paths.values()]
