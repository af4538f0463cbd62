from datetime import date
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.journeys.eap.states import EAP_JOURNEY, GATE_STATES, GATES
from app.journeys.models import Journey, journey_table, status_of
from app.platform.db import DETAIL, INTERNAL, PUBLIC, Base, CreatedAt, Edited, Key
from app.platform.doubles import KEY_OF_NAME, Keyed, indexes_of_keys, key_of_name, key_of_number
from app.platform.search import index_of_words

PROGRAMME_STATUSES = ("planned", "open", "paused", "closed")


PROGRAMME_NAMES = "name, product, sponsor"
"""What a programme is searched by: its columns."""


class EapProgram(Keyed, Edited, Base):
    """An expanded-access programme: a sponsor's product, and the countries where it is open."""

    __tablename__ = "eap_program"
    __table_args__ = (
        index_of_words("eap_program", PROGRAMME_NAMES),
        CheckConstraint(f"status IN {PROGRAMME_STATUSES}", name="status_known"),
        CheckConstraint("btrim(product) <> ''", name="product_not_blank"),
        *indexes_of_keys("eap_program", "eap_program_id", "name_key"),
        Index("ix_eap_program_created_at", text("created_at DESC"), text("eap_program_id DESC")),
    )

    eap_program_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    name: Mapped[str] = mapped_column(String(200), info=PUBLIC)
    product: Mapped[str] = mapped_column(String(200), info=PUBLIC)
    sponsor: Mapped[str | None] = mapped_column(String(200), info=PUBLIC)
    name_key: Mapped[str] = mapped_column(info=PUBLIC, sort_order=1)
    countries: Mapped[list[str]] = mapped_column(server_default=text("'{}'"), info=PUBLIC)
    status: Mapped[str] = mapped_column(server_default=text("'open'"), info=PUBLIC)
    description: Mapped[str | None] = mapped_column(info=PUBLIC)

    keys = KEY_OF_NAME


class EapJourney(Keyed, Journey):
    """
    One patient's way to a product before its approval.

    `eap_number` is one journey's in its programme, and where no programme is named, for its product.
    """

    __tablename__ = "eap_journey"
    __table_args__ = journey_table(
        EAP_JOURNEY,
        *indexes_of_keys("eap_journey", "eap_journey_id", "number_scope", "eap_number_key"),
        Index("ix_eap_journey_eap_number", func.lower(text("eap_number"))),
        key="eap_journey_id",
        leads_to="eap_program_id",
    )

    eap_journey_id: Mapped[Key] = mapped_column(sort_order=-2)
    eap_program_id: Mapped[UUID | None] = mapped_column(ForeignKey("eap_program.eap_program_id"), info=DETAIL)
    eap_number: Mapped[str] = mapped_column(String(100), info=DETAIL)
    product: Mapped[str | None] = mapped_column(String(200), info=DETAIL)
    approval_date: Mapped[date | None] = mapped_column(info=DETAIL)
    status: Mapped[str] = status_of(EAP_JOURNEY)
    number_scope: Mapped[str] = mapped_column(info=DETAIL, sort_order=3)
    eap_number_key: Mapped[str] = mapped_column(info=DETAIL, sort_order=3)

    keys = MappingProxyType(
        {
            "number_scope": lambda row: str(row.eap_program_id or "") or key_of_name(row.product),
            "eap_number_key": lambda row: key_of_number(row.eap_number),
        }
    )

    eap_program: Mapped[EapProgram | None] = relationship(lazy="raise")
    gates: Mapped[list["EapGate"]] = relationship(lazy="raise", viewonly=True)


class EapGate(Edited, Base):
    """One approval that an expanded-access journey needs, beside its stages."""

    __tablename__ = "eap_gate"
    __table_args__ = (
        UniqueConstraint("eap_journey_id", "gate"),
        CheckConstraint(f"gate IN {GATES}", name="gate_known"),
        CheckConstraint(f"status IN {GATE_STATES}", name="status_known"),
        CheckConstraint("expires_on >= decided_on", name="expires_after_decided"),
    )

    eap_gate_id: Mapped[Key]
    created_at: Mapped[CreatedAt]
    eap_journey_id: Mapped[UUID] = mapped_column(ForeignKey("eap_journey.eap_journey_id"), info=INTERNAL)
    gate: Mapped[str] = mapped_column(info=INTERNAL)
    status: Mapped[str] = mapped_column(server_default=text("'pending'"), info=DETAIL)
    decided_on: Mapped[date | None] = mapped_column(info=DETAIL)
    reference_number: Mapped[str | None] = mapped_column(String(100), info=DETAIL)
    expires_on: Mapped[date | None] = mapped_column(info=DETAIL)
    notes: Mapped[str | None] = mapped_column(info=DETAIL)
