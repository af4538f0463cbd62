from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from app.hospitals.models import Hospital, Specialization
from app.people.models import Person
from app.platform.db import INTERNAL, PERSONAL, Base, CreatedAt, Edited, Key
from app.platform.doubles import key_of_number


class Physician(Edited, Base):
    __tablename__ = "physician"
    __table_args__ = (
        UniqueConstraint("person_id"),
        Index("ix_physician_created_at", text("created_at DESC"), text("physician_id DESC")),
        Index("ix_physician_hospital_id", "hospital_id", text("created_at DESC"), text("physician_id DESC")),
        Index(
            "ix_physician_specialization_id", "specialization_id", text("created_at DESC"), text("physician_id DESC")
        ),
        Index("ix_physician_medical_license_number", "medical_license_number"),
        Index("ix_physician_licence_key", "licence_key"),
    )

    physician_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    hospital_id: Mapped[UUID | None] = mapped_column(ForeignKey("hospital.hospital_id"), info=INTERNAL)
    job_title: Mapped[str | None] = mapped_column(String(200), info=INTERNAL)
    specialization_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("specialization.specialization_id"), info=INTERNAL
    )
    medical_license_number: Mapped[str | None] = mapped_column(String(100), info=PERSONAL)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"), info=INTERNAL)
    licence_key: Mapped[str | None] = mapped_column(info=PERSONAL)

    person: Mapped[Person] = relationship(lazy="raise")
    hospital: Mapped[Hospital | None] = relationship(lazy="raise")
    specialization: Mapped[Specialization | None] = relationship(lazy="raise")

    @validates("medical_license_number")
    def _make_licence_key(self, _name: str, number: str | None) -> str | None:
        self.licence_key = key_of_number(number) or None
        return number
