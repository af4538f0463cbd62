from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.about.models import About, about_table
from app.documents.words import KINDS, SCAN_STATUSES
from app.platform.db import DETAIL, HEALTH, INTERNAL, PERSONAL, SECRET, Base, CreatedAt, Edited, Key, Rows

_NEWEST_FIRST = ("created_at DESC", "document_id DESC")


class Document(About, Edited, Base):
    """A document, whose content are its versions: the newest one is what it says now."""

    __tablename__ = "document"
    __table_args__ = (
        *about_table("document", *_NEWEST_FIRST),
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        CheckConstraint("num_nonnulls(voided_at, void_reason) <> 1", name="void_has_a_reason"),
        Index("ix_document_created_at", *map(sql, _NEWEST_FIRST)),
        Index("ix_document_kind_created_at", "kind", *map(sql, _NEWEST_FIRST)),
        Index("ix_document_expires_on", "expires_on", "document_id", postgresql_where=sql("expires_on IS NOT NULL")),
    )

    document_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    title: Mapped[str] = mapped_column(info=DETAIL)
    kind: Mapped[str] = mapped_column(info=HEALTH)
    expires_on: Mapped[date | None] = mapped_column(info=HEALTH)
    voided_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    voided_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    void_reason: Mapped[str | None] = mapped_column(info=PERSONAL)

    versions: Mapped[list["DocumentVersion"]] = relationship(
        order_by="DocumentVersion.number.desc()", lazy="raise", viewonly=True
    )


class DocumentVersion(Base, rows=Rows.RECORD):
    """
    One content of a document: `sha256` is that of what was sent, `stored_as` the name of the encrypted file.

    What changes are the scan and the erasure, each once. A scan is tried again at `scan_due_at`.
    """

    __tablename__ = "document_version"
    __table_args__ = (
        UniqueConstraint("document_id", "number"),
        UniqueConstraint("stored_as"),
        CheckConstraint(f"scan_status IN {SCAN_STATUSES}", name="scan_status_known"),
        CheckConstraint("number > 0", name="number_from_one"),
        Index("ix_document_version_scan_due_at", "scan_due_at", postgresql_where=sql("scan_status = 'waiting'")),
    )

    document_version_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    document_id: Mapped[UUID] = mapped_column(ForeignKey("document.document_id"), info=INTERNAL)
    number: Mapped[int] = mapped_column(info=INTERNAL)
    content_type: Mapped[str] = mapped_column(info=INTERNAL)
    size_bytes: Mapped[int] = mapped_column(BigInteger, info=INTERNAL)
    sha256: Mapped[str] = mapped_column(info=DETAIL)
    stored_as: Mapped[str] = mapped_column(info=SECRET)
    scan_status: Mapped[str] = mapped_column(info=INTERNAL)
    scanned_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    scan_tries: Mapped[int] = mapped_column(server_default=sql("0"), info=INTERNAL)
    scan_due_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    erased_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)

    key: Mapped["DocumentKey | None"] = relationship(lazy="raise", viewonly=True)


class DocumentKey(Base, rows=Rows.DISPOSABLE):
    """
    The key of a version's file, wrapped by the master key of this version. Removing the row erases the content.

    A table of its own: it has no history, which would keep what was destroyed.
    """

    __tablename__ = "document_key"
    __table_args__ = (Index("ix_document_key_key_version", "key_version"),)

    document_version_id: Mapped[UUID] = mapped_column(
        ForeignKey("document_version.document_version_id"), primary_key=True, info=INTERNAL
    )
    key_version: Mapped[int] = mapped_column(info=INTERNAL)
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
