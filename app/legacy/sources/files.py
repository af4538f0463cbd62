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
_LARGEST_RATIO: Final = 200
_ENCRYPTED: Final = 1


def members(path: Path) -> list[Path]:
    """
    The files of a zip archive, each as a path below the archive; FatalExport where it is damaged.

    Folders inside count as part of the archive: what matters is a file's own name.
    """
    try:
        with ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except BadZipFile as error:
        raise FatalExport("FILE_UNREADABLE", path, f"not a whole zip archive ({error})") from error
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise FatalExport("FILE_UNREADABLE", path, "the archive is locked with a password: unpack it into this folder")
    names = sorted(entry.filename for entry in entries)
    return [path / name for name in names if not name.startswith(("__MACOSX/", "/")) and ".." not in name]


def refuse_bomb(path: Path) -> None:
    """Raise FatalExport for an archive or workbook that would unpack to absurd sizes."""
    try:
        with ZipFile(path) as archive:
            packed = sum(entry.compress_size for entry in archive.infolist()) or 1
            expanded = sum(entry.file_size for entry in archive.infolist())
    except BadZipFile as error:
        raise FatalExport("FILE_UNREADABLE", path, f"not a whole archive ({error})") from error
    if expanded > _LARGEST_EXPANDED or (expanded > 64 << 20 and expanded / packed > _LARGEST_RATIO):
        raise FatalExport("FILE_UNREADABLE", path, "unpacks to an absurd size")


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
