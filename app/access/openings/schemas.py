from datetime import datetime
from typing import Literal
from uuid import UUID

from app.platform.paging import PageQuery
from app.platform.text import Answer, Body, Id, Reason

Kind = Literal["break_glass", "outside_caseload", "reveal"]
Verdict = Literal["justified", "not_justified", "follow_up"]
YesNo = Literal["true", "false"]


class BreakGlass(Body):
    """Whose data is opened, and why it cannot wait. The reason is read by the privacy officer."""

    person_id: Id
    reason: Reason


class OpeningFilter(PageQuery):
    """Accesses that were opened with a reason, newest first."""

    kind: Kind = "break_glass"
    reviewed: YesNo | None = None
    person_id: Id | None = None


class Review(Body):
    verdict: Verdict
    note: Reason | None = None


class OpeningRead(Answer):
    """One person's data opened for one account until `expires_at`, or until `ended_at` when it was closed before."""

    access_opening_id: UUID
    kind: Kind
    user_account_id: UUID
    opened_by_name: str
    person_id: UUID
    reason: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    reviewed_at: datetime | None
    reviewed_by: UUID | None
    verdict: Verdict | None
    review_note: str | None
    version: int
