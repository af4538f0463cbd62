"""Exports as they really come: packed, written by Excel, and as views with the labels of four languages."""

import gzip
import io
import json
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest

from app.legacy import runner
from app.legacy.contract import TABLES, labels
from app.legacy.errors import FatalExport
from app.legacy.mapping import read_mapping
from app.legacy.sources import files, open_export, versions
from app.legacy.starter import write_starter
from tests.legacy.conftest import checksum
from tests.legacy.test_runner import one
from tests.legacy.test_sources import records

GUID = "0f8cbbf5-8fe8-4c42-a592-e5bedb5ee48b"
HOSPITAL = f"myt_hospitalid,myt_name,myt_city\n{GUID},Zoë Clinic,Köln\n"


@pytest.fixture
def folder(sample_folder: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "export"
    shutil.copytree(sample_folder, copy)
    return copy


def _written(folder: Path, name: str, content: bytes) -> None:
    (folder / "myt_hospital.csv").unlink()
    (folder / name).write_bytes(content)


def _zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export of today/myt_hospital.csv", content)
        archive.writestr("__MACOSX/._myt_hospital.csv", b"\x00")
        archive.writestr("readme.txt", "nothing")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("myt_hospital.csv.gz", gzip.compress(HOSPITAL.encode())),
        ("all.zip", _zipped(HOSPITAL.encode())),
        ("myt_hospital.csv", ("sep=;\r\n" + HOSPITAL.replace(",", ";")).encode()),
        ("myt_hospital.csv", HOSPITAL.replace(",", "|").encode()),
        ("myt_hospital.csv", HOSPITAL.encode("utf-16-le")),
        ("myt_hospital.csv", HOSPITAL.encode("utf-16-be")),
        ("myt_hospital.csv", HOSPITAL.encode("utf-16")),
    ],
    ids=["gzip", "zip", "sep", "pipe", "utf-16-le", "utf-16-be", "utf-16"],
)
def test_however_a_table_is_written_and_packed_its_records_are_the_same(
    folder: Path, name: str, content: bytes
) -> None:
    _written(folder, name, content)
    export = open_export(folder)
    (row,) = records(export, "hospital")
    assert (row["id"], row["name"], row["city"], row["fault"]) == (GUID, "Zoë Clinic", "Köln", None)
    assert row["line"] == ("3" if content.startswith(b"sep") else "2")
    assert [fact.name for fact in export.fingerprint()].count(name) == 1
    assert export.sources["hospital"].estimated_records() >= 1


def test_an_export_in_one_archive_gives_what_the_same_files_give(
    new_database: Callable[[], str], sample_folder: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    with zipfile.ZipFile(packed / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sample_folder.glob("*.csv"):
            archive.write(path, path.name)
    for name in ("optionsets.json", "export.json"):
        shutil.copy(sample_folder / name, packed / name)
    plain, from_archive = new_database(), new_database()
    runner.run(plain, sample_folder)
    runner.run(from_archive, packed, until=4)
    assert runner.resume(from_archive).finished
    assert checksum(from_archive) == checksum(plain)
    assert runner.run(from_archive, sample_folder).rows_written == 0


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("myt_hospital.csv.gz", gzip.compress(HOSPITAL.encode() * 500)[:-20], "."),
        ("all.zip", _zipped(HOSPITAL.encode())[:-30], "no file of the table 'hospital'"),
        ("myt_hospital.csv.gz", b"", "no bytes"),
    ],
)
def test_what_is_packed_and_damaged_is_refused(folder: Path, name: str, content: bytes, why: str) -> None:
    _written(folder, name, content)
    with pytest.raises(FatalExport, match=why):
        records(open_export(folder), "hospital")


