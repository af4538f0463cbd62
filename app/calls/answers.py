from collections.abc import Iterable
from datetime import datetime

from app.calls.models import CallHistory
from app.calls.rules import planned_minutes, unresolved_because
from app.calls.schemas import CallMade, CallOfFeed, CallRead
from app.calls.states import CALL
from app.people.matching import initials
from app.people.names import name_of
from app.platform.answers import answer


def read(call: CallHistory, now: datetime) -> CallRead:
    return answer(
        CallRead,
        call,
        pn=call.navigator,
        status_group=CALL.groups[call.status],
        unresolved_because=unresolved_because(
            status=call.status,
            occurs_at=call.occurs_at,
            outcome=call.outcome,
            adverse_event_heard=call.adverse_event_heard,
            is_voided=call.voided_at is not None,
            now=now,
        ),
    )


def of_feed(call: CallHistory, *, with_initials: bool) -> CallOfFeed:
    name = name_of(call.person.first_name, call.person.last_name)
    return CallOfFeed(
        call_id=call.call_id,
        person_id=call.person_id,
        version=call.version,
        booking_date=call.booking_date,
        minutes=planned_minutes(call.call_duration_minutes),
        initials=(initials(name) or None) if with_initials else None,
    )


def made(call: CallHistory, now: datetime, *, warnings: Iterable[str]) -> CallMade:
    """The answer to who has just booked, logged or changed a call."""
    return CallMade(**dict(read(call, now)), warnings=list(warnings))
