"""
People are searched in a table of their own: every spelling of their names, the buckets of their number, what lists
filter by.

The rows of the people who are here are made afterwards, newest first, by `crm db upgrade` or the worker: folding is
Python's, and a million people would keep the schema locked for minutes.

Revision: 0028_search.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0028_search"
down_revision: str | None = "0027_alike_indexes"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_OF_ALL = "WHERE c.contype = ''f'' AND"
# What goes with its row does not keep it.
_OF_KEEPING = "WHERE c.contype = ''f'' AND c.confdeltype <> ''c'' AND"
_CHANGED = """
    DO $do$ BEGIN
        EXECUTE replace(pg_get_functiondef('legacy_rows_worked_on(integer, integer)'::regprocedure), '{}', '{}');
    END $do$
"""

TERMS = """
    -- The terms by which a person is found. Whoever changes this reindexes ix_person_search_terms.
    CREATE FUNCTION search_terms(words text, num bigint, is_active boolean, date_of_birth date, marks text[])
    RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
        SELECT array_to_tsvector(array(
            SELECT DISTINCT term FROM (
                SELECT left(word, letters) AS term
                FROM unnest(string_to_array(words, ' ')) AS word, generate_series(1, 8) AS letters
                WHERE letters <= char_length(word)
                UNION ALL
                SELECT '=' || word FROM unnest(string_to_array(words, ' ')) AS word
                UNION ALL
                SELECT '@' || mark FROM unnest(marks) AS mark
                UNION ALL
                SELECT unnest(ARRAY[
                    kind || '0:' || (num >> 10), kind || '1:' || (num >> 13), kind || '2:' || (num >> 16),
                    kind || '3:' || (num >> 19),
                    CASE WHEN NOT is_active THEN '@off' END,
                    '@day' || (date_of_birth - DATE '2000-01-01'),
                    '@year' || date_part('year', date_of_birth)::integer])
                FROM (SELECT CASE WHEN is_active THEN '@b' ELSE '@i' END AS kind) AS k
            ) AS x WHERE term <> ''))
    $body$
"""

NEAR_KEYS = """
    -- What two words that differ by a typing error have in common: their first seven letters, and these with a letter
    -- left out, or two where the word has so many letters.
    CREATE FUNCTION near_keys(word text, letters_for_two integer) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
        SELECT array(
            SELECT left(word, 7)
            UNION
            SELECT left(b, i - 1) || substr(b, i + 1)
            FROM left(word, 7) AS b, generate_series(1, char_length(b)) AS i
            UNION
            SELECT left(b, i - 1) || substr(b, i + 1, j - i - 1) || substr(b, j + 1)
            FROM left(word, 7) AS b, generate_series(1, char_length(b)) AS i, generate_series(i + 1, char_length(b)) AS j
            WHERE char_length(word) >= letters_for_two)
    $body$
"""

DIGITS = """
    CREATE FUNCTION reversed_digits(phone text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
        SELECT reverse(regexp_replace(phone, '[^0-9]', '', 'g'))
    $body$
"""

MARKS_OF_A_PATIENT = """
    -- An id is cut to what tells it apart well enough: a list checks its filter by the row itself as well.
    CREATE FUNCTION search_marks_of_patient(status text, condition_id uuid, owner_id uuid) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
        SELECT array_remove(
            ARRAY['pc' || right(condition_id::text, 8), 'po' || right(owner_id::text, 8), 'ps' || status], NULL)
    $body$
"""

MARKS = """
    CREATE FUNCTION search_marks(of_person uuid) RETURNS text[]
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $body$
    BEGIN
        RETURN array(
            SELECT mark FROM (
                SELECT unnest(search_marks_of_patient(status, medical_condition_id, owner_id)) AS mark
                FROM patient WHERE person_id = of_person
                UNION
                SELECT unnest(ARRAY['l', 'lc' || right(medical_condition_id::text, 8),
                                    'lo' || right(owner_id::text, 8), 'ls' || status])
                FROM patient_lead WHERE person_id = of_person
                UNION
                SELECT 'h' FROM physician WHERE person_id = of_person
            ) AS m WHERE mark IS NOT NULL ORDER BY mark);
    END
    $body$
"""

KEEP_MARKS = """
    CREATE FUNCTION keep_search_marks() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    BEGIN
        UPDATE person_search AS s SET marks = m.marks
        FROM (SELECT person_id, search_marks(person_id) AS marks FROM (SELECT DISTINCT person_id FROM touched) AS t) AS m
        WHERE s.person_id = m.person_id AND s.marks IS DISTINCT FROM m.marks;
        RETURN NULL;
    END
    $body$
"""

KEEP_PERSON = """
    -- A name that is changed past the program is folded anew by the worker: its row has folding 0 until then.
    CREATE FUNCTION keep_search_of_person() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    BEGIN
        UPDATE person_search SET is_active = NEW.is_active, date_of_birth = NEW.date_of_birth,
            folding = CASE WHEN (OLD.first_name, OLD.last_name, OLD.middle_name, OLD.preferred_name)
                           IS DISTINCT FROM (NEW.first_name, NEW.last_name, NEW.middle_name, NEW.preferred_name)
                      THEN 0 ELSE folding END
        WHERE person_id = NEW.person_id;
        RETURN NULL;
    END
    $body$
"""

FOLLOWED = ("patient", "patient_lead", "physician")


def upgrade() -> None:
    for function in (TERMS, NEAR_KEYS, DIGITS, MARKS_OF_A_PATIENT, MARKS, KEEP_MARKS, KEEP_PERSON):
        op.execute(function)
    op.create_table(
        "person_search",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("num", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("date_of_birth", sa.Date(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("marks", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("folding", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id"),
    )
    op.create_index(
        "ix_person_search_terms",
        "person_search",
        [sa.text("search_terms(words, num, is_active, date_of_birth, marks)")],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    # The numbers below are for the people who are here.
    op.execute(
        """
        DO $do$ BEGIN EXECUTE format('ALTER TABLE person_search ALTER COLUMN num RESTART WITH %s',
                                     (SELECT count(*) + 1 FROM person)); END $do$
        """
    )
    op.create_table(
        "search_word",
        sa.Column("search_word_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("people", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("search_word_id"),
    )
    op.create_index("ix_search_word_word", "search_word", ["word"])
    op.create_index(
        "ix_search_word_near_keys",
        "search_word",
        [sa.text("near_keys(word, 7)")],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    for table in FOLLOWED:
        for event, rows in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            op.execute(
                f"CREATE TRIGGER keep_search_marks_{event.lower()} AFTER {event} ON {table} "
                f"REFERENCING {rows} TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_search_marks()"
            )
    op.execute(
        "CREATE TRIGGER keep_search "
        "AFTER UPDATE OF first_name, last_name, middle_name, preferred_name, is_active, date_of_birth ON person "
        "FOR EACH ROW EXECUTE FUNCTION keep_search_of_person()"
    )
    op.execute(_CHANGED.format(_OF_ALL, _OF_KEEPING))


def downgrade() -> None:
    op.execute(_CHANGED.format(_OF_KEEPING, _OF_ALL))
    op.execute("DROP TRIGGER keep_search ON person")
    for table in FOLLOWED:
        for event in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER keep_search_marks_{event} ON {table}")
    op.drop_table("search_word")
    op.drop_table("person_search")
    for function in (
        "keep_search_of_person",
        "keep_search_marks",
        "search_marks",
        "search_marks_of_patient",
        "reversed_digits",
        "near_keys",
        "search_terms",
    ):
        op.execute(f"DROP FUNCTION {function}")
