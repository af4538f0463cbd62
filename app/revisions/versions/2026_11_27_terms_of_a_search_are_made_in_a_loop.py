"""
The terms of a search and the keys of a typing error are made in a loop of their own.

They are the same as before, so that no index is built anew; a query for each row took five times as long.

Revision: 0034_terms.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0034_terms"
down_revision: str | None = "0033_any_word"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TERMS = """
    -- The terms by which a person is found. Whoever changes them reindexes ix_person_search_terms.
    CREATE OR REPLACE FUNCTION search_terms(
        words text, num bigint, is_active boolean, date_of_birth date, marks text[])
    RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $body$
    DECLARE
        kind text := CASE WHEN is_active THEN '@b' ELSE '@i' END;
        terms text[] := ARRAY[
            kind || '0:' || (num >> 10), kind || '1:' || (num >> 13),
            kind || '2:' || (num >> 16), kind || '3:' || (num >> 19)];
        part text;
    BEGIN
        IF NOT is_active THEN
            terms := terms || '@off'::text;
        END IF;
        IF date_of_birth IS NOT NULL THEN
            terms := terms || ARRAY[
                '@day' || (date_of_birth - DATE '2000-01-01'), '@year' || date_part('year', date_of_birth)::integer];
        END IF;
        FOREACH part IN ARRAY marks LOOP
            terms := terms || ('@' || part);
        END LOOP;
        -- A word of few letters is its own beginning more than once; a vector has each term once.
        FOREACH part IN ARRAY string_to_array(words, ' ') LOOP
            terms := terms || ARRAY[
                '=' || part, left(part, 1), left(part, 2), left(part, 3), left(part, 4), left(part, 5), left(part, 6),
                left(part, 7), left(part, 8)];
        END LOOP;
        RETURN array_to_tsvector(terms);
    END
    $body$
"""

NEAR_KEYS = """
    -- What two words that differ by a typing error have in common: their first seven letters, and these with a letter
    -- left out, or two where the word has so many letters. An index has each once.
    CREATE OR REPLACE FUNCTION near_keys(word text, letters_for_two integer) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $body$
    DECLARE
        beginning text := left(word, 7);
        letters integer := char_length(beginning);
        shorter text;
        keys text[] := ARRAY[beginning];
    BEGIN
        FOR i IN 1 .. letters LOOP
            shorter := left(beginning, i - 1) || substr(beginning, i + 1);
            keys := keys || shorter;
            IF char_length(word) >= letters_for_two THEN
                FOR j IN i .. letters - 1 LOOP
                    keys := keys || (left(shorter, j - 1) || substr(shorter, j + 1));
                END LOOP;
            END IF;
        END LOOP;
        RETURN keys;
    END
    $body$
"""


def upgrade() -> None:
    op.execute(TERMS)
    op.execute(NEAR_KEYS)


def downgrade() -> None:
    """Nothing: the functions give the same."""
