"""The schema is moved while others work: who comes after a change that waits does not wait with it."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from app.platform import schema
from app.platform.errors import Conflict
from app.platform.newest_revision import head_revision

EARLIER = "0061_suggestions_list"
"""Next comes one that builds indexes on calls concurrently, and later one that changes the table of tasks."""
INDEXES = "0062_foreign_keys"
UNCHANGED = "0066_undone_opt_outs"
WAITS = """
    SELECT EXISTS (SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
                   WHERE NOT l.granted AND a.datname = current_database() AND a.query LIKE %s
                     AND clock_timestamp() - a.query_start > %s * interval '1 second')
"""


@pytest.fixture
def earlier(another_database: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    """A database of an earlier revision: its address."""
    url = another_database(f"upgrades_{os.getpid()}_{abs(hash(request.node.name)) % 10**8}")
    schema.downgrade(url, EARLIER)
    return url


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_LOCK_SECONDS", 0.3)
    monkeypatch.setattr(schema, "_PAUSE_SECONDS", 0.3)


@contextmanager
def _moving(url: str, *, held_up_by: psycopg.Connection) -> Iterator[list[BaseException]]:
    """The schema is moved beside the block; when it is left `held_up_by` ends, and what went wrong is told."""
    wrong: list[BaseException] = []

    def move() -> None:
        try:
            schema.upgrade(url)
        except BaseException as error:  # noqa: BLE001 - it is told by the test
            wrong.append(error)

    thread = threading.Thread(target=move)
    thread.start()
    try:
        yield wrong
    finally:
        held_up_by.rollback()
        thread.join()


def _revision(url: str) -> str:
    with psycopg.connect(url) as connection:
        found: tuple[Any, ...] | None = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert found
    return str(found[0])


def _await_one_that_waits(url: str, statement: str, wrong: list[BaseException], *, seconds: float = 0) -> None:
    with psycopg.connect(url, autocommit=True) as watcher:
        while (watcher.execute(WAITS, (statement, seconds)).fetchone() or (False,))[0] is False:
            assert wrong == []
            time.sleep(0.01)


def test_nobody_waits_behind_a_change_that_waits_for_a_long_reader(earlier: str, hurried: None) -> None:
    with psycopg.connect(earlier) as reader:
        reader.execute("SELECT count(*) FROM task")
        with _moving(earlier, held_up_by=reader) as wrong:
            _await_one_that_waits(earlier, "ALTER TABLE task%", wrong)
            with psycopg.connect(earlier, options="-c lock_timeout=60s") as others:
                others.execute("SELECT count(*) FROM task")
                others.execute("UPDATE task SET version = version")
    assert wrong == []
    assert _revision(earlier) == head_revision()


def test_a_table_that_is_never_free_is_told_and_what_was_done_stays(
    earlier: str, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_TRIES", 2)
    with psycopg.connect(earlier) as reader:
        reader.execute("SELECT count(*) FROM task")
        with pytest.raises(Conflict) as refused:
            schema.upgrade(earlier)
    assert refused.value.error_code == "schema_in_use"
    assert _revision(earlier) == UNCHANGED
    schema.upgrade(earlier)
    assert _revision(earlier) == head_revision()


def test_an_index_that_is_built_beside_others_waits_as_long_as_it_must(
    earlier: str, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_TRIES", 1)
    with psycopg.connect(earlier) as writer:
        writer.execute("UPDATE call_history SET version = version")
        with _moving(earlier, held_up_by=writer) as wrong:
            _await_one_that_waits(earlier, "CREATE INDEX CONCURRENTLY%", wrong, seconds=1)
            with psycopg.connect(earlier, options="-c lock_timeout=60s") as others:
                others.execute("UPDATE call_history SET version = version")
    assert wrong == []
    assert _revision(earlier) == head_revision()
