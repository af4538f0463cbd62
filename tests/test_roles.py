"""
The three roles of the database: what they may not do is tried, on every kind of database that `crm db roles` sets up.

That the application may do what it needs is shown by all other tests: they log in as it does.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import yaml  # type: ignore[import-untyped]  # it comes with the fuzzing, without stubs

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.cli import main
from app.commands.preparing import prepared
from app.main import create_app
from app.models import metadata
from app.platform import grants, schema
from app.platform.db import Database, Rows, create_engine
from app.platform.embedded import Cluster, find_binaries, running
from app.platform.errors import Conflict
from app.platform.roles import APPLICATION, OPERATOR, OWNER, ROLES
from app.platform.settings import Settings
from app.worker import make_worker
from tests.conftest import passable_folder
from tests.serving import CRM, environment, free_port

ROOT = Path(__file__).parent.parent
KINDS = ("new", "schema.sql", "existing")
Refused = psycopg.errors.InsufficientPrivilege

WITH_THE_TRAIL = (
    "ALTER TABLE audit_event DISABLE TRIGGER ALL",
    "ALTER TABLE audit_event DISABLE TRIGGER refuse_change",
    "ALTER TABLE audit_event DETACH PARTITION {month}",
    "DROP TABLE {month}",
    "DROP TABLE audit_event CASCADE",
    "DROP TRIGGER refuse_change ON audit_event",
    "TRUNCATE audit_event",
    "TRUNCATE {month}",
    "DELETE FROM audit_event",
    "DELETE FROM {month}",
    "UPDATE audit_event SET action = 'nothing'",
    "UPDATE {month} SET action = 'nothing'",
    "INSERT INTO {month} (action, outcome) VALUES ('nothing', 'done')",
    "BEGIN; LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE",
    "DELETE FROM row_history",
    "UPDATE row_history SET version = 0",
    "CREATE TRIGGER mine BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE RULE mine AS ON INSERT TO audit_event DO INSTEAD NOTHING",
)
WITH_RECORDS = (
    "DELETE FROM call_history",
    "DELETE FROM person",
    "DELETE FROM user_account",
    "DELETE FROM role_grant",
    "DELETE FROM access_opening",
    "TRUNCATE call_history",
    "ALTER TABLE person DISABLE TRIGGER keep_history",
    "DELETE FROM journey_event",
    "DELETE FROM intake_submission",
    "UPDATE intake_submission SET person_id = NULL",
    "SET crm.insert_only_exception = 'on'; DELETE FROM intake_submission",
    "SET crm.insert_only_exception = 'on'; UPDATE journey_event SET reason = ''",
)
WITH_THE_SCHEMA = (
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
    "ALTER FUNCTION keep_history() SET search_path = other",
    "DROP FUNCTION undo_legacy_run(integer, integer)",
    "CREATE TABLE mine (x int)",
    "CREATE TEMPORARY TABLE row_history (x int)",
    "DROP INDEX ix_audit_event_purpose",
    "INSERT INTO index_set_aside VALUES ('person', 'x', 1, false, 'DROP TABLE audit_event')",
    "UPDATE alembic_version SET version_num = 'mine'",
    "SET ROLE crm_owner",
    "SET SESSION AUTHORIZATION crm_owner",
    "SET session_replication_role = replica",
    "ALTER ROLE {role} SUPERUSER",
    "COPY person TO PROGRAM 'cat'",
)
OF_THE_OPERATOR = (
    "SELECT undo_legacy_run(1, 1)",
    "SELECT keep_legacy_rows_worked_on(1)",
    "SELECT take_indexes_away('person')",
    "SELECT build_index('person', 'ix')",
    "SET ROLE crm_operator",
    "CREATE SCHEMA mine",
)
FORBIDDEN = {
    APPLICATION: (*WITH_THE_TRAIL, *WITH_RECORDS, *WITH_THE_SCHEMA, *OF_THE_OPERATOR),
    OPERATOR: (*WITH_THE_TRAIL, *WITH_RECORDS, *WITH_THE_SCHEMA, "SELECT take_indexes_away('audit_event')"),
}


def _tell(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _ask(url: str, query: str) -> Any:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def _crm(*arguments: str, env: dict[str, str]) -> tuple[object, str]:
    """A command in this process, which has imported everything: its exit code and its words on stderr."""
    said, handler = StringIO(), signal.getsignal(signal.SIGTERM)
    with (
        patch.dict(os.environ, env, clear=True),
        patch.object(sys, "argv", ["crm", *arguments]),
        redirect_stderr(said),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    signal.signal(signal.SIGTERM, handler)
    return ended.value.code, said.getvalue()


def _environment(cluster: Cluster, name: str, **more: str) -> dict[str, str]:
    return environment(
        CRM_DATABASE_URL=cluster.url(name, role=APPLICATION),
        CRM_OWNER_DATABASE_URL=cluster.url(name, role=OWNER),
        CRM_OPERATOR_DATABASE_URL=cluster.url(name, role=OPERATOR),
        **more,
    )


@pytest.fixture(scope="session")
def set_up(cluster: Cluster) -> Callable[[str], str]:
    """The name of a database of a kind that `crm db roles` has set up, each made once."""
    made: dict[str, str] = {}

    def make(kind: str) -> str:
        name = f"roles_{kind.replace('.', '_')}"
        if kind in made:
            return name
        administrator = cluster.url(name, role="postgres")
        _tell(cluster.url("postgres", role="postgres"), f'CREATE DATABASE "{name}"')
        if kind == "schema.sql":
            psql = find_binaries(None) / "psql"
            subprocess.run([psql, "-qX", "-v", "ON_ERROR_STOP=1", "-f", ROOT / "schema.sql", administrator], check=True)
        if kind == "existing":
            schema.upgrade(administrator)
            _tell(administrator, "CREATE SCHEMA legacy; CREATE TABLE legacy.lineage (run_id integer)")
        done = _crm("db", "roles", env=_environment(cluster, name, CRM_ADMIN_DATABASE_URL=administrator))
        assert done[0] == 0, done
        schema.upgrade(cluster.url(name))
        made[kind] = name
        return name

    return make


def test_every_table_says_what_may_become_of_its_rows(cluster: Cluster, set_up: Callable[[str], str]) -> None:
    assert {type(table.info["rows"]) for table in metadata.sorted_tables} == {Rows}
    query = (
        "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p') AND NOT relispartition AND relname !~ '^procrastinate_'"
    )
    there = set(_ask(cluster.url(set_up("new")), query).split())
    assert there - set(metadata.tables) == {"alembic_version"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_object_is_its_roles_and_every_grant_as_the_tables_say(
    cluster: Cluster, set_up: Callable[[str], str], kind: str
) -> None:
    url = cluster.url(set_up(kind))
    with psycopg.connect(url) as connection:
        assert grants.differences(connection, metadata) == set()
        assert grants.hand_over(connection) == 0
    assert grants.set_up(url, metadata, logins=[]) == ([], 0)
    if kind == "existing":
        owner = "SELECT tableowner FROM pg_tables WHERE schemaname = 'legacy'"
        assert _ask(url, owner) == OPERATOR


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", FORBIDDEN)
def test_role_may_not_do_what_is_not_its_business(
    cluster: Cluster, set_up: Callable[[str], str], kind: str, role: str
) -> None:
    url = cluster.url(set_up(kind), role=role)
    month = _ask(url, "SELECT min(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'audit_event'::regclass")
    done = []
    for statement in FORBIDDEN[role]:
        with psycopg.connect(url, autocommit=True) as connection:
            try:
                connection.execute(statement.format(month=month, role=role).encode())
            except Refused:
                continue
            except psycopg.Error as other:
                done.append(f"{statement}: {other}")
            else:
                done.append(statement)
    assert done == []


def test_exception_to_insert_only_is_the_owners_even_where_somebody_may_delete(
    cluster: Cluster, set_up: Callable[[str], str]
) -> None:
    name = set_up("new")
    _tell(cluster.url(name), f"GRANT DELETE ON journey_event, row_history TO {APPLICATION}")
    with psycopg.connect(cluster.url(name, role=APPLICATION)) as connection:
        connection.execute(
            "INSERT INTO row_history (table_name, record_id, version, row) VALUES ('x', uuidv7(), 1, '{}')"
        )
        connection.execute("SET crm.insert_only_exception = 'on'")
        with pytest.raises(psycopg.errors.RestrictViolation, match="never changed or removed"):
            connection.execute("DELETE FROM row_history")
    with psycopg.connect(cluster.url(name)) as connection:
        assert grants.grant(connection, metadata) == 2
    with psycopg.connect(cluster.url(name, role=APPLICATION)) as connection, pytest.raises(Refused):
        connection.execute("DELETE FROM row_history")


def test_operator_cannot_commit_without_the_indexes_it_took_away(
    cluster: Cluster, set_up: Callable[[str], str]
) -> None:
    url = cluster.url(set_up("new"), role=OPERATOR)
    there = "SELECT count(*) FROM pg_indexes WHERE tablename = 'person'"
    before = _ask(url, there)
    with psycopg.connect(url) as connection:
        (name,) = connection.execute("SELECT take_indexes_away('person')").fetchone() or ("",)
        with pytest.raises(psycopg.errors.RestrictViolation, match="has to be built again"):
            connection.commit()
    with psycopg.connect(url) as connection:
        for (name,) in connection.execute("SELECT take_indexes_away('person')").fetchall():
            connection.execute("SELECT build_index('person', %s)", (name,))
    assert _ask(url, there) == before


LINEAGE = "CREATE TABLE legacy.lineage (run_id integer, phase integer, target text, target_id uuid);"
TRAPS = {
    "view": "CREATE VIEW legacy.lineage AS SELECT 1 run_id, 1 AS phase, 'person' AS target, legacy.mine() AS target_id",
    "policy": (
        f"{LINEAGE} INSERT INTO legacy.lineage VALUES (1, 1, 'person', uuidv7());"
        "CREATE POLICY mine ON legacy.lineage USING (legacy.mine() IS NULL);"
        "ALTER TABLE legacy.lineage ENABLE ROW LEVEL SECURITY"
    ),
    "index": f"{LINEAGE} CREATE INDEX ON legacy.lineage ((legacy.calm()))",
    "partial index": f"{LINEAGE} CREATE INDEX ON legacy.lineage (target_id) WHERE legacy.calm() IS NULL",
    "statistics": f"{LINEAGE} CREATE STATISTICS legacy.mine ON target_id, (legacy.calm()) FROM legacy.lineage",
    "child": f"{LINEAGE} CREATE TABLE legacy.child (CHECK (legacy.calm() IS NULL)) INHERITS (legacy.lineage)",
}


@pytest.mark.parametrize("trap", TRAPS)
def test_code_of_the_operator_never_runs_with_the_owners_rights(
    cluster: Cluster, set_up: Callable[[str], str], trap: str
) -> None:
    url = cluster.url(set_up("new"), role=OPERATOR)
    disable = "ALTER TABLE public.audit_event DISABLE TRIGGER refuse_change"
    enabled = "SELECT tgenabled FROM pg_trigger WHERE tgname = 'refuse_change' AND tgrelid = 'audit_event'::regclass"
    _tell(
        url,
        "CREATE SCHEMA legacy",
        "CREATE FUNCTION legacy.mine() RETURNS uuid LANGUAGE plpgsql AS"
        f" 'BEGIN IF current_user = ''{OWNER}'' THEN {disable}; END IF; RETURN NULL; END'",
        # The planner reckons this one out beforehand, wherever an index, statistics or a check name it.
        "CREATE FUNCTION legacy.calm() RETURNS uuid IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN legacy.mine(); END'",
        TRAPS[trap],
        "GRANT ALL ON ALL TABLES IN SCHEMA legacy TO crm_owner",
    )
    try:
        _tell(url, "SELECT undo_legacy_run(1, 1)")
        assert _ask(url, enabled) == "O"
    finally:
        _tell(url, "DROP SCHEMA legacy CASCADE")
        _tell(cluster.url(set_up("new")), "ALTER TABLE audit_event ENABLE TRIGGER refuse_change")


PERSON = "INSERT INTO person (first_name, last_name, email, email_key) VALUES ('R', 'R', '{0}', '{0}')"


def test_undo_takes_away_only_what_the_operator_has_added_as_a_run(
    cluster: Cluster, set_up: Callable[[str], str]
) -> None:
    """Not what the operator says that it has added, nor what it has changed, nor what others have."""
    name = set_up("new")
    url, application = (cluster.url(name, role=role) for role in (OPERATOR, APPLICATION))
    _tell(application, PERSON.format("kept"))
    with pytest.raises(Refused):
        _tell(application, "SET crm.run = '1 1'", PERSON.format("mine"))
    _tell(
        url,
        "CREATE SCHEMA legacy",
        f"{LINEAGE} INSERT INTO legacy.lineage SELECT 1, 1, 'person', person_id FROM person",
        "SET crm.run = '1 1'",
        PERSON.format("gone"),
        "UPDATE person SET email = email",
        "RESET crm.run",
        PERSON.format("stays"),
    )
    try:
        with pytest.raises(Refused):
            _tell(url, "INSERT INTO migrated_row SELECT 'person', person_id, 1, 1 FROM person")
        for run, removed in ((2, 0), (1, 1)):
            assert _ask(url, f"SELECT undo_legacy_run({run}, 1)") == removed
    finally:
        _tell(url, "DROP SCHEMA legacy CASCADE")
    assert _ask(url, "SELECT string_agg(email, ' ' ORDER BY email) FROM person WHERE last_name = 'R'") == "kept stays"
    kept = "SELECT string_agg(concat_ws(' ', \"row\" ->> 'email', version, reason), ', ') FROM row_history"
    assert _ask(url, f"{kept} WHERE table_name = 'person' AND \"row\" ->> 'last_name' = 'R'") == "gone 1 undone: run 1"


@pytest.mark.parametrize("kind", KINDS)
def test_application_serves_and_works_on_what_is_due(
    cluster: Cluster, set_up: Callable[[str], str], kind: str, tmp_path: Path
) -> None:
    name = set_up(kind)
    url = cluster.url(name, role=APPLICATION)
    settings = Settings.model_validate({"database_url": url, "data_dir": tmp_path})

    async def serve_and_work() -> None:
        database = Database(create_engine(settings, url))
        await _change_a_person(settings, database)
        # Only now is the month taken away that the worker makes again: what serves makes it too when it starts.
        _tell(cluster.url(name), f"DO $$ BEGIN EXECUTE 'DROP TABLE audit_event_' || {month}; END $$")
        jobs = make_worker(settings, database, url)
        async with jobs.open_async():
            for job in jobs.periodic_registry.periodic_tasks.values():
                await job.task.configure().defer_async(timestamp=0)
            await jobs.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="successful")
        await database.close()

    month = "to_char((now() AT TIME ZONE 'UTC') + interval '2 months', 'YYYY_MM')"
    with prepared(settings):
        asyncio.run(serve_and_work())
    events = "SELECT string_agg(DISTINCT action, ' ' ORDER BY action) FROM audit_event WHERE record_type = 'person'"
    assert _ask(url, events) == "create_person list_person_history update_person"
    assert _ask(url, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'") == 0
    assert _ask(url, f"SELECT to_regclass('audit_event_' || {month}) IS NOT NULL")


async def _change_a_person(settings: Settings, database: Database) -> None:
    async with database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="story")
    transport = httpx.ASGITransport(app=create_app(settings, database))
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        body = {"first_name": "Rosa", "last_name": "Role", "email": "rosa@role.example"}
        person = await client.post("/api/v1/persons", json=body)
        assert person.status_code == 201, person.text
        place = person.headers["location"]
        changed = await client.put(place, json={"phone": "+31201234567"})
        assert changed.status_code == 200, changed.text
        assert (await client.get(f"{place}/history")).status_code == 200


def test_account_that_may_not_hand_over_is_told_what_is_needed(cluster: Cluster) -> None:
    _tell(
        cluster.url("postgres", role="postgres"),
        "CREATE ROLE maker CREATEROLE CREATEDB",
        "CREATE DATABASE roles_refused OWNER maker",
    )
    maker = f"{cluster.url('roles_refused', role='postgres')}&options=-crole%3Dmaker"
    with pytest.raises(Conflict, match=r"The account maker may not act as crm_owner .* CRM_ADMIN_DATABASE_URL"):
        grants.set_up(maker, metadata, logins=[])


POWERS = {
    "ALTER ROLE {} CREATEROLE": "ALTER ROLE {} NOCREATEROLE",
    "ALTER ROLE {} REPLICATION": "ALTER ROLE {} NOREPLICATION",
    "GRANT crm_owner TO {}": "REVOKE crm_owner FROM {}",
    "GRANT pg_write_all_data TO {}": "REVOKE pg_write_all_data FROM {}",
    "GRANT pg_maintain TO {} WITH INHERIT FALSE": "REVOKE pg_maintain FROM {}",
    "CREATE ROLE any_group ROLE {}": "DROP ROLE any_group",
    "GRANT SET ON PARAMETER session_replication_role TO {}": "REVOKE SET ON PARAMETER session_replication_role FROM {}",
}


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("role", [APPLICATION, OPERATOR])
def test_role_with_too_much_power_is_refused(
    cluster: Cluster, set_up: Callable[[str], str], role: str, power: str
) -> None:
    administrator = cluster.url(set_up("new"), role="postgres")
    # Else the two would be members of each other.
    apart = (f"REVOKE {OPERATOR} FROM {OWNER}", f"GRANT {OPERATOR} TO {OWNER}")
    _tell(administrator, apart[0], power.format(role))
    try:
        with pytest.raises(Conflict, match=f"Too powerful: {role}"):
            grants.set_up(administrator, metadata, logins=[])
    finally:
        _tell(administrator, POWERS[power].format(role), apart[1])


def test_application_that_is_a_member_of_the_operator_is_refused(
    cluster: Cluster, set_up: Callable[[str], str]
) -> None:
    administrator = cluster.url(set_up("new"), role="postgres")
    _tell(administrator, f"GRANT {OPERATOR} TO {APPLICATION}")
    try:
        with pytest.raises(Conflict, match=f"Too powerful: {APPLICATION} .*{OPERATOR}"):
            grants.set_up(administrator, metadata, logins=[])
    finally:
        _tell(administrator, f"REVOKE {OPERATOR} FROM {APPLICATION}")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("GRANT UPDATE (action, outcome) ON audit_event TO {}", 2),
        ("GRANT SELECT (body) ON outgoing_mail TO PUBLIC", 1),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE crm_owner GRANT UPDATE, DELETE ON TABLES TO {}", 2),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE crm_owner IN SCHEMA public GRANT TRUNCATE ON TABLES TO PUBLIC", 1),
    ],
)
def test_grants_of_columns_and_of_tables_to_come_are_taken_back(
    cluster: Cluster, set_up: Callable[[str], str], given: str, found: int
) -> None:
    url = cluster.url(set_up("new"))
    _tell(url, given.format(APPLICATION))
    with psycopg.connect(url) as connection:
        assert len(grants.differences(connection, metadata)) == found
        assert grants.grant(connection, metadata) == found
        assert grants.differences(connection, metadata) == set()


@pytest.mark.parametrize("power", ["crm_owner", "crm_operator", "pg_write_all_data", None])
def test_account_of_an_organisation_serves_only_with_the_rights_of_the_application(
    cluster: Cluster, set_up: Callable[[str], str], power: str | None
) -> None:
    name = set_up("new")
    administrator = cluster.url(name, role="postgres")
    _tell(administrator, f"CREATE ROLE svc_crm IN ROLE {APPLICATION}", *[f"GRANT {power} TO svc_crm"] * bool(power))
    account = f"{administrator}&options=-crole%3Dsvc_crm"
    try:
        if power is None:
            grants.refuse_owner(account)
            _tell(administrator, "GRANT DELETE ON audit_event TO svc_crm")
        with pytest.raises(Conflict, match="svc_crm, who may"):
            grants.refuse_owner(account)
    finally:
        _tell(administrator, "DROP OWNED BY svc_crm", "DROP ROLE svc_crm")


def test_partitions_are_made_for_two_years_at_most(cluster: Cluster, set_up: Callable[[str], str]) -> None:
    name = set_up("new")
    application = cluster.url(name, role=APPLICATION)
    months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_event'::regclass"
    with psycopg.connect(application) as connection:
        connection.execute("SELECT ensure_audit_partitions(60)")
        assert connection.execute(months).fetchone() == (25,)
        connection.rollback()


@pytest.fixture
def of_one_account() -> Iterator[Cluster]:
    """A PostgreSQL without our roles, where a single account that is no superuser has made the database."""
    with passable_folder() as folder, running(folder / "data", durable=False) as cluster:
        _tell(
            cluster.url("postgres", role="postgres"),
            f"ALTER ROLE {OWNER} RENAME TO crm",
            f"DROP ROLE {APPLICATION}",
            f"DROP ROLE {OPERATOR}",
            "ALTER ROLE crm CREATEROLE",
        )
        yield cluster


def _with_the_password_last(address: str) -> str:
    """As docs/QUICKSTART.md writes them."""
    parts = urlsplit(address)
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username}@{place}", query=f"{parts.query}&password={parts.password}").geturl()


@pytest.mark.long
def test_account_that_may_make_roles_sets_everything_up_without_a_superuser(of_one_account: Cluster) -> None:
    cluster = of_one_account
    single = f"{cluster.url(role='postgres')}&options=-crole%3Dcrm"
    schema.upgrade(single)

    owner, *others = (cluster.url(role=role) for role in ROLES)
    logins = [owner, *map(_with_the_password_last, others)]
    made, changed = grants.set_up(single, metadata, logins=logins)

    assert made == list(ROLES)
    assert changed > 0
    for role in ROLES:
        assert _ask(cluster.url(role=role), "SELECT current_user::text") == role, "each has the password of its address"
    schema.upgrade(cluster.url())
    with pytest.raises(Refused):
        _tell(cluster.url(role=APPLICATION), "DELETE FROM person")
    with pytest.raises(Refused):
        _tell(cluster.url(role=APPLICATION), "ALTER TABLE audit_event DISABLE TRIGGER ALL")


def test_production_serves_only_as_the_application(cluster: Cluster, set_up: Callable[[str], str]) -> None:
    _tell(cluster.url("postgres", role="postgres"), f"CREATE DATABASE roles_behind OWNER {OWNER}")
    # The trail is there and the revision is not: a command that is not refused for its role ends all the same.
    _tell(cluster.url("roles_behind"), "CREATE TABLE audit_event (audit_event_id uuid)")
    env = environment(
        CRM_ENV="production",
        CRM_SECRET_KEY="s" * 32,
        CRM_BASE_URL="https://crm.example",
        CRM_PROXY_HOPS="0",
        CRM_DATABASE_URL=cluster.url("roles_behind", role=APPLICATION),
        PORT=str(free_port()),
    )
    for command in ("serve", "worker"):
        knows = {**env, "CRM_OWNER_DATABASE_URL": "postgresql://x"}
        assert _refused(command, env=knows) == (2, "must not know CRM_OWNER_DATABASE_URL")
        owner = {**env, "CRM_DATABASE_URL": cluster.url("roles_behind")}
        assert _refused(command, env=owner) == (1, "role_too_powerful")
        assert _refused(command, env=env) == (1, "schema_not_ready")
    assert _refused("db", "upgrade", env=env) == (2, "_DATABASE_URL is needed")
    ready = {**env, "CRM_DATABASE_URL": cluster.url(set_up("new"), role=APPLICATION)}
    assert _refused("legacy", "status", env=ready) == (2, "_DATABASE_URL is needed")
    alone = subprocess.run([CRM, "serve"], env=env, capture_output=True, text=True, check=False, timeout=120)
    assert (alone.returncode, "schema_not_ready" in alone.stderr) == (1, True), "a real process says the same"


def _refused(*arguments: str, env: dict[str, str]) -> tuple[object, str]:
    code, said = _crm(*arguments, env=env)
    words = ("must not know CRM_OWNER_DATABASE_URL", "role_too_powerful", "schema_not_ready", "_DATABASE_URL is needed")
    return code, next((word for word in words if word in said), said)


def test_compose_tells_the_owners_password_to_the_step_that_runs_revisions_alone() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    secrets = ("CRM_DATABASE_PASSWORD", "CRM_OWNER_PASSWORD", "CRM_OPERATOR_PASSWORD")
    urls = {"CRM_ADMIN_DATABASE_URL", "CRM_OWNER_DATABASE_URL", "CRM_OPERATOR_DATABASE_URL"}
    archive = "CRM_ARCHIVE_DATABASE_URL"
    assert urls | {archive} <= services["schema"]["environment"].keys()
    may_replicate = {name for name, service in services.items() if service.get("environment", {}).get(archive)}
    assert may_replicate == {"schema", "backup", "archive"}
    for name in ("app", "worker"):
        environment = services[name]["environment"]
        assert not urls & environment.keys()
        # Empty here, they are not taken from the .env file, which names them for the other services.
        assert [environment[secret] for secret in (*secrets, archive)] == ["", "", "", ""]
        assert not any(secret in str(environment.values()) for secret in secrets)
        assert "crm_application:" in environment["CRM_DATABASE_URL"]
        assert services[name]["depends_on"] == {"schema": {"condition": "service_completed_successfully"}}
