"""Parquet: files, folders of parts, Delta tables; types; and what is damaged, hostile or not installed."""

import csv
import json
import random
import re
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from app.legacy import runner
from app.legacy.contract import TABLES
from app.legacy.errors import FatalExport
from app.legacy.mapping import read_mapping
from app.legacy.sample import write_sample
from app.legacy.sources import open_export, parquet
from tests.legacy.test_sources import records

GUID = "0f8cbbf5-8fe8-4c42-a592-e5bedb5ee48b"
OTHER = GUID[:-1] + "c"
GONE = GUID[:-1] + "d"
HOSPITAL = {"myt_hospitalid": [GUID], "myt_name": ["Zoë Clinic"], "myt_city": ["Köln"]}


@pytest.fixture
def folder(sample_folder: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "export"
    shutil.copytree(sample_folder, copy)
    return copy


def _as_it_is(cells: list[str]) -> pa.Array:
    """A column in the narrowest type whose texts are the cells."""
    held = [cell for cell in cells if cell]
    if held and all(re.fullmatch(r"-?(0|[1-9]\d{0,17})", cell) for cell in held):
        return pa.array([int(cell) if cell else None for cell in cells], pa.int64())
    if held and all(cell in {"True", "False"} for cell in held):
        return pa.array([cell == "True" if cell else None for cell in cells], pa.bool_())
    if held and all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", cell) for cell in held):
        moments = [datetime.fromisoformat(cell) if cell else None for cell in cells]
        return pa.array(moments, pa.timestamp("us", "UTC"))
    if held and all(re.fullmatch(r"\d{4}-\d\d-\d\d", cell) for cell in held):
        return pa.array([date.fromisoformat(cell) if cell else None for cell in cells], pa.date32())
    return pa.array([cell or None for cell in cells], pa.string())


def _tables(source: Path) -> dict[str, pa.Table]:
    """The CSV files of an export as typed tables, by the names of the files."""
    found = {}
    for path in sorted(source.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
        whole = [row for row in rows if len(row) == len(header)]
        columns = [*zip(*whole, strict=True)] or [()] * len(header)
        found[path.stem] = pa.table(dict(zip(header, (_as_it_is([*cells]) for cells in columns), strict=True)))
    return found


def _files(folder: Path, tables: dict[str, pa.Table]) -> None:
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=30)


def _parts(folder: Path, tables: dict[str, pa.Table]) -> None:
    for name, table in tables.items():
        below = folder / name / "year=2024"
        below.mkdir(parents=True)
        (below.parent / "_SUCCESS").write_bytes(b"")
        half = table.num_rows // 2
        for number, part in enumerate((table.slice(0, half), table.slice(half))):
            pq.write_table(part, below / f"part-0000{number}.snappy.parquet", compression="snappy")


def _delta(folder: Path, tables: dict[str, pa.Table]) -> None:
    """As Synapse Link writes them: a commit for each half, and one that takes a file out which lies there still."""
    for name, table in tables.items():
        place = folder / "deltalake" / f"{name}_partitioned"
        half = table.num_rows // 2
        _part(place, "gone", table.slice(0, 1))
        _part(place, "first", table.slice(0, half))
        _part(place, "second", table.slice(half))
        _log(place, 0, _meta(table.column_names), _add("gone"), _add("first"))
        _log(place, 1, _add("second"), {"remove": {"path": _path("gone"), "deletionTimestamp": 1}})


def _path(name: str) -> str:
    return f"PartitionId=2024/part-{name}.snappy.parquet"


def _part(place: Path, name: str, table: pa.Table) -> None:
    path = place / _path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)


def _meta(columns: list[str], **said: Any) -> dict[str, Any]:
    fields = [{"name": name, "type": "string", "nullable": True} for name in [*columns, "PartitionId"]]
    schema = json.dumps({"type": "struct", "fields": fields})
    return {"metaData": {"schemaString": schema, "partitionColumns": ["PartitionId"], "configuration": {}} | said}


