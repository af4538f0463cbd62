"""
One row for one thing: hospitals, specializations, conditions, programmes and EAP numbers are told by keys of their names.

Doubles that are here stay as they are. The older one holds the keys; the others are marked and listed for a data steward.
A physician's licence has a key too, which is not unique: licences are national.

The keys are the program's: they are made afterwards, in batches (app/earlier_rows.py), and what is no double loses its mark.

Revision: 0047_one_row.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0047_one_row"
down_revision: str | None = "0046_preferences"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_KEYS = {
    "hospital": ("hospital_id", ("name_key", "city_key")),
    "specialization": ("specialization_id", ("name_key",)),
    "medical_condition": ("medical_condition_id", ("name_key",)),
    "condition_synonym": ("condition_synonym_id", ("name_key",)),
    "eap_program": ("eap_program_id", ("name_key",)),
    "eap_journey": ("eap_journey_id", ("number_scope", "eap_number_key")),
}
_BY_LOWER = ("specialization", "medical_condition", "condition_synonym", "eap_program")


def upgrade() -> None:
    for table, (_, keys) in _KEYS.items():
        for column in keys:
            op.add_column(table, sa.Column(column, sa.Text()))
        # What is here is out of the unique index until it has keys. With a constant no row is written.
        op.add_column(table, sa.Column("is_double", sa.Boolean(), server_default=sa.true(), nullable=False))
        op.alter_column(table, "is_double", server_default=sa.false())
    for table in _BY_LOWER:
        op.drop_index(f"uq_{table}_name", table_name=table)
    op.drop_constraint("uq_eap_journey_number", "eap_journey")
    for table, (key, keys) in _KEYS.items():
        columns = [*keys, "country"] if table == "hospital" else [*keys]
        op.create_index(
            f"uq_{table}_keys",
            table,
            columns,
            unique=True,
            postgresql_where=sa.text("NOT is_double"),
            postgresql_nulls_not_distinct=True,
        )
        op.create_index(f"ix_{table}_double", table, [key], postgresql_where=sa.text("is_double"))
    for table in ("specialization", "medical_condition"):
        op.create_index(f"ix_{table}_name", table, [sa.text("lower(name)"), f"{table}_id"])

    op.add_column("physician", sa.Column("licence_key", sa.Text()))
    op.create_index("ix_physician_licence_key", "physician", ["licence_key"])


def downgrade() -> None:
    op.drop_column("physician", "licence_key")
    for table in ("specialization", "medical_condition"):
        op.drop_index(f"ix_{table}_name", table_name=table)
    for table, (_, keys) in _KEYS.items():
        op.drop_index(f"uq_{table}_keys", table_name=table)
        op.drop_index(f"ix_{table}_double", table_name=table)
        for column in (*keys, "is_double"):
            op.drop_column(table, column)
    op.create_unique_constraint(
        "uq_eap_journey_number",
        "eap_journey",
        ["eap_program_id", "eap_number", "product"],
        postgresql_nulls_not_distinct=True,
    )
    for table in _BY_LOWER:
        op.create_index(f"uq_{table}_name", table, [sa.text("lower(name)")], unique=True)
