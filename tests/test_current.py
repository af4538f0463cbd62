"""What is current is so today: a period that begins in 2099 is not, one that ends then is."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.journeys.queries import with_current_physician
from app.people import queries, roles
from app.people.models import PersonContactType
from app.platform import clock
from app.platform.actor import Actor
from tests import builders
from tests.conftest import AsRole

LATER = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "is_active"),
    [
        ({"valid_from": "2099-01-01T00:00:00Z"}, False),
        ({"valid_from": "2020-01-01T00:00:00Z", "valid_to": "2099-01-01T00:00:00Z"}, True),
        ({"valid_from": "2020-01-01T00:00:00Z", "valid_to": "2021-01-01T00:00:00Z"}, False),
        ({"valid_from": "2020-01-01T00:00:00Z"}, True),
    ],
)
async def test_role(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole, period: dict[str, str], *, is_active: bool
) -> None:
    person = await builders.a_person(session)
    place, navigator = f"/api/v1/persons/{person.person_id}/roles", await as_role("navigator")
    made = await client.post(place, json={"type_name": "caregiver", **period}, headers=navigator)
    [listed] = (await client.get(place, headers=navigator)).json()["items"]
    assert (made.json()["is_active"], listed["is_active"]) == (is_active, is_active)


async def test_role_of_later_is_not_held_and_is_preceded_by_one_that_is_given_now(
    session: AsyncSession, actor: Actor
) -> None:
    person = await builders.a_person(session)
    asked: dict[str, Any] = {"person_id": person.person_id, "type_name": "patient"}
    await roles.give_role(session, actor, since=LATER, **asked)
    assert not await queries.was_ever(session, **asked)
    assert await roles.end_role(session, actor, until=clock.now(), **asked) is None

    await roles.give_role(session, actor, since=clock.now(), **asked)

    role = PersonContactType
    first, second = await session.scalars(
        select(role).where(role.person_id == person.person_id).order_by(role.valid_from)
    )
    assert first.valid_from <= clock.now()
    assert (first.valid_to, second.valid_from) == (LATER, LATER)
    ended = await roles.end_role(session, actor, until=clock.now(), **asked)
    assert ended is not None
    assert ended.person_contact_type_id == first.person_contact_type_id


@pytest.mark.parametrize(
    ("dates", "is_current"),
    [
        ({"start_date": "2099-01-01"}, False),
        ({"start_date": "2020-01-01", "end_date": "2099-01-01"}, True),
        ({"end_date": "2021-01-01"}, False),
        ({}, True),
    ],
)
async def test_physician_of_a_patient(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole, dates: dict[str, str], *, is_current: bool
) -> None:
    patient, physician = await builders.a_patient(session), await builders.a_physician(session)
    place, navigator = f"/api/v1/patients/{patient.patient_id}/physicians", await as_role("navigator")
    sent = {"physician_id": str(physician.physician_id), "relationship_type": "treating", **dates}
    made = await client.post(place, json=sent, headers=navigator)
    assert made.json()["is_current"] is is_current
    for asked in (True, False):
        found = await client.get(place, params={"is_current": str(asked).lower()}, headers=navigator)
        assert len(found.json()["items"]) == (asked is is_current)
    linked = await with_current_physician(session, patient_ids=[patient.patient_id], day=clock.today())
    assert linked == ({patient.patient_id} if is_current else set())
    link = f"{place}/{made.json()['patient_physician_id']}"
    await client.delete(link, headers=navigator)
    [ended] = (await client.get(place, headers=navigator)).json()["items"]
    expected = dates.get("end_date", "") if dates.get("end_date", "2099") < "2099" else None
    day = max(clock.today(), date.fromisoformat(dates.get("start_date", "2020-01-01"))).isoformat()
    assert ended["end_date"] == (expected or day)
    assert ended["is_current"] is False


async def test_link_that_ends_on_a_day_is_over_on_that_day(session: AsyncSession) -> None:
    patient, physician = await builders.a_patient(session), await builders.a_physician(session)
    await session.execute(
        text(
            "INSERT INTO patient_physician_relationship (patient_id, physician_id, relationship_type, end_date)"
            " VALUES (:patient, :physician, 'treating', :day)"
        ),
        {"patient": patient.patient_id, "physician": physician.physician_id, "day": clock.today()},
    )
    linked = await with_current_physician(session, patient_ids=[patient.patient_id], day=clock.today())
    assert linked == set()
