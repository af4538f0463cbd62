"""What the pages show beside patients, calls and leads: hospitals, trials, journeys, tasks, and one long file."""

from collections.abc import Callable

import psycopg

LONG_FILE_CALLS = 200
"""So many calls, and a tenth as many notes, tasks and journeys, has the patient whose page is measured."""

_FIRST_PATIENT = "(SELECT patient_id FROM patient ORDER BY patient_id LIMIT 1)"
_FIRST_PERSON = "(SELECT person_id FROM patient ORDER BY patient_id LIMIT 1)"
_STAGES = "ARRAY['identified', 'pre_screening', 'referred', 'site_review', 'screening', 'on_study', 'completed']"

_MADE = {
    "hospitals": """
        INSERT INTO hospital (name, city, country, name_key, city_key)
        SELECT name, city, 'NL', lower(name), lower(city)
        FROM (SELECT 'Hospital ' || n AS name, 'City ' || n %% 500 AS city
              FROM generate_series(1, least(5000, %(size)s)) AS n) AS made
    """,
    "physicians": """
        INSERT INTO physician (person_id, hospital_id, job_title)
        SELECT p.person_id, h.hospital_id, 'Oncologist'
        FROM (SELECT person_id, row_number() OVER (ORDER BY person_id) AS n FROM person
              ORDER BY person_id LIMIT least(44000, %(size)s)) AS p
        JOIN (SELECT hospital_id, row_number() OVER (ORDER BY hospital_id) - 1 AS n FROM hospital) AS h
          ON h.n = p.n %% (SELECT count(*) FROM hospital)
    """,
    "trials": """
        INSERT INTO clinical_trial (trial_id, registry_code, title, phase, status)
        SELECT 'NCT' || lpad(n::text, 8, '0'), 'NCT', 'A study of a treatment ' || n, 'phase_2', 'recruiting'
        FROM generate_series(1, least(20000, %(size)s)) AS n
    """,
    "programmes": """
        INSERT INTO eap_program (name, product, name_key)
        SELECT 'Programme ' || n, 'Product ' || n, 'programme ' || n FROM generate_series(1, 500) AS n
    """,
    "journeys": f"""
        INSERT INTO clinical_trial_journey (patient_id, clinical_trial_id, status, created_at, status_changed_at)
        SELECT p.patient_id, t.clinical_trial_id, ({_STAGES})[1 + p.n %% 7], p.created_at, p.created_at
        FROM (SELECT patient_id, created_at, row_number() OVER (ORDER BY patient_id) AS n
              FROM patient WHERE deleted_at IS NULL) AS p
        JOIN (SELECT clinical_trial_id, row_number() OVER (ORDER BY clinical_trial_id) - 1 AS n
              FROM clinical_trial) AS t
          ON t.n = p.n %% (SELECT count(*) FROM clinical_trial)
        WHERE p.n %% 3 = 0
    """,
    "tasks": """
        INSERT INTO task (title, due_on, due_by, owner_id, person_id, patient_id, status, done_at)
        SELECT 'Ask for the file', day, day, owner_id, person_id, patient_id, status,
               CASE status WHEN 'done' THEN day END
        FROM (SELECT p.owner_id, p.person_id, p.patient_id, current_date - (p.n %% 700)::integer + 14 AS day,
                     CASE WHEN p.n %% 4 = 0 THEN 'open' ELSE 'done' END AS status
              FROM (SELECT *, row_number() OVER (ORDER BY patient_id) AS n
                    FROM patient WHERE deleted_at IS NULL) AS p) AS made
        WHERE owner_id IS NOT NULL
    """,
    "a caseload": """
        UPDATE patient SET owner_id = %(reader)s
        WHERE patient_id IN (SELECT patient_id FROM patient WHERE deleted_at IS NULL ORDER BY patient_id DESC LIMIT 500)
           OR patient_id = (SELECT patient_id FROM patient ORDER BY patient_id LIMIT 1)
    """,
    "its leads": """
        UPDATE patient_lead SET owner_id = %(reader)s
        WHERE lead_id IN (SELECT lead_id FROM patient_lead WHERE closed_at IS NULL ORDER BY lead_id DESC LIMIT 200)
    """,
    "its tasks": """
        UPDATE task SET owner_id = %(reader)s
        WHERE task_id IN (SELECT task_id FROM task WHERE status = 'open' ORDER BY task_id LIMIT 300)
    """,
    "its bookings": """
        INSERT INTO call_history (person_id, patient_id, booking_date, status, pn_id)
        SELECT person_id, patient_id, date_trunc('hour', now()) + (n - 40) * interval '2 hours', 'scheduled',
               (SELECT person_id FROM user_account WHERE user_account_id = %(reader)s)
        FROM (SELECT person_id, patient_id, row_number() OVER (ORDER BY patient_id) AS n FROM patient
              WHERE owner_id = %(reader)s ORDER BY patient_id LIMIT 120) AS mine
    """,
    "its notifications": """
        INSERT INTO notification (user_account_id, kind, record_type, record_id, person_id)
        SELECT %(reader)s, 'assigned', 'patient', patient_id, person_id FROM patient WHERE owner_id = %(reader)s
    """,
    "a long file": f"""
        INSERT INTO call_history (person_id, patient_id, call_date, status, call_duration_minutes, outcome,
                                  adverse_event_heard, notes)
        SELECT {_FIRST_PERSON}, {_FIRST_PATIENT}, now() - n * interval '3 days', 'completed', 12, 'information_given',
               false, 'Asked about the trial, and what it takes to come to the hospital.'
        FROM generate_series(1, %(calls)s) AS n
    """,
    "its notes": f"""
        INSERT INTO note (text, person_id, patient_id, created_at)
        SELECT 'The hospital sent the **report**.', {_FIRST_PERSON}, {_FIRST_PATIENT}, now() - n * interval '9 days'
        FROM generate_series(1, %(calls)s / 10) AS n
    """,
    "its further tasks": f"""
        INSERT INTO task (title, due_on, due_by, owner_id, person_id, patient_id)
        SELECT 'Ask for the file', current_date + n, current_date + n, %(reader)s, {_FIRST_PERSON}, {_FIRST_PATIENT}
        FROM generate_series(1, %(calls)s / 10) AS n
    """,
    "its journeys": f"""
        INSERT INTO clinical_trial_journey (patient_id, clinical_trial_id, status)
        SELECT {_FIRST_PATIENT}, clinical_trial_id, 'referred' FROM clinical_trial
        ORDER BY clinical_trial_id DESC LIMIT %(calls)s / 10
    """,
    "pairs": """
        INSERT INTO duplicate_candidate (person_id, other_person_id, reasons)
        SELECT person_id, other, '{same_name}'
        FROM (SELECT person_id, lead(person_id) OVER (ORDER BY person_id) AS other FROM person
              ORDER BY person_id LIMIT 2000) AS beside
        WHERE other IS NOT NULL
    """,
}


def fill(connection: psycopg.Connection, *, reader: str, patients: int, tell: Callable[[str], None]) -> None:
    """What a reader of the pages has before them in a database that `data.fill` filled."""
    for step, statement in _MADE.items():
        tell(f"{patients:,} patients: {step}")
        connection.execute(statement.encode(), {"size": patients, "reader": reader, "calls": LONG_FILE_CALLS})
    connection.commit()
    connection.autocommit = True
    connection.execute("ANALYZE")
