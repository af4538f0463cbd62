"""What was decided where nothing followed by itself: repeated leads, inactive conditions, two journeys, guardians."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.conditions.models import MedicalCondition
from app.leads.models import PatientLead
from app.leads.schemas import LeadCreate
from app.leads.service import open_lead
from app.people.contacts import add_relationship
from app.people.models import IntakeSubmission, Person, PersonRelationship
from app.people.schemas import RelationshipCreate
from app.platform import clock
from app.platform.actor import Actor
from app.platform.db import Database
from app.platform.errors import Conflict
from tests import builders
from tests.both_paths import BothPaths
from tests.conftest import AsRole


def codes(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


@pytest.fixture
async def navigator(as_role: AsRole) -> dict[str, str]:
    return await as_role("navigator")


async def a_form(session: AsyncSession, **further: Any) -> dict[str, Any]:
    condition = await builders.a_condition(session)
    await session.commit()
    person = {"first_name": "Noor", "last_name": "Haan", "email": "noor@example.org"}
    return {
        "person": person,
        "medical_condition_id": str(condition.medical_condition_id),
        "source": "contact_form",
        **further,
    }


@pytest.mark.parametrize("whose", ["navigator", "integration"])
async def test_lead_that_is_posted_twice_is_one_lead(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, whose: str
) -> None:
    headers, form = await as_role(whose), await a_form(session)

    first = await client.post("/api/v1/leads", json=form, headers=headers)
    again = await client.post("/api/v1/leads", json=dict(reversed(form.items())), headers=headers)

    assert (first.status_code, again.status_code) == (201, 200), again.text
    assert first.json()["match"]["outcome"] == "new_person"
    assert again.json()["match"]["outcome"] == "repeated_lead"
    assert again.json()["lead_id"] == first.json()["lead_id"]
    assert again.headers["location"] == first.headers["location"]
    assert await session.scalar(select(func.count()).select_from(PatientLead)) == 1
    kept = await session.scalars(select(IntakeSubmission.match_outcome).order_by(IntakeSubmission.intake_submission_id))
    assert kept.all() == ["new_person", "repeated_lead"]
    read = await client.get(first.headers["location"], headers=headers)
    assert read.json()["version"] == 1, "the lead is as it was"


@pytest.mark.parametrize(
    "other",
    [
        {"source": "landing_page"},
        {"landing_page_url": "https://example.org/other"},
        {"consent_text_version": "2"},
    ],
)
async def test_lead_with_another_content_is_another_lead(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str], other: dict[str, Any]
) -> None:
    form = await a_form(session)
    await client.post("/api/v1/leads", json=form, headers=navigator)

    assert (await client.post("/api/v1/leads", json=form | other, headers=navigator)).status_code == 201


async def test_lead_is_not_repeated_after_a_day_or_when_it_is_closed(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str]
) -> None:
    form = await a_form(session)
    first = await client.post("/api/v1/leads", json=form, headers=navigator)
    await session.execute(update(PatientLead).values(created_at=clock.now() - timedelta(hours=25)))
    await session.commit()
    later = await client.post("/api/v1/leads", json=form, headers=navigator)
    place = later.headers["location"]
    await client.post(f"{place}/transitions", json={"to": "unreachable"}, headers=navigator)
    closed = await client.post("/api/v1/leads", json=form, headers=navigator)

    assert [answer.status_code for answer in (first, later, closed)] == [201, 201, 201]


async def test_inactive_condition_is_refused_to_colleagues_and_taken_from_a_form(
    paths: BothPaths, session: AsyncSession, navigator: dict[str, str], as_role: AsRole
) -> None:
    machine = await as_role("integration")
    await paths.greet(navigator)
    await paths.greet(machine)
    form, patient, lead = await a_form(session), await builders.a_patient(session), await builders.a_lead(session)
    other = await builders.a_condition(session, "GBM")
    stands = await builders.a_patient(session, medical_condition_id=other.medical_condition_id)
    for condition in (other.medical_condition_id, patient.medical_condition_id):
        await session.execute(
            update(MedicalCondition).where(MedicalCondition.medical_condition_id == condition).values(is_active=False)
        )
    await session.commit()
    inactive = {"medical_condition_id": str(other.medical_condition_id)}
    journey = {"patient_id": str(patient.patient_id), "trial_id": "NCT05096221", **inactive}

    answers = [
        await paths.fast.post("/api/v1/leads", json=form, headers=navigator),
        await paths.fast.post("/api/v1/patients", json=form, headers=navigator),
        await paths.ordinary.post("/api/v1/patients", json=form, headers=navigator),
        await paths.fast.put(f"/api/v1/patients/{patient.patient_id}", json=inactive, headers=navigator),
        await paths.fast.put(f"/api/v1/leads/{lead.lead_id}", json=inactive, headers=navigator),
        await paths.fast.post("/api/v1/clinical-trial-journeys", json=journey, headers=navigator),
    ]
    same = await paths.fast.put(f"/api/v1/patients/{stands.patient_id}", json=inactive, headers=navigator)
    by_form = await paths.fast.post("/api/v1/leads", json=form, headers=machine)
    as_patient = await paths.fast.post("/api/v1/patients", json=form, headers=machine)
    converted = await paths.fast.post(f"/api/v1/leads/{lead.lead_id}/convert", json={}, headers=navigator)

    assert [codes(answer) for answer in answers] == [[("medical_condition_id", "condition_inactive")]] * 6
    assert (same.status_code, by_form.status_code, as_patient.status_code) == (200, 201, 201)
    assert converted.status_code == 201, "what the lead says was said when it was active"


async def test_patient_may_have_two_open_journeys_in_one_trial(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str]
) -> None:
    patient, trial = await builders.a_patient(session), await builders.a_trial(session)
    await session.commit()
    url, of = "/api/v1/clinical-trial-journeys", {"patient_id": str(patient.patient_id)}

    first = await client.post(url, json=of | {"trial_id": trial.trial_id}, headers=navigator)
    second = await client.post(url, json=of | {"clinical_trial_id": str(trial.clinical_trial_id)}, headers=navigator)
    await client.post(f"{first.headers['location']}/transitions", json={"to": "not_pursued"}, headers=navigator)
    both = await client.get(url, params=of | {"clinical_trial_id": str(trial.clinical_trial_id)}, headers=navigator)

    assert (first.status_code, second.status_code) == (201, 201)
    assert {row["ct_journey_id"]: row["status"] for row in both.json()["items"]} == {
        first.json()["ct_journey_id"]: "not_pursued",
        second.json()["ct_journey_id"]: "identified",
    }


async def test_patient_may_have_two_open_journeys_in_one_programme(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str]
) -> None:
    patient, programme = await builders.a_patient(session), await builders.a_programme(session)
    await session.commit()
    url = "/api/v1/eap-journeys"
    of = {"patient_id": str(patient.patient_id), "eap_program_id": str(programme.eap_program_id)}

    first = await client.post(url, json=of | {"eap_number": "EAP-1"}, headers=navigator)
    second = await client.post(url, json=of | {"eap_number": "EAP-2"}, headers=navigator)
    same_number = await client.post(url, json=of | {"eap_number": "EAP-1"}, headers=navigator)
    withdrawn = {"to": "withdrawn", "reason": "The first physician retires."}
    moved = await client.post(f"{first.headers['location']}/transitions", json=withdrawn, headers=navigator)
    both = await client.get(url, params=of, headers=navigator)

    assert (first.status_code, second.status_code, moved.status_code) == (201, 201, 200), moved.text
    assert same_number.status_code == 409, "one dossier is one journey"
    assert {row["eap_number"]: row["status"] for row in both.json()["items"]} == {
        "EAP-1": "withdrawn",
        "EAP-2": "inquiry",
    }


async def test_relationship_is_said_once_and_nobody_is_the_guardian_of_their_guardian(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str]
) -> None:
    anna, bert = await builders.a_person(session), await builders.a_person(session)
    await session.commit()

    async def add(who: Person, of: Person, kind: str, **further: Any) -> httpx.Response:
        body = {"related_person_id": str(of.person_id), "relationship_type": kind, **further}
        return await client.post(f"/api/v1/persons/{who.person_id}/relationships", json=body, headers=navigator)

    first = await add(anna, bert, "guardian", end_date="2026-06-30")
    twice = await add(anna, bert, "guardian", start_date="2026-06-01")
    later = await add(anna, bert, "guardian", start_date="2026-07-01")
    mutual = await add(bert, anna, "guardian")
    before = await add(bert, anna, "guardian", end_date="2020-01-01", start_date="2019-01-01")
    # The first one has no beginning, so this one overlaps it.
    partners = [await add(anna, bert, "partner"), await add(bert, anna, "partner")]
    parents = [await add(anna, bert, "parent"), await add(bert, anna, "parent"), await add(bert, anna, "child")]
    place = f"/api/v1/persons/{anna.person_id}/relationships/{first.json()['person_relationship_id']}"
    longer = await client.put(place, json={"end_date": None}, headers=navigator)
    noted = await client.put(place, json={"notes": "by court order"}, headers=navigator)

    assert (first.status_code, later.status_code, noted.status_code) == (201, 201, 200)
    assert [answer.json().get("code") for answer in (twice, longer)] == ["relationship_exists"] * 2
    assert [answer.json().get("code") for answer in (mutual, before)] == ["mutual_relationship"] * 2
    assert [answer.status_code for answer in partners] == [201, 201]
    assert [answer.status_code for answer in parents] == [201, 409, 201]


async def test_what_is_sent_twice_at_once_is_there_once(committed_database: Database, actor: Actor) -> None:
    async with committed_database.unit_of_work() as session:
        condition = (await builders.a_condition(session)).medical_condition_id
        patient = await builders.a_patient(session)
        guardian = await builders.a_person(session)

    def a_lead(number: int) -> Callable[[AsyncSession], Awaitable[Any]]:
        person = {"first_name": "Noor", "last_name": "Haan", "email": f"twice.{number}@example.org"}
        form = {"person": person, "medical_condition_id": str(condition), "source": "contact_form"}
        return lambda session: open_lead(session, actor, new=LeadCreate.model_validate(form), payload=form)

    def a_guardian(_: int) -> Callable[[AsyncSession], Awaitable[Any]]:
        new = RelationshipCreate(related_person_id=patient.person_id, relationship_type="guardian")
        return lambda session: add_relationship(session, actor, person_id=guardian.person_id, new=new)

    async def once(act: Callable[[AsyncSession], Awaitable[Any]]) -> str:
        try:
            async with committed_database.unit_of_work() as session:
                await act(session)
                await asyncio.sleep(0.02)
        except Conflict as error:
            return error.error_code
        return "done"

    refused = []
    for number in range(5):
        for make in (a_lead, a_guardian):
            refused += await asyncio.gather(*(once(make(number)) for _ in range(2)))

    async with committed_database.unit_of_work() as session:
        ours = PatientLead.person.has(Person.email_key.like("twice.%@example.org"))
        leads = await session.scalar(select(func.count()).select_from(PatientLead).where(ours))
        theirs = PersonRelationship.related_person_id == patient.person_id
        guardians = await session.scalar(select(func.count()).select_from(PersonRelationship).where(theirs))
    assert (leads, guardians) == (5, 1)
    assert set(refused) == {"done", "relationship_exists"}
