from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Computed,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    and_,
    case,
    event,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, Mapper, column_property, mapped_column, relationship

from app.people.birth_dates import PRECISIONS, BirthDate, Precision, precision_of, written
from app.platform.db import DETAIL, INTERNAL, PERSONAL, PUBLIC, Base, CreatedAt, Edited, Key, Rows, tables_that_say

GENDERS = ("male", "female", "other", "unknown")
"""FHIR administrative gender."""
CONTACT_KINDS = ("email", "phone")
NO_LONGER = ("former", "wrong", "someone_elses")
"""What an address was that is no longer used: their own once, a mistake, or another human's."""
CONTACT_TYPES = {
    "patient-lead": "Asked for help; not yet a patient.",
    "patient": "Is helped by us.",
    "physician": "Treats patients.",
    "pharmacist": "Receives and hands out the medicine.",
    "caregiver": "Speaks or acts for a patient.",
    "patient-navigator": "Works here and guides patients.",
}
RELATIONSHIP_TYPES = (
    "parent",
    "child",
    "partner",
    "sibling",
    "guardian",
    "caregiver",
    "legal_representative",
    "other",
)
AUTHORITIES = ("none", "informal", "parental", "power_of_attorney", "court_order")
SOURCES = ("landing_page", "contact_form", "phone", "referral", "event", "import", "api", "navigator")
SUGGESTION_DECISIONS = ("open", "accepted", "rejected", "superseded")
CANDIDATE_DECISIONS = ("open", "different_people", "same_person")


class Person(Edited, Base):
    """
    One human, one row. Names and contacts are kept as typed; the keys beside them are made by people/keys.py and
    people/alike.py alone.

    `email_key` is unique over inactive rows too: a returning person is brought back, not doubled.
    """

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("reference"),
        CheckConstraint("btrim(first_name) <> ''", name="first_name_not_blank"),
        CheckConstraint("btrim(last_name) <> ''", name="last_name_not_blank"),
        CheckConstraint("(email IS NULL) = (email_key IS NULL)", name="email_has_key"),
        CheckConstraint(f"date_of_birth_precision IN {PRECISIONS}", name="date_of_birth_precision_known"),
        CheckConstraint(
            "date_of_birth = date_trunc(date_of_birth_precision, date_of_birth::timestamp)",
            name="date_of_birth_begins_period",
        ),
        CheckConstraint(f"gender IN {GENDERS}", name="gender_known"),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_iso"),
        Index("uq_person_email_key", "email_key", unique=True, postgresql_where=text("email_key IS NOT NULL")),
        Index("ix_person_last_name_first_name", "last_name", "first_name"),
        Index(
            "ix_person_email_key_beginning",
            "email_key",
            postgresql_ops={"email_key": "text_pattern_ops"},
            postgresql_where=text("email_key IS NOT NULL"),
        ),
        Index(
            "ix_person_phone_reversed",
            func.reversed_digits(func.coalesce(text("phone_e164"), text("phone"))).label("digits"),
            postgresql_ops={"digits": "text_pattern_ops"},
            postgresql_where=text("phone IS NOT NULL"),
        ),
        Index("ix_person_phone_e164", "phone_e164", postgresql_where=text("phone_e164 IS NOT NULL")),
        *(
            Index(
                f"ix_person_{key}_date_of_birth",
                key,
                "date_of_birth",
                postgresql_where=text("date_of_birth IS NOT NULL"),
            )
            for key in ("family_key", "given_key")
        ),
        Index("ix_person_created_at", text("created_at DESC"), text("person_id DESC")),
        Index(
            "ix_person_date_of_birth_created_at",
            "date_of_birth",
            text("created_at DESC"),
            text("person_id DESC"),
            postgresql_where=text("date_of_birth IS NOT NULL"),
        ),
        Index(
            "ix_person_inactive_created_at",
            text("created_at DESC"),
            text("person_id DESC"),
            postgresql_where=text("is_active IS FALSE"),
        ),
        {"info": {"people": True}},
    )

    person_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    first_name: Mapped[str | None] = mapped_column(String(100), info=PERSONAL)
    last_name: Mapped[str | None] = mapped_column(String(100), info=PERSONAL)
    middle_name: Mapped[str | None] = mapped_column(String(100), info=PERSONAL)
    preferred_name: Mapped[str | None] = mapped_column(String(100), info=PERSONAL)
    family_key: Mapped[str | None] = mapped_column(info=PERSONAL)
    given_key: Mapped[str | None] = mapped_column(info=PERSONAL)
    email: Mapped[str | None] = mapped_column(String(255), info=PERSONAL)
    email_key: Mapped[str | None] = mapped_column(info=PERSONAL)
    phone: Mapped[str | None] = mapped_column(String(64), info=PERSONAL)
    phone_e164: Mapped[str | None] = mapped_column(String(20), info=PERSONAL)
    phone_extension: Mapped[str | None] = mapped_column(String(20), info=PERSONAL)
    phone_valid: Mapped[bool | None] = mapped_column(info=PERSONAL)
    born_on: Mapped[date | None] = mapped_column("date_of_birth", info=PERSONAL)
    date_of_birth_precision: Mapped[str] = mapped_column(server_default=text("'day'"), info=PERSONAL)
    gender: Mapped[str | None] = mapped_column(info=PERSONAL)
    country: Mapped[str | None] = mapped_column(String(2), info=PERSONAL)
    language: Mapped[str | None] = mapped_column(String(35), info=PERSONAL)
    time_zone: Mapped[str | None] = mapped_column(String(64), info=PERSONAL)
    do_not_contact_channels: Mapped[list[str]] = mapped_column(server_default=text("'{}'"), info=PERSONAL)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"), info=INTERNAL)
    reference: Mapped[str] = mapped_column(server_default=text("new_reference('P')"), info=INTERNAL)

    @hybrid_property
    def date_of_birth(self) -> BirthDate | None:
        """As far as it is known: the columns `date_of_birth`, its first day, and `date_of_birth_precision`."""
        return (
            None
            if self.born_on is None
            else BirthDate.of(self.born_on, cast("Precision", self.date_of_birth_precision))
        )

    @date_of_birth.inplace.setter
    def _set_date_of_birth(self, born: date | None) -> None:
        self.born_on = None if born is None else date(born.year, born.month, born.day)
        self.date_of_birth_precision = "day" if born is None else precision_of(born)

    @date_of_birth.inplace.expression
    @classmethod
    def _written_date_of_birth(cls) -> ColumnElement[BirthDate | None]:
        return written(cls.born_on.expression, cls.date_of_birth_precision.expression)


