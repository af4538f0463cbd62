from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from app.platform.paging import PageQuery
from app.platform.text import Answer, Id, Instant, line

Outcome = Literal["done", "refused", "absent", "invalid", "conflict", "failed"]
Purpose = Literal["break_glass", "outside_caseload", "reveal"]
"""Why access was opened by a stated reason. The reason in words stands in access_opening, never in an event."""

Action: Any = line(100)


class AuditEventFilter(PageQuery):
    """
    `person_id`: who saw or changed this person. `actor_id` with `from_at` and `to_at`: what this account saw between
    two moments. `from_at` is included, `to_at` is not. Newest first.
    """

    person_id: Id | None = None
    actor_id: Id | None = None
    record_id: Id | None = None
    action: Action | None = None
    outcome: Outcome | None = None
    purpose: Purpose | None = None
    from_at: Instant | None = None
    to_at: Instant | None = None


class AuditEventRead(Answer):
    """
    One request or command. `person_ids` are all whose data was shown or changed, `field_names` the fields.

    `actor_name` is null for a request without a valid credential; a command's events have no `actor_id`.
    """

    audit_event_id: UUID
    at: datetime
    actor_id: UUID | None
    actor_name: str | None
    api_key_id: UUID | None
    session_id: UUID | None
    action: str
    record_type: str | None
    record_id: UUID | None
    person_ids: list[UUID]
    field_names: list[str]
    outcome: Outcome
    code: str | None
    purpose: str | None
    request_id: str | None
