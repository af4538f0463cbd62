"""Corrections belong to a record: its GUID and what stood in it, never to a number that the next export gives away."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from app.commands import legacy_status as legacy
from app.legacy import staging
from tests.legacy.exports import guid, number_of, write_export

BOB = {"contactid": guid(1), "firstname": "Bob", "lastname": "Brandsma", "emailaddress1": "bob at example.org"}
MIA = {"contactid": guid(2), "firstname": "Mia", "lastname": "Mulder", "emailaddress1": "mia@example.org"}
NEW = {"contactid": guid(3), "firstname": "Nel", "lastname": "Nooteboom", "emailaddress1": "nel@example.org"}
NO_GUID = {"contactid": "?", "firstname": "Guus", "lastname": "Geen", "emailaddress1": "guus@example.org"}

Crm = Callable[..., Result]


@pytest.fixture
def crm(url: str, monkeypatch: pytest.MonkeyPatch) -> Crm:
    """Give a command of the migration."""
    monkeypatch.setenv("CRM_DATABASE_URL", url)
    return lambda *words: CliRunner().invoke(legacy.commands, [str(word) for word in words])


def one(url: str, query: str, *values: Any) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(query, values).fetchone()
    return row[0] if row else None


def addresses(url: str, number: int) -> Any:
    """Every address of the person of a contact."""
    return one(
        url,
        "SELECT array_agg(a ORDER BY a) FROM legacy.lineage AS l CROSS JOIN LATERAL ("
        " SELECT email FROM person WHERE person_id = l.target_id AND email IS NOT NULL"
        " UNION SELECT value FROM contact_point WHERE person_id = l.target_id AND kind = 'email') AS q(a)"
        " WHERE l.source_id = %s AND l.target = 'person'",
        guid(number),
    )


def corrections(path: Path, *rows: tuple[Any, ...], columns: str = "table,record,column,value") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns.split(","), *rows])
    return path


def bobs(folder: Path, path: Path) -> Path:
    """A correction of Bob's address, by the number his record has in an export."""
    return corrections(path, ("contact", number_of(folder, "contact", guid(1)), "email", "bob@example.org"))


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def listed(crm: Crm) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done(crm("rejects", "--corrections", "--csv")).stdout)))


@pytest.fixture
def corrected(url: str, crm: Crm, tmp_path: Path) -> Path:
    """An export in which Bob's address is corrected."""
    first = write_export(tmp_path / "first", contact=[BOB, MIA])
    done(crm("run", "--source", first))
    done(crm("retry", bobs(first, tmp_path / "bob.csv")))
    assert addresses(url, 1) == ["bob@example.org"]
    return first


def test_another_record_on_the_line_of_a_corrected_one_keeps_what_it_holds(
    url: str, crm: Crm, corrected: Path, tmp_path: Path
) -> None:
    # One record was taken away over there: Mia's stands where Bob's stood.
    later = write_export(tmp_path / "later", contact=[MIA, BOB])
    assert number_of(later, "contact", guid(2)) == number_of(corrected, "contact", guid(1))
    done(crm("run", "--source", later))
    done(crm("plan", "--source", later))
    nel = corrections(tmp_path / "mia.csv", ("contact", number_of(later, "contact", guid(2)), "firstname", "Maria Mia"))
    done(crm("retry", nel))
    assert (addresses(url, 1), addresses(url, 2)) == (["bob@example.org"], ["mia@example.org"])


