"""What the tables of all kinds of journey have in common."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from app.conditions.models import MedicalCondition
from app.patients.models import Patient
from app.physicians.models import Physician
from app.platform.db import DETAIL, HEALTH, INTERNAL, Base, CreatedAt, Edited
from app.platform.states import Machine


class Journey(Edited, Base):
    """
    The columns of a journey of any kind. The table of a kind adds its key, `status`, and what the journey leads to.

    `status_changed_at` is when the present status was so in the world.
    """

    __abstract__ = True

    created_at: Mapped[CreatedAt] = mapped_column(sort_order=-1)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.patient_id"), info=INTERNAL)
    physician_id: Mapped[UUID | None] = mapped_column(ForeignKey("physician.physician_id"), info=INTERNAL)
    medical_condition_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("medical_condition.medical_condition_id"), info=HEALTH
    )
    enrollment_date: Mapped[date | None] = mapped_column(info=DETAIL, sort_order=1)
    completion_date: Mapped[date | None] = mapped_column(info=DETAIL, sort_order=1)
    on_hold_reason: Mapped[str | None] = mapped_column(info=DETAIL, sort_order=2)
    on_hold_until: Mapped[date | None] = mapped_column(info=DETAIL, sort_order=2)
    notes: Mapped[str | None] = mapped_column(info=DETAIL, sort_order=2)
    status_changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"), info=HEALTH, sort_order=2)

    status: Mapped[str]

    @declared_attr
    @classmethod
    def patient(cls) -> Mapped[Patient]:
        return relationship(lazy="raise")

    @declared_attr
    @classmethod
    def physician(cls) -> Mapped[Physician | None]:
        return relationship(lazy="raise")

    @declared_attr
    @classmethod
    def medical_condition(cls) -> Mapped[MedicalCondition | None]:
        return relationship(lazy="raise")


def status_of(machine: Machine) -> Any:
    """The column `status` of a table whose journeys move by `machine`."""
    return mapped_column(server_default=text(f"'{machine.initial}'"), info=HEALTH, sort_order=1)


def journey_table(machine: Machine, *further: Any, key: str, leads_to: str) -> tuple[Any, ...]:
    """
    The `__table_args__` of a kind: checks, indexes for its lists, and `further` of its own.

    `leads_to` is the column of what the journey leads to. The machine stands in the table's `info`, where patients
    finds the tables whose journeys keep somebody from going inactive.
    """
    short = key.removesuffix("_id")
    newest_first = (text("created_at DESC"), text(f"{key} DESC"))
    return (
        CheckConstraint(machine.sql_check(), name="status_known"),
        CheckConstraint("completion_date >= enrollment_date", name="completed_after_enrolled"),
        Index(f"ix_{short}_created_at", *newest_first),
        Index(f"ix_{short}_status_created_at", "status", *newest_first),
        Index(f"ix_{short}_medical_condition_id", "medical_condition_id"),
        *(Index(f"ix_{short}_{name}", name, *newest_first) for name in ("patient_id", "physician_id", leads_to)),
        *further,
        {"info": {"journey_machine": machine}},
    )
