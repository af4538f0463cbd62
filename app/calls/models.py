from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.calls.states import CALL, CHANNELS, DIRECTIONS, FAULTY_CALL_SQL, UNRESOLVED_SQL
from app.people.models import Person
from app.platform.db import DETAIL, HEALTH, INTERNAL, PERSONAL, Base, CreatedAt, Edited, Key


class CallHistory(Edited, Base):
    """
    One booking or call. `occurs_at` is `call_date`, else `booking_date`: the moment lists are ordered by. (A legacy
    call may have neither; it is ordered by its reminder, else by when the row was made.)

    `spoke_with_person_id` is who was spoken with: the person, or somebody who speaks for them. Null: it was not said.

    `adverse_event_heard` null means that the question was not asked: a completed call is then unresolved, unless its
    outcome says that nobody was spoken with (`no_answer`, `voicemail`, `wrong_number`).
    """

    __tablename__ = "call_history"
    __table_args__ = (
        ForeignKeyConstraint(
            ["patient_id", "person_id"],
            ["patient.patient_id", "patient.person_id"],
            name="fk_call_history_patient_of_person",
        ),
        ForeignKeyConstraint(
            ["lead_id", "person_id"],
            ["patient_lead.lead_id", "patient_lead.person_id"],
            name="fk_call_history_lead_of_person",
        ),
        CheckConstraint("num_nonnulls(patient_id, lead_id) >= 1", name="about_patient_or_lead"),
        CheckConstraint(
            "num_nonnulls(call_date, booking_date) >= 1 OR reminder_date IS NOT NULL OR no_show", name="has_a_moment"
        ),
        CheckConstraint("call_duration_minutes >= 0", name="duration_not_negative"),
        CheckConstraint(CALL.sql_check(), name="status_known"),
        CheckConstraint(f"direction IN {DIRECTIONS}", name="direction_known"),
        CheckConstraint(f"channel IN {CHANNELS}", name="channel_known"),
        CheckConstraint("status <> 'cancelled' OR outcome IS NULL", name="cancelled_has_no_outcome"),
        CheckConstraint("no_show = (status = 'no_show')", name="no_show_is_a_status"),
        CheckConstraint("num_nonnulls(voided_at, void_reason) <> 1", name="void_has_a_reason"),
        Index("ix_call_history_person_id_occurs_at", "person_id", text("occurs_at DESC"), text("call_id DESC")),
        Index(
            "ix_call_history_patient_id_occurs_at",
            "patient_id",
            text("occurs_at DESC"),
            text("call_id DESC"),
            postgresql_where=text("patient_id IS NOT NULL"),
        ),
        Index(
            "ix_call_history_lead_id_occurs_at",
            "lead_id",
            text("occurs_at DESC"),
            text("call_id DESC"),
            postgresql_where=text("lead_id IS NOT NULL"),
        ),
        Index("ix_call_history_pn_id_occurs_at", "pn_id", text("occurs_at DESC"), text("call_id DESC")),
        Index("ix_call_history_status_occurs_at", "status", text("occurs_at DESC"), text("call_id DESC")),
        Index("ix_call_history_occurs_at", text("occurs_at DESC"), text("call_id DESC")),
        Index("ix_call_history_rescheduled_to", "rescheduled_to", postgresql_where=text("rescheduled_to IS NOT NULL")),
        Index(
            "ix_call_history_spoke_with_person_id",
            "spoke_with_person_id",
            postgresql_where=text("spoke_with_person_id IS NOT NULL"),
        ),
        Index("ix_call_history_faulty", "call_id", postgresql_where=text(FAULTY_CALL_SQL)),
        Index(
            "ix_call_history_unresolved",
            text("occurs_at DESC"),
            text("call_id DESC"),
            postgresql_where=text(UNRESOLVED_SQL),
        ),
        Index(
            "ix_call_history_pn_id_unresolved",
            "pn_id",
            text("occurs_at DESC"),
            text("call_id DESC"),
            postgresql_where=text(UNRESOLVED_SQL),
        ),
    )

    call_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    patient_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    lead_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    pn_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    booking_date: Mapped[datetime | None] = mapped_column(info=HEALTH)
    booking_time_zone: Mapped[str | None] = mapped_column(String(64), info=HEALTH)
    call_date: Mapped[datetime | None] = mapped_column(info=HEALTH)
    reminder_date: Mapped[datetime | None] = mapped_column(info=HEALTH)
    occurs_at: Mapped[datetime] = mapped_column(
        Computed("COALESCE(call_date, booking_date, reminder_date, created_at)", persisted=True), info=HEALTH
    )
    status: Mapped[str] = mapped_column(info=INTERNAL)
    no_show: Mapped[bool] = mapped_column(server_default=text("false"), info=INTERNAL)
    contact_reason: Mapped[str | None] = mapped_column(info=DETAIL)
    direction: Mapped[str] = mapped_column(server_default=text("'outbound'"), info=INTERNAL)
    channel: Mapped[str] = mapped_column(server_default=text("'phone'"), info=INTERNAL)
    call_duration_minutes: Mapped[int | None] = mapped_column(info=INTERNAL)
    outcome: Mapped[str | None] = mapped_column(String(100), info=DETAIL)
    adverse_event_heard: Mapped[bool | None] = mapped_column(info=DETAIL)
    spoke_with_person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    notes: Mapped[str | None] = mapped_column(info=DETAIL)
    rescheduled_to: Mapped[UUID | None] = mapped_column(ForeignKey("call_history.call_id"), info=INTERNAL)
    voided_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    voided_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    void_reason: Mapped[str | None] = mapped_column(info=PERSONAL)

    person: Mapped[Person] = relationship(lazy="raise", foreign_keys=[person_id])
    navigator: Mapped[Person | None] = relationship(lazy="raise", foreign_keys=[pn_id])
