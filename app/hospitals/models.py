from types import MappingProxyType

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.db import PUBLIC, Base, CreatedAt, Edited, Key
from app.platform.doubles import KEY_OF_NAME, Keyed, indexes_of_keys, key_of_name
from app.platform.search import index_of_words

HOSPITAL_NAMES = "name, city"
"""What a hospital is searched by: its columns."""
SPECIALIZATION_NAMES = "name"


class Hospital(Keyed, Edited, Base):
    """One for its name and city; two countries that are both known tell two apart."""

    __tablename__ = "hospital"
    __table_args__ = (
        index_of_words("hospital", HOSPITAL_NAMES),
        CheckConstraint("btrim(name) <> ''", name="name_not_blank"),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_iso"),
        Index("ix_hospital_name", text("lower(name)"), "hospital_id"),
        *indexes_of_keys("hospital", "hospital_id", "name_key", "city_key", "country"),
        {"info": {"called": ("name", "city")}},
    )

    hospital_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    name: Mapped[str] = mapped_column(String(200), info=PUBLIC)
    city: Mapped[str | None] = mapped_column(String(100), info=PUBLIC)
    country: Mapped[str | None] = mapped_column(String(2), info=PUBLIC)
    address: Mapped[str | None] = mapped_column(String(500), info=PUBLIC)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"), info=PUBLIC)
    name_key: Mapped[str] = mapped_column(info=PUBLIC)
    city_key: Mapped[str] = mapped_column(info=PUBLIC)

    keys = MappingProxyType(
        {"name_key": lambda row: key_of_name(row.name), "city_key": lambda row: key_of_name(row.city)}
    )
    apart = ("country",)


class Specialization(Keyed, Edited, Base):
    __tablename__ = "specialization"
    __table_args__ = (
        index_of_words("specialization", SPECIALIZATION_NAMES),
        CheckConstraint("btrim(name) <> ''", name="name_not_blank"),
        Index("ix_specialization_name", text("lower(name)"), "specialization_id"),
        *indexes_of_keys("specialization", "specialization_id", "name_key"),
        {"info": {"called": ("name",)}},
    )

    specialization_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    name: Mapped[str] = mapped_column(String(200), info=PUBLIC)
    description: Mapped[str | None] = mapped_column(info=PUBLIC)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"), info=PUBLIC)
    name_key: Mapped[str] = mapped_column(info=PUBLIC)

    keys = KEY_OF_NAME
