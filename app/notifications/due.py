"""
What the worker notices: who came back, reviews that wait, reports that are due, calls that are near; the mails; what is
forgotten.
"""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import SelectBase, Uuid, cast, delete, func, literal, null, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.mails import in_the_language_of
from app.access.models import RoleGrant, UserAccount
from app.access.openings.models import AccessOpening
from app.access.policy import permissions_of, roles_allowing
from app.calls.models import CallHistory
from app.exports.models import ExportRequest
from app.notifications.models import Notification, NotificationChoice
from app.notifications.words import PERMISSION_OF
from app.people.departures.models import CameBack
from app.platform.locales import _, ngettext
from app.platform.mail import write_mail
from app.tasks.models import Task
from app.tasks.rules import REPORT_SQL
from app.tasks.states import TASK

SOON = timedelta(minutes=15)
_REPORTED_BEFORE = timedelta(hours=4)
KEPT_FOR = timedelta(days=90)
_LOOKED_BACK = timedelta(days=30)


def _line_of_a_mail(kind: str, count: int) -> str | None:
    """What a mail says of so many of a kind; None for a kind of which none is sent."""
    said = {
        "assigned": ngettext("%(count)s was assigned to you", "%(count)s were assigned to you", count),
        "came_back": ngettext("%(count)s of yours came back", "%(count)s of yours came back", count),
        "review_due": ngettext(
            "%(count)s break-glass access waits for a review",
            "%(count)s break-glass accesses wait for a review",
            count,
        ),
        "report_due": ngettext(
            "%(count)s side effect is to be reported", "%(count)s side effects are to be reported", count
        ),
        "export_asked": ngettext(
            "%(count)s export waits for your decision", "%(count)s exports wait for your decision", count
        ),
        "export_decided": ngettext(
            "%(count)s export of yours is decided", "%(count)s exports of yours are decided", count
        ),
    }
    return str(said[kind]) if kind in said else None


async def notice(session: AsyncSession, *, now: datetime) -> int:
    """Tell everybody of what has become due, once of each thing; how many notifications that made."""
    made = 0
    due = (_came_back, _reviews, _reports, _calls, _exports_to_decide, _exports_decided)
    for what in (one(now) for one in due):
        told = insert(Notification).from_select(
            ["user_account_id", "kind", "record_type", "record_id", "person_id"], what
        )
        new = await session.scalars(told.on_conflict_do_nothing().returning(Notification.notification_id))
        made += len(new.all())
    return made


def _came_back(now: datetime) -> SelectBase:
    return select(
        CameBack.owner_id, literal("came_back"), literal("came_back"), CameBack.came_back_id, CameBack.person_id
    ).where(CameBack.closed_at.is_(None), CameBack.owner_id.is_not(None), CameBack.created_at > now - _LOOKED_BACK)


def _reviews(now: datetime) -> SelectBase:
    return (
        select(
            UserAccount.user_account_id,
            literal("review_due"),
            literal("access_opening"),
            AccessOpening.access_opening_id,
            AccessOpening.person_id,
        )
        .select_from(AccessOpening)
        .join(RoleGrant, RoleGrant.revoked_at.is_(None) & RoleGrant.role.in_(roles_allowing("break_glass.review")))
        .join(UserAccount, UserAccount.is_active & (UserAccount.user_account_id == RoleGrant.user_account_id))
        .where(
            AccessOpening.kind == "break_glass",
            AccessOpening.reviewed_at.is_(None),
            AccessOpening.created_at > now - _LOOKED_BACK,
            AccessOpening.user_account_id != UserAccount.user_account_id,
        )
    )


def _reports(now: datetime) -> SelectBase:
    """The side effects that are not reported yet, from some hours before they are due."""
    return select(
        Task.owner_id, literal("report_due"), literal(Task.__tablename__), Task.task_id, Task.person_id
    ).where(
        text(REPORT_SQL),
        Task.status == TASK.initial,
        Task.owner_id.is_not(None),
        Task.due_by <= now + _REPORTED_BEFORE,
    )


