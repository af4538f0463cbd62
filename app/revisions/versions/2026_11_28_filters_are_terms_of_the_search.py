"""
Every filter that few may meet is a term of the search: the country, the beginnings of e-mail addresses, a lead's source,
a physician's hospital and specialization; and that somebody is a patient.

The rows that are here are made anew afterwards, as those of earlier rules of folding are (people/search/rows.py): until
then a search inside a country does not find them.

Revision: 0050_filters_are_terms.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0050_filters_are_terms"
down_revision: str | None = "0049_sidebar"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_OF_A_PERSON = """
    -- So many letters of an address as of a name; a search looks at the whole address as well.
    CREATE FUNCTION search_marks_of_person(country text, email_key text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
        SELECT array_remove(ARRAY['e' || left(email_key, 8), 'n' || country], NULL)
    $body$
"""
_OF_A_PATIENT = """
    CREATE OR REPLACE FUNCTION search_marks_of_patient(status text, condition_id uuid, owner_id uuid) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
        SELECT array_remove(
            ARRAY[{}'pc' || right(condition_id::text, 8), 'po' || right(owner_id::text, 8), 'ps' || status], NULL)
    $body$
"""
_MARKS = """
    CREATE OR REPLACE FUNCTION search_marks(of_person uuid) RETURNS text[]
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $body$
    BEGIN
        RETURN array(
            SELECT mark FROM (
                SELECT unnest(search_marks_of_person(country, email_key)) AS mark FROM person WHERE person_id = of_person
                UNION
                SELECT 'e' || left(value_key, 8) FROM contact_point
                WHERE person_id = of_person AND kind = 'email' AND (was IS NULL OR was = 'former')
                UNION
                SELECT unnest(search_marks_of_patient(status, medical_condition_id, owner_id))
                FROM patient WHERE person_id = of_person
                UNION
                SELECT unnest(ARRAY['l', 'lc' || right(medical_condition_id::text, 8),
                                    'lo' || right(owner_id::text, 8), 'lr' || source, 'ls' || status])
                FROM patient_lead WHERE person_id = of_person
                UNION
                SELECT unnest(ARRAY['h', 'hh' || right(hospital_id::text, 8), 'hs' || right(specialization_id::text, 8)])
                FROM physician WHERE person_id = of_person
            ) AS m WHERE mark IS NOT NULL ORDER BY mark);
    END
    $body$
"""
_MARKS_BEFORE = """
    CREATE OR REPLACE FUNCTION search_marks(of_person uuid) RETURNS text[]
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
_KEEP_PERSON = """
    -- A name that is changed past the program is folded anew by the worker: its row has folding 0 until then.
    CREATE OR REPLACE FUNCTION keep_search_of_person() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $body$
    BEGIN
        UPDATE person_search SET is_active = NEW.is_active, date_of_birth = NEW.date_of_birth,{}
            folding = CASE WHEN (OLD.first_name, OLD.last_name, OLD.middle_name, OLD.preferred_name)
                           IS DISTINCT FROM (NEW.first_name, NEW.last_name, NEW.middle_name, NEW.preferred_name)
                      THEN 0 ELSE folding END
        WHERE person_id = NEW.person_id;
        RETURN NULL;
    END
    $body$
"""
_MARKS_OF_NEW = """
            marks = CASE WHEN (OLD.country, OLD.email_key) IS DISTINCT FROM (NEW.country, NEW.email_key)
                    THEN search_marks(NEW.person_id) ELSE marks END,"""
_KEEP_SEARCH = """
    CREATE OR REPLACE TRIGGER keep_search
    AFTER UPDATE OF first_name, last_name, middle_name, preferred_name, {}is_active, date_of_birth ON person
    FOR EACH ROW EXECUTE FUNCTION keep_search_of_person()
"""
_EVENTS = (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))


def upgrade() -> None:
    op.execute(_OF_A_PERSON)
    op.execute(_OF_A_PATIENT.format("'p', "))
    op.execute(_MARKS)
    op.execute(_KEEP_PERSON.format(_MARKS_OF_NEW))
    op.execute(_KEEP_SEARCH.format("country, email_key, "))
    for event, rows in _EVENTS:
        op.execute(
            f"CREATE TRIGGER keep_search_marks_{event.lower()} AFTER {event} ON contact_point "
            f"REFERENCING {rows} TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_search_marks()"
        )


def downgrade() -> None:
    for event, _ in _EVENTS:
        op.execute(f"DROP TRIGGER keep_search_marks_{event.lower()} ON contact_point")
    op.execute(_KEEP_SEARCH.format(""))
    op.execute(_KEEP_PERSON.format(""))
    op.execute(_MARKS_BEFORE)
    op.execute(_OF_A_PATIENT.format(""))
    op.execute("DROP FUNCTION search_marks_of_person")