def _add(name: str, **said: Any) -> dict[str, Any]:
    return {"add": {"path": _path(name).replace("=", "%3D"), "partitionValues": {"PartitionId": "2024"}} | said}


def _log(place: Path, version: int, *entries: dict[str, Any]) -> None:
    log = place / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    first = [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}] if version == 0 else []
    lines = [json.dumps(entry) for entry in [*first, *entries]]
    (log / f"{version:020}.json").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("write", [_files, _parts, _delta])
def test_the_sample_as_parquet_gives_the_records_of_the_sample(
    tmp_path: Path, write: Callable[[Path, dict[str, pa.Table]], None]
) -> None:
    write_sample(tmp_path / "csv", contacts=60, seed=7, dirt=0.3)
    tables = _tables(tmp_path / "csv")
    assert {str(field.type) for table in tables.values() for field in table.schema} >= {
        "string", "int64", "bool", "timestamp[us, tz=UTC]"
    }  # fmt: skip
    folder = tmp_path / "parquet"
    folder.mkdir()
    for name in ("export.json", "optionsets.json"):
        shutil.copy(tmp_path / "csv" / name, folder)
    write(folder, tables)
    export, meant = open_export(folder), open_export(tmp_path / "csv")
    assert export.shape == "parquet"
    assert export.unread_files == []
    for table in TABLES:
        whole = [row for row in records(meant, table) if row["fault"] != "MALFORMED_RECORD"]
        assert export.sources[table].estimated_records() == len(whole)
        assert _without_numbers(records(export, table)) == _without_numbers(whole), table


def _without_numbers(rows: list[dict[str, str | None]]) -> list[dict[str, str | None]]:
    return [{name: value for name, value in row.items() if name not in {"line", "record"}} for row in rows]


def test_a_migration_from_parquet_has_the_result_of_the_one_from_csv(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    write_sample(tmp_path / "csv", contacts=60, seed=8, dirt=0.3)
    folder = tmp_path / "parquet"
    folder.mkdir()
    for name in ("export.json", "optionsets.json"):
        shutil.copy(tmp_path / "csv" / name, folder)
    for path in (tmp_path / "csv").glob("*.csv"):
        # A parquet file has no malformed record.
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *(row for row in rows if len(row) == len(header))])
    _files(folder, _tables(tmp_path / "csv"))
    for shape in ("csv", "parquet"):
        assert runner.run(new_database(), tmp_path / shape, result_to=tmp_path / f"result of {shape}").finished
    names = sorted(path.name for path in (tmp_path / "result of csv").iterdir())
    assert "summary.json" in names
    assert len(names) > 10
    for name in names:
        ours, meant = (
            (tmp_path / f"result of {shape}" / name).read_text(encoding="utf-8") for shape in ("parquet", "csv")
        )
        assert sorted(ours.splitlines()) == sorted(meant.splitlines()), name


def _hospital(folder: Path, **columns: Any) -> Path:
    """The hospitals of an export as one parquet file."""
    (folder / "myt_hospital.csv").unlink(missing_ok=True)
    pq.write_table(pa.table(HOSPITAL | columns), folder / "myt_hospital.parquet")
    return folder / "myt_hospital.parquet"


