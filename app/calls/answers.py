from collections.abc import Iterable
from datetime import datetime

from app.calls.models import CallHistory
from app.calls.rules import unresolved_because
from app.calls.schemas import CallMade, CallRead
from app.calls.states import CALL
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
            adverse_event_heard=call.adverse_event_heard,
            is_voided=call.voided_at is not None,
            now=now,
        ),
    )


def made(call: CallHistory, now: datetime, *, warnings: Iterable[str]) -> CallMade:
    """The answer to who has just booked, logged or changed a call."""
    return CallMade(**dict(read(call, now)), warnings=list(warnings))
