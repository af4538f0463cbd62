from datetime import datetime
from typing import Literal
from uuid import UUID

from app.platform.paging import PageQuery
from app.platform.text import Answer, Body, Reason

State = Literal["open", "approved", "refused", "withdrawn", "expired"]


class ExportRequestFilter(PageQuery):
    """Requests for exports that need a second person, newest first."""

    state: State | None = None


class ExportDecision(Body):
    """Whether the export may be taken out; the note is read by the one who asked."""

    decision: Literal["approved", "refused"]
    note: Reason | None = None


class ExportRequestRead(Answer):
    """
    What is to be taken out of a list and why. `question` are its filters by their names.

    `open` waits for a decision until `expires_at`; `approved` can be taken out until then by the one who asked.
    """

    export_request_id: UUID
    list_name: str
    question: dict[str, str]
    columns: list[str]
    reason: str
    state: State
    requested_by: UUID
    requested_by_name: str
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    decided_by: UUID | None
    decided_by_name: str | None
    decision_note: str | None
    taken_at: datetime | None
    version: int
