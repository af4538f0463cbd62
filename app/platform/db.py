"""
The database as the packages see it: the declarative base, kinds of columns, and one unit of work.

Every column carries a privacy class in `info` (PUBLIC, INTERNAL, PERSONAL, HEALTH, DETAIL, SECRET): what a role may
see is decided by class, and a column without one fails a test.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    FetchedValue,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    event,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, object_session

from app.platform.database_hosts import Connector
from app.platform.fast_path import StatementPool, StatementRunner
from app.platform.lost_connections import throw_lost_connections_away
from app.platform.replica import IN_SESSION, Replica
from app.platform.settings import Settings

PUBLIC = {"privacy": "public"}
"""Known to everybody: names of conditions, hospitals, trials."""
INTERNAL = {"privacy": "internal"}
"""How we work: ids, states, times, owners."""
PERSONAL = {"privacy": "personal"}
"""Who somebody is and how to reach them."""
HEALTH = {"privacy": "health"}
"""What somebody suffers from, said, was told, or takes part in."""
DETAIL = {"privacy": "health", "detail": True}
"""Health that was said, found or decided in a case: closed outside one's caseload where caseloads are assigned."""
SECRET = {"privacy": "secret"}
"""Credentials, even when hashed: shown to nobody."""

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Rows(StrEnum):
    """What may become of a table's rows once they are there. The grants of the database roles follow from it."""

    INSERT_ONLY = "insert_only"
    """Never changed, never removed; the database refuses it by trigger."""
    RECORD = "record"
    """Changed, never removed."""
    PART = "part"
    """Parts of a record that are replaced with it."""
    DISPOSABLE = "disposable"
    """Removed when they have served: sessions, proofs, kept answers."""
    OWNERS = "owners"
    """Written by the functions of the owner alone."""


class Base(DeclarativeBase):
    """
    A table: `class Person(Edited, Base)`, `class RowHistory(Base, rows=Rows.INSERT_ONLY)`.

    A class that does not say what may become of its rows is a TypeError. Edited tables are records.
    """

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        int: Integer(),
        UUID: Uuid(),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(Text()),
        list[UUID]: ARRAY(Uuid()),
    }

    def __init_subclass__(cls, *, rows: Rows | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__tablename__" not in cls.__dict__:
            return
        if rows is None:
            raise TypeError(f"{cls.__name__}: say what may become of its rows, as in `rows=Rows.RECORD`")
        cls.metadata.tables[cls.__tablename__].info["rows"] = rows


Key = Annotated[UUID, mapped_column(primary_key=True, server_default=text("uuidv7()"), info=INTERNAL)]
"""A primary key that the database makes: UUIDv7, so rows lie in the order of their creation."""
CreatedAt = Annotated[datetime, mapped_column(server_default=func.now(), info=INTERNAL)]
BigKey = Annotated[int, mapped_column(BigInteger, info=INTERNAL)]


class Edited:
    """
    Columns of a table whose rows people edit.

    The trigger `keep_history` counts `version` up, sets `updated_at` and files the earlier row in row_history; the ORM
    adds `version` to the WHERE of its UPDATE, so that a lost race is a StaleDataError and never a lost change.
    Rows in a list of another row may be taken out of it: the trigger `keep_removed` files those.
    """

    updated_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), server_onupdate=FetchedValue(), info=INTERNAL, sort_order=901
    )
    updated_by: Mapped[UUID | None] = mapped_column(info=INTERNAL, sort_order=902)
    version: Mapped[int] = mapped_column(
        server_default=text("1"), server_onupdate=FetchedValue(), info=INTERNAL, sort_order=903
    )

    def touch(self, now: datetime) -> None:
        """Make a new version although only rows that belong to this one have changed."""
        self.updated_at = now

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "__tablename__" in cls.__dict__:
            cls.__mapper_args__ = {  # type: ignore[attr-defined]  # declared by the mapper, not by this mixin
                "version_id_col": Edited.version,
                "version_id_generator": False,
                "eager_defaults": True,
                **getattr(cls, "__mapper_args__", {}),
            }
        super().__init_subclass__(**{"rows": Rows.RECORD, **kwargs})


@event.listens_for(Session, "before_flush")
def _name_the_editor(session: Session, *_: Any) -> None:
    # row_history reads who changed a row from the row itself; anyone who changes through the ORM is named here.
    actor = session.info.get("actor")
    if actor is None:
        return
    for row in session.dirty:
        if isinstance(row, Edited) and session.is_modified(row):
            row.updated_by = actor.account_id


@event.listens_for(Edited, "before_delete", propagate=True)
def _name_the_remover(_mapper: Any, connection: Connection, row: Any) -> None:
    # The trigger `keep_removed` files the row; a row that goes cannot say who took it away. PostgreSQL keeps the name
    # until the transaction or savepoint ends.
    session = object_session(row)
    actor = session.info.get("actor") if session is not None else None
    if session is None or actor is None:
        return
    named = (connection.get_nested_transaction() or connection.get_transaction(), actor.account_id)
    if session.info.get("named_remover") != named:
        connection.execute(select(func.set_config("crm.actor", str(actor.account_id or ""), True)))
        session.info["named_remover"] = named


def insert_only_tables() -> list[Table]:
    """Tables whose rows are never changed or removed."""
    return [table for table in Base.metadata.sorted_tables if table.info["rows"] is Rows.INSERT_ONLY]


