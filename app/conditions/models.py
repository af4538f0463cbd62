from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.platform.db import PUBLIC, Base, CreatedAt, Edited, Key, Rows
from app.platform.doubles import KEY_OF_NAME, Keyed, indexes_of_keys
from app.platform.search import index_of_words

MAP_TYPES = ("exact", "narrower", "broader")


CONDITION_NAMES = "name, abbreviation"
"""What a condition is searched by: its columns; its synonyms by theirs."""
SYNONYM_NAMES = "name"


class MedicalCondition(Keyed, Edited, Base):
    __tablename__ = "medical_condition"
    __table_args__ = (
        index_of_words("medical_condition", CONDITION_NAMES),
        CheckConstraint("btrim(name) <> ''", name="name_not_blank"),
        Index("ix_medical_condition_name", text("lower(name)"), "medical_condition_id"),
        *indexes_of_keys("medical_condition", "medical_condition_id", "name_key"),
        Index("ix_medical_condition_active_name", "is_active", text("lower(name)"), "medical_condition_id"),
        {"info": {"called": ("name",)}},
    )

    medical_condition_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    name: Mapped[str] = mapped_column(String(200), info=PUBLIC)
    abbreviation: Mapped[str | None] = mapped_column(String(50), info=PUBLIC)
    description: Mapped[str | None] = mapped_column(info=PUBLIC)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"), info=PUBLIC)
    name_key: Mapped[str] = mapped_column(info=PUBLIC)

    keys = KEY_OF_NAME

    synonyms: Mapped[list["ConditionSynonym"]] = relationship(
        lazy="raise", order_by="ConditionSynonym.name", cascade="all, delete-orphan"
    )
    codes: Mapped[list["ConditionCode"]] = relationship(
        lazy="raise", order_by="(ConditionCode.system, ConditionCode.code)", cascade="all, delete-orphan"
    )


class ConditionSynonym(Keyed, Edited, Base, rows=Rows.PART):
    """Another name of a condition: lay words, older terms, other languages. Unique, so a text means one condition."""

    __tablename__ = "condition_synonym"
    __table_args__ = (
        index_of_words("condition_synonym", SYNONYM_NAMES),
        CheckConstraint("btrim(name) <> ''", name="name_not_blank"),
        *indexes_of_keys("condition_synonym", "condition_synonym_id", "name_key"),
        Index("ix_condition_synonym_medical_condition_id", "medical_condition_id"),
    )

    condition_synonym_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    medical_condition_id: Mapped[UUID] = mapped_column(
        ForeignKey("medical_condition.medical_condition_id"), info=PUBLIC
    )
    name: Mapped[str] = mapped_column(String(200), info=PUBLIC)
    name_key: Mapped[str] = mapped_column(info=PUBLIC)

    keys = KEY_OF_NAME


class ConditionCode(Edited, Base, rows=Rows.PART):
    """A code of a vocabulary for a condition; `map_type` tells how the code's meaning lies to the condition's."""

    __tablename__ = "condition_code"
    __table_args__ = (
        CheckConstraint(f"map_type IN {MAP_TYPES}", name="map_type_known"),
        Index("uq_condition_code", "medical_condition_id", "system", "code", unique=True),
        Index("ix_condition_code_system_code", "system", "code"),
    )

    condition_code_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    medical_condition_id: Mapped[UUID] = mapped_column(
        ForeignKey("medical_condition.medical_condition_id"), info=PUBLIC
    )
    system: Mapped[str] = mapped_column(String(200), info=PUBLIC)
    code: Mapped[str] = mapped_column(String(50), info=PUBLIC)
    display: Mapped[str | None] = mapped_column(String(300), info=PUBLIC)
    map_type: Mapped[str] = mapped_column(info=PUBLIC)
