"""Archives of Microsoft's Configuration Migration tool: what a sample of ours gives, and what hostile files do not."""

import csv
import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from app.legacy import runner
from app.legacy.contract import TABLES, field_of, table_of
from app.legacy.errors import FatalExport
from app.legacy.sample import write_sample
from app.legacy.sources import open_export
from tests.legacy.conftest import checksum
from tests.legacy.test_sources import records

GUID = "0f8cbbf5-8fe8-4c42-a592-e5bedb5ee48b"
_LOOKUPS = {"regardingobjectid": "regardingobjecttypecode", "objectid": "objecttypecode"}


def as_configuration(folder: Path) -> tuple[str, str]:
    """data.xml and data_schema.xml of the CSV files in a folder, as the tool writes them."""
    data, schema = [], []
    for path in sorted(folder.glob("*.csv")):
        table = table_of(path.stem)
        assert table
        reader = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
        names = reader.fieldnames or []
        # What tells the table of a look-up is an attribute of it there, and no field.
        kinds = {name: _LOOKUPS[name] for name in names if name in _LOOKUPS}
        key = next(name for name in names if field_of(table, name) == TABLES[table].key)
        fields = "".join(
            f'<field displayname="x" name="{name}" type="string"/>' for name in names if name not in kinds.values()
        )
        fetch = "<filter><fetch><entity name='contact'><field name='nonsense'/></entity></fetch></filter>"
        schema.append(f'<entity name="{path.stem}" primaryidfield="{key}"><fields>{fields}</fields>{fetch}</entity>')
        rows = []
        for row in reader:
            cells = "".join(
                f"<field name={quoteattr(name)} value={_value(row[name])}"
                + (f" lookupentity={quoteattr(row[kinds[name]])}" if name in kinds else "")
                + "/>"
                for name in names
                if name not in kinds.values() and row[name] != ""
            )
            rows.append(f"<record id={quoteattr(row[key])}>{cells}</record>")
        data.append(f'<entity name="{path.stem}" displayname="x"><records>{"".join(rows)}</records></entity>')
    head = '<?xml version="1.0" encoding="utf-8"?>\n<entities timestamp="2025-06-30T12:00:00.0000000Z">'
    return f"{head}{''.join(data)}</entities>", f"{head}{''.join(schema)}</entities>"


def _value(cell: str) -> str:
    return quoteattr(cell, {"\n": "&#xA;", "\r": "&#xD;", "\t": "&#x9;"})


