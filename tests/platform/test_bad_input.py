"""
Bad bodies at every POST and PUT of the description: a problem that names the field, never the value, nothing stored.

The corpus is made from the description, so a new route is in it by itself. The whole of it is some thousand requests;
every route gets every bad body, and of the bad fields a fixed sample is sent.
"""

import json
import random
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import pytest
from sqlalchemy import func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import RoleGrant
from app.access.policy import PERMISSIONS, Role
from app.access.queries import find_account_by_name
from app.access.service import command_actor, create_api_key
from app.audit.models import AuditEvent
from app.main import create_app
from app.platform import clock
from app.platform.db import Base
from app.platform.settings import Settings
from tests.conftest import AsRole

CANARY = "cAnArY-8c1f"
NOWHERE = "01970000-0000-7000-8000-000000000000"
FIELDS_SENT = 1_000
CPU_SECONDS = 5
TEN_MEGABYTES = b'"' + b"x" * 10_000_000 + b'"'
JSON = {"Content-Type": "application/json"}
DESCRIPTION: dict[str, Any] = create_app(Settings()).openapi()


class Route(NamedTuple):
    method: str
    path: str
    shapes: tuple[dict[str, Any], ...]
    """The models that the body may be: one, or two of a union."""


class Sent(NamedTuple):
    route: Route
    what: str
    body: bytes
    headers: dict[str, str] = JSON
    statuses: frozenset[int] = frozenset({422})
    field: str | None = None
    """The field that the answer has to name."""
    code: str | None = None


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    schema = _resolved(schema)
    options = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return [_resolved(option) for option in options]


def _routes() -> Iterator[Route]:
    for path, operations in DESCRIPTION["paths"].items():
        for method in ("post", "put"):
            body = operations.get(method, {}).get("requestBody")
            # A form with a file has tests of its own (tests/documents).
            if body is None or "application/json" not in body["content"]:
                continue
            filled = path
            for parameter in operations[method].get("parameters", ()):
                if parameter["in"] == "path":
                    value = parameter["schema"].get("enum", [NOWHERE])[0]
                    filled = filled.replace(f"{{{parameter['name']}}}", value)
            shapes = _alternatives(body["content"]["application/json"]["schema"])
            yield Route(method.upper(), filled, tuple(shapes))


ROUTES = list(_routes())


def _bad_bodies(route: Route) -> Iterator[Sent]:
    invalid = {
        "half an object": b"{",
        "no value": b'{"' + CANARY.encode() + b'":}',
        "a trailing comma": b'{"a": 1,}',
        "two documents": b"{}{}",
        "a comment": b"{} // " + CANARY.encode(),
        "not UTF-8": b'{"a": "\xff\xfe"}',
        "UTF-16": '{"a": 1}'.encode("utf-16"),
        "NaN": b'{"a": NaN}',
        "infinity": b'{"a": Infinity}',
        "a lone surrogate": b'{"a": "\\ud800"}',
        "nested too deep": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "a raw NUL": b'{"a": "\x00"}',
        "blanks": b"   ",
    }
    for what, body in invalid.items():
        yield Sent(route, what, body, code="invalid_json")
    for what, value in {"an array": [], "text": CANARY, "a number": 5, "true": True, "null": None}.items():
        yield Sent(route, what, json.dumps(value).encode())
    yield Sent(route, "an array of objects", json.dumps([{"a": CANARY}]).encode())
    yield Sent(route, "a deep array", b"[" * 400 + b"]" * 400)
    yield Sent(route, "a field twice", b'{"a": 1, "a": "' + CANARY.encode() + b'"}', code="duplicate_field")
    yield Sent(route, "a field twice inside", b'{"a": [{"b": ":", "\\u0062": 2}]}', code="duplicate_field")
    yield Sent(route, "an unknown field", json.dumps({CANARY: CANARY}).encode(), field="*")
    yield Sent(route, "a field of all objects", json.dumps({"__proto__": {"a": CANARY}}).encode(), field="*")
    yield Sent(route, "10 MB", TEN_MEGABYTES, statuses=frozenset({413}))
    unsupported = {"text/plain", "application/x-www-form-urlencoded", "application/xml", "application/json-patch+json"}
    for media_type in sorted(unsupported):
        headers = {"Content-Type": media_type}
        yield Sent(route, media_type, b"{}", headers, frozenset({415}))
    yield Sent(route, "no media type", b"{}", {}, frozenset({415}))
    yield Sent(route, "gzip", b"\x1f\x8b", {**JSON, "Content-Encoding": "gzip"}, frozenset({415}))


