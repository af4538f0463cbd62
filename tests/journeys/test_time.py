"""When a move happened: not before what is entered already, unless it is marked as a correction."""

from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.journeys.kinds import KINDS
from app.patients.models import PatientPhysicianRelationship
from tests import builders
from tests.conftest import AsRole

EARLIER, LONG_AGO = "2026-02-15T09:00:00Z", "2026-01-01T00:00:00Z"
FIRST_STEP = {
    "clinical_trial_journey": "pre_screening",
    "eap_journey": "eligibility_review",
    "patient_lead": "contacting",
}


@pytest.fixture
async def navigator(as_role: AsRole) -> dict[str, str]:
    return await as_role("navigator")


async def opened(client: httpx.AsyncClient, session: AsyncSession, headers: dict[str, str], record: str) -> str:
    """The address of a record that was opened now by the API."""
    if record == "patient_lead":
        person, condition = await builders.a_person(session), await builders.a_condition(session)
        body = {"person_id": str(person.person_id), "medical_condition_id": str(condition.medical_condition_id)}
        path = "leads"
    else:
        patient = await builders.a_patient(session)
        further = {"trial_id": "NCT05096221"} if record == "clinical_trial_journey" else {"eap_number": "EAP-time"}
        body = {"patient_id": str(patient.patient_id), **further}
        path = f"{record.replace('_', '-')}s"
    await session.commit()
    made = await client.post(f"/api/v1/{path}", json=body, headers=headers)
    assert made.status_code == 201, made.text
    return str(made.headers["location"])


@pytest.mark.parametrize("record", FIRST_STEP)
async def test_a_date_before_the_record_began_is_a_correction_or_refused(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str], record: str
) -> None:
    place = await opened(client, session, navigator, record)
    step = {"to": FIRST_STEP[record], "happened_at": EARLIER}

    async def move(**further: Any) -> httpx.Response:
        return await client.post(f"{place}/transitions", json={**step, **further}, headers=navigator)

    silent = await move()
    unexplained = await move(is_correction=True)
    marked = await move(is_correction=True, reason="They told us in November.")

    assert [(e["field"], e["code"]) for e in silent.json()["errors"]] == [("happened_at", "before_last_move")]
    assert [(e["field"], e["code"]) for e in unexplained.json()["errors"]] == [("reason", "reason_needed")]
    assert marked.status_code == 200, marked.text
    events = (await client.get(f"{place}/events", headers=navigator)).json()["items"]
    assert [(event["happened_at"] == EARLIER, event["is_correction"]) for event in events] == [
        (False, False),
        (True, True),
    ]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_a_put_marks_its_correction_as_well(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str], kind: Any
) -> None:
    place = await opened(client, session, navigator, kind.name)
    step = {"status": FIRST_STEP[kind.name], "happened_at": EARLIER}

    silent = await client.put(place, json=step, headers=navigator)
    marked = {**step, "is_correction": True, "reason": "Told late."}
    changed = await client.put(place, json=marked, headers=navigator)
    loose = await client.put(place, json={"is_correction": True}, headers=navigator)

    assert silent.json()["errors"][0]["code"] == "before_last_move"
    assert (changed.status_code, changed.json()["status"]) == (200, FIRST_STEP[kind.name])
    assert (loose.status_code, loose.json()["errors"][0]["code"]) == (422, "only_with_a_move")


async def test_what_was_entered_late_goes_on_from_its_own_beginning(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str]
) -> None:
    patient = await builders.a_patient(session)
    await session.commit()
    body = {"patient_id": str(patient.patient_id), "eap_number": "EAP-1", "happened_at": LONG_AGO}
    made = await client.post("/api/v1/eap-journeys", json=body, headers=navigator)
    place = made.headers["location"]

    async def move(to: str, at: str) -> httpx.Response:
        step = {"to": to, "happened_at": at}
        return await client.post(f"{place}/transitions", json=step, headers=navigator)

    first = await move("eligibility_review", EARLIER)
    backwards = await move("request_preparation", "2026-02-14T09:00:00Z")
    second = await move("request_preparation", "2026-02-16T09:00:00Z")

    assert (first.status_code, second.status_code) == (200, 200)
    assert (backwards.status_code, backwards.json()["errors"][0]["code"]) == (422, "before_last_move")


