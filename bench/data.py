"""
Synthetic patients at any size: seeded, believable, filled by COPY with indexes and foreign keys made at the end.

Ids are made from numbers, so that both load generators can name the n-th patient without a list: `patient_id(n)`.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from app.people.alike import alike_keys
from app.people.names import Name
from app.people.search import rows
from app.people.search.folding import VERSION

SEED = 20260401
PEOPLE_PER_LEAD = 5
"""Of so many people one is a lead too, and has a submission on file."""
_CHUNK = 5_000
_BEGINNING = datetime(2023, 1, 1, tzinfo=UTC)
_YEARS = timedelta(days=3 * 365)

FIRST_NAMES = (
    "Anna Aisha Bram Carmen Daan Dilara Elif Emma Eva Fatima Femke Finn Giulia Hanna Hugo Ingrid Isabel Jan Jasmin "
    "Johan Julia Karim Karin Lars Laura Lena Lotte Lucas Luca Maja Marco Maria Marit Mehmet Milan Mila Nadia Nils Noor "
    "Nora Olga Omar Pablo Petra Pieter Rania Robin Rosa Ruben Samir Sanne Sara Sofia Stefan Sven Tess Thijs Tom Vera "
    "Viktor Willem Yara Yusuf Zoe"
).split()
_LAST_BEGINNINGS = (
    "Aal Ber Bos Bran Dek Dij Eng Fed Fisch Gar Ger Haan Hart Hei Hof Holt Jan Jor Kai Kam Klein Koch Kra Kui Lam Lin "
    "Maas Mar Mei Mol Nie Noor Olt Ost Pet Pol Raa Rich Rie Roo Sal Schaa Schmi Ste Stra Tan Tim Vaal Ver Vis Vos Wald "
    "Wer Wil Win Zand Zei Zor"
).split()
_LAST_ENDINGS = (
    "aar berg bach burg dam den der dijk dorf ers felt gaard haus heim hoven huis ing kamp ler mann meier melo mond "
    "ner nova oni ova rath ridge rini sen ski son stad stein straat tal veld vic ville waard wijk zini"
).split()
LAST_NAMES = tuple(beginning + ending for beginning in _LAST_BEGINNINGS for ending in _LAST_ENDINGS)
STATUSES = (("active", 60), ("paused", 10), ("inactive", 20), ("deceased", 5), ("withdrawn", 5))
LEAD_STATUSES = (("new", 30), ("contacting", 25), ("call_booked", 15), ("unreachable", 15), ("withdrawn", 15))
OWNERS = 20
RECORDS = (
    "person", "patient", "person_contact_type", "call_history", "patient_lead", "intake_submission", "audit_event",
)  # fmt: skip
SEARCHED = ("person_search", "search_word")

_PLACED = ("patient", "call_history")
_FROZEN = ("person", "patient", "person_contact_type", "call_history", "patient_lead")


def person_id(number: int) -> str:
    """The id of the n-th person; a plain UUIDv7 of the spring of 2024."""
    return f"018e0000-0000-7001-8000-{number:012x}"


def patient_id(number: int) -> str:
    """The id of the n-th patient, n from 1."""
    return f"018e0000-0000-7002-8000-{number:012x}"


def living(count: int) -> int:
    """The first so many of `count` patients are not deleted."""
    return count - count // 100


PATIENT_ID_SQL = "('018e0000-0000-7002-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"
"""`patient_id` as SQL, for pgbench; `{number}` is an integer expression."""


def _name(number: int) -> tuple[str, str]:
    # Steps that share no divisor with the lists' lengths: every name comes up, neighbours differ.
    return FIRST_NAMES[number * 37 % len(FIRST_NAMES)], LAST_NAMES[number * 7919 % len(LAST_NAMES)]


def fill(connection: psycopg.Connection, *, patients: int, tell: Callable[[str], None]) -> dict[str, float]:
    """
    Fill an empty, migrated database with `patients` patients, as many calls and audit events, and a fifth as many leads
    and submissions. The last hundredth of the patients is deleted. Returns the seconds of each step.
    """
    seconds: dict[str, float] = {}

    def timed(step: str, work: Callable[[], object]) -> None:
        tell(f"{patients:,} patients: {step}")
        started = time.perf_counter()
        work()
        seconds[step] = round(time.perf_counter() - started, 2)

    conditions = [
        str(row[0])
        for row in connection.execute("SELECT medical_condition_id FROM medical_condition ORDER BY name LIMIT 60")
    ]
    role = connection.execute("SELECT contact_type_id FROM contact_type WHERE type_name = 'patient'").fetchone()
    if not conditions or role is None:
        raise RuntimeError("the reference data is missing")
    owners = [
        str(row[0])
        for row in connection.execute(
            "INSERT INTO user_account (kind, display_name) SELECT 'human', 'Navigator ' || n "
            "FROM generate_series(1, %s) AS n RETURNING user_account_id",
            [OWNERS],
        )
    ]
    # A place in the order of the list asks for the calls of its person: by their indexes.
    for table in _PLACED:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER keep_patient_order_insert")
    restore_search = without_indexes(connection, SEARCHED)
    restore = without_indexes(connection, RECORDS)
    # Emptied in the transaction that fills them, they may be filled as if vacuumed already.
    connection.execute(f"TRUNCATE {', '.join(_FROZEN)}")
    chance = random.Random(SEED)
    at = _moments(patients)
    timed("persons", lambda: _copy(connection, "person", _PERSON, _persons(patients, at)))
    timed(
        "patients", lambda: _copy(connection, "patient", _PATIENT, _patients(patients, at, chance, conditions, owners))
    )
    timed("roles", lambda: _copy(connection, "person_contact_type", _ROLE, _roles(patients, at, str(role[0]))))
    timed("calls", lambda: _copy(connection, "call_history", _CALL, _calls(patients, at, chance)))
    timed("leads", lambda: _copy(connection, "patient_lead", _LEAD, _leads(patients, at, chance, conditions, owners)))
    timed("submissions", lambda: _copy(connection, "intake_submission", _INTAKE, _submissions(patients, at)))
    timed("audit events", lambda: _copy(connection, "audit_event", _AUDIT, _audit(patients, chance, owners)))
    timed("indexes and keys", restore)
    for table in _PLACED:
        connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER keep_patient_order_insert")
    # A row of the search asks for the roles of its person: by their indexes.
    timed("search rows", lambda: fill_search(connection))
    timed("indexes of the search", restore_search)
    connection.commit()
    connection.autocommit = True
    timed("analyze", lambda: connection.execute("ANALYZE"))
    everybody = "SELECT order_patients((SELECT array_agg(patient_id) FROM patient))"
    timed("places in the list", lambda: connection.execute(everybody))
    connection.execute("VACUUM ANALYZE patient_order")
    connection.autocommit = False
    return seconds


def fill_search(connection: psycopg.Connection) -> None:
    """The rows that are searched, in the order of creation, of everybody who is there; the words are the product's."""
    names = connection.execute(
        f"SELECT {', '.join(rows.NAME_FIELDS)}, count(*) FROM person GROUP BY 1, 2, 3, 4".encode()
    )
    columns = ", ".join(f"{name} text" for name in (*rows.NAME_FIELDS, "words"))
    found = names.fetchall()
    connection.execute(f"CREATE TEMPORARY TABLE spelt ({columns})".encode())
    written: Counter[str] = Counter()
    with connection.cursor() as cursor, cursor.copy("COPY spelt FROM STDIN") as copy:
        for *fields, people in found:
            made = rows.columns_of(dict(zip(rows.NAME_FIELDS, fields, strict=True)))
            for word in made["written"]:
                written[word] += people
            copy.write_row((*fields, made["words"]))
    connection.execute("ANALYZE spelt")
    connection.execute(
        "INSERT INTO person_search (num, person_id, is_active, date_of_birth, words, marks, folding)"
        " SELECT row_number() OVER (ORDER BY p.created_at, p.person_id), p.person_id, p.is_active, p.date_of_birth,"
        " s.words, search_marks(p.person_id), %s FROM person AS p JOIN spelt AS s"
        " ON (s.first_name, s.last_name) = (p.first_name, p.last_name)"
        " AND (s.middle_name, s.preferred_name) IS NOT DISTINCT FROM (p.middle_name, p.preferred_name)",
        [VERSION],
    )
    connection.execute("SELECT setval(pg_get_serial_sequence('person_search', 'num'), max(num)) FROM person_search")
    with connection.cursor() as cursor, cursor.copy("COPY search_word (word, people) FROM STDIN") as copy:
        for counted in sorted(written.items()):
            copy.write_row(counted)
    connection.execute("DROP TABLE spelt")