@pytest.mark.parametrize("name", ["myt_hospital.csv.gz", "all.zip"])
def test_what_unpacks_to_an_absurd_size_is_refused_before_it_is_read(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_SURELY_HARMLESS", 1 << 20)
    one_line = HOSPITAL.encode() + b"0" * (4 << 20)
    _written(folder, name, gzip.compress(one_line) if name.endswith(".gz") else _zipped(one_line))
    with pytest.raises(FatalExport, match=f"{name}.*unpacks to an absurd size"):
        open_export(folder)


@pytest.mark.parametrize(
    "names",
    [
        ("myt_hospital.csv", "hospital.csv"),
        ("myt_hospital.csv", "again/myt_hospital.csv"),
        ("myt_hospital.csv", "new_hospital.txt"),
    ],
)
@pytest.mark.parametrize("is_one_beside", [False, True])
def test_two_files_of_one_table_in_an_archive_are_refused_and_both_named(
    folder: Path, names: tuple[str, str], *, is_one_beside: bool
) -> None:
    (folder / "myt_hospital.csv").unlink()
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for name in names[is_one_beside:]:
            archive.writestr(name, HOSPITAL)
    if is_one_beside:
        (folder / names[0]).write_text(HOSPITAL, encoding="utf-8")
    with pytest.raises(FatalExport, match="more than one file of the table 'hospital'") as refused:
        open_export(folder)
    assert all(Path(name).name in str(refused.value) for name in names)


def test_an_archive_with_a_password_is_refused_by_its_name(folder: Path) -> None:
    content = bytearray(_zipped(HOSPITAL.encode()))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.find(mark)
        content[place + at] |= 1
    _written(folder, "all.zip", bytes(content))
    with pytest.raises(FatalExport, match=r"all\.zip.*password"):
        open_export(folder)


def test_everything_that_is_wrong_is_told_at_once_with_the_header_that_was_seen(folder: Path) -> None:
    (folder / "myt_medical_condition.csv").unlink()
    (folder / "export.json").unlink()
    (folder / "myt_specialization.csv").write_bytes(b"")
    (folder / "myt_hospital.csv").write_text("myt_hospitalid,title\n", encoding="utf-8")
    with pytest.raises(FatalExport) as refused:
        open_export(folder)
    told = str(refused.value)
    assert refused.value.code == "FILE_MISSING"
    for part in ("'medical_condition'", "export.json", "myt_specialization.csv", "no column name, city", "title"):
        assert part in told, part
    assert len(told.splitlines()) == 4


CONTACT = {
    "en": ("First Name", "Last Name", "Email", "Business Phone", "Birthday", "Do not allow Emails", "Do not allow Phone Calls",
           "Status"),
    "nl": ("Voornaam", "Achternaam", "E-mail", "Telefoon werk", "Geboortedatum", "E-mails niet toestaan",
           "Telefoongesprekken niet toestaan", "Status"),
    "de": ("Vorname", "Nachname", "E-Mail", "Telefon (geschäftlich)", "Geburtstag", "E-Mails nicht zulassen",
           "Telefonanrufe nicht zulassen", "Status"),
    "fr": ("Prénom", "Nom", "Courriel", "Téléphone de l’entreprise", "Anniversaire",
           "Ne pas autoriser les courriers électroniques", "Ne pas autoriser les appels téléphoniques", "Statut"),
}  # fmt: skip
WORDS = {
    "en": ("Do Not Allow", "Allow", "Inactive"),
    "nl": ("Niet toestaan", "Toestaan", "Inactief"),
    "de": ("Nicht zulassen", "Zulassen", "Inaktiv"),
    "fr": ("Ne pas autoriser", "Autoriser", "Inactif"),
}
_OURS = ("Contact Type", "Medical Condition", "Booking Date", "Reminder Date", "No Show", "Job Title", "Specialization",
         "Medical License Number", "Hospital")  # fmt: skip


def _view(folder: Path, headings: tuple[str, ...], *rows: tuple[Any, ...]) -> None:
    (folder / "contact.csv").unlink(missing_ok=True)
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["(Do Not Modify) Contact", "(Do Not Modify) Row Checksum", "(Do Not Modify) Modified On", *headings])
    for row in rows:
        sheet.append([GUID, "x", None, *row])
    book.save(folder / "contact.xlsx")


@pytest.mark.parametrize("language", CONTACT)
def test_a_view_is_read_by_the_labels_of_its_language(folder: Path, language: str) -> None:
    wished, fine, inactive = WORDS[language]
    values = ("Ada", "Visser", "ada@example.org", "+31 6 12345678", "1980-03-14", wished, fine, inactive)
    _view(folder, (*CONTACT[language], *_OURS), (*values, *[""] * len(_OURS)))
    (row,) = records(open_export(folder), "contact")
    shown = [row[name] for name in ("first", "last", "birth", "do_not_email", "do_not_phone", "active")]
    assert shown == ["Ada", "Visser", "1980-03-14", "t", "f", "f"]
    assert "ada@example.org" in str(row["emails"])
    assert "31612345678" in str(row["phones"])


