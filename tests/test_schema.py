"""The schema: revisions, models and schema.sql tell the same, and the rules stand in the database."""

import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.models import metadata
from app.platform import schema
from app.platform.db import Base, Database, Rows, edited_tables, insert_only_tables
from app.platform.embedded import Cluster, find_binaries
from app.platform.errors import Conflict
from app.platform.newest_revision import REVISIONS
from tests.serving import environment, serving
from tests.test_earlier_program import NOT_USED_SINCE

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def empty(cluster: Cluster) -> str:
    """The URL of an empty database."""
    return _create(cluster, "schema_empty")


def _create(cluster: Cluster, name: str) -> str:
    engine = schema.sync_engine(cluster.url())
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return cluster.url(name)


def _connect(url: str) -> Connection:
    return schema.sync_engine(url).connect()


def test_revisions_lead_up_to_the_models_down_to_nothing_and_up_again(empty: str) -> None:
    schema.upgrade(empty)
    with _connect(empty) as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _ours})
        assert [one for one in compare_metadata(context, metadata) if _left_for_earlier(one) is None] == []

    schema.downgrade(empty, "base")
    with _connect(empty) as connection:
        left = connection.execute(text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"))
        names = {name for (name,) in left if not name.startswith("alembic_version")}
        functions = connection.execute(
            text(
                "SELECT proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS "
                "(SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
            )
        ).all()
    assert (names, functions) == (set(), [])

    schema.upgrade(empty)


@pytest.mark.parametrize("revision", ["base", f"-{len(list(REVISIONS.glob('versions/*.py')))}"])
def test_no_downgrade_drops_a_trail_that_holds_events(cluster: Cluster, revision: str) -> None:
    url = _create(cluster, f"schema_trail_{len(revision)}")
    schema.upgrade(url)
    with _connect(url) as connection:
        connection.execute(
            text("INSERT INTO audit_event (action, record_type, outcome) VALUES ('a', 'person', 'done')")
        )
        connection.commit()
        before = schema.current_revision(connection)
        names = connection.execute(text("SELECT count(*) FROM pg_class")).scalar_one()

    with pytest.raises(Conflict) as refused:
        schema.downgrade(url, revision)
    assert refused.value.error_code == "trail_has_events"

    with _connect(url) as connection:
        assert schema.current_revision(connection) == before
        assert connection.execute(text("SELECT count(*) FROM pg_class")).scalar_one() == names
        assert connection.execute(text("SELECT count(*) FROM audit_event")).scalar_one() == 1


def _left_for_earlier(difference: Any) -> str | None:
    """The revision whose program has left a column alone that is to go; None for every other difference."""
    match difference:
        case ("remove_column", None, str(table), column):
            return NOT_USED_SINCE.get(f"{table}.{column.name}")
    return None


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith(("audit_event_", "procrastinate_", "alembic")))


def test_schema_sql_is_what_the_head_revision_gives(cluster: Cluster) -> None:
    url = _create(cluster, "schema_head")
    schema.upgrade(url)
    printed = schema.print_schema(url, find_binaries(None) / "pg_dump")
    assert (ROOT / "schema.sql").read_text() == printed, "run: crm db schema > schema.sql"


