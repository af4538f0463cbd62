"""
One row for one thing: hospitals, specializations, conditions, programmes and EAP numbers are told by keys of their names.

Doubles that are here stay as they are. The older one holds the keys; the others are marked and listed for a data steward.
A physician's licence has a key too, which is not unique: licences are national.

The keys are made without a version: nobody has changed anything.

Revision: 0047_one_row.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.platform.doubles import key_of_name, key_of_number

revision: str = "0047_one_row"
down_revision: str | None = "0046_preferences"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_BATCH = 5_000

Keys = dict[str, Callable[[Any], str | None]]


def _name(row: Any) -> str:
    return key_of_name(row.name)


def _number_scope(row: Any) -> str:
    return str(row.eap_program_id or "") or key_of_name(row.product)


_KEYS: dict[str, tuple[str, str, Keys]] = {
    "hospital": ("hospital_id", "name, city", {"name_key": _name, "city_key": lambda row: key_of_name(row.city)}),
    "specialization": ("specialization_id", "name", {"name_key": _name}),
    "medical_condition": ("medical_condition_id", "name", {"name_key": _name}),
    "condition_synonym": ("condition_synonym_id", "name", {"name_key": _name}),
    "eap_program": ("eap_program_id", "name", {"name_key": _name}),
    "eap_journey": (
        "eap_journey_id",
        "eap_program_id, product, eap_number",
        {"number_scope": _number_scope, "eap_number_key": lambda row: key_of_number(row.eap_number)},
    ),
}
_BY_LOWER = ("specialization", "medical_condition", "condition_synonym", "eap_program")


def upgrade() -> None:
    for table, (key, sources, keys) in _KEYS.items():
        for column in keys:
            op.add_column(table, sa.Column(column, sa.Text()))
        op.add_column(table, sa.Column("is_double", sa.Boolean(), server_default=sa.text("false"), nullable=False))
        op.execute(f"ALTER TABLE {table} DISABLE TRIGGER keep_history")
        _fill(table, key, sources, keys)
        _mark(table, key, tuple(keys))
        op.execute(f"ALTER TABLE {table} ENABLE TRIGGER keep_history")
        for column in keys:
            op.alter_column(table, column, nullable=False)
    for table in _BY_LOWER:
        op.drop_index(f"uq_{table}_name", table_name=table)
    op.drop_constraint("uq_eap_journey_number", "eap_journey")
    for table, (key, _, keys) in _KEYS.items():
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
    op.execute("ALTER TABLE physician DISABLE TRIGGER keep_history")
    _fill(
        "physician",
        "physician_id",
        "medical_license_number",
        {"licence_key": lambda row: key_of_number(row.medical_license_number) or None},
    )
    op.execute("ALTER TABLE physician ENABLE TRIGGER keep_history")
    op.create_index("ix_physician_licence_key", "physician", ["licence_key"])


def downgrade() -> None:
    op.drop_column("physician", "licence_key")
    for table in ("specialization", "medical_condition"):
        op.drop_index(f"ix_{table}_name", table_name=table)
    for table, (_, _, keys) in _KEYS.items():
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


def _fill(table: str, key: str, sources: str, keys: Keys) -> None:
    connection = op.get_bind()
    last = None
    columns = list(keys)
    names = ", ".join(columns)
    arrays = ", ".join(f"CAST(:{column} AS text[])" for column in columns)
    while rows := connection.execute(
        sa.text(
            f"SELECT {key} AS id, {sources} FROM {table}"
            f" WHERE CAST(:last AS uuid) IS NULL OR {key} > :last ORDER BY {key} LIMIT :batch"
        ),
        {"last": last, "batch": _BATCH},
    ).all():
        last = rows[-1].id
        made: dict[str, Any] = {column: [keys[column](row) for row in rows] for column in columns}
        connection.execute(
            sa.text(
                f"UPDATE {table} SET {', '.join(f'{column} = made.{column}' for column in columns)}"
                f" FROM unnest(CAST(:ids AS uuid[]), {arrays}) AS made (id, {names}) WHERE {table}.{key} = made.id"
            ),
            {"ids": [row.id for row in rows], **made},
        )


def _mark(table: str, key: str, keys: Sequence[str]) -> None:
    """Mark what stands beside an older row of the same keys, and a synonym that is another condition's name."""
    same = " AND ".join(f"o.{column} = t.{column}" for column in keys)
    if table == "hospital":
        same += " AND (o.country IS NULL OR t.country IS NULL OR o.country = t.country)"
    op.execute(
        f"UPDATE {table} AS t SET is_double = true WHERE EXISTS ("
        f" SELECT FROM {table} AS o WHERE {same} AND (o.created_at, o.{key}) < (t.created_at, t.{key}))"
    )
    if table == "condition_synonym":
        op.execute(
            "UPDATE condition_synonym AS t SET is_double = true WHERE EXISTS (SELECT FROM medical_condition AS o"
            " WHERE o.name_key = t.name_key AND o.medical_condition_id <> t.medical_condition_id)"
        )
