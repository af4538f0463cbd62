"""Every deployment file is looked at by the checkers of its kind; what they leave has its reason beside it."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.tools import CHECKS, passes, run, tool
from tests.printed import ROOT


def _tracked(*patterns: str) -> list[Path]:
    """The files of these patterns that git knows, new ones included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).exists()]


def test_dockerfiles_are_clean() -> None:
    passes("hadolint", *_tracked("Dockerfile", "*.Dockerfile"))


def test_yaml_is_well_formed() -> None:
    passes("yamllint", "--strict", "-c", CHECKS / "yamllint.yml", *_tracked("*.yml", "*.yaml"))


def test_shell_scripts_are_clean() -> None:
    scripts = [ROOT / ".ci" / "run", *_tracked("deploy/*.sh", "deploy/**/*.sh")]
    passes("shellcheck", "--severity=style", *scripts)


def test_the_compose_file_is_clean() -> None:
    passes(
        "compose-lint",
        "check",
        "--quiet",
        "--no-env",
        "--no-merge-overrides",
        "--strict-config",
        "--fail-on=low",
        f"--config={CHECKS / 'compose-lint.yml'}",
        "docker-compose.yml",
    )


@pytest.mark.parametrize("settings", [None, {"CRM_ENV": "production", "PORT": "9000"}], ids=["alone", "production"])
def test_the_compose_file_renders(settings: dict[str, str] | None) -> None:
    rendered = passes("podman-compose", "--file", ROOT / "docker-compose.yml", "config", env=settings)
    assert ("CRM_ENV: production" in rendered) == (settings is not None)
    assert "${" not in rendered


def test_no_policy_is_broken() -> None:
    passes("checkov", "--directory", ROOT, "--config-file", CHECKS / "checkov.yml")


def test_what_is_suppressed_has_a_reason() -> None:
    """A reason of several words, beside what it is about: no list of checks that are off everywhere."""
    written = {path: path.read_text(encoding="utf-8") for path in _tracked("Dockerfile", "*.yml", "*.yaml", "deploy/*")}
    found = [
        (path, line)
        for path, text in written.items()
        for line in text.splitlines()
        if re.search(r"checkov:skip|checkov\.io/skip|hadolint ignore|shellcheck disable|yamllint disable", line)
    ]
    bare = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path, line in found
        if not re.search(
            r"(?:skip=CKV2?_\w+:|skip\d+: CKV2?_\w+=|(?:ignore|disable)[=: ]\S+ .*?# ?)(?:\s*\S+){4,}", line
        )
    ]
    assert bare == []
    assert not re.search(r"^skip-check", (CHECKS / "checkov.yml").read_text(encoding="utf-8"), re.MULTILINE)


def test_a_missing_tool_is_said_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception, match="NOT RUN: no-such-checker is not here"):
        tool("no-such-checker")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="NOT RUN: no-such-checker is not here"):
        tool("no-such-checker")


def test_the_checkers_see_what_is_wrong(tmp_path: Path) -> None:
    """A checker that finds nothing anywhere would pass every file: each is shown one that is wrong."""
    (tmp_path / "Dockerfile").write_text("FROM debian:latest\nRUN cd /tmp && apt-get install curl\n")
    (tmp_path / "docker-compose.yml").write_text("services:\n  a:\n    image: b:latest\n    privileged: true\n")
    (tmp_path / "bad.yml").write_text("a: 1\na: 2\n")
    (tmp_path / "bad.sh").write_text("#!/bin/sh\nrm -rf $1/*\n")
    (tmp_path / "bad.tf").write_text('resource "aws_db_instance" "a" {\n  storage_encrypted = false\n}\n')
    for command in (
        ("hadolint", tmp_path / "Dockerfile"),
        ("compose-lint", "check", "--no-env", "--fail-on=low", tmp_path / "docker-compose.yml"),
        ("yamllint", "-c", CHECKS / "yamllint.yml", tmp_path / "bad.yml"),
        ("shellcheck", tmp_path / "bad.sh"),
        ("checkov", "--directory", tmp_path, "--config-file", CHECKS / "checkov.yml"),
    ):
        assert run(tool(str(command[0])), *command[1:]).returncode == 1, command[0]


def test_the_template_of_lambda_is_clean() -> None:
    passes("cfn-lint", "deploy/lambda/template.yaml")
    template = (ROOT / "deploy" / "lambda" / "template.yaml").read_text(encoding="utf-8")
    assert "Command: [-m, app.serverless]" in template
    assert 'PayloadFormatVersion: "2.0"' in template
    assert "CRM_OWNER_DATABASE_URL" not in template
