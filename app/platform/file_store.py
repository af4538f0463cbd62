"""
Where the content of documents lies, and where backups do: in a folder, or in an S3-compatible store. What comes here is
encrypted already.

The stores work in the thread that calls them; a caller on the event loop takes one of its own.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from app.platform.settings import Settings

_UNFINISHED = ".part"
_READ_BYTES = 256 * 1024
_SPREAD = 2
"""So many characters of a name make its folder."""


class StoreFailed(Exception):
    """The store does not take or give a file: it is full, cannot be reached, or has no such file."""


class NoSuchFile(StoreFailed):
    """The store answers, and has no file of this name."""


class FileStore(Protocol):
    """Files by name. A name is of our own making: letters, digits, dots and hyphens."""

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        """Keep a file whole or not at all. StoreFailed."""

    def open(self, name: str) -> Iterator[bytes]:
        """The file in parts. StoreFailed, before the first part where there is none."""

    def size(self, name: str) -> int:
        """How many bytes the file has. NoSuchFile, StoreFailed."""

    def delete(self, name: str) -> None:
        """Remove the file; one that is gone already is as wanted. StoreFailed."""

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Every file with the time at which it was put there, those of which only a part has come too. StoreFailed."""


def file_store(settings: Settings) -> FileStore:
    """The store that CRM_DOCUMENTS names."""
    return store_at(settings.documents or str(settings.data_dir / "documents"))


def store_at(place: str, *, spread: bool = True) -> FileStore:
    """The store of a folder's path or of s3://bucket/prefix; `spread` as FolderStore has it."""
    if place.startswith("s3://"):
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        return S3Store(bucket, prefix)
    return FolderStore(Path(place), spread=spread)


class FolderStore:
    """A folder, which is made when the first file comes. Many files are `spread` over folders in it by their names."""

    def __init__(self, folder: Path, *, spread: bool = True) -> None:
        self._folder = folder
        self._spread = spread

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        path = self._path(name)
        unfinished = path.with_name(name + _UNFINISHED)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                for part in parts:
                    file.write(part)
                file.flush()
                # The row that names it is as durable: a file must not be less.
                os.fsync(file.fileno())
            unfinished.replace(path)
            _sync(path.parent)
        except BaseException as error:
            # Also of the parts themselves: what they are made of may fail.
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise StoreFailed(error.strerror) from error
            raise

    def open(self, name: str) -> Iterator[bytes]:
        try:
            with self._path(name).open("rb") as file:
                while part := file.read(_READ_BYTES):
                    yield part
        except FileNotFoundError as error:
            raise NoSuchFile(error.strerror) from error
        except OSError as error:
            raise StoreFailed(error.strerror) from error

    def size(self, name: str) -> int:
        try:
            return self._path(name).stat().st_size
        except FileNotFoundError as error:
            raise NoSuchFile(error.strerror) from error
        except OSError as error:
            raise StoreFailed(error.strerror) from error

    def delete(self, name: str) -> None:
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise StoreFailed(error.strerror) from error

    def names(self) -> Iterator[tuple[str, datetime]]:
        folders: list[os.PathLike[str]] = [self._folder]
        if self._spread:
            # A disk has folders of its own, such as lost+found, which root alone may read.
            folders = [one for one in _entries(self._folder) if len(one.name) == _SPREAD and one.is_dir()]
        for folder in folders:
            for entry in _entries(folder):
                with contextlib.suppress(FileNotFoundError):  # it went while the folder was read
                    yield entry.name, datetime.fromtimestamp(entry.stat().st_mtime, UTC)

    def _path(self, name: str) -> Path:
        # Not all in one folder: some file systems become slow by that.
        return self._folder / name[:_SPREAD] / name if self._spread else self._folder / name


def _entries(folder: os.PathLike[str]) -> list[os.DirEntry[str]]:
    """None where there is no folder; StoreFailed where it may not be read, which is no empty store."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreFailed(error.strerror) from error


def _sync(folder: Path) -> None:
    """Make the new name in the folder durable too."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


class S3Store:
    """A bucket of an S3-compatible store. Keys, region and address come from the usual variables, AWS_….."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        # Imported where it is used: most installations keep a folder.
        import obstore  # noqa: PLC0415
        from obstore.exceptions import BaseError, NotFoundError  # noqa: PLC0415
        from obstore.store import S3Store as Bucket  # noqa: PLC0415

        self._obstore, self._error, self._gone = obstore, BaseError, (NotFoundError, FileNotFoundError)
        self._bucket = Bucket(bucket, prefix=prefix or None)

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        try:
            self._obstore.put(self._bucket, name, iter(parts))
        except (self._error, OSError) as error:
            raise StoreFailed(type(error).__name__) from error

    def open(self, name: str) -> Iterator[bytes]:
        try:
            for part in self._obstore.get(self._bucket, name).stream(min_chunk_size=_READ_BYTES):
                yield bytes(part)
        except self._gone as error:
            raise NoSuchFile(type(error).__name__) from error
        except (self._error, OSError) as error:
            raise StoreFailed(type(error).__name__) from error

    def size(self, name: str) -> int:
        try:
            return int(self._obstore.head(self._bucket, name)["size"])
        except self._gone as error:
            raise NoSuchFile(type(error).__name__) from error
        except (self._error, OSError) as error:
            raise StoreFailed(type(error).__name__) from error

    def delete(self, name: str) -> None:
        try:
            self._obstore.delete(self._bucket, name)
        except self._gone:
            return
        except (self._error, OSError) as error:
            raise StoreFailed(type(error).__name__) from error

    def names(self) -> Iterator[tuple[str, datetime]]:
        try:
            for page in self._obstore.list(self._bucket, chunk_size=1000):
                for found in page:
                    yield found["path"].rpartition("/")[2], found["last_modified"]
        except (self._error, OSError) as error:
            raise StoreFailed(type(error).__name__) from error
