"""What changes in the old system while people work here: what takes effect at once, what is suggested, what is listed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.legacy import changes, report, runner
from app.legacy.phases import suggestions
from app.legacy.undo import undo
from app.platform.db import tables_that_say
from tests.legacy.conftest import checksum
from tests.legacy.exports import guid, write_export

Export = Callable[..., Path]
NEL = {"contactid": guid(2), "firstname": "Nel", "lastname": "Nooteboom", "emailaddress1": "nel@example.org",
       "contact_type": "patient - lead", "statecode": "0"}  # fmt: skip
_WISHES = "SELECT do_not_contact_channels FROM person WHERE last_name = 'Nooteboom'"
_HERE = "UPDATE person SET do_not_contact_channels = '{}' WHERE last_name = 'Nooteboom'"


def one(url: str, query: str, *values: Any) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(query, values).fetchone()
    return row[0] if row else None


def do(url: str, statement: str, *values: Any) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement, values)


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Write a tidy export with records of the test's own."""
    made = iter(range(99))

    def write(**rows: Any) -> Path:
        return write_export(tmp_path / str(next(made)), **rows)

    return write


def test_an_opt_out_of_a_later_export_takes_effect_at_once_and_only_grows(url: str, export: Export) -> None:
    runner.run(url, export(contact=[NEL]))
    assert one(url, _WISHES) == []
    done = runner.run(url, export(contact=[NEL | {"donotphone": "True"}]))
    assert (done.rows_written, one(url, _WISHES)) == (1, ["phone"])
    later = export(contact=[NEL | {"donotemail": "True"}])
    assert (runner.run(url, later).rows_written, one(url, _WISHES)) == (1, ["email", "phone"])
    assert (runner.run(url, later).rows_written, one(url, _WISHES)) == (0, ["email", "phone"])
    earlier = (
        "SELECT reason, replaced_by FROM row_history WHERE version = 1 AND record_id = (SELECT person_id FROM person"
    )
    assert one(url, f"{earlier} WHERE last_name = 'Nooteboom')") == "legacy run 2"


def test_a_wish_that_was_taken_back_here_comes_again_when_it_is_made_again_there(url: str, export: Export) -> None:
    wishes = NEL | {"donotemail": "True"}
    runner.run(url, export(contact=[wishes]))
    do(url, _HERE)
    # Something else changed there; the wish is the one that was taken back here.
    runner.run(url, export(contact=[wishes | {"emailaddress1": "nel2@example.org"}]))
    assert one(url, _WISHES) == []
    runner.run(url, export(contact=[NEL]))
    assert one(url, _WISHES) == []
    runner.run(url, export(contact=[wishes]))
    assert one(url, _WISHES) == ["email"]
    do(url, _HERE)
    # A record that is new says it.
    runner.run(url, export(contact=[wishes, wishes | {"contactid": guid(3)}]))
    assert one(url, _WISHES) == ["email"]


def test_an_undo_takes_an_opt_out_of_its_run_back_where_nobody_has_worked_on_the_person(
    url: str, export: Export
) -> None:
    other = NEL | {"contactid": guid(4), "firstname": "Ole", "lastname": "Olm", "emailaddress1": "ole@example.org"}
    before = checksum(url)
    first = export(contact=[NEL, other])
    runner.run(url, first)
    between = checksum(url)
    later = export(contact=[NEL | {"donotphone": "True"}, other | {"donotphone": "True"}])
    runner.run(url, later)
    assert undo(url).removed == 2
    assert checksum(url) == between
    runner.run(url, later)
    do(url, "UPDATE person SET preferred_name = 'Nelly' WHERE last_name = 'Nooteboom'")
    assert undo(url).removed == 1
    assert one(url, _WISHES) == ["phone"]
    assert one(url, "SELECT do_not_contact_channels FROM person WHERE last_name = 'Olm'") == []
    assert undo(url, rest=True).kept > 0
    assert checksum(url) != before


def test_nobody_else_puts_an_earlier_version_back(url: str, export: Export) -> None:
    runner.run(url, export(contact=[NEL]))
    with psycopg.connect(url) as connection:
        connection.execute("SET crm.restores = 'on'")
        connection.execute(_HERE.replace("'{}'", "'{email}'"))
    assert one(url, "SELECT version FROM person WHERE last_name = 'Nooteboom'") == 2


def noticed(url: str, run_id: int) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        return report.collect(connection, run_id)


def test_a_record_that_is_missing_from_a_later_export_is_listed_and_stays(url: str, export: Export) -> None:
    call = {"activityid": guid(5), "regardingobjecttypecode": "contact", "regardingobjectid": guid(2),
            "actualstart": "2024-01-01T10:00:00Z", "statecode": "1"}  # fmt: skip
    runner.run(url, export(contact=[NEL], phonecall=[call]))
    assert noticed(url, 1)["notices"] == []
    before = checksum(url)
    later = export()
    for run_id in (2, 3):
        assert runner.run(url, later).rows_written == 0
        told = noticed(url, run_id)
        person = one(url, "SELECT person_id::text FROM person WHERE last_name = 'Nooteboom'")
        called = one(url, "SELECT call_id::text FROM call_history WHERE person_id = %s", person)
        assert [tuple(notice.values()) for notice in told["notices"]] == [
            ("RECORD_MISSING", "contact", guid(2), "person", person, None),
            ("RECORD_MISSING", "phonecall", guid(5), "call_history", called, None),
        ]
        page = report.as_html(told)
        assert report.NOTICES["RECORD_MISSING"] in page
        assert guid(5) in page
        assert "Nooteboom" not in page
    assert checksum(url) == before
    # It comes again.
    runner.run(url, export(contact=[NEL], phonecall=[call]))
    assert noticed(url, 4)["notices"] == []
    undo(url)
    assert one(url, "SELECT count(*) FROM legacy.notice") == 0


