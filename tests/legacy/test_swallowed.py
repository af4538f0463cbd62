"""Nothing is swallowed: what a reader would quietly lose is refused by name, what is too much is told and bounded."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest
from typer.testing import CliRunner

from app.commands import legacy_status as legacy
from app.legacy import runner
from app.legacy.errors import FatalExport, NotReady
from app.legacy.sources import open_export
from tests.legacy.exports import file_of, guid, header_of, write_export


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_export(tmp_path / "export")


def read(folder: Path, table: str = "contact") -> list[Any]:
    """Every record of a table as it came."""
    return [record for batch in open_export(folder).sources[table].batches(50) for record in batch.records()]


def refused(folder: Path, table: str = "contact") -> FatalExport:
    with pytest.raises(FatalExport) as error:
        read(folder, table)
    return error.value


def one(url: str, query: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def with_quote(folder: Path, *lines: int, table: str = "contact") -> None:
    """Put a stray quote before the second cell of these lines."""
    path = file_of(folder, table)
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for line in lines:
        key, _, rest = rows[line - 1].partition(",")
        rows[line - 1] = f'{key},"{rest}'
    path.write_text("".join(rows), encoding="utf-8")


def test_a_file_that_ends_inside_quotes_is_refused(folder: Path) -> None:
    with_quote(folder, 8)
    error = refused(folder)
    assert (error.code, error.line) == ("FILE_UNREADABLE", 8)
    path = file_of(folder, "contact")
    path.write_text(path.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    assert refused(folder).line == 8


def test_a_quote_that_swallows_records_is_refused(folder: Path) -> None:
    with_quote(folder, 5, 9)
    error = refused(folder)
    assert (error.code, error.line) == ("FILE_UNREADABLE", 5)
    assert "3 lines" in str(error)


def test_text_of_many_lines_is_no_swallowed_record(folder: Path) -> None:
    with file_of(folder, "phonecall").open("a", encoding="utf-8") as file:
        width = len(header_of(folder, "phonecall"))
        text = "\n".join([",".join("ab" * width), f"{guid(1)},seen", "x" * 40])
        file.write(f"{guid(7)}," + "," * (width - 2) + f'"{text}"\n')
    assert read(folder, "phonecall")[-1].cells[0] == guid(7)


def test_a_page_that_says_more_and_leads_nowhere_is_refused(folder: Path) -> None:
    file_of(folder, "hospital").unlink()
    page = {
        "value": [{"myt_hospitalid": guid(1), "myt_name": "A", "myt_city": "B"}],
        "@Microsoft.Dynamics.CRM.morerecords": True,
    }
    path = folder / "myt_hospitals.json"
    path.write_text(json.dumps(page), encoding="utf-8")
    with pytest.raises(FatalExport, match="more records") as error:
        open_export(folder)
    assert error.value.code == "FILE_MISSING"
    path.write_text(json.dumps(page | {"@Microsoft.Dynamics.CRM.morerecords": False}), encoding="utf-8")
    assert len(read(folder, "hospital")) == 1


def _csv_again(folder: Path) -> str:
    (folder / "new_hospital.csv").write_bytes(file_of(folder, "hospital").read_bytes())
    return "new_hospital.csv"


def _workbook(folder: Path) -> str:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["myt_hospitalid", "myt_name", "myt_city"])
    book.save(folder / "hospital.xlsx")
    return "hospital.xlsx"


def _page(folder: Path) -> str:
    (folder / "myt_hospitals.json").write_text('{"value": []}', encoding="utf-8")
    return "myt_hospitals.json"


@pytest.mark.parametrize("second", [_csv_again, _workbook, _page])
def test_two_files_for_one_table_are_refused_by_name(folder: Path, second: Callable[[Path], str]) -> None:
    name = second(folder)
    with pytest.raises(FatalExport) as error:
        open_export(folder)
    assert error.value.code == "FILE_UNREADABLE"
    assert name in str(error.value)
    assert "myt_hospital.csv" in str(error.value)


def test_pages_that_nothing_leads_to_are_refused_by_name(folder: Path) -> None:
    file_of(folder, "hospital").unlink()
    for name in ("myt_hospitals.json", "myt_hospitals-2.json"):
        (folder / name).write_text('{"value": []}', encoding="utf-8")
    with pytest.raises(FatalExport) as error:
        open_export(folder)
    assert "myt_hospitals.json" in str(error.value)
    assert "myt_hospitals-2.json" in str(error.value)


def test_a_value_that_is_too_long_is_told_and_stops_nothing(url: str, tmp_path: Path) -> None:
    # Letters that do not repeat: a long value that packs well hides what an index cannot hold.
    long = "".join(chr(97 + (i * i * 7 + i // 13) % 26) for i in range(5000))
    contact = {
        "contactid": guid(1), "firstname": long, "lastname": long[::-1], "emailaddress1": f"{long}@example.org",
        "telephone1": f"ask {long}", "mobilephone": f"ask {long}a", "jobtitle": long, "medical_license_number": long, "hospital": guid(2),
        "specialization": guid(3), "contact_type": "physician", "address1_country": long, "medical_condition": long,
    }  # fmt: skip
    patient = {
        "patientid": guid(4), "firstname": long, "lastname": long, "email": f"{long}@b.example.org", "trial_id": long,
        "medical_condition": guid(5), "ineligible_reason": long, "eligible": long, "ct_outcome": long,
    }  # fmt: skip
    folder = write_export(
        tmp_path / "long",
        contact=[contact, contact | {"contactid": guid(8), "contact_type": "patient - lead"}],
        patient=[patient],
        hospital=[{"hospitalid": guid(2), "name": long, "city": long}],
        specialization=[{"specializationid": guid(3), "name": long}],
        medical_condition=[{"medical_conditonid": guid(5), "name": long, "abbreviation": long}],
        eap_dossier=[{"eap_dossier_id": guid(6), "eap_number": long, "patient": guid(4), "product": long}],
        systemuser=[{"systemuserid": guid(7), "fullname": f"{long} {long}", "internalemailaddress": f"{long}@c.example.org"}],
        phonecall=[{"activityid": guid(9), "regardingobjectid": guid(8), "regardingobjecttypecode": "contact",
                    "actualstart": "2024-01-01T10:00:00Z", "subject": long, "description": long, "ownerid": guid(7)}],
    )  # fmt: skip
    assert runner.run(url, folder).finished
    with psycopg.connect(url) as connection:
        told = connection.execute(
            "SELECT \"table\", count(*) FROM legacy.warning WHERE code = 'VALUE_TOO_LONG' GROUP BY 1 ORDER BY 1"
        ).fetchall()
    assert dict(told) == {
        "contact": 2, "eap_dossier": 1, "hospital": 1, "medical_condition": 1, "patient": 1, "specialization": 1,
        "systemuser": 1,
    }  # fmt: skip
    assert runner.run(url, folder).rows_written == 0


def test_many_namesakes_make_few_pairs_to_review(url: str, tmp_path: Path) -> None:
    same = {"firstname": "Jan", "lastname": "Namesake", "birthdate": "1980-02-03"}
    rows = [same | {"contactid": guid(i), "emailaddress1": f"jan{i}@example.org"} for i in range(1, 601)]
    few = {"firstname": "Piet", "lastname": "Namegenoot", "birthdate": "1980-02-03"}
    rows += [few | {"contactid": guid(1000 + i), "emailaddress1": f"piet{i}@example.org"} for i in range(4)]
    shared = [
        {"contactid": guid(2000 + i), "firstname": f"Alex{'abcdefghijklmnopqrstuvwxyz'[i % 26]}{i // 26 * 'q'}",
         "lastname": "Kliniek", "emailaddress1": "kliniek@example.org"}
        for i in range(80)
    ]  # fmt: skip
    doctors = [
        {"contactid": guid(3000 + i), "firstname": "Arts", "lastname": f"Van{'bcdfghjklmnpqrstvwxz'[i % 20]}{'aeiou'[i // 20]}rsum{i}",
         "contact_type": "physician", "medical_license_number": "ONE1", "emailaddress1": f"arts{i}@example.org"}
        for i in range(70)
    ]  # fmt: skip
    folder = write_export(tmp_path / "many", contact=[*rows, *shared, *doctors])
    assert runner.run(url, folder, result_to=tmp_path / "result").finished
    reasons = "SELECT count(*) FROM legacy.d_review WHERE reason = '{}'"
    assert one(url, reasons.format("equal names, same birth date or phone")) == 599 + 6
    assert one(url, reasons.format("same licence")) == 69
    assert one(url, "SELECT count(*) FROM legacy.d_review WHERE reason LIKE 'same address%'") <= 80
    assert one(url, "SELECT count(*) FROM duplicate_candidate") < 2000
    summary = json.loads((tmp_path / "result" / "summary.json").read_text(encoding="utf-8"))
    sizes = sorted((group["reason"], group["persons"]) for group in summary["review_groups"])
    assert ("equal names, same birth date or phone", 600) in sizes
    assert ("same licence", 70) in sizes


def test_a_long_chain_of_merges_is_followed_in_linear_time(url: str, tmp_path: Path) -> None:
    def seconds(length: int) -> float:
        rows = [{"contactid": guid(0), "firstname": "Top", "lastname": "Ketting", "emailaddress1": "top@example.org"}]
        rows += [
            {"contactid": guid(i), "firstname": "M", "lastname": "Ketting", "masterid": guid(i - 1), "merged": "True"}
            for i in range(1, length)
        ]
        folder = write_export(tmp_path / str(length), contact=rows)
        began = time.perf_counter()
        runner.run(url, folder, until=4, dry_run=True)
        return time.perf_counter() - began

    seconds(10)
    assert seconds(20_000) < 40


def test_a_result_that_cannot_be_written_is_found_first(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_DATABASE_URL", url)
    taken = folder.parent / "taken"
    taken.write_text("a file", encoding="utf-8")
    with pytest.raises(NotReady, match="cannot be written"):
        runner.run(url, folder, result_to=taken)
    assert one(url, "SELECT to_regnamespace('legacy') IS NULL")
    for words in (
        ["run", "--source", str(folder), "--result", str(taken)],
        ["run", "--source", "nowhere", "--result", str(taken)],
    ):
        assert CliRunner().invoke(legacy.commands, words).exit_code in {1, 5}
    runner.run(url, folder, until=2)
    assert CliRunner().invoke(legacy.commands, ["resume", "--result", str(taken)]).exit_code == 1
    assert one(url, "SELECT count(*) FROM legacy.phase") == 2
