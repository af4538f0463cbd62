from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    UniqueConstraint,
    event,
    inspect,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column, object_mapper, relationship

from app.access.models import UserAccount
from app.calls.models import CallHistory
from app.calls.states import CALL
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

    `mailed_at` is when a mail counted it. What is about nobody has no `person_id`.
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
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    occasion: Mapped[int] = mapped_column(server_default=text("0"), info=INTERNAL)
    read_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    mailed_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)

    person: Mapped[Person | None] = relationship(lazy="raise", viewonly=True)


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
    When somebody else makes an account the owner of a lead, patient or task, or its person the navigator of a booked
    call, it is told in the same transaction.

    Here and not in the services: a record gets an owner in many of them.
    """
    actor = session.info.get("actor")
    if actor is None:
        return
    for row in (*session.new, *session.dirty):
        if isinstance(row, PatientLead | Patient | Task) and _is_given(row, "owner_id", actor.account_id):
            _tell(session, row, select(literal(row.owner_id)))
        elif isinstance(row, CallHistory) and CALL.is_open(row.status) and _is_given(row, "pn_id", actor.person_id):
            accounts = select(UserAccount.user_account_id).where(UserAccount.person_id == row.pn_id)
            _tell(session, row, accounts.where(UserAccount.is_active))


def _is_given(row: Any, name: str, own: UUID | None) -> bool:
    """Whether a record has just been given to somebody, and not by themselves."""
    state: Any = inspect(row)
    given = getattr(row, name)
    return bool(state.attrs[name].history.added) and given is not None and given != own


def _tell(session: Session, row: Any, accounts: Select[Any]) -> None:
    key = object_mapper(row).primary_key_from_instance(row)[0]
    values = (literal("assigned"), literal(row.__tablename__), literal(key), literal(row.person_id))
    told = accounts.add_columns(*values, literal(row.version or 1))
    names = ["user_account_id", "kind", "record_type", "record_id", "person_id", "occasion"]
    session.execute(insert(Notification).from_select(names, told).on_conflict_do_nothing())
