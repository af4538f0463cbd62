from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.db import INTERNAL, Base, CreatedAt, Edited, Key, Rows
from app.saved_views.words import LIST_NAMES


class SavedView(Edited, Base):
    """
    The settings of a list under a name. `columns` are those that are seen, null for those of the account.

    One that was removed stays, with the moment.
    """

    __tablename__ = "saved_view"
    __table_args__ = (
        CheckConstraint(f"list_name IN {LIST_NAMES}", name="list_name_known"),
        CheckConstraint("btrim(name) <> ''", name="name_not_blank"),
        Index(
            "uq_saved_view_name",
            "user_account_id",
            "list_name",
            text("lower(name)"),
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index("ix_saved_view_shared", "list_name", postgresql_where=text("is_shared AND removed_at IS NULL")),
    )

    saved_view_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    list_name: Mapped[str] = mapped_column(info=INTERNAL)
    name: Mapped[str] = mapped_column(String(60), info=INTERNAL)
    filters: Mapped[dict[str, Any]] = mapped_column(info=INTERNAL)
    sort: Mapped[str | None] = mapped_column(String(40), info=INTERNAL)
    columns: Mapped[list[str] | None] = mapped_column(info=INTERNAL)
    is_shared: Mapped[bool] = mapped_column(server_default=text("false"), info=INTERNAL)
    removed_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)


class SavedViewChoice(Base, rows=Rows.DISPOSABLE):
    """What an account has chosen of a view that it may see: to pin it, to begin its list with it."""

    __tablename__ = "saved_view_choice"
    __table_args__ = (
        Index(
            "uq_saved_view_choice_default",
            "user_account_id",
            "list_name",
            unique=True,
            postgresql_where=text("is_default"),
        ),
    )

    user_account_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.user_account_id"), primary_key=True, info=INTERNAL
    )
    saved_view_id: Mapped[UUID] = mapped_column(ForeignKey("saved_view.saved_view_id"), primary_key=True, info=INTERNAL)
    list_name: Mapped[str] = mapped_column(info=INTERNAL)
    is_pinned: Mapped[bool] = mapped_column(server_default=text("false"), info=INTERNAL)
    is_default: Mapped[bool] = mapped_column(server_default=text("false"), info=INTERNAL)
