"""The offline advisory check finds what a snapshot knows, and is never green on nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools.advisories import main

RECORD: dict[str, Any] = {
    "id": "PYSEC-0000-1",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "Some.Package"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.2"}, {"fixed": "2.0"}]}],
        }
    ],
}


EVERY_VERSION = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}


def _check(tmp_path: Path, record: dict[str, Any] | None, lock: str) -> int:
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    if record is not None:
        (snapshot / "one.json").write_text(json.dumps(record))
    (tmp_path / "lock.txt").write_text(lock)
    return main([str(snapshot), str(tmp_path / "lock.txt")])


@pytest.mark.parametrize(
    ("version", "code"), [("1.1", 0), ("1.2", 1), ("1.10.3", 1), ("2.0rc1", 1), ("2.0", 0), ("2.1", 0)]
)
def test_a_version_in_the_range_is_a_hole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], version: str, code: int
) -> None:
    assert _check(tmp_path, RECORD, f"some-package=={version} \\\n    --hash=sha256:0\n") == code
    assert ("PYSEC-0000-1" in capsys.readouterr().out) == (code == 1)


@pytest.mark.parametrize("versions", [("1.5", "2.0"), ("2.0", "1.5")])
def test_of_two_versions_for_two_pythons_each_is_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], versions: tuple[str, str]
) -> None:
    lock = "".join(
        f"some-package=={version} ; python_full_version {sign} '3.12' \\\n    --hash=sha256:0\n"
        for version, sign in zip(versions, ("<", ">="), strict=True)
    )
    assert _check(tmp_path, RECORD, lock) == 1
    assert "some-package 1.5: PYSEC-0000-1" in capsys.readouterr().out


def test_a_withdrawn_advisory_is_none(tmp_path: Path) -> None:
    other = {**RECORD, "id": "PYSEC-0000-2", "affected": []}
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "two.json").write_text(json.dumps(other))
    (tmp_path / "snapshot" / "one.json").write_text(json.dumps({**RECORD, "withdrawn": "2026-01-01T00:00:00Z"}))
    (tmp_path / "lock.txt").write_text("some-package==1.5\n")
    assert main([str(tmp_path / "snapshot"), str(tmp_path / "lock.txt")]) == 0


def test_nothing_audited_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _check(tmp_path, None, "some-package==1.5\n") == 2
    assert "nothing was audited" in capsys.readouterr().err
    assert main([]) == 2


@pytest.mark.parametrize("package", ["fastapi", "pytest", "checkov", "pyarrow"])
def test_every_lock_of_the_project_is_audited_unless_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], package: str
) -> None:
    """Of the program, of development, of the deployment's checkers, of what an image has where it is asked for."""
    affected = {"package": {"ecosystem": "PyPI", "name": package}, "ranges": [EVERY_VERSION]}
    (tmp_path / "one.json").write_text(json.dumps({**RECORD, "affected": [affected]}))
    assert main([str(tmp_path)]) == 1
    assert f"{package} " in capsys.readouterr().out


def test_our_locks_are_read_whole() -> None:
    from tools.advisories import locked  # noqa: PLC0415

    runtime = locked([Path(__file__).parents[2] / "requirements.txt"])
    assert {"fastapi", "sqlalchemy", "asyncpg"} <= set(runtime)
