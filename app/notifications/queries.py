from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, Uuid, bindparam, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.notifications.models import Notification, NotificationChoice
from app.notifications.schemas import ChoiceRead, NotificationFilter
from app.notifications.words import KINDS, PERMISSION_OF
from app.patients.models import Patient
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, fetch_page

NEWEST_FIRST = SortKey((Notification.created_at, Notification.notification_id), (datetime, UUID))
_MOST_COUNTED = 100


def own(actor: Actor) -> ColumnElement[bool]:
    """One's own, of records that one may see now, and of kinds that one wants to see in the application."""
    return _own(_seen(actor), actor.account_id)


def _seen(actor: Actor) -> tuple[str, ...]:
    return tuple(record_type for record_type, permission in PERMISSION_OF.items() if actor.may(permission))


def _own(seen: Sequence[str], account_id: Any) -> ColumnElement[bool]:
    silenced = exists().where(
        NotificationChoice.user_account_id == Notification.user_account_id,
        NotificationChoice.kind == Notification.kind,
        ~NotificationChoice.in_app,
    )
    of_a_deleted_patient = exists().where(Patient.patient_id == Notification.record_id, Patient.deleted_at.is_not(None))
    mine: ColumnElement[bool] = Notification.user_account_id == account_id
    return mine & Notification.record_type.in_(seen) & ~silenced & ~of_a_deleted_patient


def filtered(actor: Actor, query: NotificationFilter) -> Select[Any]:
    """The keys of the notifications that a filter asks for, with the columns they are ordered by."""
    ids = select(Notification.notification_id, *NEWEST_FIRST.columns).where(own(actor))
    if query.is_unread is not None:
        is_unread = Notification.read_at.is_(None)
        ids = ids.where(is_unread if query.is_unread == "true" else ~is_unread)
    return ids


async def list_notifications(session: AsyncSession, actor: Actor, *, query: NotificationFilter) -> Found[Notification]:
    """A page of one's own notifications, newest first."""
    return await fetch_page(
        session,
        ids=filtered(actor, query),
        query=query,
        sort=NEWEST_FIRST,
        rows=select(Notification).options(joinedload(Notification.person)),
    )


async def unread_count(session: AsyncSession, actor: Actor) -> int:
    """How many of one's own are unread; from 100 on it is 100."""
    asked = {"account_id": actor.account_id}
    return (await session.execute(select(unread_number(actor)), asked)).scalar_one()


def unread_number(actor: Actor) -> ScalarSelect[int]:
    """That number as a part of another statement, which is given `account_id`: one for all who may see the same."""
    return _unread_number(_seen(actor))


@cache
def _unread_number(seen: tuple[str, ...]) -> ScalarSelect[int]:
    mine = _own(seen, bindparam("account_id", type_=Uuid()))
    unread = select(Notification.notification_id).where(mine, Notification.read_at.is_(None))
    counted = select(func.count()).select_from(unread.limit(_MOST_COUNTED).subquery())
    return counted.scalar_subquery()


async def choices_of(session: AsyncSession, actor: Actor) -> list[ChoiceRead]:
    """Where one wants each kind to be told."""
    rows = await session.scalars(
        select(NotificationChoice).where(NotificationChoice.user_account_id == actor.account_id)
    )
    chosen = {row.kind: ChoiceRead.model_validate(row) for row in rows}
    return [chosen.get(kind) or ChoiceRead(kind=kind, in_app=True, by_mail=False) for kind in KINDS]
