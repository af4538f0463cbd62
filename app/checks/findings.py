"""What a check gets and gives."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum

from app.platform.db import Database
from app.platform.settings import Settings


class Level(IntEnum):
    """How bad it is; the exit code of `crm doctor` is the worst."""

    OK = 0
    WARNING = 1
    WRONG = 2


@dataclass(frozen=True)
class Finding:
    """One sentence on what is so, one on what to do (empty where all is well), and one word for `/health/ready`."""

    level: Level
    says: str
    advice: str = ""
    word: str = "ok"


def ok(says: str) -> Finding:
    return Finding(Level.OK, says)


def warning(says: str, advice: str, word: str = "warning") -> Finding:
    return Finding(Level.WARNING, says, advice, word)


def wrong(says: str, advice: str, word: str = "wrong") -> Finding:
    return Finding(Level.WRONG, says, advice, word)


@dataclass(frozen=True)
class Installation:
    """
    What is looked at. `database` is None where there is no address; `unsafe` are the reasons of production against the
    settings, `unusable` those that could not be read at all, which then stand at their defaults.
    """

    settings: Settings
    environ: Mapping[str, str]
    database: Database | None
    unsafe: list[str] = field(default_factory=list)
    unusable: str | None = None


@dataclass(frozen=True)
class Check:
    """One thing that is looked at. `needs_database`: it is not, while the database does not answer."""

    name: str
    look: Callable[[Installation], Awaitable[Finding]]
    needs_database: bool = False


def in_words(span: timedelta) -> str:
    """As people say it, in the largest unit that fits: `3 days`, `1 hour`, `5 seconds`."""
    seconds = abs(span.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            return _counted(int(seconds // size), unit)
    return _counted(round(seconds), "second")


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number:,} {unit}s"