def test_a_heading_that_nobody_knows_stops_the_run_until_it_is_named(folder: Path, url: str) -> None:
    strange = ("Geen e-mail sturen a.u.b.", "Kleur van de map")
    headings = (*CONTACT["nl"][:5], *strange, *CONTACT["nl"][6:], *_OURS)
    _view(folder, headings, ("Ada", "Visser", "ada@example.org", "", "", "Ja", "rood", "Toestaan", "Actief", *[""] * 9))
    with pytest.raises(FatalExport) as refused:
        runner.run(url, folder)
    assert refused.value.code == "FILE_UNREADABLE"
    assert all(heading in str(refused.value) for heading in strange)
    assert one(url, "SELECT to_regnamespace('legacy') IS NULL")
    mapping = folder / "mapping.toml"
    named = f'[columns.contact]\n"{strange[0]}" = "donotemail"\n"{strange[1]}" = "ignore"\n'
    mapping.write_text(named, encoding="utf-8")
    (row,) = records(open_export(folder, read_mapping(mapping)), "contact")
    assert (row["do_not_email"], row["active"]) == ("t", "t")
    mapping.write_text(f'[columns.contact]\n"{strange[0]}" = "donotwrite"\n', encoding="utf-8")
    with pytest.raises(FatalExport, match=r"there is no contact\.donotwrite"):
        read_mapping(mapping)


@pytest.mark.parametrize("is_view", [True, False])
def test_two_headings_that_are_named_for_one_field_stop_the_run(folder: Path, *, is_view: bool) -> None:
    wishes = ("Geen mail", "Geen e-mail")
    if is_view:
        headings = (*CONTACT["nl"][:5], *wishes, *CONTACT["nl"][6:], *_OURS)
        _view(
            folder, headings, ("Ada", "Visser", "ada@example.org", "", "", "Nee", "Ja", "Toestaan", "Actief", *[""] * 9)
        )
    else:
        path = folder / "contact.csv"
        text = path.read_text(encoding="utf-8-sig").replace("donotemail,donotphone", ",".join(wishes), 1)
        path.write_text(text, encoding="utf-8")
    mapping = folder / "mapping.toml"
    mapping.write_text(
        "[columns.contact]\n" + "".join(f'"{heading}" = "donotemail"\n' for heading in wishes), encoding="utf-8"
    )
    with pytest.raises(FatalExport, match="all for donotemail: leave one") as refused:
        open_export(folder, read_mapping(mapping))
    assert all(heading.lower() in str(refused.value).lower() for heading in wishes)


def test_a_heading_that_is_named_for_two_fields_is_refused(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text('[columns.contact]\n"Geen mail" = "donotemail"\n"geen Mail" = "email"\n', encoding="utf-8")
    with pytest.raises(FatalExport, match=r"columns\.contact: 'geen Mail' is named for two fields"):
        read_mapping(mapping)


def test_a_wish_that_nobody_can_read_is_taken_as_one(url: str, folder: Path) -> None:
    path = folder / "contact.csv"
    header = path.read_text(encoding="utf-8-sig").splitlines()[0].split(",")
    cells = dict.fromkeys(header, "")
    cells |= {
        "contactid": GUID,
        "firstname": "Ada",
        "lastname": "Visser",
        "donotemail": "liever niet",
        "donotphone": "False",
    }
    path.write_text(",".join(header) + "\n" + ",".join(cells.values()) + "\n", encoding="utf-8")
    runner.run(url, folder)
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT 'email' = ANY (do_not_contact_channels), 'phone' = ANY (do_not_contact_channels) FROM person WHERE last_name = 'Visser' AND first_name = 'Ada'"
        ).fetchone()
        told = connection.execute(
            "SELECT record FROM legacy.warning WHERE \"table\" = 'contact' AND code = 'OPTION_UNKNOWN'"
        )
        assert (row, told.fetchall()) == ((True, False), [(1,)])


def test_every_label_means_a_field_and_one_field_in_each_table() -> None:
    fields = {name for table in TABLES.values() for name in table.fields}
    assert set(labels().columns) <= fields
    for name, table in TABLES.items():
        for field in table.fields:
            for label in labels().columns.get(field, ()):
                assert labels().field_of(name, label) == field, (name, label)
    assert not labels().yes & labels().no
    data = json.loads((Path(runner.__file__).parent / "data" / "labels.json").read_text(encoding="utf-8"))
    assert set(data["sources"]) == {language for words in data["columns"].values() for language in words}


