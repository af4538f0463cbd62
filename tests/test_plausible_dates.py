"""Dates that cannot be are refused, by both paths alike; what stood before and is not touched hinders no edit."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Date, DateTime
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import metadata
from app.patients.models import Patient
from app.platform import clock
from app.platform.db import edited_tables
from app.platform.plausibility import EVENT_DATES, Life, table
from tests import builders
from tests.both_paths import BothPaths
from tests.conftest import AsRole
from tests.printed import assert_printed

BORN = date(1980, 5, 17)
BEFORE, BEFORE_AT = "1980-05-16", "1980-05-15T09:30:00Z"
NO_EVENTS = {
    "created_at": "when a row was made",
    "ended_at": "by our clock",
    "updated_at": "when a row was changed",
    "deleted_at": "by our clock",
    "voided_at": "by our clock",
    "decided_at": "by our clock",
    **dict.fromkeys(("expires_at", "ended_at", "reviewed_at", "review_reminded_at"), "by our clock"),
    "expires_on": "until when a paper counts; of a gate it is listed",
    "closed_at": "of the move that closed it",
    "converted_at": "of the move that converted it",
    "status_changed_at": "of the move",
    "done_at": "by our clock",
    "due_by": "made from the dates of the task",
    "repeats_from": "a day on which the task was due",
    "occurs_at": "made from the dates of the call",
}


def in_(**ahead: float) -> Callable[[], str]:
    """An instant that far ahead of the moment at which it is asked for; a table of cases is read minutes before."""

    def then() -> str:
        return (clock.now() + timedelta(**ahead)).isoformat()

    return then


def day_in(days: int) -> Callable[[], str]:
    def then() -> str:
        return (clock.today() + timedelta(days=days)).isoformat()

    return then


def at_present(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value() if callable(value) else value for name, value in said.items()}


def codes(answer: httpx.Response) -> Sequence[tuple[str, str]]:
    return [(error["field"], error["code"]) for error in answer.json()["errors"]] if answer.status_code == 422 else []


@pytest.fixture
async def navigator(as_role: AsRole) -> dict[str, str]:
    return await as_role("navigator")


@pytest.fixture
async def patient(session: AsyncSession) -> Patient:
    made = await builders.a_patient(session, await builders.a_person(session, date_of_birth=BORN))
    await session.commit()
    return made


def test_page_shows_the_table() -> None:
    assert_printed("docs/PLAUSIBILITY.md", "event_dates", table())


def test_no_date_of_a_record_about_people_is_forgotten() -> None:
    listed = {(one.table, one.field) for one in EVENT_DATES}
    about_people = {one.table for one in EVENT_DATES}
    about_people |= {
        table.name
        for table in edited_tables()
        if {key.column.table.name for key in table.foreign_keys} & {"person", "patient"}
    }
    missing = [
        f"{name}.{column.name}"
        for name in sorted(about_people)
        for column in metadata.tables[name].c
        if isinstance(column.type, Date | DateTime)
        and column.name not in NO_EVENTS
        and (name, column.name) not in listed
    ]
    assert missing == []
    assert [one for one in EVENT_DATES if one.field not in metadata.tables[one.table].c] == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"call_date": in_(hours=1), "outcome": "reached"}, [("call_date", "in_the_future")]),
        ({"call_date": in_(hours=1), "status": "completed"}, [("call_date", "in_the_future")]),
        ({"booking_date": in_(days=1), "no_show": True}, [("booking_date", "in_the_future")]),
        ({"booking_date": in_(days=1), "status": "no_show"}, [("booking_date", "in_the_future")]),
        ({"booking_date": in_(days=1), "outcome": "voicemail"}, [("booking_date", "in_the_future")]),
        ({"booking_date": in_(days=1), "call_date": in_(minutes=-1), "outcome": "reached"}, []),
        ({"call_date": in_(minutes=4), "outcome": "reached"}, []),
        ({"booking_date": in_(days=1)}, []),
        ({"booking_date": in_(days=1), "status": "cancelled"}, []),
        ({"call_date": BEFORE_AT, "outcome": "reached"}, [("call_date", "before_birth")]),
        ({"booking_date": BEFORE_AT}, [("booking_date", "before_birth")]),
        ({"call_date": in_(days=-1), "reminder_date": BEFORE_AT}, [("reminder_date", "before_birth")]),
        ({"call_date": "1980-05-17T00:30:00Z", "outcome": "reached"}, []),
        ({"call_date": "1980-05-16T23:30:00Z", "outcome": "reached"}, []),
    ],
)
async def test_call_by_both_paths(
    paths: BothPaths, navigator: dict[str, str], patient: Patient, said: dict[str, Any], expected: list[Any]
) -> None:
    await paths.greet(navigator)
    body = {"patient_id": str(patient.patient_id), **at_present(said)}

    fast = await paths.fast.post("/api/v1/call-history", json=body, headers=navigator)
    # The second booking would overlap the first.
    ordinary = await paths.ordinary.post("/api/v1/call-history", json=body | {"allow_overlap": True}, headers=navigator)

    assert fast.status_code == ordinary.status_code == (422 if expected else 201), fast.text
    assert codes(fast) == codes(ordinary) == expected


@pytest.mark.parametrize(
    ("stands", "sent", "expected"),
    [
        ({"booking_date": in_(days=2)}, {"outcome": "reached"}, [("booking_date", "in_the_future")]),
        ({"booking_date": in_(days=2)}, {"no_show": True}, [("booking_date", "in_the_future")]),
        ({"booking_date": in_(days=2)}, {"outcome": "reached", "call_date": in_(minutes=-9)}, []),
        ({"booking_date": in_(days=2), "no_show": True, "status": "no_show"}, {"notes": "migrated so"}, []),
        (
            {"booking_date": in_(days=2), "no_show": True, "status": "no_show"},
            {"booking_date": in_(days=3)},
            [("booking_date", "in_the_future")],
        ),
        ({"booking_date": BEFORE_AT}, {"notes": "migrated so"}, []),
        ({"booking_date": in_(days=2)}, {"call_date": BEFORE_AT}, [("call_date", "before_birth")]),
    ],
)
async def test_corrected_call(
    session: AsyncSession,
    client: httpx.AsyncClient,
    navigator: dict[str, str],
    patient: Patient,
    stands: dict[str, Any],
    sent: dict[str, Any],
    expected: list[Any],
) -> None:
    values = {k: datetime.fromisoformat(v) if k.endswith("_date") else v for k, v in at_present(stands).items()}
    call = await builders.a_call(session, patient, **values)
    await session.commit()

    answer = await client.put(f"/api/v1/call-history/{call.call_id}", json=at_present(sent), headers=navigator)

    assert (answer.status_code, codes(answer)) == (422 if expected else 200, expected), answer.text


async def test_rebooking_lies_after_the_birth(
    session: AsyncSession, client: httpx.AsyncClient, navigator: dict[str, str], patient: Patient
) -> None:
    call = await builders.a_call(session, patient)
    await session.commit()
    place = f"/api/v1/call-history/{call.call_id}/reschedule"

    answer = await client.post(place, json={"booking_date": BEFORE_AT}, headers=navigator)

    assert codes(answer) == [("booking_date", "before_birth")]


PATIENT_DATES: list[tuple[dict[str, Any], list[Any]]] = [
    ({"first_contact_date": "1989-12-31"}, [("first_contact_date", "too_long_ago")]),
    ({"first_contact_date": "1990-01-01"}, []),
    ({"first_contact_date": day_in(0)}, []),
    ({"first_contact_date": day_in(1)}, [("first_contact_date", "in_the_future")]),
    ({"initial_consult_date": BEFORE}, [("initial_consult_date", "before_birth")]),
    ({"initial_consult_date": BORN.isoformat()}, []),
    ({"initial_consult_date": day_in(30)}, []),
]


@pytest.mark.parametrize(("said", "expected"), PATIENT_DATES)
async def test_patient_by_both_paths_and_when_changed(
    paths: BothPaths,
    session: AsyncSession,
    navigator: dict[str, str],
    patient: Patient,
    said: dict[str, Any],
    expected: list[Any],
) -> None:
    await paths.greet(navigator)
    condition = str(patient.medical_condition_id)

    async def made(by: httpx.AsyncClient, email: str) -> httpx.Response:
        person = {"first_name": "Noor", "last_name": "Haan", "email": email, "date_of_birth": BORN.isoformat()}
        body = {"person": person, "medical_condition_id": condition, **at_present(said)}
        return await by.post("/api/v1/patients", json=body, headers=navigator)

    fast, ordinary = await made(paths.fast, "a@example.org"), await made(paths.ordinary, "b@example.org")
    changed = await paths.fast.put(f"/api/v1/patients/{patient.patient_id}", json=at_present(said), headers=navigator)
    known = await builders.a_person(session, date_of_birth=BORN)
    await session.commit()
    of_known = {"person_id": str(known.person_id), "medical_condition_id": condition, **at_present(said)}
    of_known_person = await paths.fast.post("/api/v1/patients", json=of_known, headers=navigator)

    created = 422 if expected else 201
    assert fast.status_code == ordinary.status_code == of_known_person.status_code == created, fast.text
    assert changed.status_code == (422 if expected else 200)
    assert codes(fast) == codes(ordinary) == codes(of_known_person) == codes(changed) == expected


async def test_fault_of_a_patient_that_stood_before_hinders_no_other_edit(
    session: AsyncSession, client: httpx.AsyncClient, navigator: dict[str, str]
) -> None:
    patient = await builders.a_patient(session, first_contact_date=date(1971, 1, 1))
    await session.commit()
    place = f"/api/v1/patients/{patient.patient_id}"

    other = await client.put(place, json={"initial_consult_date": day_in(-3)()}, headers=navigator)
    same = await client.put(place, json={"first_contact_date": "1972-01-01"}, headers=navigator)

    assert (other.status_code, codes(same)) == (200, [("first_contact_date", "too_long_ago")])


async def test_birth_date_does_not_lie_after_what_is_on_record(
    session: AsyncSession, client: httpx.AsyncClient, navigator: dict[str, str], patient: Patient
) -> None:
    await builders.a_call(session, patient, call_date=datetime(2020, 3, 2, 9, tzinfo=UTC), status="completed")
    await builders.a_call(session, patient, call_date=datetime(1970, 3, 2, 9, tzinfo=UTC), status="completed")
    await session.commit()
    person = f"/api/v1/persons/{patient.person_id}"

    async def born(day: str) -> httpx.Response:
        return await client.put(person, json={"date_of_birth": day}, headers=navigator)

    assert codes(await born("2020-03-05")) == [("date_of_birth", "after_events")]
    assert codes(await born(day_in(5)())) == [("date_of_birth", "in_the_future")]
    of_patient = await client.put(
        f"/api/v1/patients/{patient.patient_id}", json={"person": {"date_of_birth": "2020-03-05"}}, headers=navigator
    )
    assert codes(of_patient) == [("date_of_birth", "after_events")]
    # What lay before the earlier birth date stood before.
    assert (await born("1981-05-17")).status_code == 200
    assert (await client.put(person, json={"gender": "female"}, headers=navigator)).status_code == 200


@pytest.mark.parametrize("born", [date(2020, 1, 1), date(2020, 6, 30), date(2020, 7, 1)])
def test_placeholder_day_is_compared_by_its_year(born: date) -> None:
    assert not Life(born).is_before(date(2020, 1, 1))
    assert Life(born).is_before(date(2019, 12, 31))


@pytest.mark.parametrize(
    ("kind", "further", "fields"),
    [
        (
            "clinical-trial-journeys",
            {"trial_id": "NCT05096221"},
            ("referral_date", "eligibility_assessment_date", "enrollment_date", "completion_date"),
        ),
        ("eap-journeys", {"eap_number": "EAP-7"}, ("enrollment_date", "approval_date", "completion_date")),
    ],
)
async def test_journey(
    client: httpx.AsyncClient,
    navigator: dict[str, str],
    patient: Patient,
    kind: str,
    further: dict[str, Any],
    fields: tuple[str, ...],
) -> None:
    url = f"/api/v1/{kind}"
    body = {"patient_id": str(patient.patient_id), **further}
    made = await client.post(url, json=body, headers=navigator)
    place = made.headers["location"]
    for field in fields:
        number = {"eap_number": f"EAP-{field}"} if "eap_number" in further else {}
        opened = await client.post(url, json={**body, **number, field: BEFORE}, headers=navigator)
        changed = await client.put(place, json={field: BEFORE}, headers=navigator)
        assert codes(opened) == codes(changed) == [(field, "before_birth")]
    held = await client.put(place, json={"on_hold_reason": "so", "on_hold_until": BEFORE}, headers=navigator)
    assert codes(held) == [("on_hold_until", "before_birth")]
    early = {**body, "happened_at": BEFORE_AT, "status": "not_pursued", "eap_number": "EAP-8"}
    early = {name: value for name, value in early.items() if name != "eap_number" or "eap_number" in further}
    begun = await client.post(url, json=early, headers=navigator)
    first = "pre_screening" if "trial_id" in further else "eligibility_review"
    step = {"to": first, "happened_at": BEFORE_AT, "is_correction": True, "reason": "so"}
    moved = await client.post(f"{place}/transitions", json=step, headers=navigator)
    assert codes(begun) == codes(moved) == [("happened_at", "before_birth")]


async def test_fault_of_a_journey_that_stood_before_hinders_no_other_edit(
    session: AsyncSession, client: httpx.AsyncClient, navigator: dict[str, str], patient: Patient
) -> None:
    journey = await builders.a_trial_journey(session, patient, referral_date=date(1970, 1, 1))
    await session.commit()
    place = f"/api/v1/clinical-trial-journeys/{journey.ct_journey_id}"

    other = await client.put(place, json={"enrollment_date": "2026-01-02"}, headers=navigator)
    same = await client.put(place, json={"referral_date": "1971-01-01"}, headers=navigator)

    assert (other.status_code, codes(same)) == (200, [("referral_date", "before_birth")])


async def test_gate(session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole, patient: Patient) -> None:
    manager = await as_role("programme_manager")
    journey = await builders.an_eap_journey(session, patient)
    await session.commit()
    place = f"/api/v1/eap-journeys/{journey.eap_journey_id}/gates/ethics"

    for field in ("decided_on", "expires_on"):
        assert codes(await client.put(place, json={field: BEFORE}, headers=manager)) == [(field, "before_birth")]
    assert (await client.put(place, json={"decided_on": "2026-01-02"}, headers=manager)).status_code == 200


async def test_lead_moves_and_wakes_after_the_birth(
    session: AsyncSession, client: httpx.AsyncClient, navigator: dict[str, str], patient: Patient
) -> None:
    lead = await builders.a_lead(session, await builders.a_person(session, date_of_birth=BORN))
    await session.commit()
    place = f"/api/v1/leads/{lead.lead_id}/transitions"
    step = {"to": "contacting", "happened_at": BEFORE_AT, "is_correction": True, "reason": "so"}

    assert codes(await client.post(place, json=step, headers=navigator)) == [("happened_at", "before_birth")]


async def test_what_hangs_on_people(
    session: AsyncSession, client: httpx.AsyncClient, navigator: dict[str, str], patient: Patient
) -> None:
    physician = await builders.a_physician(session)
    child = await builders.a_person(session, date_of_birth=date(2020, 1, 9))
    await session.commit()
    care = f"/api/v1/patients/{patient.patient_id}/physicians"
    treats = {"physician_id": str(physician.physician_id), "relationship_type": "treating"}
    of_child = f"/api/v1/persons/{patient.person_id}/relationships"
    parent = {"related_person_id": str(child.person_id), "relationship_type": "parent"}
    roles = f"/api/v1/persons/{patient.person_id}/roles"

    begun = await client.post(care, json=treats | {"start_date": BEFORE}, headers=navigator)
    link = await client.post(care, json=treats, headers=navigator)
    ended = await client.put(
        f"{care}/{link.json()['patient_physician_id']}", json={"end_date": BEFORE}, headers=navigator
    )
    parent_before = await client.post(of_child, json=parent | {"start_date": "2019-05-05"}, headers=navigator)
    parent_since = await client.post(of_child, json=parent | {"start_date": "2020-01-09"}, headers=navigator)
    relation = f"{of_child}/{parent_since.json()['person_relationship_id']}"
    changed = await client.put(relation, json={"start_date": "2019-05-05"}, headers=navigator)
    role = await client.post(
        roles, json={"type_name": "caregiver", "valid_from": BEFORE_AT, "valid_to": in_(days=1)()}, headers=navigator
    )

    assert codes(begun) == [("start_date", "before_birth")]
    assert codes(ended) == [("end_date", "before_birth")]
    assert codes(parent_before) == codes(changed) == [("start_date", "before_birth")]
    assert codes(role) == [("valid_from", "before_birth")]
