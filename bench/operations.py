"""What is asked: six operations, each as an HTTP request and as pgbench's script of the same statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
import psycopg

from app.access.keys import parse_key
from app.calls import fast_path as calls
from app.calls.schemas import CallForPatient
from app.patients import fast_path as patients
from app.patients.schemas import PatientCreate, PatientFilter
from app.platform.fast_path import Statement
from app.platform.paging import encode_cursor
from bench.data import PATIENT_ID_SQL, living, patient_id
from bench.pgbench import Script, script
from bench.recorded import Sent

STATUS = "active"
SEARCHED = ("anna ber", "jan vis", "maria ste", "sofia wald", "lucas kam", "noor haan", "pieter dij", "yara mol")
"""Beginnings of names: what somebody types who looks for a caller."""
COMMON_CONDITIONS = 8


@dataclass(frozen=True)
class Operation:
    """
    One thing that users do. `template` is the HTTP request for bench.load, `scripts` what pgbench sends for it.

    `expected` is the status of a right answer. `has_fast_path` tells whether the CRM has a fast path for it.
    """

    name: str
    template: str
    scripts: Sequence[Script]
    expected: str
    choices: Sequence[str] = ()
    has_fast_path: bool = True


def operations(
    connection: psycopg.Connection, *, key: str, size: int, recorded: Mapping[str, Sequence[Sequence[Sent]]]
) -> list[Operation]:
    """The operations on a filled database of `size` patients. `recorded` are the statements of a search."""
    conditions = [
        str(row[0])
        for row in connection.execute(
            "SELECT medical_condition_id FROM patient GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT %s",
            [COMMON_CONDITIONS],
        )
    ]
    return [
        _get(key, size),
        _list(key, conditions),
        _deep_cursor(key, conditions, connection, size),
        create(key, conditions[0]),
        _log_call(key, size),
        Operation(
            "name search",
            _request("GET", "/api/v1/patients?{choice}", key),
            [_transaction(sent) for sent in recorded["search"]],
            "200",
            [urlencode({"q": typed}) for typed in SEARCHED],
            has_fast_path=False,
        ),
    ]


def _request(method: str, target: str, key: str, body: str | None = None) -> str:
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    if body is None:
        return f"{head}\r\n"
    # What is drawn for a body has a fixed width: see bench.load.
    length = len(body.replace("{number}", "0" * 12).replace("{unique}", "0" * 16).encode())
    return f"{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"


def _who(key: str) -> dict[str, str]:
    parsed = parse_key(key)
    if parsed is None:
        raise ValueError("not a key")
    # pgbench sends variables as text; a request id is as long as one of ours.
    return {"key_prefix": parsed.prefix, "key_hash": f"\\x{parsed.secret_sha256.hex()}", "request_id": "b" * 24}


def _scripts(
    statement: Statement, key: str, *, expressions: Mapping[str, str] | None = None, draw: str = "", **constants: Any
) -> Script:
    """`statement` with `expressions` of pgbench's variables for what varies and `constants` for what does not."""
    variables = _who(key) | {name: _text(value) for name, value in constants.items() if value is not None}
    given = {name: f":{name}" for name in variables} | {
        name: "NULL" for name, value in constants.items() if value is None
    }
    given |= expressions or {}
    return script(statement.sql, [given[name] for name in statement.names], draw=draw, variables=variables)


def _text(value: Any) -> str:
    """A value as PostgreSQL reads it from text."""
    return f"{{{','.join(value)}}}" if isinstance(value, list) else str(value)


def _drawn(size: int) -> str:
    return _random(living(size))


def _random(most: int) -> str:
    return f"\\set s0_n random(1, {most})"


def _get(key: str, size: int) -> Operation:
    made = _scripts(
        patients.GET_PATIENT,
        key,
        # The statement serves several askers; pgbench is always one.
        expressions={
            **{name: f"ARRAY[:{name}]" for name in ("key_prefix", "key_hash", "request_id")},
            "patient_id": f"ARRAY[{PATIENT_ID_SQL.format(number=':n::bigint')}]",
        },
        draw=_drawn(size),
    )
    return Operation("get", _request("GET", f"/api/v1/patients/{_ANY_PATIENT}", key), [made], "200")


_ANY_PATIENT = patient_id(0)[:-12] + "{number}"


