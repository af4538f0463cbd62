from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.conditions.models import MedicalCondition
from app.patients.states import FAULTY_PATIENT_SQL, PATIENT
from app.people.models import Person
from app.physicians.models import Physician
from app.platform.db import DETAIL, HEALTH, INTERNAL, Base, CreatedAt, Edited, Key

RELATIONSHIP_TYPES = ("primary_care", "referring", "treating", "specialist", "second_opinion", "other")


class Patient(Edited, Base):
    """
    A person whom we help.

    While the status is one of `helped`, the person is not set inactive: people finds the table by its `info`.
    """

    __tablename__ = "patient"
    __table_args__ = (
        UniqueConstraint("person_id"),
        # Calls and journeys name the patient together with the person, so that they can't belong to two humans.
        UniqueConstraint("patient_id", "person_id"),
        CheckConstraint(PATIENT.sql_check(), name="status_known"),
        CheckConstraint("(deleted_at IS NULL) = (deleted_by IS NULL)", name="deleted_by_somebody"),
        # Over deleted rows too, unlike the others: the list with deleted ones has no other index.
        Index("ix_patient_created_at", text("created_at DESC"), text("patient_id DESC")),
        Index("ix_patient_faulty", "patient_id", postgresql_where=text(FAULTY_PATIENT_SQL)),
        Index(
            "ix_patient_status_created_at",
            "status",
            text("created_at DESC"),
            text("patient_id DESC"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_patient_medical_condition_id_created_at",
            "medical_condition_id",
            text("created_at DESC"),
            text("patient_id DESC"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_patient_status_medical_condition_id_created_at",
            "status",
            "medical_condition_id",
            text("created_at DESC"),
            text("patient_id DESC"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_patient_owner_id_status_created_at",
            "owner_id",
            "status",
            text("created_at DESC"),
            text("patient_id DESC"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_patient_owner_id_medical_condition_id_created_at",
            "owner_id",
            "medical_condition_id",
            text("created_at DESC"),
            text("patient_id DESC"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_patient_owner_id_created_at",
            "owner_id",
            text("created_at DESC"),
            text("patient_id DESC"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        {"info": {"helped": PATIENT.states_of_filter("active"), "cases": True}},
    )

    patient_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    medical_condition_id: Mapped[UUID] = mapped_column(
        ForeignKey("medical_condition.medical_condition_id"), info=HEALTH
    )
    first_contact_date: Mapped[date | None] = mapped_column(info=HEALTH)
    initial_consult_date: Mapped[date | None] = mapped_column(info=HEALTH)
    status: Mapped[str] = mapped_column(server_default=text(f"'{PATIENT.initial}'"), info=INTERNAL)
    status_reason: Mapped[str | None] = mapped_column(info=DETAIL)
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    deleted_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    deleted_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    deleted_reason: Mapped[str | None] = mapped_column(info=DETAIL)

    person: Mapped[Person] = relationship(lazy="raise")
    medical_condition: Mapped[MedicalCondition] = relationship(lazy="raise")


class PatientPhysicianRelationship(Edited, Base):
    """A physician's part in a patient's care from `start_date` to `end_date`; empty means current."""

    __tablename__ = "patient_physician_relationship"
    __table_args__ = (
        CheckConstraint(f"relationship_type IN {RELATIONSHIP_TYPES}", name="type_known"),
        CheckConstraint("end_date >= start_date", name="dates_in_order"),
        CheckConstraint("NOT is_primary OR end_date IS NULL", name="primary_is_current"),
        Index(
            "uq_patient_physician_relationship_primary", "patient_id", unique=True, postgresql_where=text("is_primary")
        ),
        Index(
            "uq_patient_physician_relationship_current",
            "patient_id",
            "physician_id",
            "relationship_type",
            unique=True,
            postgresql_where=text("end_date IS NULL"),
        ),
        Index(
            "ix_patient_physician_relationship_patient_id",
            "patient_id",
            text("created_at DESC"),
            text("patient_physician_id DESC"),
        ),
        Index(
            "ix_patient_physician_relationship_physician_id",
            "physician_id",
            text("created_at DESC"),
            text("patient_physician_id DESC"),
        ),
    )

    patient_physician_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.patient_id"), info=INTERNAL)
    physician_id: Mapped[UUID] = mapped_column(ForeignKey("physician.physician_id"), info=INTERNAL)
    relationship_type: Mapped[str] = mapped_column(info=HEALTH)
    is_primary: Mapped[bool] = mapped_column(server_default=text("false"), info=INTERNAL)
    start_date: Mapped[date | None] = mapped_column(info=HEALTH)
    end_date: Mapped[date | None] = mapped_column(info=HEALTH)

    patient: Mapped[Patient] = relationship(lazy="raise")
    physician: Mapped[Physician] = relationship(lazy="raise")
