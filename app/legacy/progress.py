"""What a run tells while it goes on: one event at a time, to one function."""

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple


class Planned(NamedTuple):
    """What is before a run: about how many records it reads, and the phases that it does."""

    records: int
    phases: Sequence[int]


class Staged(NamedTuple):
    """So many records of a table are staged, of about so many."""

    table: str
    records: int
    expected: int


class PhaseBegun(NamedTuple):
    """A phase begins; it has about so many stages."""

    number: int
    name: str
    stages: int


class StageDone(NamedTuple):
    """A named stage of the phase is done."""

    name: str


class PhaseDone(NamedTuple):
    """A phase is committed."""

    number: int
    name: str
    seconds: float
    rows: int


Event = Planned | Staged | PhaseBegun | StageDone | PhaseDone
OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Tell nobody."""


_READING: Final = 0
_SHARES: Final = {_READING: 42, 1: 2, 2: 0.1, 3: 0.1, 4: 15, 5: 4.5, 6: 9, 7: 8.5, 8: 4.5, 9: 7.5, 10: 1.5}
"""Percent of a run that reading and each phase take, as docs/BENCHMARK.md has it for 100,000 contacts."""
STAGES: Final = {1: 60, 2: 4, 3: 9, 4: 69, 5: 11, 6: 11, 7: 15, 8: 29, 9: 27, 10: 1}
"""About how many stages a phase has in a first run; of a later one an earlier run's are counted."""
_TOO_EARLY: Final = 0.03
"""So much of a run has to be done before its speed says anything."""


class Estimate:
    """How much of a run is done, and about how long the rest takes at the speed so far; it is told every event."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began = clock()
        self._expected = 0
        self._shares: dict[int, float] = dict(_SHARES)
        self._done = dict.fromkeys(_SHARES, 0.0)
        self._records: dict[str, int] = {}
        self._phase, self._stages = _READING, 1

    def __call__(self, event: Event) -> None:
        match event:
            case Planned(records, phases):
                self._expected = records
                self._shares = {
                    part: share for part, share in _SHARES.items() if part in phases or (records and not part)
                }
            case Staged(table, records, _):
                self._records[table] = records
                read = sum(self._records.values())
                self._done[_READING] = read / max(self._expected, read)
            case PhaseBegun(number, _, stages):
                self._done[_READING] = 1.0
                self._phase, self._stages = number, max(stages, 1)
            case StageDone():
                # A phase that has more stages than were expected is not done before it says so.
                self._done[self._phase] = min(self._done[self._phase] + 1 / self._stages, 0.99)
            case PhaseDone(number):
                self._done[number] = 1.0

    @property
    def done(self) -> float:
        """How much of the run is done, from 0 to 1."""
        return sum(share * self._done[part] for part, share in self._shares.items()) / sum(self._shares.values())

    @property
    def left(self) -> float | None:
        """About how many seconds are left; None while that cannot be told."""
        done = self.done
        return (self._clock() - self._began) * (1 - done) / done if done >= _TOO_EARLY else None