def _zipped(path: Path, data: str, schema: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("data.xml", data)
        archive.writestr("data_schema.xml", schema)


def _export(sample_folder: Path, folder: Path, data: str, schema: str) -> Path:
    folder.mkdir()
    for name in ("optionsets.json", "export.json"):
        shutil.copy(sample_folder / name, folder / name)
    _zipped(folder / "export.zip", data, schema)
    return folder


@pytest.fixture
def tidy(tmp_path: Path) -> Path:
    """A synthetic export of which XML can say every letter."""
    folder = tmp_path / "tidy"
    write_sample(folder, contacts=40, seed=5, dirt=0.0)
    return folder


def test_an_archive_of_the_tool_gives_what_the_same_tables_give_as_csv(
    new_database: Callable[[], str], tidy: Path, tmp_path: Path
) -> None:
    folder = _export(tidy, tmp_path / "export", *as_configuration(tidy))
    found = open_export(folder)
    assert found.shape == "configuration"
    assert found.unread_files == []
    assert [fact.name for fact in found.fingerprint()] == ["export.json", "export.zip", "optionsets.json"]
    plain, from_tool = new_database(), new_database()
    runner.run(plain, tidy)
    runner.run(from_tool, folder, until=4)
    assert runner.resume(from_tool).finished
    assert checksum(from_tool) == checksum(plain)
    assert runner.run(from_tool, folder).rows_written == 0


SCHEMA = (
    '<entities><entity name="new_hospital"><fields><field name="new_hospitalid"/><field name="new_name"/>'
    '<field name="new_city"/><field name="new_shade"/></fields></entity></entities>'
)
DATA = (
    '<entities><entity name="account"><records><record id="x"><field name="new_name" value="No"/></record></records></entity>'
    f'<entity name="new_hospital"><records><record id="{GUID}"><field name="new_name" value="Zo&#235;&#xA;Clinic"/>'
    '<field name="new_city"><activitypointerrecords><activitypointerrecord id="y"><field name="new_name" value="Other"/>'
    "</activitypointerrecord></activitypointerrecords></field></record>\n<record/></records><m2mrelationships/></entity></entities>"
)


@pytest.fixture
def folder(sample_folder: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "export"
    shutil.copytree(sample_folder, copy)
    (copy / "myt_hospital.csv").unlink()
    return copy


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_record_has_its_own_fields_and_its_guid_and_no_other_entities(folder: Path, *, is_packed: bool) -> None:
    if is_packed:
        _zipped(folder / "export.zip", DATA, SCHEMA)
    else:
        (folder / "data.xml").write_text(DATA, encoding="utf-8")
        (folder / "data_schema.xml").write_text(SCHEMA, encoding="utf-8")
    export = open_export(folder)
    first, second = records(export, "hospital")
    assert (first["id"], first["name"], first["city"], first["line"]) == (GUID, "Zoë Clinic", "", "1")
    assert (second["fault"], second["line"]) == ("MISSING_ID", "2")
    assert export.sources["hospital"].ignored_columns == ["new_shade"]
    assert export.unread_files == []


BILLION = (
    '<!DOCTYPE entities [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
OUTSIDE = '<!DOCTYPE entities SYSTEM "file:///etc/hostname">'


@pytest.mark.parametrize(
    ("data", "schema", "why"),
    [
        (BILLION + DATA.replace("Zo&#235;", "&c;"), SCHEMA, "declares a document type"),
        (OUTSIDE + DATA, SCHEMA, "declares a document type"),
        (DATA, BILLION + SCHEMA, "declares a document type"),
        (DATA[:-20], SCHEMA, "not XML, or broken off"),
        (DATA.replace("Zo&#235;", "&unknown;"), SCHEMA, "not XML, or broken off"),
        (DATA.replace("Zo&#235;", "x" * (1 << 20)), SCHEMA, "the field new_name is longer than 1 MiB"),
        (DATA, SCHEMA[:-20], "not XML, or broken off"),
        (DATA, SCHEMA.replace('<field name="new_city"/>', ""), "no column city"),
        ("", SCHEMA, "has no bytes"),
    ],
    ids=["expansion", "outside", "schema", "cut", "unknown entity", "long", "schema cut", "column", "empty"],
)
def test_a_hostile_or_damaged_archive_is_refused_with_what_was_seen(
    folder: Path, data: str, schema: str, why: str
) -> None:
    _zipped(folder / "export.zip", data, schema)
    with pytest.raises(FatalExport, match=why):
        records(open_export(folder), "hospital")


def test_data_without_its_description_is_refused_and_two_archives_of_one_table_are_named(folder: Path) -> None:
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        archive.writestr("data.xml", DATA)
    with pytest.raises(FatalExport, match="without its description"):
        open_export(folder)
    for name in ("export.zip", "second.zip"):
        _zipped(folder / name, DATA, SCHEMA)
    with pytest.raises(FatalExport, match=r"more than one file of the table 'hospital': export\.zip.*second\.zip"):
        open_export(folder)


def test_what_an_archive_names_outside_of_itself_is_not_read(folder: Path) -> None:
    (folder.parent / "data.xml").write_text(DATA, encoding="utf-8")
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        archive.writestr("../data.xml", DATA)
        archive.writestr("../data_schema.xml", SCHEMA)
        archive.writestr("/data.xml", DATA)
    with pytest.raises(FatalExport, match="no file of the table 'hospital'"):
        open_export(folder)
