"""Bytes that flow: from what writes into a file to who reads parts, and back. No more than a part is in memory."""

import io
import os
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import Any, BinaryIO

_READ_BYTES = 64 * 1024
Parts = Generator[bytes, None, None]
"""Bytes in parts, from what is closed when nobody reads on."""


class Watched:
    """Parts that keep the error which ended them: what reads them may make another one of it."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self.failed: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except StopIteration:
            raise
        except Exception as error:
            self.failed = error
            raise


def as_file(parts: Iterator[bytes]) -> BinaryIO:
    """The parts as a file that is read once, from its beginning to its end."""
    return io.BufferedReader(_File(parts), _READ_BYTES)


def pumped(write: Callable[[BinaryIO], None]) -> Parts:
    """
    What `write` puts into the file that it is given, in parts. It runs in a thread, only as fast as it is read.

    Its error is raised where its parts end. Who stops reading closes the iterator: then `write` meets a broken pipe.
    """
    reading, writing = os.pipe()
    failed: list[Exception] = []

    def work() -> None:
        try:
            with os.fdopen(writing, "wb") as file:
                write(file)
        except Exception as error:  # noqa: BLE001 - raised where it is read
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with os.fdopen(reading, "rb", buffering=0) as file:
            while part := file.read(_READ_BYTES):
                yield part
    finally:
        thread.join()
    if failed:
        raise failed[0]


def feed(parts: Iterator[bytes], file: Any) -> None:
    """Write the parts into a program that reads, and close its input; one that has ended is asked how by others."""
    with suppress(BrokenPipeError):
        for part in parts:
            file.write(part)
        file.close()


class _File(io.RawIOBase):
    def __init__(self, parts: Iterator[bytes]) -> None:
        self._rest = parts
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            part = next(self._rest, None)
            if part is None:
                return 0
            self._held = memoryview(part)
        size = min(len(buffer), len(self._held))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size
