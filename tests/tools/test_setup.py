"""What `make` sets up trusts the certificates of the system; an audit without a snapshot of advisories says so."""

import os
import subprocess
from pathlib import Path

import pytest

import hatch_build

ROOT = Path(hatch_build.__file__).parent
SETTINGS = ("PIP_CERT", "UV_SYSTEM_CERTS", "NODE_EXTRA_CA_CERTS", "NODE_USE_SYSTEM_CA", "SSL_CERT_FILE")

# Stands for Python, and for the pip and uv of the environment that it makes: each tells what it was told to trust.
PROGRAM = """#!/bin/sh
case "$1 $2" in
"-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/pip"; cp "$0" "$3/bin/uv";;
"-c "*) ;;
*) echo "$(basename "$0") $1: $PIP_CERT $UV_SYSTEM_CERTS $NODE_EXTRA_CA_CERTS" >> "$TOLD";;
esac
"""


def _set_up(folder: Path, **more: str) -> list[str]:
    """What the installers of a first `make` say of their certificates."""
    python = folder / "python"
    python.write_text(PROGRAM)
    python.chmod(0o755)
    env = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    make = ["make", f"PYTHON={python}", f"VENV={folder / 'venv'}", f"{folder / 'venv'}/.stamp"]
    done = subprocess.run(
        make, cwd=ROOT, env={**env, "TOLD": str(folder / "told"), **more}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return (folder / "told").read_text().splitlines()


def test_installers_trust_the_certificates_of_the_system(tmp_path: Path) -> None:
    (bundle := tmp_path / "system.pem").write_text("")
    told = _set_up(tmp_path, SSL_CERT_FILE=str(bundle))
    assert [line.partition(":")[0] for line in told] == ["pip install", "uv pip", "uv pip"]
    assert {line.partition(": ")[2] for line in told} == {f"{bundle} true {bundle}"}


def test_certificates_that_somebody_has_named_stay(tmp_path: Path) -> None:
    (tmp_path / "system.pem").write_text("")
    own = {"PIP_CERT": "/mine/pip.pem", "UV_SYSTEM_CERTS": "false", "NODE_EXTRA_CA_CERTS": "/mine/node.pem"}
    told = _set_up(tmp_path, SSL_CERT_FILE=str(tmp_path / "system.pem"), **own)
    assert {line.partition(": ")[2] for line in told} == {"/mine/pip.pem false /mine/node.pem"}


def test_npm_trusts_the_certificates_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    assert hatch_build.npm_command()[1]["NODE_USE_SYSTEM_CA"] == "1"
    monkeypatch.setenv("SSL_CERT_FILE", "/system.pem")
    assert hatch_build.npm_command()[1]["NODE_EXTRA_CA_CERTS"] == "/system.pem"
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", "/mine.pem")
    assert hatch_build.npm_command()[1]["NODE_EXTRA_CA_CERTS"] == "/mine.pem"


def test_an_audit_without_a_snapshot_says_so_and_fails(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "ADVISORIES"}
    for given in ([], [f"ADVISORIES={tmp_path / 'nothing'}"], [f"ADVISORIES={tmp_path}"]):
        # The environment of this run stands for the one that set-up makes.
        make = ["make", "-o", ".venv/.stamp", "audit", *given]
        done = subprocess.run(make, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "no snapshot of advisories" in done.stderr, done.stderr
        assert "nothing was audited" in done.stderr
