"""One migration at a time: anyone who changes runs holds an advisory lock for as long as they are at it."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from app.legacy.errors import AnotherRun
from app.platform.advisory_locks import Lock


@contextmanager
def alone(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that holds the lock of runs; AnotherRun when somebody else does."""
    with psycopg.connect(url, autocommit=True, application_name="crm legacy") as connection:
        connection.execute("SET client_min_messages = warning")
        connection.execute("SET statement_timeout = 0")
        got = connection.execute("SELECT pg_try_advisory_lock(%s)", (Lock.LEGACY_RUN.value,)).fetchone()
        if got != (True,):
            raise AnotherRun
        try:
            yield connection
        finally:
            # Not left to the closing, which the server sees a moment later: the next command may follow at once.
            if not connection.closed and not connection.broken:
                connection.rollback()
                connection.execute("SELECT pg_advisory_unlock(%s)", (Lock.LEGACY_RUN.value,))


def who() -> str:
    """The name of the account that gives the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
