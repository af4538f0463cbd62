from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from app.people.models import Person
from app.platform.db import INTERNAL

RECORDS = ("call_id", "ct_journey_id", "eap_journey_id")
"""The columns of the records of which a row is about one at most."""
KEYS = ("person_id", "patient_id", "lead_id", *RECORDS)


class About:
    """
    The columns by which a row says what it is about.

    `patient_id` and `lead_id` are also those of the call or journey that it is about. Whose a call or a journey is
    never changes; that it is the person's is seen to when the row is made.
    """

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    patient_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    lead_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    call_id: Mapped[UUID | None] = mapped_column(ForeignKey("call_history.call_id"), info=INTERNAL)
    ct_journey_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("clinical_trial_journey.ct_journey_id"), info=INTERNAL
    )
    eap_journey_id: Mapped[UUID | None] = mapped_column(ForeignKey("eap_journey.eap_journey_id"), info=INTERNAL)

    @declared_attr
    @classmethod
    def person(cls) -> Mapped[Person]:
        # Told, not looked for: `person_id` is in the keys to other tables too, whose modules may not be loaded yet.
        return relationship(lazy="raise", foreign_keys=[cls.person_id])


def about_table(table: str, *order: str) -> tuple[Any, ...]:
    """The keys and checks of these columns, and an index of each that has its rows in this order."""
    columns = [text(column) for column in order]
    first = order[0].partition(" ")[0]
    return (
        ForeignKeyConstraint(
            ["patient_id", "person_id"],
            ["patient.patient_id", "patient.person_id"],
            name=f"fk_{table}_patient_of_person",
        ),
        ForeignKeyConstraint(
            ["lead_id", "person_id"],
            ["patient_lead.lead_id", "patient_lead.person_id"],
            name=f"fk_{table}_lead_of_person",
        ),
        CheckConstraint(f"num_nonnulls({', '.join(RECORDS)}) <= 1", name="about_one_record"),
        Index(f"ix_{table}_person_id_{first}", "person_id", *columns),
        *(
            Index(f"ix_{table}_{key}_{first}", key, *columns, postgresql_where=text(f"{key} IS NOT NULL"))
            for key in KEYS
            if key != "person_id"
        ),
    )