_LONG = CANARY * 4_000


def _bad_values(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Values that none of the alternatives of a field takes."""
    options = _alternatives(schema)
    kinds = {option.get("type") for option in options} | {"enum" for option in options if "enum" in option}
    formats = {option.get("format") for option in options}
    if "object" not in kinds:
        yield "an object", {CANARY: CANARY}
        yield "a deep object", json.loads('{"a":' * 200 + "1" + "}" * 200)
    if "array" not in kinds:
        yield "an array", [CANARY]
    if "boolean" not in kinds:
        yield "a truth value", True
    if not kinds & {"integer", "number"}:
        yield "a number", 8_151_623
    else:
        yield "digits as text", "8151623"
        yield "a huge number", 10**30
        yield "a negative number", -(10**12)
        yield "a fraction", 1.5
    if "string" not in kinds:
        yield "text", CANARY
        return
    yield "an empty text", ""
    yield "blanks", "   "
    yield "NUL", f"{CANARY}\x00{CANARY}"
    yield "an escape character", f"{CANARY}\x1b[0m"
    yield "a reversing mark", f"{CANARY}\u202e{CANARY}"
    yield "much text", _LONG
    if formats & {"date", "date-time"}:
        for day in ("0001-01-01", "1752-12-31", "2026-02-30", "10000-01-01", "-2026-01-01", "2026-1-1", "01/02/2026"):
            yield f"the {day}", day if "date" in formats else f"{day}T00:00:00Z"
        yield "a local time", "2026-03-14T09:30:00"
        yield "a 25th hour", "2026-03-14T25:00:00Z"
        yield "seconds since 1970", "1773480600"
        yield "other digits", "\u0662\u0660\u0662\u0666-03-14"
    if "uuid" in formats:
        yield "no UUID", CANARY
        yield "a UUID in braces", f"{{{NOWHERE}}}"
    if "enum" in kinds:
        yield "an unknown word", CANARY


def _sample(schema: dict[str, Any]) -> Any:
    """A value of this kind, so that the right alternative of a union is meant."""
    option = _alternatives(schema)[0]
    if "enum" in option or "const" in option:
        return option.get("enum", [option.get("const")])[0]
    if option.get("type") == "object":
        return _required(option)
    formatted = {"uuid": NOWHERE, "date": "2026-03-14", "date-time": "2026-03-14T09:30:00Z", "email": "a@example.org"}
    plain = {"string": "x", "integer": 1, "boolean": True, "array": []}
    return formatted.get(option.get("format", "")) or plain.get(option.get("type", ""))


def _required(shape: dict[str, Any]) -> dict[str, Any]:
    return {name: _sample(shape["properties"][name]) for name in shape.get("required", ())}


def _places(shape: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every field and every field of nested objects, with its schema."""
    for name, schema in shape.get("properties", {}).items():
        yield (*before, name), schema
        for option in _alternatives(schema):
            if option.get("type") == "object" and len(before) < 2:
                yield from _places(option, (*before, name))


def _bad_fields(route: Route) -> Iterator[Sent]:
    for shape in route.shapes:
        for place, schema in _places(shape):
            for what, value in _bad_values(schema):
                body = _required(shape)
                inside = body
                for name in place[:-1]:
                    inside = inside.setdefault(name, {})
                inside[place[-1]] = value
                yield Sent(route, f"{'.'.join(place)}: {what}", json.dumps(body).encode(), field=place[0])


def _corpus() -> list[Sent]:
    fields = [sent for route in ROUTES for sent in _bad_fields(route)]
    bodies = [sent for route in ROUTES for sent in _bad_bodies(route)]
    return bodies + random.Random(1).sample(fields, FIELDS_SENT)  # noqa: S311 - the same ones each time


def _faults(sent: Sent, answer: httpx.Response) -> Iterator[str]:
    if answer.status_code not in sent.statuses:
        yield f"is answered by {answer.status_code}"
    if answer.headers.get("content-type") != "application/problem+json":
        yield f"is answered by {answer.headers.get('content-type')}"
        return
    problem = answer.json()
    if not problem.get("code") or problem.get("status") != answer.status_code:
        yield "has no code or another status in the body"
    if CANARY in answer.text or "8151623" in answer.text:
        yield "is repeated in the answer"
    if sent.code not in {None, problem["code"]}:
        yield f"has the code {problem['code']}"
    named = {error["field"] for error in problem.get("errors", ())}
    if sent.field is not None and not any(name == sent.field or name.startswith(f"{sent.field}.") for name in named):
        yield f"names {sorted(named)} and not {sent.field}"


@pytest.fixture
async def everything(session: AsyncSession, as_role: AsRole) -> dict[str, str]:
    """The headers of a key whose account has every role, and whose scopes name all that there is."""
    await as_role("navigator")
    account = await find_account_by_name(session, "Test navigator")
    assert account is not None
    session.add_all(
        RoleGrant(user_account_id=account.user_account_id, role=role.value)
        for role in Role
        if role is not Role.NAVIGATOR
    )
    key = await create_api_key(
        session,
        command_actor(),
        account_id=account.user_account_id,
        name="everything",
        scopes=list(PERMISSIONS),
        expires_at=clock.now() + timedelta(hours=1),
    )
    await session.commit()
    return {"Authorization": f"Bearer {key}"}


async def _rows(session: AsyncSession) -> dict[str, int]:
    """The number of rows of every table but the trail."""
    counted = [
        select(literal(table.name), func.count()).select_from(table)
        for table in Base.metadata.sorted_tables
        if table is not AuditEvent.__table__
    ]
    return {row[0]: row[1] for row in (await session.execute(union_all(*counted))).all()}


async def test_bad_bodies_are_refused_by_name_and_store_nothing(
    client: httpx.AsyncClient, session: AsyncSession, everything: dict[str, str]
) -> None:
    before = await _rows(session)
    events = await session.scalar(select(func.count()).select_from(AuditEvent)) or 0
    corpus = _corpus()
    wrong = []
    for sent in corpus:
        started = time.process_time()
        answer = await client.request(
            sent.route.method, sent.route.path, content=sent.body, headers={**everything, **sent.headers}
        )
        taken = time.process_time() - started
        faults = list(_faults(sent, answer))
        if taken > CPU_SECONDS:
            faults.append(f"takes {taken:.1f} s of CPU")
        if faults:
            wrong.append((sent.route.method, sent.route.path, sent.what, faults, answer.text[-300:]))
    assert wrong == [], f"{len(wrong)} of {len(corpus)}"
    assert await _rows(session) == before
    assert await session.scalar(select(func.count()).select_from(AuditEvent)) == events + len(corpus)


async def test_ids_of_nothing_are_refused_and_store_nothing(
    client: httpx.AsyncClient, session: AsyncSession, everything: dict[str, str]
) -> None:
    before = await _rows(session)
    wrong = []
    for route in ROUTES:
        for shape in route.shapes:
            body = {
                **_required(shape),
                **{name: NOWHERE for name, schema in shape["properties"].items() if name.endswith("_id") and any(
                    option.get("format") == "uuid" for option in _alternatives(schema))},
            }  # fmt: skip
            if NOWHERE not in body.values() and NOWHERE not in route.path:
                continue
            answer = await client.request(route.method, route.path, json=body, headers=everything)
            if answer.status_code not in {404, 409, 422} or not answer.json()["code"]:
                wrong.append((route.method, route.path, body, answer.status_code, answer.text[-300:]))
    assert wrong == []
    assert await _rows(session) == before
