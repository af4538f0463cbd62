"""What a run tells while it goes on: one event at a time, to one function."""

from collections.abc import Callable
from typing import NamedTuple


class Staged(NamedTuple):
    """So many records of a table are staged, of about so many."""

    table: str
    records: int
    expected: int


class PhaseBegun(NamedTuple):
    """A phase begins."""

    number: int
    name: str


class StageDone(NamedTuple):
    """A named stage of the phase is done."""

    name: str


class PhaseDone(NamedTuple):
    """A phase is committed."""

    number: int
    name: str
    seconds: float
    rows: int


Event = Staged | PhaseBegun | StageDone | PhaseDone
OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Tell nobody."""
