from datetime import datetime
from typing import Literal
from uuid import UUID

from app.about.schemas import AboutBody, AboutFilter, AboutRead
from app.access.masking import Detail, Personal
from app.platform.text import OMITTED, Body, Flag, Id, Notes

YesNo = Literal["true", "false"]


class NoteCreate(AboutBody):
    """`text` is kept as it is typed; pages show a subset of Markdown. `adverse_event_heard` null means: not asked."""

    text: Notes
    adverse_event_heard: Flag | None = None
    is_pinned: Flag = False


class NoteUpdate(Body):
    """The fields given are changed; the earlier version of the note is kept."""

    text: Notes = OMITTED
    adverse_event_heard: Flag | None = OMITTED
    is_pinned: Flag = OMITTED


class NoteFilter(AboutFilter):
    is_pinned: YesNo | None = None
    created_by: Id | None = None
    include_voided: YesNo | None = None


class NoteRead(AboutRead):
    """`created_by` is the author."""

    note_id: UUID
    text: Detail[str]
    adverse_event_heard: Detail[bool | None]
    is_pinned: bool
    voided_at: datetime | None
    voided_by: UUID | None
    void_reason: Personal[str | None]
    created_at: datetime
    created_by: UUID | None
    updated_at: datetime
    updated_by: UUID | None
    version: int