@pytest.mark.parametrize(
    ("cell", "kind", "text"),
    [
        (None, pa.string(), ""),
        (None, pa.null(), ""),
        ("Zoë", pa.large_string(), "Zoë"),
        ("Zoë", pa.dictionary(pa.int8(), pa.string()), "Zoë"),
        ("a\tb", pa.string_view(), "a\tb"),
        (727000050, pa.int64(), "727000050"),
        (727000050.0, pa.float64(), "727000050"),
        (1.5, pa.float32(), "1.5"),
        (float("nan"), pa.float64(), ""),
        (Decimal("12.50"), pa.decimal128(38, 2), "12.5"),
        (Decimal(727000050), pa.decimal128(38, 10), "727000050"),
        (Decimal(100), pa.decimal128(5, 0), "100"),
        (True, pa.bool_(), "True"),
        (False, pa.bool_(), "False"),
        (date(1980, 3, 14), pa.date32(), "1980-03-14"),
        (date(1980, 3, 14), pa.date64(), "1980-03-14"),
        (datetime(2024, 3, 14, 18, 5, tzinfo=UTC), pa.timestamp("ms"), "2024-03-14T18:05:00Z"),
        (datetime(2024, 3, 14, 18, 5, tzinfo=UTC), pa.timestamp("ns", "Europe/Amsterdam"), "2024-03-14T18:05:00Z"),
        (datetime(1, 1, 1, 0, 0, 1, 500000, tzinfo=UTC), pa.timestamp("us", "UTC"), "0001-01-01T00:00:01.500000Z"),
        (1 << 62, pa.timestamp("us", "UTC"), str(1 << 62)),
        (UUID(GUID), pa.uuid(), GUID),
    ],
)
def test_a_value_of_every_type_is_the_text_of_a_csv_file(folder: Path, cell: Any, kind: Any, text: str) -> None:
    stored = [cell.bytes] if isinstance(cell, UUID) else [cell]
    _hospital(folder, myt_city=pa.array(stored, kind.storage_type if isinstance(cell, UUID) else kind).cast(kind))
    (batch,) = open_export(folder).sources["hospital"].batches(10)
    (record,) = batch.records()
    assert record.cells == [GUID, "Zoë Clinic", text]
    assert record.line == 1


def test_a_moment_is_utc_with_a_zone_without_one_and_as_spark_writes_it(folder: Path) -> None:
    booked = [datetime(2024, 7, 14, 18, 5, tzinfo=UTC)]
    contact = _tables(folder)["contact"].slice(0, 1)
    at = contact.column_names.index("myt_booking_date")
    (folder / "contact.csv").unlink()
    for kind, as_int96 in (
        (pa.timestamp("us", "UTC"), False),
        (pa.timestamp("us"), False),
        (pa.timestamp("us"), True),
    ):
        table = contact.set_column(at, "myt_booking_date", pa.array(booked, kind))
        pq.write_table(table, folder / "contact.parquet", use_deprecated_int96_timestamps=as_int96)
        stored = pq.ParquetFile(folder / "contact.parquet").schema.column(at).physical_type
        assert stored == ("INT96" if as_int96 else "INT64")
        assert [row["booking"] for row in records(open_export(folder), "contact")] == ["2024-07-14T18:05:00Z"]


def test_a_column_of_a_type_without_a_text_is_refused_where_it_is_read_and_listed_where_not(folder: Path) -> None:
    lists = pa.array([["Köln"]], pa.list_(pa.string()))
    _hospital(folder, photo=pa.array([b"\x00\xff"], pa.binary()), rooms=lists)
    assert open_export(folder).sources["hospital"].ignored_columns == ["photo", "rooms"]
    assert [row["name"] for row in records(open_export(folder), "hospital")] == ["Zoë Clinic"]
    _hospital(folder, myt_city=lists)
    with pytest.raises(FatalExport, match=r"myt_hospital\.parquet: the column myt_city, .* is of the type list<"):
        open_export(folder)
    mapping = folder / "mapping.toml"
    mapping.write_text('[columns.hospital]\n"myt_city" = "ignore"\n', encoding="utf-8")
    with pytest.raises(FatalExport, match="no column city"):
        open_export(folder, read_mapping(mapping))


def test_a_missing_column_is_told_with_those_that_are_there(folder: Path) -> None:
    (folder / "myt_hospital.csv").unlink()
    pq.write_table(pa.table({"myt_hospitalid": [GUID], "Citty": ["Köln"]}), folder / "myt_hospital.parquet")
    with pytest.raises(
        FatalExport, match=r"COLUMN_MISSING.*no column name, city.*The header has: myt_hospitalid, citty"
    ):
        open_export(folder)


def _two_parts(folder: Path, second: dict[str, Any], **more: bytes) -> None:
    (folder / "myt_hospital.csv").unlink()
    (folder / "myt_hospital").mkdir()
    pq.write_table(pa.table(HOSPITAL), folder / "myt_hospital" / "part-0.parquet")
    pq.write_table(pa.table(second), folder / "myt_hospital" / "part-1.parquet")
    for name, content in more.items():
        (folder / "myt_hospital" / name.replace("_", ".")).write_bytes(content)


