"""
Conditions, hospitals, specializations, trials and programmes are found by the beginning of any word of their names.

Marks are left out, and a word is filed as it is written, as Americans write it (leukaemia, tumour, centre), and with the
letters of a keyboard without marks (Mueller).

Revision: 0033_any_word.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0033_any_word"
down_revision: str | None = "0032_phones"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

SPELLINGS = """
    -- The spellings of the words of a name. Whoever changes this reindexes what is made of it.
    CREATE FUNCTION spelt_words(name text) RETURNS TABLE (place bigint, spelling text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
        SELECT w.place, s.spelling
        FROM regexp_split_to_table(
            translate(replace(replace(replace(replace(
                lower(regexp_replace(normalize(name, NFKD), '[\\u0300-\\u036f]', '', 'g')),
                'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'), 'øđðłı', 'oddli'),
            '[^[:alnum:]]+') WITH ORDINALITY AS w(word, place),
        LATERAL (
            SELECT w.word AS spelling
            UNION
            SELECT regexp_replace(regexp_replace(regexp_replace(
                w.word, 'ae|oe', 'e', 'g'), 'our(s?)$', 'or\\1'), '(t|b)re(s?)$', '\\1er\\2')
            UNION
            SELECT replace(replace(replace(w.word, 'ae', 'a'), 'oe', 'o'), 'ue', 'u')
        ) AS s
        WHERE w.word <> ''
    $body$
"""

TERMS = """
    CREATE FUNCTION word_terms({parameters}) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
        SELECT array_to_tsvector(array(SELECT DISTINCT spelling FROM public.spelt_words({names})))
    $body$
"""
# Of one, two or three names: in an index an expression of columns alone is compared with the model.
OF_SOME_NAMES = [
    TERMS.format(
        parameters=", ".join(f"{name} text" for name in names),
        names=" || ' ' || ".join(f"coalesce({name}, '')" for name in names),
    )
    for names in (("a",), ("a", "b"), ("a", "b", "c"))
]

QUERY = """
    -- Every typed word begins one of a name, in any of its spellings. Null when no word was typed, which nothing meets.
    CREATE FUNCTION word_query(typed text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
        SELECT string_agg(spellings, ' & ')::tsquery
        FROM (
            SELECT '(' || string_agg(quote_literal(spelling) || ':*', ' | ') || ')' AS spellings
            FROM public.spelt_words(typed) GROUP BY place
        ) AS words
    $body$
"""

NAMES = {
    "medical_condition": "name, abbreviation",
    "condition_synonym": "name",
    "hospital": "name, city",
    "specialization": "name",
    "clinical_trial": "trial_id, title, sponsor",
    "eap_program": "name, product, sponsor",
}


def upgrade() -> None:
    for function in (SPELLINGS, *OF_SOME_NAMES, QUERY):
        op.execute(function)
    for table, names in NAMES.items():
        op.create_index(
            f"ix_{table}_words",
            table,
            [sa.text(f"word_terms({names})")],
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        )
    for column in ("trial_id", "title"):
        op.drop_index(f"ix_clinical_trial_{column}_prefix", table_name="clinical_trial")


def downgrade() -> None:
    for column in ("trial_id", "title"):
        op.create_index(
            f"ix_clinical_trial_{column}_prefix", "clinical_trial", [sa.text(f"lower({column}) text_pattern_ops")]
        )
    for table in NAMES:
        op.drop_index(f"ix_{table}_words", table_name=table)
    for function in (
        "word_query",
        "word_terms(text)",
        "word_terms(text, text)",
        "word_terms(text, text, text)",
        "spelt_words",
    ):
        op.execute(f"DROP FUNCTION {function}")
