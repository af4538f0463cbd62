"""The programs that look at the deployment files, and what becomes of a check whose program is not there."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from tests.printed import ROOT

CHECKS = ROOT / "deploy" / "checks"
"""What the checkers are told."""


def not_run(reason: str) -> NoReturn:
    """End this test: as NOT RUN in the summary, and as a failure where CI=true, since nobody reads a summary there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"NOT RUN: {reason}", pytrace=False)
    pytest.skip(f"NOT RUN: {reason}")


def tool(name: str) -> str:
    """The program of this name; without it the test is not run."""
    found = shutil.which(name)
    if found is None:
        not_run(f"{name} is not here")
    return found


def run(
    *command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None, seconds: int = 600
) -> subprocess.CompletedProcess[str]:
    """What a program printed and how it ended."""
    return subprocess.run(  # noqa: PLW1510 - the caller looks at the code
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
    )


def passes(
    name: str, *arguments: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None, seconds: int = 600
) -> str:
    """What the program prints; the test fails with its findings where it ends with another code than 0."""
    ended = run(tool(name), *arguments, cwd=cwd, env=env, seconds=seconds)
    if ended.returncode != 0:
        pytest.fail(f"{name} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}", pytrace=False)
    return ended.stdout