def suggested(url: str, field: str) -> list[tuple[Any, str]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT theirs, decision FROM suggested_change WHERE field = %s ORDER BY created_at, theirs::text", [field]
        ).fetchall()


def test_a_value_that_was_corrected_here_is_not_suggested_back(url: str, export: Export) -> None:
    born = NEL | {"birthdate": "1980-01-01"}
    runner.run(url, export(contact=[born]))
    do(url, "UPDATE person SET date_of_birth = '1981-01-01', first_name = 'Nelly' WHERE last_name = 'Nooteboom'")
    runner.run(url, export(contact=[born | {"telephone1": "+31612345678"}]))
    assert (suggested(url, "date_of_birth"), suggested(url, "first_name")) == ([], [])
    runner.run(url, export(contact=[born | {"birthdate": "1982-01-01"}]))
    assert suggested(url, "date_of_birth") == [("1982-01-01", "open")]
    # What was said before is no news either.
    do(url, "UPDATE suggested_change SET decision = 'accepted', decided_at = now()")
    do(url, "UPDATE person SET date_of_birth = '1983-01-01' WHERE last_name = 'Nooteboom'")
    runner.run(url, export(contact=[born | {"birthdate": "1982-01-01", "telephone1": "+31612345679"}]))
    assert suggested(url, "date_of_birth") == [("1982-01-01", "accepted")]


def test_what_is_said_anew_is_suggested_again_but_for_what_was_rejected(url: str, export: Export) -> None:
    runner.run(url, export(contact=[NEL]))
    for name in ("Nella", "Nel", "Petronella", "Nel"):
        runner.run(url, export(contact=[NEL | {"firstname": name}]))
    assert suggested(url, "first_name") == [("Nella", "superseded"), ("Petronella", "superseded")]
    do(url, "UPDATE suggested_change SET decided_at = now(), decision = CASE WHEN theirs = '\"Nella\"' THEN 'rejected'"
            " ELSE 'superseded' END")  # fmt: skip
    for name in ("Nella", "Petronella"):
        later = export(contact=[NEL | {"firstname": name}])
        runner.run(url, later)
        assert runner.run(url, later).rows_written == 0
    assert suggested(url, "first_name") == [("Nella", "rejected"), ("Petronella", "open")]


def test_what_a_new_or_a_missing_record_says_of_somebody_known_is_suggested(url: str, export: Export) -> None:
    row = {"patientid": guid(3), "firstname": "Bob", "lastname": "Nooteboom", "email": "nel@example.org",
           "contact_record": guid(2), "initial_consult_date": "2024-02-02"}  # fmt: skip
    robert = NEL | {"firstname": "Robert"}
    first = row | {"patientid": guid(4), "initial_consult_date": "2024-01-01", "firstname": "Robert"}
    runner.run(url, export(contact=[robert], patient=[first]))
    runner.run(url, export(contact=[robert], patient=[first, row | {"versionnumber": "99"}]))
    assert suggested(url, "first_name") == [("Bob", "open")]
    runner.run(url, export(contact=[robert], patient=[row | {"versionnumber": "99"}]))
    assert suggested(url, "initial_consult_date") == [("2024-02-02", "open")]


def test_a_suggestion_is_settled_where_the_old_system_goes_back_to_our_value(url: str, export: Export) -> None:
    open_ones = "SELECT array_agg(theirs #>> '{}' ORDER BY 1) FROM suggested_change WHERE field = 'last_name' AND decision = 'open'"
    runner.run(url, export(contact=[NEL]))
    runner.run(url, export(contact=[NEL | {"lastname": "Noordeloos"}]))
    assert one(url, open_ones) == ["Noordeloos"]
    before = checksum(url)

    done = runner.run(url, export(contact=[NEL]))

    assert one(url, open_ones) is None
    assert one(url, "SELECT decision FROM suggested_change WHERE field = 'last_name'") == "superseded"
    assert one(url, "SELECT target || field FROM legacy.notice WHERE code = 'SUGGESTION_SETTLED'") == "personlast_name"
    assert (done.rows_written, runner.run(url, export(contact=[NEL])).rows_written) == (1, 0)
    # An undo opens it again, and what is said anew is suggested again.
    undo(url)
    assert (one(url, open_ones), checksum(url)) == (["Noordeloos"], before)
    runner.run(url, export(contact=[NEL | {"lastname": "Nijhof"}]))
    assert one(url, open_ones) == ["Nijhof"]
    runner.run(url, export(contact=[NEL | {"lastname": "Noordeloos"}]))
    assert one(url, open_ones) == ["Noordeloos"]
    for _ in range(4):
        undo(url)
    assert one(url, "SELECT count(*) FROM suggested_change") == 0


def test_what_another_record_of_a_person_still_says_stays_a_suggestion(url: str, export: Export) -> None:
    waits = "SELECT theirs #>> '{}' FROM suggested_change WHERE field = 'last_name' AND decision = 'open'"
    other = NEL | {"contactid": guid(3), "lastname": "Nootebom"}
    runner.run(url, export(contact=[NEL, other]))
    assert one(url, waits) == "Nootebom"
    runner.run(url, export(contact=[NEL | {"lastname": "Nootebom"}, other]))
    runner.run(url, export(contact=[NEL, other]))
    assert one(url, waits) == "Nootebom"


def test_every_key_that_a_later_export_may_suggest_is_told_by_a_name() -> None:
    fields = {column for compared in changes._COMPARED for column in compared.columns}
    fields |= {column for _, _, column in suggestions._FIELDS}
    told = {key.name for table in tables_that_say("called") for key in table.primary_key.columns}
    assert {name for name in fields if name.endswith("_id")} == told
