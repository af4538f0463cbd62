"""
Since when a person's opt-outs stand, and what brought each: a submission, a colleague or the migration.

Nothing of it is stored. The earlier versions of the person say when a channel came in, their submissions which of them
named it then. So it is read for one person at a time, and only where they have an opt-out.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Row, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import RowHistory
from app.people.models import IntakeSubmission, Person
from app.people.schemas import OptOut

_WISH = "do_not_contact_channels"
_MADE_THE_PERSON = ("new_person", "shared_email_person")
_OF_A_KEY = timedelta(milliseconds=1)
"""How exactly a submission's key says when it was kept."""


async def opt_outs_of(session: AsyncSession, person: Person) -> list[OptOut]:
    """The opt-outs that stand, by channel; none for who has none."""
    if not person.do_not_contact_channels:
        return []
    earlier = await _earlier_versions(session, person)
    submissions = await _submissions(session, person)
    found = []
    for channel in sorted(person.do_not_contact_channels):
        # The next version brought it; without such a version the person's first one did.
        last_without = next((version for version in earlier if channel not in version.channels), None)
        submission = next((one for one in submissions if _brought(one, channel, last_without)), None)
        found.append(
            OptOut(
                channel=channel,
                since=last_without.replaced_at if last_without else person.created_at,
                intake_submission_id=submission.intake_submission_id if submission else None,
                source=submission.source if submission else None,
                entered_by=last_without.replaced_by if last_without and not submission else None,
            )
        )
    return found


def _brought(submission: Row[Any], channel: str, last_without: Row[Any] | None) -> bool:
    """
    Whether the submission named the channel while the last version without it stood.

    What arrives is united at once with what stands, so a submission that named it then is what made the next version.
    The key tells when it was kept; `created_at` is when its transaction began, which may have waited for another.
    """
    if channel not in (submission.of_person or submission.of_record or ()):
        return False
    if last_without is None:
        return submission.match_outcome in _MADE_THE_PERSON
    began: datetime = last_without.began - _OF_A_KEY
    ended: datetime = last_without.replaced_at
    kept_at: datetime = submission.kept_at
    return began <= kept_at <= ended


async def _earlier_versions(session: AsyncSession, person: Person) -> Sequence[Row[Any]]:
    """The channels of each earlier version, newest first; since when it stood, and who replaced it when."""
    found = await session.execute(
        select(
            RowHistory.row[_WISH].label("channels"),
            RowHistory.row["updated_at"].astext.cast(DateTime(timezone=True)).label("began"),
            RowHistory.replaced_at,
            RowHistory.replaced_by,
        )
        .where(
            RowHistory.record_id == person.person_id,
            RowHistory.table_name == Person.__tablename__,
            RowHistory.version < person.version,
        )
        # Of two rows with a version the later tells (audit/history.py).
        .ext(distinct_on(RowHistory.version))
        .order_by(RowHistory.version.desc(), RowHistory.row_history_id.desc())
    )
    return found.all()


async def _submissions(session: AsyncSession, person: Person) -> Sequence[Row[Any]]:
    """The person's submissions, newest first, with the channels that each named."""
    found = await session.execute(
        select(
            IntakeSubmission.intake_submission_id,
            IntakeSubmission.source,
            IntakeSubmission.match_outcome,
            func.uuid_extract_timestamp(IntakeSubmission.intake_submission_id).label("kept_at"),
            IntakeSubmission.payload[_WISH].label("of_person"),
            IntakeSubmission.payload["person"][_WISH].label("of_record"),
        )
        .where(IntakeSubmission.person_id == person.person_id)
        .order_by(IntakeSubmission.created_at.desc(), IntakeSubmission.intake_submission_id.desc())
    )
    return found.all()
