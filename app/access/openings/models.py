from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.db import INTERNAL, PERSONAL, Base, CreatedAt, Edited, Key

KINDS = ("break_glass", "outside_caseload", "reveal")
VERDICTS = ("justified", "not_justified", "follow_up")


class AccessOpening(Edited, Base):
    """
    One person's data opened for one account with a stated reason, until `expires_at` or `ended_at`.

    `reveal` is a single look: it ends as it begins. The words of `reason` and `review_note` may name people; audit
    events carry the kind alone.
    """

    __tablename__ = "access_opening"
    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        CheckConstraint("btrim(reason) <> ''", name="reason_not_blank"),
        CheckConstraint("expires_at >= created_at", name="ends_after_it_begins"),
        CheckConstraint(f"verdict IN {VERDICTS}", name="verdict_known"),
        CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) = (verdict IS NULL)",
            name="reviewed_whole",
        ),
        CheckConstraint("reviewed_by <> user_account_id", name="nobody_reviews_their_own"),
        Index("ix_access_opening_user_account_id_expires_at", "user_account_id", "expires_at"),
        Index("ix_access_opening_person_id", "person_id", "created_at"),
        Index("ix_access_opening_kind", "kind", text("created_at DESC"), text("access_opening_id DESC")),
        Index(
            "ix_access_opening_unreviewed",
            "kind",
            text("created_at DESC"),
            text("access_opening_id DESC"),
            postgresql_where=text("reviewed_at IS NULL"),
        ),
    )

    access_opening_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    kind: Mapped[str] = mapped_column(info=INTERNAL)
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    reason: Mapped[str] = mapped_column(info=PERSONAL)
    expires_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    ended_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    reviewed_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    reviewed_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    verdict: Mapped[str | None] = mapped_column(info=INTERNAL)
    review_note: Mapped[str | None] = mapped_column(info=PERSONAL)
    review_reminded_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
