"""Events of the audit trail as they are shown."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.queries import account_names
from app.audit import queries, service
from app.audit.models import AuditEvent
from app.audit.schemas import AuditEventFilter, AuditEventRead
from app.platform.actor import Actor
from app.platform.paging import Page

_COLUMNS = [name for name in AuditEventRead.model_fields if name not in {"actor_name", "person_ids", "field_names"}]


async def read(session: AsyncSession, events: Sequence[AuditEvent]) -> list[AuditEventRead]:
    """The events as they are shown, with the names of the accounts."""
    names = await account_names(session, [event.actor_id for event in events])
    return [
        AuditEventRead(
            **{name: getattr(event, name) for name in _COLUMNS},
            actor_name=names.get(event.actor_id) if event.actor_id else None,
            person_ids=event.person_ids or [],
            field_names=event.field_names or [],
        )
        for event in events
    ]


def note_question(session: AsyncSession, query: AuditEventFilter) -> None:
    """Looking into the trail is on record too: about whom was asked."""
    people = [] if query.person_id is None else [query.person_id]
    service.note(session, record_type="audit_event", person_ids=people)


async def page_of_events(session: AsyncSession, actor: Actor, *, query: AuditEventFilter) -> Page[AuditEventRead]:
    """Who did or saw what, newest first."""
    found = await queries.list_events(session, actor, query=query)
    return found.page(await read(session, found.rows))
