"""Both paths of a fast route give the same bytes, headers and rows; whatever is not plain goes the ordinary path."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import ApiKey
from app.audit.models import AuditEvent
from app.patients import fast_path
from app.patients.models import Patient
from app.patients.schemas import PatientCreated, PatientRead
from app.people.models import DuplicateCandidate, IntakeSubmission, Person, PersonContactType
from app.platform import clock
from app.platform.paging import Page
from tests.both_paths import BothPaths, kept_headers, shape, without_made
from tests.conftest import AsRole

URL = "/api/v1/patients"


@pytest.fixture
async def navigator(as_role: AsRole, paths: BothPaths) -> dict[str, str]:
    headers = await as_role("navigator")
    await paths.greet(headers)
    return headers


@pytest.fixture
async def conditions(paths: BothPaths, navigator: dict[str, str]) -> list[str]:
    found = await paths.ordinary.get("/api/v1/medical-conditions", params={"limit": 2}, headers=navigator)
    return [str(item["medical_condition_id"]) for item in found.json()["items"]]


def _body(number: int, condition: str, **more: Any) -> dict[str, Any]:
    person = {
        "first_name": "Zoë",
        "last_name": f"Çelik {chr(ord('a') + number)}",
        "email": f"Zoe.Celik{number}+tag@Example.org",
        "phone": f"06 1234 56{number:02d}",
        "country": "NL",
        "date_of_birth": f"1980-02-{number + 1:02d}",
        "do_not_contact_channels": ["post", "email"],
    }
    return {"person": person | more.pop("person", {}), "medical_condition_id": condition, **more}


async def _patients(paths: BothPaths, headers: dict[str, str], conditions: list[str], count: int) -> list[str]:
    made = []
    for number in range(count):
        status = ({}, {"status": "paused", "status_reason": "on\nholiday"}, {"status": "inactive"})[number % 3]
        body = _body(number, conditions[number % 2], **status)
        made.append((await paths.ordinary.post(URL, json=body, headers=headers)).json()["patient_id"])
    return made


async def test_get_gives_the_bytes_headers_and_event_of_the_ordinary_path(
    paths: BothPaths, navigator: dict[str, str], conditions: list[str]
) -> None:
    for patient_id in await _patients(paths, navigator, conditions, 3):
        by_fast, sent = await paths.sent("GET", f"{URL}/{patient_id}", headers=navigator)
        by_ordinary = await paths.ordinary.get(f"{URL}/{patient_id}", headers=navigator)

        assert sent == [fast_path.GET_PATIENT]
        assert by_fast.content == by_ordinary.content
        assert kept_headers(by_fast) == kept_headers(by_ordinary)
        PatientRead.model_validate_json(by_fast.content, strict=True)
        ordinary_event, fast_event = await paths.events(2)
        assert fast_event == ordinary_event
        assert fast_event["action"] == "get_patient"


@pytest.mark.parametrize("limit", [1, 2, 50, 51, 200])
@pytest.mark.parametrize("status", [None, "active", "paused", "inactive", "closed"])
async def test_list_gives_the_bytes_and_event_of_the_ordinary_path(
    paths: BothPaths, navigator: dict[str, str], conditions: list[str], status: str | None, limit: int
) -> None:
    await _patients(paths, navigator, conditions, 9)
    params = {"limit": str(limit)} | ({"status": status} if status else {})
    for further in ({}, {"medical_condition_id": conditions[0]}, {"owner_id": str(uuid4())}):
        cursor: dict[str, str] = {}
        for _ in range(9):
            asked = params | further | cursor
            by_fast, sent = await paths.sent("GET", URL, params=asked, headers=navigator)
            by_ordinary = await paths.ordinary.get(URL, params=asked, headers=navigator)

            assert by_fast.status_code == 200
            assert len(sent) == 1
            assert by_fast.content == by_ordinary.content
            assert kept_headers(by_fast) == kept_headers(by_ordinary)
            ordinary_event, fast_event = await paths.events(2)
            assert fast_event == ordinary_event
            page = Page[PatientRead].model_validate_json(by_fast.content, strict=True)
            if page.next_cursor is None:
                break
            cursor = {"cursor": page.next_cursor}


async def test_create_leaves_the_rows_of_the_ordinary_path_and_answers_alike(
    paths: BothPaths, navigator: dict[str, str], conditions: list[str]
) -> None:
    more: list[dict[str, Any]] = [
        {},
        {"status": "paused", "status_reason": "abroad", "first_contact_date": "2026-01-31", "source": "referral"},
        {"person": {"phone": None, "date_of_birth": None, "language": "nl", "time_zone": "Europe/Amsterdam"}},
        {"person": {"phone": "no number", "middle_name": "van", "gender": "female"}, "consent_text_version": "v1"},
    ]
    for number, fields in enumerate(more):
        by_fast, sent = await paths.sent(
            "POST", URL, json=_body(number, conditions[0], **_copied(fields)), headers=navigator
        )
        by_ordinary = await paths.ordinary.post(
            URL, json=_body(number + 10, conditions[0], **_copied(fields)), headers=navigator
        )

        assert sent == [fast_path.CREATE_PATIENT]
        assert (by_fast.status_code, by_ordinary.status_code) == (201, 201)
        PatientCreated.model_validate_json(by_fast.content, strict=True)
        assert _unnamed(shape(by_fast.json())) == _unnamed(shape(by_ordinary.json()))
        assert list(by_fast.json()) == list(by_ordinary.json())
        assert by_fast.headers["location"] == f"{URL}/{by_fast.json()['patient_id']}"
        assert by_fast.headers["etag"] == by_ordinary.headers["etag"]
        for table in (Person, Patient, PersonContactType, IntakeSubmission):
            second, first = await paths.newest(table, 2)
            assert _unnamed(without_made(first)) == _unnamed(without_made(second)), table
        submission = (await paths.newest(IntakeSubmission, 2))[1]
        assert submission["payload"] == _body(number, conditions[0], **_copied(fields))
        second_event, first_event = (without_made(row) for row in await paths.newest(AuditEvent, 2))
        assert first_event == second_event
        assert (await paths.ordinary.get(by_fast.headers["location"], headers=navigator)).status_code == 200


def _copied(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: dict(value) if isinstance(value, dict) else value for name, value in fields.items()}


def _unnamed(document: Any) -> Any:
    """Without what the two requests said differently, that two people may be made."""
    said = {
        "last_name",
        "family_key",
        "given_key",
        "email",
        "email_key",
        "phone",
        "phone_e164",
        "date_of_birth",
        "payload",
    }
    if isinstance(document, dict):
        return {name: _unnamed(value) for name, value in document.items() if name not in said}
    return document


@pytest.mark.parametrize(
    "person",
    [
        {"email": "ZOE.CELIK0@example.org"},
        {"email": "other@example.org", "phone": "0031 6 1234 5600"},
        {"email": "other@example.org", "last_name": "Celik A", "date_of_birth": "1980-02-01"},
        {"email": None},
    ],
    ids=["e-mail known", "phone known", "name and birth date known", "no e-mail"],
)
async def test_anyone_who_may_be_known_is_identified_by_the_ordinary_path(
    paths: BothPaths, navigator: dict[str, str], conditions: list[str], person: dict[str, Any], session: AsyncSession
) -> None:
    await _patients(paths, navigator, conditions, 1)

    answer, _ = await paths.sent("POST", URL, json=_body(5, conditions[0], person=person), headers=navigator)

    assert answer.status_code in {200, 201, 409}
    events = await session.scalar(
        select(func.count()).select_from(AuditEvent).where(AuditEvent.request_id == answer.headers["x-request-id"])
    )
    assert events == 1
    if person["email"] == "other@example.org":
        assert answer.json()["match"]["probable_duplicates"]
        assert await paths.newest(DuplicateCandidate)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"medical_condition_id": str(uuid4())}, 422),
        ({"owner_id": str(uuid4())}, 422),
        ({"status": "withdrawn"}, 422),
        ({"status": "erased"}, 409),
        ({"unknown": 1}, 422),
        ({"person": {"email": "no address"}}, 422),
    ],
)
async def test_what_breaks_a_rule_is_answered_as_by_the_ordinary_path_and_leaves_nothing(
    paths: BothPaths,
    navigator: dict[str, str],
    conditions: list[str],
    body: dict[str, Any],
    status: int,
    session: AsyncSession,
) -> None:
    before = await session.scalar(select(func.count()).select_from(Person))
    said = {"medical_condition_id": conditions[0], **_copied(body)}
    request: dict[str, Any] = {"json": _body(3, said.pop("medical_condition_id"), **said), "headers": navigator}

    by_fast = await paths.fast.post(URL, **request)
    by_ordinary = await paths.ordinary.post(URL, **request)

    assert (by_fast.status_code, by_ordinary.status_code) == (status, status)
    assert by_fast.json() | {"request_id": ""} == by_ordinary.json() | {"request_id": ""}
    assert await session.scalar(select(func.count()).select_from(Person)) == before


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"q": "zoe"}, 200),
        ({"created_from": "2020-01-01T00:00:00Z"}, 200),
        ({"status": "nonsense"}, 422),
        ({"limit": "0"}, 422),
        ({"cursor": "nonsense"}, 422),
        ({"unknown": "x"}, 422),
        ({"include_deleted": "true"}, 403),
    ],
)
async def test_unusual_list_goes_the_ordinary_path(
    paths: BothPaths, navigator: dict[str, str], params: dict[str, str], status: int
) -> None:
    answer, sent = await paths.sent("GET", URL, params=params, headers=navigator)

    assert (answer.status_code, sent) == (status, [])


@pytest.mark.parametrize("role", ["auditor", "privacy_officer"])
async def test_who_sees_people_masked_gets_them_masked(
    paths: BothPaths, as_role: AsRole, navigator: dict[str, str], conditions: list[str], role: str
) -> None:
    (patient_id,) = await _patients(paths, navigator, conditions, 1)
    headers = await as_role(role)
    await paths.greet(headers)

    answer = await paths.fast.get(f"{URL}/{patient_id}", headers=headers)
    page = await paths.fast.get(URL, headers=headers)

    assert answer.json()["person"]["last_name"] == "•••"
    assert all(item["person"]["last_name"] == "•••" for item in page.json()["items"])


async def test_who_may_not_is_refused_with_one_event(
    paths: BothPaths, as_role: AsRole, navigator: dict[str, str], conditions: list[str]
) -> None:
    (patient_id,) = await _patients(paths, navigator, conditions, 1)
    headers = await as_role("admin")
    await paths.greet(headers)

    answer = await paths.fast.get(f"{URL}/{patient_id}", headers=headers)

    assert answer.status_code == 403
    newest, before = await paths.newest(AuditEvent, 2)
    assert (newest["outcome"], newest["request_id"]) == ("refused", answer.headers["x-request-id"])
    assert before["request_id"] != newest["request_id"]


@pytest.mark.parametrize("how", ["revoked", "expired"])
async def test_dead_key_is_401_at_the_next_request(
    paths: BothPaths, navigator: dict[str, str], conditions: list[str], session: AsyncSession, how: str
) -> None:
    (patient_id,) = await _patients(paths, navigator, conditions, 1)
    assert (await paths.fast.get(f"{URL}/{patient_id}", headers=navigator)).status_code == 200
    column = {"revoked": ApiKey.revoked_at, "expired": ApiKey.expires_at}[how]
    await session.execute(update(ApiKey).values({column: clock.now() - timedelta(hours=1)}))
    await session.commit()

    for request in (("GET", f"{URL}/{patient_id}", None), ("GET", URL, None), ("POST", URL, _body(7, conditions[0]))):
        method, url, body = request
        assert (await paths.fast.request(method, url, json=body, headers=navigator)).status_code == 401


async def test_key_that_is_narrowed_to_other_permissions_is_refused(
    paths: BothPaths, navigator: dict[str, str], conditions: list[str], session: AsyncSession
) -> None:
    (patient_id,) = await _patients(paths, navigator, conditions, 1)
    await session.execute(update(ApiKey).values(scopes=["condition.read"]))
    await session.commit()

    assert (await paths.fast.get(f"{URL}/{patient_id}", headers=navigator)).status_code == 403


async def test_absent_and_deleted_patients_are_404(
    paths: BothPaths, navigator: dict[str, str], conditions: list[str]
) -> None:
    (patient_id,) = await _patients(paths, navigator, conditions, 1)
    await paths.ordinary.delete(f"{URL}/{patient_id}", headers=navigator)

    for absent in (patient_id, str(uuid4())):
        answer = await paths.fast.get(f"{URL}/{absent}", headers=navigator)
        assert (answer.status_code, answer.json()["code"]) == (404, "patient_not_found")
        assert (await paths.events())[0]["outcome"] == "absent"
    assert patient_id not in (await paths.fast.get(URL, headers=navigator)).text


@pytest.mark.parametrize("header", ["Idempotency-Key", "X-Access-Reason", "X-Change-Reason"])
async def test_request_with_more_to_keep_goes_the_ordinary_path(
    paths: BothPaths, navigator: dict[str, str], conditions: list[str], header: str
) -> None:
    headers = navigator | {header: "something"}

    answer, sent = await paths.sent("POST", URL, json=_body(1, conditions[0]), headers=headers)

    assert (answer.status_code, sent) == (201, [])


async def test_first_request_of_a_key_goes_the_ordinary_path(
    paths: BothPaths, as_role: AsRole, conditions: list[str]
) -> None:
    stranger = await as_role("navigator")

    first, sent_first = await paths.sent("POST", URL, json=_body(1, conditions[0]), headers=stranger)
    second, sent_second = await paths.sent("POST", URL, json=_body(2, conditions[0]), headers=stranger)

    assert (first.status_code, second.status_code) == (201, 201)
    assert (sent_first, sent_second) == ([], [fast_path.CREATE_PATIENT])


async def test_without_an_audit_event_there_is_no_answer(
    trail_takes: Callable[[str], None], paths: BothPaths, navigator: dict[str, str], conditions: list[str]
) -> None:
    trail_takes("action <> 'get_patient'")
    (patient_id,) = await _patients(paths, navigator, conditions, 1)

    answer = await paths.fast.get(f"{URL}/{patient_id}", headers=navigator)

    assert (answer.status_code, answer.json()["code"]) == (503, "audit_unavailable")


def test_every_statement_asks_who_and_leaves_an_event() -> None:
    statements = [fast_path.GET_PATIENT, fast_path.CREATE_PATIENT]
    statements += [
        fast_path.list_statement(states=states, by_condition=True, by_owner=True, is_first=first, size=50)
        for states in (0, 1, 3)
        for first in (True, False)
    ]
    for statement in statements:
        assert statement.sql.startswith(("WITH credentials AS", "WITH key_account AS"))
        assert statement.sql.count("INSERT INTO audit_event") == 1