def test_a_part_with_other_columns_than_the_rest_is_refused(folder: Path) -> None:
    _two_parts(folder, {"myt_hospitalid": [OTHER], "myt_name": ["B"], "myt_town": ["Bath"]})
    with pytest.raises(FatalExport, match=r"part-0\.parquet: it has not the columns of the other parts: no myt_town"):
        open_export(folder)


def test_a_part_that_is_damaged_missing_or_of_another_kind_is_refused(folder: Path) -> None:
    second = HOSPITAL | {"myt_hospitalid": [OTHER]}
    _two_parts(folder, second, part_2_csv=b"x")
    with pytest.raises(FatalExport, match=r"files that are no parquet files: part\.2\.csv"):
        open_export(folder)
    (folder / "myt_hospital" / "part.2.csv").unlink()
    assert [row["id"] for row in records(open_export(folder), "hospital")] == [GUID, OTHER]
    (folder / "myt_hospital" / "part-1.parquet").write_bytes(b"")
    with pytest.raises(FatalExport, match=r"FILE_EMPTY.*part-1\.parquet"):
        open_export(folder)


def test_versions_and_deletions_in_a_folder_are_those_of_a_lake(folder: Path) -> None:
    (folder / "myt_hospital.csv").unlink()
    (folder / "myt_hospital").mkdir()
    rows: list[tuple[str, str, int, bool | None]] = [
        (GUID, "Old", 7, False), (GONE, "Gone", 9, False), (OTHER, "Other", 3, None),
        (GUID.upper(), "New", 12, False), (GONE, "Gone", 10, True), (OTHER, "Older", 2, False),
    ]  # fmt: skip
    for number in (0, 1):
        ids, names, versions, deleted = (list(column) for column in zip(*rows[number * 3 :][:3], strict=True))
        part = {"Id": ids, "myt_name": names, "myt_city": ["Bath"] * 3, "versionnumber": versions, "IsDelete": deleted}
        pq.write_table(pa.table(part), folder / "myt_hospital" / f"2024-0{number}.parquet")
    found = [(row["id"], row["name"]) for row in records(open_export(folder), "hospital")]
    assert found == [(OTHER, "Other"), (GUID, "New")]


def test_a_manifest_may_name_parquet_partitions(folder: Path) -> None:
    (folder / "myt_hospital.csv").unlink()
    (folder / "crm").mkdir()
    place = folder / "crm" / "1.parquet"
    pq.write_table(pa.table(HOSPITAL | {"versionnumber": [2], "IsDelete": [False]}), place)
    csv_rows = f"{GUID},Newer,Bath,3,False\n{OTHER},Gone,Bath,4,True\n"
    (folder / "crm" / "2.csv").write_text(csv_rows, encoding="utf-8")
    names = [*HOSPITAL, "versionnumber", "IsDelete"]
    parts = [
        {"location": "crm/1.parquet", "exhibitsTraits": [{"traitReference": "is.partition.format.parquet"}]},
        {"location": "crm/2.csv", "exhibitsTraits": [{"traitReference": "is.partition.format.CSV"}]},
    ]
    entity = {"entityName": "myt_hospital", "entityPath": "hospital.cdm.json/myt_hospital", "dataPartitions": parts}
    (folder / "default.manifest.cdm.json").write_text(json.dumps({"entities": [entity]}), encoding="utf-8")
    definition = {"definitions": [{"entityName": "myt_hospital", "hasAttributes": [{"name": n} for n in names]}]}
    (folder / "hospital.cdm.json").write_text(json.dumps(definition), encoding="utf-8")
    export = open_export(folder)
    assert [(row["id"], row["name"]) for row in records(export, "hospital")] == [(GUID, "Newer")]
    assert export.unread_files == []
    pq.write_table(pa.table(HOSPITAL), place)
    with pytest.raises(FatalExport, match=r"1\.parquet: it has other columns than the description"):
        open_export(folder)


