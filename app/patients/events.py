"""
The stage changes of leads, patients and journeys: one insert-only table, written by the packages that own the machines.

It stands here because patients is the leftmost package that all of them may import.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.db import HEALTH, INTERNAL, Base, CreatedAt, Key


class JourneyEvent(Base):
    """
    One change of a status: of a lead, a patient, a trial journey or an expanded-access journey (exactly one of them).

    `happened_at` is when it was so in the world, `created_at` when it was entered. `guards` maps each move condition to
    `met`, `not_met` or `not_checked`.
    """

    __tablename__ = "journey_event"
    __table_args__ = (
        CheckConstraint("num_nonnulls(lead_id, patient_id, ct_journey_id, eap_journey_id) = 1", name="of_one_record"),
        Index("ix_journey_event_lead_id", "lead_id", "created_at", postgresql_where=text("lead_id IS NOT NULL")),
        Index(
            "ix_journey_event_patient_id", "patient_id", "created_at", postgresql_where=text("patient_id IS NOT NULL")
        ),
        Index(
            "ix_journey_event_ct_journey_id",
            "ct_journey_id",
            "created_at",
            postgresql_where=text("ct_journey_id IS NOT NULL"),
        ),
        Index(
            "ix_journey_event_eap_journey_id",
            "eap_journey_id",
            "created_at",
            postgresql_where=text("eap_journey_id IS NOT NULL"),
        ),
        *(
            Index(
                f"ix_journey_event_{owner}_happened_at",
                owner,
                text("happened_at DESC"),
                text("journey_event_id DESC"),
                postgresql_where=text(f"{owner} IS NOT NULL"),
            )
            for owner in ("lead_id", "patient_id", "ct_journey_id", "eap_journey_id")
        ),
        {"info": {"insert_only": True}},
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
    reason_code: Mapped[str | None] = mapped_column(String(50), info=HEALTH)
    reason: Mapped[str | None] = mapped_column(info=HEALTH)
    guards: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), info=INTERNAL)


Guards = Mapping[str, str]
