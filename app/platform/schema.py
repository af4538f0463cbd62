"""The schema over time: which revision a database has, moving it, and printing it."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, MetaData, create_engine, delete, event, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from app.platform import grants
from app.platform.advisory_locks import Lock
from app.platform.database_hosts import psycopg_arguments
from app.platform.errors import Conflict
from app.platform.newest_revision import REVISIONS, head_revision
from app.platform.served_programs import IS_SAID, SERVES_THIS_PROGRAM, ServedProgram

_ASK_AGAIN_SECONDS: Final = 0.2
_LOCK_SECONDS: Final = 2
"""How long a change of a table waits for those who use it: as long do all wait who come after it."""
_PAUSE_SECONDS: Final = 2
"""Then those go on, until it is tried once more."""
_TRIES: Final = 150
"""Ten minutes."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(REVISIONS).replace("%", "%%"))
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def sync_engine(database_url: str) -> Engine:
    """An engine for revisions and other single-handed work; psycopg reads the libpq URL itself."""
    return create_engine(
        "postgresql+psycopg://",
        poolclass=NullPool,
        creator=lambda: psycopg.connect(**psycopg_arguments(database_url)),
    )


def current_revision(connection: Connection) -> str | None:
    """The revision of the database, None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(database_url: str, revision: str = "head") -> None:
    """
    Move the schema up, one process at a time; one that is there already, or is newer and serves this program, stays.

    Conflict: it is unknown, or somebody uses a table for so long that it could not be changed. What stands by then
    stays, and the next call goes on from there.
    """
    _move(database_url, revision, up=True)


def downgrade(database_url: str, revision: str, *, drops_trail: bool = False) -> None:
    """
    Move the schema down to `revision` (`base` empties it), in one transaction.

    Conflict when that would drop the audit trail with events in it, unless `drops_trail`: then nothing is changed.
    """
    _move(database_url, revision, up=False, drops_trail=drops_trail)


def lacking(database_url: str, metadata: MetaData) -> list[tuple[str, str]]:
    """The columns, as table and column, that the models never leave empty and earlier rows still may."""
    engine = sync_engine(database_url)
    with engine.connect() as connection:
        found = _lacking(connection, metadata)
    engine.dispose()
    return found


def tighten(database_url: str, metadata: MetaData) -> None:
    """Refuse empty values where every row has one now. No row is locked while they are read."""
    engine = sync_engine(database_url)
    with _one_process_at_a_time(engine), engine.connect() as connection:
        _without_holding_others_up(connection, lambda: _tighten(connection, metadata))
    engine.dispose()


def refuse_other_revision(database_url: str, metadata: MetaData) -> None:
    """
    Conflict unless the schema serves this program, its keys filled: for a process that may not move it.

    It is at this code's newest revision, or a newer program has moved it and has ended none like this one.

    The partitions of the months ahead are made nevertheless, by the owner's function.
    """
    engine = sync_engine(database_url)
    with engine.begin() as connection:
        found = current_revision(connection)
        if found != head_revision() and not _serves_this_program(connection, found):
            raise Conflict(
                f"The schema is at {found or 'nothing'}, this version needs {head_revision()}: "
                "run `crm db upgrade` with CRM_OWNER_DATABASE_URL first.",
                code="schema_not_ready",
            )
        if unfilled := _lacking(connection, metadata):
            raise Conflict(
                f"Keys are missing ({', '.join(map('.'.join, unfilled))}): "
                "run `crm db upgrade` with CRM_OWNER_DATABASE_URL first.",
                code="schema_not_ready",
            )
        connection.execute(text("SELECT ensure_audit_partitions(2)"))
    engine.dispose()


def _move(database_url: str, revision: str, *, up: bool, drops_trail: bool = False) -> None:
    engine = sync_engine(database_url)
    with _one_process_at_a_time(engine), engine.connect() as connection:
        try:
            if up:
                _without_holding_others_up(connection, lambda: _move_up(connection, revision))
            else:
                # Asked on this connection first: what the revisions do joins the transaction that this begins.
                has_events = not drops_trail and _has_events(connection)
                config = _config(connection)
                command.downgrade(config, revision)
                _say_who_is_served(connection, config)
                if has_events and not _has_events(connection):
                    raise Conflict(
                        "This would drop the audit trail, which holds events. A development database is emptied by "
                        "`crm db reset`; elsewhere a backup is the way back.",
                        code="trail_has_events",
                    )
        except CommandError as error:
            # An older version of the program on a newer schema, or a slip in the name given.
            raise Conflict(f"The schema cannot be moved by this version: {error}.", code="unknown_revision") from None
        connection.commit()
    engine.dispose()


def _move_up(connection: Connection, revision: str) -> None:
    if revision == "head" and _serves_this_program(connection, current_revision(connection)):
        # A newer program has granted what is granted and knows what may be empty.
        connection.execute(text("SELECT ensure_audit_partitions(2)"))
        return
    connection.rollback()  # the revisions begin a transaction each
    config = _config(connection)
    command.upgrade(config, revision)
    _say_who_is_served(connection, config)
    connection.execute(text("SELECT ensure_audit_partitions(2)"))
    _set_roles(connection, config.attributes["metadata"])
    _tighten(connection, config.attributes["metadata"])


def _serves_this_program(connection: Connection, found: str | None) -> bool:
    """Whether a newer program has moved the schema and has not ended this one."""
    if found == head_revision() or not connection.execute(IS_SAID).scalar_one():
        return False
    return bool(connection.execute(SERVES_THIS_PROGRAM).scalar_one())


def _say_who_is_served(connection: Connection, config: Config) -> None:
    if not connection.execute(IS_SAID).scalar_one():
        return
    served = served_revisions(ScriptDirectory.from_config(config), current_revision(connection))
    if set(connection.scalars(select(ServedProgram.revision))) == set(served):
        # Who may not write here is not the owner, and has found the schema as it should be.
        return
    connection.execute(delete(ServedProgram).where(ServedProgram.revision.not_in(served)))
    connection.execute(insert(ServedProgram).values([{"revision": one} for one in served]).on_conflict_do_nothing())


def served_revisions(scripts: ScriptDirectory, revision: str | None) -> list[str]:
    """The revisions whose programs work on the schema of this one, the newest first: as far back as each allows."""
    served: list[str] = []
    earliest: set[str] = set()
    for script in scripts.walk_revisions(head=revision or "base"):
        served.append(script.revision)
        earliest.add(getattr(script.module, "earliest_program", ""))
        if script.revision in earliest:
            break
    return served


def _without_holding_others_up(connection: Connection, work: Callable[[], None]) -> None:
    """
    Do work that can be begun again, and let no statement of it wait for long.

    One that waits for a table is waited for by all who come after it, be they readers. So it gives up, lets them pass
    and tries again. An index that is built concurrently holds nobody up: it waits for as long as it must.
    """
    event.listen(connection, "before_cursor_execute", _limit_the_wait)
    try:
        for _ in range(_TRIES):
            try:
                work()
            except (OperationalError, psycopg.errors.LockNotAvailable) as error:
                if not isinstance(getattr(error, "orig", error), psycopg.errors.LockNotAvailable):
                    raise
                connection.rollback()
                time.sleep(_PAUSE_SECONDS)
            else:
                return
    finally:
        event.remove(connection, "before_cursor_execute", _limit_the_wait)
    raise Conflict(
        f"A table that is to be changed was in use each of {_TRIES} times: pg_stat_activity shows the transaction that "
        "is open for long. Run this again when it has ended; what was done stays.",
        code="schema_in_use",
    )


def _limit_the_wait(_connection: Connection, cursor: Any, statement: str, *_: object) -> None:
    cursor.execute(f"SET lock_timeout = '{0 if 'CONCURRENTLY' in statement else _LOCK_SECONDS}s'")


@contextmanager
def _one_process_at_a_time(engine: Engine) -> Iterator[None]:
    """
    Two processes that start at once move the schema one after the other.

    The second one asks again and again: a statement that waits would be waited for by an index that is built
    concurrently.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as guard:
        while not guard.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": Lock.SCHEMA.value}).scalar_one():
            time.sleep(_ASK_AGAIN_SECONDS)
        yield


