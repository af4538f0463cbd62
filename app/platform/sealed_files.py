"""
Files encrypted as a stream, each under a key of its own: no more than a chunk is in memory.

The form is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption, 2015): AES-256-GCM of each
chunk, whose nonce is its place and whether it is the last one. A file that was cut, joined or put in another order does
not open. A key is used for one file, so that no nonce comes twice.
"""

import os
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.platform.crypto import Unreadable

CHUNK_BYTES = 64 * 1024
_TAG_BYTES = 16
_SEALED_BYTES = CHUNK_BYTES + _TAG_BYTES


def new_file_key() -> bytes:
    """256 random bits."""
    return os.urandom(32)


def seal_file(key: bytes, plain: Iterable[bytes]) -> Iterator[bytes]:
    """The parts of a file encrypted, a chunk at a time; an empty file has one chunk too."""
    cipher = AESGCM(key)
    for number, chunk, is_last in _chunks(plain, CHUNK_BYTES):
        yield cipher.encrypt(_nonce(number, is_last=is_last), chunk, None)


def unseal_file(key: bytes, sealed: Iterable[bytes]) -> Iterator[bytes]:
    """The parts of the file that `seal_file` was given. Unreadable as soon as a part of it is not as it was."""
    cipher = AESGCM(key)
    for number, chunk, is_last in _chunks(sealed, _SEALED_BYTES):
        try:
            yield cipher.decrypt(_nonce(number, is_last=is_last), chunk, None)
        except (InvalidTag, ValueError):
            raise Unreadable from None


def sealed_size(size_bytes: int) -> int:
    """How many bytes a file of this size has once it is sealed."""
    return size_bytes + max(1, -(-size_bytes // CHUNK_BYTES)) * _TAG_BYTES


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if is_last else b"\0")


def _chunks(parts: Iterable[bytes], size: int) -> Iterator[tuple[int, bytes, bool]]:
    """The bytes in chunks of this size, the last one shorter or not: its number, itself, whether it is the last."""
    held, number = bytearray(), 0
    for part in parts:
        held += part
        # What fills a chunk exactly may be the last one: it is kept until more comes.
        while len(held) > size:
            yield number, bytes(held[:size]), False
            del held[:size]
            number += 1
    yield number, bytes(held), True
