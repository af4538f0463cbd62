from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.conditions.models import MedicalCondition
from app.leads.states import FAULTY_LEAD_SQL, LEAD
from app.people.models import SOURCES, Person
from app.platform.db import DETAIL, HEALTH, INTERNAL, PERSONAL, Base, CreatedAt, Edited, Key


class PatientLead(Edited, Base):
    __tablename__ = "patient_lead"
    __table_args__ = (
        UniqueConstraint("lead_id", "person_id"),
        UniqueConstraint("reference"),
        # Not of the same person: a caregiver's lead becomes the patient they care for.
        ForeignKeyConstraint(
            ["converted_to_patient_id"], ["patient.patient_id"], name="fk_patient_lead_converted_to_patient_id"
        ),
        CheckConstraint(LEAD.sql_check(), name="status_known"),
        CheckConstraint(f"source IN {SOURCES}", name="source_known"),
        CheckConstraint(
            "(status = 'converted') = (converted_to_patient_id IS NOT NULL) AND "
            "(status = 'converted') = (converted_at IS NOT NULL)",
            name="converted_has_patient_and_time",
        ),
        CheckConstraint(
            "duplicate_of_person_id IS NULL OR status = 'duplicate'", name="duplicate_points_when_closed_so"
        ),
        Index("ix_patient_lead_created_at", text("created_at DESC"), text("lead_id DESC")),
        Index("ix_patient_lead_status_created_at", "status", text("created_at DESC"), text("lead_id DESC")),
        Index(
            "ix_patient_lead_status_medical_condition_id_created_at",
            "status",
            "medical_condition_id",
            text("created_at DESC"),
            text("lead_id DESC"),
        ),
        Index(
            "ix_patient_lead_medical_condition_id_created_at",
            "medical_condition_id",
            text("created_at DESC"),
            text("lead_id DESC"),
        ),
        Index("ix_patient_lead_owner_id_created_at", "owner_id", text("created_at DESC"), text("lead_id DESC")),
        Index("ix_patient_lead_person_id", "person_id", text("created_at DESC"), text("lead_id DESC")),
        Index(
            "ix_patient_lead_converted_to_patient_id",
            "converted_to_patient_id",
            postgresql_where=text("converted_to_patient_id IS NOT NULL"),
        ),
        Index(
            "ix_patient_lead_duplicate_of_person_id",
            "duplicate_of_person_id",
            postgresql_where=text("duplicate_of_person_id IS NOT NULL"),
        ),
        Index("ix_patient_lead_faulty", "lead_id", postgresql_where=text(FAULTY_LEAD_SQL)),
        {"info": {"leads": True, "cases": True}},
    )

    lead_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    medical_condition_id: Mapped[UUID] = mapped_column(
        ForeignKey("medical_condition.medical_condition_id"), info=HEALTH
    )
    source: Mapped[str] = mapped_column(info=INTERNAL)
    landing_page_url: Mapped[str | None] = mapped_column(String(2000), info=PERSONAL)
    status: Mapped[str] = mapped_column(server_default=text(f"'{LEAD.initial}'"), info=INTERNAL)
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    wake_up_on: Mapped[date | None] = mapped_column(info=HEALTH)
    converted_to_patient_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    converted_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    closed_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    reason_code: Mapped[str | None] = mapped_column(String(50), info=DETAIL)
    reason: Mapped[str | None] = mapped_column(info=DETAIL)
    duplicate_of_person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    intake_submission_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("intake_submission.intake_submission_id"), info=INTERNAL
    )
    reference: Mapped[str] = mapped_column(server_default=text("new_reference('L')"), info=INTERNAL)

    person: Mapped[Person] = relationship(lazy="raise", foreign_keys=[person_id])
    medical_condition: Mapped[MedicalCondition] = relationship(lazy="raise")
