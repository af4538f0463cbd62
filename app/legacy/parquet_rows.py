"""
The program that opens parquet files, in a process of its own: `python -m app.legacy.parquet_rows`.

The library that reads them is written in C++, and a damaged or hostile file may end the process that holds it, or ask for
all the memory there is. So it ends here, and `sources/parquet.py`, which started it, says what happened in a sentence. A line of
JSON comes in: the files and what is asked of them. Lines of JSON go out: the number of each file as it is begun, what was
found in it, and at last that this is the end.
"""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import orjson
import pyarrow as pa
from pyarrow import parquet

if sys.platform != "win32":
    import resource

MEMORY: Final = 2 << 30
"""So many bytes of address space this process may take."""

MAX_FIELD: Final = 1 << 20
"""The longest cell, as in every other kind of file."""

_BATCH: Final = 500
_BUFFER: Final = 1 << 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY: Final = date(1970, 1, 1)
_FLAGS: Final = {True: "True", False: "False"}
_LARGEST_WHOLE: Final = 1 << 53
_OF_A_CHECKPOINT: Final = ("protocol", "metaData", "add")

_Texts = Callable[[Any], list[str]]


class _Unreadable(Exception):
    """A file cannot be read from here on; `row` is the first that was not."""

    def __init__(self, reason: str, row: int | None = None) -> None:
        super().__init__(reason)
        self.row = row


def main() -> None:
    """Answer the one request."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    pa.set_cpu_count(1)
    asked = orjson.loads(sys.stdin.buffer.readline())
    for number, path in enumerate(asked["paths"]):
        _say({"file": number})
        try:
            for said in _ANSWERS[asked["what"]](_opened(path), asked.get("columns", [])):
                _say(said)
        except _Unreadable as error:
            _say({"error": str(error), "row": error.row})
            return
        except MemoryError:
            _say({"error": f"it asks for more than {MEMORY >> 30} GiB of memory", "row": None})
            return
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError) as error:
            _say({"error": f"it is damaged, or no parquet file ({error})", "row": None})
            return
    _say({"end": True})


def _say(said: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(said) + b"\n")
    sys.stdout.buffer.flush()


def _opened(path: str) -> Any:
    # A row group is read through a buffer, column by column, and never whole. Moments of the old kind (INT96) may lie before 1677.
    return parquet.ParquetFile(
        path,
        buffer_size=_BUFFER,
        pre_buffer=False,
        coerce_int96_timestamp_unit="us",
        page_checksum_verification=True,
    )


def _described(file: Any, _: list[str]) -> Iterator[dict[str, Any]]:
    """Columns, each with its type where that has no text; rows; bytes when unpacked, as the file says."""
    described = file.metadata
    yield {
        "columns": [
            [field.name.lower(), None if _texts(field.type) else str(field.type)] for field in file.schema_arrow
        ],
        "rows": described.num_rows,
        "bytes": sum(described.row_group(number).total_byte_size for number in range(described.num_row_groups)),
    }


def _rows(file: Any, columns: list[str]) -> Iterator[dict[str, Any]]:
    """The rows as texts of these columns; a column that the file has not gives ''."""
    schema = file.schema_arrow
    by_name: dict[str, Any] = {}
    for field in schema:
        by_name.setdefault(field.name.lower(), field)
    found = [by_name.get(name) for name in columns]
    readers = [_texts(field.type) if field is not None else None for field in found]
    names = [field.name for field, read in zip(found, readers, strict=True) if field is not None and read]
    if not names:
        return
    row = 1
    for batch in file.iter_batches(batch_size=_BATCH, columns=names, use_threads=False):
        cells = [
            _column(batch, field.name, read, row) if field is not None and read else [""] * batch.num_rows
            for field, read in zip(found, readers, strict=True)
        ]
        yield {"first": row, "rows": [*zip(*cells, strict=True)]}
        row += batch.num_rows


def _column(batch: Any, name: str, read: _Texts, row: int) -> list[str]:
    try:
        texts = read(batch.column(name))
    except UnicodeDecodeError as error:
        raise _Unreadable(f"the column {name} has a text that is not UTF-8", row) from error
    for at, text in enumerate(texts):
        if len(text) > MAX_FIELD:
            raise _Unreadable(f"the field {name} is longer than 1 MiB", row + at)
    return texts


def _checkpoint(file: Any, _: list[str]) -> Iterator[dict[str, Any]]:
    """What the checkpoint of a Delta table says, in the shape of the lines of its log."""
    names = [field.name for field in file.schema_arrow if field.name in _OF_A_CHECKPOINT]
    for batch in file.iter_batches(batch_size=_BATCH, columns=names, use_threads=False):
        for said in batch.to_pylist():
            yield {"said": {name: _plain(value) for name, value in said.items() if value is not None}}


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Of an entry what decides; the statistics of a file are of no use here."""
    kept = ("path", "deletionVector", "schemaString", "partitionColumns", "minReaderVersion", "readerFeatures")
    found = {name: value[name] for name in kept if value.get(name) is not None}
    # A map comes as pairs.
    return found | {"configuration": dict(value.get("configuration") or ())}


_ANSWERS: Final = {"describe": _described, "rows": _rows, "checkpoint": _checkpoint}


def _texts(kind: Any) -> _Texts | None:
    """What makes texts of a column, each as a CSV file of the maker portal has it; None for a type that has none."""
    types = pa.types
    if types.is_dictionary(kind):
        read = _texts(kind.value_type)
        return (lambda column: read(column.dictionary_decode())) if read else None
    if types.is_timestamp(kind):
        micros = pa.timestamp("us", kind.tz)
        return lambda column: [_moment(m) for m in _numbers(column.cast(micros, safe=False))]
    if types.is_date(kind):
        return lambda column: [_day(d) for d in _numbers(column.cast(pa.date32()).cast(pa.int32()))]
    by_kind: tuple[tuple[Callable[[Any], bool], Callable[[Any], str]], ...] = (
        (types.is_string, str),
        (types.is_large_string, str),
        (types.is_string_view, str),
        (types.is_boolean, _FLAGS.__getitem__),
        (types.is_integer, str),
        (types.is_decimal, _decimal),
        (types.is_floating, _float),
        (types.is_null, str),
        (lambda k: isinstance(k, pa.UuidType), str),
    )
    for fits, text in by_kind:
        if fits(kind):
            return lambda column: ["" if value is None else text(value) for value in column.to_pylist()]
    return None


def _numbers(column: Any) -> list[int | None]:
    numbers: list[int | None] = (column if pa.types.is_integer(column.type) else column.cast(pa.int64())).to_pylist()
    return numbers


def _moment(micros: int | None) -> str:
    """
    A moment as ISO text in UTC; one of a year that no calendar has stays a number, which is no date.

    One without a zone is UTC too: so Dataverse stores moments, and Spark writes them (as INT96) without saying so.
    """
    if micros is None:
        return ""
    try:
        return (_EPOCH + timedelta(microseconds=micros)).replace(tzinfo=None).isoformat() + "Z"
    except OverflowError:
        return str(micros)


def _day(days: int | None) -> str:
    if days is None:
        return ""
    try:
        return (_FIRST_DAY + timedelta(days=days)).isoformat()
    except OverflowError:
        return f"day {days}"


def _decimal(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _float(value: float) -> str:
    """A number; whole ones without a point, since a column of whole numbers with gaps in it often becomes one of these."""
    if value != value:  # noqa: PLR0124 - not a number
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < _LARGEST_WHOLE else repr(value)


if __name__ == "__main__":
    main()
