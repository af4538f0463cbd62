from collections.abc import Iterable

from app.availability.queries import Colleague
from app.availability.rules import Span, clock_text
from app.availability.schemas import AvailabilityRead, HoursOfDay


def read(colleague: Colleague, spans: Iterable[Span], *, version: int) -> AvailabilityRead:
    return AvailabilityRead(
        user_account_id=colleague.account_id,
        display_name=colleague.name,
        time_zone=colleague.time_zone,
        hours=[
            HoursOfDay(weekday=span.weekday, starts=clock_text(span.from_minute), ends=clock_text(span.until_minute))
            for span in sorted(spans)
        ],
        version=version,
    )