def moment_of(number: int, count: int) -> str:
    """When the n-th of so many was made: one after the other over three years."""
    return (_BEGINNING + _YEARS / count * number).isoformat()


def _moments(count: int) -> Callable[[int], str]:
    return lambda number: moment_of(number, count)


def without_indexes(connection: psycopg.Connection, tables: Sequence[str]) -> Callable[[], None]:
    """Take indexes and constraints that need one (but primary keys) off `tables`; returns what puts them back."""
    made: list[str] = []
    keys = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), contype FROM pg_constraint "
        "WHERE contype IN ('f', 'u', 'x') "
        # A new reference is looked up among those that are there.
        "AND conname !~ '_reference$' "
        "AND (conrelid::regclass::text = ANY(%(tables)s) OR confrelid::regclass::text = ANY(%(tables)s)) "
        "ORDER BY contype <> 'f'",
        {"tables": list(tables)},
    ).fetchall()
    for table, name, definition, kind in keys:
        connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        # Foreign keys come last: they need the unique keys they point to.
        made.insert(0 if kind != "f" else len(made), f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(%s) "
        "AND indexname !~ '^pk_|_reference$'",
        [list(tables)],
    ).fetchall()
    for name, definition in indexes:
        connection.execute(f'DROP INDEX "{name}"')
        # A partitioned table's index is made on its partitions too.
        made.insert(0, definition.replace(" ON ONLY ", " ON "))

    def restore() -> None:
        connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
        for statement in made:
            connection.execute(statement.encode())

    return restore


