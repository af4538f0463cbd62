"""
The bookings that a contact's one column has lost, told again from the audit.

Pure. From the present row backwards, newest change first, the old values are put back; a change that replaced the
booking yields the old one. Where a change's new booking is not what the following state holds, a change is missing:
then the new booking is a call as well, and of both only what the change names is known.

Source: the contract of the legacy export, section 7. Moments are ISO texts in UTC, which sort as they are.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

Changed = dict[str, list[str | None]]
"""Tracked column -> [old value, new value]."""


class Booking(NamedTuple):
    """A booking as a state of the row holds it; `flagged` is the no-show flag, None when not known."""

    at: str | None
    reminder: str | None
    flagged: bool | None


class Change(NamedTuple):
    """One audit record: its number among the records, when it was made, what it changed."""

    record: int
    at: str
    changed: Changed


class Yield(NamedTuple):
    """A call that an audit record gives."""

    record: int
    booking: str
    reminder: str | None
    status: str


def lost_bookings(present: Booking, changes: Iterable[Change]) -> Iterator[Yield]:
    """The calls that the changes give; changes come newest first."""
    state = present
    for change in changes:
        booking = change.changed.get("booking_date")
        if booking is None:
            state = _put_back(state, change.changed)
            continue
        old, new = booking
        if new != state.at:
            after = _named(change.changed, 1)
            if new is not None:
                yield Yield(change.record, new, after.reminder, "no_show" if after.flagged else "scheduled")
            state = Booking(None, None, None)
        state = _put_back(state, change.changed)
        if old is not None:
            status = "no_show" if state.flagged else "rescheduled" if change.at < old else "scheduled"
            yield Yield(change.record, old, state.reminder, status)


def _put_back(state: Booking, changed: Changed) -> Booking:
    """The state before a change: its old values in place, the rest as it was after."""
    before = _named(changed, 0)
    return Booking(
        before.at if "booking_date" in changed else state.at,
        before.reminder if "reminder_date" in changed else state.reminder,
        before.flagged if "no_show" in changed else state.flagged,
    )


def _named(changed: Changed, side: int) -> Booking:
    """What a change itself says of the state before (0) or after (1) it."""
    at, reminder, flag = (changed.get(c, [None, None])[side] for c in ("booking_date", "reminder_date", "no_show"))
    return Booking(at, reminder, None if flag is None else flag == "true")
