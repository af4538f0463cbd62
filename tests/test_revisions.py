"""Revisions of a database with people in it: no row is rewritten or locked, and keys are filled afterwards."""

import ast
import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app import earlier_rows
from app.commands.preparing import move_to_head
from app.models import metadata
from app.people.alike import alike_keys
from app.people.names import Name
from app.people.references import read_reference
from app.platform import schema
from app.platform.db import Base, Database, create_engine
from app.platform.doubles import Keyed
from app.platform.errors import Conflict
from app.platform.newest_revision import REVISIONS
from app.platform.settings import Settings
from app.worker import make_worker
from tests.serving import environment
from tests.test_schema import CATALOGUE

ROOT = Path(__file__).parent.parent
FILES = sorted((REVISIONS / "versions").glob("*.py"))
BEFORE = "0015_create_apart"
PEOPLE = (("Þórdís", "O'Brien"), ("Bob", "de Vries"), ("Jan", "Bos"), ("!", "!"), ("伟", "王"), ("Anne-Marie", "Smit"))
LARGE = (
    "person", "contact_point", "patient", "patient_lead", "call_history", "intake_submission", "row_history",
    "journey_event", "audit_event",
)  # fmt: skip
"""Tables that have a row and more for each person."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_revision_imports_code_that_changes(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            imported.add(ast.literal_eval(node.args[0]))
    of_ours = {name for name in imported if name.partition(".")[0] == "app"}
    assert {name for name in of_ours if not name.startswith("app.revisions.versions.")} == set()


@pytest.fixture
def earlier(another_database: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    """A database of an early revision in which people are: its address."""
    url = another_database(f"revisions_{os.getpid()}_{abs(hash(request.node.name)) % 10**8}")
    schema.downgrade(url, BEFORE)
    with _begun(url) as connection:
        condition = connection.execute(sa.text("SELECT medical_condition_id FROM medical_condition LIMIT 1")).scalar()
        for first, last in PEOPLE:
            person = connection.execute(
                sa.text(
                    "INSERT INTO person (first_name, last_name, name_key, date_of_birth)"
                    " VALUES (:first, :last, '', '1967-03-14') RETURNING person_id"
                ),
                {"first": first, "last": last},
            ).scalar_one()
            of_person = {"person": person, "condition": condition}
            for made in (
                (
                    "INSERT INTO patient_lead (person_id, medical_condition_id, status, source)"
                    " VALUES (:person, :condition, 'new', 'phone')"
                ),
                "INSERT INTO patient (person_id, medical_condition_id) VALUES (:person, :condition)",
                "INSERT INTO physician (person_id, medical_license_number) VALUES (:person, 'BIG 1-2')",
            ):
                connection.execute(sa.text(made), of_person)
        for email, key in (("Weiß+a@example.org", "weiss@example.org"), ("weiß@EXAMPLE.org", "weiß@x")):
            connection.execute(
                sa.text(
                    "INSERT INTO user_account (kind, display_name, email, email_key)"
                    " VALUES ('human', 'A', :email, :key)"
                ),
                {"email": email, "key": key},
            )
    return url


@contextmanager
def _begun(url: str) -> Iterator[sa.Connection]:
    engine = schema.sync_engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def _all(url: str, query: str) -> list[tuple[Any, ...]]:
    with _begun(url) as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def _filled(settings: Settings, url: str) -> int:
    async def fill() -> int:
        database = Database(create_engine(settings, url))
        try:
            return await earlier_rows.fill(database)
        finally:
            await database.close()

    return asyncio.run(fill())


def _versions(url: str) -> dict[str, Any]:
    """Where the rows of people lie, and who wrote them."""
    tables = ("person", "patient_lead", "patient", "physician")
    places = {name: _all(url, f"SELECT ctid::text, xmin::text FROM {name} ORDER BY 1") for name in tables}
    return {
        **places,
        "files": _all(url, f"SELECT pg_relation_filenode(n) FROM unnest('{{{','.join(tables)}}}'::regclass[]) AS n"),
    }


def test_every_key_of_a_row_is_filled() -> None:
    keyed = {
        mapper.class_: tuple(mapper.class_.keys) for mapper in Base.registry.mappers if issubclass(mapper.class_, Keyed)
    }
    assert {one.model: one.keys for one in earlier_rows.FILLS if one.model in keyed} == keyed
    without_version = (ROOT / "schema.sql").read_text().partition("keys text[] := ")[2].partition(";")[0]
    columns = {column for one in earlier_rows.FILLS for column in one.keys}
    assert columns | {"is_double"} == set(re.findall(r"'(\w+)'", without_version))


STARTERS = """
import os, sys
from app import cli
from app.commands import db

