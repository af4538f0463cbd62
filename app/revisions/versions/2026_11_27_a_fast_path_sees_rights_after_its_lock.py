"""
A fast path sees the key's rights after it has the lock of its account, not as they were when its statement began.

A statement has one snapshot, taken before the lock: an end of the rights that committed between the two was not seen.
A query in a volatile function has a snapshot of its own.

Revision: 0026_rights_held
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0026_rights_held"
down_revision: str | None = "0025_contact_reason"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_RIGHTS_ARE_HELD = """
    CREATE FUNCTION rights_are_held(a_key uuid, an_account uuid, any_of_roles text[]) RETURNS boolean
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    BEGIN
        -- Only tried: where an end is under way, the ordinary path waits for it.
        IF NOT pg_try_advisory_xact_lock_shared(hashtextextended('rights ' || an_account, 0)) THEN
            RETURN false;
        END IF;
        RETURN EXISTS (
            SELECT FROM api_key AS k JOIN user_account AS u USING (user_account_id)
            JOIN role_grant AS g USING (user_account_id)
            WHERE k.api_key_id = a_key AND k.revoked_at IS NULL AND u.is_active
              AND g.revoked_at IS NULL AND g.role = ANY (any_of_roles)
        );
    END
    $body$
"""


def upgrade() -> None:
    op.execute(_RIGHTS_ARE_HELD)


def downgrade() -> None:
    op.execute("DROP FUNCTION rights_are_held")
