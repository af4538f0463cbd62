"""
The expanded-access journeys of one person, from dossiers and from the date on the patient rows.

Pure. Source: the contract of the legacy export, section 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Dossier(NamedTuple):
    """A dossier; number and product may be absent, the day too."""

    record: int
    key: str
    number: str | None
    product: str | None
    enrolled: str | None


class PatientDate(NamedTuple):
    """The day of enrolment on a patient row."""

    record: int
    key: str
    enrolled: str


@dataclass(slots=True)
class Journey:
    """A journey: from a dossier, or from a patient row that has none."""

    number: str | None
    product: str | None
    enrolled: str | None
    source: str
    record: int
    key: str
    dated_by: str | None = None


class Decided(NamedTuple):
    """
    What became of a person's dossiers and dates.

    `dossiers` and `dates` give each record's outcome; a date that disagrees with every journey stands in `conflicts`.
    """

    journeys: list[Journey]
    dossiers: list[tuple[int, str]]
    dates: list[tuple[int, str]]
    conflicts: list[PatientDate]


def journeys_of(dossiers: Sequence[Dossier], dates: Sequence[PatientDate]) -> Decided:
    """The journeys of one person: dossiers in the order of their GUIDs, then the rows' dates in theirs."""
    found: dict[tuple[str | None, str | None, str | None], Journey] = {}
    of_dossiers: list[tuple[int, str]] = []
    for dossier in dossiers:
        # Without a number nothing but product and day tells two dossiers apart.
        key = (dossier.product, dossier.number, None if dossier.number else dossier.enrolled)
        known = found.get(key)
        if known is None:
            found[key] = Journey(
                dossier.number, dossier.product, dossier.enrolled, "dossier", dossier.record, dossier.key
            )
            of_dossiers.append((dossier.record, "created"))
        else:
            known.enrolled = known.enrolled or dossier.enrolled
            of_dossiers.append((dossier.record, "merged_into_existing"))
    journeys = list(found.values())
    of_dates: list[tuple[int, str]] = []
    conflicts: list[PatientDate] = []
    for date in dates:
        if any(journey.enrolled == date.enrolled for journey in journeys):
            of_dates.append((date.record, "linked"))
        elif undated := next((j for j in journeys if j.enrolled is None), None):
            undated.enrolled = date.enrolled
            undated.dated_by = date.key
            of_dates.append((date.record, "linked"))
        elif dossiers:
            conflicts.append(date)
            of_dates.append((date.record, "linked"))
        else:
            journeys.append(Journey(None, None, date.enrolled, "patient", date.record, date.key))
            of_dates.append((date.record, "created"))
    return Decided(journeys, of_dossiers, of_dates, conflicts)
