from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.db import INTERNAL, Base, CreatedAt, Edited
from app.preferences.words import DENSITIES, LANDING_PLACES, LANGUAGES


class AccountPreference(Edited, Base):
    """What an account has chosen for its pages; null is as the settings say."""

    __tablename__ = "account_preference"
    __table_args__ = (
        CheckConstraint(f"language IN {LANGUAGES}", name="language_known"),
        CheckConstraint(f"density IN {DENSITIES}", name="density_known"),
        CheckConstraint(f"landing_place IN {LANDING_PLACES}", name="landing_place_known"),
        {"info": {"language_of_account": True}},
    )

    user_account_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.user_account_id"), primary_key=True, info=INTERNAL
    )
    created_at: Mapped[CreatedAt]
    language: Mapped[str | None] = mapped_column(info=INTERNAL)
    time_zone: Mapped[str | None] = mapped_column(String(64), info=INTERNAL)
    density: Mapped[str | None] = mapped_column(info=INTERNAL)
    shortcuts: Mapped[bool | None] = mapped_column(info=INTERNAL)
    landing_place: Mapped[str | None] = mapped_column(info=INTERNAL)
    sidebar_folded: Mapped[bool | None] = mapped_column(info=INTERNAL)
    hidden_columns: Mapped[list[str] | None] = mapped_column(info=INTERNAL)