def _copy(connection: psycopg.Connection, table: str, columns: str, rows: Iterator[str]) -> None:
    options = " WITH (FREEZE)" if table in _FROZEN else ""
    command = f"COPY {table} ({columns}) FROM STDIN{options}".encode()
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        chunk: list[str] = []
        for row in rows:
            chunk.append(row)
            if len(chunk) == _CHUNK:
                copy.write("".join(chunk))
                chunk.clear()
        copy.write("".join(chunk))


_PERSON = (
    "person_id, created_at, updated_at, first_name, last_name, family_key, given_key, email, email_key, "
    "phone, phone_e164, phone_valid, date_of_birth, gender, country, language"
)


def _persons(count: int, at: Callable[[int], str]) -> Iterator[str]:
    for n in range(1, count + 1):
        first, last = _name(n)
        low_first, low_last, when = first.lower(), last.lower(), at(n)
        email = f"{low_first}.{low_last}.{n}@example.org"
        phone = f"6{10_000_000 + n:08d}"
        family_key, given_key = alike_keys(Name(first, last))
        yield (
            f"{person_id(n)}\t{when}\t{when}\t{first}\t{last}\t{family_key}\t{given_key}\t"
            f"{email}\t{email}\t"
            f"0{phone}\t+31{phone}\tt\t{1930 + n * 13 % 90}-{1 + n * 7 % 12:02d}-{1 + n * 11 % 28:02d}\t"
            f"{('female', 'male')[n & 1]}\tNL\tnl\n"
        )


_PATIENT = (
    "patient_id, created_at, updated_at, person_id, medical_condition_id, first_contact_date, status, status_reason, "
    "owner_id, deleted_at, deleted_by"
)