def test_the_starter_is_written_where_the_default_cannot_read(folder: Path) -> None:
    headings = (*CONTACT["nl"][:5], "Geen e-mailtjes toestaan", *CONTACT["nl"][6:], *_OURS)
    _view(folder, headings)
    (folder / "myt_hospital.csv").write_text("myt_hospitalid,shade,citty\n", encoding="utf-8")
    starter = folder / "mapping.toml"
    write_starter(folder, starter)
    text = starter.read_text(encoding="utf-8")
    assert '"Geen e-mailtjes toestaan" = "donotemail"' in text
    assert '"citty" = "city"' in text
    assert '"shade" = "ignore"' in text


def _lake(folder: Path, *partitions: str) -> None:
    """The hospitals as Synapse Link writes them, one text for each partition."""
    (folder / "myt_hospital.csv").unlink()
    (folder / "myt_hospital").mkdir()
    names = (
        "Id",
        "SinkCreatedOn",
        "SinkModifiedOn",
        "myt_hospitalid",
        "myt_name",
        "myt_city",
        "versionnumber",
        "IsDelete",
    )
    named = []
    for number, text in enumerate(partitions, start=1):
        (folder / "myt_hospital" / f"2024-0{number}.csv").write_text(text, encoding="utf-8")
        named.append({"location": f"https://store.example.org:443/crm/myt_hospital/2024-0{number}.csv?snapshot=1"})
    entity = {"name": "myt_hospital", "attributes": [{"name": name} for name in names], "partitions": named}
    other = {
        "name": "annotation",
        "attributes": [{"name": "Id"}],
        "partitions": [{"location": "https://x/annotation/1.csv"}],
    }
    (folder / "model.json").write_text(json.dumps({"entities": [other, entity]}), encoding="utf-8")


def _manifest(folder: Path, *partitions: str, header: bool = True, delimiter: str = ";", by: str = "list") -> None:
    """The hospitals as a folder of the Common Data Model has them, one text for each partition."""
    (folder / "myt_hospital.csv").unlink()
    (folder / "crm" / "myt_hospital").mkdir(parents=True)
    names = ("myt_hospitalid", "myt_name", "myt_city", "versionnumber", "IsDelete")
    for number, text in enumerate(partitions, start=1):
        first = delimiter.join(names) + "\n" if header else ""
        (folder / "crm" / "myt_hospital" / f"{number}.csv").write_text(first + text, encoding="utf-8")
    arguments = [
        {"name": "columnHeaders", "value": str(header).lower()},
        {"name": "delimiter", "value": delimiter},
    ]
    traits = {"exhibitsTraits": [{"traitReference": "is.partition.format.CSV", "arguments": arguments}]}
    places = [
        {"location": f"https://store.example.org/lake/crm/myt_hospital/{number}.csv", **traits}
        for number in range(1, len(partitions) + 1)
    ]
    pattern = {"rootLocation": "/crm/myt_hospital/", "globPattern": "/**/*.csv", **traits}
    entity = {
        "type": "LocalEntity",
        "entityName": "myt_hospital",
        "entityPath": "local:/myt_hospital.cdm.json/myt_hospital",
    }
    entity |= {"dataPartitions": places} if by == "list" else {"dataPartitionPatterns": [pattern]}  # type: ignore[dict-item]
    group = {"attributeGroupReference": {"attributeGroupName": "g", "members": [{"name": n} for n in names[1:]]}}
    definition = {"definitions": [{"entityName": "myt_hospital", "hasAttributes": [names[0], group]}]}
    (folder / "myt_hospital.cdm.json").write_text(json.dumps(definition), encoding="utf-8")
    manifest = {"manifestName": "default", "entities": [entity]}
    (folder / "default.manifest.cdm.json").write_text(json.dumps(manifest), encoding="utf-8-sig")