async def test_expired_approval_is_not_passed_by_a_date_in_the_past(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str], as_role: AsRole
) -> None:
    manager = await as_role("programme_manager")
    patient = await builders.a_patient(session)
    await session.commit()
    body = {
        "patient_id": str(patient.patient_id),
        "eap_number": "EAP-1",
        "status": "approvals_in_progress",
        "happened_at": LONG_AGO,
    }
    made = await client.post("/api/v1/eap-journeys", json=body, headers=navigator)
    place = made.headers["location"]
    gate = {"status": "approved", "decided_on": "2026-01-10", "expires_on": "2026-03-01"}
    await client.put(f"{place}/gates/ethics", json=gate, headers=manager)
    step = {"to": "supply_authorised", "happened_at": EARLIER}

    silent = await client.post(f"{place}/transitions", json=step, headers=navigator)
    correction = {**step, "is_correction": True, "reason": "Authorised in February, entered now."}
    marked = await client.post(f"{place}/transitions", json=correction, headers=navigator)

    assert (silent.status_code, silent.json()["code"]) == (409, "guard_not_met")
    assert silent.json()["not_met"] == ["gates_approved"]
    assert (marked.status_code, marked.json()["status"]) == (200, "supply_authorised")


async def test_nothing_is_opened_for_a_patient_who_was_put_aside(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str]
) -> None:
    patient = await builders.a_patient(session, status="inactive")
    failed = await builders.a_trial_journey(session, patient, status="screen_failed")
    await session.commit()
    body = {"patient_id": str(patient.patient_id), "trial_id": "NCT05096221"}
    closed = {**body, "status": "not_pursued", "happened_at": LONG_AGO}
    place = f"/api/v1/clinical-trial-journeys/{failed.ct_journey_id}/transitions"

    new = await client.post("/api/v1/clinical-trial-journeys", json=body, headers=navigator)
    again = await client.post(place, json={"to": "screening"}, headers=navigator)
    told_late = await client.post("/api/v1/clinical-trial-journeys", json=closed, headers=navigator)

    assert [(answer.status_code, answer.json()["code"]) for answer in (new, again)] == [
        (409, "patient_inactive"),
        (409, "patient_inactive"),
    ]
    assert told_late.status_code == 201, told_late.text


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ({}, "met"),
        ({"end_date": date(2999, 1, 1)}, "met"),
        ({"start_date": date(2999, 1, 1)}, "not_met"),
        ({"end_date": date(2026, 1, 1)}, "not_met"),
    ],
)
async def test_physician_counts_while_their_part_lasts(
    client: httpx.AsyncClient,
    session: AsyncSession,
    navigator: dict[str, str],
    link: dict[str, date],
    found: str,
) -> None:
    patient, physician = await builders.a_patient(session), await builders.a_physician(session)
    ids = {"patient_id": patient.patient_id, "physician_id": physician.physician_id}
    session.add(PatientPhysicianRelationship(**ids, relationship_type="treating", **link))
    journey = await builders.a_trial_journey(session, patient, status="referral_ready")
    await session.commit()
    place = f"/api/v1/clinical-trial-journeys/{journey.ct_journey_id}"

    answer = await client.post(f"{place}/transitions", json={"to": "referred"}, headers=navigator)

    if found == "met":
        assert answer.status_code == 200, answer.text
    else:
        assert (answer.status_code, answer.json()["not_met"]) == (409, ["linked_physician"])


async def test_approval_of_the_future_lets_nothing_through_yet(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str], as_role: AsRole
) -> None:
    manager, patient = await as_role("programme_manager"), await builders.a_patient(session)
    journey = await builders.an_eap_journey(session, patient, status="approvals_in_progress")
    await session.commit()
    place = f"/api/v1/eap-journeys/{journey.eap_journey_id}"
    gate = {"status": "approved", "decided_on": "2999-01-01"}
    await client.put(f"{place}/gates/ethics", json=gate, headers=manager)

    early = await client.post(f"{place}/transitions", json={"to": "supply_authorised"}, headers=navigator)

    assert (early.status_code, early.json().get("not_met")) == (409, ["gates_approved"])
