"""The tables that the migration has outside its own schema: the owner writes them."""

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.platform.db import INTERNAL, Base, Rows


class IndexSetAside(Base, rows=Rows.OWNERS):
    """
    An index or constraint that a first migration has taken away and is about to build again, in one transaction.

    Written and read by the owner's functions `take_indexes_away` and `build_index` alone, so that anyone who calls them
    cannot say what is built. Always empty: a transaction that leaves a row here does not commit. `place` is the order.
    """

    __tablename__ = "index_set_aside"

    table_name: Mapped[str] = mapped_column(primary_key=True, info=INTERNAL)
    name: Mapped[str] = mapped_column(primary_key=True, info=INTERNAL)
    place: Mapped[int] = mapped_column(info=INTERNAL)
    is_constraint: Mapped[bool] = mapped_column(info=INTERNAL)
    definition: Mapped[str] = mapped_column(info=INTERNAL)


class MigratedRow(Base, rows=Rows.OWNERS):
    """
    A row that a phase of a run has added: `undo_legacy_run` takes away these and no others.

    Noted by the trigger `note_migrated` of the owner for as long as the setting `crm.run` names run and phase, so that
    the operator cannot have a row removed by listing it. A row that an undo has kept, because people had worked on it, stands
    under the negative number of its run: no undo takes it away any more.
    """

    __tablename__ = "migrated_row"

    table_name: Mapped[str] = mapped_column(primary_key=True, info=INTERNAL)
    record_id: Mapped[UUID] = mapped_column(primary_key=True, info=INTERNAL)
    run_id: Mapped[int] = mapped_column(info=INTERNAL)
    phase: Mapped[int] = mapped_column(info=INTERNAL)