def test_a_run_that_goes_on_after_a_stop_corrects_the_records_that_were_meant(
    url: str, crm: Crm, corrected: Path, tmp_path: Path
) -> None:
    later = write_export(tmp_path / "later", contact=[MIA, BOB])
    done(crm("run", "--source", later, "--until", "1"))
    done(crm("undo", "--to", "1"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE legacy.w_alive")  # as after a crash: everything is read anew
    done(crm("resume"))
    assert (addresses(url, 1), addresses(url, 2)) == (["bob@example.org"], ["mia@example.org"])


def test_numbers_of_an_export_that_was_replaced_are_refused(
    url: str, crm: Crm, corrected: Path, tmp_path: Path
) -> None:
    file = bobs(corrected, tmp_path / "again.csv")
    write_export(tmp_path / "other", contact=[MIA, BOB])
    (tmp_path / "other" / "contact.csv").replace(corrected / "contact.csv")
    refused = crm("retry", file)
    assert refused.exit_code == 1
    assert "not those that run" in refused.stderr
    assert addresses(url, 2) == ["mia@example.org"]


def test_a_corrected_record_stays_corrected_in_every_later_export(
    url: str, crm: Crm, corrected: Path, tmp_path: Path
) -> None:
    later = write_export(tmp_path / "later", contact=[NEW, MIA, BOB])
    done(crm("run", "--source", later))
    warned = "SELECT count(*) FROM legacy.warning WHERE run_id = 3 AND code = 'INVALID_EMAIL'"
    assert one(url, warned) == 0
    assert [(row["state"], row["guid"], row["column"]) for row in listed(crm)] == [("applied", guid(1), "email")]
    assert " 0 change(s)" in done(crm("run", "--source", later)).stdout


def test_worker_processes_correct_as_one_process_does(
    url: str, crm: Crm, corrected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(crm("undo", "--run", "2"))
    monkeypatch.setattr(staging, "_WORTH_WORKERS", 0)
    done(crm("run", "--source", corrected))
    assert [row["state"] for row in listed(crm)] == ["applied"]
    assert addresses(url, 1) == ["bob@example.org"]


def test_a_record_that_changed_since_is_listed_and_not_corrected(
    url: str, crm: Crm, corrected: Path, tmp_path: Path
) -> None:
    changed = BOB | {"emailaddress1": "bob@elsewhere.example.org"}
    done(crm("run", "--source", write_export(tmp_path / "later", contact=[changed, MIA])))
    assert [row["state"] for row in listed(crm)] == ["stale"]
    assert "bob@elsewhere.example.org" in str(addresses(url, 1))
    gone = write_export(tmp_path / "gone", contact=[MIA])
    done(crm("run", "--source", gone))
    assert [row["state"] for row in listed(crm)] == ["absent"]


def test_a_record_without_a_guid_is_corrected_in_its_own_export_alone(url: str, crm: Crm, tmp_path: Path) -> None:
    first = write_export(tmp_path / "first", contact=[NO_GUID, MIA])
    done(crm("run", "--source", first))
    mended = corrections(tmp_path / "guus.csv", ("contact", number_of(first, "contact", "?"), "contactid", guid(9)))
    done(crm("retry", mended))
    assert addresses(url, 9) == ["guus@example.org"]
    assert [row["state"] for row in listed(crm)] == ["applied"]
    # The same line in another export may be anybody's.
    done(crm("run", "--source", write_export(tmp_path / "later", contact=[NO_GUID, NEW])))
    assert [row["state"] for row in listed(crm)] == ["stale"]


def test_a_correction_is_withdrawn(url: str, crm: Crm, corrected: Path) -> None:
    (row,) = listed(crm)
    done(crm("rejects", "--corrections", "--withdraw", row["correction"]))
    assert [row["state"] for row in listed(crm)] == ["withdrawn"]
    done(crm("run", "--source", corrected))
    assert one(url, "SELECT count(*) FROM legacy.warning WHERE run_id = 3 AND code = 'INVALID_EMAIL'") == 1
    assert crm("rejects", "--corrections", "--withdraw", "77").exit_code == 1
    # Given again it applies again.
    done(crm("retry", bobs(corrected, corrected.parent / "again.csv")))
    assert [row["state"] for row in listed(crm)] == ["applied"]


def test_a_run_that_is_taken_back_has_applied_nothing(url: str, crm: Crm, corrected: Path) -> None:
    done(crm("undo"))
    assert [row["state"] for row in listed(crm)] == ["not applied"]
    assert addresses(url, 1) is None


def test_a_reject_is_corrected_by_the_hash_it_was_listed_with_whatever_its_number_is_now(
    url: str, crm: Crm, tmp_path: Path
) -> None:
    nobody = {"contactid": guid(1), "telephone1": ""}
    first = write_export(tmp_path / "first", contact=[nobody, MIA])
    done(crm("run", "--source", first))
    rows = csv.DictReader(io.StringIO(done(crm("rejects", "--csv")).stdout))
    (reject,) = [row for row in rows if row["reason"] == "NO_IDENTITY"]
    later = write_export(tmp_path / "later", contact=[MIA, nobody])
    done(crm("run", "--source", later))
    columns = "table,record,hash,column,value"
    file = corrections(
        tmp_path / "one.csv", ("contact", reject["record"], reject["hash"], "email", "bob@example.org"), columns=columns
    )
    done(crm("retry", file))
    assert (addresses(url, 1), addresses(url, 2)) == (["bob@example.org"], ["mia@example.org"])
    wrong = corrections(tmp_path / "two.csv", ("contact", 1, "0" * 32, "email", "x@example.org"), columns=columns)
    refused = crm("retry", wrong)
    assert refused.exit_code == 1
    assert "no record of contact with this hash" in refused.stderr


def test_a_correction_that_an_earlier_version_kept_by_number_is_never_applied(
    url: str, crm: Crm, tmp_path: Path
) -> None:
    first = write_export(tmp_path / "first", contact=[BOB, MIA])
    done(crm("run", "--source", first))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE legacy.correction, legacy.correction_use")
        connection.execute(
            "CREATE TABLE legacy.correction (correction_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
            ' "table" text NOT NULL, record integer NOT NULL, "column" text NOT NULL, value text NOT NULL,'
            ' made_at timestamptz NOT NULL DEFAULT clock_timestamp(), UNIQUE ("table", record, "column"))'
        )
        connection.execute(
            "INSERT INTO legacy.correction (\"table\", record, \"column\", value) VALUES ('contact', %s, 'email', %s)",
            (number_of(first, "contact", guid(2)), "bob@example.org"),
        )
    done(crm("run", "--source", first))
    assert addresses(url, 2) == ["mia@example.org"]
    assert [row["state"] for row in listed(crm)] == ["stale"]
    done(crm("retry", bobs(first, tmp_path / "bob.csv")))
    assert [row["state"] for row in listed(crm)] == ["stale", "applied"]