@pytest.mark.parametrize(
    ("header", "delimiter", "by"),
    [(True, ";", "list"), (False, ";", "list"), (False, ",", "pattern"), (True, ",", "pattern")],
)
def test_a_lake_folder_is_read_by_its_manifest_too(folder: Path, *, header: bool, delimiter: str, by: str) -> None:
    rows = (f"{GUID},Old,Bath,7,False\n", f'{GUID},"New; and, newer",Bath,12,False\n{GUID[:-1]}c,Gone,Bath,3,True\n')
    if delimiter == ";":
        rows = (rows[0].replace(",", ";"), f'{GUID};"New; and, newer";Bath;12;False\n{GUID[:-1]}c;Gone;Bath;3;True\n')
    _manifest(folder, *rows, header=header, delimiter=delimiter, by=by)
    export = open_export(folder)
    assert [(row["id"], row["name"], row["fault"]) for row in records(export, "hospital")] == [
        (GUID, "New; and, newer", None)
    ]
    assert export.unread_files == []
    assert {fact.name for fact in export.fingerprint()} >= {
        "default.manifest.cdm.json",
        "myt_hospital.cdm.json",
        "1.csv",
    }
    below = json.loads((folder / "default.manifest.cdm.json").read_text(encoding="utf-8-sig"))
    (folder / "crm" / "crm.manifest.cdm.json").write_text(json.dumps(below), encoding="utf-8")
    (folder / "myt_hospital.cdm.json").rename(folder / "crm" / "myt_hospital.cdm.json")
    for place in below["entities"][0].get("dataPartitionPatterns", ()):
        place["rootLocation"] = "myt_hospital"
    (folder / "crm" / "crm.manifest.cdm.json").write_text(json.dumps(below), encoding="utf-8")
    above = {"entities": [], "subManifests": [{"definition": "crm/crm.manifest.cdm.json"}]}
    (folder / "default.manifest.cdm.json").write_text(json.dumps(above), encoding="utf-8")
    assert len(records(open_export(folder), "hospital")) == 1


def _changed(folder: Path, old: str, new: str) -> None:
    for path in folder.glob("*.cdm.json"):
        text = path.read_text(encoding="utf-8-sig")
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("lake/crm/myt_hospital/1.csv", "lake/crm/other/1.csv", "names files that are not here: .*other/1"),
        ("lake/crm/myt_hospital/1.csv", "../../outside/1.csv", "names files that are not here"),
        ("local:/myt_hospital.cdm.json", "local:/../outside/secret.cdm.json", "names files that are not here"),
        ("format.CSV", "format.orc", "1.csv is no CSV or parquet file"),
        ('"name": "delimiter"', '"name": "escape"', "set off by other signs"),
        ('"hasAttributes": ["myt_hospitalid"', '"hasAttributes": ["other"', "its first line names other columns"),
        ('"entityName": "myt_hospital", "hasAttributes"', '"entityName": "x", "hasAttributes"', "does not define the columns"),
        ('{"manifestName"', '["manifestName"', "not the description of a lake folder"),
        ('"entities": [', '"entities": 1, "x": [', "expected a list of entities"),
    ],
)  # fmt: skip
def test_a_manifest_that_cannot_be_followed_is_refused_with_what_was_seen(
    folder: Path, old: str, new: str, why: str
) -> None:
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "1.csv").write_text(HOSPITAL, encoding="utf-8")
    _manifest(folder, f"{GUID};A;Bath;7;False\n")
    (outside / "secret.cdm.json").write_text((folder / "myt_hospital.cdm.json").read_text(), encoding="utf-8")
    _changed(folder, old, new)
    with pytest.raises(FatalExport, match=why):
        open_export(folder)


def test_two_descriptions_of_one_table_are_refused_and_a_circle_of_manifests_ends(folder: Path) -> None:
    _manifest(folder, f"{GUID};A;Bath;7;False\n")
    text = (folder / "default.manifest.cdm.json").read_text(encoding="utf-8-sig")
    circle = json.loads(text) | {"subManifests": [{"definition": "default.manifest.cdm.json"}]}
    (folder / "default.manifest.cdm.json").write_text(json.dumps(circle), encoding="utf-8")
    assert len(records(open_export(folder), "hospital")) == 1
    _changed(folder, "lake/crm/myt_hospital/1.csv", "myt_hospital.csv")
    (folder / "crm" / "myt_hospital" / "1.csv").rename(folder / "myt_hospital.csv")
    assert len(records(open_export(folder), "hospital")) == 1
    (folder / "crm" / "other.csv").write_text("", encoding="utf-8")
    other = text.replace("lake/crm/myt_hospital/1.csv", "crm/other.csv")
    (folder / "second.manifest.cdm.json").write_text(other, encoding="utf-8")
    with pytest.raises(FatalExport, match=r"more than one file of the table 'hospital': myt_hospital\.csv, other\.csv"):
        open_export(folder)


