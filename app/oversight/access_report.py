"""Who looked at a person: the trail in words, for the person themselves."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access import queries as access
from app.access.models import RoleGrant
from app.access.openings import queries as openings
from app.access.openings.models import AccessOpening
from app.audit import queries as audit_queries
from app.audit import service as audit
from app.audit.models import AuditEvent
from app.audit.schemas import AuditEventFilter
from app.oversight import words
from app.oversight.records import BY_PATH
from app.oversight.schemas import AccessRead, AccessReportFilter
from app.people import queries as people
from app.platform.actor import Actor
from app.platform.locales import _
from app.platform.paging import Page

_SYSTEM = _("The system itself")
A_REQUEST = timedelta(seconds=30)
"""An event bears the time when its request began; what the request states is written up to this much later."""


async def page_of_looks(
    session: AsyncSession, actor: Actor, *, person_id: UUID, query: AccessReportFilter, limit: int | None = None
) -> Page[AccessRead]:
    """
    A page of every look at the person and every change of their data, newest first; PersonNotFound.

    `limit` for a page that is longer than one can be asked for.

    An answer that refused and named the person is a look too.
    """
    await people.get_person(session, actor, person_id=person_id)
    audit.note(session, record_type="audit_event", person_ids=[person_id], fields=["access_report"])
    found = await audit_queries.list_events_of_person(
        session,
        query=AuditEventFilter(person_id=person_id, from_at=query.from_at, to_at=query.to_at, cursor=query.cursor),
        limit=limit or query.limit,
    )
    accounts = {event.actor_id for event in found.rows if event.actor_id is not None}
    names = await access.account_names(session, accounts)
    grants = await access.roles_over_time(session, accounts)
    stated = await openings.reasons_about(session, person_id=person_id, account_ids=accounts)
    return found.page(_read(event, names, grants, stated) for event in found.rows)


def _read(
    event: AuditEvent, names: dict[UUID, str], grants: Sequence[RoleGrant], stated: Sequence[AccessOpening]
) -> AccessRead:
    roles = roles_at(event.actor_id, event.at, grants)
    return AccessRead(
        audit_event_id=event.audit_event_id,
        at=event.at,
        account_id=event.actor_id,
        account_name=names.get(event.actor_id, _SYSTEM) if event.actor_id else _SYSTEM,
        roles=roles,
        did=words.did(event.action, event.outcome),
        what=words.kind_of_record(_record_type(event)),
        why=words.why(event.purpose, roles),
        stated_reason=_reason(event, stated),
    )


def _record_type(event: AuditEvent) -> str | None:
    """The kind of record; of an event whose record is the one of its address, that of the address."""
    record = BY_PATH.get(event.record_type or "")
    return event.record_type if record is None else record.record_type


def roles_at(account_id: UUID | None, moment: datetime, grants: Sequence[RoleGrant]) -> list[str]:
    """The roles that the account held at that moment, by name."""
    return sorted(
        {
            grant.role
            for grant in grants
            if grant.user_account_id == account_id
            and grant.created_at <= moment
            and (grant.revoked_at is None or grant.revoked_at > moment)
        }
    )


def _reason(event: AuditEvent, stated: Sequence[AccessOpening]) -> str | None:
    """
    The words stated for this use: those of the latest opening of its kind that was open then.
    """
    if event.purpose is None:
        return None
    fitting = [
        opening.reason
        for opening in stated
        if opening.kind == event.purpose
        and opening.user_account_id == event.actor_id
        and opening.created_at - A_REQUEST <= event.at <= opening.expires_at
    ]
    return fitting[-1] if fitting else None
