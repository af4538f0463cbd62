"""Processes that are started, killed as a machine kills them that loses its power, and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CRM: Final = Path(sys.executable).parent / "crm"
MOST_SECONDS: Final = 180
"""For anything that is waited for."""


class NotThereError(Exception):
    """A tool that is needed is missing; the message says which."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, is_true: Callable[[], bool], *, every: float = 0.2) -> None:
    """TimeoutError that names what was waited for in vain."""
    deadline = time.monotonic() + MOST_SECONDS
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(every)


@dataclass
class Process:
    """A command in a session of its own, so that it is killed with all that it has started."""

    command: tuple[str | Path, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(  # noqa: S603 - our own command
                self.command, env={**os.environ, **self.env}, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        if self.running is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.running.pid, signal.SIGKILL)
            self.running.wait()

    def stop(self) -> None:
        if self.running is None or self.running.poll() is not None:
            return
        self.running.terminate()
        try:
            self.running.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()


def kill_postgresql(data: Path) -> None:
    """End every process of the server on this folder at once."""
    for pid in processes_of_postgresql(data):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def processes_of_postgresql(data: Path) -> list[int]:
    """The parent first; none where no server runs on this folder."""
    try:
        postmaster = int((data / "postmaster.pid").read_text().split()[0])
        if b"postgres" not in Path(f"/proc/{postmaster}/cmdline").read_bytes():
            return []
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return []
    return [postmaster, *map(int, children)]