def test_schema_sql_loads_into_an_empty_database_with_psql(cluster: Cluster) -> None:
    url = _create(cluster, "schema_loaded")
    psql = find_binaries(None) / "psql"
    loaded = subprocess.run(
        [psql, "-X", "-v", "ON_ERROR_STOP=1", "-f", ROOT / "schema.sql", url],
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    assert (ROOT / "schema.sql").read_text() == schema.print_schema(url, find_binaries(None) / "pg_dump")


CATALOGUE = {
    "functions": """
        SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid) FROM pg_proc AS p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p')
          AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
    """,
    "triggers": """
        SELECT t.tgrelid::regclass::text, t.tgname, t.tgenabled, pg_get_triggerdef(t.oid) FROM pg_trigger AS t
        WHERE NOT t.tgisinternal AND t.tgparentid = 0
    """,
    "constraints": """
        SELECT c.conrelid::regclass::text, c.conname, c.convalidated, pg_get_constraintdef(c.oid)
        FROM pg_constraint AS c
        WHERE c.connamespace = 'public'::regnamespace
    """,
    "indexes": """
        SELECT i.indexrelid::regclass::text, i.indisvalid, pg_get_indexdef(i.indexrelid) FROM pg_index AS i
        JOIN pg_class AS c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace
    """,
    "columns": """
        SELECT a.attrelid::regclass::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
               a.attgenerated, a.attcollation::regcollation::text, pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') AND a.attnum > 0
          AND NOT a.attisdropped
    """,
    "types": """
        SELECT t.oid::regtype::text, t.typtype::text, array(
            SELECT e.enumlabel::text FROM pg_enum AS e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)::text
        FROM pg_type AS t WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd', 'c')
    """,
    "extensions": "SELECT extname, extversion FROM pg_extension",
    "version": "SELECT version_num FROM alembic_version",
}
"""What two databases of one schema have in common, each as rows that can be compared."""


def _catalogue(url: str) -> dict[str, set[tuple[object, ...]]]:
    with _connect(url) as connection:
        return {name: {tuple(row) for row in connection.execute(text(query))} for name, query in CATALOGUE.items()}


@pytest.fixture(scope="module")
def loaded(cluster: Cluster) -> str:
    """A database made from schema.sql by psql alone."""
    url = _create(cluster, "schema_by_psql")
    psql = find_binaries(None) / "psql"
    subprocess.run([psql, "-qX", "-v", "ON_ERROR_STOP=1", "-f", ROOT / "schema.sql", url], check=True)
    return url


def test_database_made_from_schema_sql_equals_one_made_by_the_revisions(cluster: Cluster, loaded: str) -> None:
    revised = _create(cluster, "schema_by_revisions")
    schema.upgrade(revised)
    schema.upgrade(loaded)  # makes the partitions of the months ahead, as at every start

    expected, found = _catalogue(revised), _catalogue(loaded)
    assert {name: found[name] ^ rows for name, rows in expected.items() if found[name] != rows} == {}
    assert all(expected.values())


def test_database_made_from_schema_sql_serves(loaded: str, tmp_path: Path) -> None:
    with serving(tmp_path / "log", env=environment(CRM_DATABASE_URL=loaded, CRM_DATA_DIR=str(tmp_path))) as (_, url):
        answer = httpx.get(f"{url}/health/ready").json()
    assert {name: answer["checks"][name] for name in ("database", "revision", "audit")} == {
        "database": "ok",
        "revision": "ok",
        "audit": "ok",
    }


async def test_edited_tables_keep_history_and_insert_only_tables_refuse_changes(database: Database) -> None:
    async with database.session() as session:
        rows = await session.execute(
            text("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal")
        )
        found = {(table, name) for table, name in rows}
    assert {(table.name, "keep_history") for table in edited_tables()} <= found
    for table in insert_only_tables():
        assert {(table.name, "refuse_change"), (table.name, "refuse_truncate")} <= found


async def test_rows_that_are_taken_out_of_a_list_are_filed(database: Database) -> None:
    async with database.session() as session:
        rows = await session.execute(
            text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'keep_removed'")
        )
        filed = {table for (table,) in rows}
    removed = {
        str(relation.mapper.local_table)
        for mapper in Base.registry.mappers
        for relation in mapper.relationships
        if relation.cascade.delete or relation.cascade.delete_orphan
    }
    parts = {table.name for table in edited_tables() if table.info["rows"] is Rows.PART}
    assert removed | parts == filed


WITHOUT_HISTORY = {
    "contact_type": "the list of roles, changed by revisions alone",
    "migrated_row": "goes with what it names, which row_history then has",
    "index_set_aside": "always empty outside one transaction of a migration",
    "served_program": "made from the revisions",
    "person_search": "made from the person, whose history is kept",
    "search_word": "made from the words of people",
    "patient_order": "made from the patient and what hangs on them",
    "role_grant": "a row for each time it is held, with who gave and who took it",
    "web_session": "short-lived",
    "sign_in_attempt": "short-lived",
    "known_device": "short-lived",
    "notification": "short-lived",
    "notification_choice": "what somebody wants for themselves",
    "saved_view_choice": "what somebody wants for themselves",
    "draft": "short-lived; its earlier contents are nobody's business",
    "document_version": "a row for each version; only the scan and the erasure are noted in it, each once",
    "document_key": "its earlier values are what an erasure destroys",
    "held_form": "short-lived",
    "idempotency_key": "short-lived",
    "outgoing_mail": "short-lived",
    "calendar_feed": "a credential",
    "one_time_link": "a credential",
    "outside_identity": "a credential",
    "outside_sign_in": "a credential",
    "passkey": "a credential",
    "passkey_challenge": "a credential",
    "password_credential": "a credential",
    "recovery_code": "a credential",
    "totp_credential": "a credential",
}


def test_every_table_keeps_history_or_says_why_not() -> None:
    kept = {table.name for table in (*edited_tables(), *insert_only_tables())}
    assert set(metadata.tables) - kept == WITHOUT_HISTORY.keys()


@pytest.mark.parametrize(
    "change", ["UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"]
)
@pytest.mark.parametrize("exception", ["off", "on"])
def test_audit_events_are_never_changed_not_even_by_the_owner(
    committed_owner_url: str, change: str, exception: str
) -> None:
    with _connect(committed_owner_url) as connection:
        connection.execute(text("INSERT INTO audit_event (action, outcome) VALUES ('test', 'done')"))
        connection.execute(text(f"SET LOCAL crm.insert_only_exception = '{exception}'"))
        with pytest.raises(DBAPIError, match="never changed or removed"):
            connection.execute(text(change))


def test_partition_of_the_month_cannot_be_emptied_behind_the_table(committed_owner_url: str) -> None:
    with _connect(committed_owner_url) as connection:
        query = text(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_event'::regclass LIMIT 1"
        )
        partition = connection.execute(query).scalar_one()
        with pytest.raises(DBAPIError, match="never changed or removed"):
            connection.execute(text(f"TRUNCATE {partition}"))


async def test_changing_a_row_files_the_earlier_version_whole(database: Database) -> None:
    async with database.session() as session:
        made = await session.execute(
            text("INSERT INTO hospital (name, name_key, city_key) VALUES ('First', '', '') RETURNING hospital_id")
        )
        hospital_id = made.scalar_one()
        await session.execute(text("UPDATE hospital SET name = name"))
        changed = await session.execute(text("UPDATE hospital SET name = 'Second' RETURNING version"))
        assert changed.scalar_one() == 2, "an update that changes nothing makes no version"
        history = await session.execute(text("SELECT record_id, version, \"row\" ->> 'name' FROM row_history"))
        assert history.all() == [(hospital_id, 1, "First")]


async def test_history_of_a_key_leaves_its_hash_out(database: Database) -> None:
    async with database.session() as session:
        await session.execute(
            text(
                "WITH a AS (INSERT INTO user_account (kind, display_name) VALUES ('service', 'x') RETURNING *) "
                "INSERT INTO api_key (user_account_id, name, prefix, secret_sha256) "
                "SELECT user_account_id, 'k', 'p', sha256('s') FROM a"
            )
        )
        await session.execute(text("UPDATE api_key SET revoked_at = now()"))
        row = (await session.execute(text("SELECT \"row\" FROM row_history WHERE table_name = 'api_key'"))).scalar_one()
    assert "secret_sha256" not in row
    assert row["prefix"] == "p"
