"""The bytes of an export's files: as they lie there, packed with gzip, or in a zip archive of CSV files."""

import gzip
import zlib
from pathlib import Path
from typing import IO, Final, cast
from zipfile import BadZipFile, ZipFile, is_zipfile

from app.legacy.errors import FatalExport

BROKEN: Final = (EOFError, OSError, zlib.error, BadZipFile)
"""What reading a damaged packed file ends in."""

_LARGEST_EXPANDED: Final = 4 << 30
_SURELY_HARMLESS: Final = 64 << 20
_LARGEST_RATIO: Final = 200
_BLOCK: Final = 1 << 20
_ENCRYPTED: Final = 1


_PARQUET: Final = b"PAR1"
_NOT_READ: Final = (
    (b"\xd0\xcf\x11\xe0", "a workbook of Excel before 2007: save it as .xlsx"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it into this folder"),
    (b"Rar!", "a rar archive: unpack it into this folder"),
    (b"SQLite format 3", "an SQLite database: export its tables as CSV"),
)


def not_read(path: Path) -> str | None:
    """What a file is and what to do, where it may hold tables in a form that nothing here reads; None for all else."""
    with path.open("rb") as file:
        start = file.read(16)
    return next((what for mark, what in _NOT_READ if start.startswith(mark)), None)


def members(path: Path) -> list[Path]:
    """
    The files of a zip archive, each as a path below the archive; FatalExport where it is damaged, or a bomb.

    Folders inside count as part of the archive: what matters is a file's own name.
    """
    refuse_bomb(path)
    try:
        with ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except BadZipFile as error:
        raise FatalExport("FILE_UNREADABLE", path, f"not a whole zip archive ({error})") from error
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise FatalExport("FILE_UNREADABLE", path, "the archive is locked with a password: unpack it into this folder")
    names = sorted(entry.filename for entry in entries)
    return [path / name for name in names if not name.startswith(("__MACOSX/", "/")) and ".." not in name]


def packed(path: Path) -> list[Path]:
    """
    A file packed with gzip; FatalExport where it is damaged, or would unpack to an absurd size.

    It does not say how much is in it: it is unpacked a block at a time, as far as is allowed.
    """
    most, expanded = _most(path.stat().st_size), 0
    try:
        with gzip.open(path) as file:
            while expanded <= most and (block := file.read(_BLOCK)):
                expanded += len(block)
    except BROKEN as error:
        raise FatalExport("FILE_UNREADABLE", path, f"it is packed, and damaged ({error})") from error
    refuse_size(path, path.stat().st_size, expanded)
    return [path]


def refuse_bomb(path: Path) -> None:
    """Raise FatalExport for an archive or workbook that would unpack to absurd sizes."""
    try:
        with ZipFile(path) as archive:
            sizes = [(entry.compress_size, entry.file_size) for entry in archive.infolist()]
    except BadZipFile as error:
        raise FatalExport("FILE_UNREADABLE", path, f"not a whole archive ({error})") from error
    refuse_size(path, sum(small for small, _ in sizes), sum(expanded for _, expanded in sizes))


def refuse_size(path: Path, packed: int, expanded: int) -> None:
    """Raise FatalExport where so many packed bytes become absurdly many."""
    if expanded > _most(packed):
        raise FatalExport("FILE_UNREADABLE", path, "unpacks to an absurd size")


def _most(packed: int) -> int:
    """How many bytes may come of so many packed ones."""
    return min(_LARGEST_EXPANDED, max(_SURELY_HARMLESS, packed * _LARGEST_RATIO))


def archive_of(path: Path) -> Path | None:
    """The zip archive that a path lies in, or None."""
    return next((above for above in path.parents if above.suffix.lower() == ".zip" and above.is_file()), None)


def lies_in(path: Path) -> Path:
    """The file on the disk: the archive of what is in one."""
    return archive_of(path) or path


def open_bytes(path: Path) -> IO[bytes]:
    """The content, unpacked."""
    archive = archive_of(path)
    if archive:
        return ZipFile(archive).open(path.relative_to(archive).as_posix())
    return cast("IO[bytes]", gzip.open(path)) if is_gzip(path) else path.open("rb")


def is_gzip(path: Path) -> bool:
    """Whether a file is packed with gzip, by its name and its first bytes."""
    if path.suffix.lower() != ".gz":
        return False
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive that is no workbook."""
    return path.suffix.lower() == ".zip" and is_zipfile(path)


def is_parquet(path: Path) -> bool:
    """Whether a file is a parquet file, by its first bytes; what lies in an archive is none that can be read."""
    if archive_of(path):
        return False
    with path.open("rb") as file:
        return file.read(len(_PARQUET)) == _PARQUET


def bare_name(path: Path) -> str:
    """A file's name without what tells how it is written and packed."""
    return path.with_suffix("").stem if path.suffix.lower() == ".gz" else path.stem


def size_of(path: Path) -> int:
    """How many bytes a file has as it lies there; in an archive: unpacked."""
    archive = archive_of(path)
    if archive:
        with ZipFile(archive) as opened:
            return opened.getinfo(path.relative_to(archive).as_posix()).file_size
    return path.stat().st_size
