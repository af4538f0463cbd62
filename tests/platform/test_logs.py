"""What libraries say is logged by its place and kind, never by its text."""

import ast
import errno
import io
import logging
import sys
from pathlib import Path

import pytest
import structlog

import app
from app.platform.logs import ALLOWED_KEYS, set_up_logs
from app.platform.settings import LogFormat


@pytest.mark.parametrize("handled", [True, False])
def test_message_of_a_library_names_it_and_the_kind_of_exception(
    capsys: pytest.CaptureFixture[str], *, handled: bool
) -> None:
    before = logging.getLogger().handlers[:]
    set_up_logs(LogFormat.JSON)
    try:
        try:
            raise ConnectionResetError("anna@example.org")
        except ConnectionResetError as error:
            library = logging.getLogger("psycopg.pool")
            if handled:
                library.exception("what it says of anna@example.org")
            else:
                library.warning("error connecting in %r: %s", "anna@example.org", error)
    finally:
        logging.getLogger().handlers[:] = before
    told = capsys.readouterr().err
    assert '"library":"psycopg.pool"' in told.replace(": ", ":")
    assert "builtins.ConnectionResetError" in told
    assert "test_logs.py:" in told
    assert "anna" not in told


class _FullDisk(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_line_that_finds_a_full_disk_is_lost_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before, configured = logging.getLogger().handlers[:], structlog.get_config()
    monkeypatch.setattr(sys, "stderr", _FullDisk())
    set_up_logs(LogFormat.JSON)
    try:
        structlog.get_logger().info("request")
        logging.getLogger("psycopg.pool").warning("what it says")
    finally:
        logging.getLogger().handlers[:] = before
        structlog.configure(**configured)


def test_every_key_that_a_line_is_given_is_one_that_it_keeps() -> None:
    given = [
        (path.name, node.lineno, keyword.arg)
        for path in (Path(app.__file__).parent).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log.")
        for keyword in node.keywords
        if keyword.arg is not None
    ]

    assert given
    assert [one for one in given if one[2] not in ALLOWED_KEYS] == []
