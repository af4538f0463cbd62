"""What libraries say is logged by its place and kind, never by its text."""

import logging

import pytest

from app.platform.logs import set_up_logs
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
