"""A lead becomes a patient: once, from every open state, with nothing moved and nothing overwritten."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.audit.models import AuditEvent
from app.events.models import JourneyEvent
from app.leads.states import LEAD
from app.main import create_app
from app.patients.models import Patient
from app.people.models import ContactType, Person, PersonContactType
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from tests import builders
from tests.conftest import AsRole

URL = "/api/v1/leads"


async def converted_events(session: AsyncSession, lead_id: UUID) -> list[tuple[str | None, str | None]]:
    rows = await session.execute(
        select(JourneyEvent.from_status, JourneyEvent.via).where(
            JourneyEvent.lead_id == lead_id, JourneyEvent.to_status == "converted"
        )
    )
    return [(status, via) for status, via in rows]


async def current_roles(session: AsyncSession, person_id: UUID) -> set[str]:
    return set(
        await session.scalars(
            select(ContactType.type_name)
            .join(PersonContactType)
            .where(PersonContactType.person_id == person_id, PersonContactType.valid_to.is_(None))
        )
    )


@pytest.mark.parametrize("status", [state for state in LEAD.states if LEAD.is_open(state)])
async def test_lead_is_converted_from_every_open_state_with_one_event(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, status: str
) -> None:
    wake_up_on = clock.today() if status == "nurture" else None
    lead = await builders.a_lead(session, status=status, wake_up_on=wake_up_on)
    await session.commit()

    answer = await client.post(f"{URL}/{lead.lead_id}/convert", headers=await as_role("navigator"))

    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["lead"]["status"], made["lead"]["converted_to_patient_id"]) == ("converted", made["patient_id"])
    assert made["lead"]["wake_up_on"] is None
    assert made["patient"]["person_id"] == str(lead.person_id)
    assert made["patient"]["medical_condition"]["abbreviation"] == "DMD"
    assert made["patient"]["first_contact_date"] == lead.created_at.date().isoformat()
    assert await converted_events(session, lead.lead_id) == [(status, "convert")]


async def test_second_conversion_answers_200_with_the_same_patient(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    lead = await builders.a_lead(session)
    await session.commit()

    first = await client.post(f"{URL}/{lead.lead_id}/convert", json={"reason": "Called."}, headers=navigator)
    second = await client.post(f"{URL}/{lead.lead_id}/convert", json={}, headers=navigator)

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["patient_id"] == first.json()["patient_id"]
    assert second.json()["lead"] == first.json()["lead"]
    assert len(await converted_events(session, lead.lead_id)) == 1
    assert first.json()["match"]["outcome"] == "existing_person"
    assert second.json()["match"]["outcome"] == "returning_patient"


@pytest.mark.parametrize("status", ["unreachable", "disqualified", "withdrawn", "duplicate"])
async def test_closed_lead_is_not_converted(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, status: str
) -> None:
    lead = await builders.a_lead(session, status=status, closed_at=clock.now())
    await session.commit()

    answer = await client.post(f"{URL}/{lead.lead_id}/convert", headers=await as_role("navigator"))

    assert (answer.status_code, answer.json()["code"]) == (409, "transition_not_allowed")
    assert (await session.execute(select(func.count()).select_from(Patient))).scalar_one() == 0


async def test_roles_follow(client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    condition = await builders.a_condition(session)
    form = {
        "person": {"first_name": "Anna", "last_name": "de Vries", "email": "anna@example.org"},
        "medical_condition_id": str(condition.medical_condition_id),
    }
    made = (await client.post(URL, json=form, headers=navigator)).json()
    assert await current_roles(session, UUID(made["person_id"])) == {"patient-lead"}

    await client.post(f"{URL}/{made['lead_id']}/convert", headers=navigator)

    assert await current_roles(session, UUID(made["person_id"])) == {"patient"}


async def test_what_is_given_goes_before_what_the_lead_says(client: httpx.AsyncClient, session: AsyncSession) -> None:
    account, navigator = await builders.a_colleague(session)
    gbm = await builders.a_condition(session, "GBM")
    lead = await builders.a_lead(session, owner_id=account.user_account_id)
    await session.commit()
    given: dict[str, Any] = {
        "medical_condition_id": str(gbm.medical_condition_id),
        "first_contact_date": "2026-01-05",
        "initial_consult_date": "2026-01-20",
    }

    patient = (await client.post(f"{URL}/{lead.lead_id}/convert", json=given, headers=navigator)).json()["patient"]

    assert {name: patient[name] for name in given} == given
    assert patient["owner_id"] == str(account.user_account_id)


async def test_returning_patient_keeps_their_record_and_gains_a_suggestion(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    gbm = await builders.a_condition(session, "GBM")
    patient = await builders.a_patient(session)
    person = await session.get_one(Person, patient.person_id)
    lead = await builders.a_lead(session, person, medical_condition_id=gbm.medical_condition_id)
    await session.commit()

    answer = await client.post(f"{URL}/{lead.lead_id}/convert", headers=await as_role("navigator"))

    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert made["patient_id"] == str(patient.patient_id)
    assert made["patient"]["medical_condition"]["abbreviation"] == "DMD"
    assert made["match"]["outcome"] == "returning_patient"
    assert [(change["field"], change["theirs"]) for change in made["match"]["suggested_changes"]] == [
        ("medical_condition_id", str(gbm.medical_condition_id))
    ]


async def test_deleted_patient_is_brought_back(client: httpx.AsyncClient, session: AsyncSession) -> None:
    account, navigator = await builders.a_colleague(session)
    patient = await builders.a_patient(session, deleted_at=clock.now(), deleted_by=account.user_account_id)
    lead = await builders.a_lead(session, await session.get_one(Person, patient.person_id))
    await session.commit()

    made = (await client.post(f"{URL}/{lead.lead_id}/convert", headers=navigator)).json()

    assert (made["patient_id"], made["match"]["reactivated"]) == (str(patient.patient_id), True)
    assert (await client.get(f"/api/v1/patients/{patient.patient_id}", headers=navigator)).status_code == 200


async def test_unknown_lead_and_condition(client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole) -> None:
    navigator, nobody = await as_role("navigator"), "00000000-0000-7000-8000-000000000000"
    lead = await builders.a_lead(session)
    await session.commit()

    unknown = await client.post(f"{URL}/{nobody}/convert", headers=navigator)
    no_condition = await client.post(
        f"{URL}/{lead.lead_id}/convert", json={"medical_condition_id": nobody}, headers=navigator
    )

    assert (unknown.status_code, unknown.json()["code"]) == (404, "lead_not_found")
    assert [(e["field"], e["code"]) for e in no_condition.json()["errors"]] == [
        ("medical_condition_id", "unknown_reference")
    ]


async def test_conversion_is_one_event_on_the_lead(client: httpx.AsyncClient, session: AsyncSession) -> None:
    account, navigator = await builders.a_colleague(session)
    lead = await builders.a_lead(session)
    await session.commit()
    await client.post(f"{URL}/{lead.lead_id}/convert", headers=navigator)

    event = (await session.scalars(select(AuditEvent).where(AuditEvent.actor_id == account.user_account_id))).one()

    assert (event.action, event.record_type, event.record_id) == ("convert_lead", "patient_lead", lead.lead_id)
    assert event.person_ids == [lead.person_id]


async def test_integration_may_not_convert(client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole) -> None:
    lead = await builders.a_lead(session)
    await session.commit()
    answer = await client.post(f"{URL}/{lead.lead_id}/convert", headers=await as_role("integration"))
    assert answer.status_code == 403


async def test_many_conversions_at_once_make_one_patient(committed_database: Database, settings: Settings) -> None:
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="races")
        person = await builders.a_person(session)
        leads = [await builders.a_lead(session, person) for _ in range(2)]
    app = create_app(settings, committed_database)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        answers = await asyncio.gather(
            *(client.post(f"{URL}/{lead.lead_id}/convert") for _ in range(4) for lead in leads)
        )

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["patient_id"] for answer in answers}) == 1
    async with committed_database.session() as session:
        for lead in leads:
            assert await converted_events(session, lead.lead_id) == [("new", "convert")]
        assert await current_roles(session, person.person_id) == {"patient"}


async def test_inactive_person_is_active_again_when_their_lead_is_converted(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    person = await builders.a_person(session, is_active=False)
    lead = await builders.a_lead(session, person)
    await session.commit()

    made = await client.post(f"{URL}/{lead.lead_id}/convert", headers=navigator)
    shown = await client.get(f"/api/v1/patients/{made.json()['patient_id']}", headers=navigator)

    assert (made.status_code, made.json()["match"]["reactivated"]) == (201, True)
    assert shown.json()["person"]["is_active"] is True


@pytest.mark.parametrize("takes_over", [False, True])
async def test_lead_whose_owner_has_left_is_converted_and_nobody_owns_the_patient(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, *, takes_over: bool
) -> None:
    gone, _ = await builders.a_colleague(session)
    here, _ = await builders.a_colleague(session)
    lead = await builders.a_lead(session, owner_id=gone.user_account_id)
    gone.is_active = False
    await session.commit()
    said = {"owner_id": str(here.user_account_id)} if takes_over else {}

    made = await client.post(f"{URL}/{lead.lead_id}/convert", json=said, headers=await as_role("navigator"))

    assert made.status_code == 201, made.text
    assert made.json()["patient"]["owner_id"] == said.get("owner_id")
