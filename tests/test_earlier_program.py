"""
The program of before goes on beside the one that has moved the schema (docs/CHANGING.md, "A revision").

Two ways of looking: what the columns of then and of now are, which needs nothing but the revisions, and the program of
then itself on the schema of now, which is taken from git where there is its history.
"""

import asyncio
import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import make_url

from app.commands.preparing import move_to_head
from app.main import create_app
from app.models import metadata
from app.platform import grants, schema
from app.platform.db import Database, create_engine
from app.platform.embedded import Cluster
from app.platform.errors import Conflict
from app.platform.newest_revision import head_revision
from app.platform.settings import Settings
from tests.conftest import passable_folder
from tests.serving import environment, free_port

ROOT = Path(__file__).parent.parent
SCRIPTS = ScriptDirectory.from_config(schema._config())
SERVED = schema.served_revisions(SCRIPTS, head_revision())
"""The revisions whose programs the newest schema serves, the newest first."""

FIRST_THAT_ASKS = "0073_served_programs"
"""The programs before it are ready on no schema but their own."""

FILLED_SINCE = dict.fromkeys(
    (
        "condition_synonym.name_key", "eap_journey.eap_number_key", "eap_journey.number_scope", "eap_program.name_key",
        "hospital.city_key", "hospital.name_key", "medical_condition.name_key", "specialization.name_key",
    ),
    "0070_pairs_list",
)  # fmt: skip
"""Columns that came empty and are refused empty today: the revision whose program fills them in every row."""
NOT_USED_SINCE: dict[str, str] = {}
"""Columns and functions that are gone, or are to go: the revision whose program has left them alone."""

COLUMNS = """
    SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod),
           a.attnotnull AND d.adbin IS NULL AND a.attidentity = '' AS is_required
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0
      AND NOT a.attisdropped AND c.relname !~ '^(audit_event_|alembic_)'
    UNION ALL
    SELECT p.oid::regprocedure::text, pg_get_function_result(p.oid), false FROM pg_proc AS p
    WHERE p.pronamespace = 'public'::regnamespace
"""
Catalogue = dict[str, tuple[str, bool]]


def _catalogue(url: str) -> Catalogue:
    with psycopg.connect(url) as connection:
        return {name: (kind, required) for name, kind, required in connection.execute(COLUMNS)}


def _moved(url: str, revision: str) -> Catalogue:
    """As the revisions alone make it: the models of today refuse more than those of then."""
    engine = schema.sync_engine(url)
    with engine.connect() as connection:
        command.upgrade(schema._config(connection), revision)
    engine.dispose()
    return _catalogue(url)


def _in_the_way(
    then: Catalogue, now: Catalogue, since: dict[str, str], left: dict[str, str], revision: str
) -> list[str]:
    """What of the schema of now the program of `revision`, whose schema was `then`, stumbles over."""
    known = {script.revision for script in SCRIPTS.walk_revisions(head=revision)}
    tables = {name.partition(".")[0] for name in then}
    faults = [
        f"{name} is {'gone' if name not in now else 'of another type'}"
        for name, (kind, _) in then.items()
        if left.get(name) not in known and now.get(name, ("", False))[0] != kind
    ]
    return faults + [
        f"{name} is refused empty"
        for name, (_, is_required) in now.items()
        if is_required and not then.get(name, ("", False))[1] and name.partition(".")[0] in tables
        and since.get(name) not in known
    ]  # fmt: skip


def test_no_program_that_is_served_misses_a_column_or_is_refused_a_row(cluster: Cluster) -> None:
    name = f"earlier_{os.getpid()}"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = cluster.url(name)
    then = {revision: _moved(url, revision) for revision in reversed(SERVED)}
    schema.upgrade(url)
    now = _catalogue(url)
    assert {
        one: faults for one in SERVED if (faults := _in_the_way(then[one], now, FILLED_SINCE, NOT_USED_SINCE, one))
    } == {}


THEN: Catalogue = {"person.city": ("text", False), "person.name": ("text", True), "marks(text)": ("text", False)}


