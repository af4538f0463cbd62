"""The application on a loopback port, for tests that need a real server: as a process of its own, or in this one."""

import asyncio
import contextlib
import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from granian.constants import Interfaces
from granian.server.embed import Server

from app import cli

CRM = Path(sys.executable).parent / "crm"


def environment(**more: str) -> dict[str, str]:
    """The environment of the tests without settings of the CRM, and `more`."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("CRM_")}, **more}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def crm_here(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """What `crm` says and how it ends, run in this process: a process of its own imports for more than a second."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        for name in os.environ.keys() - env.keys():
            patch.delenv(name)
        for name, value in env.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["crm", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), stdout.getvalue(), stderr.getvalue())


@contextmanager
def serving(log: Path, *arguments: str, env: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`crm serve` until the block ends: the process and its URL, once it is ready. Its stderr goes to `log`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with log.open("ab") as stderr:
        server = subprocess.Popen(
            [CRM, "serve", *arguments], env={**env, "PORT": str(port)}, stdout=subprocess.DEVNULL, stderr=stderr
        )
    try:
        deadline = time.monotonic() + 300
        while True:
            try:
                if httpx.get(f"{url}/health/ready", timeout=5).status_code == httpx.codes.OK:
                    break
            except httpx.TransportError:
                assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"the server did not become ready: {log.read_text()}"
            time.sleep(0.1)
        yield server, url
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait(30)


@asynccontextmanager
async def served_here(app: FastAPI, *, port: int | None = None) -> AsyncIterator[int]:
    """The application on a port of loopback in this very event loop, so that it may share a test's database."""
    port = port or free_port()
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False)
    task = asyncio.create_task(server.serve())
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            await asyncio.sleep(0.05)
        else:
            raise TimeoutError("the test server did not start")
        yield port
    finally:
        server.stop()  # type: ignore[no-untyped-call]  # granian leaves it unannotated
        await asyncio.wait_for(task, timeout=10)