def _list(key: str, conditions: Sequence[str]) -> Operation:
    return Operation(
        "list",
        _request("GET", "/api/v1/patients?{choice}", key),
        [_page(key, condition, None) for condition in conditions],
        "200",
        [_filter(condition) for condition in conditions],
    )


def _deep_cursor(key: str, conditions: Sequence[str], connection: psycopg.Connection, size: int) -> Operation:
    middle = connection.execute(
        "SELECT created_at FROM patient WHERE patient_id = %s", [patient_id(size // 2)]
    ).fetchone()
    if middle is None:
        raise RuntimeError("the database is not filled")
    place = (middle[0].astimezone(UTC), UUID(patient_id(size // 2)))
    targets = []
    for condition in conditions:
        query = PatientFilter.model_validate({"status": STATUS, "medical_condition_id": condition})
        targets.append(f"{_filter(condition)}&cursor={encode_cursor(query.fingerprint(), place)}")
    return Operation(
        "deep cursor",
        _request("GET", "/api/v1/patients?{choice}", key),
        [_page(key, condition, place) for condition in conditions],
        "200",
        targets,
    )


def _filter(condition: str) -> str:
    return urlencode({"status": STATUS, "medical_condition_id": condition})


def _page(key: str, condition: str, after: tuple[datetime, UUID] | None) -> Script:
    query = PatientFilter.model_validate({"status": STATUS, "medical_condition_id": condition})
    statement, values = patients.page_of(query, after)
    constants = {name: values[name] for name in statement.names if name in values}
    return _scripts(statement, key, **constants)


_NEW_PERSON = {
    "first_name": "Benchmark",
    "last_name": "Newcomer",
    "email": "newcomer.{unique}@example.org",
    "phone": "+31 6 12345678",
    "date_of_birth": "1980-05-17",
    "country": "NL",
    "language": "nl",
}


def create(key: str, condition: str) -> Operation:
    """A new patient with an address of their own."""
    person = {name: value for name, value in _NEW_PERSON.items() if name not in {"phone", "date_of_birth"}}
    body = orjson.dumps(
        {"person": person, "medical_condition_id": condition, "first_contact_date": "2026-04-01"}
    ).decode()
    reference = "'P-' || lpad(:n::bigint::text, 16, '0')"
    address = "'newcomer.' || lpad(:n::bigint::text, 16, '0') || '@example.org'"
    new = PatientCreate.model_validate_json(body.replace("{unique}", "0" * 16))
    made = _scripts(
        patients.CREATE_PATIENT,
        key,
        expressions={
            "person_email": address,
            "person_email_key": address,
            "person_reference": reference,
            "now": "now()",
        },
        draw=_random(9_000_000_000_000_000),
        **patients.values_of(new, status="active", payload=body.replace("{unique}", "0" * 16)),
    )
    return Operation("create", _request("POST", "/api/v1/patients", key, body), [made], "201")


def _log_call(key: str, size: int) -> Operation:
    call = {
        "patient_id": _ANY_PATIENT,
        "call_date": "2026-04-01T09:30:00Z",
        "call_duration_minutes": 20,
        "outcome": "information_given",
        "adverse_event_heard": False,
        "notes": "Asked about the trial and the travel costs.",
    }
    body = orjson.dumps(call).decode()
    new = CallForPatient.model_validate(call | {"patient_id": patient_id(0)})
    made = _scripts(
        calls.CREATE_CALL,
        key,
        expressions={"patient_id": PATIENT_ID_SQL.format(number=":n::bigint")},
        draw=_drawn(size),
        **calls.values_of(new, status="completed"),
    )
    return Operation("log a call", _request("POST", "/api/v1/call-history", key, body), [made], "201")


def _transaction(sent: Sequence[Sent]) -> Script:
    """The statements of one request by the ordinary path, as it sent them, in one transaction."""
    variables: dict[str, str] = {}
    texts = []
    for number, (text, values) in enumerate(sent):
        arguments = []
        for place, value in enumerate(values):
            if value is None:
                arguments.append("NULL")
                continue
            name = f"v{number}_{place}"
            variables[name] = value
            arguments.append(f":{name}")
        texts.append(script(text, arguments, variables={}).text)
    return Script("BEGIN;\n" + "".join(texts) + "COMMIT;\n", variables)
