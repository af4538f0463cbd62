from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.journeys.models import Journey, journey_table, status_of
from app.journeys.trial.states import TRIAL_JOURNEY
from app.platform.db import DETAIL, PUBLIC, Base, CreatedAt, Edited, Key
from app.platform.search import index_of_words

REGISTRIES = ("NCT", "EUCT", "EudraCT", "ISRCTN", "jRCT", "other")
TRIAL_STATUSES = (
    "unverified",
    "not_yet_recruiting",
    "recruiting",
    "enrolling_by_invitation",
    "active_not_recruiting",
    "suspended",
    "terminated",
    "completed",
    "withdrawn",
)


TRIAL_NAMES = "trial_id, title, sponsor"
"""What a trial is searched by: its columns."""


class ClinicalTrial(Edited, Base):
    """A trial by its registry number. `unverified`: named by a journey, not yet confirmed against the registry."""

    __tablename__ = "clinical_trial"
    __table_args__ = (
        index_of_words("clinical_trial", TRIAL_NAMES),
        CheckConstraint(f"registry_code IN {REGISTRIES}", name="registry_known"),
        CheckConstraint(f"status IN {TRIAL_STATUSES}", name="status_known"),
        CheckConstraint("btrim(trial_id) <> ''", name="trial_id_not_blank"),
        Index("uq_clinical_trial_trial_id", "trial_id", unique=True),
        Index("ix_clinical_trial_created_at", text("created_at DESC"), text("clinical_trial_id DESC")),
        Index("ix_clinical_trial_status_created_at", "status", text("created_at DESC"), text("clinical_trial_id DESC")),
    )

    clinical_trial_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    trial_id: Mapped[str] = mapped_column(String(100), info=PUBLIC)
    registry_code: Mapped[str] = mapped_column(info=PUBLIC)
    title: Mapped[str | None] = mapped_column(String(500), info=PUBLIC)
    phase: Mapped[str | None] = mapped_column(String(30), info=PUBLIC)
    status: Mapped[str] = mapped_column(server_default=text("'unverified'"), info=PUBLIC)
    sponsor: Mapped[str | None] = mapped_column(String(200), info=PUBLIC)


class ClinicalTrialJourney(Journey):
    """
    One patient's way into one trial; a patient may have many, into the same trial again as well.

    `clinical_trial_id` is empty only for a legacy journey that names no trial (`trial_reference` keeps its words).
    """

    __tablename__ = "clinical_trial_journey"
    __table_args__ = journey_table(
        TRIAL_JOURNEY,
        CheckConstraint("enrollment_date >= referral_date", name="enrolled_after_referred"),
        CheckConstraint("eligible IS DISTINCT FROM true OR ineligible_reason IS NULL", name="reason_when_not_eligible"),
        key="ct_journey_id",
        leads_to="clinical_trial_id",
    )

    ct_journey_id: Mapped[Key] = mapped_column(sort_order=-2)
    clinical_trial_id: Mapped[UUID | None] = mapped_column(ForeignKey("clinical_trial.clinical_trial_id"), info=DETAIL)
    trial_reference: Mapped[str | None] = mapped_column(String(500), info=DETAIL)
    referral_date: Mapped[date | None] = mapped_column(info=DETAIL)
    eligible: Mapped[bool | None] = mapped_column(info=DETAIL)
    eligibility_assessment_date: Mapped[date | None] = mapped_column(info=DETAIL)
    ineligible_reason: Mapped[str | None] = mapped_column(info=DETAIL)
    outcome: Mapped[str | None] = mapped_column(String(100), info=DETAIL)
    status: Mapped[str] = status_of(TRIAL_JOURNEY)

    clinical_trial: Mapped[ClinicalTrial | None] = relationship(lazy="raise")