def _calls(now: datetime) -> SelectBase:
    return (
        select(
            UserAccount.user_account_id,
            literal("call_soon"),
            literal("call_history"),
            CallHistory.call_id,
            CallHistory.person_id,
        )
        .join(UserAccount, UserAccount.person_id == CallHistory.pn_id)
        .where(
            CallHistory.status == "scheduled",
            CallHistory.voided_at.is_(None),
            CallHistory.occurs_at > now,
            CallHistory.occurs_at <= now + SOON,
            UserAccount.is_active,
        )
    )


def _exports_to_decide(now: datetime) -> SelectBase:
    return (
        select(
            UserAccount.user_account_id,
            literal("export_asked"),
            literal("export_request"),
            ExportRequest.export_request_id,
            cast(null(), Uuid),
        )
        .select_from(ExportRequest)
        .join(RoleGrant, RoleGrant.revoked_at.is_(None) & RoleGrant.role.in_(roles_allowing("export.decide")))
        .join(UserAccount, UserAccount.is_active & (UserAccount.user_account_id == RoleGrant.user_account_id))
        .where(
            ExportRequest.decision == "open",
            ExportRequest.expires_at > now,
            ExportRequest.requested_by != UserAccount.user_account_id,
        )
    )


def _exports_decided(now: datetime) -> SelectBase:
    return select(
        ExportRequest.requested_by,
        literal("export_decided"),
        literal("export_request"),
        ExportRequest.export_request_id,
        cast(null(), Uuid),
    ).where(ExportRequest.decision.in_(("approved", "refused")), ExportRequest.decided_at > now - _LOOKED_BACK)


async def mail_digests(session: AsyncSession, *, base_url: str, now: datetime) -> int:
    """
    A mail to everybody who wants kinds told by mail and has unread ones of which no mail has told; how many mails.

    It says how many of which kind, and where to look: nothing about anybody.
    """
    waiting = (
        select(Notification)
        .join(
            NotificationChoice,
            (NotificationChoice.user_account_id == Notification.user_account_id)
            & (NotificationChoice.kind == Notification.kind)
            & NotificationChoice.by_mail,
        )
        .where(Notification.read_at.is_(None), Notification.mailed_at.is_(None))
        .with_for_update(of=Notification, skip_locked=True)
        .limit(5_000)
    )
    by_account: dict[UUID, list[Notification]] = defaultdict(list)
    for notification in await session.scalars(waiting):
        by_account[notification.user_account_id].append(notification)
        notification.mailed_at = now
    mails = 0
    for account_id, found in by_account.items():
        counted = Counter(one.kind for one in await _still_seen(session, account_id, found))
        address = await session.scalar(
            select(UserAccount.email).where(UserAccount.user_account_id == account_id, UserAccount.is_active)
        )
        if address is None:
            continue
        async with in_the_language_of(session, account_id):
            lines = [line for kind, count in counted.items() if (line := _line_of_a_mail(kind, count))]
            if not lines:
                continue
            await write_mail(
                session,
                to_address=address,
                subject=str(_("Something waits for you in the CRM")),
                body="\n".join([*lines, "", f"{base_url}/notifications", ""]),
            )
        mails += 1
    await session.flush()
    return mails


async def _still_seen(session: AsyncSession, account_id: UUID, found: list[Notification]) -> list[Notification]:
    """Those whose records the account's roles let it see at this moment."""
    roles = await session.scalars(
        select(RoleGrant.role).where(RoleGrant.user_account_id == account_id, RoleGrant.revoked_at.is_(None))
    )
    allowed = permissions_of(frozenset(roles))
    return [one for one in found if PERMISSION_OF[one.record_type] in allowed]


async def forget_old_notifications(session: AsyncSession, *, now: datetime) -> int:
    """Remove what is older than 90 days; how many those were."""
    gone = delete(Notification).where(Notification.created_at <= now - KEPT_FOR).returning(Notification.notification_id)
    return (await session.execute(select(func.count()).select_from(gone.cte("gone")))).scalar_one()