def tables_that_say(word: str) -> dict[Table, Any]:
    """
    The tables with `word` in their `info`, and what it says there.

    So a package asks about tables of packages to its left, which it does not import. LookupError when there is none:
    an answer from no table would read as "no".
    """
    found = {table: table.info[word] for table in Base.metadata.tables.values() if word in table.info}
    if not found:
        raise LookupError(f"no table says {word}: is app.models imported?")
    return found


def edited_tables() -> list[Table]:
    """Tables with earlier versions in row_history: those with the columns of Edited."""
    return [table for table in Base.metadata.sorted_tables if {"version", "updated_by"} <= set(table.c.keys())]


def create_replica(settings: Settings) -> Replica | None:
    """The replica that the settings name, for `Database`; None without one. Its sessions cannot write."""
    if settings.replica_url is None:
        return None
    engine = create_engine(settings, settings.replica_url.get_secret_value(), read_only=True)
    return Replica(engine, most_seconds=settings.replica_lag_seconds)


def create_engine(settings: Settings, database_url: str, *, read_only: bool = False) -> AsyncEngine:
    """
    The process's engine. A statement ends after `statement_timeout_seconds`, a wait for a connection after
    `pool_timeout_seconds`; both are answered with 503. The address is any of libpq's, `?host=` sockets included, of
    several hosts in the spelling of database_hosts.py.
    """
    timeout_ms = str(int(settings.statement_timeout_seconds * 1000))
    connector = Connector(
        database_url,
        timeout_seconds=settings.pool_timeout_seconds,
        server_settings={
            "statement_timeout": timeout_ms,
            "idle_in_transaction_session_timeout": "30000",
            "timezone": "UTC",
            "application_name": APPLICATION_NAME,
            # A page's LIMIT is a parameter: the planner would otherwise plan each list anew (twice the CPU).
            "plan_cache_mode": "force_generic_plan",
            # The cost of a generic plan is a guess; a high one would have statements of milliseconds compiled.
            "jit": "off",
            **({"default_transaction_read_only": "on"} if read_only else {}),
        },
    )
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connector.connect,
        pool_size=settings.pool_size + settings.statement_pool_size,
        max_overflow=0,
        pool_timeout=settings.pool_timeout_seconds,
        pool_pre_ping=False,
    )
    throw_lost_connections_away(engine)
    return engine


APPLICATION_NAME: Final = "crm"
"""What the database calls our connections by themselves. Fast statements stay at it: their text says what they do."""
_DOING: ContextVar[str | None] = ContextVar("doing", default=None)
_NAME_BYTES: Final = 63


def name_in_the_database(what: str) -> str:
    """What a connection is called that works on `what`: a route template or a job's name, never what somebody sent."""
    return f"{APPLICATION_NAME} {what}"[:_NAME_BYTES]


def named_in_the_database(name: str | ColumnElement[str]) -> ColumnElement[str]:
    """
    A column that gives the connection this name until the transaction ends (`application_name`): for a statement that
    is sent anyway, so that no round trip is spent on it.
    """
    return func.set_config("application_name", name, literal(value=True))


def work_as(job: str) -> None:
    """From here on each unit of work of this job is named after it in the database."""
    _DOING.set(job)


class Database:
    """
    Sessions for the entry points, and the pool for fast statements. One per process, made in the application's lifespan
    or by a command.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        replica: Replica | None = None,
        statement_pool_size: int = 8,
        statement_timeout_seconds: float = 3.0,
    ) -> None:
        self.engine = engine
        self.replica = replica
        self.statements: StatementRunner = StatementPool(
            engine, size=statement_pool_size, timeout_seconds=statement_timeout_seconds
        )

    def session(self) -> AsyncSession:
        """A session that nobody commits but `unit_of_work` and the request guard."""
        return AsyncSession(self.engine, expire_on_commit=False, info={IN_SESSION: self.replica})

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        async with self.session() as session, session.begin():
            if (job := _DOING.get()) is not None:
                await session.execute(select(named_in_the_database(name_in_the_database(job))))
            yield session

    async def close(self) -> None:
        await self.statements.close()
        await self.engine.dispose()
        if self.replica is not None:
            await self.replica.engine.dispose()


def driver_error(error: BaseException) -> BaseException:
    """The driver's own exception, of one that SQLAlchemy may have wrapped."""
    if not isinstance(error, DBAPIError):
        return error
    try:
        return error.driver_exception
    except ValueError:
        # SQLAlchemy 2.1 makes its exception of a stale prepared statement without the driver's: that is its cause.
        return (error.orig and error.orig.__cause__) or error


def constraint_name(error: BaseException) -> str | None:
    """The constraint that a database error names, from a session's or asyncpg's exception; None for other errors."""
    name = getattr(driver_error(error), "constraint_name", None)
    return str(name) if name else None


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of a database error, None where the server never answered."""
    state = getattr(driver_error(error), "sqlstate", None)
    return str(state) if state else None


ConstraintErrors = Mapping[str, Callable[[], Exception]]
"""What a package's errors.py says of its constraints: the name, and how to make the domain error."""

__all__ = [
    "HEALTH",
    "INTERNAL",
    "PERSONAL",
    "PUBLIC",
    "SECRET",
    "Base",
    "ConstraintErrors",
    "CreatedAt",
    "Database",
    "Edited",
    "Key",
    "Rows",
    "constraint_name",
    "create_engine",
    "driver_error",
    "edited_tables",
    "insert_only_tables",
    "sqlstate",
    "tables_that_say",
]