class ContactPoint(Edited, Base):
    """
    A further e-mail or phone of a person. `value_key` is what it is found by: e-mail key or E.164.

    `was` says why it is no longer used. A former one is recognised and searched, and never written to; a wrong one and
    one of somebody else's are neither.
    """

    __tablename__ = "contact_point"
    __table_args__ = (
        CheckConstraint(f"kind IN {CONTACT_KINDS}", name="kind_known"),
        CheckConstraint("btrim(value) <> ''", name="value_not_blank"),
        CheckConstraint(f"was IN {NO_LONGER}", name="was_known"),
        UniqueConstraint("person_id", "kind", "value_key"),
        Index("ix_contact_point_value_key", "value_key", "kind"),
        Index(
            "ix_contact_point_email_beginning",
            "value_key",
            postgresql_ops={"value_key": "text_pattern_ops"},
            postgresql_where=text("kind = 'email'"),
        ),
        Index(
            "ix_contact_point_phone_reversed",
            func.reversed_digits(text("value_key")).label("digits"),
            postgresql_ops={"digits": "text_pattern_ops"},
            postgresql_where=text("kind = 'phone'"),
        ),
    )

    contact_point_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    kind: Mapped[str] = mapped_column(info=INTERNAL)
    value: Mapped[str] = mapped_column(String(255), info=PERSONAL)
    value_key: Mapped[str] = mapped_column(info=PERSONAL)
    phone_extension: Mapped[str | None] = mapped_column(String(20), info=PERSONAL)
    is_shared: Mapped[bool] = mapped_column(server_default=text("false"), info=INTERNAL)
    was: Mapped[str | None] = mapped_column(info=INTERNAL)


class ContactType(Base, rows=Rows.RECORD):
    """A role a person can have over time."""

    __tablename__ = "contact_type"
    __table_args__ = (UniqueConstraint("type_name"),)

    contact_type_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    type_name: Mapped[str] = mapped_column(String(50), info=PUBLIC)
    description: Mapped[str | None] = mapped_column(info=PUBLIC)


FAULTY_ROLE_SQL = "valid_to <= valid_from"
"""Migrated roles may have ended the moment they began."""


