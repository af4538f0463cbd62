from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from app.about.schemas import AboutBody, AboutFilter, AboutRead
from app.access.masking import Detail, Health, Personal
from app.documents.words import KINDS
from app.people.fields import SearchText
from app.platform.text import OMITTED, Answer, Body, Day, Label, one_of

Kind: Any = one_of(KINDS)
YesNo = Literal["true", "false"]
Expiry = Literal["expired", "in_30_days", "in_90_days"]


class DocumentCreate(AboutBody):
    """The fields that come with the file. Without a title it is the name that the file had."""

    title: Label | None = None
    kind: Kind
    expires_on: Day | None = None


class DocumentUpdate(Body):
    """The fields given are changed. Content is never changed: a new version is added."""

    title: Label = OMITTED
    kind: Kind = OMITTED
    expires_on: Day | None = OMITTED


class DocumentFilter(AboutFilter):
    """
    `expired_on` finds what has expired by this day. `expiry` finds what has expired, or will within so many days from
    today, what expires first at the front. `owner=me` finds those of the people whom one owns. `q` is what somebody
    types who looks for a person.
    """

    kind: Health[Kind | None] = None
    expired_on: Health[Day | None] = None
    expiry: Health[Expiry | None] = None
    owner: Literal["me"] | None = None
    q: Personal[SearchText | None] = None
    include_voided: YesNo | None = None


class DocumentVersionRead(Answer):
    """
    One content. `scan_status`: it opens when it has `passed`, or where none is scanned (`not_scanned`); `refused` is
    kept closed. `erased_at` tells that nobody can read it any more.
    """

    document_version_id: UUID
    number: int
    content_type: str
    size_bytes: int
    sha256: Detail[str]
    scan_status: str
    scanned_at: datetime | None
    erased_at: datetime | None
    created_at: datetime
    created_by: UUID | None


class DocumentRead(AboutRead):
    """`versions` are its contents, the newest first."""

    document_id: UUID
    title: Detail[str]
    kind: Health[str]
    expires_on: Health[date | None]
    versions: list[DocumentVersionRead]
    voided_at: datetime | None
    voided_by: UUID | None
    void_reason: Personal[str | None]
    created_at: datetime
    created_by: UUID | None
    updated_at: datetime
    updated_by: UUID | None
    version: int
