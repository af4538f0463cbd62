"""
Structured logs without personal data.

Only keys of an allow-list are written, and values are ids, codes, counts and route templates: never names, contacts,
diagnoses or raw paths. Exceptions are logged by type and place, not by message, because a message may quote a value.
"""

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TextIO, cast

import structlog

from app.platform.settings import LogFormat

ALLOWED_KEYS = frozenset(
    {
        "event", "level", "timestamp", "request_id", "method", "route", "status", "duration_ms", "actor", "code",
        "count", "error", "where", "table", "phase", "run_id", "job", "host", "port", "workers", "version", "revision",
        "seconds", "rows", "segment", "sqlstate", "constraint", "library", "trace_id", "account_id",
    }
)  # fmt: skip


_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


def log_as_part_of(**about: str) -> None:
    """From here on each log line of this request or job says of which it is: `request_id=`, `job=`."""
    _ABOUT.set(about)


def log_also(**about: str) -> None:
    """From here on each log line of this request or job says this too."""
    _ABOUT.set({**_ABOUT.get(), **about})


def _with_what_it_is_about(_logger: Any, _name: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {**_ABOUT.get(), **record}


def _only_allowed(_logger: Any, _name: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value for key, value in record.items() if key in ALLOWED_KEYS}


def describe_error(error: BaseException) -> dict[str, str]:
    """What may be logged of an exception: its type and the places it passed, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    places = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames]
    return {"error": type(error).__name__, "where": " > ".join(places)}


class _WithoutText(logging.Handler):
    """Records of libraries: which one, where, and what kind of exception, never their text, which may hold data."""

    def emit(self, record: logging.LogRecord) -> None:
        where = f"{record.filename}:{record.lineno} in {record.funcName}"
        error = _exception_of(record)
        found = {"error": _class_of(error)} if error is not None else {}
        log = structlog.get_logger()
        say = log.error if record.levelno >= logging.ERROR else log.warning
        say("library_message", library=record.name, where=where, **found)


def _exception_of(record: logging.LogRecord) -> BaseException | None:
    """The exception that a record is about: the one that is being handled, else one that its text would quote."""
    if record.exc_info and record.exc_info[1]:
        return record.exc_info[1]
    quoted = record.args.values() if isinstance(record.args, Mapping) else record.args or ()
    return next((value for value in quoted if isinstance(value, BaseException)), None)


def _class_of(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


class _Lossy:
    """Where lines go, and are lost when it takes none: a full disk of the log fails no request."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()


def set_up_logs(log_format: LogFormat, *, level: int = logging.INFO) -> None:
    """Send structured lines of `level` and above to stderr; stdout belongs to results."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if log_format is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with_what_it_is_about,
            _only_allowed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Lossy(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_WithoutText(level=logging.WARNING)]
    root.setLevel(logging.WARNING)
