"""`crm legacy` on the command line: what is looked at is there at once, and no wrong word ends in a traceback."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pytest
from sqlalchemy.exc import DBAPIError
from typer.main import get_group
from typer.testing import CliRunner

from app.commands import legacy, legacy_status
from app.legacy import runner
from app.legacy.sample import write_sample
from app.platform.errors import AppError
from app.platform.settings import SettingsError

NOT_NEEDED = ("fastapi", "alembic", "openpyxl", "phonenumbers", "app.models", "app.legacy.runner")
HANDLED = (SystemExit, AppError, SettingsError, DBAPIError, OSError)
"""What the command's main function turns into a sentence and an exit code."""
NUMBERS = ("", "x", "-1", "1.5", "99999999999999999999")
NO_UTF8 = "\udcff"
"""A byte that is no UTF-8, as an argument comes."""
TEXTS = ("", " \t", NO_UTF8, "x" * 100_000)


def test_status_imports_no_table_and_no_phase() -> None:
    code = "import sys, app.cli, app.commands.legacy_status; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(NOT_NEEDED) & set(done.stdout.split()) == set()


def _leaves(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if hasattr(command, "list_commands"):
            yield from _leaves(command, (*words, name))
        else:
            yield (*words, name), command


COMMANDS = dict(_leaves(get_group(legacy_status.commands)))


@pytest.fixture(scope="module")
def used(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A database in which a migration was run, and its export."""
    folder = tmp_path_factory.mktemp("wrong") / "export"
    write_sample(folder, contacts=20, seed=3, dirt=0.0)
    url = new_database()
    runner.run(url, folder)
    return url, folder


def _wrong_values(param: Any, here: Path) -> tuple[str, ...]:
    kind = getattr(param.type, "name", "")
    if kind.startswith("integer"):
        return NUMBERS
    if kind in {"path", "file", "directory"}:
        return (
            "", str(here / "nothing" / "there"), str(here / "binary"), str(here / "binary" / "below"), str(here / "folder"),
            NO_UTF8, "x" * 5_000,
        )  # fmt: skip
    return TEXTS


def _given(command: Any, but: Any, export: Path, here: Path) -> list[str]:
    """Words that every other parameter which must be given takes."""
    right = {"source": str(export), "folder": str(here / "binary"), "corrections": str(here / "binary")}
    words: list[str] = []
    for param in command.params:
        if param.required and param is not but:
            value = right.get(param.name, "somebody")
            words += [param.opts[0], value] if param.param_type_name == "option" else [value]
    return words


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_wrong_word_ends_in_a_traceback(
    words: tuple[str, ...], used: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, export = used
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    monkeypatch.chdir(tmp_path / "folder")
    monkeypatch.setenv("CRM_DATABASE_URL", url)

    @contextmanager
    def database() -> Iterator[str]:
        yield url

    monkeypatch.setattr(legacy, "_database", database)
    command = COMMANDS[words]
    tried = [["--no-such-word"], ["one", "too", "many", "words"], ["--help", "--no-such-word"]]
    for param in command.params:
        given = _given(command, param, export, tmp_path)
        if param.param_type_name == "argument":
            tried += [[*given, value] for value in _wrong_values(param, tmp_path)]
        elif param.is_flag:
            tried.append([*given, f"{param.opts[0]}=value"])
        elif param.name != "seed":  # any number is a seed
            tried.append([*given, param.opts[0]])
            tried += [[*given, param.opts[0], value] for value in _wrong_values(param, tmp_path)]
    ended = {
        tuple(word[:40] for word in more): done.exception
        for more in tried
        if not isinstance(
            (done := CliRunner().invoke(legacy_status.commands, [*words, *more])).exception, (*HANDLED, type(None))
        )
    }
    assert ended == {}
