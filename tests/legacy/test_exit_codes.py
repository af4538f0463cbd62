"""What ends a command of the migration is told apart by its exit code, and `resume` goes on where it says so."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from app.legacy import runner
from app.legacy.locks import alone
from app.legacy.undo import undo
from tests.legacy.conftest import checksum

CRM = Path(sys.executable).parent / "crm"


def _started(url: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [CRM, "legacy", *words],
        env=os.environ | {"CRM_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _ended(url: str, *words: str) -> tuple[int, str]:
    process = _started(url, *words)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


@contextmanager
def _run_that_waits(url: str, source: Path) -> Iterator[tuple[subprocess.Popen[str], psycopg.Connection[Any], int]]:
    """A run whose phase of patients waits for a lock, a connection beside it, and the process of its server."""
    with psycopg.connect(url, autocommit=True) as beside, psycopg.connect(url) as blocker:
        blocker.execute("LOCK TABLE patient IN ACCESS EXCLUSIVE MODE")
        process = _started(url, "run", "--source", str(source))
        waiting = None
        ends = time.monotonic() + 300
        while waiting is None and process.poll() is None and time.monotonic() < ends:
            time.sleep(0.1)
            waiting = beside.execute(
                "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'patient'::regclass"
            ).fetchone()
        assert waiting is not None, process.stdout and process.stdout.read()
        yield process, beside, waiting[0]


def _interrupted(process: subprocess.Popen[str]) -> str:
    """What it says in the end. Ctrl-C is pressed again where nothing happens: once in some whole runs one was lost."""
    for _ in range(15):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=20)[0]
    process.kill()
    raise AssertionError(process.communicate()[0])


@pytest.fixture
def expected(url: str, sample_folder: Path) -> str:
    """The checksum after a run that nothing has disturbed; the run is taken back again."""
    runner.run(url, sample_folder)
    found = checksum(url)
    undo(url)
    return found


def test_one_that_is_interrupted_says_so_and_resume_goes_on(url: str, sample_folder: Path, expected: str) -> None:
    with _run_that_waits(url, sample_folder) as (process, _, _):
        said = _interrupted(process)
    assert (process.returncode, "`crm legacy resume` goes on" in said) == (130, True), said
    assert _ended(url, "resume")[0] == 0
    assert checksum(url) == expected


def test_one_that_loses_its_connection_says_so_and_resume_goes_on(url: str, sample_folder: Path, expected: str) -> None:
    with _run_that_waits(url, sample_folder) as (process, beside, server):
        beside.execute("SELECT pg_terminate_backend(%s)", (server,))
        said, _ = process.communicate(timeout=300)
    assert (process.returncode, "connection to the database was lost" in " ".join(said.split())) == (6, True), said
    assert _ended(url, "resume")[0] == 0
    assert checksum(url) == expected


@pytest.mark.parametrize("command", ["status", "verify"])
def test_a_database_that_is_not_there_is_named(url: str, command: str) -> None:
    elsewhere = make_url(url).set(database="not_there")
    code, said = _ended(elsewhere.render_as_string(hide_password=False), command)
    assert code == 6, said
    assert "The database cannot be reached" in said
    assert 'database "not_there" does not exist' in " ".join(said.split())


def test_a_second_one_beside_it_is_refused(url: str, sample_folder: Path) -> None:
    with alone(url):
        code, said = _ended(url, "run", "--source", str(sample_folder))
    assert code == 4, said
    assert _ended(url, "run", "--source", str(sample_folder))[0] == 0


def test_a_check_that_does_not_hold_is_told(url: str, sample_folder: Path) -> None:
    runner.run(url, sample_folder)
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM legacy.outcome WHERE ctid = (SELECT max(ctid) FROM legacy.outcome)")
    code, said = _ended(url, "verify")
    assert code == 3, said
