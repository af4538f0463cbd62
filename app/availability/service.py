from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.availability import answers, queries
from app.availability.errors import dates_not_in_order, hours_overlap
from app.availability.models import Absence, WorkingSpan, WorkingWeek
from app.availability.rules import Span, do_overlap, minute_of
from app.availability.schemas import (
    AbsenceCreate,
    AbsenceUpdate,
    AvailabilityRead,
    AvailabilityUpdate,
    HoursOfDay,
)
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import invalid_field
from app.platform.etags import etag, require_match
from app.platform.first_rows import made_first
from app.platform.stored_fields import StoredFields

_NEW = StoredFields(Absence, AbsenceCreate)
_CHANGED = StoredFields(Absence, AbsenceUpdate)


async def availability_of(
    session: AsyncSession, actor: Actor, *, account_id: UUID, default_zone: str
) -> AvailabilityRead:
    """The hours of a usual week. ColleagueNotFound."""
    colleague = await queries.get_colleague(session, actor, account_id=account_id, default_zone=default_zone)
    week = await queries.get_week(session, account_id=account_id)
    audit.note(session, record_type="working_week", record_id=account_id)
    return answers.read(colleague, queries.hours_of(week), version=0 if week is None else week.version)


async def change_hours(
    session: AsyncSession,
    actor: Actor,
    *,
    account_id: UUID,
    change: AvailabilityUpdate,
    default_zone: str,
    if_match: str | None = None,
) -> AvailabilityRead:
    """
    The hours of the whole week, those that stay keep their rows. Their past stays in row_history.

    ColleagueNotFound; Forbidden for somebody else's without the right; Stale; Invalid for spans that end before they
    begin, or overlap.
    """
    await queries.get_colleague(session, actor, account_id=account_id, for_change=True)
    is_new = False
    if "hours" in change.model_fields_set:
        # Before it is asked which version is there: of two who say the first week at once, one meets the other's.
        is_new = await made_first(session, WorkingWeek, user_account_id=account_id, updated_by=actor.account_id)
    week = await queries.get_week(session, account_id=account_id, for_update=True)
    require_match(if_match, etag(0 if week is None or is_new else week.version))
    if week is not None and "hours" in change.model_fields_set:
        spans = _spans(change.hours)
        known = {Span(one.weekday, one.from_minute, one.until_minute): one for one in week.spans}
        week.spans = [
            known.get(span) or WorkingSpan(**span._asdict(), updated_by=actor.account_id) for span in sorted(spans)
        ]
        week.touch(clock.now())
        await session.flush()
    audit.note(session, record_type="working_week", record_id=account_id, fields=change.model_fields_set)
    return await availability_of(session, actor, account_id=account_id, default_zone=default_zone)


async def add_absence(session: AsyncSession, actor: Actor, *, account_id: UUID, new: AbsenceCreate) -> Absence:
    """ColleagueNotFound; Forbidden as for hours; Invalid where the end does not lie after the beginning."""
    await queries.get_colleague(session, actor, account_id=account_id, for_change=True)
    absence = Absence(**_NEW.values(new), user_account_id=account_id, updated_by=actor.account_id)
    _require_order(absence)
    session.add(absence)
    await session.flush()
    audit.note(session, record_type="absence", record_id=absence.absence_id)
    return absence


async def change_absence(
    session: AsyncSession,
    actor: Actor,
    *,
    account_id: UUID,
    absence_id: UUID,
    change: AbsenceUpdate,
    if_match: str | None = None,
) -> Absence:
    """Change the fields given. AbsenceNotFound; Forbidden and Invalid as for a new one; Stale."""
    await queries.get_colleague(session, actor, account_id=account_id, for_change=True)
    absence = await queries.get_absence(session, account_id=account_id, absence_id=absence_id, for_update=True)
    require_match(if_match, etag(absence.version))
    _CHANGED.set_given(absence, change)
    _require_order(absence)
    await session.flush()
    audit.note(session, record_type="absence", record_id=absence_id, fields=change.model_fields_set)
    return absence


async def remove_absence(
    session: AsyncSession, actor: Actor, *, account_id: UUID, absence_id: UUID, if_match: str | None = None
) -> None:
    """Take an absence out; the row is filed in row_history. AbsenceNotFound; Forbidden; Stale."""
    await queries.get_colleague(session, actor, account_id=account_id, for_change=True)
    absence = await queries.get_absence(session, account_id=account_id, absence_id=absence_id, for_update=True)
    require_match(if_match, etag(absence.version))
    await session.delete(absence)
    await session.flush()
    audit.note(session, record_type="absence", record_id=absence_id)


def _spans(hours: list[HoursOfDay]) -> list[Span]:
    spans = [Span(one.weekday, minute_of(one.starts), minute_of(one.ends)) for one in hours]
    if any(span.from_minute >= span.until_minute for span in spans):
        raise invalid_field("hours", "hours_not_in_order", "A span must end after it begins, on the same day.")
    if do_overlap(spans):
        raise hours_overlap()
    return spans


def _require_order(absence: Absence) -> None:
    if absence.ends_at <= absence.starts_at:
        raise dates_not_in_order()
