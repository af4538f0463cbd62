"""
Addresses are found by their beginning, phones by their end, EAP numbers in any case. Built while others write.

Revision: 0028_search_indexes.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0028_search_indexes"
down_revision: str | None = "0028_search"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_INDEXES = {
    "ix_person_email_key_beginning": "person (email_key text_pattern_ops) WHERE email_key IS NOT NULL",
    "ix_person_phone_reversed": (
        "person (reversed_digits(coalesce(phone_e164, phone)) text_pattern_ops) WHERE phone IS NOT NULL"
    ),
    "ix_contact_point_email_beginning": "contact_point (value_key text_pattern_ops) WHERE kind = 'email'",
    "ix_contact_point_phone_reversed": (
        "contact_point (reversed_digits(value_key) text_pattern_ops) WHERE kind = 'phone'"
    ),
    "ix_eap_journey_eap_number": "eap_journey (lower(eap_number))",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, what in _INDEXES.items():
            # What a process that was killed has left of it.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {what}")
    # What the search by name used before.
    op.drop_index("ix_person_name_key_trigram", table_name="person")
    op.drop_index("ix_person_name_key_prefix", table_name="person")


def downgrade() -> None:
    op.create_index(
        "ix_person_name_key_prefix",
        "person",
        ["name_key", "person_id"],
        postgresql_ops={"name_key": "text_pattern_ops"},
    )
    op.create_index(
        "ix_person_name_key_trigram",
        "person",
        ["name_key"],
        postgresql_using="gin",
        postgresql_ops={"name_key": "gin_trgm_ops"},
    )
    for name in _INDEXES:
        op.execute(f"DROP INDEX {name}")