def start():
    sys.argv = ["crm", "db", "upgrade"]
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)

started = []
for _ in range(10):
    process = os.fork()
    if not process:
        os._exit(start())
    started.append(process)
print([os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in started])
"""
"""They are forked: importing the program ten times would take longer than all that they do."""


def test_ten_starters_move_the_schema_one_after_the_other(earlier: str, tmp_path: Path) -> None:
    """One does it, with the keys and the searched words; the others wait, find it done and go on."""
    env = environment(CRM_DATABASE_URL=earlier, CRM_DATA_DIR=str(tmp_path))
    started = subprocess.run(
        [sys.executable, "-c", STARTERS], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert (started.stdout.strip(), started.returncode) == (str([0] * 10), 0), started.stderr
    assert started.stderr.count("The schema is at head") == 10

    schema.refuse_other_revision(earlier, metadata)
    assert _all(earlier, "SELECT count(*) FROM person_search") == [(len(PEOPLE),)]
    assert _all(earlier, "SELECT count(*) FROM person WHERE reference IS NULL") == [(0,)]
    assert _all(earlier, "SELECT DISTINCT version FROM person") == [(1,)]


def test_no_revision_rewrites_or_locks_people(earlier: str) -> None:
    before, sent = _versions(earlier), []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        schema.upgrade(earlier)
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    assert _versions(earlier) == before
    on = rf"(?:{'|'.join(LARGE)})\b"
    since = next(
        place for place, statement in enumerate(sent) if "0026_rights" in statement or "family_key" in statement
    )
    locking = [
        statement
        for statement in sent[since:]
        if re.match(rf"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY).* ON {on}", statement)
        or (
            re.match(rf"ALTER TABLE {on} ADD CONSTRAINT .*(CHECK|UNIQUE \()", statement)
            and "NOT VALID" not in statement
        )
        or re.match(rf"UPDATE {on}", statement)
    ]
    assert locking == []


def test_patients_are_changed_while_those_who_are_here_get_their_places(earlier: str) -> None:
    changed = []

    def change(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if re.search(r"(SELECT|PERFORM) order_patients", statement) and "FUNCTION" not in statement:
            with _begun(earlier) as another:
                another.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
                changed.append(another.execute(sa.text("UPDATE patient SET status_reason = 'x'")).rowcount)

    event.listen(Engine, "before_cursor_execute", change)
    try:
        schema.upgrade(earlier)
    finally:
        event.remove(Engine, "before_cursor_execute", change)

    # Once for their places, and once more for the last contact, of which less counts.
    assert changed == [len(PEOPLE)] * 2
    assert _all(earlier, "SELECT count(*) FROM patient_order") == [(len(PEOPLE),)]


def test_keys_of_earlier_rows_are_filled_without_a_version(earlier: str, settings: Settings) -> None:
    schema.upgrade(earlier)
    assert schema.lacking(earlier, metadata)

    move_to_head(settings, earlier)

    assert schema.lacking(earlier, metadata) == []
    people = _all(earlier, "SELECT first_name, last_name, family_key, given_key, reference, version FROM person")
    assert {(first, last): (family, given) for first, last, family, given, *_ in people} == {
        name: tuple(alike_keys(Name(*name))) for name in PEOPLE
    }
    references = {reference for *_, reference, _ in people}
    assert len(references) == len(PEOPLE)
    assert all(read_reference(reference) == reference and reference[0] == "P" for reference in references)
    assert {version for *_, version in people} == {1}
    leads = _all(earlier, "SELECT reference, version FROM patient_lead")
    assert {(reference[:2], version) for reference, version in leads} == {("L-", 1)}
    assert _all(earlier, "SELECT DISTINCT licence_key, version FROM physician") == [("BIG12", 1)]
    accounts = _all(earlier, "SELECT email_key FROM user_account WHERE email IS NOT NULL ORDER BY user_account_id")
    assert accounts == [("weiß@example.org",), ("weiß@x",)]
    assert _all(earlier, "SELECT count(*) FROM row_history WHERE table_name <> 'user_account'") == [(0,)]
    assert _filled(settings, earlier) == 0


def test_a_database_that_was_filled_is_as_one_that_was_made_anew(
    earlier: str, settings: Settings, another_database: Callable[[str], str]
) -> None:
    move_to_head(settings, earlier)
    anew = another_database(f"revisions_{os.getpid()}_anew")
    for query in CATALOGUE.values():
        assert set(_all(earlier, query)) ^ set(_all(anew, query)) == set()


KILLED = """
import asyncio, os, signal, sys
from app import earlier_rows
from app.commands.preparing import move_to_head
from app.platform.settings import Settings