def _lacking(connection: Connection, metadata: MetaData) -> list[tuple[str, str]]:
    refused, known = (
        {tuple(row) for row in connection.execute(text(query))} for query in (_REFUSED_EMPTY, _COLUMNS_OF_TABLES)
    )
    never_empty = {
        (table.name, column.name)
        for table in metadata.tables.values()
        if table.schema is None
        for column in table.columns
        if not column.nullable
    }
    return sorted((never_empty & known) - refused)


_REFUSED_EMPTY = """
    SELECT c.relname, a.attname FROM pg_constraint AS n JOIN pg_class AS c ON c.oid = n.conrelid
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = n.conkey[1]
    WHERE n.contype = 'n' AND n.convalidated AND n.connamespace = 'public'::regnamespace
"""
_COLUMNS_OF_TABLES = """
    SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
"""


def _tighten(connection: Connection, metadata: MetaData) -> None:
    """
    Refuse empty values where every row has one now, and check the rows of before where a revision left that out.

    A constraint comes unchecked first, which takes a moment; the check lets others read and write.
    """
    for table, column in _lacking(connection, metadata):
        if connection.execute(text(f"SELECT EXISTS (SELECT FROM {table} WHERE {column} IS NULL)")).scalar_one():
            continue
        name = f"{table}_{column}_not_null"
        is_there = connection.execute(
            text("SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass(:table) AND conname = :name)"),
            {"table": table, "name": name},
        ).scalar_one()
        if not is_there:
            connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {name} NOT NULL {column} NOT VALID"))
        connection.commit()
    unchecked = connection.execute(
        text(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace AND NOT convalidated"
        )
    ).all()
    for table, name in unchecked:
        connection.execute(text(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}"))
        connection.commit()


def _set_roles(connection: Connection, metadata: MetaData) -> None:
    """Grant what is new in the schema; where there are no roles, one account does everything."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - sync_engine made it
    if grants.are_set(driver):
        grants.hand_over(driver)
        grants.grant(driver, metadata)


_LEFT_OUT = re.compile(
    r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict.*|CREATE SCHEMA public;)\n", re.MULTILINE
)
_BODY = re.compile(r"^    AS (\$\w*\$).*?\1;$", re.MULTILINE | re.DOTALL)
"""A function's text, as pg_dump quotes it."""
_EXTENSIONS = "CREATE EXTENSION IF NOT EXISTS btree_gist;\n\nCREATE EXTENSION IF NOT EXISTS pg_trgm;\n\n"


def _has_events(connection: Connection) -> bool:
    if connection.execute(text("SELECT to_regclass('audit_event')")).scalar_one() is None:
        return False
    return bool(connection.execute(text("SELECT EXISTS (SELECT FROM audit_event)")).scalar_one())


def print_schema(database_url: str, pg_dump: Path) -> str:
    """
    The schema as SQL that psql loads into an empty PostgreSQL 18: no comments, SET lines, roles or grants.

    It ends with the revision, so that `upgrade` goes on from there. Partitions of audit_event are left out: they depend
    on the day and are made by ensure_audit_partitions().
    """
    dumped = subprocess.run(  # noqa: S603 - our own binary and arguments
        [
            pg_dump, "--schema-only", "--no-owner", "--no-privileges", "--no-comments", "--schema=public",
            "--exclude-table=audit_event_2*", "--restrict-key=schema", "--dbname", database_url,
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout  # fmt: skip
    # What stands in a function is its text, to the last blank line: only what stands around it is made shorter.
    bodies = [found.group() for found in _BODY.finditer(dumped)]
    around = _LEFT_OUT.sub("", _BODY.sub("\0", dumped)).replace("public.", "")
    body = re.sub(r"\n{3,}", "\n\n", around).strip()
    for found in bodies:
        body = body.replace("\0", found, 1)
    return f"{_EXTENSIONS}{body}\n\nINSERT INTO alembic_version VALUES ('{head_revision()}');\n"
