from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.mails import in_the_language_of
from app.access.openings import queries
from app.access.openings.errors import AlreadyReviewed, NothingToOpen, OpeningNotFound, OwnAccess, TooManyOpen
from app.access.openings.models import AccessOpening
from app.access.openings.schemas import BreakGlass, Review
from app.access.policy import PERMISSIONS, Sight, sight_of
from app.audit import service as audit
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import Forbidden
from app.platform.locales import _, ngettext
from app.platform.mail import write_mail

LASTS = timedelta(hours=1)
REVIEWED_WITHIN = timedelta(hours=72)
_HOURS = REVIEWED_WITHIN // timedelta(hours=1)
MOST_OPEN = 20
"""More persons at once than anybody can care for in an hour is not an emergency."""


async def break_glass(session: AsyncSession, actor: Actor, *, wanted: BreakGlass) -> AccessOpening:
    """
    Open one person's data to the actor for an hour and tell the privacy officers; they see who and that, not whom.

    NothingToOpen for anyone who sees everything as it is, PersonOfOpeningNotFound.
    """
    if not _sees_something_masked(actor):
        raise NothingToOpen
    if len(await queries.open_break_glass(session, actor)) >= MOST_OPEN:
        raise TooManyOpen
    (opening,) = await _open(session, actor, kind="break_glass", person_ids=[wanted.person_id], reason=wanted.reason)
    audit.note(session, record_type="access_opening", record_id=opening.access_opening_id)
    await _tell_privacy_officers(session, actor)
    return opening


async def state_reason(
    session: AsyncSession,
    actor: Actor,
    *,
    person_ids: Collection[UUID],
    reason: str,
    kind: str = "outside_caseload",
) -> None:
    """
    Put on record why the actor looks at each of these; for what lies outside the caseload it stays open for an hour.
    """
    lasts = timedelta() if kind == "reveal" else LASTS
    await _open(session, actor, kind=kind, person_ids=person_ids, reason=reason, lasts=lasts)


async def _open(
    session: AsyncSession,
    actor: Actor,
    *,
    kind: str,
    person_ids: Collection[UUID],
    reason: str,
    lasts: timedelta = LASTS,
) -> list[AccessOpening]:
    if actor.account_id is None:
        raise Forbidden
    now = clock.now()
    opening = {
        "kind": kind,
        "created_at": now,
        "user_account_id": actor.account_id,
        "reason": reason,
        "expires_at": now + lasts,
        "updated_by": actor.account_id,
    }
    # As rows of one statement: the unit of work would send one for each.
    openings = await session.scalars(
        insert(AccessOpening).returning(AccessOpening),
        [opening | {"person_id": person_id} for person_id in sorted(person_ids)],
    )
    audit.note(session, person_ids=person_ids, purpose=kind)
    return list(openings)


async def end_opening(session: AsyncSession, actor: Actor, *, access_opening_id: UUID) -> AccessOpening:
    """Close one's own access before its hour is over; OpeningNotFound for another's."""
    opening = await queries.get_opening(session, actor, access_opening_id=access_opening_id, for_update=True)
    if opening.user_account_id != actor.account_id:
        raise OpeningNotFound
    if opening.ended_at is None and opening.expires_at > clock.now():
        opening.ended_at = clock.now()
    audit.note(
        session, record_type="access_opening", record_id=access_opening_id, person_ids=[opening.person_id],
        fields=["ended_at"],
    )  # fmt: skip
    await session.flush()
    return opening


async def review_opening(
    session: AsyncSession, actor: Actor, *, access_opening_id: UUID, review: Review
) -> AccessOpening:
    """Judge an access; OwnAccess, AlreadyReviewed: a judgement is not taken back."""
    opening = await queries.get_opening(session, actor, access_opening_id=access_opening_id, for_update=True)
    if opening.user_account_id == actor.account_id:
        raise OwnAccess
    if opening.reviewed_at is not None:
        raise AlreadyReviewed
    opening.reviewed_at, opening.reviewed_by = clock.now(), actor.account_id
    opening.verdict, opening.review_note = review.verdict, review.note
    audit.note(
        session,
        record_type="access_opening",
        record_id=access_opening_id,
        person_ids=[opening.person_id],
        fields=["verdict", "review_note"],
    )
    await session.flush()
    return opening


def _sees_something_masked(actor: Actor) -> bool:
    return any(
        sight is Sight.MASKED
        for permission in actor.permissions
        if PERMISSIONS[permission].personal
        for sight in sight_of(actor.roles, permission).values()
    )


async def remind_of_reviews(session: AsyncSession, *, now: datetime) -> int:
    """
    Remind the privacy officers of break-glass accesses that nobody has reviewed in 72 hours; how many those are.

    Each access once, in one mail to each officer, who is not told of their own. One that nobody could be told of waits.
    """
    overdue = await queries.lock_overdue_reviews(session, before=now - REVIEWED_WITHIN)
    if not overdue:
        return 0
    reminded: set[UUID] = set()
    for officer_id, address in await queries.privacy_officers(session):
        others = [opening.access_opening_id for opening in overdue if opening.user_account_id != officer_id]
        if not others:
            continue
        reminded.update(others)
        async with in_the_language_of(session, officer_id):
            await write_mail(
                session,
                to_address=address,
                subject=str(_("Break-glass access is not reviewed")),
                body=str(
                    ngettext(
                        "By break-glass, %(count)s access waits for a review since more than %(hours)s hours.\n\n"
                        "Who opened whose data and why stands in the CRM: Oversight, Break-glass.\n",
                        "By break-glass, %(count)s accesses wait for a review since more than %(hours)s hours.\n\n"
                        "Who opened whose data and why stands in the CRM: Oversight, Break-glass.\n",
                        len(others),
                        hours=_HOURS,
                    )
                ),
            )
    for opening in overdue:
        if opening.access_opening_id in reminded:
            opening.review_reminded_at = now
    await session.flush()
    return len(reminded)


async def _tell_privacy_officers(session: AsyncSession, actor: Actor) -> None:
    for officer_id, address in await queries.privacy_officers(session):
        if officer_id == actor.account_id:
            continue
        async with in_the_language_of(session, officer_id):
            await write_mail(
                session,
                to_address=address,
                subject=str(_("Break-glass access was opened")),
                body=str(
                    _(
                        "%(name)s has opened a person's masked data for an hour.\n\n"
                        "Whose data and for which reason stands in the CRM: Oversight, Break-glass.\n"
                        "Please review it within %(hours)s hours.\n",
                        name=actor.name,
                        hours=_HOURS,
                    )
                ),
            )


def when_it_ends(opening: AccessOpening) -> datetime:
    """When the opening ended or will end."""
    return opening.ended_at or opening.expires_at