earlier_rows._BATCH = 1
batches, fill_batch = 0, earlier_rows._fill_batch

async def counted(*given, **named):
    global batches
    batches += 1
    if batches == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return await fill_batch(*given, **named)

earlier_rows._fill_batch = counted
move_to_head(Settings.model_validate({"database_url": sys.argv[1]}), sys.argv[1])
"""


def test_a_killed_upgrade_keeps_its_batches_and_the_next_goes_on(earlier: str, settings: Settings) -> None:
    keyed = "SELECT count(*) FILTER (WHERE reference IS NOT NULL), count(*) FROM person"
    for batch in (4, 5):
        killed = subprocess.run([sys.executable, "-c", KILLED, earlier, str(batch)], cwd=ROOT, check=False)
        assert killed.returncode == -signal.SIGKILL
    assert _all(earlier, keyed) == [(4, len(PEOPLE))]
    kept = set(_all(earlier, "SELECT reference FROM person WHERE reference IS NOT NULL"))

    with pytest.raises(Conflict) as refused:
        schema.refuse_other_revision(earlier, metadata)
    assert refused.value.error_code == "schema_not_ready"
    move_to_head(settings, earlier)

    assert _all(earlier, keyed) == [(len(PEOPLE), len(PEOPLE))]
    assert kept < set(_all(earlier, "SELECT reference FROM person"))
    schema.refuse_other_revision(earlier, metadata)


def test_a_row_that_waits_for_its_key_can_be_changed(earlier: str, settings: Settings) -> None:
    schema.upgrade(earlier)
    with _begun(earlier) as connection:
        connection.execute(sa.text("UPDATE person SET language = 'nl'"))
        connection.execute(sa.text("UPDATE physician SET job_title = 'X'"))
    _filled(settings, earlier)
    assert set(_all(earlier, "SELECT version FROM person WHERE reference IS NOT NULL")) == {(2,)}


async def test_the_worker_fills_what_is_left(
    committed_database: Database, committed_url: str, committed_owner_url: str, settings: Settings
) -> None:
    with _begun(committed_owner_url) as connection:
        connection.execute(sa.text("INSERT INTO person (first_name, last_name) VALUES ('Late', 'Comer')"))
    jobs = make_worker(settings, committed_database, committed_url)
    async with jobs.open_async():
        await jobs.configure_task("keep_search").defer_async(timestamp=0)
        await jobs.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="successful")

    found = _all(committed_owner_url, "SELECT family_key, given_key FROM person WHERE first_name = 'Late'")
    assert found == [tuple(alike_keys(Name("Late", "Comer")))]


@pytest.mark.parametrize(
    "change", ["first_name = 'Other'", "reference = new_reference('P')", "first_name = 'Other', family_key = 'x'"]
)
def test_nothing_but_a_key_is_changed_without_a_version(committed_owner_url: str, change: str) -> None:
    with _begun(committed_owner_url) as connection:
        made = "INSERT INTO person (first_name) VALUES ('A') RETURNING person_id"
        person = {"id": connection.execute(sa.text(made)).scalar_one()}
        connection.execute(sa.text("SET LOCAL crm.fills_keys = 'on'"))
        connection.execute(sa.text(f"UPDATE person SET {change} WHERE person_id = :id"), person)
        found = connection.execute(sa.text("SELECT version FROM person WHERE person_id = :id"), person).scalar_one()
        assert found == 2
        connection.rollback()