class PersonContactType(Edited, Base):
    """
    A role of a person from `valid_from` until before `valid_to`; an empty end has no bound.

    Periods of one type for one person never overlap: the stored range carries an exclusion constraint.
    """

    __tablename__ = "person_contact_type"
    __table_args__ = (
        CheckConstraint("valid_to >= valid_from", name="period_in_order"),
        ExcludeConstraint(
            ("person_id", "="),
            ("contact_type_id", "="),
            ("period", "&&"),
            name="ex_person_contact_type_no_overlap",
            using="gist",
        ),
        Index("ix_person_contact_type_person_id", "person_id", "valid_from"),
        Index("ix_person_contact_type_contact_type_id", "contact_type_id"),
        Index("ix_person_contact_type_hospital_id", "hospital_id", postgresql_where=text("hospital_id IS NOT NULL")),
        Index("ix_person_contact_type_faulty", "person_contact_type_id", postgresql_where=text(FAULTY_ROLE_SQL)),
    )

    person_contact_type_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    contact_type_id: Mapped[UUID] = mapped_column(ForeignKey("contact_type.contact_type_id"), info=INTERNAL)
    valid_from: Mapped[datetime] = mapped_column(info=INTERNAL)
    valid_to: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    period: Mapped[Range[datetime]] = mapped_column(
        TSTZRANGE, Computed("tstzrange(valid_from, valid_to)", persisted=True), info=INTERNAL
    )
    hospital_id: Mapped[UUID | None] = mapped_column(ForeignKey("hospital.hospital_id"), info=INTERNAL)
    job_title: Mapped[str | None] = mapped_column(String(200), info=INTERNAL)

    contact_type: Mapped[ContactType] = relationship(lazy="raise")


class PersonRelationship(Edited, Base):
    """`person_id` is the caregiver or representative of `related_person_id`, with this authority."""

    __tablename__ = "person_relationship"
    __table_args__ = (
        CheckConstraint("person_id <> related_person_id", name="not_of_oneself"),
        CheckConstraint(f"relationship_type IN {RELATIONSHIP_TYPES}", name="type_known"),
        CheckConstraint(f"authority IN {AUTHORITIES}", name="authority_known"),
        CheckConstraint("end_date >= start_date", name="dates_in_order"),
        Index("ix_person_relationship_person_id", "person_id"),
        Index("ix_person_relationship_related_person_id", "related_person_id"),
    )

    person_relationship_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    related_person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    relationship_type: Mapped[str] = mapped_column(info=PERSONAL)
    authority: Mapped[str] = mapped_column(server_default=text("'none'"), info=PERSONAL)
    start_date: Mapped[date | None] = mapped_column(info=PERSONAL)
    end_date: Mapped[date | None] = mapped_column(info=PERSONAL)
    notes: Mapped[str | None] = mapped_column(info=DETAIL)


class IntakeSubmission(Base, rows=Rows.INSERT_ONLY):
    """A submission as it came, never changed: what was sent, by which entry point, and whom it was matched to."""

    __tablename__ = "intake_submission"
    __table_args__ = (
        CheckConstraint(f"source IN {SOURCES}", name="source_known"),
        Index(
            "ix_intake_submission_person_id", "person_id", text("created_at DESC"), text("intake_submission_id DESC")
        ),
    )

    intake_submission_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    source: Mapped[str] = mapped_column(info=INTERNAL)
    payload: Mapped[dict[str, Any]] = mapped_column(info=DETAIL)
    language: Mapped[str | None] = mapped_column(String(35), info=PERSONAL)
    consent_text_version: Mapped[str | None] = mapped_column(String(50), info=INTERNAL)
    received_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    match_outcome: Mapped[str] = mapped_column(String(30), info=INTERNAL)
    match_reasons: Mapped[list[str]] = mapped_column(server_default=text("'{}'"), info=INTERNAL)