def test_a_manifest_below_that_names_other_partitions_of_a_table_is_refused_too(folder: Path) -> None:
    _manifest(folder, f"{GUID};A;Bath;7;False\n")
    text = (folder / "default.manifest.cdm.json").read_text(encoding="utf-8-sig")
    above = json.loads(text) | {"subManifests": [{"definition": "crm/below.manifest.cdm.json"}]}
    (folder / "default.manifest.cdm.json").write_text(json.dumps(above), encoding="utf-8")
    (folder / "crm" / "other.csv").write_text("", encoding="utf-8")
    (folder / "crm" / "myt_hospital.cdm.json").write_bytes((folder / "myt_hospital.cdm.json").read_bytes())
    below = text.replace("lake/crm/myt_hospital/1.csv", "lake/crm/other.csv")
    (folder / "crm" / "below.manifest.cdm.json").write_text(below, encoding="utf-8")
    with pytest.raises(FatalExport, match=r"more than one file of the table 'hospital': 1\.csv, other\.csv"):
        open_export(folder)


def _version(guid: str, name: str, version: int, deleted: str = "False") -> str:
    return f'{guid},2024-01-01T00:00:00Z,2024-01-01T00:00:00Z,{guid},"{name}",Bath,{version},{deleted}\n'


def test_of_a_lake_folder_the_newest_version_counts_and_what_was_deleted_is_not_there(folder: Path) -> None:
    other, gone = GUID[:-1] + "c", GUID[:-1] + "d"
    _lake(
        folder,
        _version(GUID, "Old", 7)
        + _version(gone, "Gone", 9)
        + _version(other, 'A ""big"" one\nof two lines', 3)
        + "a,b\n",
        _version(GUID.upper(), "New", 12) + _version(gone, "Gone", 10, "True") + _version(other, "Older", 2),
    )
    export = open_export(folder)
    rows = records(export, "hospital")
    assert [(row["id"], row["name"], row["fault"]) for row in rows] == [
        (other, 'A "big" one of two lines', None),
        (None, None, "MALFORMED_RECORD"),
        (GUID, "New", None),
    ]
    assert export.unread_files == []
    assert {fact.name for fact in export.fingerprint()} >= {"model.json", "2024-01.csv", "2024-02.csv"}
    assert "lake" in export.shape


def test_of_a_large_lake_folder_a_key_and_a_version_of_each_row_are_held_and_no_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "_BATCH", 50)
    rows = 20_000
    _lake(folder, "".join(_version(f"{number:08x}{GUID[8:]}", "N", number) for number in range(rows)))
    source = open_export(folder).sources["hospital"]
    tracemalloc.start()
    try:
        assert sum(len(batch.rows) for batch in source.batches(50)) == rows
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most / rows < 200


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: (folder / "myt_hospital" / "2024-02.csv").unlink(), "files that are not here.*2024-02"),
        (lambda folder: (folder / "model.json").write_text("{"), "not the description of a lake folder"),
        (lambda folder: (folder / "model.json").write_text("[]"), "not the description of a lake folder"),
        (
            lambda folder: (folder / "myt_hospital.csv").write_text(HOSPITAL),
            "more than one file of the table 'hospital'",
        ),
    ],
)
def test_a_lake_folder_that_is_not_whole_is_refused(folder: Path, spoil: Callable[[Path], object], why: str) -> None:
    _lake(folder, _version(GUID, "A", 1), _version(GUID, "B", 2))
    spoil(folder)
    with pytest.raises(FatalExport, match=why):
        open_export(folder)


@pytest.mark.parametrize(
    ("name", "write", "what"),
    [
        ("contact.xls", lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1"), "before 2007: save it as .xlsx"),
        ("all.7z", lambda path: path.write_bytes(b"7z\xbc\xaf\x27\x1c"), "a 7z archive: unpack it"),
    ],
)
def test_what_is_not_supported_is_named_with_what_to_do(
    folder: Path, name: str, write: Callable[[Path], object], what: str
) -> None:
    write(folder / name)
    (folder / "contact.csv").unlink()
    with pytest.raises(FatalExport) as refused:
        open_export(folder)
    told = str(refused.value)
    assert name in told
    assert what in told
    assert "no file of the table 'contact'" in told
