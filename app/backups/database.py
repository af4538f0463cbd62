"""What a backup asks of a database and says to it, as its owner."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from app.documents import queries as documents
from app.platform.schema import current_revision, sync_engine

_TABLES: Final = """
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_')
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1
"""
"""Tables that hold rows, partitions each by itself; none of an extension."""
_ANYTHING: Final = """
    SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname <> 'information_schema'
      AND NOT starts_with(n.nspname, 'pg_')
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
"""
# A backup may take longer than a statement or a transaction of the application.
_NO_LIMITS: Final = (
    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN"
    " ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"
)


@dataclass(frozen=True)
class KeptDocument:
    """A document that can be read: the id of its version, its name in the store, its plain content and its own key."""

    version_id: UUID
    stored_as: str
    size_bytes: int
    sha256: str
    key_version: int
    wrapped_key: bytes


@contextmanager
def one_moment(url: str) -> Iterator[Connection]:
    """A connection that sees the database as it is now for as long as the block runs, and changes nothing."""
    engine = sync_engine(url)
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as found:
            found.execute(text(_NO_LIMITS))
            yield found
    finally:
        engine.dispose()


def export_snapshot(connection: Connection) -> str:
    """The name by which pg_dump sees the same moment."""
    return str(connection.execute(text("SELECT pg_export_snapshot()")).scalar_one())


def server_version(connection: Connection) -> int:
    """As 180006."""
    return int(connection.execute(text("SELECT current_setting('server_version_num')")).scalar_one())


def revision(connection: Connection) -> str | None:
    """The revision of the schema, None for an empty database."""
    return current_revision(connection)


def count_rows(connection: Connection) -> dict[str, int]:
    """The rows of every table, counted."""
    names = list(connection.scalars(text(_TABLES)))
    return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}


def kept_documents(connection: Connection) -> list[KeptDocument]:
    """Every document that can be read, by its name in the store."""
    return [KeptDocument(*row) for row in connection.execute(documents.kept_files())]


def objects(connection: Connection) -> int:
    """How many tables, views and sequences there are."""
    return int(connection.execute(text(_ANYTHING)).scalar_one())
