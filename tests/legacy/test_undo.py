"""Taking a run back where people have worked on it since: what is told, and what can be done."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from app.commands import legacy_status as legacy
from app.legacy import runner
from app.legacy.errors import WorkedOn
from app.legacy.undo import undo
from app.people.search import rows as search
from app.platform.db import Database, create_engine
from app.platform.embedded import Cluster
from app.platform.settings import Settings
from tests.legacy.exports import guid, write_export

MIA = {"contactid": guid(2), "firstname": "Mia", "lastname": "Mulder", "emailaddress1": "mia@example.org",
       "booking_date": "2024-01-01T10:00:00Z"}  # fmt: skip
ROW = {"patientid": guid(3), "firstname": "Mia", "lastname": "Mulder", "email": "mia@example.org",
       "contact_record": guid(2), "trial_id": "NCT99000001"}  # fmt: skip
NEL = {"contactid": guid(4), "firstname": "Nel", "lastname": "Nooteboom", "emailaddress1": "nel@example.org"}


def one(url: str, query: str, *values: Any) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(query, values).fetchone()
    return row[0] if row else None


def do(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def people(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT last_name FROM person ORDER BY 1")]


@pytest.fixture
def edited(url: str, tmp_path: Path) -> Path:
    """An export that was migrated; then people have worked on Mia."""
    folder = write_export(tmp_path / "first", contact=[MIA, NEL], patient=[ROW])
    runner.run(url, folder)
    do(url, "UPDATE person SET preferred_name = 'Mi', country = 'BE' WHERE first_name = 'Mia'")
    do(
        url,
        "UPDATE patient SET status_reason = 'x' WHERE person_id = (SELECT person_id FROM person WHERE first_name = 'Mia')",
    )
    do(url, "INSERT INTO call_history (person_id, patient_id, call_date, status) SELECT person_id, patient_id, now(), 'completed'"
            " FROM patient JOIN person USING (person_id) WHERE first_name = 'Mia'")  # fmt: skip
    return folder


def test_a_refused_undo_names_people_and_fields_and_what_can_be_done(url: str, edited: Path) -> None:
    reference = one(url, "SELECT reference FROM person WHERE first_name = 'Mia'")
    with pytest.raises(WorkedOn) as refused:
        undo(url)
    told = str(refused.value)
    assert f"Mia Mulder ({reference}), person: country, preferred_name edited" in told
    assert f"Mia Mulder ({reference}), patient: status_reason edited" in told
    assert f"Mia Mulder ({reference}), patient: has a row in call_history" in told
    assert "crm legacy undo --rest" in told
    assert not any(str(key) in told for _, key, _ in refused.value.records)
    # Names of people were shown: it is on record.
    assert one(url, "SELECT purpose FROM audit_event WHERE action = 'undo_legacy_run' AND outcome = 'refused'")


def test_the_rest_is_taken_back_and_who_was_worked_on_stays_whole(
    url: str, edited: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_DATABASE_URL", url)
    before = {
        table: one(url, f"SELECT count(*) FROM {table} WHERE person_id = (SELECT person_id FROM person WHERE first_name = 'Mia')")
        for table in ("patient_lead", "patient", "call_history", "person_contact_type")
    }  # fmt: skip
    assert before["call_history"] == 2
    result = CliRunner().invoke(legacy.commands, ["undo", "--rest"])
    assert result.exit_code == 0, result.output
    assert people(url) == ["Mulder"]
    assert one(url, "SELECT count(*) FROM clinical_trial_journey") == 1
    for table, count in before.items():
        assert one(url, f"SELECT count(*) FROM {table}") == count, table
    # A later run finds who was kept, and does not enter them again.
    assert runner.run(url, edited).finished
    assert people(url).count("Mulder") == 1
    assert one(url, "SELECT count(*) FROM patient JOIN person USING (person_id) WHERE first_name = 'Mia'") == 1
    assert one(url, "SELECT count(*) FROM call_history JOIN person USING (person_id) WHERE first_name = 'Mia'") == 2
    assert one(url, "SELECT preferred_name FROM person WHERE first_name = 'Mia'") == "Mi"
    assert "Nooteboom" in people(url)
    assert runner.run(url, edited).rows_written == 0
    undo(url)
    assert people(url) == ["Mulder"]


def test_the_rest_is_of_a_whole_run(url: str, edited: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_DATABASE_URL", url)
    assert CliRunner().invoke(legacy.commands, ["undo", "--rest", "--to", "3"]).exit_code == 2


async def test_what_a_search_and_the_list_know_of_those_who_go_is_not_made_anew(
    url: str, cluster: Cluster, tmp_path: Path
) -> None:
    first = write_export(tmp_path / "first", contact=[MIA, NEL], patient=[ROW])
    later = write_export(
        tmp_path / "later", contact=[MIA, NEL | {"mobilephone": "+31612345678", "emailaddress1": "n@example.org"}],
        patient=[ROW],
    )  # fmt: skip
    runner.run(url, first)
    database = Database(create_engine(Settings.model_validate({"database_url": url}), url))
    await search.fill(database)
    await database.close()
    runner.run(url, later)
    owner_of = cluster.url(str(conninfo_to_dict(url)["dbname"]))
    with psycopg.connect(owner_of, autocommit=True) as owner:
        owner.execute("CREATE TABLE made_anew AS SELECT 'person_search' AS of_table, person_id FROM person LIMIT 0")
        owner.execute(
            "CREATE FUNCTION note_anew() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO made_anew"
            " SELECT TG_TABLE_NAME, (to_jsonb(NEW) ->> TG_ARGV[0])::uuid; RETURN NULL; END $$"
        )
        for table, key in (("person_search", "person_id"), ("patient_order", "patient_id")):
            owner.execute(
                f"CREATE TRIGGER anew AFTER INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION note_anew('{key}')"
            )
    nel = one(url, "SELECT person_id FROM person WHERE first_name = 'Nel'")
    marks = "SELECT 'en@exampl' = ANY (marks) FROM person_search WHERE person_id = %s"

    # A row that stays is made anew, so that nobody is found by what is gone.
    assert one(url, marks, nel) is True
    undo(url)
    assert one(url, marks, nel) is False
    assert one(owner_of, "SELECT array_agg(of_table || person_id) FROM made_anew") == [f"person_search{nel}"]

    with psycopg.connect(owner_of, autocommit=True) as owner:
        owner.execute("TRUNCATE made_anew")
    undo(url)
    assert people(url) == []
    assert one(owner_of, "SELECT count(*) FROM made_anew") == 0
    assert one(url, "SELECT count(*) FROM person_search") == 0
    assert one(url, "SELECT count(*) FROM patient_order") == 0