def _delta_table(folder: Path) -> Path:
    """A Delta table of hospitals, three commits of one row each; the place of its folder."""
    (folder / "myt_hospital.csv").unlink()
    place = folder / "deltalake" / "myt_hospital_partitioned"
    _part(place, "a", pa.table(HOSPITAL))
    _part(place, "b", pa.table(HOSPITAL | {"myt_hospitalid": [OTHER]}))
    _part(place, "c", pa.table({"myt_hospitalid": [GONE], "myt_name": ["Older"]}))
    _log(place, 0, _meta([*HOSPITAL]), _add("a"))
    _log(place, 1, _add("b"))
    _log(place, 2, _add("c"), {"remove": {"path": _path("b")}}, {"commitInfo": {"operation": "MERGE"}})
    return place


def _names(folder: Path) -> list[tuple[str | None, str | None]]:
    return [(row["id"], row["city"]) for row in records(open_export(folder), "hospital")]


def test_a_delta_table_is_what_its_log_says_and_an_older_file_may_lack_a_column(folder: Path) -> None:
    place = _delta_table(folder)
    assert _names(folder) == [(GUID, "Köln"), (GONE, "")]
    export = open_export(folder)
    assert {fact.name for fact in export.fingerprint()} >= {
        "part-a.snappy.parquet",
        "part-c.snappy.parquet",
        f"{2:020}.json",
    }
    assert export.sources["hospital"].ignored_columns == ["partitionid"]
    _log(place, 3, {"remove": {"path": _path("a")}}, {"remove": {"path": _path("c")}})
    assert _names(folder) == []
    assert open_export(folder).sources["hospital"].columns["city"] == "myt_city"


def test_a_checkpoint_stands_for_the_commits_before_it(folder: Path) -> None:
    place = _delta_table(folder)
    log = place / "_delta_log"
    entries: list[dict[str, Any]] = [
        {"protocol": {"minReaderVersion": 1}, "metaData": None, "add": None},
        {"protocol": None, "metaData": _checkpointed(_meta([*HOSPITAL])["metaData"]), "add": None},
        {"protocol": None, "metaData": None, "add": {"path": _path("a")}},
        {"protocol": None, "metaData": None, "add": {"path": _path("b")}},
    ]
    kind = pa.struct([
        ("schemaString", pa.string()), ("partitionColumns", pa.list_(pa.string())),
        ("configuration", pa.map_(pa.string(), pa.string())),
    ])  # fmt: skip
    columns = {
        "protocol": pa.array([e["protocol"] for e in entries]),
        "metaData": pa.array([e["metaData"] for e in entries], kind),
        "add": pa.array([e["add"] for e in entries]),
    }
    whole = pa.table(columns)
    pq.write_table(whole.slice(0, 3), log / f"{1:020}.checkpoint.{1:010}.{2:010}.parquet")
    (log / f"{0:020}.json").unlink()
    with pytest.raises(FatalExport, match="has no commit 0"):
        open_export(folder)
    pq.write_table(whole.slice(3), log / f"{1:020}.checkpoint.{2:010}.{2:010}.parquet")
    (log / f"{1:020}.json").unlink()
    assert _names(folder) == [(GUID, "Köln"), (GONE, "")]
    (log / f"{2:020}.json").unlink()
    assert _names(folder) == [(GUID, "Köln"), (OTHER, "Köln")]


