from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, event, inspect, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column, object_mapper, relationship

from app.leads.models import PatientLead
from app.notifications.words import KINDS, RECORD_TYPES
from app.patients.models import Patient
from app.people.models import Person
from app.platform.db import INTERNAL, Base, CreatedAt, Key, Rows
from app.tasks.models import Task

_NEWEST_FIRST = (text("created_at DESC"), text("notification_id DESC"))


class Notification(Base, rows=Rows.DISPOSABLE):
    """
    That a record waits for an account, whose notification it is. `occasion` tells two of one record apart.

    `mailed_at` is when a mail counted it.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("user_account_id", "kind", "record_id", "occasion"),
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        CheckConstraint(f"record_type IN {RECORD_TYPES}", name="record_type_known"),
        Index("ix_notification_user_account_id_created_at", "user_account_id", *_NEWEST_FIRST),
        Index("ix_notification_unread", "user_account_id", *_NEWEST_FIRST, postgresql_where=text("read_at IS NULL")),
        Index("ix_notification_person_id", "person_id"),
        Index("ix_notification_created_at", "created_at"),
    )

    notification_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    user_account_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.user_account_id"), info=INTERNAL)
    kind: Mapped[str] = mapped_column(info=INTERNAL)
    record_type: Mapped[str] = mapped_column(info=INTERNAL)
    record_id: Mapped[UUID] = mapped_column(info=INTERNAL)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    occasion: Mapped[int] = mapped_column(server_default=text("0"), info=INTERNAL)
    read_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    mailed_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)

    person: Mapped[Person] = relationship(lazy="raise", viewonly=True)


class NotificationChoice(Base, rows=Rows.DISPOSABLE):
    """Where an account wants a kind to be told; without a row in the application alone."""

    __tablename__ = "notification_choice"
    __table_args__ = (CheckConstraint(f"kind IN {KINDS}", name="kind_known"),)

    user_account_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.user_account_id"), primary_key=True, info=INTERNAL
    )
    kind: Mapped[str] = mapped_column(primary_key=True, info=INTERNAL)
    in_app: Mapped[bool] = mapped_column(server_default=text("true"), info=INTERNAL)
    by_mail: Mapped[bool] = mapped_column(server_default=text("false"), info=INTERNAL)


@event.listens_for(Session, "after_flush")
def _tell_the_owner(session: Session, *_: Any) -> None:
    """
    When somebody else makes an account the owner of a lead, patient or task, it is told in the same transaction.

    Here and not in the services: a record gets an owner in many of them.
    """
    actor = session.info.get("actor")
    if actor is None:
        return
    owned = [row for row in (*session.new, *session.dirty) if isinstance(row, PatientLead | Patient | Task)]
    for row in owned:
        state: Any = inspect(row)
        is_given = state.attrs.owner_id.history.added and row.owner_id is not None
        if not is_given or row.owner_id == actor.account_id:
            continue
        session.execute(
            insert(Notification)
            .values(
                user_account_id=row.owner_id,
                kind="assigned",
                record_type=row.__tablename__,
                record_id=object_mapper(row).primary_key_from_instance(row)[0],
                person_id=row.person_id,
                occasion=row.version,
            )
            .on_conflict_do_nothing()
        )
