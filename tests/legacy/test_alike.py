"""Pairs that the contract keeps apart and people would not: filed after a run, never joined, not in the result."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from app.legacy import runner
from app.legacy.contract import TABLES
from app.legacy.phases.people_alike import SAME_ADDRESS, SAME_BIRTH_DATE, SAME_PHONE
from tests.legacy.compare import read_result

Contact = dict[str, str]


def contact(name: str, email: str = "", born: str = "", phone: str = "") -> Contact:
    """`given|family`."""
    first, _, last = name.partition("|")
    return {"firstname": first, "lastname": last, "email": email, "birthdate": born, "telephone1": phone}


def write_export(folder: Path, contacts: Sequence[Contact]) -> None:
    folder.mkdir()
    for table, described in TABLES.items():
        prefix = "" if table in {"contact", "phonecall", "appointment", "audit", "systemuser"} else "new_"
        with (folder / f"{prefix}{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, described.fields, restval="")
            writer.writeheader()
            if table == "contact":
                writer.writerows(
                    {"contactid": f"00000000-0000-4000-8000-{number:012x}", "contact_type": "patient - lead", **row}
                    for number, row in enumerate(contacts, 1)
                )
    (folder / "export.json").write_text(
        json.dumps({"exported_at": "2025-06-30T12:00:00Z", "time_zone": "Europe/Amsterdam"}), encoding="utf-8"
    )
    (folder / "optionsets.json").write_text("{}", encoding="utf-8")


def pairs(url: str) -> list[tuple[set[str], list[str]]]:
    """The names of each pair that was filed, with the reasons."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT a.first_name || ' ' || a.last_name, b.first_name || ' ' || b.last_name, d.reasons"
            " FROM duplicate_candidate AS d JOIN person AS a ON a.person_id = d.person_id"
            " JOIN person AS b ON b.person_id = d.other_person_id"
        ).fetchall()
    return [({a, b}, reasons) for a, b, reasons in found]


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        # One address.
        (contact("Kai|Müller", "m@x.org"), contact("K.|Mueller", "m@x.org"), SAME_ADDRESS),
        (contact("Þórdís|Bos", "m@x.org"), contact("Thordis|Bos", "m@x.org"), SAME_ADDRESS),
        (contact("Bob|Kim", "m@x.org"), contact("Kim|Robert", "m@x.org"), SAME_ADDRESS),
        (contact("J.P.|Vries", "m@x.org"), contact("Jan Peter|Vries", "m@x.org"), SAME_ADDRESS),
        (contact("Jim|Kim", "m@x.org"), contact("James|Kim", "m@x.org"), SAME_ADDRESS),
        # Names and birth dates.
        (contact("Bob|Kim", "a@x.org", "1967-03-24"), contact("Robert|Kim", "", "1967-03-24"), SAME_BIRTH_DATE),
        (contact("Kai|Müller", "", "1967-03-24"), contact("Kai|Mueller", "", "1967-03-24"), SAME_BIRTH_DATE),
        (contact("Anna|de Vries", "", "1967-03-24"), contact("Anna|Vries", "", "1967-03-24"), SAME_BIRTH_DATE),
        (contact("Jan|Bos", "", "1967-01-01"), contact("Bos|Jan", "", "1967-03-24"), SAME_BIRTH_DATE),
        (contact("Jan|Bos", "", "1967-03-04"), contact("Jan|Bos", "", "1967-04-03"), SAME_BIRTH_DATE),
        # Names and a phone.
        (contact("Bob|Kim", "", "", "+31612345678"), contact("Robert|Kim", "", "", "0031612345678"), SAME_PHONE),
    ],
)
def test_what_only_people_would_join_is_filed(
    one: Contact, other: Contact, reason: str, url: str, tmp_path: Path
) -> None:
    write_export(tmp_path / "export", [one, other])

    runner.run(url, tmp_path / "export", result_to=tmp_path / "result")

    names = {f"{row['firstname']} {row['lastname']}" for row in (one, other)}
    assert pairs(url) == [(names, [reason])]
    result = read_result(tmp_path / "result")
    assert len(result["persons"]) == 2
    assert result["review"] == []
    assert runner.run(url, tmp_path / "export").rows_written == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (contact("Anna|Bos", "m@x.org", "", "+31612345678"), contact("Joost|Bos", "m@x.org", "", "+31612345678")),
        (contact("Jan|Bos Jr.", "m@x.org"), contact("Jan|Bos Sr.", "m@x.org")),
        (contact("Jan|Bos", "", "1967-03-24"), contact("Jan|Bos", "", "1967-03-25")),
        (contact("Jan|Bos", "a@x.org"), contact("Jan|Bos", "b@x.org")),
        (contact("Bob|Kim", "a@x.org"), contact("Robert|Kim", "b@x.org")),
    ],
)
def test_others_are_not_filed(one: Contact, other: Contact, url: str, tmp_path: Path) -> None:
    write_export(tmp_path / "export", [one, other])

    runner.run(url, tmp_path / "export")

    assert pairs(url) == []


def test_a_pair_of_the_contracts_list_keeps_its_reason(url: str, tmp_path: Path) -> None:
    write_export(
        tmp_path / "export",
        [contact("Maria|Bos", "m@x.org", "1967-03-24"), contact("Marie|Bos", "m@x.org", "1967-03-24")],
    )

    runner.run(url, tmp_path / "export")

    assert [reasons for _, reasons in pairs(url)] == [["same address, doubtful names"]]


def test_who_is_here_already_is_compared_too(url: str, tmp_path: Path) -> None:
    write_export(tmp_path / "first", [contact("Bob|Kim", "", "1967-03-24")])
    runner.run(url, tmp_path / "first")
    write_export(tmp_path / "later", [contact("Bob|Kim", "", "1967-03-24"), contact("Robert|Kim", "", "1967-03-24")])

    runner.run(url, tmp_path / "later")

    assert pairs(url) == [({"Bob Kim", "Robert Kim"}, [SAME_BIRTH_DATE])]