def _checkpointed(metadata: dict[str, Any]) -> dict[str, Any]:
    return metadata | {"configuration": [*metadata["configuration"].items()]}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda place: (place / _path("c")).unlink(), "names files that are not here: .*part-c"),
        (lambda place: _log(place, 3, {"add": {"path": "../../../outside.parquet"}}), "files that are not here: .*outside"),
        (lambda place: (place / "_delta_log" / f"{1:020}.json").unlink(), "has no commit 1"),
        (lambda place: [p.unlink() for p in (place / "_delta_log").iterdir()], "has no commit: copy"),
        (lambda place: (place / "_delta_log" / f"{1:020}.json").write_text("{"), "line 1: not a log of a Delta table"),
        (lambda place: _log(place, 3, {"add": []}), "not a log of a Delta table"),
        (lambda place: _log(place, 3, {"add": {"size": 1}}), "not a log of a Delta table"),
        (lambda place: _log(place, 3, {"remove": {"size": 1}}), "not a log of a Delta table"),
        (lambda place: _log(place, 3, {"protocol": {"minReaderVersion": "new"}}), "not a log of a Delta table"),
        (lambda place: _log(place, 3, {"protocol": {"minReaderVersion": 3, "readerFeatures": 1}}), "not a log of a"),
        (lambda place: _log(place, 3, {"add": {"path": "a\x00b"}}), "files that are not here"),
        (lambda place: _log(place, 3, _meta([], configuration=[1])), "does not say its columns"),
        (lambda place: _log(place, 3, _meta([], partitionColumns=1)), "does not say its columns"),
        (lambda place: _log(place, 3, _meta([], schemaString="{}")), "does not say its columns"),
        (
            lambda place: _log(place, 3, {"protocol": {"minReaderVersion": 3, "readerFeatures": ["timestampNtz", "x"]}}),
            "uses what nothing here reads: x",
        ),
        (lambda place: _log(place, 3, _add("b", deletionVector={"storageType": "u"})), r"\(deletionVectors\)"),
        (
            lambda place: _log(place, 3, _meta([], configuration={"delta.columnMapping.mode": "name"})),
            r"\(columnMapping\)",
        ),
        (lambda place: _log(place, 3, _meta([*HOSPITAL], partitionColumns=["myt_city"])), "myt_city stands in the names"),
        (lambda place: shutil.copytree(place, place.with_name("myt_hospital")), "more than one file of the table"),
    ],
)  # fmt: skip
def test_a_delta_table_that_is_not_whole_or_of_another_kind_is_refused(
    folder: Path, spoil: Callable[[Path], object], why: str
) -> None:
    pq.write_table(pa.table(HOSPITAL), folder.parent / "outside.parquet")
    spoil(_delta_table(folder))
    with pytest.raises(FatalExport, match=why):
        open_export(folder)


def test_a_field_that_stands_in_the_names_of_folders_is_refused(folder: Path) -> None:
    (folder / "myt_hospital.csv").unlink()
    place = folder / "myt_hospital" / "myt_city=Bath"
    place.mkdir(parents=True)
    pq.write_table(pa.table({"myt_hospitalid": [GUID], "myt_name": ["A"]}), place / "0.parquet")
    with pytest.raises(FatalExport, match="myt_city stands in the names of its folders"):
        open_export(folder)


def _read_whole(folder: Path) -> list[dict[str, str | None]]:
    return records(open_export(folder), "hospital")


