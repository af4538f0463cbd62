"""The CRM as users get it: `crm serve`, with one worker, on a port of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 180  # a cluster under load takes its revisions slowly; a server that is ready is not waited for


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    pid: int


@contextmanager
def serving(database_url: str, *, fast_paths: bool) -> Iterator[Server]:
    """A server on this database for as long as the block runs; its log lines are written, and thrown away."""
    port = _free_port()
    environment = os.environ | {
        "CRM_DATABASE_URL": database_url,
        "CRM_FAST_PATHS": "true" if fast_paths else "false",
        "CRM_HOST": "127.0.0.1",
        "CRM_LOG_FORMAT": "json",
        "CRM_WORKERS": "1",
        "PORT": str(port),
    }
    process = subprocess.Popen(  # noqa: S603 - our own command
        [Path(sys.executable).parent / "crm", "serve"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(port, process)
        yield Server("127.0.0.1", port, process.pid)
    finally:
        process.terminate()
        process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not become ready")