class SuggestedChange(Edited, Base):
    """
    A value that arrived for an existing record and differs from ours. Nothing is overwritten: somebody decides.

    `phone_country` is the country that a phone was read by when it arrived. `value_hash` is SHA-256 of the canonical
    JSON of `theirs`: the same value is suggested once for a field of a record, and not again after it was rejected.
    """

    __tablename__ = "suggested_change"
    __table_args__ = (
        CheckConstraint(f"decision IN {SUGGESTION_DECISIONS}", name="decision_known"),
        CheckConstraint("(decision = 'open') = (decided_at IS NULL)", name="decided_when_not_open"),
        UniqueConstraint("record_id", "field", "value_hash", name="uq_suggested_change_value"),
        Index("ix_suggested_change_person_id", "person_id", "decision"),
        Index(
            "ix_suggested_change_person_id_decided_at",
            "person_id",
            text("decided_at DESC"),
            text("suggested_change_id DESC"),
            postgresql_where=text("decided_at IS NOT NULL"),
        ),
        Index("ix_suggested_change_created_at", text("created_at DESC"), text("suggested_change_id DESC")),
        Index(
            "ix_suggested_change_decision_created_at",
            "decision",
            text("created_at DESC"),
            text("suggested_change_id DESC"),
        ),
    )

    suggested_change_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    table_name: Mapped[str] = mapped_column(String(63), info=INTERNAL)
    record_id: Mapped[UUID] = mapped_column(info=INTERNAL)
    field: Mapped[str] = mapped_column(String(63), info=INTERNAL)
    ours: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True, info=DETAIL)
    ours_version: Mapped[int] = mapped_column(info=INTERNAL)
    theirs: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=False, info=DETAIL)
    value_hash: Mapped[str] = mapped_column(String(64), info=INTERNAL)
    if TYPE_CHECKING:
        # No columns: what the rows are called now that the two values refer to by a key; None where they refer to none.
        ours_name: Mapped[str | None]
        theirs_name: Mapped[str | None]
    phone_country: Mapped[str | None] = mapped_column(String(2), info=PERSONAL)
    source: Mapped[str] = mapped_column(String(30), info=INTERNAL)
    intake_submission_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("intake_submission.intake_submission_id"), info=INTERNAL
    )
    decision: Mapped[str] = mapped_column(server_default=text("'open'"), info=INTERNAL)
    decided_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    decided_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    reason: Mapped[str | None] = mapped_column(info=DETAIL)


_KEY_WRITTEN: Final = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def _name_meant(field: Any, value: Any) -> ColumnElement[str | None]:
    """The name of the row that a suggested value refers to. What no key can be, as anybody may send it: none."""
    written = value.op("#>>", return_type=Text())(literal_column("'{}'"))
    whens = []
    for table, columns in tables_that_say("called").items():
        (key,) = table.primary_key.columns
        told = select(func.concat_ws(", ", *(table.c[name] for name in columns))).where(key == sql_cast(written, Uuid))
        whens.append(
            (
                and_(field == key.name, written.regexp_match(_KEY_WRITTEN)),
                told.correlate_except(table).scalar_subquery(),
            )
        )
    return case(*whens, else_=None)


@event.listens_for(Mapper, "before_configured", once=True)
def _tell_names() -> None:
    """The tables that may be referred to stand in packages to the left: they are known once everything is imported."""
    change = SuggestedChange
    for side, value in (("ours_name", change.ours), ("theirs_name", change.theirs)):
        named = _name_meant(change.field, value).label(side)
        setattr(change, side, column_property(named, expire_on_flush=False))


class DuplicateCandidate(Edited, Base):
    """
    Two persons who may be one human, with the reasons.

    "Different people" is kept, so nobody is asked twice, until somebody opens the pair again.
    """

    __tablename__ = "duplicate_candidate"
    __table_args__ = (
        CheckConstraint("person_id < other_person_id", name="pair_in_order"),
        CheckConstraint(f"decision IN {CANDIDATE_DECISIONS}", name="decision_known"),
        CheckConstraint("(decision = 'open') = (decided_at IS NULL)", name="decided_when_not_open"),
        UniqueConstraint("person_id", "other_person_id"),
        Index("ix_duplicate_candidate_other_person_id", "other_person_id"),
        Index(
            "ix_duplicate_candidate_decision_created_at",
            "decision",
            text("created_at DESC"),
            text("duplicate_candidate_id DESC"),
        ),
        Index("ix_duplicate_candidate_created_at", text("created_at DESC"), text("duplicate_candidate_id DESC")),
    )

    duplicate_candidate_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    other_person_id: Mapped[UUID] = mapped_column(ForeignKey("person.person_id"), info=INTERNAL)
    reasons: Mapped[list[str]] = mapped_column(info=INTERNAL)
    decision: Mapped[str] = mapped_column(server_default=text("'open'"), info=INTERNAL)
    decided_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    decided_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    reason: Mapped[str | None] = mapped_column(info=DETAIL)

    person: Mapped[Person] = relationship(lazy="raise", foreign_keys=[person_id])
    other_person: Mapped[Person] = relationship(lazy="raise", foreign_keys=[other_person_id])
