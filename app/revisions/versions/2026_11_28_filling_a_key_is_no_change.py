"""
A key that the program makes of a row is filled without a version: nobody has changed anything.

Revisions bring the columns of keys empty; the rows that are here get theirs afterwards, in batches (app/earlier_rows.py).

Revision: 0048_filled_keys.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0048_filled_keys"
down_revision: str | None = "0047_one_row"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_BEGIN = """BEGIN
        FOR place"""
_BEGIN_WITH_KEYS = """    keys text[] := ARRAY[''family_key'', ''given_key'', ''name_key'', ''city_key'', ''number_scope'',
                             ''eap_number_key'', ''licence_key'', ''is_double''];
    BEGIN
        -- Anybody may set the setting: what is no key has its version all the same, and a reference is given once.
        IF current_setting(''crm.fills_keys'', true) = ''on'' THEN
            IF earlier ->> ''reference'' IS NULL THEN
                keys := keys || ''reference''::text;
            END IF;
            IF earlier - keys = to_jsonb(NEW) - keys THEN
                RETURN NEW;
            END IF;
        END IF;
        FOR place"""
_CHANGED = """
    DO $do$ BEGIN
        EXECUTE replace(pg_get_functiondef('keep_history()'::regprocedure), '{}', '{}');
    END $do$
"""


def upgrade() -> None:
    op.execute(_CHANGED.format(_BEGIN, _BEGIN_WITH_KEYS))


def downgrade() -> None:
    op.execute(_CHANGED.format(_BEGIN_WITH_KEYS, _BEGIN))
