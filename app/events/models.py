from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.db import DETAIL, HEALTH, INTERNAL, Base, CreatedAt, Key, Rows

OWNERS = ("lead_id", "patient_id", "ct_journey_id", "eap_journey_id")
"""The columns of whose events there are, each named as the key of the record's own table."""


class JourneyEvent(Base, rows=Rows.INSERT_ONLY):
    """
    One move of a record: of a lead, a patient, a trial journey or an expanded-access journey (exactly one of them).

    `happened_at` is when it was so in the world, `created_at` when it was entered. `guards` maps each move condition to
    `met`, `not_met` or `not_checked`. A move that is entered as having happened before an earlier one
    has `is_correction` set, and a reason.
    """

    __tablename__ = "journey_event"
    __table_args__ = (
        CheckConstraint(f"num_nonnulls({', '.join(OWNERS)}) = 1", name="of_one_record"),
        *(
            Index(f"ix_journey_event_{owner}", owner, "created_at", postgresql_where=text(f"{owner} IS NOT NULL"))
            for owner in OWNERS
        ),
        *(
            Index(
                f"ix_journey_event_{owner}_happened_at",
                owner,
                text("happened_at DESC"),
                text("journey_event_id DESC"),
                postgresql_where=text(f"{owner} IS NOT NULL"),
            )
            for owner in OWNERS
        ),
    )

    journey_event_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    lead_id: Mapped[UUID | None] = mapped_column(ForeignKey("patient_lead.lead_id"), info=INTERNAL)
    patient_id: Mapped[UUID | None] = mapped_column(ForeignKey("patient.patient_id"), info=INTERNAL)
    ct_journey_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("clinical_trial_journey.ct_journey_id"), info=INTERNAL
    )
    eap_journey_id: Mapped[UUID | None] = mapped_column(ForeignKey("eap_journey.eap_journey_id"), info=INTERNAL)
    from_status: Mapped[str | None] = mapped_column(String(30), info=HEALTH)
    to_status: Mapped[str] = mapped_column(String(30), info=HEALTH)
    happened_at: Mapped[datetime] = mapped_column(info=HEALTH)
    entered_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    via: Mapped[str | None] = mapped_column(String(30), info=INTERNAL)
    reason_code: Mapped[str | None] = mapped_column(String(50), info=DETAIL)
    reason: Mapped[str | None] = mapped_column(info=DETAIL)
    is_correction: Mapped[bool] = mapped_column(server_default=text("false"), info=INTERNAL)
    guards: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), info=DETAIL)