def _patients(
    count: int, at: Callable[[int], str], chance: random.Random, conditions: list[str], owners: list[str]
) -> Iterator[str]:
    # A few conditions are common and most are rare, as they are.
    of_condition = chance.choices(conditions, [1 / (1 + n) for n in range(len(conditions))], k=10_007)
    of_status = chance.choices([s for s, _ in STATUSES], [w for _, w in STATUSES], k=10_009)
    for n in range(1, count + 1):
        when, status = at(n), of_status[n % 10_009]
        reason = "on holiday" if status in {"paused", "withdrawn"} else "\\N"
        owner = owners[n * 31 % OWNERS] if n % 4 else "\\N"
        deleted = f"{when}\t{owners[0]}" if n > living(count) else "\\N\t\\N"
        yield (
            f"{patient_id(n)}\t{when}\t{when}\t{person_id(n)}\t{of_condition[n % 10_007]}\t{when[:10]}\t{status}\t"
            f"{reason}\t{owner}\t{deleted}\n"
        )


_ROLE = "created_at, updated_at, person_id, contact_type_id, valid_from"


def _roles(count: int, at: Callable[[int], str], role: str) -> Iterator[str]:
    for n in range(1, count + 1):
        when = at(n)
        yield f"{when}\t{when}\t{person_id(n)}\t{role}\t{when}\n"


_CALL = (
    "created_at, updated_at, person_id, patient_id, call_date, status, no_show, call_duration_minutes, outcome, "
    "adverse_event_heard, notes"
)


def _calls(count: int, at: Callable[[int], str], chance: random.Random) -> Iterator[str]:
    of_patient = [chance.randint(1, count) for _ in range(50_021)]
    for n in range(1, count + 1):
        # Some have many calls, most have few.
        patient = of_patient[n % 50_021] if n % 3 == 0 else n
        when, missed = at(n), n % 10 == 0
        asked = "\\N" if n % 100 == 1 else "f"
        outcome = "no_show\tt\t\\N\t\\N\t\\N" if missed else f"completed\tf\t{5 + n % 40}\tinformation_given\t{asked}"
        who = f"{person_id(patient)}\t{patient_id(patient)}"
        yield f"{when}\t{when}\t{who}\t{when}\t{outcome}\tAsked about the trial.\n"


_LEAD = "created_at, updated_at, person_id, medical_condition_id, source, status, closed_at, owner_id"


def _leads(
    count: int, at: Callable[[int], str], chance: random.Random, conditions: list[str], owners: list[str]
) -> Iterator[str]:
    of_status = chance.choices([s for s, _ in LEAD_STATUSES], [w for _, w in LEAD_STATUSES], k=10_009)
    for n in range(1, count + 1, PEOPLE_PER_LEAD):
        when, status = at(n), of_status[n % 10_009]
        closed = when if status in {"unreachable", "withdrawn"} else "\\N"
        yield (
            f"{when}\t{when}\t{person_id(n)}\t{conditions[n % len(conditions)]}\tlanding_page\t{status}\t{closed}\t"
            f"{owners[n * 31 % OWNERS]}\n"
        )


_INTAKE = "created_at, source, payload, person_id, match_outcome, match_reasons"


def _submissions(count: int, at: Callable[[int], str]) -> Iterator[str]:
    for n in range(1, count + 1, PEOPLE_PER_LEAD):
        first, last = _name(n)
        payload = f'{{"person": {{"first_name": "{first}", "last_name": "{last}"}}}}'
        yield f"{at(n)}\tapi\t{payload}\t{person_id(n)}\tnew_person\t{{email_unknown}}\n"


_AUDIT = "actor_id, action, record_type, record_id, person_ids, outcome, request_id"


def _audit(count: int, chance: random.Random, owners: list[str]) -> Iterator[str]:
    for n in range(1, count + 1):
        seen = chance.randint(1, count)
        yield (
            f"{owners[n % OWNERS]}\tget_patient\tpatient\t{patient_id(seen)}\t{{{person_id(seen)}}}\tdone\t{n:024x}\n"
        )


def drop_database(connection: psycopg.Connection, name: str) -> None:
    """Drop a database of ours, no matter who is still connected to it."""
    # Not WITH (FORCE): that asks for the right to end autovacuum too, which a plain DROP ends by itself.
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'",
        [name],
    )
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def create_database(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
