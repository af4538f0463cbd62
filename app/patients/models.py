from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.conditions.models import MedicalCondition
from app.patients.states import FAULTY_PATIENT_SQL, PATIENT
from app.people.models import Person
from app.physicians.models import Physician
from app.platform.db import DETAIL, HEALTH, INTERNAL, PERSONAL, Base, CreatedAt, Edited, Key, Rows

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
        Index("ix_patient_medical_condition_id", "medical_condition_id"),
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


class PatientOrder(Base, rows=Rows.PART):
    """
    What the list of patients is ordered by and that stands elsewhere: one row for each patient who is not deleted.

    Kept by triggers of the tables that it is made from, by the database function `order_patients`. `name` and `owner`
    are in lower letters, the family name first. `last_contact_at` is the newest call in which somebody was spoken with,
    `next_call_at` the next open booking, which the worker moves on when its time has come; without one they are the
    times below, since a page is cut by comparing. The stage is that of the newest open journey of its kind.
    """

    __tablename__ = "patient_order"
    __table_args__ = (
        Index("ix_patient_order_name", "name", "patient_id"),
        Index("ix_patient_order_owner", "owner", "patient_id"),
        Index("ix_patient_order_status", "status", "patient_id"),
        *(Index(f"ix_patient_order_{column}", column, "patient_id") for column in ("last_contact_at", "next_call_at")),
        *(
            Index(f"ix_patient_order_{first}_{column}", first, column, "patient_id")
            for first in ("owner_id", "status")
            for column in ("name", "last_contact_at", "next_call_at")
        ),
        *(
            Index(
                f"ix_patient_order_{stage}_created_at",
                stage,
                text("created_at DESC"),
                text("patient_id DESC"),
                postgresql_where=text(f"{stage} IS NOT NULL"),
            )
            for stage in ("clinical_trial_stage", "eap_stage")
        ),
    )

    patient_id: Mapped[UUID] = mapped_column(
        ForeignKey("patient.patient_id", ondelete="CASCADE"), primary_key=True, info=INTERNAL
    )
    created_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    owner_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    status: Mapped[str] = mapped_column(info=INTERNAL)
    name: Mapped[str] = mapped_column(info=PERSONAL)
    owner: Mapped[str] = mapped_column(info=INTERNAL)
    last_contact_at: Mapped[datetime] = mapped_column(info=HEALTH)
    next_call_at: Mapped[datetime] = mapped_column(info=HEALTH)
    clinical_trial_stage: Mapped[str | None] = mapped_column(info=HEALTH)
    eap_stage: Mapped[str | None] = mapped_column(info=HEALTH)


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
