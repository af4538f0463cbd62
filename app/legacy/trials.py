"""
The trial journeys that a patient's one set of columns has lost, told again from the audit.

Pure. As bookings.py: backwards from the present row. An old state is a journey of its own if its trial or its referral
date differs from the following state's (both known); else it is the same journey, told twice. A gap shows in the trial
or the referral date.

Source: the contract of the legacy export, section 7.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from app.legacy.bookings import Change, Changed


class Trial(NamedTuple):
    """A trial as a state of the row holds it; days are ISO texts, None is empty or not known."""

    reference: str | None
    referral: str | None
    eligible: str | None
    reason: str | None
    outcome: str | None


class Yield(NamedTuple):
    """A journey that an audit record gives."""

    record: int
    trial: Trial


_COLUMNS: Final = ("trial_id", "ct_referral_date", "eligible", "ineligible_reason", "ct_outcome")
_NOTHING: Final = Trial(None, None, None, None, None)


def lost_trials(present: Trial, changes: Iterable[Change]) -> Iterator[Yield]:
    """The journeys that the changes give; changes come newest first."""
    following = present
    for change in changes:
        if _is_gap(change.changed, following):
            following = _named(change.changed, 1, _NOTHING)
            if following.reference or following.referral:
                yield Yield(change.record, following)
            before = _named(change.changed, 0, _NOTHING)
        else:
            before = _named(change.changed, 0, following)
        if _is_another(before, following):
            yield Yield(change.record, before)
        following = before


def _is_gap(changed: Changed, following: Trial) -> bool:
    """Whether what a change put there is not what the following state holds: a change between them is missing."""
    return any(
        column in changed and changed[column][1] != held
        for column, held in (("trial_id", following.reference), ("ct_referral_date", following.referral))
    )


def _is_another(before: Trial, following: Trial) -> bool:
    """Whether two states are two journeys: both trials or both referral dates are known, and differ."""
    return any(
        a is not None and b is not None and a != b
        for a, b in ((before.reference, following.reference), (before.referral, following.referral))
    )


def _named(changed: Changed, side: int, otherwise: Trial) -> Trial:
    return Trial(
        *(
            changed[column][side] if column in changed else value
            for column, value in zip(_COLUMNS, otherwise, strict=True)
        )
    )
