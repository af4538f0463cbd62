"""
Kill a migration at random moments and resume it, again and again: the result must be that of an undisturbed run.

    python -m tools.kill_legacy_runs DATABASE_URL EXPORT [KILLS]

The database must be empty of legacy data; it is empty again afterwards.
"""

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

from app.legacy import checks, runner
from app.legacy.errors import NotReady
from app.legacy.undo import undo

_CHILD = (
    "import sys; from pathlib import Path; from app.legacy import runner; from app.legacy.errors import NotReady\n"
    "url, source = sys.argv[1], Path(sys.argv[2])\n"
    "print('ready', flush=True)\n"
    "try:\n    runner.resume(url)\n"
    "except NotReady:\n    runner.run(url, source)\n"
)


def run_with_kills(url: str, source: Path, *, kills: int, seed: int) -> int:
    """
    Migrate in a process of its own that is killed (SIGKILL) until so many kills have struck; then finish.

    Returns the number of kills that struck a process at work. Moments are drawn over the length of a whole run.
    """
    chance = random.Random(seed)  # noqa: S311  # moments, not secrets
    began = time.monotonic()
    runner.run(url, source)
    length = time.monotonic() - began
    undo(url)
    struck = 0
    while struck < kills:
        child = subprocess.Popen(  # noqa: S603  # our own interpreter
            [sys.executable, "-c", _CHILD, url, str(source)], stdout=subprocess.PIPE, text=True
        )
        output = child.stdout or sys.stdin
        output.readline()
        try:
            child.wait(timeout=chance.random() * length)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            struck += 1
        output.close()
        _wait_until_alone(url)
        if _status(url) == "finished":
            # It was done before the kill: the next one begins anew.
            undo(url)
    try:
        runner.resume(url)
    except NotReady:
        runner.run(url, source)
    return struck


def _wait_until_alone(url: str) -> None:
    """Wait until the server has seen that the killed process's connections are gone."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(200):
            others = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND application_name = 'crm legacy'"
            ).fetchone()
            if others == (0,):
                return
            time.sleep(0.05)


def _status(url: str) -> Any:
    with psycopg.connect(url) as connection:
        found = runner.last_run(connection)
    return found[1] if found else None


def _checksum(url: str) -> str:
    with psycopg.connect(url) as connection:
        return checks.checksum(connection)


def main() -> None:
    """Do it as often as asked, and compare."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("database_url")
    reader.add_argument("export", type=Path)
    reader.add_argument("kills", type=int, nargs="?", default=100)
    asked = reader.parse_args()
    url, source, kills = asked.database_url, asked.export, asked.kills
    before = _checksum(url)
    runner.run(url, source)
    expected = _checksum(url)
    undo(url)
    struck = run_with_kills(url, source, kills=kills, seed=int(time.time()))
    same = _checksum(url) == expected
    undo(url)
    clean = _checksum(url) == before
    sys.stdout.write(f"{struck} of {kills} kills struck; same result: {same}; undone without trace: {clean}\n")
    sys.exit(0 if same and clean else 1)


if __name__ == "__main__":
    main()
