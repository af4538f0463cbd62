"""`/me/notifications`: what waits for the account that asks. Nobody reads those of somebody else."""

from typing import Annotated

from fastapi import Path, Query

from app.access.request_guard import CurrentActor, DbSession, allow, api_router
from app.audit import service as audit
from app.notifications import queries, service
from app.notifications.schemas import (
    ChoiceRead,
    ChoicesRead,
    ChoiceUpdate,
    Kind,
    NotificationFilter,
    NotificationRead,
    UnreadCount,
)
from app.platform.paging import Page
from app.platform.text import Id

router = api_router("/me", "me")


@router.get("/notifications", response_model=Page[NotificationRead], dependencies=[allow("notification.own")])
async def list_notifications(
    query: Annotated[NotificationFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[NotificationRead]:
    """One's own notifications, newest first; those of records that may not be seen now are left out."""
    found = await queries.list_notifications(session, actor, query=query)
    return audit.show_page(session, found, map(NotificationRead.model_validate, found.rows))


@router.get("/notifications/unread", response_model=UnreadCount, dependencies=[allow("notification.own")])
async def count_unread_notifications(session: DbSession, actor: CurrentActor) -> UnreadCount:
    """How many are unread; from 100 on it is 100."""
    return UnreadCount(unread=await queries.unread_count(session, actor))


@router.post("/notifications/read", response_model=UnreadCount, dependencies=[allow("notification.own")])
async def mark_all_notifications_read(session: DbSession, actor: CurrentActor) -> UnreadCount:
    """Mark all as read."""
    await service.mark_all_read(session, actor)
    return UnreadCount(unread=await queries.unread_count(session, actor))


@router.post(
    "/notifications/{notification_id}/read", response_model=UnreadCount, dependencies=[allow("notification.own")]
)
async def mark_notification_read(notification_id: Id, session: DbSession, actor: CurrentActor) -> UnreadCount:
    """Mark one as read; a second time changes nothing."""
    await service.mark_read(session, actor, notification_id=notification_id)
    return UnreadCount(unread=await queries.unread_count(session, actor))


@router.get("/notification-choices", response_model=ChoicesRead, dependencies=[allow("notification.own")])
async def list_notification_choices(session: DbSession, actor: CurrentActor) -> ChoicesRead:
    """Where each kind is told: in the application, by a mail that counts it, or both."""
    audit.note(session, record_type="notification_choice", record_id=actor.account_id)
    return ChoicesRead(choices=await queries.choices_of(session, actor))


@router.put("/notification-choices/{kind}", response_model=ChoiceRead, dependencies=[allow("notification.own")])
async def choose_notification(
    kind: Annotated[Kind, Path()], choice: ChoiceUpdate, session: DbSession, actor: CurrentActor
) -> ChoiceRead:
    """Say where a kind is told."""
    return await service.choose(session, actor, kind=kind, choice=choice)
