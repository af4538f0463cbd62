"""
A call in which nobody was spoken with waits for no answer about side effects.

Revision: 0059_reached_nobody.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0059_reached_nobody"
down_revision: str | None = "0058_calendar_feed"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_INDEXES = {
    "ix_call_history_unresolved": "occurs_at DESC, call_id DESC",
    "ix_call_history_pn_id_unresolved": "pn_id, occurs_at DESC, call_id DESC",
}
_OPEN = "voided_at IS NULL AND (status IN ('scheduled', 'confirmed') OR (status = 'completed' AND {asked}))"
_BEFORE = _OPEN.format(asked="adverse_event_heard IS NULL")
_SINCE = _OPEN.format(
    asked="adverse_event_heard IS NULL AND "
    "(outcome IS NULL OR lower(outcome) NOT IN ('voicemail', 'wrong_number', 'no_answer'))"
)


def upgrade() -> None:
    """Lists are read from the earlier indexes until the new ones are there."""
    with op.get_context().autocommit_block():
        for name, columns in _INDEXES.items():
            # What a process that was killed has left of it.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}_new")
            op.execute(f"CREATE INDEX CONCURRENTLY {name}_new ON call_history ({columns}) WHERE {_SINCE}")
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"ALTER INDEX {name}_new RENAME TO {name}")


def downgrade() -> None:
    for name, columns in _INDEXES.items():
        op.drop_index(name, table_name="call_history")
        op.execute(f"CREATE INDEX {name} ON call_history ({columns}) WHERE {_BEFORE}")
