"""Reading exports: shapes, encodings, and what is refused before any write."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from app.legacy import sources
from app.legacy.errors import FatalExport
from app.legacy.mapping import read_mapping
from app.legacy.records import COLUMNS, Reader
from app.legacy.sources import KINDS, Export, open_export
from app.legacy.starter import write_starter


@pytest.fixture
def folder(sample_folder: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "export"
    shutil.copytree(sample_folder, copy)
    return copy


def records(export: Export, table: str) -> list[dict[str, str | None]]:
    """The staged rows of a table."""
    reader = Reader(table, export.frame, export.option_sets, export.mapping)
    names = [name for name, _ in COLUMNS[table]]
    return [
        dict(zip(names, reader.read(number, cells, raw, repaired=repaired), strict=True)) | {"line": str(line)}
        for batch in export.sources[table].batches(7)
        for number, (line, cells, raw, repaired) in enumerate(batch.records(), start=batch.first)
    ]


def test_delimiters_encodings_and_line_ends_make_no_difference(folder: Path) -> None:
    path = folder / "myt_hospital.csv"
    path.write_bytes('myt_hospitalid;myt_name;myt_city\r\n{0};"A ""big"" one\nof two lines";Köln\r\n'.encode("utf-16"))
    row = records(open_export(folder), "hospital")[0]
    assert row["fault"] == "INVALID_ID"
    path.write_bytes(
        b"\xef\xbb\xbfmyt_name\tmyt_city\tmyt_hospitalid\n"
        + "Zoë\tKöln\t{0F8CBBF5-8FE8-4C42-A592-E5BEDB5EE48B}\n".encode()
        + "Zoë\tKöln\t0f8cbbf5-8fe8-4c42-a592-e5bedb5ee48c\n".encode("cp1252")
    )
    first, second = records(open_export(folder), "hospital")
    assert (first["name"], first["city"], first["id"]) == ("Zoë", "Köln", "0f8cbbf5-8fe8-4c42-a592-e5bedb5ee48b")
    assert (second["name"], second["city"]) == ("Zoë", "Köln")


def test_a_record_of_another_length_is_malformed_and_counts(folder: Path) -> None:
    path = folder / "myt_specialization.csv"
    path.write_text(
        "myt_specializationid,myt_name\nonly\n0f8cbbf5-8fe8-4c42-a592-e5bedb5ee48b,Neurology\na,b,c\n", encoding="utf-8"
    )
    rows = records(open_export(folder), "specialization")
    assert [(r["record"], r["line"], r["fault"]) for r in rows] == [
        ("1", "2", "MALFORMED_RECORD"),
        ("2", "3", None),
        ("3", "4", "MALFORMED_RECORD"),
    ]
    path.write_text("myt_specializationid,myt_name\n", encoding="utf-8")
    assert records(open_export(folder), "specialization") == []


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda f: (f / "myt_hospital.csv").unlink(), "FILE_MISSING"),
        (lambda f: (f / "contact.csv").write_bytes(b""), "FILE_EMPTY"),
        (lambda f: (f / "myt_hospital.csv").write_text("myt_hospitalid,myt_name\n"), "COLUMN_MISSING"),
        (lambda f: (f / "contact.csv").write_bytes(b"\xff\xfea\x00\x00\xd8"), "FILE_UNREADABLE"),
        (lambda f: (f / "export.json").write_text("{"), "FILE_UNREADABLE"),
        (lambda f: (f / "optionsets.json").unlink(), "FILE_MISSING"),
    ],
)
def test_what_cannot_be_read_as_a_whole_is_refused(folder: Path, spoil: Callable[[Path], object], code: str) -> None:
    spoil(folder)
    with pytest.raises(FatalExport) as refused:
        open_export(folder)
    assert refused.value.code == code
    assert str(refused.value).startswith(code)


def test_an_absurdly_long_field_is_unreadable(folder: Path) -> None:
    (folder / "myt_specialization.csv").write_text(
        f'myt_specializationid,myt_name\n"{"x" * (1 << 21)}\n', encoding="utf-8"
    )
    with pytest.raises(FatalExport) as refused:
        records(open_export(folder), "specialization")
    assert refused.value.code == "FILE_UNREADABLE"


def pages(folder: Path, link: str = "new_hospitals-2.json") -> None:
    (folder / "myt_hospital.csv").unlink()
    context = "https://crm.example.com/api/data/v9.2/$metadata#new_hospitals"
    first = {
        "@odata.context": context,
        "value": [
            {"@odata.etag": 'W/"1"', "new_hospitalid": "0F8CBBF5-8FE8-4C42-A592-E5BEDB5EE48B", "new_name": "A", "new_city": None,
             "new_city@OData.Community.Display.V1.FormattedValue": "not data"}
        ],
        "@odata.nextLink": f"https://crm.example.com/api/{link}?$skiptoken=2",
    }  # fmt: skip
    (folder / "new_hospitals.json").write_text(json.dumps(first), encoding="utf-8")
    second = {"@odata.context": context, "value": [{"new_hospitalid": "x", "new_name": "B", "new_city": "C"}]}
    (folder / "new_hospitals-2.json").write_text(json.dumps(second, indent=1), encoding="utf-8-sig")


def test_pages_are_followed_and_counted_through(folder: Path) -> None:
    pages(folder)
    rows = records(open_export(folder), "hospital")
    assert [(r["record"], r["name"], r["city"], r["fault"]) for r in rows] == [
        ("1", "A", "", None),
        ("2", None, None, "INVALID_ID"),
    ]


def test_a_page_that_is_not_there_or_breaks_off_is_fatal(folder: Path) -> None:
    pages(folder, link="new_hospitals-9.json")
    with pytest.raises(FatalExport) as missing:
        open_export(folder)
    assert missing.value.code == "FILE_MISSING"
    (folder / "new_hospitals.json").write_text('{"value": [{"new_hospitalid": "a"', encoding="utf-8")
    with pytest.raises(FatalExport) as broken:
        open_export(folder)
    assert broken.value.code == "FILE_UNREADABLE"


def test_pages_in_a_circle_are_fatal(folder: Path) -> None:
    pages(folder, link="new_hospitals.json")
    (folder / "new_hospitals-2.json").unlink()
    with pytest.raises(FatalExport) as refused:
        open_export(folder)
    assert refused.value.code == "FILE_UNREADABLE"


def test_an_excel_view_is_read_by_its_headings(folder: Path) -> None:
    (folder / "myt_hospital.csv").unlink()
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(
        ["(Do Not Modify) Hospital", "(Do Not Modify) Row Checksum", "(Do Not Modify) Modified On", "Name", "City"]
    )
    sheet.append(["0f8cbbf5-8fe8-4c42-a592-e5bedb5ee48b", "x", None, "Sample Clinic", "Bath"])
    book.save(folder / "hospital.xlsx")
    rows = records(open_export(folder), "hospital")
    assert [(r["id"], r["name"], r["city"]) for r in rows] == [
        ("0f8cbbf5-8fe8-4c42-a592-e5bedb5ee48b", "Sample Clinic", "Bath")
    ]


def test_the_names_in_an_excel_views_lookups_are_found(folder: Path) -> None:
    (folder / "myt_eap_dossier.csv").unlink()
    (folder / "myt_patient.csv").write_text(
        "myt_patientid,myt_firstname,myt_lastname,myt_email,myt_first_contact_date,myt_initial_consult_date,myt_medical_condition,"
        "myt_trial_id,myt_eligible,myt_ineligible_reason,myt_ct_referral_date,myt_eap_enrollment_date,myt_contact_record,"
        "myt_physician,myt_ct_outcome\n0f8cbbf5-8fe8-4c42-a592-e5bedb5ee48b,Ada,Sample,,,,,,,,,,,,\n",
        encoding="utf-8",
    )
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["(Do Not Modify) EAP Dossier", "EAP Number", "Patient", "Product", "EAP Enrollment Date"])
    sheet.append(["1f8cbbf5-8fe8-4c42-a592-e5bedb5ee48b", "E-1", "Ada Sample", "SYN-101", "2024-03-14"])
    book.save(folder / "eap_dossier.xlsx")
    row = records(open_export(folder), "eap_dossier")[0]
    assert (row["patient"], row["product"], row["enrolled"]) == (
        "0f8cbbf5-8fe8-4c42-a592-e5bedb5ee48b",
        "SYN-101",
        "2024-03-14",
    )


def test_unknown_columns_and_files_are_listed_and_the_starter_names_them(folder: Path) -> None:
    (folder / "account.csv").write_text("accountid\n", encoding="utf-8")
    path = folder / "myt_specialization.csv"
    path.write_text("myt_specializationid,myt_name,x_extra\n", encoding="utf-8")
    export = open_export(folder)
    assert export.unread_files == ["account.csv"]
    assert export.sources["specialization"].ignored_columns == ["x_extra"]
    starter = folder / "mapping.toml"
    write_starter(folder, starter)
    assert "x_extra" in starter.read_text(encoding="utf-8")
    assert read_mapping(starter).exported_at == "2025-06-30T12:00:00Z"


def test_the_mapping_file_names_columns_options_conditions_and_wall_clocks(folder: Path) -> None:
    path = folder / "contact.csv"
    text = path.read_text(encoding="utf-8-sig").replace("myt_booking_date", "zbooked", 1)
    path.write_text(text, encoding="utf-8")
    mapping = folder / "mapping.toml"
    mapping.write_text(
        '[columns.contact]\nzbooked = "booking_date"\n[options.contact.medical_condition]\n727000099 = "Glioblastoma"\n'
        '[dates]\n"contact.booking_date" = "wall-clock"\n[conditions]\n"Hersentumor" = "Glioblastoma"\n',
        encoding="utf-8",
    )
    export = open_export(folder, read_mapping(mapping))
    reader = Reader("contact", export.frame, export.option_sets, export.mapping)
    cells = dict.fromkeys(reader._fields, "")
    cells |= {
        "contactid": "0f8cbbf5-8fe8-4c42-a592-e5bedb5ee48b",
        "booking_date": "2024-07-01T10:00:00Z",
        "medical_condition": "727000099",
    }
    row = dict(zip([n for n, _ in COLUMNS["contact"]], reader.read(1, list(cells.values()), "{}"), strict=True))
    assert (row["booking"], row["condition"]) == ("2024-07-01T08:00:00Z", "Glioblastoma")
    mapping.write_text('[dates]\n"contact.nothing" = "wall-clock"\n', encoding="utf-8")
    with pytest.raises(FatalExport):
        read_mapping(mapping)


NEUROLOGY = "0f8cbbf5-8fe8-4c42-a592-e5bedb5ee48b"


def _as_csv(folder: Path) -> None:
    text = f"myt_specializationid,myt_name\n{NEUROLOGY},Neurology\n"
    (folder / "myt_specialization.csv").write_text(text, encoding="utf-8")


def _as_json(folder: Path) -> None:
    page = {"value": [{"myt_specializationid": NEUROLOGY, "myt_name": "Neurology"}]}
    (folder / "myt_specializations.json").write_text(json.dumps(page), encoding="utf-8")


def _as_xlsx(folder: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["myt_specializationid", "myt_name"])
    sheet.append([NEUROLOGY, "Neurology"])
    book.save(folder / "myt_specialization.xlsx")


def _as_lake(folder: Path) -> None:
    attributes = [{"name": name} for name in ("Id", "versionnumber", "IsDelete", "myt_name")]
    place = "https://store.example.org/crm/myt_specialization/2024-01.csv"
    entity = {
        "name": "myt_specialization",
        "attributes": attributes,
        "partitions": [{"name": "2024-01", "location": place}],
    }
    (folder / "model.json").write_text(json.dumps({"name": "crm", "entities": [entity]}), encoding="utf-8")
    (folder / "myt_specialization").mkdir()
    (folder / "myt_specialization" / "2024-01.csv").write_text(
        f"{NEUROLOGY},2,False,Neurology\n{NEUROLOGY},1,False,Neuro\n", encoding="utf-8"
    )


def _as_configuration(folder: Path) -> None:
    fields = '<fields><field name="myt_specializationid"/><field name="myt_name"/></fields>'
    cells = f'<field name="myt_specializationid" value="{NEUROLOGY}"/><field name="myt_name" value="Neurology"/>'
    records = f'<records><record id="{NEUROLOGY}">{cells}</record></records>'
    for name, held in (("data_schema.xml", fields), ("data.xml", records)):
        text = f'<entities><entity name="myt_specialization">{held}</entity></entities>'
        (folder / name).write_text(text, encoding="utf-8")


def _as_parquet(folder: Path) -> None:
    table = pa.table({"myt_specializationid": [NEUROLOGY], "myt_name": ["Neurology"]})
    parquet.write_table(table, folder / "myt_specialization.parquet")


WRITERS = {
    "csv": _as_csv,
    "json": _as_json,
    "xlsx": _as_xlsx,
    "lake": _as_lake,
    "parquet": _as_parquet,
    "configuration": _as_configuration,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_record(folder: Path, kind: str) -> None:
    (folder / "myt_specialization.csv").unlink()
    WRITERS[kind](folder)
    export = open_export(folder)
    found = [(row["id"], row["name"], row["fault"]) for row in records(export, "specialization")]
    assert found == [(NEUROLOGY, "Neurology", None)]
    assert kind in export.shape.split("+")


def test_every_reader_of_files_is_a_kind() -> None:
    modules = {path.stem for path in Path(sources.__file__).parent.glob("*.py")} - {
        "__init__",
        "files",
        "records",
        "versions",
    }
    assert len(modules) == len(KINDS), "a module that reads a kind of file stands in KINDS"


def test_guide_says_how_every_kind_of_file_is_made() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "MIGRATION_GUIDE.md").read_text(encoding="utf-8")
    listed = guide.partition("## What is read")[2].partition("## ")[0]
    assert {kind for kind in KINDS if f"`.{kind}`" not in listed and f"**{kind.capitalize()}" not in listed} == set()
