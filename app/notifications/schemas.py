from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from app.notifications.words import KINDS
from app.people.schemas import PersonSummary
from app.platform.paging import PageQuery
from app.platform.text import Answer, Body, Flag, one_of

Kind: Any = one_of(KINDS)


class NotificationFilter(PageQuery):
    is_unread: Literal["true", "false"] | None = None


class NotificationRead(Answer):
    """That a record waits: its kind, which record, and whom it is about, as far as that may be seen now."""

    notification_id: UUID
    kind: str
    record_type: str
    record_id: UUID
    person_id: UUID | None
    person: PersonSummary | None
    created_at: datetime
    read_at: datetime | None


class UnreadCount(Answer):
    """How many of one's own notifications are unread, as far as what they are about may be seen."""

    unread: int


class ChoiceUpdate(Body):
    """Where a kind is told: `in_app` puts it into the list, `by_mail` has a mail count it."""

    in_app: Flag
    by_mail: Flag


class ChoiceRead(Answer):
    kind: str
    in_app: bool
    by_mail: bool


class ChoicesRead(Answer):
    choices: list[ChoiceRead]
