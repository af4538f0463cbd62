"""File locks that the kernel releases when the last process holding them ends, however it ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.platform.embedded.errors import EmbeddedError

# Longer than any start: recovery after a killed bulk load takes minutes at most.
WAIT_SECONDS = 300
_POLL_SECONDS = 0.02


def open_ours(path: Path, flags: int) -> int:
    """
    A file descriptor of a file of ours, made with mode 0600 when it does not exist.

    What root makes is given to the owner of the folder, who could not open it otherwise. Links are refused.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return descriptor


def try_lock(descriptor: int) -> bool:
    """Whether the exclusive lock is ours now; False when another holds it, shared or exclusive."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(path: Path) -> bool:
    """Whether any process holds a lock on the file."""
    descriptor = open_ours(path, os.O_RDONLY)
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the file's exclusive lock, after waiting for others up to WAIT_SECONDS; then EmbeddedError."""
    descriptor = open_ours(path, os.O_RDONLY)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not try_lock(descriptor):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"Another process has long been starting or stopping {path.parent}; end it.")
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


class Membership:
    """A shared lock: one of the users of the server. The last one to leave finds nobody else and stops it."""

    def __init__(self, path: Path) -> None:
        """Join the users; waits while the last one of before is still stopping the server."""
        self._descriptor = open_ours(path, os.O_RDONLY)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """Leave the users; True when nobody else is left. Call it while holding the start lock."""
        # Unlocked, not just closed: a forked child that still has the descriptor is no user of its own.
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        is_last = try_lock(self._descriptor)
        os.close(self._descriptor)
        return is_last