def test_a_truncated_file_is_refused(folder: Path) -> None:
    path = _hospital(folder)
    whole = path.read_bytes()
    for length in (4, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(FatalExport, match=r"myt_hospital\.parquet: it is damaged, or no parquet file"):
            _read_whole(folder)


def test_a_damaged_page_is_refused_and_any_other_damage_is_a_sentence(folder: Path) -> None:
    rows = 2_000
    table = pa.table({
        "myt_hospitalid": [f"{number:08x}{GUID[8:]}" for number in range(rows)],
        "myt_name": [f"Clinic {number}" for number in range(rows)], "myt_city": ["Bath"] * rows,
    })  # fmt: skip
    path = _hospital(folder)
    pq.write_table(table, path, write_page_checksum=True)
    whole = path.read_bytes()
    random_numbers = random.Random(5)
    refused = 0
    for _ in range(8):
        damaged = bytearray(whole)
        damaged[random_numbers.randrange(4, len(whole) // 2)] ^= 1 << random_numbers.randrange(8)
        path.write_bytes(damaged)
        try:
            found = _read_whole(folder)
        except FatalExport as error:
            refused += "myt_hospital.parquet" in str(error)
        else:
            # A byte that says nothing of the rows.
            refused += [row["id"] for row in found] == table["myt_hospitalid"].to_pylist()
    assert refused == 8


def test_a_process_that_dies_over_a_file_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _hospital(folder)
    said = "print('{\"file\": 0}', flush=True)"
    for ends, how in (
        ("os.abort()", "SIGABRT"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
        ("sys.exit(3)", "exit code 3"),
    ):
        program = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); {said}; {ends}"
        monkeypatch.setattr(parquet, "_PROGRAM", [sys.executable, "-c", program])
        with pytest.raises(FatalExport, match=rf"myt_hospital\.parquet: the reading of it broke off \({how}\)"):
            open_export(folder)
    monkeypatch.setattr(parquet, "_PROGRAM", [sys.executable, "-c", f"{said}; print('{{\"rows\": [[')"])
    with pytest.raises(FatalExport, match="broke off in the middle of a row"):
        open_export(folder)


def test_a_file_of_few_bytes_and_endlessly_many_rows_is_refused(folder: Path) -> None:
    path = _hospital(folder)
    schema = pa.schema([(name, pa.string()) for name in HOSPITAL])
    nothing = pa.table({name: pa.nulls(4_000_000, pa.string()) for name in HOSPITAL}, schema)
    with pq.ParquetWriter(path, schema) as writer:
        for _ in range(6):
            writer.write_table(nothing)
    assert path.stat().st_size < 200_000
    with pytest.raises(FatalExport, match="unpacks to an absurd size"):
        open_export(folder)


def test_a_file_whose_texts_unpack_endlessly_is_refused_while_it_is_read(folder: Path) -> None:
    path = _hospital(folder)
    rows = 600
    long = pa.array(["x" * (1 << 17)] * rows, pa.string()).dictionary_encode()
    pq.write_table(pa.table({"myt_hospitalid": [GUID] * rows, "myt_name": long, "myt_city": long}), path)
    export = open_export(folder)
    with pytest.raises(FatalExport, match="unpacks to an absurd size"):
        records(export, "hospital")


def test_a_cell_of_a_megabyte_and_a_text_that_is_no_utf8_are_refused_with_the_row(folder: Path) -> None:
    path = _hospital(folder, myt_city=["x" * ((1 << 20) + 1)])
    with pytest.raises(FatalExport, match=r"myt_hospital\.parquet, line 1: the field myt_city is longer than 1 MiB"):
        _read_whole(folder)
    broken = pa.array([b"K\xf6ln"], pa.binary())
    city = pa.Array.from_buffers(pa.string(), 1, broken.buffers())
    pq.write_table(pa.table(HOSPITAL | {"myt_city": city}), path)
    with pytest.raises(FatalExport, match="line 1: the column myt_city has a text that is not UTF-8"):
        _read_whole(folder)


def test_what_reads_it_is_an_extra_and_a_refusal_says_how_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hospital(folder)
    (folder / "contact.csv").unlink()
    (folder / "contact").mkdir()
    pq.write_table(pa.table({"contactid": [GUID]}), folder / "contact" / "part-0.parquet")
    monkeypatch.setattr(parquet, "find_spec", lambda _: None)
    with pytest.raises(FatalExport) as refused:
        open_export(folder)
    for name in ("myt_hospital.parquet", "part-0.parquet"):
        (told,) = (line for line in str(refused.value).splitlines() if name in line)
        assert "pip install 'mytomorrows-crm[parquet]'" in told
        assert "--build-arg PARQUET=yes" in told


def test_the_process_is_given_no_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _hospital(folder)
    monkeypatch.setenv("CRM_SECRET_KEY", "not for it")
    program = 'import os; print(\'{"error": "\' + " ".join(sorted(os.environ)) + \'", "row": null}\')'
    monkeypatch.setattr(parquet, "_PROGRAM", [sys.executable, "-I", "-c", program])
    with pytest.raises(FatalExport) as refused:
        open_export(folder)
    assert "ARROW_DEFAULT_MEMORY_POOL" in str(refused.value)
    assert "CRM_" not in str(refused.value)
