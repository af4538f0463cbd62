"""
Whom does a submission belong to, among the people who have its e-mail address?

Pure: candidates come in, a decision with its reason goes out. Names are graded by names.py, one candidate is judged by
rules.py; here it is only decided which candidate it is when several people share the address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.people.names import PEOPLE, Doubt, Grade, Likeness, Name, clean_name, compare_names, fold_name
from app.people.rules import BirthDates, Reason, compare_birth_dates, decide_identity


class Found(StrEnum):
    """How a submission stands to the people of its address."""

    NOBODY = "nobody"
    THE_PERSON = "the_person"
    SOMEONE_ELSE = "someone_else"
    SEVERAL_FIT = "several_fit"


class FurtherReason(StrEnum):
    """Reasons of an answer besides those of one candidate (rules.Reason)."""

    EMAIL_UNKNOWN = "email_unknown"
    NO_EMAIL = "no_email"
    PERSON_GIVEN = "person_id_given"
    EMAIL_SHARED = "email_shared"
    EMAIL_FORMER = "email_former_of_others"
    SEVERAL_PEOPLE_FIT = "several_people_fit"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who has the address, as their own or as a further contact point; `uses_it` unless it is a former one."""

    person_id: UUID
    name: Name
    date_of_birth: date | None
    uses_it: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """`person_id` when it is one person; `others` are the candidates who are not the one who writes."""

    found: Found
    reasons: tuple[str, ...]
    person_id: UUID | None = None
    others: tuple[Candidate, ...] = ()


_STRENGTH: Final = {reason: rank for rank, reason in enumerate(Reason)}
"""The reasons of rules.py stand from the strongest to the weakest."""


def find_same_person(name: Name, date_of_birth: date | None, candidates: Sequence[Candidate]) -> Decision:
    """
    Whom of `candidates`, the people of one e-mail address, the submission comes from, with the reason.

    Several may fit at a shared address: the strongest reason wins, then an equal birth date, then the very spelling of
    the name. Two that still stand side by side are nobody's guess: SEVERAL_FIT.

    Source: docs/MATCHING.md.
    """
    if not candidates:
        return Decision(Found.NOBODY, (FurtherReason.EMAIL_UNKNOWN,))
    judged = [(candidate, *_judge(name, date_of_birth, candidate)) for candidate in candidates]
    fitting = [(strength, candidate, reasons) for candidate, fits, reasons, strength in judged if fits]
    if not fitting:
        reasons = tuple(dict.fromkeys(reason for _, _, found, _ in judged for reason in found))
        if not any(candidate.uses_it for candidate in candidates):
            return Decision(Found.NOBODY, (*reasons, FurtherReason.EMAIL_FORMER), others=tuple(candidates))
        return Decision(Found.SOMEONE_ELSE, reasons, others=tuple(candidates))
    best = min(strength for strength, _, _ in fitting)
    first, *more = [(candidate, reasons) for strength, candidate, reasons in fitting if strength == best]
    if more:
        return Decision(
            Found.SEVERAL_FIT,
            (FurtherReason.SEVERAL_PEOPLE_FIT,),
            others=tuple(candidate for candidate, _ in (first, *more)),
        )
    same, reasons = first
    others = tuple(candidate for candidate in candidates if candidate.person_id != same.person_id)
    return Decision(Found.THE_PERSON, reasons, person_id=same.person_id, others=others)


def initials(name: Name) -> str:
    """The initials that tell two people of an address apart without naming them: `J.V.`."""
    return "".join(f"{part[0].upper()}." for part in (name.given, name.family) if part)


def _compare(name: Name, other: Name) -> Likeness | None:
    """
    How alike the arriving name is to a candidate's; None when no name arrived at all.

    What was typed and folds to nothing ("Mr .", "-") is a name that cannot be compared, and not an absent one.
    """
    if not clean_name(f"{name.given} {name.family}"):
        return None
    if fold_name(name, PEOPLE).is_empty or fold_name(other, PEOPLE).is_empty:
        is_same = _as_typed(name) == _as_typed(other)
        return Likeness(Grade.EQUAL) if is_same else Likeness(Grade.DOUBTFUL, frozenset({Doubt.UNREADABLE}))
    return compare_names(name, other, PEOPLE)


def _as_typed(name: Name) -> str:
    return clean_name(f"{name.given} {name.family}").casefold()


def _judge(
    name: Name, date_of_birth: date | None, candidate: Candidate
) -> tuple[bool, tuple[str, ...], tuple[int, int, int]]:
    """Whether the candidate is the one who writes, the reasons, and their strength (smaller is stronger)."""
    birth_dates = compare_birth_dates(date_of_birth, candidate.date_of_birth)
    names = _compare(name, candidate.name)
    identity = decide_identity(names, birth_dates)
    reasons: tuple[str, ...] = (identity.reason,)
    if names is not None and identity.reason in {Reason.NAMES_DOUBTFUL, Reason.NAMES_DIFFERENT}:
        reasons += tuple(doubt for doubt in Doubt if doubt in names.doubts - {Doubt.UNREADABLE})
    strength = (
        _STRENGTH[identity.reason],
        birth_dates is not BirthDates.EQUAL,
        fold_name(name, PEOPLE) != fold_name(candidate.name, PEOPLE),
    )
    return identity.is_same_person, reasons, strength
