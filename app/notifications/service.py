from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.notifications import queries
from app.notifications.errors import NotificationNotFound, not_by_mail
from app.notifications.models import Notification, NotificationChoice
from app.notifications.schemas import ChoiceRead, ChoiceUpdate
from app.notifications.words import IN_THE_APP_ONLY
from app.platform import clock
from app.platform.actor import Actor


async def mark_read(session: AsyncSession, actor: Actor, *, notification_id: UUID) -> None:
    """Mark one's own notification as read; a second time changes nothing. NotificationNotFound."""
    mine = Notification.notification_id == notification_id, Notification.user_account_id == actor.account_id
    when = func.coalesce(Notification.read_at, clock.now())
    marked = update(Notification).where(*mine).values(read_at=when).returning(Notification.notification_id)
    if (await session.scalars(marked)).one_or_none() is None:
        raise NotificationNotFound
    audit.note(session, record_type="notification", record_id=notification_id)


async def mark_all_read(session: AsyncSession, actor: Actor) -> int:
    """Mark all of one's own that are shown as read; how many there were."""
    marked = (
        update(Notification)
        .where(queries.own(actor), Notification.read_at.is_(None))
        .values(read_at=clock.now())
        .returning(Notification.notification_id)
    )
    audit.note(session, record_type="notification")
    return len((await session.scalars(marked)).all())


async def choose(session: AsyncSession, actor: Actor, *, kind: str, choice: ChoiceUpdate) -> ChoiceRead:
    """Say where a kind is told. Invalid for a mail of a kind that is told in the application only."""
    if choice.by_mail and kind in IN_THE_APP_ONLY:
        raise not_by_mail()
    values = {"in_app": choice.in_app, "by_mail": choice.by_mail}
    key = {"user_account_id": actor.account_id, "kind": kind}
    await session.execute(
        insert(NotificationChoice).values(**key, **values).on_conflict_do_update(index_elements=list(key), set_=values)
    )
    audit.note(session, record_type="notification_choice", record_id=actor.account_id, fields=[kind])
    return ChoiceRead(kind=kind, in_app=choice.in_app, by_mail=choice.by_mail)
