"""
`is_unknown_person` tells the fast path whether somebody is nobody we know, as of the moment it has the locks.

A function, because one statement sees what was committed before it began, and another create may commit between that
and the lock.

Revision: 0014_unknown_person.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0014_unknown_person"
down_revision: str | None = "0013_child_rows"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

IS_UNKNOWN_PERSON = """
        CREATE FUNCTION is_unknown_person(a_email_key text, a_phone text, a_name_key text, a_birth_date date)
        RETURNS boolean LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
        BEGIN
            -- The locks of people/locks.py, only tried: whoever would have to wait takes the ordinary path.
            IF NOT pg_try_advisory_xact_lock(hashtextextended('email ' || a_email_key, 0)) THEN
                RETURN false;
            END IF;
            IF a_phone IS NOT NULL THEN
                IF NOT pg_try_advisory_xact_lock(hashtextextended('phone ' || a_phone, 0)) OR EXISTS (
                    SELECT FROM person WHERE phone_e164 = a_phone
                ) OR EXISTS (SELECT FROM contact_point WHERE value_key = a_phone AND kind = 'phone') THEN
                    RETURN false;
                END IF;
            END IF;
            IF a_name_key <> '' AND a_birth_date IS NOT NULL THEN
                IF NOT pg_try_advisory_xact_lock(
                    hashtextextended(format('name %s %s', a_name_key, to_char(a_birth_date, 'YYYY-MM-DD')), 0)
                ) OR EXISTS (SELECT FROM person WHERE name_key = a_name_key AND date_of_birth = a_birth_date) THEN
                    RETURN false;
                END IF;
            END IF;
            RETURN NOT EXISTS (SELECT FROM person WHERE email_key = a_email_key)
                AND NOT EXISTS (SELECT FROM contact_point WHERE value_key = a_email_key AND kind = 'email');
        END
        $body$
"""


def upgrade() -> None:
    op.execute(IS_UNKNOWN_PERSON)


def downgrade() -> None:
    op.execute("DROP FUNCTION is_unknown_person")