@pytest.mark.parametrize(
    ("now", "faults"),
    [
        ({"person.more": ("text", False), "other.key": ("text", True)}, []),
        ({"person.more": ("text", True)}, ["person.more is refused empty"]),
        ({"person.city": ("text", True)}, ["person.city is refused empty"]),
        ({"person.city": None}, ["person.city is gone"]),
        ({"person.city": ("integer", False)}, ["person.city is of another type"]),
        ({"marks(text)": None}, ["marks(text) is gone"]),
    ],
)
def test_what_is_in_the_way_of_an_earlier_program_is_named(now: dict[str, Any], faults: list[str]) -> None:
    schema_of_now = {name: kind for name, kind in (THEN | now).items() if kind is not None}
    assert _in_the_way(THEN, schema_of_now, {}, {}, "0070_pairs_list") == faults
    names = dict.fromkeys((*THEN, *now), "0070_pairs_list")
    assert _in_the_way(THEN, schema_of_now, names, names, "0069_documents_list") == faults
    assert _in_the_way(THEN, schema_of_now, names, names, "0070_pairs_list") == []


@pytest.fixture
def newer(another_database: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    """A database that a program newer than this one has moved: its address for the owner."""
    url = another_database(f"newer_{os.getpid()}_{abs(hash(request.node.name)) % 10**8}")
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_newer'")
        connection.execute("INSERT INTO served_program VALUES ('9999_newer')")
        connection.execute("CREATE TABLE newer (newer_id uuid PRIMARY KEY)")
        connection.execute("ALTER TABLE patient ADD COLUMN newer text")
    return url


async def _ready(settings: Settings, url: str) -> tuple[int, str]:
    database = Database(create_engine(settings, url))
    transport = httpx.ASGITransport(app=create_app(settings, database))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/health/ready")
    await database.close()
    return answer.status_code, answer.json()["checks"]["revision"]


async def test_a_program_goes_on_and_starts_again_on_a_newer_schema_that_serves_it(
    newer: str, settings: Settings, cluster: Cluster
) -> None:
    schema.refuse_other_revision(newer, metadata)
    await asyncio.to_thread(move_to_head, settings, newer)
    administrator = cluster.url(str(make_url(newer).database), role="postgres")
    await asyncio.to_thread(grants.set_up, administrator, metadata, logins=[])
    assert await _ready(settings, newer) == (200, "newer")
    assert _all(newer, "SELECT version_num FROM alembic_version") == [("9999_newer",)]
    assert ("9999_newer",) in _all(newer, "SELECT revision FROM served_program")


async def test_a_program_that_a_newer_schema_has_ended_is_refused(newer: str, settings: Settings) -> None:
    with psycopg.connect(newer) as connection:
        connection.execute("DELETE FROM served_program WHERE revision <> '9999_newer'")
    for refused, code in (
        (lambda: schema.refuse_other_revision(newer, metadata), "schema_not_ready"),
        (lambda: schema.upgrade(newer), "unknown_revision"),
    ):
        with pytest.raises(Conflict) as found:
            await asyncio.to_thread(refused)
        assert found.value.error_code == code
    assert await _ready(settings, newer) == (503, "differs")


def test_an_older_schema_serves_nobody(another_database: Callable[[str], str]) -> None:
    url = another_database(f"older_{os.getpid()}")
    schema.downgrade(url, "-1")
    with pytest.raises(Conflict) as refused:
        schema.refuse_other_revision(url, metadata)
    assert refused.value.error_code == "schema_not_ready"


def test_a_schema_says_whom_it_serves(another_database: Callable[[str], str]) -> None:
    url = another_database(f"serves_{os.getpid()}")
    assert {one for (one,) in _all(url, "SELECT revision FROM served_program")} == set(SERVED)


@pytest.mark.parametrize(
    ("earliest", "served"),
    [({}, "cba"), ({"c": "c"}, "c"), ({"c": "b"}, "cb"), ({"b": "b", "c": "a"}, "cb"), ({"a": "a"}, "cba")],
)
def test_a_revision_ends_the_programs_before_its_earliest(
    tmp_path: Path, earliest: dict[str, str], served: str
) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").touch()
    for name, before in (("a", None), ("b", "a"), ("c", "b")):
        says = f"earliest_program = {earliest[name]!r}" if name in earliest else ""
        (tmp_path / "versions" / f"{name}.py").write_text(f"revision = {name!r}\ndown_revision = {before!r}\n{says}\n")
    assert schema.served_revisions(ScriptDirectory(tmp_path), "c") == list(served)


def _all(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def _git(*arguments: str | Path) -> bytes:
    """What git says of the project; the test is skipped where it says nothing."""
    try:
        return subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(
            f"the program of before is not to be had: {getattr(error, 'stderr', b'').decode() or error}".strip()
        )


def _program_of(revision: str, folder: Path) -> str:
    """
    The last program whose newest revision was this one, unpacked into the folder: its commit.

    Skipped where there is no history: in an unpacked archive, or a clone that was cut off (`git fetch --unshallow`).
    """
    following = next(script for script in SCRIPTS.walk_revisions() if script.down_revision == revision)
    name = Path(following.path).relative_to(ROOT)
    added = _git("log", "--diff-filter=A", "--format=%H", "--", name).decode().split()
    before = _git("rev-parse", "--verify", f"{added[-1]}^" if added else "HEAD").decode().strip()
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", before, "app"))) as packed:
        packed.extractall(folder, filter="data")
    # Made by the installation, and no part of the history.
    (folder / "app/web/static/vendor").symlink_to(ROOT / "app/web/static/vendor")
    return before


@contextmanager
def _serving(program: Path, folder: Path, url: str, key: str | None = None) -> Iterator[httpx.Client]:
    """That program as a process of its own, and a client of it with a navigator's key, which it makes unless told."""
    folder.mkdir()
    port = free_port()
    env = environment(CRM_DATABASE_URL=url, CRM_DATA_DIR=str(folder), PORT=str(port), PYTHONPATH=str(program))
    crm = [sys.executable, "-c", "from app.cli import main; main()"]
    if key is None:
        made = [*crm, "api-key", "create", "--role", "navigator", "--name", "Beside"]
        ran = subprocess.run(made, cwd=program, env=env, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        key = ran.stdout.strip()
    log = folder / "log"
    with log.open("wb") as out:
        server = subprocess.Popen([*crm, "serve"], cwd=program, env=env, stdout=out, stderr=out)
    try:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
            while not _answers(client):
                assert server.poll() is None, log.read_text()
                time.sleep(0.2)
            yield client
    finally:
        server.terminate()
        server.wait(30)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def _works(client: httpx.Client, number: int) -> str:
    """A patient is made, found, read and changed, a call is booked, moved on and listed: the patient's id."""

    def ask(method: str, address: str, **more: Any) -> Any:
        answer = client.request(method, f"/api/v1{address}", **more)
        if answer.status_code == 503:
            # A statement that was prepared before the schema moved: told to come again, which is no fault.
            answer = client.request(method, f"/api/v1{address}", **more)
        assert answer.status_code in {200, 201}, f"{method} {address}: {answer.text}"
        return answer.json()

    condition = ask("GET", "/medical-conditions")["items"][0]["medical_condition_id"]
    person = {"first_name": "Mia", "last_name": f"Bos{number}", "email": f"mia{number}@beside.example"}
    patient = ask("POST", "/patients", json={"person": person, "medical_condition_id": condition})["patient_id"]
    when = {"booking_date": "2030-12-01T10:00:00+01:00", "booking_time_zone": "Europe/Amsterdam"}
    call = ask("POST", "/call-history", json={"patient_id": patient, **when})["call_id"]
    ask("PUT", f"/call-history/{call}", json={"notes": "Asked about the trial."})
    ask("PUT", f"/patients/{patient}", json={"first_contact_date": "2026-01-05"})
    assert call in {one["call_id"] for one in ask("GET", f"/patients/{patient}/calls")["items"]}
    for address in ("/persons", "/leads", "/call-history", "/patients?q=bos"):
        ask("GET", address)
    assert patient in {one["patient_id"] for one in ask("GET", "/patients")["items"]}
    return str(patient)


TRIED = tuple(dict.fromkeys((*SERVED[1:2], SERVED[-1])))
"""The program of the revision before, and the earliest one that is served."""


@pytest.mark.parametrize("revision", TRIED)
def test_the_program_of_before_works_beside_the_new_one(
    revision: str, another_database: Callable[[str], str], settings: Settings
) -> None:
    """It is begun on its own schema, which is then moved under it."""
    if revision == head_revision():
        pytest.skip("no program of before is served: the newest revision says so")
    url = another_database(f"beside_{os.getpid()}_{revision}")
    schema.downgrade(url, revision)
    with passable_folder() as folder:
        program = folder / "program"
        _program_of(revision, program)
        with _serving(program, folder / "before", url) as before:
            _works(before, 1)
            move_to_head(settings, url)
            made = [_works(before, 2)]
            key = before.headers["Authorization"].partition(" ")[2]
            with _serving(ROOT, folder / "now", url, key) as now:
                made += [_works(now, 3), _works(before, 4), _works(now, 5)]
                for client in (before, now):
                    for patient in made:
                        assert client.get(f"/api/v1/patients/{patient}").status_code == 200
            if FIRST_THAT_ASKS in {script.revision for script in SCRIPTS.walk_revisions(head=revision)}:
                assert before.get("/health/ready").json()["checks"]["revision"] == "newer"
