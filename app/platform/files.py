"""Files of documents: what comes in is encrypted on its way to the store, what goes out on its way from there."""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from app.platform.content_types import SAMPLE_BYTES, content_type_of
from app.platform.file_store import file_store
from app.platform.sealed_files import CHUNK_BYTES, new_file_key, seal_file, unseal_file
from app.platform.settings import Settings

PURPOSE = "document"
"""What the keys of files are sealed for; their owner is the name in the store."""


@dataclass(frozen=True)
class KeptFile:
    """A file in the store: `sha256` is that of its content, `wrapped_key` its own key under the master key."""

    stored_as: str
    content_type: str
    size_bytes: int
    sha256: str
    key_version: int
    wrapped_key: bytes
    is_to_be_scanned: bool


class Files:
    """The files of one installation. Its methods work in the thread that calls them."""

    def __init__(self, settings: Settings) -> None:
        self.store = file_store(settings)
        self.largest_mib = settings.largest_document_mib
        self._keys = settings.keys
        self._is_scanned = bool(settings.scan_command)

    @property
    def largest_bytes(self) -> int:
        return self.largest_mib * 1024 * 1024

    def keep(self, file: BinaryIO) -> KeptFile | None:
        """Put a file into the store; None for one of a kind that is not taken. StoreFailed."""
        kind = _kind_of(file)
        return None if kind is None else self.put(kind, file)

    def put(self, kind: str, file: BinaryIO) -> KeptFile:
        """Put a file of this kind into the store, under a key of its own. StoreFailed."""
        name, key, seen, size = secrets.token_hex(16), new_file_key(), hashlib.sha256(), 0

        def parts() -> Iterator[bytes]:
            nonlocal size
            file.seek(0)
            while part := file.read(CHUNK_BYTES):
                seen.update(part)
                size += len(part)
                yield part

        self.store.put(name, seal_file(key, parts()))
        version, wrapped = self._keys.seal(purpose=PURPOSE, owner=name, plain=key)
        return KeptFile(name, kind, size, seen.hexdigest(), version, wrapped, self._is_scanned)

    def read(self, stored_as: str, key_version: int, wrapped_key: bytes) -> Iterator[bytes]:
        """The content of a file, in parts. Unreadable, StoreFailed."""
        key = self._keys.unseal(key_version, purpose=PURPOSE, owner=stored_as, sealed=wrapped_key)
        return unseal_file(key, self.store.open(stored_as))


def _kind_of(file: BinaryIO) -> str | None:
    file.seek(0)
    beginning = file.read(SAMPLE_BYTES)
    size = file.seek(0, 2)
    file.seek(max(0, size - SAMPLE_BYTES))
    return content_type_of(beginning, file.read(SAMPLE_BYTES))
